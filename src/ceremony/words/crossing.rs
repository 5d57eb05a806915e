//! What is said of QR codes in a ceremony.

use std::sync::Arc;

use super::{shown, whole};
use crate::ceremony::{
    crossing::FrameSource,
    participants::PersonId,
    prompt::{Choice, Scene},
    script::Script,
    steps::Prose,
};

/// The point from which codes are read or shown.
pub const CROSSES: &str = "the codes may begin";
/// The point at which people chose the other way.
pub const LEFT_OUT: &str = "the files go by the medium, not by QR codes";
/// The point from which words are compared.
pub const COMPARES: &str = "the other screen shows its words";
/// What came in, in a read-back.
pub const CAME_IN: &str = "the files that came in";
/// What went out, in a read-back.
pub const WENT_OUT: &str = "the files that were shown";
/// What is asked before codes are shown.
pub const SHOW_ASK: &str = "Turn this screen to full brightness, and point the camera of the other side at it. The codes begin at once and go on until somebody here leaves them.";
/// What to do after a wrong word.
pub const AFTER_WRONG_WORD: &str = "Read the word from the other screen once more. If it still differs, something else crossed: type AGAIN, and look for a second screen.";

fn choices(choices: &[(&'static str, &str)]) -> Vec<Choice> {
    choices.iter().map(|(word, does)| Choice::new(word, *does)).collect()
}

/// `2.root.json (2126 bytes)`.
pub fn file(name: &str, length: u64) -> String {
    format!("{} ({length} bytes)", whole(name))
}

/// What is asked before codes are read.
pub fn import_ask(from: &FrameSource) -> String {
    match from {
        FrameSource::Pictures(path) => {
            format!("Put the photographs, or the video, into {}. Pictures of other codes do no harm.", shown(path))
        }
        FrameSource::Serial(port) => format!("The scanner is at {}, set to a serial port.", shown(port)),
        FrameSource::Camera(device) => format!(
            "The camera is at {}. Stand it before the other screen, so that the code fills most of its picture. It is closed when the next page is left.",
            shown(device)
        ),
        FrameSource::Keyboard => "Plug the scanner in when the next page is open, and not before: it is a keyboard, and whoever makes a code decides what it types. Unplug it before that page is left.".into(),
    }
}

/// What may be answered to it.
pub fn import_choices() -> Vec<Choice> {
    choices(&[("READ", "reads the codes"), ("FILES", "takes the files that lie beside the script instead")])
}

/// What came in, before its words are compared.
pub fn came_in(lines: Vec<String>) -> Scene {
    Scene::List {
        title: format!("{} files came in. Nothing of them counts yet.", lines.len()),
        lines: Arc::new(lines),
        ask: "Turn to the other screen: it shows the words of what it sent.".into(),
    }
}

/// What may be answered to it.
pub fn came_in_choices() -> Vec<Choice> {
    choices(&[
        ("COMPARE", "these are the files: the words are compared next"),
        ("AGAIN", "drops them and reads codes once more"),
        ("FILES", "drops them and takes the files that lie beside the script"),
    ])
}

/// What may be answered before codes are shown.
pub fn show_choices() -> Vec<Choice> {
    choices(&[("SHOW", "shows the codes"), ("SKIP", "shows nothing: the files leave on the media alone")])
}

/// What was shown, before its words are compared.
pub fn was_shown(lines: Vec<String>) -> Scene {
    Scene::List {
        title: format!("{} files were shown.", lines.len()),
        lines: Arc::new(lines),
        ask: "Turn to the other screen: it shows the words of what it received.".into(),
    }
}

/// What may be answered to it.
pub fn was_shown_choices() -> Vec<Choice> {
    choices(&[
        ("COMPARE", "the other side has them: the words are compared next"),
        ("AGAIN", "shows the codes once more"),
        ("SKIP", "goes on without: the files leave on the media alone"),
    ])
}

fn prose(title: &str, lines: Vec<String>, expect: &str, form: &[&str]) -> Prose {
    let form = form.iter().map(|field| (*field).to_owned()).collect();
    Prose { title: title.into(), lines, expect: expect.into(), form }
}

fn compared(script: &Script, witness: &PersonId) -> String {
    format!(
        "{} stands at the other screen. This screen hides some of the 32 words, and they are read from that one.",
        shown(script.name(witness))
    )
}

/// `import-qr`.
pub fn import(script: &Script, from: &FrameSource, folder: &str, witness: &PersonId) -> Prose {
    let place = if folder.is_empty() { "beside the script".into() } else { format!("in {}", shown(folder)) };
    let lines = vec![
        format!("The courier's files come as QR codes, from {}.", from.words()),
        format!("From then on they count as if they lay {place}. What the script pins is compared as ever."),
        compared(script, witness),
        "Until every hidden word was right, nothing of them is used.".into(),
    ];
    prose("Import by QR codes", lines, "All hidden words are accepted.", &["Who stood at the other screen"])
}

/// `show-qr`.
pub fn show(script: &Script, witness: &PersonId) -> Prose {
    let what = match script.repositories {
        Some(_) => "The bundles are shown as QR codes, with their manifest. At most 256 files cross at a time.",
        None => "The signed root and the public keys are shown as QR codes.",
    };
    let lines = vec![
        what.into(),
        "The other side may begin at any moment and miss some. Leave the codes running until it has everything.".into(),
        compared(script, witness),
        "The same files stay on both media.".into(),
    ];
    prose("Show the result as QR codes", lines, "All hidden words are accepted.", &["Who stood at the other screen"])
}
