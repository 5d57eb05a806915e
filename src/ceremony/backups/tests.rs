use std::sync::Arc;

use super::*;
use crate::{
    ceremony::{
        event::Stamp,
        operation::{Wrapping, WrapsBy},
        script::read,
    },
    custody::{Commitment, Scheme},
    digest::Digest,
    tuf::{dialect::Dialect, key::PublicKey},
    utc::Utc,
};

const PEM: &str = include_str!("../../../ceremony-scripts/online-keys/targets.pem");

fn alias(name: &str) -> Alias {
    Alias::try_from(name.to_owned()).expect("a short name")
}

fn key() -> Key {
    let public = PublicKey::from_spki_pem(PEM).expect("a key");
    Dialect::default().key(&public).expect("a TUF key")
}

/// The ceremony of a script that makes one key, after these events.
fn after(events: &[Event]) -> Ceremony {
    let text = include_str!("../../../ceremony-scripts/dct-genesis-backup.toml");
    let mut ceremony = Ceremony::begin(Arc::new(read::script(text.as_bytes()).expect("a script")));
    for (seq, event) in (0..).zip(events) {
        ceremony.apply(Stamp { seq, at: Utc::EPOCH, head: Digest::of(b"head") }, event);
    }
    ceremony
}

fn whole() -> Vec<Event> {
    let (name, key) = (alias("offline"), key());
    let commitments = (1..=5u8).map(|index| Commitment(Digest::of(&[index]))).collect::<Vec<_>>();
    let set = Set {
        fingerprint: Digest::of(b"set"),
        scheme: Scheme::new(3, 5).expect("a scheme"),
        keyid: key.id(),
        commitments: commitments.clone(),
        opens: crate::custody::Opens::SealedFile,
        encrypted: vec![],
        passphrase_copy: false,
    };
    let file = ExportedFile { name: "backup/offline.age".into(), sha256: Digest::of(b"file"), length: 4 };
    let (sealed, sheets, media) = (SealedBackup { file, set }, vec![], vec![]);
    let mut events = vec![
        Event::KeyMade { name: name.clone(), key: key.clone(), sources: vec![], dice: None, passed: vec![] },
        Event::BackupSealed { name: name.clone(), sealed, sheets, media, passed: vec![] },
    ];
    let custodian = crate::ceremony::participants::PersonId::try_from("ana".to_owned()).expect("a short name");
    events.extend((1..).zip(commitments).map(|(index, commitment)| Event::ShareReadBack {
        name: name.clone(),
        index,
        custodian: custodian.clone(),
        commitment,
        passed: vec![],
    }));
    events.push(Event::KeyPut {
        alias: alias("bo-1"),
        name: name.clone(),
        key,
        attributes: crate::device::KeyAttributes::default(),
        shares: vec![1, 2, 3],
        history: None,
        passed: vec![],
    });
    events.push(Event::KeyDrilled {
        alias: alias("bo-1"),
        statement: String::new(),
        signature: String::new(),
        passed: vec![],
    });
    events.push(Event::KeyWiped { name, passed: vec![] });
    events
}

#[test]
fn a_key_that_is_made_in_memory_counts_only_after_everything() {
    let events = whole();
    for count in 0..events.len() {
        let refusal = after(&events[..count]).backups_restore().expect_err("it does not count yet");
        assert_eq!(refusal.rule, Rule::BackupRestores, "after {count} events");
    }
    let passed = after(&events).backups_restore().expect("it counts");
    assert_eq!(passed.len(), 1);
}

#[test]
fn a_drill_of_a_token_that_was_put_on_from_memory_proves_no_backup() {
    let mut events = whole();
    for event in &mut events {
        if let Event::KeyPut { shares, .. } = event {
            shares.clear();
        }
    }
    assert_eq!(after(&events).backups_restore().expect_err("from memory").rule, Rule::BackupRestores);
}

#[test]
fn a_restored_token_that_is_wiped_before_it_signs_proves_nothing() {
    let mut events = whole();
    let text = r#"{"token":{"module":{"path":"hsm","sha256":"0000000000000000000000000000000000000000000000000000000000000000","manufacturer":"m","description":"d","version":"1"},"label":"bo-1",
        "serial":"1","manufacturer":"m","model":"m","firmware":"1","initialised":true,"pin_pad":false,"software":null},"public-keys":[]}"#;
    let seen = serde_json::from_str(text).expect("a token");
    let drilled = events.iter().position(|event| matches!(event, Event::KeyDrilled { .. })).expect("a drill");
    events.insert(drilled, Event::TokenInitialised { alias: alias("bo-1"), seen });
    assert!(after(&events).backups_restore().is_err());
}

