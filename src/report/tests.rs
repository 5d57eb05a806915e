mod room;

use self::room::Room;
use super::*;
use crate::ceremony::{event::Mode, prompt::AsideKind};

/// A whole genesis in which nothing goes wrong.
fn good(mode: Mode) -> (Vec<(Stamp, Event)>, Arc<Script>) {
    let script = room::genesis();
    let mut room = Room::begin(&script, mode);
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room.entries, script)
}

/// A genesis with everything that can go wrong and be mended.
fn eventful() -> (Vec<(Stamp, Event)>, Arc<Script>) {
    let script = room::genesis();
    let mut room = Room::begin(&script, Mode::Rehearsal);
    room.absent.push("wim");
    room.fails.push("sign the head of the transcript with ana-1");
    room.play(|ceremony| ceremony.cursor().act == 1);
    room.aside(AsideKind::Exception);
    room.play(|ceremony| ceremony.drafts().iter().any(|draft| draft.signatures.len() == 1));
    room.aside(AsideKind::Void);
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room.entries, script)
}

#[test]
#[ignore = "writes files for a person to look at: OFFICIANT_PAPER=folder cargo test --lib looked_at -- --ignored"]
fn the_reports_can_be_looked_at() {
    let folder = std::env::var("OFFICIANT_PAPER").expect("OFFICIANT_PAPER names a folder");
    let (entries, script) = good(Mode::Production);
    std::fs::write(format!("{folder}/report.html"), report(&entries, &script)).expect("the folder exists");
    std::fs::write(format!("{folder}/card.html"), card(&entries, &script)).expect("the folder exists");
    let (entries, script) = eventful();
    std::fs::write(format!("{folder}/eventful.html"), report(&entries, &script)).expect("the folder exists");
}
