//! A key that is wrapped on one token and unwrapped into another: whole flows on SoftHSM, and what is refused on the way.

mod support;

use std::{fs, path::Path};

use officiant::{
    device::probe::{Check, Verdict},
    fault::Error,
    keyfile::{Kek, PrivateKey, Wrapped},
    readback::{Challenge, Signable},
    rules::Rule,
    token::{
        Key, KeyAlgorithm, KeyRequest, KeySelector, LastTry, PinEntry, Probe as _, Provision as _, Token as _, User,
        Wrap as _,
        pkcs11::Pkcs11Token,
        wrap::{Copied, PinIsKey, Wrappable, WrappingKey, WrapsSafely},
    },
};
use support::{SO_PIN, folder, login, on_softhsm, pin, prepared};

fn request(algorithm: KeyAlgorithm) -> KeyRequest {
    KeyRequest { algorithm, label: "root".into(), id: b"root".to_vec() }
}

fn selector() -> KeySelector {
    KeySelector::Named { label: "root".into(), id: b"root".to_vec() }
}

fn rule<T>(done: Result<T, Error>) -> Option<Rule> {
    done.err().and_then(|error| error.refusal().map(|refusal| refusal.rule))
}

fn so(token: &mut Pkcs11Token) {
    token.login(User::So, PinEntry::Typed(&pin(SO_PIN)), LastTry::Keep).unwrap();
}

/// Probes a token and puts the key-encryption key on it; the user is logged in afterwards.
fn with_kek(token: &mut Pkcs11Token, kek: &Kek, algorithm: KeyAlgorithm) -> (WrapsSafely, WrappingKey) {
    login(token);
    let safe = token.wraps_safely(algorithm, None).unwrap();
    assert!(safe.wants_so());
    so(token);
    token.bring_kek(kek, &safe).unwrap();
    login(token);
    let under = token.find_kek(&kek.fingerprint(), &safe).unwrap();
    assert_eq!(under.passed().rule, Rule::KekReadsBack);
    (safe, under)
}

fn signs(token: &mut Pkcs11Token, key: &Key) {
    let payload = Signable::Challenge(Challenge::nonce(b"wrapped"));
    let signature = token.sign(key, &payload, None).unwrap();
    assert!(key.public.verify(payload.bytes(), &signature));
}

#[test]
fn a_key_is_wrapped_unwrapped_into_a_second_token_proven_there_and_closed() {
    on_softhsm("a_key_is_wrapped_unwrapped_into_a_second_token_proven_there_and_closed", |rehearsal| {
        for (round, algorithm) in
            [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa3072].into_iter().enumerate()
        {
            let (mut first, mut second) =
                (prepared(rehearsal, &format!("a{round}")), prepared(rehearsal, &format!("b{round}")));
            let kek = Kek::fresh().unwrap();
            let (safe, under) = with_kek(&mut first, &kek, algorithm);
            assert_eq!(safe.mechanism(), 0x210a);
            let key = first.generate_wrappable(&request(algorithm), &under).unwrap();
            assert!(key.passed().seen.contains("CKA_WRAP_WITH_TRUSTED true"), "{}", key.passed().seen);
            let wrapped = first.wrap(&key, &under).unwrap();
            assert_eq!(first.wrap(&key, &under).unwrap(), wrapped, "it may be repeated");
            assert_eq!(kek.unwrap(&wrapped).unwrap().public(), &key.key().public, "software opens it too");

            let (_, second_under) = with_kek(&mut second, &kek, algorithm);
            let copied = second.unwrap(&wrapped, &second_under, &request(algorithm)).unwrap();
            assert_eq!(copied.key().public, key.key().public);
            assert_eq!(copied.key().attributes.extractable, Some(false));
            assert!(copied.passed().iter().any(|passed| passed.rule == Rule::WrappedKeyProven));

            let (closed, passed) = first.close(key, &copied, &under).unwrap();
            assert_eq!((closed.attributes.extractable, passed.rule), (Some(false), Rule::KeyClosed));
            signs(&mut first, &closed);
            for token in [&mut first, &mut second] {
                assert_eq!(token.remove_kek(&kek.fingerprint()).unwrap().rule, Rule::KekGone);
                token.remove_kek(&kek.fingerprint()).unwrap();
                token.reopen().unwrap();
                login(token);
                let again = token.find_key(&selector()).unwrap();
                assert_eq!(again.public, copied.key().public);
                assert_eq!(again.attributes.extractable, Some(false));
                signs(token, &again);
                assert_eq!(token.public_keys().unwrap().len(), 1, "nothing else was left");
            }
        }
    });
}

