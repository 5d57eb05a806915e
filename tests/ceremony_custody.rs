//! Keys that exist already, in whole ceremonies on SoftHSM: one in a file gets a backup, a backup gets other custodians.

mod backup_support;
mod ceremony_support;
mod support;

use ceremony_support::{Room, record};
use officiant::{
    ceremony::{check::check, event::Event, script::read},
    rules::Rule,
};
use support::on_softhsm;

fn shipped(name: &str) -> String {
    std::fs::read_to_string(ceremony_support::script(name)).expect("a shipped script")
}

#[test]
fn backup() {
    on_softhsm("backup", |tokens| {
        let mut room = Room::rehearse(tokens, "backup");
        room.finish();
        record::holds(&room.place.join("a"));
        let taken = room.events().find_map(|event| match event {
            Event::KeyTaken { key, from, passed, .. } => Some((key, from, passed)),
            _ => None,
        });
        let (key, from, passed) = taken.expect("it was taken");
        assert_eq!(from, "/media/key/root.key");
        assert!(passed.iter().any(|p| p.rule == Rule::KeyOnPaper && p.seen.contains("its history is unknown")));
        let put: Vec<(String, Vec<u8>)> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { alias, shares, key: there, .. } => {
                    assert_eq!(there.id(), key.id());
                    Some((alias.to_string(), shares))
                }
                _ => None,
            })
            .collect();
        assert_eq!(put, [("ana-1".to_owned(), vec![]), ("bo-1".to_owned(), vec![1, 2, 3])]);
    });
}

#[test]
fn the_shipped_scripts_hold() {
    for name in ["backup", "change-custodians", "destroy", "transport"] {
        let checked = check(&read::script(shipped(name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}")));
        assert!(checked.holds(), "{name}: {checked}");
    }
}

fn whole(name: &str, judge: impl FnOnce(Room)) {
    on_softhsm(&name.replace('-', "_"), |tokens| {
        let mut room = Room::rehearse(tokens, name);
        room.finish();
        record::holds(&room.place.join("a"));
        judge(room);
    });
}

#[test]
fn change_custodians() {
    whole("change-custodians", |room| {
        let destroyed = room.count(|event| matches!(event, Event::ShareDestroyed { .. }));
        assert_eq!(destroyed, 5, "everybody came");
        let judged = room.events().find_map(|event| match event {
            Event::OldSharesJudged { left, threshold, passed, .. } => Some((left, threshold, passed)),
            _ => None,
        });
        let (left, threshold, passed) = judged.expect("what remains was read");
        assert_eq!((left, threshold), (0, 3));
        assert!(passed.iter().any(|passed| passed.rule == Rule::OldSharesDead));
    });
}

#[test]
fn destroy() {
    whole("destroy", |room| {
        assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::OldSharesJudged { left: 0, .. })), 1);
    });
}

#[test]
fn transport() {
    whole("transport", |room| {
        assert_eq!(room.count(|event| matches!(event, Event::TokenOpened { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::ShareChecked { .. })), 5);
    });
}