#[test]
fn what_nobody_knows_of_an_imported_key_goes_with_it_from_file_to_backup_to_token() {
    let mut events = whole();
    let imported = Event::KeyTaken {
        name: alias("offline"),
        key: key(),
        canonical_id: key().canonical_id(),
        from: "/media/key/root.key".into(),
        passed: vec![],
    };
    events[0] = imported;
    let ceremony = after(&events);
    let said = "imported from /media/key/root.key; unknown before that";
    assert_eq!(ceremony.backups.get(&alias("offline")).and_then(|backup| backup.history.as_deref()), Some(said));
    assert_eq!(ceremony.history_of(&alias("bo-1")).as_deref(), Some(said));
    // A later ceremony has it out of the sealed file.
    let history = Some(said.to_owned());
    events[0] = Event::BackupOpened {
        name: alias("offline"),
        set: "3f09a1c2d4e5".into(),
        key: key(),
        shares: vec![1, 2, 3],
        history,
        passed: vec![],
    };
    assert_eq!(after(&events).history_of(&alias("bo-1")).as_deref(), Some(said));
    assert_eq!(after(&whole()).history_of(&alias("bo-1")), None);
}

/// A key that a token wraps, from its key-encryption key to its closing.
fn wrapped() -> Vec<Event> {
    let (name, key, by) = (alias("offline"), key(), WrapsBy { mechanism: 0x210a, trusted: true });
    let born = whole();
    let Some(Event::BackupSealed { sealed, .. }) =
        born.iter().find(|event| matches!(event, Event::BackupSealed { .. }))
    else {
        panic!("a sealed backup")
    };
    let (first, second) = (alias("ana-1"), alias("bo-1"));
    let kek = sealed.set.fingerprint;
    let wraps = Operation::Wrapping(Wrapping::WrapKey {
        alias: first.clone(),
        name: name.clone(),
        kek,
        algorithm: crate::tuf::key::KeyAlgorithm::P256,
        label: "root".into(),
        made: Utc::EPOCH,
        known: None,
    });
    let unwraps = Operation::Wrapping(Wrapping::UnwrapKey {
        alias: second.clone(),
        name: name.clone(),
        key: Box::new(key.clone()),
        label: "root".into(),
        sealed: Box::new(sealed.clone()),
    });
    let attributes = crate::device::KeyAttributes::default();
    let mut events = vec![
        Event::KekMade { name: name.clone(), kek, sources: vec![], dice: None },
        Event::Intended { operation: wraps },
        Event::KeyWrapped {
            alias: first.clone(),
            name: name.clone(),
            key: key.clone(),
            attributes,
            by,
            sealed: sealed.clone(),
            sheets: vec![],
            media: vec![],
            passed: vec![],
        },
    ];
    events.extend(born.iter().filter(|event| matches!(event, Event::ShareReadBack { .. })).cloned());
    events.push(Event::KekWiped { name: name.clone() });
    events.push(Event::Intended { operation: unwraps });
    let (alias, shares) = (second.clone(), vec![1, 2, 3]);
    events.push(Event::KeyUnwrapped { alias, name: name.clone(), key, attributes, by, shares, passed: vec![] });
    events.push(Event::KeyDrilled {
        alias: second,
        statement: String::new(),
        signature: String::new(),
        passed: vec![],
    });
    events.push(Event::KeyClosed { alias: first, name, attributes, passed: vec![] });
    events
}

/// The ceremony of the script that wraps a key, after these events.
fn after_wrapping(events: &[Event]) -> Ceremony {
    let text = include_str!("../../../ceremony-scripts/dct-genesis-wrapped.toml");
    let mut ceremony = Ceremony::begin(Arc::new(read::script(text.as_bytes()).expect("a script")));
    for (seq, event) in (0..).zip(events) {
        ceremony.apply(Stamp { seq, at: Utc::EPOCH, head: Digest::of(b"head") }, event);
    }
    ceremony
}

#[test]
fn a_key_that_a_token_wraps_counts_only_when_it_is_closed_and_no_token_holds_its_kek() {
    let events = wrapped();
    for count in 0..events.len() {
        let refusal = after_wrapping(&events[..count]).backups_restore().expect_err("it does not count yet");
        let rule = if count < 2 { Rule::BackupRestores } else { Rule::KeyClosed };
        assert_eq!(refusal.rule, rule, "after {count}");
    }
    after_wrapping(&events).backups_restore().expect("it counts");
    // The intent alone to bring a key-encryption key is the place where it may be.
    let Some(intent) = events.iter().rev().find(|event| matches!(event, Event::Intended { .. })) else { panic!() };
    let again = [events.clone(), vec![intent.clone()]].concat();
    assert_eq!(after_wrapping(&again).backups_restore().expect_err("it may be there").rule, Rule::KekGone);
    // Where the program ends before the last share was read back, the key is given up; afterwards only the copy is looked at again.
    let name = alias("offline");
    let program = crate::ceremony::event::Program {
        name: "test".into(),
        sha256: Digest::of(b""),
        trust: "test".into(),
        edition: 0,
    };
    let resumed = Event::Resumed { program, media: vec![] };
    let last = events.iter().rposition(|event| matches!(event, Event::ShareReadBack { .. })).expect("a share");
    for (count, lost) in [(1, true), (2, true), (3, true), (last, true), (last + 1, false), (events.len(), false)] {
        let cut = [&events[..count], std::slice::from_ref(&resumed)].concat();
        let ceremony = after_wrapping(&cut);
        let known = ceremony.backups().wrapped(&name).expect("it was begun");
        assert_eq!((known.lost, known.copy_seen), (lost, false), "after {count}");
        assert_eq!(ceremony.backups().lost(), lost.then_some(&name), "after {count}");
    }
}
