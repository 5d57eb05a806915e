//! `officiant`: arguments, a front end, an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    officiant::cli::main()
}