#[test]
fn a_key_comes_out_of_its_old_file_and_is_wrapped_anew_under_another_key_encryption_key() {
    let test = "a_key_comes_out_of_its_old_file_and_is_wrapped_anew_under_another_key_encryption_key";
    on_softhsm(test, |rehearsal| {
        for (round, algorithm) in
            [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa3072].into_iter().enumerate()
        {
            let [mut first, mut second, mut third] =
                ["a", "b", "c"].map(|name| prepared(rehearsal, &format!("{name}{round}")));
            let (old, new) = (Kek::fresh().unwrap(), Kek::fresh().unwrap());
            let (_, under) = with_kek(&mut first, &old, algorithm);
            let key = first.generate_wrappable(&request(algorithm), &under).unwrap();
            let file = first.wrap(&key, &under).unwrap();

            let (_, under) = with_kek(&mut second, &old, algorithm);
            // What is named beside it is another key: it signs for that one no more than a copy would, and is destroyed.
            if algorithm == KeyAlgorithm::P256 {
                let other = PrivateKey::generate_p256().unwrap();
                let named =
                    Wrapped::new(other.public().clone(), file.bytes().to_vec(), old.fingerprint(), None).unwrap();
                let refused = rule(second.unwrap_to_wrap(&named, &under, &request(algorithm)));
                assert_eq!(refused, Some(Rule::WrappedKeyProven));
                assert!(second.public_keys().unwrap().is_empty());
            }
            let safe = second.wraps_safely(algorithm, None).unwrap();
            let under = second.find_kek(&old.fingerprint(), &safe).unwrap();
            let (out, signed) = second.unwrap_to_wrap(&file, &under, &request(algorithm)).unwrap();
            assert_eq!((out.key().attributes.extractable, signed.rule), (Some(true), Rule::WrappedKeyProven));
            assert!(out.passed().seen.contains("CKA_WRAP_WITH_TRUSTED true"), "{}", out.passed().seen);
            second.remove_kek(&old.fingerprint()).unwrap();

            let (_, under) = with_kek(&mut second, &new, algorithm);
            let out = second.find_wrappable(&selector(), &under).unwrap();
            let anew = second.wrap(&out, &under).unwrap();
            assert_eq!(new.unwrap(&anew).unwrap().public(), &key.key().public);
            assert!(old.opened(anew.bytes()).is_err(), "the old one opens the new file not");
            let (_, third_under) = with_kek(&mut third, &new, algorithm);
            let copied = third.unwrap(&anew, &third_under, &request(algorithm)).unwrap();
            let (closed, _) = second.close(out, &copied, &under).unwrap();
            assert_eq!((closed.attributes.extractable, &closed.public), (Some(false), &key.key().public));
            signs(&mut second, &closed);
        }
    });
}

/// The first half on token `a`, kept whole for what may go wrong afterwards.
struct First {
    token: Pkcs11Token,
    kek: Kek,
    safe: WrapsSafely,
    under: WrappingKey,
    key: Wrappable,
    wrapped: Wrapped,
}

fn first(rehearsal: &officiant::token::pkcs11::rehearsal::Rehearsal) -> First {
    let mut token = prepared(rehearsal, "a");
    let kek = Kek::fresh().unwrap();
    let (safe, under) = with_kek(&mut token, &kek, KeyAlgorithm::P256);
    let key = token.generate_wrappable(&request(KeyAlgorithm::P256), &under).unwrap();
    let wrapped = token.wrap(&key, &under).unwrap();
    First { token, kek, safe, under, key, wrapped }
}

