//! A key in locked memory, before every share of its new backup was read back: if the program ends there, what was in memory is gone, and
//! the pages that exist are destroyed.

use std::sync::Arc;

use crate::ceremony::{
    Ceremony, Pending,
    backups::Backup,
    event::Event,
    participants::Alias,
    prompt::{Choice, Input, Prompt, Scene},
    words,
};

/// Asks for everything on paper to be destroyed, where the memory of this key is lost.
pub(super) fn given_up(ceremony: &Ceremony, backup: &Backup, name: &Alias) -> Pending {
    let origin = ceremony.script.origin_of(name);
    let scene = Scene::List {
        title: words::backup::lost(name, origin),
        lines: Arc::new(words::backup::to_destroy(backup)),
        ask: words::backup::DESTROY_ASK.into(),
    };
    let input = Input::Word(vec![Choice::new("DESTROYED", words::backup::does_discard(origin))]);
    Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input }))
}

/// What follows from its having been destroyed.
pub(super) fn discarded(backup: &Backup, name: &Alias) -> Vec<Event> {
    let set = backup.sealed.as_ref().map(|sealed| sealed.set.id());
    vec![Event::BackupDiscarded { name: name.clone(), set, shares: backup.given.clone() }]
}
