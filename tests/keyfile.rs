//! Private key files: those that real tools wrote, what is wrong with others, and what the stock tools make of ours.

mod keyfile_support;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use keyfile_support::{encrypted, open, passphrase, plain, text};
use officiant::{
    digest::to_hex,
    keyfile::{Headers, ITERATIONS, KeyFile, PrivateKey, Wrong, write},
    tuf::key::{KeyId, PublicKey},
};
use serde_json::Value;

fn parse(pem: &str) -> Result<KeyFile, Wrong> {
    KeyFile::parse(text(pem.as_bytes()))
}

fn wrong(pem: &str) -> Wrong {
    match parse(pem) {
        Err(wrong) => wrong,
        Ok(file) => file.open(0, Some(&passphrase("right horse"))).err().expect("it cannot be opened"),
    }
}

/// Public keys of metadata of Notary, certificates left out.
fn bare_keys(metadata: &Value) -> Vec<String> {
    let signed = &metadata["signed"];
    let keys = signed["keys"].as_object().or(signed["delegations"]["keys"].as_object()).expect("keys");
    keys.iter().filter(|(_, key)| key["keytype"] != "ecdsa-x509").map(|(keyid, _)| keyid.clone()).collect()
}

#[test]
fn every_key_of_a_stock_tool_opens_with_its_passphrase_and_is_the_key_that_its_file_name_says_or_skipped() {
    let vectors = vectors_or_skip!();
    let mut algorithms = BTreeSet::new();
    for (path, with) in encrypted(&vectors) {
        let file = KeyFile::load(&path).unwrap();
        let [listed] = file.keys() else { panic!("one key in {}", path.display()) };
        assert!(listed.lock.is_some() && listed.public.is_none(), "{listed:?}");
        let key = file.open(0, Some(&passphrase(with))).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let id = name.split('_').next().unwrap().to_owned();
        assert_eq!(key.public().canonical_id(), Some(KeyId::from(id.as_str())), "{}", path.display());
        algorithms.insert(key.public().algorithm());
        if let Some(signature) = key.sign(b"proof") {
            assert!(key.public().verify(b"proof", &signature));
        }
        assert_eq!(file.open(0, Some(&passphrase("wrongpass-lab"))).err(), Some(Wrong::Passphrase));
        assert_eq!(file.open(0, None).err(), Some(Wrong::PassphraseWanted));
    }
    assert_eq!(algorithms.into_iter().collect::<Vec<_>>(), ["P-256", "RSA-2048 PSS"]);
}

#[test]
fn headers_say_what_a_key_is_for_and_how_it_is_encrypted_without_a_passphrase_or_skipped() {
    let vectors = vectors_or_skip!();
    let file = KeyFile::load(&vectors.join("notary/stock/export-all.pem")).unwrap();
    let roles: Vec<_> = file.keys().iter().map(|key| key.role.as_deref().unwrap()).collect();
    assert_eq!(roles, ["alice", "root", "targets"]);
    let targets = &file.keys()[2];
    assert_eq!(targets.gun.as_deref(), Some("localhost:5000/lab/stock"));
    assert_eq!(targets.lock.as_ref().unwrap().to_string(), "PBKDF2-HMAC-SHA1, 2048 rounds, AES-256-CBC");
    let id = targets.canonical_id().unwrap();
    assert!(id.as_str().starts_with("e5ceda1d"));
    // One of several is found by what the file says of it, and is it.
    assert_eq!(file.place_of(Some(&id)), Ok(2));
    let key = file.open(2, Some(&passphrase("targetspass-lab"))).unwrap();
    assert_eq!(key.public().canonical_id(), Some(id));
    assert_eq!(file.place_of(None), Err(Wrong::Several { count: 3, wanted: None }));
    assert!(file.place_of(Some(&"0000".into())).unwrap_err().to_string().contains("holds 3 keys"));

    let old = encrypted(&vectors).into_iter().find(|(path, _)| path.to_string_lossy().contains("fa842f66")).unwrap().0;
    let old = KeyFile::load(&old).unwrap();
    assert_eq!(old.keys()[0].shape, "PKCS#1");
    assert_eq!(old.keys()[0].role.as_deref(), Some("targets/releases"));
    assert_eq!(old.keys()[0].lock.as_ref().unwrap().to_string(), "MD5, 1 round, AES-256-CBC");
}