#[test]
fn nothing_is_unwrapped_that_is_of_this_token_altered_or_of_another_kek_and_nothing_is_left() {
    on_softhsm(
        "nothing_is_unwrapped_that_is_of_this_token_altered_or_of_another_kek_and_nothing_is_left",
        |rehearsal| {
            let mut a = first(rehearsal);
            let wanted = request(KeyAlgorithm::P256);
            let other_name = KeyRequest { label: "again".into(), id: b"again".to_vec(), ..wanted.clone() };
            assert_eq!(rule(a.token.unwrap(&a.wrapped, &a.under, &other_name)), Some(Rule::WrappedKeyProven));

            let mut second = prepared(rehearsal, "b");
            let (safe, under) = with_kek(&mut second, &a.kek, KeyAlgorithm::P256);
            let of = |public: &PrivateKey, bytes: &[u8], kek: &Kek| {
                Wrapped::new(public.public().clone(), bytes.to_vec(), kek.fingerprint(), None).unwrap()
            };
            // Another public key beside it: what is unwrapped does not sign for it, and is destroyed.
            let other = PrivateKey::generate_p256().unwrap();
            let named = of(&other, a.wrapped.bytes(), &a.kek);
            assert_eq!(rule(second.unwrap(&named, &under, &wanted)), Some(Rule::WrappedKeyProven));
            // Another key-encryption key, and bytes that were altered.
            let foreign = of(&other, a.wrapped.bytes(), &Kek::fresh().unwrap());
            let under = second.find_kek(&a.kek.fingerprint(), &safe).unwrap();
            assert_eq!(rule(second.unwrap(&foreign, &under, &wanted)), Some(Rule::WrappedKeyProven));
            let mut bytes = a.wrapped.bytes().to_vec();
            bytes[20] ^= 1;
            let altered = Wrapped::new(a.key.key().public.clone(), bytes, a.kek.fingerprint(), None).unwrap();
            assert!(second.unwrap(&altered, &under, &wanted).unwrap_err().fault().is_some());
            // The module says CKR_GENERAL_ERROR, as one whose token is gone does: look again.
            login(&mut second);
            let under = second.find_kek(&a.kek.fingerprint(), &safe).unwrap();
            let p384 = KeyRequest { algorithm: KeyAlgorithm::P384, ..wanted.clone() };
            assert_eq!(rule(second.unwrap(&a.wrapped, &under, &p384)), Some(Rule::WrappedKeyProven));
            assert_eq!(second.clear_half_made(&wanted).unwrap(), 0);
            assert_eq!(second.public_keys().unwrap(), []);

            // A handle from before a login is good no more, nor is one of another token.
            login(&mut second);
            assert!(
                second.unwrap(&a.wrapped, &under, &wanted).unwrap_err().fault().is_some_and(|fault| fault.token_lost())
            );
            assert_eq!(rule(second.unwrap(&a.wrapped, &a.under, &wanted)), Some(Rule::TokenIsExpected));
            assert_eq!(rule(second.bring_kek(&Kek::fresh().unwrap(), &a.safe)), Some(Rule::TokenIsExpected));

            let under = second.find_kek(&a.kek.fingerprint(), &safe).unwrap();
            let copied = second.unwrap(&a.wrapped, &under, &wanted).unwrap();
            assert_eq!(rule(second.unwrap(&a.wrapped, &under, &other_name)), Some(Rule::OutputFresh), "it is there");
            // A copy closes its own original alone.
            let mut third = prepared(rehearsal, "c");
            let (_, third_under) = with_kek(&mut third, &a.kek, KeyAlgorithm::P256);
            let unrelated = third.generate_wrappable(&wanted, &third_under).unwrap();
            assert_eq!(rule(third.close(unrelated, &copied, &third_under)), Some(Rule::WrappedKeyProven));
            a.token.close(a.key, &copied, &a.under).unwrap();
            let error = a.token.find_wrappable(&selector(), &a.under).map(drop).unwrap_err();
            assert!(error.to_string().contains("closed already"), "{error}");
        },
    );
}

#[test]
fn after_a_pause_each_proof_is_made_again_by_looking() {
    on_softhsm("after_a_pause_each_proof_is_made_again_by_looking", |rehearsal| {
        let First { mut token, kek, wrapped, .. } = first(rehearsal);
        let again = |token: &mut Pkcs11Token| {
            token.reopen().unwrap();
            login(token);
            let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
            token.find_kek(&kek.fingerprint(), &safe).unwrap()
        };
        let under = again(&mut token);
        let key = token.find_wrappable(&selector(), &under).unwrap();
        assert_eq!(token.wrap(&key, &under).unwrap(), wrapped);
        let mut second = prepared(rehearsal, "b");
        with_kek(&mut second, &kek, KeyAlgorithm::P256);
        let second_under = again(&mut second);
        second.unwrap(&wrapped, &second_under, &request(KeyAlgorithm::P256)).unwrap();
        again(&mut second);
        let copied: Copied = second.find_copy(&selector()).unwrap();
        token.close(key, &copied, &under).unwrap();
        // A key that can be wrapped is no copy.
        let mut third = prepared(rehearsal, "c");
        let (_, under) = with_kek(&mut third, &kek, KeyAlgorithm::P256);
        third.generate_wrappable(&request(KeyAlgorithm::P256), &under).unwrap();
        assert_eq!(rule(third.find_copy(&selector())), Some(Rule::KeyNotExtractable));
    });
}

fn lies_in(folder: &Path, kek: &Kek) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let holds = |bytes: Vec<u8>| bytes.windows(32).any(|window| window == kek.material().expose());
        if path.is_dir() { lies_in(&path, kek) } else { holds(fs::read(path).unwrap()) }
    })
}

