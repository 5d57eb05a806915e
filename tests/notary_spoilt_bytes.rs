//! Notary metadata and certificates that were cut or changed at random: never a panic, and never another document that a client
//! takes under the same signatures.

mod notary_support;

use notary_support::{GUN, predict, shop};
use officiant::tuf::{Dialect, Document, Key, Root, Untrusted, describe::describe, first_root};

const NOW: &str = "2026-11-24T00:00:00Z";

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn a_document_cut_at_any_byte_is_none() {
    for (name, bytes) in shop().files() {
        for end in 0..bytes.len() {
            assert!(Document::parse(Dialect::Notary, &bytes[..end]).is_err(), "{name} {end}");
            _ = Dialect::Notary.breakages(&bytes[..end]);
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_is_taken_by_no_client() {
    let good = shop().files();
    let root: Untrusted<Root> = Untrusted::parse(Dialect::Notary, good["root.json"].as_slice()).expect("a root");
    let mut dice = Dice(3);
    for (name, bytes) in &good {
        for place in (0..bytes.len()).step_by(2 + dice.roll(3)) {
            let mut changed = bytes.clone();
            changed[place] = b" \"\\{}[],:0123456789aeEnul-.+/=\x00\xff"[dice.roll(32)];
            let mut shorter = bytes.clone();
            shorter.drain(place..(place + 1 + dice.roll(20)).min(bytes.len()));
            let mut doubled = bytes.clone();
            let part = bytes[place..(place + 1 + dice.roll(200)).min(bytes.len())].to_vec();
            doubled.splice(place..place, part);
            for spoilt in [changed, shorter, doubled].into_iter().filter(|spoilt| spoilt != bytes) {
                if let Ok(document) = Document::parse_any(&spoilt) {
                    _ = describe(&document, None, document.expires(), &|_| None).lines();
                }
                if let Ok(verified) = Untrusted::parse(Dialect::Notary, spoilt.as_slice()).and_then(first_root) {
                    assert_eq!(verified.received().signed(), root.signed());
                }
                _ = Dialect::Notary.breakages(&spoilt);
                let mut files = good.clone();
                files.insert(name.clone(), spoilt);
                let walk = predict(GUN, &files, None, NOW);
                assert!(walk.refusal.is_some(), "{name}, from byte {place}");
            }
        }
    }
}

#[test]
fn a_key_of_any_shape_is_read_or_refused() {
    let key = serde_json::to_string(&shop().root_key()).expect("JSON");
    let mut dice = Dice(4);
    for _ in 0..3000 {
        let mut spoilt = key.clone().into_bytes();
        for _ in 0..=dice.roll(3) {
            let place = dice.roll(spoilt.len());
            spoilt[place] = b"ABCab01+/=\"{}:,n"[dice.roll(16)];
        }
        if let Ok(key) = serde_json::from_slice::<Key>(&spoilt) {
            _ = (key.id(), key.canonical_id(), key.certificate(), key.public().fingerprint());
        }
    }
}
