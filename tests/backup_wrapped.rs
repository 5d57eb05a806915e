//! The backup of a key that a token wrapped: the file, the shares of its key-encryption key, and the ways back, with this program,
//! with stock tools, and into a third token.

mod backup_support;
mod support;

use std::{fs, path::Path, process::Command};

use backup_support::{again, choices, in_memory, is_there, printed, script, typed};
use officiant::{
    backup::{
        About, Gathering, Identity, Lock, Opens, Scheme, Sealed, Share, Split, Wrong,
        paper::{Paper, Sheets, sealed_html, sealed_text},
        seal, split, split_kek, wrapped_file,
    },
    keyfile::{Kek, KeyFile, PrivateKey},
    rules::Rule,
    secret::Secret,
    token::{
        KeyAlgorithm, KeyRequest, LastTry, PinEntry, Provision as _, Token as _, User, Wrap as _,
        pkcs11::{Pkcs11Token, rehearsal::Rehearsal},
        wrap::WrappingKey,
    },
    tuf::{dialect::Dialect, key::Key},
    utc::Utc,
};
use support::{SO_PIN, login, on_softhsm, pin, prepared};

fn about(trusted: &Key) -> About {
    let made = Utc::parse_rfc3339("2026-12-01T09:00:00Z").expect("an instant");
    About { keyid: trusted.id(), ceremony: "Genesis of example/shop".into(), made, history: None }
}

/// A wrapped key as software makes one.
fn in_software() -> (Kek, PrivateKey, Key, Sealed) {
    let (kek, key) = (Kek::fresh().unwrap(), PrivateKey::generate_p256().unwrap());
    let trusted = Dialect::default().key(key.public()).unwrap();
    let file = wrapped_file(&kek.wrap(&key).unwrap(), &about(&trusted)).unwrap();
    (kek, key, trusted, file)
}

fn three(kek: &Kek, trusted: &Key) -> Split {
    split_kek(kek, Scheme::new(2, 3).unwrap(), &trusted.id()).unwrap()
}

fn with_kek(token: &mut Pkcs11Token, kek: &Kek) -> WrappingKey {
    login(token);
    let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
    token.login(User::So, PinEntry::Typed(&pin(SO_PIN)), LastTry::Keep).unwrap();
    token.bring_kek(kek, &safe).unwrap();
    login(token);
    token.find_kek(&kek.fingerprint(), &safe).unwrap()
}

/// What a genesis leaves: two tokens with the key, the file, the shares, and the key-encryption key nowhere else.
fn genesis(rehearsal: &Rehearsal) -> (Key, Sealed, Split) {
    let request = KeyRequest { algorithm: KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() };
    let kek = Kek::fresh().unwrap();
    let (mut first, mut second) = (prepared(rehearsal, "a"), prepared(rehearsal, "b"));
    let under = with_kek(&mut first, &kek);
    let key = first.generate_wrappable(&request, &under).unwrap();
    let trusted = Dialect::default().key(&key.key().public).unwrap();
    let wrapped = first.wrap(&key, &under).unwrap();
    let file = wrapped_file(&wrapped, &about(&trusted)).unwrap();
    // From the file, as it was written.
    let (from_file, _) = Sealed::read(file.bytes().to_vec()).unwrap().wrapped().unwrap().trusted(&trusted).unwrap();
    let second_under = with_kek(&mut second, &kek);
    let copied = second.unwrap(&from_file, &second_under, &request).unwrap();
    first.close(key, &copied, &under).unwrap();
    let split = split_kek(&kek, Scheme::new(3, 5).unwrap(), &trusted.id()).unwrap();
    for token in [&mut first, &mut second] {
        token.remove_kek(&kek.fingerprint()).unwrap();
    }
    (trusted, file, split)
}

