//! Manual pages, from the definition that is the parser and the help.

use crate::fault::Fault;

/// A page for `command` and for everything below it, each under its whole name (`officiant-token-list`), the command's own last.
///
/// # Errors
/// A fault where a page cannot be made.
pub fn pages(command: clap::Command) -> Result<Vec<(String, String)>, Fault> {
    let mut commands = vec![];
    pages_of(command, None, &mut commands);
    commands.into_iter().map(|(name, command)| Ok((name, page(command)?))).collect()
}

fn pages_of(command: clap::Command, above: Option<&str>, pages: &mut Vec<(String, clap::Command)>) {
    let name = above.map_or_else(|| command.get_name().to_owned(), |above| format!("{above}-{}", command.get_name()));
    // A program's own name may have a hyphen; those between verbs are blanks in its usage.
    let usage = command.get_bin_name().map_or_else(|| command.get_name().to_owned(), str::to_owned);
    for below in command.get_subcommands() {
        let below = below.clone().bin_name(format!("{usage} {}", below.get_name()));
        pages_of(below, Some(&name), pages);
    }
    pages.push((name.clone(), command.display_name(name).bin_name(usage)));
}

/// The page of one command.
///
/// # Errors
/// A fault where it cannot be made.
pub fn page(command: clap::Command) -> Result<String, Fault> {
    let mut page = vec![];
    let made = clap_mangen::Man::new(command.disable_help_flag(true)).render(&mut page);
    made.map_err(|error| Fault::machine("make a manual page", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
