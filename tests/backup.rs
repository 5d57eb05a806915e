//! The backup as a whole: sealed, split, put together, opened; by this program and by stock tools.

mod backup_support;

use std::{fs, path::Path, process::Command};

use backup_support::{again, choices, is_there, key, script, shares, typed};
use officiant::{
    backup::{Gathering, Identity, Lock, Opened, Sealed, SingleControl, Wrong, seal, seal_alone},
    rules::Rule,
    secret::{Passphrase, Secret},
};

fn passphrase(text: &str) -> Passphrase {
    Secret::copied(text.as_bytes()).unwrap().into()
}

fn why(opened: Result<Opened, Wrong>) -> Wrong {
    opened.map(|_| ()).unwrap_err()
}

#[test]
fn every_combination_of_a_threshold_opens_and_one_fewer_opens_nothing() {
    let (key, trusted, about) = key();
    for (threshold, count) in [(2, 3), (3, 5), (5, 9)] {
        let identity = Identity::fresh().unwrap();
        let sealed = seal(&key, &about, &identity).unwrap();
        let split = shares(&identity, threshold, count, &trusted);
        drop(identity);
        let gathered = |some: &[usize], known: bool| {
            let mut gathering = if known { Gathering::of(split.set.clone()) } else { Gathering::unknown() };
            for at in some {
                let kept = gathering.add(again(&split.shares[*at])).unwrap();
                assert_eq!(kept.needed, usize::from(threshold));
            }
            gathering
        };
        let mut tried = 0;
        for some in choices(count.into(), threshold.into()) {
            let gathering = gathered(&some, tried % 2 == 0);
            let opened = sealed.open(&gathering.identity().unwrap()).unwrap();
            assert_eq!(*opened.about(), about);
            let (again, passed) = opened.trusted(&trusted).unwrap();
            assert!(again.material().same_as(key.material()));
            assert_eq!(passed.rule, Rule::BackupOpens);
            tried += 1;
        }
        assert_eq!(
            tried,
            match count {
                3 => 3,
                5 => 10,
                _ => 126,
            }
        );
        for some in choices(count.into(), usize::from(threshold) - 1) {
            let gathering = gathered(&some, true);
            assert!(!gathering.is_enough());
            let refused = gathering.identity().map(|_| ()).unwrap_err();
            assert_eq!(refused.refusal().map(|refusal| refusal.rule), Some(Rule::ShareFits));
        }
        // All of them, and in another order, are as good.
        let all: Vec<usize> = (0..count.into()).rev().collect();
        sealed.open(&gathered(&all, true).identity().unwrap()).unwrap();
    }
}

#[test]
fn a_foreign_swapped_or_doubled_share_is_named_and_those_before_it_stay() {
    let (_, trusted, _) = key();
    let (_, other_key, _) = key();
    let identity = Identity::fresh().unwrap();
    let split = shares(&identity, 2, 3, &trusted);
    // The same identity for another key, or with other numbers, or another identity: no ceremony makes them, and yet.
    let foreign = shares(&Identity::fresh().unwrap(), 2, 3, &trusted);
    let of_other_key = shares(&identity, 2, 3, &other_key);
    let of_other_scheme = shares(&identity, 3, 5, &trusted);
    let resplit = shares(&identity, 2, 3, &trusted);
    for known in [true, false] {
        let mut gathering = if known { Gathering::of(split.set.clone()) } else { Gathering::unknown() };
        gathering.add(again(&split.shares[0])).unwrap();
        for (bad, said) in [
            (&foreign.shares[1], "Share 2 is of set "),
            (&of_other_key.shares[1], "Share 2 is about the key "),
            (&of_other_scheme.shares[1], "Share 2 says that 3 of 5 are needed"),
            (&split.shares[0], "Share 1 is here already"),
        ] {
            let refused = gathering.add(again(bad)).unwrap_err();
            assert_eq!(refused.rule, Rule::ShareFits);
            assert!(refused.what.starts_with(said), "{refused}");
        }
        if known {
            let refused = gathering.add(again(&resplit.shares[1])).unwrap_err();
            assert!(refused.what.contains("the record commits to another"), "{refused}");
        }
        gathering.add(again(&split.shares[2])).unwrap();
        assert!(gathering.identity().unwrap().same_as(&identity));
    }
    let mut swapped = split.set.clone();
    swapped.commitments.swap(0, 1);
    let refused = Gathering::of(swapped).add(again(&split.shares[0])).unwrap_err();
    assert!(refused.what.contains("This is share 2 of the record; it says that it is share 1"), "{refused}");
    let mut resplit_mixed = Gathering::unknown();
    resplit_mixed.add(again(&split.shares[0])).unwrap();
    resplit_mixed.add(again(&resplit.shares[1])).unwrap();
    assert!(resplit_mixed.identity().is_err(), "two sharings of one identity are not mixed");
}

