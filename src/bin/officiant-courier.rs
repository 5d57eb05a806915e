//! `officiant-courier`: what a ceremony needs from online, and what it gives back.

use std::process::ExitCode;

fn main() -> ExitCode {
    officiant::courier::main()
}