#[test]
fn keys_are_those_of_the_metadata_that_names_them_or_skipped() {
    let vectors = vectors_or_skip!();
    let json = |path: &str| -> Value { serde_json::from_slice(&fs::read(vectors.join(path)).unwrap()).unwrap() };
    let id = |path: &Path, with: &str| open(path, with).public().canonical_id().unwrap().as_str().to_owned();
    let stock = vectors.join("notary/stock/trust/private");
    let root = json("notary/stock/served/5.root.json");
    let targets =
        id(&stock.join("e5ceda1df78704b87b9997972795ee71ddd545681a931ab8600960668bb5cfb1.key"), "targetspass-lab");
    assert!(bare_keys(&root).contains(&targets));
    // A root's key is in a certificate, whose public key is ours.
    let old = stock.join("9cd5e09331afacd14b615b2b65b22359cb23b4cb7e93275d6181a34a3057fa07.key");
    let point = to_hex(&open(&old, "rootpass-lab").public().to_spki_der().unwrap());
    let certificates = root["signed"]["keys"].as_object().unwrap().values();
    let holds = certificates.filter(|key| key["keytype"] == "ecdsa-x509").any(|key| {
        use base64ct::{Base64, Encoding as _};
        let pem = Base64::decode_vec(key["keyval"]["public"].as_str().unwrap()).unwrap();
        let pem = String::from_utf8(pem).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        to_hex(&Base64::decode_vec(&der).unwrap()).contains(&point)
    });
    assert!(holds, "{point}");
    for (folder, key) in [("external-4443", "tag1"), ("external-4444", "tag1")] {
        let tag = vectors.join(format!("notary/{folder}/{key}.key.pem"));
        let file = KeyFile::load(&tag).unwrap();
        let public = file.keys()[0].public.as_ref().expect("it lies in the open");
        let root: Value = serde_json::from_slice(&first_root(&vectors.join("notary").join(folder))).unwrap();
        assert!(bare_keys(&root).contains(&public.canonical_id().unwrap().as_str().to_owned()));
    }
    for path in plain(&vectors) {
        let key = open(&path, "");
        assert!(key.public().verify(b"x", &key.sign(b"x").unwrap()));
    }
    let alice = vectors.join("notary/stock/keys-in/alice.pub");
    let alice = PublicKey::from_spki_pem(&fs::read_to_string(alice).unwrap()).unwrap();
    assert_eq!(open(&plain(&vectors)[0], "").public(), &alice);
}

fn first_root(folder: &Path) -> Vec<u8> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_file() && name.contains("v1") && name.contains("root") {
            return fs::read(path).unwrap();
        }
    }
    panic!("no first root in {}", folder.display());
}

fn openssl(arguments: &[&str], folder: &Path) -> Option<Output> {
    Command::new("openssl").args(arguments).current_dir(folder).output().ok()
}

#[test]
fn what_openssl_writes_is_read_or_refused_by_name_or_skipped() {
    let place = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let done = openssl(&words, place.path()).expect("openssl");
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    if openssl(&["version"], place.path()).is_none() {
        return println!("skipped: openssl is not here");
    }
    let opened = |name: &str| {
        let file = KeyFile::load(&place.path().join(name)).unwrap();
        file.open(0, Some(&passphrase("lab")))
    };
    run("ecparam -name prime256v1 -genkey -out p256.pem");
    run("ecparam -name secp384r1 -genkey -noout -out p384.pem");
    run("ecparam -name secp521r1 -genkey -noout -out p521.pem");
    run("genpkey -algorithm ed25519 -out ed.pem");
    run("genrsa -traditional -out rsa.pem 3072");
    let p256 = opened("p256.pem").unwrap();
    for (cipher, prf) in
        [("aes-128-cbc", "hmacWithSHA1"), ("aes-192-cbc", "hmacWithSHA256"), ("aes-256-cbc", "hmacWithSHA512")]
    {
        for (from, like) in
            [("p256.pem", "P-256"), ("p384.pem", "P-384"), ("ed.pem", "Ed25519"), ("rsa.pem", "RSA-3072 PSS")]
        {
            run(&format!("pkcs8 -topk8 -v2 {cipher} -v2prf {prf} -in {from} -out out.pem -passout pass:lab"));
            let key = opened("out.pem").unwrap();
            assert_eq!(key.public(), opened(from).unwrap().public());
            assert_eq!(key.public().algorithm(), like);
        }
    }
    for cipher in ["aes128", "aes192", "aes256"] {
        run(&format!("ec -{cipher} -in p256.pem -out out.pem -passout pass:lab"));
        assert_eq!(opened("out.pem").unwrap().public(), p256.public());
        assert!(fs::read_to_string(place.path().join("out.pem")).unwrap().contains("DEK-Info"));
    }
    run("pkcs8 -topk8 -nocrypt -in ed.pem -out out.pem");
    assert_eq!(opened("out.pem").unwrap().public().algorithm(), "Ed25519");
    let fault = KeyFile::load(&place.path().join("p521.pem")).err().expect("no curve of ours").to_string();
    assert!(fault.contains("curve 1.3.132.0.35"), "{fault}");
}