#[test]
fn what_is_wrong_with_a_sealed_file_is_said_and_nothing_of_it_is_taken() {
    let (key, trusted, about) = key();
    let identity = Identity::fresh().unwrap();
    let sealed = seal(&key, &about, &identity).unwrap();
    let bytes = sealed.bytes();
    assert_eq!(*sealed.lock(), Lock::Identity);
    assert_eq!(why(sealed.open(&Identity::fresh().unwrap())), Wrong::OtherIdentity);
    assert!(matches!(why(sealed.open_alone(&passphrase("a long passphrase"))), Wrong::OtherLock(_)));
    for length in 0..bytes.len() {
        let wrong = match Sealed::read(bytes[..length].to_vec()) {
            Ok(cut) => why(cut.open(&identity)),
            Err(wrong) => wrong,
        };
        let expected =
            matches!(wrong, Wrong::Damaged(_)) || length == 0 && wrong == Wrong::Other("an empty file".into());
        assert!(expected, "{length}: {wrong}");
    }
    for at in 0..bytes.len() {
        let mut altered = bytes.to_vec();
        altered[at] ^= 1;
        assert!(!Sealed::read(altered).is_ok_and(|file| file.open(&identity).is_ok()), "{at}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(matches!(why(Sealed::read(longer).unwrap().open(&identity)), Wrong::Damaged(_)));
    for (other, said) in [
        (&b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA"[..], "in armour"),
        (b"age-encryption.org/v9\n", "another version"),
        (b"PK\x03\x04", "no age file"),
    ] {
        let wrong = Sealed::read(other.to_vec()).unwrap_err();
        assert!(wrong.to_string().contains(said), "{wrong}");
    }
    // A whole file, opened, with another key in it.
    let (other, other_trusted, other_about) = backup_support::key();
    let replaced = seal(&other, &other_about, &identity).unwrap();
    let refused = replaced.open(&identity).unwrap().trusted(&trusted).map(|_| ()).unwrap_err();
    assert_eq!(refused.rule, Rule::BackupOpens);
    assert!(refused.what.contains("is not the trusted key"), "{refused}");
    assert!(replaced.open(&identity).unwrap().trusted(&other_trusted).is_ok());
}

#[test]
fn a_copy_for_one_person_opens_with_its_passphrase_and_no_other() {
    let (key, trusted, about) = key();
    let declared = SingleControl::declared_in_the_script();
    let short = seal_alone(&key, &about, &passphrase("short"), &declared).map(|_| ()).unwrap_err();
    assert!(short.to_string().contains("at least 12 bytes"));
    let sealed = seal_alone(&key, &about, &passphrase("correct horse battery"), &declared).unwrap();
    assert_eq!(*sealed.lock(), Lock::Passphrase { work: 18 });
    assert_eq!(why(sealed.open_alone(&passphrase("correct horse batterY"))), Wrong::Passphrase);
    assert!(matches!(why(sealed.open(&Identity::fresh().unwrap())), Wrong::OtherLock(_)));
    let (again, _) = sealed.open_alone(&passphrase("correct horse battery")).unwrap().trusted(&trusted).unwrap();
    assert!(again.material().same_as(key.material()));
    let text = String::from_utf8_lossy(sealed.bytes()).replacen(" 18\n", " 40\n", 1);
    let costly = Sealed::read(text.into_bytes()).unwrap();
    assert_eq!(why(costly.open_alone(&passphrase("correct horse battery"))), Wrong::Work(40));
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

fn recovered(place: &Path, files: &[String]) -> std::process::Output {
    Command::new("python3").arg(script()).arg("identity").args(files).current_dir(place).output().expect("python3 runs")
}

#[test]
fn a_stranger_rebuilds_the_identity_and_opens_the_file_with_stock_age() {
    if !is_there("python3") {
        return println!("skipped: python3 is not here");
    }
    let (key, trusted, about) = key();
    let pem = String::from_utf8_lossy(key.to_pkcs8().unwrap().expose()).into_owned();
    drop(pem);
    for (threshold, count) in [(2, 3), (3, 5)] {
        let place = backup_support::in_memory();
        let identity = Identity::fresh().unwrap();
        let sealed = seal(&key, &about, &identity).unwrap();
        let split = shares(&identity, threshold, count, &trusted);
        fs::write(place.path().join("backup.age"), sealed.bytes()).unwrap();
        for share in &split.shares {
            fs::write(place.path().join(share.label().index.to_string()), typed(share)).unwrap();
        }
        let ours = format!("{}\n", String::from_utf8_lossy(identity.age_text().unwrap().expose()));
        for some in choices(count.into(), threshold.into()) {
            let files: Vec<String> = some.iter().map(|at| (at + 1).to_string()).collect();
            let output = recovered(place.path(), &files);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert!(String::from_utf8_lossy(&output.stdout).ends_with(&ours));
            fs::write(place.path().join("identity.txt"), output.stdout).unwrap();
        }
        let too_few: Vec<String> = (1..threshold).map(|at| at.to_string()).chain(["1".into()]).collect();
        assert!(!recovered(place.path(), &too_few).status.success(), "a share twice is no second share");
        let mut bad = typed(&split.shares[0]);
        let letter = bad.as_bytes()[100];
        bad.replace_range(100..101, if letter == b'X' { "V" } else { "X" });
        fs::write(place.path().join("bad"), bad).unwrap();
        let output = recovered(place.path(), &["bad".into(), "2".into(), "3".into()]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("row 5"), "{output:?}");
        let mut opened = vec![];
        for tool in ["age", "rage"].into_iter().filter(|tool| is_there(tool)) {
            opened.push(run(Command::new(tool)
                .args(["-d", "-i", "identity.txt", "backup.age"])
                .current_dir(place.path())));
        }
        if opened.is_empty() {
            return println!("skipped: age is not here");
        }
        for text in opened {
            assert!(
                text.starts_with(&format!("officiant backup 1\nkeyid: {}\nalgorithm: P-256\n", about.keyid)),
                "{text}"
            );
            if Command::new("openssl").arg("version").output().is_err() {
                return println!("skipped: openssl is not here");
            }
            fs::write(place.path().join("key.pem"), text).unwrap();
            let public =
                run(Command::new("openssl").args(["pkey", "-in", "key.pem", "-pubout"]).current_dir(place.path()));
            let public = officiant::tuf::key::PublicKey::from_spki_pem(&public).unwrap();
            assert_eq!(&public, key.public());
        }
    }
}

#[test]
fn the_history_of_an_imported_key_stands_in_its_sealed_file_on_one_line() {
    let (private, trusted, mut about) = key();
    let identity = Identity::fresh().unwrap();
    about.history = Some("imported from root.key; unknown before that".into());
    let sealed = seal(&private, &about, &identity).unwrap();
    let opened = sealed.open(&identity).unwrap();
    assert_eq!(opened.about(), &about);
    opened.trusted(&trusted).unwrap();
    about.history = Some("imported\nkeyid: 00".into());
    let refused = seal(&private, &about, &identity).expect_err("two lines").to_string();
    assert!(refused.contains("one line"), "{refused}");
}

#[test]
fn the_script_of_the_document_is_the_one_that_is_tested() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RECOVERY.md")).unwrap();
    let after = document.split_once("<!-- recover.py -->\n```python\n").expect("the script").1;
    let block = after.split_once("```\n").expect("its end").0;
    assert_eq!(block, fs::read_to_string(script()).unwrap());
}

#[test]
fn what_stock_age_sealed_to_the_identity_is_told_from_a_backup() {
    if !is_there("age") {
        return println!("skipped: age is not here");
    }
    let place = backup_support::in_memory();
    let identity = Identity::fresh().unwrap();
    fs::write(place.path().join("identity"), identity.age_text().unwrap().expose()).unwrap();
    let recipient = run(Command::new("age-keygen").args(["-y", "identity"]).current_dir(place.path()));
    for (text, said) in [
        ("a letter\n", "does not begin with"),
        ("officiant backup 1\nkeyid: 00\n\n", "does not say which key"),
        ("officiant backup 1\nkeyid: 00\nceremony: x\nmade: 2026-12-01T09:00:00Z\n\nnothing\n", "no PEM"),
    ] {
        fs::write(place.path().join("plain"), text).unwrap();
        run(Command::new("age").args(["-r", recipient.trim(), "-o", "sealed", "plain"]).current_dir(place.path()));
        let sealed = Sealed::read(fs::read(place.path().join("sealed")).unwrap()).unwrap();
        let wrong = why(sealed.open(&identity));
        assert!(matches!(wrong, Wrong::Contents(_)) && wrong.to_string().contains(said), "{wrong}");
        fs::remove_file(place.path().join("sealed")).unwrap();
    }
}
