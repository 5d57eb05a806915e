//! A publisher's first day, done: offline keys on tokens, a tagging key and signers as each test wants them.

use std::fs;

use officiant::tuf::KeyId;

use super::{Elsewhere, GUNS, Plan, Publisher, canonical_id};
use crate::ceremony_support::{Room, record};

/// Below which name every repository of these tests lies.
pub const ALL: &str = "docker.io/example/*";

impl Publisher<'_> {
    /// One offline key `ana-1` for all repositories, the tagging key on `tag-1`, and these signers. It is published.
    pub fn begins_small(&self, signers: &[&Elsewhere]) -> Room {
        let mut plan = self
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .fresh("tag-1")
            .root(1, &["ana-1"])
            .certified(Some(ALL), &["ana-1"])
            .tagging(&["tag-1"]);
        for signer in signers {
            plan = plan.key(signer).signer(&signer.name, "add", &[&signer.name]);
        }
        let genesis = self.holds("genesis", &plan);
        self.publishes(&genesis.place);
        genesis
    }

    /// The same with a tagging key that its owner keeps in a file, `tagging` elsewhere.
    pub fn begins_with_a_key_in_a_file(&self, tagging: &Elsewhere, signers: &[&Elsewhere]) -> Room {
        let mut plan = self
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .root(1, &["ana-1"])
            .certified(Some(ALL), &["ana-1"])
            .key(tagging)
            .tagging(&[&tagging.name]);
        for signer in signers {
            plan = plan.key(signer).signer(&signer.name, "add", &[&signer.name]);
        }
        let genesis = self.holds("genesis", &plan);
        let said = self.publish(&genesis.place);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains("BUNDLE-COMPLETE") && said.out.contains("0 published"), "{said:?}");
        self.completes_and_publishes(&genesis, &[&tagging.name], &GUNS);
        genesis
    }

    /// Those elsewhere sign what a ceremony left, and it is published.
    pub fn completes_and_publishes(&self, room: &Room, names: &[&str], guns: &[&str]) {
        let mut folder = self.published(room);
        for (number, name) in names.iter().enumerate() {
            let out = room.place.join(format!("complete-{number}"));
            let said = self.completes(&folder, name, guns, &out);
            assert_eq!(said.code, Some(0), "{said:?}");
            folder = out;
        }
        let said = self.publish_folder(&folder);
        assert_eq!(said.code, Some(0), "{said:?}");
    }

    /// The key of a token as later scripts name it.
    pub fn id(&self, room: &Room, alias: &str) -> KeyId {
        canonical_id(room, alias)
    }

    /// A file that the ceremony left in every bundle, as JSON.
    pub fn left(&self, room: &Room, gun: &str, file: &str) -> serde_json::Value {
        let gun = officiant::transfer::Gun::parse(gun).expect("a name");
        let folder = self.published(room).join(officiant::transfer::collection::folder(&gun));
        serde_json::from_slice(&fs::read(folder.join(file)).expect("a file")).expect("JSON")
    }

    /// Goes through what is left of a ceremony that was begun.
    pub fn finishes(&self, room: &mut Room) {
        room.finish();
        record::holds(&room.place.join("a"));
    }
}

/// A plan whose root and targets stay with `ana-1`, as [`Publisher::begins_small`] left them.
pub fn small(plan: Plan, genesis: &Room) -> Plan {
    plan.held("ana-1", &canonical_id(genesis, "ana-1")).root(1, &["ana-1"])
}
