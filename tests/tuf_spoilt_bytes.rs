//! Bytes that were cut or changed at random: never a panic, and never another document under the same signatures.

mod tuf_support;

use officiant::tuf::{Dialect, Document, Root, RootChange, Untrusted, amend, first_root, json::Value};
use tuf_support::{Signer, root, signed};

fn whole() -> Vec<u8> {
    let (ana, bo) = (Signer::p256(1), Signer::ed25519(2));
    let unknown = RootChange::SetMember { name: "x".into(), value: Value::Str("ü\n\"\\".into()) };
    signed(&amend(&root(1, 2, &[&ana, &bo]), &[unknown]), &[&ana, &bo])
}

/// Reads `bytes` in every way there is; what is verified says what was signed.
fn read(bytes: &[u8], original: &Untrusted<Root>) {
    if let Ok(document) = Document::parse(Dialect::Tuf1, bytes) {
        _ = officiant::tuf::describe::describe(&document, None, document.expires(), &|_| None).lines();
    }
    _ = Dialect::Tuf1.breakages(bytes);
    if let Ok(verified) = Untrusted::parse(Dialect::Tuf1, bytes).and_then(first_root) {
        assert_eq!(verified.received().signed(), original.signed());
    }
}

#[test]
fn a_root_cut_at_any_byte_is_no_root() {
    let whole = whole();
    for end in 0..whole.len() {
        assert!(Document::parse(Dialect::Tuf1, &whole[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_root_with_any_byte_changed_never_says_something_else_and_is_verified() {
    let whole = whole();
    let original = Untrusted::parse(Dialect::Tuf1, &whole[..]).expect("a root");
    let mut seed = 1u64;
    let mut dice = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % sides
    };
    for place in 0..whole.len() {
        let mut spoilt = whole.clone();
        spoilt[place] = b" \"\\{}[],:0123456789aeEnul-.\x00\xff"[dice(29)];
        read(&spoilt, &original);
        let mut shorter = whole.clone();
        shorter.drain(place..(place + 1 + dice(20)).min(whole.len()));
        read(&shorter, &original);
        let mut doubled = whole.clone();
        let part = whole[place..(place + dice(200)).min(whole.len())].to_vec();
        doubled.splice(place..place, part);
        read(&doubled, &original);
    }
}
