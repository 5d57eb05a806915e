//! The shipped rotation of a root, with steps for codes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use officiant::transfer::parcel::{File, Parcel};

const IMPORT: &str = "[[act.step]]\ndo = \"import-root\"\n";

/// The shipped rotation with steps for codes, beside the files that it names.
pub fn script(folder: &Path, from: &str, at_once: bool) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts");
    let text = fs::read_to_string(shipped.join("rotate-root.toml")).expect("the script");
    let import =
        format!("[[act.step]]\ndo = \"import-qr\"\nfrom = \"{from}\"\nfolder = \"previous\"\nwitness = \"vera\"\n\n");
    let (head, rest) = text.split_once(IMPORT).expect("an import");
    let text = match at_once {
        false => format!("{head}{import}{IMPORT}{rest}"),
        // Right after the roll-call, before anything wants a fit machine or a token.
        true => {
            let attest = "[[act.step]]\ndo = \"attest\"\n";
            let (roll_call, others) = head.split_once(attest).expect("a step after the roll-call");
            format!(
                "{roll_call}{import}{IMPORT}\n{attest}{others}{}",
                rest.split_once("\n\n").expect("the next step").1
            )
        }
    };
    let (head, rest) = text.split_once("do = \"export\"\nminutes = 10\n").expect("an export");
    let show = "\n[[act.step]]\ndo = \"show-qr\"\nwitness = \"vera\"\n";
    let text = format!("{head}do = \"export\"\nminutes = 10\n{show}{rest}");
    let path = folder.join("rotate-root.toml");
    fs::write(&path, text).expect("a file");
    fs::create_dir(folder.join("previous")).expect("a folder");
    fs::copy(shipped.join("previous/1.root.json"), folder.join("previous/1.root.json")).expect("a file");
    path
}

/// What its people know.
pub fn answers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts/rotate-root.answers.toml")
}

/// The parcel of a root alone.
pub fn parcel_of(root: &Path) -> Parcel {
    let bytes = fs::read(root).expect("a root");
    Parcel::new(vec![File { name: "1.root.json".into(), bytes }]).expect("a parcel")
}
