use officiant::cli::{answers, start};
use std::path::Path;
fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let record = Path::new(&arguments[2]);
    let second = record.with_extension("second");
    let answers = answers::Answers::read(&std::fs::read_to_string(&arguments[1]).expect("answers")).expect("answers");
    match start::rehearse(Path::new(&arguments[0]), record, &second, None) {
        Ok(start::Start::Again(name, value)) => panic!("{}", start::again(name, &value, arguments.clone())),
        Ok(start::Start::Ready(mut runner, mut performer)) => {
            let ended = answers::go_through(&mut runner, &mut performer, &answers, &mut |line| println!("{line}"));
            println!("{ended:?}");
            officiant::perform::record::finish(&runner).expect("manifest");
        }
        Err(error) => panic!("{error:?}"),
    }
}
