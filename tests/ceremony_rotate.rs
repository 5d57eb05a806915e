//! Rotation of the root, whole, on SoftHSM.

mod ceremony_support;
mod support;

use std::fs;

use ceremony_support::{Room, normal, record};
use officiant::{
    digest::Digest,
    perform::rehearsal,
    rules::Rule,
    tuf::{
        dialect::Dialect,
        signed::Untrusted,
        verify::{first_root, next_root},
    },
};
use serde_json::Value;
use support::on_softhsm;

const SCRIPT: &str = "rotate-root";

#[test]
fn a_rotation_leaves_the_same_record_every_time_and_a_root_that_follows_the_old_one() {
    on_softhsm("a_rotation_leaves_the_same_record_every_time_and_a_root_that_follows_the_old_one", |tokens| {
        let mut room = Room::rehearse(tokens, SCRIPT);
        room.finish();
        insta::assert_snapshot!(SCRIPT, normal::transcript(&room.entries()));
        let folder = room.place.join("a");
        record::holds(&folder);
        record::holds(&room.place.join("b"));

        let old = fs::read(rehearsal::inputs(&folder).join("previous/1.root.json")).expect("the twin of the old root");
        let new = fs::read(folder.join("metadata/2.root.json")).expect("an exported root");
        let walk = |old: &[u8], new: &[u8]| {
            let old = first_root(Untrusted::parse(Dialect::Tuf1, old)?)?;
            next_root(&old, Untrusted::parse(Dialect::Tuf1, new)?)
        };
        assert_eq!(walk(&old, &new).expect("the new root follows").document().version, 2);

        // Signed by the old officers who stay, by the new one alone, or by nobody who counts twice.
        let signers = |keep: &[usize]| {
            let mut root: Value = serde_json::from_slice(&new).expect("JSON");
            let all = root["signatures"].as_array().expect("signatures").clone();
            root["signatures"] = keep.iter().map(|index| all[*index].clone()).collect::<Vec<_>>().into();
            serde_json::to_vec(&root).expect("JSON")
        };
        for (keep, rule) in [
            (&[2][..], Rule::RootTallyOld),
            (&[0][..], Rule::RootTallyOld),
            (&[0, 2][..], Rule::RootTallyOld),
            (&[][..], Rule::RootTallyOld),
            (&[0, 0][..], Rule::SignaturesDistinct),
        ] {
            assert_eq!(walk(&old, &signers(keep)).err().map(|refusal| refusal.rule), Some(rule), "{keep:?}");
        }
        walk(&old, &signers(&[0, 1])).expect("two who are in both roots are enough for both");
        assert_eq!(walk(&new, &new).err().map(|refusal| refusal.rule), Some(Rule::RootVersionStep));
    });
}

#[test]
fn another_threshold_than_that_of_the_previous_root_is_announced_or_refused() {
    let test = "another_threshold_than_that_of_the_previous_root_is_announced_or_refused";
    on_softhsm(test, |tokens| {
        let text = fs::read_to_string(ceremony_support::script(SCRIPT)).expect("a script");
        let wrong = text.replacen("\n[change]\n", "\n[change]\nthreshold-was = 1\n", 1);
        assert_ne!(wrong, text);
        let mut room = Room::rehearse_text(
            tokens,
            wrong.as_bytes(),
            ceremony_support::People::of(&ceremony_support::script(SCRIPT)),
            None,
        );
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::DraftIsTheChange);
        assert!(
            refused
                .what
                .starts_with("The previous root asks for 2 signatures. The script says 1 in [change] threshold-was"),
            "{}",
            refused.what
        );
        assert!(room.ceremony().drafts().is_empty());
    });
}

#[test]
fn a_previous_root_other_than_the_pinned_one_is_refused_and_nothing_comes_of_it() {
    on_softhsm("a_previous_root_other_than_the_pinned_one_is_refused_and_nothing_comes_of_it", |tokens| {
        let mut room = Room::rehearse(tokens, SCRIPT);
        room.until(|pending, _| format!("{pending:?}").contains("ReadInput"));
        let path = rehearsal::inputs(&room.place.join("a")).join("previous/1.root.json");
        let right = fs::read(&path).expect("the twin");
        let mut older = right.clone();
        older.push(b'\n');
        fs::write(&path, &older).expect("a file");
        assert_ne!(Digest::of(&older), Digest::of(&right));
        let refused = room.perform().expect_err("another root");
        assert_eq!(refused.refusal().map(|refusal| refusal.rule), Some(Rule::PreviousRootPinned));
        assert!(room.ceremony().previous_root().is_none());
        room.word("AGAIN");
        fs::write(&path, &right).expect("a file");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}
