//! Edges of the crate that drives YubiKeys: that the driver does not run into them.

#[path = "yubikey_support/driver.rs"]
mod driver;
mod yubikey_support;

use std::{fs, path::Path};

use driver::*;
use officiant::{
    keyfile::KeyFile,
    rules::Rule,
    token::{
        Attest as _, KeyAlgorithm, LastTry, PinEntry, Provision as _, Token as _, User,
        yubikey::{PinPolicy, TouchPolicy, list},
    },
};
use virtual_yubikey::Setup;
use yubikey_support::on_yubikeys;

const SERIAL: u32 = 7_150_001;
const SELECT: u8 = 0xa4;
const METADATA: u8 = 0xf7;

fn one() -> Setup {
    Setup::of(&[("5.7.1", SERIAL)])
}

/// The driver's source without its comments.
fn source() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/token/yubikey");
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("the driver") {
        for line in fs::read_to_string(entry.expect("a file").path()).expect("UTF-8").lines() {
            text += line.split("//").next().expect("a line");
            text.push('\n');
        }
    }
    text
}

#[test]
fn the_driver_calls_nothing_of_the_crate_that_does_harm() {
    let source = source();
    assert!(source.contains("YubiKey::open_by_serial"), "the source was read");
    for (call, why) in [
        ("yubikey_signer", "hashes before Ed25519"),
        ("generate_self_signed", "signs with it"),
        ("reconnect(", "sends a PIN that the crate kept"),
        ("deauthenticate(", "leaves another applet selected"),
        ("YubiKey::open()", "fails where two are in"),
        ("get_derived(", "derives the management key of the PIN"),
        ("generate_for(", "keeps a key in memory that is not locked"),
        ("from_bytes(key.expose(), None)", "takes 24 bytes for 3DES"),
    ] {
        assert!(!source.contains(call), "{call}: {why}");
    }
    // It tells "verified" as "blocked": asked for in one place, right after opening, of firmware that has no better answer.
    assert_eq!(source.matches("get_pin_retries(").count(), 1);
}

#[test]
fn no_other_applet_is_ever_selected() {
    on_yubikeys("no_other_applet_is_ever_selected", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        token.attest(&key).expect("attested");
        let typed = pin(PIN);
        token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).expect("signed");
        token.logout().expect("out");
        token.reopen().expect("opened anew");
        token.change_pin(User::User, &typed, &pin("161803"), LastTry::Keep).expect("changed");
        drop(token);
        list::list(trust(control)).expect("it is in");
        let trace = control.trace(0);
        let selected: Vec<_> = trace.commands().into_iter().filter(|command| command[1] == SELECT).collect();
        assert!(selected.len() > 3);
        assert!(selected.iter().all(|command| command[5..].starts_with(&[0xa0, 0, 0, 3, 8])), "{selected:02x?}");
    });
}

#[test]
fn a_scalar_goes_to_the_card_at_the_width_of_its_curve_whatever_its_file_says() {
    on_yubikeys("a_scalar_goes_to_the_card_at_the_width_of_its_curve_whatever_its_file_says", &one(), |control| {
        drop(prepared(control, SERIAL, settings()));
        let mut low = [0; 32];
        low[31] = 5;
        let mut token = open(control, SERIAL, with("9a", PinPolicy::Once, TouchPolicy::Never));
        login(&mut token);
        let key = token
            .import_key(&private(KeyAlgorithm::P256, &low), &request(KeyAlgorithm::P256, "low"))
            .expect("zeros at its beginning stay");
        let made = token.sign(&key, &challenge(1), None).expect("signed");
        assert!(key.public.verify(challenge(1).bytes(), &made));

        // The same with a zero too many, as some writers have it: it is no key, and comes nowhere near the card.
        let whole = pem(KeyAlgorithm::P256, &low);
        let (_, der) = der::pem::decode_vec(whole.as_bytes()).expect("PEM");
        let mut longer = der[..der.len() - 34].to_vec();
        longer.extend([0x04, 33, 0]);
        longer.extend(low);
        // Every length around it is one more.
        for at in [1, 27, 29] {
            longer[at] += 1;
        }
        let text = der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, &longer).expect("base64");
        let parsed = KeyFile::parse(secret(text.as_bytes())).and_then(|file| file.open(0, None));
        let wrong = parsed.err().expect("33 bytes are no scalar of P-256").to_string();
        assert!(wrong.contains("too long for the curve"), "{wrong}");
    });
}

#[test]
fn a_key_with_policies_that_are_not_known_is_seen_and_left_alone() {
    on_yubikeys("a_key_with_policies_that_are_not_known_is_seen_and_left_alone", &one(), |control| {
        let (mut token, _) = with_key(control, SERIAL, settings());
        token.logout().expect("out");
        // The slot 9c, the second that is asked, tells of a fingerprint in the place of a PIN.
        control.fault(0, METADATA, 1, "answer 010111020204019000");
        let seen = token.public_keys().expect("the others are looked at all the same");
        assert_eq!(seen.len(), 1);
        let why = seen[0].public.as_ref().expect_err("not used");
        assert!(why.contains("in a way that is not known here"), "{why}");

        // Something is there: no key is made over it.
        login(&mut token);
        control.trace(0);
        control.fault(0, METADATA, 1, "answer 010111020204019000");
        assert_eq!(rule(token.generate_key(&request(KeyAlgorithm::P256, "other"))), Some(Rule::OutputFresh));
        assert!(!control.trace(0).instructions().contains(&0x47));
    });
}