#[test]
fn other_ciphers_are_refused_by_their_names_or_skipped() {
    let place = tempfile::tempdir().unwrap();
    if openssl(&["version"], place.path()).is_none() {
        return println!("skipped: openssl is not here");
    }
    let run = |line: &str| openssl(&line.split(' ').collect::<Vec<_>>(), place.path()).expect("openssl");
    assert!(run("ecparam -name prime256v1 -genkey -noout -out p256.pem").status.success());
    for (how, name) in [
        ("pkcs8 -topk8 -v2 des3", "3DES"),
        ("pkcs8 -topk8 -scrypt", "scrypt"),
        ("pkcs8 -topk8 -v1 PBE-SHA1-3DES", "PKCS#12 (SHA-1, 3DES)"),
        ("ec -des3", "DES-EDE3-CBC"),
    ] {
        let done = run(&format!("{how} -in p256.pem -out out.pem -passout pass:lab"));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let fault = KeyFile::load(&place.path().join("out.pem")).err().expect("it is refused").to_string();
        assert!(fault.contains(name) && fault.contains("openssl pkcs8 -topk8"), "{fault}");
    }
    let public = run("ec -in p256.pem -pubout -out out.pem");
    assert!(public.status.success());
    let fault = KeyFile::load(&place.path().join("out.pem")).err().unwrap().to_string();
    assert!(fault.contains("a PUBLIC KEY, and no private key"), "{fault}");
    run("pkcs8 -topk8 -nocrypt -in p256.pem -outform der -out out.der");
    let fault = KeyFile::load(&place.path().join("out.der")).err().unwrap().to_string();
    assert!(fault.contains("DER, not PEM"), "{fault}");
}

fn written(with: &str) -> (PrivateKey, String) {
    let key = PrivateKey::generate_p256().unwrap();
    let headers = Headers::new("targets", Some("registry.example/app")).unwrap();
    let pem = write(&key, &headers, &passphrase(with)).unwrap();
    (key, pem)
}

#[test]
fn what_is_written_reads_back_and_says_whose_it_is() {
    let (key, pem) = written("right horse");
    let file = parse(&pem).unwrap();
    let [listed] = file.keys() else { panic!("one key") };
    assert_eq!(listed.role.as_deref(), Some("targets"));
    assert_eq!(listed.gun.as_deref(), Some("registry.example/app"));
    assert_eq!(listed.canonical_id(), key.public().canonical_id());
    let lock = listed.lock.as_ref().unwrap().to_string();
    assert_eq!(lock, format!("PBKDF2-HMAC-SHA1, {ITERATIONS} rounds, AES-256-CBC"));
    let again = file.open(0, Some(&passphrase("right horse"))).unwrap();
    assert_eq!(again.public(), key.public());
    assert!(again.material().same_as(key.material()));
    for (role, gun) in
        [("targets\nrole: root", None), ("", None), ("targets", None), ("bob ", None), ("bob", Some("a\r"))]
    {
        assert!(Headers::new(role, gun).is_err(), "{role}");
    }
}

#[test]
fn a_torn_or_mistyped_file_is_damaged_and_nothing_panics() {
    let (_, pem) = written("right horse");
    for length in 0..pem.len() - 1 {
        if pem.is_char_boundary(length) && length < pem.len() - 30 {
            assert!(matches!(wrong(&pem[..length]), Wrong::Damaged(_) | Wrong::Other(_)), "cut at {length}");
        }
    }
    let cut = |lines: std::ops::Range<usize>| {
        let mut all: Vec<_> = pem.lines().collect();
        all.drain(lines);
        all.join("\n")
    };
    assert!(matches!(wrong(&cut(6..7)), Wrong::Damaged(_)), "a line is missing");
    let stars = pem.replacen("MIH", "M*H", 1);
    assert_ne!(stars, pem);
    assert!(matches!(wrong(&stars), Wrong::Damaged(_)));
    assert!(matches!(wrong(&pem.replace("END ENCRYPTED", "END")), Wrong::Damaged(_)));
    assert!(matches!(wrong(""), Wrong::Other(_)));
    assert!(matches!(
        wrong("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----"),
        Wrong::Damaged(_)
    ));
    for info in ["AES-256-CBC", "AES-256-CBC,00", "AES-256-CBC,zz", "RC5,00"] {
        let text = format!("-----BEGIN EC PRIVATE KEY-----\nDEK-Info: {info}\n\nAAAA\n-----END EC PRIVATE KEY-----");
        assert!(matches!(wrong(&text), Wrong::Damaged(_) | Wrong::Unsupported(_)), "{info}");
    }
    let many = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n".repeat(100);
    assert!(parse(&many).is_err());
}