#[test]
fn a_lost_token_is_replaced_from_the_file_and_a_threshold_of_shares() {
    on_softhsm("a_lost_token_is_replaced_from_the_file_and_a_threshold_of_shares", |rehearsal| {
        let (trusted, file, split) = genesis(rehearsal);
        assert_eq!(split.set.opens, Opens::WrappedKey);
        assert_eq!(*file.lock(), Lock::KeyEncryptionKey { set: split.set.id() });
        let mut gathering = Gathering::of(split.set.clone());
        for share in split.shares.iter().skip(2) {
            gathering.add(again(share)).unwrap();
        }
        let kek = gathering.kek().unwrap();
        let (wrapped, passed) = file.wrapped().unwrap().trusted(&trusted).unwrap();
        assert_eq!(passed.rule, Rule::BackupOpens);
        let mut third = prepared(rehearsal, "c");
        let under = with_kek(&mut third, &kek);
        let request = KeyRequest { algorithm: KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() };
        let copied = third.unwrap(&wrapped, &under, &request).unwrap();
        assert_eq!(copied.key().public, *trusted.public());
        third.remove_kek(&kek.fingerprint()).unwrap();
        // For a token that unwraps nothing the key comes in the open, and is the same.
        let (key, _) = file.wrapped().unwrap().open(&kek).unwrap().trusted(&trusted).unwrap();
        assert_eq!(key.public(), trusted.public());
    });
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn a_stranger_unwraps_the_key_with_the_shares_the_script_and_openssl() {
    if !is_there("python3") || Command::new("openssl").arg("version").output().is_err() {
        return println!("skipped: python3 or openssl is not here");
    }
    on_softhsm("a_stranger_unwraps_the_key_with_the_shares_the_script_and_openssl", |rehearsal| {
        let (trusted, from_token, split) = genesis(rehearsal);
        let (kek, _, of_software, from_software) = in_software();
        let others = three(&kek, &of_software);
        for (trusted, file, Split { shares, set }) in
            [(trusted, from_token, split), (of_software, from_software, others)]
        {
            let place = in_memory();
            let script = |arguments: &[&str]| {
                Command::new("python3").arg(script()).args(arguments).current_dir(place.path()).output().unwrap()
            };
            fs::write(place.path().join("file"), file.bytes()).unwrap();
            for share in &shares {
                fs::write(place.path().join(share.label().index.to_string()), typed(share)).unwrap();
            }
            let some = &["kek", "1", "3", "2"][..=usize::from(set.scheme.threshold())];
            let kek = script(some);
            assert!(kek.status.success(), "{kek:?}");
            let kek = String::from_utf8(kek.stdout).unwrap();
            let wrong = script(&[&["identity"], &some[1..]].concat());
            assert!(String::from_utf8_lossy(&wrong.stderr).contains("use recover.py kek"), "{wrong:?}");
            fs::write(place.path().join("wrapped.bin"), script(&["wrapped", "file"]).stdout).unwrap();
            run(Command::new("openssl")
                .args(["enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", kek.trim()])
                .args(["-in", "wrapped.bin", "-out", "filled.der"])
                .current_dir(place.path()));
            fs::write(place.path().join("key.der"), script(&["bare", "filled.der"]).stdout).unwrap();
            let public = run(Command::new("openssl")
                .args(["pkey", "-inform", "DER", "-in", "key.der", "-pubout"])
                .current_dir(place.path()));
            let public = officiant::tuf::key::PublicKey::from_spki_pem(&String::from_utf8(public).unwrap()).unwrap();
            assert_eq!(public, *trusted.public());
            let python = "from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding as unwrap; import sys; \
                sys.stdout.buffer.write(unwrap(bytes.fromhex(sys.argv[1]), open('wrapped.bin', 'rb').read()))";
            let unwrapped = Command::new("python3").args(["-c", python, kek.trim()]).current_dir(place.path()).output();
            let unwrapped = unwrapped.unwrap();
            if unwrapped.status.success() {
                assert_eq!(unwrapped.stdout, fs::read(place.path().join("filled.der")).unwrap());
            } else {
                println!("skipped: Python's cryptography is not here");
            }
        }
    });
}

#[test]
fn shares_of_a_kek_open_no_sealed_file_and_those_of_an_identity_no_wrapped_key() {
    let (kek, _, trusted, file) = in_software();
    let Split { shares, set } = three(&kek, &trusted);
    for some in choices(3, 2) {
        let mut gathering = Gathering::of(set.clone());
        for at in some {
            gathering.add(again(&shares[at])).unwrap();
        }
        assert_eq!(gathering.opens(), Some(Opens::WrappedKey));
        let error = gathering.identity().map(drop).unwrap_err();
        assert!(error.refusal().is_some_and(|refusal| refusal.rule == Rule::ShareFits), "{error}");
        assert!(gathering.kek().unwrap().material().same_as(kek.material()));
    }
    let identity = Identity::fresh().unwrap();
    let others = split(&identity, Scheme::new(2, 3).unwrap(), &trusted.id()).unwrap();
    let mut gathering = Gathering::of(others.set.clone());
    gathering.add(again(&others.shares[0])).unwrap();
    gathering.add(again(&others.shares[1])).unwrap();
    assert!(gathering.kek().is_err());
    assert!(Gathering::of(set.clone()).add(again(&others.shares[0])).is_err());
    assert_eq!(file.open(&identity).map(drop).unwrap_err(), Wrong::OtherLock(file.lock().to_string()));
    // What a transcript says of a set of identities is what it always said.
    assert!(!serde_json::to_string(&others.set).unwrap().contains("opens"));
    assert!(serde_json::to_string(&set).unwrap().contains("\"opens\":\"wrapped-key\""));
    assert_eq!(file.wrapped().unwrap().open(&Kek::fresh().unwrap()).map(drop).unwrap_err(), Wrong::OtherIdentity);
}

#[test]
fn a_spoilt_file_is_named_and_holds_no_key_of_anybody_else() {
    let (kek, _, trusted, file) = in_software();
    let text = String::from_utf8(file.bytes().to_vec()).unwrap();
    // The last line may lack its end.
    for length in 0..text.len() - 1 {
        let cut = Sealed::read(text.as_bytes()[..length].to_vec());
        assert!(cut.is_err(), "{length}");
    }
    for at in 0..text.len() {
        let mut altered = text.clone().into_bytes();
        altered[at] ^= 1;
        let opened = Sealed::read(altered)
            .and_then(|file| file.wrapped()?.open(&kek)?.trusted(&trusted).map_err(|_| Wrong::OtherIdentity));
        if let Ok((key, _)) = opened {
            assert_eq!(key.public(), trusted.public(), "{at}");
        }
    }
    for (from, to, said) in [
        ("mechanism: RFC 5649, AES-256", "mechanism: RFC 9999", "the mechanism RFC 9999"),
        ("algorithm: P-256", "algorithm: P-384", "another algorithm"),
        ("public key: ", "public: ", "does not say which key"),
        ("officiant wrapped key 1", "officiant wrapped key 2", "no age file"),
    ] {
        let wrong = Sealed::read(text.replace(from, to).into_bytes()).unwrap_err();
        assert!(wrong.to_string().contains(said), "{wrong}");
    }
    let (_, _, other, _) = in_software();
    assert_eq!(file.wrapped().unwrap().trusted(&other).unwrap_err().rule, Rule::BackupOpens);
}

#[test]
fn pages_and_sheets_say_what_they_are_of() {
    let (kek, _, trusted, file) = in_software();
    let Split { shares, .. } = three(&kek, &trusted);
    let heading = backup_support::heading();
    for paper in [Paper::text(&shares[0], &heading).unwrap(), Paper::html(&shares[0], &heading).unwrap()] {
        let page = printed(&paper).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["one byte of the key-encryption key", "-id-aes256-wrap-pad", "the file of the wrapped key"] {
            assert!(page.contains(part), "no “{part}” in {page}");
        }
        assert!(!page.contains("AGE-SECRET-KEY"));
    }
    assert!(
        sealed_text(&file, "example/shop")
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains("a key that a token wrapped")
    );
    assert!(sealed_html(&file, "example/shop").unwrap().contains("a key-encryption key (AES-256, RFC 5649)"));
    // From the codes of the sheets, as any reader gives them.
    let digest = file.digest().to_string().to_ascii_uppercase();
    let parts: Vec<_> = file.bytes().chunks(officiant::backup::paper::PAGE_BYTES).collect();
    let mut sheets = Sheets::new();
    let mut whole = None;
    for (at, part) in parts.iter().enumerate() {
        let hex: String = part.iter().map(|byte| format!("{byte:02X}")).collect();
        let code = format!("OFFICIANT-FILE-1:{}/{}:{}:{hex}", at + 1, parts.len(), &digest[..16]);
        whole = sheets.code(&code).unwrap();
    }
    assert_eq!(whole, Some(file));
}

/// Made by the first version that wrote such files: they open for as long as there is paper.
#[test]
fn a_file_and_shares_that_were_written_before_open_for_ever() {
    let frozen =
        |name: &str| fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backup_support").join(name)).unwrap();
    let file = Sealed::read(frozen("wrapped-1.txt")).unwrap();
    let shares = String::from_utf8(frozen("printed-kek-shares.txt")).unwrap();
    for some in choices(3, 2) {
        let mut gathering = Gathering::unknown();
        for at in some {
            let text = shares.lines().nth(at).unwrap().split(' ').next().unwrap();
            gathering.add(Share::read(&Secret::copied(text.as_bytes()).unwrap()).unwrap()).unwrap();
        }
        let kek = gathering.kek().unwrap();
        assert!(kek.material().same_as(&Secret::copied(&[0x11; 32]).unwrap()));
        let wrapped = file.wrapped().unwrap();
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(wrapped.about().ceremony, "Genesis of example/shop");
        let trusted = Dialect::default().key(wrapped.wrapped().public()).unwrap();
        let (key, _) = wrapped.open(&kek).unwrap().trusted(&trusted).unwrap();
        assert!(key.material().same_as(&Secret::copied(&one).unwrap()));
        // Software wraps it to the same bytes today.
        assert_eq!(kek.wrap(&key).unwrap().bytes(), file.wrapped().unwrap().wrapped().bytes());
    }
}

/// A private key of a kind that OpenSSL makes, as a file holds it.
fn made(arguments: &[&str]) -> Option<PrivateKey> {
    let pem = Command::new("openssl").args(arguments).output().ok()?.stdout;
    let file = KeyFile::parse(Secret::copied(&pem).unwrap()).unwrap();
    Some(file.open(0, None).unwrap())
}

#[test]
fn a_key_of_every_kind_comes_back_from_either_file_and_signs_on_a_token_or_skipped() {
    on_softhsm("a_key_of_every_kind_comes_back_from_either_file_and_signs_on_a_token_or_skipped", |rehearsal| {
        let mut token = prepared(rehearsal, "a");
        login(&mut token);
        for arguments in [
            &["ecparam", "-name", "prime256v1", "-genkey", "-noout"][..],
            &["ecparam", "-name", "secp384r1", "-genkey", "-noout"],
            &["genpkey", "-algorithm", "ed25519"],
            &["genrsa", "3072"],
        ] {
            let Some(key) = made(arguments) else { return println!("skipped: openssl is not here") };
            let algorithm = key.public().key_algorithm().unwrap();
            let trusted = Dialect::default().key(key.public()).unwrap();
            let (kek, identity) = (Kek::fresh().unwrap(), Identity::fresh().unwrap());
            let sealed = seal(&key, &about(&trusted), &identity).unwrap();
            let wrapped = wrapped_file(&kek.wrap(&key).unwrap(), &about(&trusted)).unwrap();
            let opened = [sealed.open(&identity).unwrap(), wrapped.wrapped().unwrap().open(&kek).unwrap()];
            for (number, opened) in opened.into_iter().enumerate() {
                let (again, _) = opened.trusted(&trusted).unwrap();
                let name = format!("{algorithm} {number}");
                let request = KeyRequest { algorithm, label: name.clone(), id: name.into_bytes() };
                let there = token.import_key(&again, &request).unwrap();
                assert_eq!(there.public, *trusted.public());
                token.destroy_key(&there).unwrap();
            }
        }
    });
}
