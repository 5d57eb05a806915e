//! The courier: the program for the machine that is online. It fetches what a ceremony builds on, publishes what a ceremony
//! left, and watches what expires. It holds no key and makes no signature; what it fetches is verified by the ceremony.
//!
//! [`args`] is the command line and [`outcome`] how everything ends; [`jobs`] has some repositories worked on at once. [`http`] speaks HTTP, [`auth`] has the tokens of registries,
//! [`notary`] the interface of a Notary server, [`peek`] what is read of metadata on the way. A file a verb: [`collect`],
//! [`mod@publish`] with its [`journal`], [`mod@watch`], [`mod@complete`], [`mod@page`]; [`folder`] reads what lies in a folder with a manifest.

pub mod args;
pub mod auth;
pub mod collect;
pub mod complete;
pub mod folder;
pub mod http;
pub mod jobs;
pub mod journal;
pub mod notary;
pub mod outcome;
pub mod page;
pub mod peek;
pub mod publish;
pub mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::{
    args::{Arguments, Verb},
    outcome::{Exit, Stop, product, say},
};
use crate::{files, preflight, program};

/// Runs the program: hardens the process, reads the arguments, does what they say.
pub fn main() -> ExitCode {
    // Credentials pass through this process.
    let hardened = preflight::harden().map_err(Stop::from);
    let arguments = Arguments::parse();
    let json = arguments.verb.json();
    program::end("officiant-courier", json, hardened.and_then(|()| run(arguments.verb)))
}

fn man(args: &args::Man) -> Result<Exit, Stop> {
    let command = Arguments::command();
    let Some(folder) = &args.out else {
        product(&program::manual::page(command)?)?;
        return Ok(Exit::Done);
    };
    for (name, page) in program::manual::pages(command)? {
        let path = folder.join(format!("{name}.1"));
        files::write_new(&path, page.as_bytes())?;
        say(&format!("{} written", files::name(&path)));
    }
    Ok(Exit::Done)
}

fn run(verb: Verb) -> Result<Exit, Stop> {
    match verb {
        Verb::Collect(args) => collect::collect(&args),
        Verb::Publish(args) => publish::publish(&args),
        Verb::Complete(args) => complete::complete(&args),
        Verb::Watch(args) => watch::watch(&args),
        Verb::Man(args) => man(&args),
        Verb::Page(args) => page::page(&args),
    }
}