/// The PEM with other rounds: the INTEGER of 600,000 stands once in it.
fn with_rounds(pem: &str, rounds: [u8; 3], longer: &[u8]) -> String {
    use base64ct::{Base64, Encoding as _};
    let body: String = pem.lines().filter(|line| !line.contains(':') && !line.starts_with('-')).collect();
    let mut der = Base64::decode_vec(&body).unwrap();
    let at = der.windows(5).position(|window| window == [0x02, 0x03, 0x09, 0x27, 0xc0]).expect("the rounds");
    if longer.is_empty() {
        der[at + 2..at + 5].copy_from_slice(&rounds);
    } else {
        der.splice(at..at + 5, longer.iter().copied());
        // Every SEQUENCE around it gets longer by what it grew.
        let more = longer.len() as u8 - 5;
        for around in der_around(&der, at) {
            der[around] += more;
        }
    }
    format!(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{}\n-----END ENCRYPTED PRIVATE KEY-----\n",
        Base64::encode_string(&der)
    )
}

/// Where the last byte of the length of each SEQUENCE around a place stands.
fn der_around(der: &[u8], place: usize) -> Vec<usize> {
    let mut found = vec![];
    let mut at = 0;
    while at < place {
        if der[at] != 0x30 {
            let length = if der[at + 1] < 0x80 { usize::from(der[at + 1]) } else { unreachable!() };
            at += 2 + length;
            continue;
        }
        let (last, next, length) = match der[at + 1] {
            0x81 => (at + 2, at + 3, usize::from(der[at + 2])),
            0x82 => (at + 3, at + 4, usize::from(der[at + 2]) << 8 | usize::from(der[at + 3])),
            short => (at + 1, at + 2, usize::from(short)),
        };
        if next + length > place {
            found.push(last);
            at = next;
        } else {
            at = next + length;
        }
    }
    found
}

#[test]
fn a_file_that_only_means_to_keep_the_machine_busy_is_refused_at_once() {
    let (_, pem) = written("right horse");
    let begun = std::time::Instant::now();
    assert_eq!(
        wrong(&with_rounds(&pem, [0x7f, 0xff, 0xff], &[0x02, 0x04, 0x7f, 0xff, 0xff, 0xff])),
        Wrong::Iterations(0x7fff_ffff)
    );
    assert_eq!(wrong(&with_rounds(&pem, [0; 3], &[0x02, 0x05, 0x00, 0x80, 0, 0, 0])), Wrong::Iterations(0x8000_0000));
    assert!(matches!(wrong(&with_rounds(&pem, [0; 3], &[0x02, 0x06, 0x01, 0, 0, 0, 0, 0])), Wrong::Damaged(_)));
    assert!(matches!(wrong(&with_rounds(&pem, [0; 3], &[])), Wrong::Damaged(_)), "zero rounds");
    assert!(begun.elapsed().as_secs() < 10);
}

#[test]
fn notarys_own_ed25519_is_read_in_both_forms_and_only_whole() {
    use base64ct::{Base64, Encoding as _};
    let seed = [7u8; 32];
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let whole = [&public[..], &seed, &public].concat();
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\nrole: targets\n\n{}\n-----END {label}-----\n", Base64::encode_string(der))
    };
    let oid = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
    let pkcs8 = |bytes: &[u8]| {
        let inner = [&[0x02, 0x01, 0x00, 0x30, oid.len() as u8][..], &oid, &[0x04, bytes.len() as u8], bytes].concat();
        [&[0x30, inner.len() as u8][..], &inner].concat()
    };
    for text in [pem("ED25519 PRIVATE KEY", &whole), pem("PRIVATE KEY", &pkcs8(&whole))] {
        let file = parse(&text).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
        let public_key = PublicKey::from_ed25519(&public).unwrap();
        assert_eq!(file.keys()[0].public, Some(public_key.clone()));
        let key = file.open(0, None).unwrap();
        assert!(public_key.verify(b"x", &key.sign(b"x").unwrap()));
    }
    let mut other = whole.clone();
    other[95] ^= 1;
    assert!(matches!(wrong(&pem("ED25519 PRIVATE KEY", &other)), Wrong::Damaged(_)));
    other[31] ^= 1;
    assert!(matches!(wrong(&pem("ED25519 PRIVATE KEY", &other)), Wrong::Damaged(_)));
    assert!(matches!(wrong(&pem("PRIVATE KEY", &pkcs8(&whole[..64]))), Wrong::Damaged(_)));
}

