//! Secrets leave no trace in memory.

mod support;

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
};

use officiant::{
    machine, preflight,
    secret::{Entry, Pin, Secret, WORD_SALT_LENGTH, WordProof},
    token::{LastTry, PinEntry, Provision as _, Token as _, User},
};

/// The canary, masked so that this program's own text is not found.
const MASKED: [u8; 24] =
    *b"\x39\x3b\x34\x3b\x28\x23\x77\x6b\x68\x69\x6e\x6f\x6c\x6d\x62\x63\x6a\x77\x29\x33\x34\x3d\x29\x7b";
const MASK: u8 = 0x5a;

/// Where the canary stands in this process's memory.
fn sightings() -> Vec<u64> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = BufReader::new(File::open("/proc/self/maps").unwrap()).lines().map(Result::unwrap).collect::<Vec<_>>();
    let mut chunk = vec![0u8; 1 << 20];
    let mut found = Vec::new();
    for line in maps.iter().filter(|line| line.contains(" r") && !line.contains("[v")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (mut at, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        while at < end {
            let wanted = chunk.len().min((end - at) as usize);
            let own = at <= chunk.as_ptr() as u64 && (chunk.as_ptr() as u64) < at + wanted as u64;
            let Ok(count) = memory.read_at(&mut chunk[..wanted], at) else { break };
            for (offset, window) in chunk[..count].windows(MASKED.len()).enumerate() {
                if !own && window.iter().zip(MASKED).all(|(byte, masked)| *byte == masked ^ MASK) {
                    found.push(at + offset as u64);
                }
            }
            // The search itself must leave no copy.
            chunk.fill(0);
            if count < MASKED.len() {
                break;
            }
            at += (count - MASKED.len() + 1) as u64;
        }
    }
    found
}

fn canary() -> Secret {
    Secret::read(|room| {
        for (place, masked) in room.iter_mut().zip(MASKED) {
            *place = masked ^ MASK;
        }
        Ok(MASKED.len())
    })
    .unwrap()
}

#[test]
fn a_secret_stands_in_locked_memory_once_and_nowhere_after_it_is_dropped() {
    assert!(sightings().is_empty(), "nothing there yet");
    let pin = Pin::from(canary());
    assert_eq!(sightings().len(), 1, "the search finds it");
    let locked = std::fs::read_to_string("/proc/self/smaps").unwrap();
    assert!(locked.lines().any(|line| line.starts_with("VmFlags:") && line.contains(" lo ") && line.contains(" dd")));

    let mut typed = Entry::new().unwrap();
    for masked in MASKED {
        assert!(typed.push(masked ^ MASK));
    }
    typed.push(b'x');
    typed.backspace();
    let typed = typed.finish();
    assert!(pin.same_as(&typed));
    WordProof::derive(&typed, &[7; WORD_SALT_LENGTH]).unwrap();
    let moved = Box::new(typed);
    drop(moved);
    assert_eq!(sightings().len(), 1);
    drop(pin);
    assert!(sightings().is_empty(), "{:x?}", sightings());
}

#[test]
fn a_pin_that_was_sent_to_a_token_leaves_no_copy_of_ours() {
    let name = "a_pin_that_was_sent_to_a_token_leaves_no_copy_of_ours";
    support::on_softhsm(name, |rehearsal| {
        let mut token = support::prepared(rehearsal, "root-a");
        let pin = Pin::from(canary());
        token.set_user_pin(&support::pin(support::SO_PIN), &pin).unwrap();
        token.login(User::User, PinEntry::Typed(&pin), LastTry::Keep).unwrap();
        assert_eq!(sightings().len(), 1, "SoftHSM wipes its own copies, and we make none");
        drop(pin);
        assert!(sightings().is_empty(), "{:x?}", sightings());
    });
}

#[test]
fn an_entry_takes_back_whole_characters_and_ends_at_the_line() {
    let mut entry = Entry::new().unwrap();
    for byte in "pä€".bytes() {
        entry.push(byte);
    }
    assert_eq!(entry.characters(), 3);
    entry.backspace();
    entry.backspace();
    assert_eq!(entry.characters(), 1);
    entry
        .fill(|room| {
            room[..6].copy_from_slice(b"in1\r\nx");
            Ok(6)
        })
        .unwrap();
    assert!(entry.end_at_newline());
    assert!(entry.finish().same_as(&Secret::copied(b"pin1").unwrap()));

    let mut full = Entry::new().unwrap();
    full.fill(|room| Ok(room.len())).unwrap();
    assert!(!full.push(b'x'), "the capacity is fixed");
    full.clear();
    assert!(full.is_empty());
    assert!(Secret::copied(&[0; 5000]).is_err());
}

#[test]
fn a_personal_word_is_known_again_by_its_proof_and_no_other_word_or_salt_is() {
    let proof =
        |word: &[u8], salt: u8| WordProof::derive(&Secret::copied(word).unwrap(), &[salt; WORD_SALT_LENGTH]).unwrap();
    let set = proof(b"heron", 1);
    assert_eq!(proof(b" Heron \n", 1).as_bytes(), set.as_bytes());
    assert_eq!(set.verifier(), officiant::digest::Digest::of(set.as_bytes()));
    assert_ne!(proof(b"herons", 1).as_bytes(), set.as_bytes());
    assert_ne!(proof(b"heron", 2).as_bytes(), set.as_bytes());
}

#[test]
fn a_hardened_process_leaves_no_core_and_says_so() {
    support::alone(
        "a_hardened_process_leaves_no_core_and_says_so",
        |_| vec![],
        || {
            preflight::harden().unwrap();
            let facts = preflight::Probe::real().facts().unwrap();
            assert!(!facts.dumpable);
            assert_eq!(facts.core_limit, Some(0));
            if let Err(refusal) = machine::is_fit(&facts) {
                assert!(!refusal.what.contains("core file"), "{refusal}");
            }
            let program = std::env::current_exe().unwrap();
            let bytes = std::fs::read(program).unwrap();
            assert_eq!(facts.program_sha256, officiant::digest::Digest::of(&bytes));
        },
    );
}