#[test]
fn a_kek_is_brought_once_trusted_by_the_so_alone_and_reads_back() {
    on_softhsm("a_kek_is_brought_once_trusted_by_the_so_alone_and_reads_back", |rehearsal| {
        let mut token = prepared(rehearsal, "a");
        let kek = Kek::fresh().unwrap();
        login(&mut token);
        let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
        assert_eq!(rule(token.find_kek(&kek.fingerprint(), &safe)), Some(Rule::KekReadsBack), "it is not there");
        assert!(token.bring_kek(&kek, &safe).unwrap_err().fault().is_some(), "the user makes none that is trusted");
        assert_eq!(rule(token.find_kek(&kek.fingerprint(), &safe)), Some(Rule::KekReadsBack));
        so(&mut token);
        token.bring_kek(&kek, &safe).unwrap();
        assert_eq!(rule(token.bring_kek(&kek, &safe)), Some(Rule::OutputFresh));
        login(&mut token);
        let under = token.find_kek(&kek.fingerprint(), &safe).unwrap();
        for part in ["CKA_DECRYPT false", "CKA_EXTRACTABLE false", "CKA_MODIFIABLE false", "CKA_TRUSTED true"] {
            assert!(under.passed().seen.contains(part), "{}", under.passed().seen);
        }
        let p384 = token.generate_wrappable(&request(KeyAlgorithm::P384), &under).unwrap_err();
        assert!(p384.fault().is_some(), "it was probed for P-256");
        // A public object of SoftHSM lies in its file as it is, and the file goes with it: what its row of quirks says.
        assert!(lies_in(&folder(), &kek));
        token.remove_kek(&kek.fingerprint()).unwrap();
        assert!(!lies_in(&folder(), &kek));
    });
}

#[test]
fn the_probe_of_softhsm_sees_what_it_wraps_and_what_it_cannot_and_leaves_nothing() {
    on_softhsm("the_probe_of_softhsm_sees_what_it_wraps_and_what_it_cannot_and_leaves_nothing", |rehearsal| {
        let mut token = prepared(rehearsal, "a");
        login(&mut token);
        let report = token.probe().unwrap();
        let verdict = |check| report.finding(check).map(|finding| finding.verdict);
        for check in [
            Check::Wraps(KeyAlgorithm::P256),
            Check::Wraps(KeyAlgorithm::P384),
            Check::Wraps(KeyAlgorithm::Rsa3072),
            Check::UnwrapsAsAsked,
            Check::DecryptsNoWrapped,
            Check::ClosesKeys,
            Check::WantsTrusted,
            Check::TrustsSoOnly,
            Check::LeavesNothing,
        ] {
            assert_eq!(verdict(check), Some(Verdict::Good), "{check}: {:#?}", report.findings);
        }
        assert_eq!(verdict(Check::Wraps(KeyAlgorithm::Ed25519)), Some(Verdict::Cannot), "{:#?}", report.findings);
        report.keeps_keys().unwrap();
        report.wraps_safely(KeyAlgorithm::P256).unwrap();
        report.holds_to_trusted().unwrap();
        let refusal = report.wraps_safely(KeyAlgorithm::Ed25519).unwrap_err();
        assert_eq!(refusal.rule, Rule::WrappingSafe);
        assert!(refusal.what.contains("wraps and unwraps Ed25519 keys"), "{refusal}");
        let error = token.wraps_safely(KeyAlgorithm::Ed25519, Some(&PinIsKey::declared_in_the_script())).unwrap_err();
        assert_eq!(error.refusal().map(|refusal| refusal.rule), Some(Rule::WrappingSafe), "{error}");
        assert_eq!(token.public_keys().unwrap(), []);
    });
}

#[test]
fn a_declaration_does_without_trust_where_a_token_takes_no_trusted_key() {
    on_softhsm("a_declaration_does_without_trust_where_a_token_takes_no_trusted_key", |rehearsal| {
        let (mut first, mut second) = (prepared(rehearsal, "a"), prepared(rehearsal, "b"));
        let (kek, declared) = (Kek::fresh().unwrap(), PinIsKey::declared_in_the_script());
        let mut under = vec![];
        for token in [&mut first, &mut second] {
            login(token);
            let safe = token.wraps_safely(KeyAlgorithm::P256, Some(&declared)).unwrap();
            assert!(safe.wants_so(), "a declaration alone does not do away with what a token can");
            let safe = safe.untrusted(&declared);
            let rules: Vec<_> = safe.passed().iter().map(|passed| passed.rule).collect();
            assert_eq!((safe.wants_so(), rules), (false, vec![Rule::WrappingSafe, Rule::WrappingTrusted]));
            token.bring_kek(&kek, &safe).unwrap();
            // Private: SoftHSM encrypts it in its file.
            assert!(!lies_in(&folder(), &kek));
            under.push(token.find_kek(&kek.fingerprint(), &safe).unwrap());
        }
        let key = first.generate_wrappable(&request(KeyAlgorithm::P256), &under[0]).unwrap();
        let wrapped = first.wrap(&key, &under[0]).unwrap();
        let copied = second.unwrap(&wrapped, &under[1], &request(KeyAlgorithm::P256)).unwrap();
        first.close(key, &copied, &under[0]).unwrap();
        first.remove_kek(&kek.fingerprint()).unwrap();
        second.remove_kek(&kek.fingerprint()).unwrap();
    });
}
