//! Starts virtual YubiKeys by hand, until standard input ends:
//!
//! ```text
//! virtual-yubikey FOLDER 5.7.1:12345678 5.4.3:7654321:out
//! ```
//!
//! It prints how to see them. The folder is new; its socket `control` takes the requests of `control.rs`, for example with
//! `echo 0 trace | nc -U FOLDER/control`.

use std::{io::Read as _, path::PathBuf, process::ExitCode, time::Duration};

use virtual_yubikey::{Setup, VirtualYubiKeys, serve_if_inside};

fn main() -> ExitCode {
    serve_if_inside();
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map(PathBuf::from);
    let cards = arguments.map(|card| card.parse()).collect::<Result<Vec<_>, String>>();
    let (Some(folder), Ok(cards)) = (folder, &cards) else {
        eprintln!("virtual-yubikey FOLDER FIRMWARE:SERIAL…   {}", cards.err().unwrap_or_default());
        return ExitCode::from(2);
    };
    let setup = Setup { cards: cards.clone(), touch_limit: Duration::from_secs(15) };
    match VirtualYubiKeys::start(&folder, &setup, &[]) {
        Err(why) => {
            eprintln!("{}", why.0);
            ExitCode::FAILURE
        }
        Ok(rig) => {
            let (name, value) = rig.environment();
            println!("export {name}={}", value.display());
            let _ = std::io::stdin().read_to_end(&mut vec![]);
            ExitCode::SUCCESS
        }
    }
}
