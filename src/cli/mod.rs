//! The command line: arguments in [`args`], a file a verb, the line UI in [`mod@line`], and how everything ends in [`exit`].

pub mod answers;
pub mod args;
mod backup;
mod ceremony;
mod check;
mod emergency;
pub mod exit;
mod home;
mod key;
pub mod line;
mod man;
mod new;
mod out;
mod qr;
mod show;
pub mod start;
mod token;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use self::{
    args::{Arguments, Verb},
    exit::{Exit, Stop},
};
use crate::{preflight, program, token::quirks::Trust};

/// Runs the program: hardens the process, reads the arguments, does what they say.
pub fn main() -> ExitCode {
    let hardened = preflight::harden().map_err(Stop::from);
    let arguments = Arguments::parse();
    let json = arguments.verb.as_ref().is_some_and(Verb::json);
    let trust = Trust::shipped();
    let done = hardened.and_then(|()| match arguments.verb {
        Some(verb) => run(verb, trust),
        None => home::home(),
    });
    program::end("officiant", json, done)
}

fn run(verb: Verb, trust: Trust) -> Result<Exit, Stop> {
    match verb {
        Verb::Verify(args) => verify::verify(&args, trust),
        Verb::Show(args) => show::show(&args),
        Verb::Diff(args) => show::difference(&args),
        Verb::Token(args) => token::token(&args, trust),
        Verb::Key(args) => key::key(&args),
        Verb::Qr(args) => qr::qr(&args),
        Verb::Backup(args) => backup::backup(&args),
        Verb::Share(args) => backup::share(&args),
        Verb::Man(args) => man::man(&args),
        Verb::Completions(args) => man::completions(&args),
        Verb::Rehearse(args) => ceremony::rehearse(&args),
        Verb::Run(args) => ceremony::run(&args, trust),
        Verb::Resume(args) => ceremony::resume(&args, trust),
        Verb::Check(args) => check::run(&args),
        Verb::Print(args) => check::print(&args),
        Verb::New(args) => new::new(&args, trust),
        Verb::Emergency(args) => emergency::emergency(&args),
    }
}
