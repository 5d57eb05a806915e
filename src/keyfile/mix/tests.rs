use super::*;

fn typed(text: &str) -> Secret {
    Secret::copied(text.as_bytes()).expect("memory can be locked")
}

fn mixture(os: u8, token: u8) -> Mixture {
    let mut mixture = Mixture(LockedBytes::with_room(ROOM).expect("memory can be locked"));
    for (name, byte) in [("operating system", os), ("ana-1", token)] {
        let drew = mixture.draw(name, |room| {
            room.fill(byte);
            Ok::<_, Fault>(true)
        });
        assert!(drew.expect("a source"));
    }
    mixture
}

fn scalar(mut mixture: Mixture, throws: &str, algorithm: KeyAlgorithm) -> Vec<u8> {
    mixture.throws(&typed(throws)).expect("throws");
    mixture.key(algorithm).expect("a key").material().expose().to_vec()
}

#[test]
fn every_source_changes_the_key_and_the_construction_is_the_one_that_is_written_down() {
    let throws = "123456".repeat(20);
    let made = scalar(mixture(1, 2), &throws, KeyAlgorithm::P256);
    assert_ne!(made, scalar(mixture(3, 2), &throws, KeyAlgorithm::P256), "the operating system's");
    assert_ne!(made, scalar(mixture(1, 3), &throws, KeyAlgorithm::P256), "the token's");
    assert_ne!(made, scalar(mixture(1, 2), &"654321".repeat(20), KeyAlgorithm::P256), "the throws");
    assert_eq!(made, scalar(mixture(1, 2), &"123 456\n".repeat(20), KeyAlgorithm::P256), "spaces do not count");

    // The same by hand, as the head of this module has it.
    let mut sources = vec![];
    for (name, bytes) in [("operating system", vec![1; 64]), ("ana-1", vec![2; 64]), ("dice", throws.into_bytes())] {
        sources.extend((name.len() as u16).to_be_bytes());
        sources.extend(name.as_bytes());
        sources.extend((bytes.len() as u32).to_be_bytes());
        sources.extend(bytes);
    }
    let mut expected = [0; 32];
    let mixed = Hkdf::<Sha256>::new(Some(b"officiant key 1"), &sources);
    mixed.expand(b"officiant key 1:P-256:0", &mut expected).expect("32 bytes");
    assert_eq!(made, expected);
}

#[test]
fn a_key_encryption_key_is_mixed_of_every_source_and_is_no_key_that_signs() {
    let throws = "123456".repeat(20);
    let kek = |mut mixture: Mixture| {
        mixture.throws(&typed(&throws)).expect("throws");
        mixture.kek().expect("a key-encryption key")
    };
    let made = kek(mixture(1, 2));
    assert!(made.material().same_as(kek(mixture(1, 2)).material()));
    for other in [kek(mixture(3, 2)), kek(mixture(1, 3))] {
        assert!(!made.material().same_as(other.material()));
    }
    assert_ne!(made.material().expose(), scalar(mixture(1, 2), &throws, KeyAlgorithm::P256));
    let mut sources = vec![];
    for (name, bytes) in [("operating system", vec![1; 64]), ("ana-1", vec![2; 64]), ("dice", throws.into_bytes())] {
        sources.extend((name.len() as u16).to_be_bytes());
        sources.extend(name.as_bytes());
        sources.extend((bytes.len() as u32).to_be_bytes());
        sources.extend(bytes);
    }
    let mut expected = [0; 32];
    Hkdf::<Sha256>::new(Some(b"officiant key 1"), &sources)
        .expand(b"officiant kek 1", &mut expected)
        .expect("32 bytes");
    assert_eq!(made.material().expose(), expected);
}

#[test]
fn every_algorithm_that_is_made_in_memory_signs_and_others_are_refused_by_name() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
        let key = Mixture::begin().expect("randomness").key(algorithm).expect("a key");
        let signature = key.sign(b"message").expect("a signature");
        assert!(key.public().verify(b"message", &signature), "{algorithm}");
        assert_eq!(key.public().key_algorithm(), Some(algorithm));
    }
    let refused =
        Mixture::begin().expect("randomness").key(KeyAlgorithm::Rsa3072).map(drop).expect_err("too slow, too large");
    assert!(refused.cause.contains("makes no"), "{refused}");
}

#[test]
fn throws_that_are_none_or_too_few_are_named_and_a_source_without_anything_to_give_is_left_out() {
    let mut mixture = Mixture::begin().expect("randomness");
    for (text, said) in [("1234567", "1 to 6"), ("123456", "6 throws were typed, and 100 are needed"), ("", "0 throws")]
    {
        let wrong = mixture.throws(&typed(text)).expect_err("no throws");
        assert!(wrong.to_string().contains(said), "{wrong}");
    }
    let before = mixture.0.bytes().len();
    assert!(!mixture.draw("cem-1", |_| Ok::<_, Fault>(false)).expect("nothing"));
    assert_eq!(mixture.0.bytes().len(), before);
}
