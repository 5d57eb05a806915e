//! Every shipped script of Docker Content Trust is rehearsed to its end, with the answers beside it, and its record holds.

mod ceremony_support;
mod support;

use ceremony_support::{Room, record};
use officiant::{
    ceremony::event::Event,
    rules::Rule,
    transfer::{Bundle, Gun},
};
use support::on_softhsm;

/// Rehearses a script; gives the bundle of `docker.io/example/db`, where the thief of the example was at work.
fn rehearsed(tokens: &officiant::token::pkcs11::rehearsal::Rehearsal, name: &str) -> (Room, Bundle) {
    let mut room = Room::rehearse(tokens, name);
    room.finish();
    let folder = room.place.join("a");
    record::holds(&folder);
    let gun = Gun::parse("docker.io/example/db").expect("a name");
    let bundle = folder.join("publish/repositories").join(gun.folder_name()).join("bundle.json");
    let bundle = Bundle::parse(&std::fs::read(bundle).expect("a bundle")).expect("a bundle");
    (room, bundle)
}

fn documents(bundle: &Bundle) -> Vec<String> {
    bundle.files.iter().map(|file| format!("{} {}", file.role, file.version)).collect()
}

#[test]
fn dct_genesis() {
    on_softhsm("dct_genesis", |tokens| {
        let (room, bundle) = rehearsed(tokens, "dct-genesis");
        assert_eq!(documents(&bundle), ["root 1", "targets 1"]);
        assert!(bundle.wants.is_empty());
        assert_eq!(room.count(|event| matches!(event, Event::CertificatesSigned { .. })), 3);
        let pins = std::fs::read_to_string(room.place.join("a/keys/trust_pinning.json")).expect("what clients pin");
        assert!(pins.contains("docker.io/example/*"));
        // The spare tagging key is proven, and in no role.
        assert!(room.place.join("a/keys/tag-2.pem").exists());
    });
}

#[test]
fn dct_rotate_tagging_key() {
    on_softhsm("dct_rotate_tagging_key", |tokens| {
        let (room, bundle) = rehearsed(tokens, "dct-rotate-tagging-key");
        assert_eq!(documents(&bundle), ["root 2", "targets 6"]);
        // One tag was moved and one was added since the collection from before; both were judged, one by one.
        let judged: Vec<(String, bool)> = room
            .events()
            .filter_map(|event| match event {
                Event::TagJudged { gun, what, keep } => Some((format!("{gun} {what}"), keep)),
                _ => None,
            })
            .collect();
        assert_eq!(
            judged,
            [("docker.io/example/db 1.1".to_owned(), false), ("docker.io/example/db latest".to_owned(), false)]
        );
    });
}

#[test]
fn dct_rotate_root() {
    on_softhsm("dct_rotate_root", |tokens| {
        let (_, bundle) = rehearsed(tokens, "dct-rotate-root");
        assert_eq!(documents(&bundle), ["root 2"]);
        assert!(bundle.wants.is_empty());
    });
}

#[test]
fn dct_renew() {
    on_softhsm("dct_renew", |tokens| {
        let (_, bundle) = rehearsed(tokens, "dct-renew");
        assert_eq!(documents(&bundle), ["root 2", "targets 6"]);
        assert!(bundle.wants.is_empty());
    });
}

#[test]
fn dct_delegate_waits_for_the_signer_whose_key_is_new() {
    on_softhsm("dct_delegate_waits_for_the_signer_whose_key_is_new", |tokens| {
        let (room, bundle) = rehearsed(tokens, "dct-delegate");
        assert_eq!(documents(&bundle), ["targets 6", "targets/alice 2", "targets/releases 2"]);
        let wants: Vec<_> = bundle.wants.iter().map(|want| (want.role.to_string(), want.owner.clone())).collect();
        let alice = |role: &str| (role.to_owned(), "Alice Moreau".to_owned());
        assert_eq!(wants, [alice("targets/releases"), alice("targets/alice")]);
        assert_eq!(bundle.complete().expect_err("it waits").rule, Rule::BundleComplete);
        let incomplete = room.count(|event| matches!(event, Event::RepositoriesExported { incomplete: 3, .. }));
        assert_eq!(incomplete, 1);
    });
}

#[test]
fn dct_come_home_brings_the_offline_key_from_its_file_to_two_tokens() {
    on_softhsm("dct_come_home_brings_the_offline_key_from_its_file_to_two_tokens", |tokens| {
        // What the stock tools made: a certificate for each repository, and tags without a signer.
        let (room, bundle) = rehearsed(tokens, "dct-come-home");
        assert_eq!(documents(&bundle), ["root 3", "targets 4"]);
        assert!(bundle.wants.is_empty());
        assert_eq!(room.ceremony().repositories().left_out().count(), 0);
        let brought: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyBroughtIn { alias, key, .. } => Some((alias.to_string(), key.public().fingerprint())),
                _ => None,
            })
            .collect();
        assert_eq!(brought.iter().map(|(alias, _)| alias.as_str()).collect::<Vec<_>>(), ["home-1", "home-2"]);
        assert_eq!(brought[0].1, brought[1].1, "one key");
    });
}

#[test]
fn two_people_hold_the_prepared_emergency_within_half_an_hour() {
    on_softhsm("two_people_hold_the_prepared_emergency_within_half_an_hour", |tokens| {
        let (room, bundle) = rehearsed(tokens, "dct-emergency");
        assert_eq!(documents(&bundle), ["root 2", "targets 6"]);
        assert!(bundle.wants.is_empty());
        let script = room.ceremony().script();
        let minutes: u32 = script.acts.iter().flat_map(|act| &act.steps).map(|step| step.minutes).sum();
        assert!(minutes <= 35, "{minutes}");
        assert_eq!(room.count(|event| matches!(event, Event::Present { .. })), 2);
    });
}