/// A stock tool in a fresh home, with this environment.
fn stock(program: &str, arguments: &[&str], home: &Path, environment: &[(&str, &str)]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(home).env("HOME", home).env("DOCKER_CONFIG", home.join("docker"));
    command.envs(environment.iter().copied()).stdin(std::process::Stdio::null()).output().ok()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Writes a key as this program does, with the mode that it gives files, and says its id.
fn hand_out(home: &Path, headers: &Headers) -> (PrivateKey, String) {
    use std::os::unix::fs::PermissionsExt as _;
    let key = PrivateKey::generate_p256().unwrap();
    let pem = write(&key, headers, &passphrase("right horse")).unwrap();
    let path = home.join("tagging.key");
    fs::write(&path, pem).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let id = key.public().canonical_id().unwrap().as_str().to_owned();
    (key, id)
}

#[test]
fn the_stock_notary_client_imports_what_is_written_and_keeps_it_under_its_id_or_skipped() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    if stock("notary", &["version"], home, &[]).is_none() {
        return println!("skipped: notary is not here");
    }
    let headers = Headers::new("targets", Some("registry.example/lab/app")).unwrap();
    let (key, id) = hand_out(home, &headers);
    let imported = stock("notary", &["-d", "trust", "key", "import", "tagging.key"], home, &[]).unwrap();
    assert!(imported.status.success(), "{}", said(&imported));
    let listed = stock("notary", &["-d", "trust", "key", "list"], home, &[]).unwrap();
    assert!(said(&listed).contains(&id) && said(&listed).contains("targets"), "{}", said(&listed));
    // An import does not open it. A change of its passphrase does, and writes it anew in the stock client's own way.
    let stored = home.join(format!("trust/private/{id}.key"));
    let rounds = || KeyFile::load(&stored).unwrap().keys()[0].lock.as_ref().unwrap().to_string();
    assert!(rounds().contains("600000 rounds"), "{}", rounds());
    let change = |with: &str| {
        stock("notary", &["-d", "trust", "key", "passwd", &id], home, &[("NOTARY_TARGETS_PASSPHRASE", with)]).unwrap()
    };
    assert!(!change("wrong horse").status.success());
    let changed = change("right horse");
    assert!(changed.status.success(), "{}", said(&changed));
    assert!(rounds().contains("2048 rounds"), "{}", rounds());
    assert_eq!(open(&stored, "right horse").public(), key.public());
    let exported = stock("notary", &["-d", "trust", "key", "export", "-o", "out.pem"], home, &[]).unwrap();
    assert!(exported.status.success(), "{}", said(&exported));
    assert_eq!(open(&home.join("out.pem"), "right horse").public(), key.public());
}

#[test]
fn the_docker_cli_loads_what_is_written_and_keeps_it_under_its_id_or_skipped() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let Some(there) = stock("docker", &["trust", "key", "--help"], home, &[]) else {
        return println!("skipped: docker is not here");
    };
    if !said(&there).contains("load") {
        return println!("skipped: this docker has no trust command");
    }
    for headers in [Headers::new("targets", Some("registry.example/lab/app")), Headers::new("tagging", None)] {
        let (key, id) = hand_out(home, &headers.unwrap());
        let load = ["trust", "key", "load", "tagging.key", "--name", "tagging"];
        let loaded = stock("docker", &load, home, &[]).unwrap();
        assert!(loaded.status.success(), "{}", said(&loaded));
        let stored = home.join(format!("docker/trust/private/{id}.key"));
        assert_eq!(open(&stored, "right horse").public(), key.public());
    }
    // Without its GUN a targets key is refused, which is why no such headers can be made.
    let file = home.join("tagging.key");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("role: tagging", "role: targets")).unwrap();
    let refused = stock("docker", &["trust", "key", "load", "tagging.key"], home, &[]).unwrap();
    assert!(!refused.status.success() && said(&refused).contains("without a gun"), "{}", said(&refused));
}
