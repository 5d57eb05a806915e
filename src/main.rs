//! Arguments, front end, exit code.
use std::path::Path;

use officiant::cli::{answers, start};

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let script = Path::new(&arguments[0]);
    let text = std::fs::read_to_string(&arguments[1]).expect("answers");
    let record = Path::new(&arguments[2]);
    let second = record.with_extension("second");
    let answers = answers::Answers::read(&text).expect("answers");
    match start::rehearse(script, record, &second, None) {
        Ok(start::Start::Again(name, value)) => panic!("{}", start::again(name, &value, arguments.clone())),
        Ok(start::Start::Ready(mut runner, mut performer)) => {
            let ended = answers::go_through(&mut runner, &mut performer, &answers, &mut |line| println!("{line}"));
            println!("{ended:?}");
            officiant::perform::record::finish(&runner).expect("manifest");
        }
        Err(error) => panic!("{error:?}"),
    }
}
