//! `man` and `completions`: the same definition once more, for the manual and for shells.

use clap::CommandFactory as _;

use super::{
    args::{Arguments, Completions, Man},
    exit::{Exit, Stop},
    out,
};
use crate::fault::Fault;

pub(super) fn man(args: &Man) -> Result<Exit, Stop> {
    let command = Arguments::command();
    let Some(folder) = &args.out else {
        out::product(&page(command)?)?;
        return Ok(Exit::Done);
    };
    let mut pages = vec![];
    pages_of(command, None, &mut pages);
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        out::write(Some(&path), &page(command)?)?;
    }
    Ok(Exit::Done)
}

/// `command` and everything below it, each under its whole name: `officiant-token-list`.
fn pages_of(command: clap::Command, above: Option<&str>, pages: &mut Vec<(String, clap::Command)>) {
    let name = above.map_or_else(|| command.get_name().to_owned(), |above| format!("{above}-{}", command.get_name()));
    for below in command.get_subcommands() {
        pages_of(below.clone(), Some(&name), pages);
    }
    let usage = name.replace('-', " ");
    pages.push((name.clone(), command.display_name(name).bin_name(usage)));
}

fn page(command: clap::Command) -> Result<String, Fault> {
    let mut page = vec![];
    let made = clap_mangen::Man::new(command.disable_help_flag(true)).render(&mut page);
    made.map_err(|error| Fault::machine("make a manual page", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

pub(super) fn completions(args: &Completions) -> Result<Exit, Stop> {
    let mut text = vec![];
    clap_complete::generate(args.shell, &mut Arguments::command(), "officiant", &mut text);
    out::product(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
