//! `man` and `completions`: the same definition once more, for the manual and for shells.

use clap::CommandFactory as _;

use super::{
    args::{Arguments, Completions, Man},
    exit::{Exit, Stop},
    out,
};
use crate::program::manual;

pub(super) fn man(args: &Man) -> Result<Exit, Stop> {
    let command = Arguments::command();
    let Some(folder) = &args.out else {
        out::product(&manual::page(command)?)?;
        return Ok(Exit::Done);
    };
    for (name, page) in manual::pages(command)? {
        out::write(Some(&folder.join(format!("{name}.1"))), &page)?;
    }
    Ok(Exit::Done)
}

pub(super) fn completions(args: &Completions) -> Result<Exit, Stop> {
    let mut text = vec![];
    clap_complete::generate(args.shell, &mut Arguments::command(), "officiant", &mut text);
    out::product(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
