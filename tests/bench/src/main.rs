//! Measures officiant side by side with its peers and prints tables. `tests/bench/run` builds everything and starts it; the
//! figures of one run are in docs/BENCHMARKS.md. Nothing here passes or fails.
//!
//! Whatever is compared is measured in turns, round by round, so that a busy minute of the machine falls on everybody.

#[path = "../../ceremony_support/mod.rs"]
mod ceremony_support;
mod chain;
mod collection;
mod genesis;
mod measure;
#[path = "../../peers/mod.rs"]
mod peers;
mod place;
mod pty;
mod qr;
#[path = "../../qr_support/metadata.rs"]
mod qr_metadata;
mod rotate;
mod sign;
mod start;
#[path = "../../support/mod.rs"]
mod support;
mod table;
#[path = "../../tuf_support/mod.rs"]
mod tuf_support;

use std::path::Path;

use place::Place;

const USAGE: &str = "usage: officiant-bench [--rounds N] [start] [chain] [sign] [genesis] [qr] [rotate[=REPOSITORIES]]";
const ALL: [&str; 6] = ["start", "chain", "sign", "genesis", "qr", "rotate"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // Parts that need a process of their own.
        ["make-chain", folder, roots, signers] => chain::make(Path::new(folder), number(roots), signers == "all"),
        ["walk-in-process", folder] => chain::walk_in_process(Path::new(folder)),
        ["sign-in-process", folder, rounds] => sign::in_process(Path::new(folder), number(rounds)),
        ["rotate-in-process", folder, collection, count] => {
            rotate::in_process(Path::new(folder), Path::new(collection), number(count))
        }
        ["--rounds", rounds, ref wanted @ ..] => measured(number(rounds), wanted),
        ref wanted => measured(9, wanted),
    }
}

fn measured(rounds: usize, wanted: &[&str]) {
    let wanted = if wanted.is_empty() { &ALL } else { wanted };
    if wanted.iter().any(|part| !ALL.contains(&part.split('=').next().unwrap_or_default())) {
        eprintln!("{USAGE}");
        std::process::exit(2);
    }
    let place = Place::new();
    println!("{}", place.facts());
    for part in wanted {
        println!("\n{}", place.load());
        match *part {
            "start" => start::run(&place, rounds),
            "chain" => chain::run(&place, rounds),
            "sign" => sign::run(&place, rounds),
            "genesis" => genesis::run(&place, rounds),
            "qr" => qr::run(rounds),
            one => rotate::run(&place, rounds, one.split_once('=').map(|(_, count)| number(count))),
        }
    }
    println!("\n{}", place.load());
}

fn number(text: &str) -> usize {
    text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| {
        eprintln!("{text}: not a number\n{USAGE}");
        std::process::exit(2)
    })
}
