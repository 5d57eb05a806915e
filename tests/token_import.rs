//! Keys from files on tokens: SoftHSM, SoftHSM and NSS behind the fault-injecting shim.

mod keyfile_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use keyfile_support::{encrypted, open, plain};
use officiant::{
    device,
    fault::{Error, FaultKind},
    keyfile::PrivateKey,
    readback::{Challenge, Signable},
    rules::Rule,
    token::{
        Erase, KeyAlgorithm, KeyRequest, KeySelector, PinEntry, Provision as _, Token as _,
        pkcs11::{self, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};
use support::{SO_PIN, USER_PIN, alone, folder, login, on_softhsm, pin, prepared};

fn request(algorithm: KeyAlgorithm, name: &str) -> KeyRequest {
    KeyRequest { algorithm, label: name.into(), id: name.as_bytes().to_vec() }
}

fn rule(error: &Error) -> Option<Rule> {
    error.refusal().map(|refusal| refusal.rule)
}

/// Brings a key in, and lets it sign after the token was opened again.
fn signs(token: &mut Pkcs11Token, key: &PrivateKey, name: &str) {
    let algorithm = key.public().key_algorithm().expect("one of ours");
    let there = token.import_key(key, &request(algorithm, name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(there.public, *key.public());
    device::brought_in(&there.attributes).unwrap();
    assert_ne!(there.attributes.local, Some(true), "{:?}", there.attributes);
    token.reopen().unwrap();
    login(token);
    let again = token.find_key(&KeySelector::Public(key.public().clone())).unwrap();
    let statement = Challenge::nonce(b"import");
    let signature = token.sign(&again, &Signable::Challenge(statement.clone()), None).unwrap();
    assert!(key.public().verify(statement.bytes(), &signature));
}

#[test]
fn every_key_of_the_stock_tools_is_brought_to_a_token_and_signs_or_skipped() {
    on_softhsm("every_key_of_the_stock_tools_is_brought_to_a_token_and_signs_or_skipped", |rehearsal| {
        let Some(vectors) = keyfile_support::vectors() else {
            return eprintln!("skipped: no ../shared/vectors beside the checkout");
        };
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let mut seen: Vec<PrivateKey> = vec![];
        let mut refused = 0;
        let files = encrypted(&vectors).into_iter().chain(plain(&vectors).into_iter().map(|path| (path, "")));
        for (index, (path, with)) in files.enumerate() {
            let key = open(&path, with);
            let name = format!("k{index}");
            if key.public().key_algorithm().is_none() {
                let error = token.import_key(&key, &request(KeyAlgorithm::Rsa3072, &name)).unwrap_err();
                assert_eq!(error.fault().map(|fault| &fault.kind), Some(&FaultKind::NotSupported), "{error}");
                assert!(error.to_string().contains("no RSA-2048 PSS key"), "{error}");
                refused += 1;
            } else if seen.iter().any(|known| known.public() == key.public()) {
                let error = token.import_key(&key, &request(KeyAlgorithm::P256, &name)).unwrap_err();
                assert_eq!(rule(&error), Some(Rule::OutputFresh), "{error}");
            } else {
                signs(&mut token, &key, &name);
                seen.push(key);
            }
        }
        assert_eq!((seen.len() > 15, refused), (true, 1));
        assert_eq!(token.public_keys().unwrap().len(), seen.len());
    });
}

#[test]
fn each_algorithm_is_brought_in_and_no_name_and_no_key_twice_or_skipped() {
    on_softhsm("each_algorithm_is_brought_in_and_no_name_and_no_key_twice_or_skipped", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = PrivateKey::generate_p256().unwrap();
        signs(&mut token, &key, "p256");
        let other = PrivateKey::generate_p256().unwrap();
        for (key, name) in [(&other, "p256"), (&key, "another")] {
            let error = token.import_key(key, &request(KeyAlgorithm::P256, name)).unwrap_err();
            assert_eq!(rule(&error), Some(Rule::OutputFresh), "{name}");
        }
        let wrong = token.import_key(&other, &request(KeyAlgorithm::P384, "p384")).unwrap_err();
        assert_eq!(wrong.fault().map(|fault| &fault.kind), Some(&FaultKind::NotSupported));
        assert_eq!(token.public_keys().unwrap().len(), 1);
        for (arguments, algorithm) in [
            (&["genpkey", "-algorithm", "ed25519"][..], KeyAlgorithm::Ed25519),
            (&["ecparam", "-name", "secp384r1", "-genkey", "-noout"][..], KeyAlgorithm::P384),
            (&["genrsa", "3072"][..], KeyAlgorithm::Rsa3072),
        ] {
            let Ok(made) = Command::new("openssl").args(arguments).output() else {
                return eprintln!("skipped: openssl is not here");
            };
            let path = folder().join("made.pem");
            fs::write(&path, made.stdout).unwrap();
            signs(&mut token, &open(&path, ""), &algorithm.to_string());
        }
    });
}

/// The shim as the tests were built with it.
fn shim() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().join("libpkcs11_shim.so")
}

fn control(lines: &str) {
    fs::write(folder().join("control"), lines).unwrap();
}

#[test]
fn a_refused_or_interrupted_import_leaves_nothing_and_says_what_the_module_refused() {
    let name = "a_refused_or_interrupted_import_leaves_nothing_and_says_what_the_module_refused";
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(name, prepare, || {
        let uri = TokenUri { module_path: Some(shim()), ..TokenUri::default() };
        let mut token = pkcs11::open_blank(&uri, Trust::shipped()).unwrap();
        token.initialise("root-a", PinEntry::Typed(&pin(SO_PIN)), Erase::NothingThere).unwrap();
        token.set_user_pin(&pin(SO_PIN), &pin(USER_PIN)).unwrap();
        login(&mut token);
        let key = PrivateKey::generate_p256().unwrap();
        let wanted = request(KeyAlgorithm::P256, "k");
        // CKR_TEMPLATE_INCONSISTENT for the private half, and SoftHSM unwraps nothing in CBC mode.
        control("fail C_CreateObject 1 0xd1");
        let error = token.import_key(&key, &wanted).unwrap_err();
        let fault = error.fault().expect("a fault");
        assert_eq!(fault.kind, FaultKind::NotSupported, "{fault}");
        for part in ["CKR_TEMPLATE_INCONSISTENT", "C_UnwrapKey: CKR_MECHANISM_INVALID", "C_CreateObject"] {
            assert!(fault.to_string().contains(part), "no {part} in {fault}");
        }
        // The public half fails, and the private one goes too.
        control("fail C_CreateObject 2 0x31");
        assert!(token.import_key(&key, &wanted).unwrap_err().fault().is_some());
        control("");
        assert_eq!(token.clear_half_made(&wanted).unwrap(), 0, "nothing was left");
        // The token goes away in between: half a key is left, and is cleared when somebody looks.
        control("fail C_CreateObject 2 0x32\nfail C_FindObjectsInit 6+ 0x32");
        let error = token.import_key(&key, &wanted).unwrap_err();
        assert!(error.fault().is_some_and(|fault| fault.token_lost()), "{error}");
        control("");
        token.reopen().unwrap();
        login(&mut token);
        assert_eq!(token.clear_half_made(&wanted).unwrap(), 1, "the private half");
        token.import_key(&key, &wanted).unwrap();
    });
}

const NSS: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/libsoftokn3.so",
    "/usr/lib/aarch64-linux-gnu/libsoftokn3.so",
    "/usr/lib64/libsoftokn3.so",
];

#[test]
fn a_module_that_takes_no_key_in_the_open_takes_it_wrapped() {
    let module = NSS.iter().map(PathBuf::from).find(|path| path.is_file()).expect("apt-get install libnss3");
    let prepare = |folder: &Path| {
        fs::create_dir(folder).unwrap();
        vec![
            (pkcs11_shim::MODULE, module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone("a_module_that_takes_no_key_in_the_open_takes_it_wrapped", prepare, || {
        let parameters = format!(
            "configdir='' certPrefix='' keyPrefix='' secmod='' flags=noCertDB,noModDB,noKeyDB \
             tokens=<0x4=[configdir='sql:{}' tokenDescription='root-a' slotDescription='a']>",
            folder().display()
        );
        let uri = TokenUri {
            label: Some("root-a".into()),
            module_path: Some(shim()),
            init_reserved: Some(parameters),
            ..TokenUri::default()
        };
        let mut token = pkcs11::open_blank(&uri, Trust::shipped()).unwrap();
        token.set_user_pin(&pin(""), &pin(USER_PIN)).unwrap();
        login(&mut token);
        let made = Command::new("openssl").args(["genrsa", "3072"]).output().expect("openssl");
        let path = folder().join("made.pem");
        fs::write(&path, made.stdout).unwrap();
        let (rsa, p256) = (open(&path, ""), PrivateKey::generate_p256().unwrap());
        for (key, name) in [(&rsa, "rsa"), (&p256, "p256")] {
            control("fail C_CreateObject 1 0xd1");
            let wanted = request(key.public().key_algorithm().unwrap(), name);
            match token.import_key(key, &wanted) {
                Ok(there) => assert_eq!(there.public, *key.public()),
                Err(error) => panic!("{name}: {error}"),
            }
        }
    });
}
