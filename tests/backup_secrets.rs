//! Key, identity and shares are nowhere after a backup was made and opened: not in the memory of the process, and in no file.
//! One test in this program: it searches all of its own memory.

mod backup_support;
mod memory_support;

use std::{fs, path::Path};

use backup_support::{heading, key, shares};
use officiant::{
    backup::{
        Gathering, Identity, ROWS, SYMBOLS, Share, Split, Typing,
        paper::{MemoryFile, Paper, Printer, sealed_html},
        seal,
    },
    keyfile::PrivateKey,
    secret::Secret,
};
use zeroize::Zeroizing;

/// What is looked for, turned by one bit in each byte, so that to look for it does not find the test.
struct Canary {
    what: &'static str,
    turned: Vec<u8>,
}

impl Canary {
    fn of(what: &'static str, bytes: &[u8]) -> Self {
        Self { what, turned: bytes.iter().map(|byte| byte ^ 0x80).collect() }
    }

    fn reversed(&self) -> Self {
        Self { what: self.what, turned: self.turned.iter().rev().copied().collect() }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        memory_support::holds(bytes, &self.turned)
    }

    /// Held where secrets are, for the search to find.
    fn held(&self) -> Secret {
        Secret::read(|room| {
            room.iter_mut().zip(&self.turned).for_each(|(place, byte)| *place = byte ^ 0x80);
            Ok(self.turned.len())
        })
        .expect("memory can be locked")
    }
}

/// The regions of this process that hold one of the canaries, with its name.
fn memory_with(canaries: &[Canary]) -> Vec<String> {
    let mut found = vec![];
    memory_support::walk(|part, region| {
        let here = canaries.iter().filter(|canary| canary.is_in(part));
        found.extend(here.map(|canary| format!("{}: {region}", canary.what)));
    });
    found
}

fn files_with(canaries: &[Canary], folder: &Path) -> Vec<String> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("a file");
        let here = canaries.iter().filter(|canary| canary.is_in(&bytes));
        found.extend(here.map(|canary| format!("{}: {}", canary.what, path.display())));
    }
    found
}

/// Letters of five bits each, as Bech32 packs them, as bytes.
fn unpacked(text: &[u8]) -> Vec<u8> {
    let values = text.iter().map(|letter| {
        let place = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".iter().position(|known| known == letter);
        place.expect("a letter of Bech32") as u16
    });
    let (mut bits, mut count, mut bytes) = (0u16, 0, vec![]);
    for value in values {
        bits = bits << 5 | value;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

/// The bytes of a row without its check.
fn bytes_of(row: &[u8]) -> Vec<u8> {
    // Of another size than a share's points, so that it is not laid over one that was freed.
    let mut letters = Zeroizing::new(Vec::with_capacity(256));
    letters.extend(row.iter().copied().filter(|letter| *letter != b' '));
    let value = |letter: &u8| SYMBOLS.iter().position(|known| known == letter).expect("a letter") as u8;
    letters.chunks(2).take(8).map(|two| value(&two[0]) << 4 | value(&two[1])).collect()
}

/// Three bytes are four letters (RFC 4648).
fn base64(bytes: &[u8]) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |three: &[u8]| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|shift| letters[(bits >> shift & 63) as usize])
    };
    bytes.chunks_exact(3).flat_map(three).collect()
}

/// Types a share from its own rows, as a person does: from one locked place to another.
fn typed(share: &Share) -> Share {
    let mut typing = Typing::new().expect("memory");
    for row in 1..=ROWS {
        typing.row(&share.row(row).expect("a row")).expect("it is right");
    }
    typing.finish().expect("a share")
}

/// A key as it stands in the PEM that is sealed: the scalar begins at byte 36, and lines have 64 letters.
fn canaries_of(key: &PrivateKey, identity: &Identity) -> Vec<Canary> {
    let text = identity.age_text().expect("text");
    let der = key.to_pkcs8().expect("PKCS#8");
    vec![
        Canary::of("the key", key.material().expose()),
        Canary::of("the key in base64", &Zeroizing::new(base64(&der.expose()[36..66]))[..16]),
        Canary::of("the identity as text", &text.expose()[20..60]),
        Canary::of("the identity", &Zeroizing::new(unpacked(&text.expose()[16..67]))),
    ]
}

/// Right after a key was sealed, before anything else can have taken the places that were freed.
fn nothing_is_left_of_sealing() {
    let (key, _, about) = key();
    let identity = Identity::fresh().expect("an identity");
    let canaries = canaries_of(&key, &identity);
    let sealed = seal(&key, &about, &identity);
    drop((key, identity));
    assert_eq!(memory_with(&canaries), [] as [String; 0]);
    drop(sealed.expect("sealed"));
}

/// Right after an identity was split and every combination tried.
fn nothing_is_left_of_splitting() {
    let (_, trusted, _) = key();
    let split = shares(&Identity::fresh().expect("an identity"), 2, 3, &trusted);
    let mut canaries = Vec::with_capacity(64);
    for share in &split.shares {
        for row in 4..=ROWS {
            let row = share.row(row).expect("a row");
            canaries.push(Canary::of("the bytes of a row", &Zeroizing::new(bytes_of(row.expose()))));
        }
    }
    drop(split);
    assert_eq!(memory_with(&canaries), [] as [String; 0]);
}

#[test]
fn nothing_of_a_backup_is_left_in_memory_or_in_a_file() {
    // A process that hardened itself shows its memory to root alone; this one did not.
    nothing_is_left_of_splitting();
    nothing_is_left_of_sealing();
    let place = backup_support::in_memory();
    let mut canaries = vec![];
    {
        let (key, trusted, about) = key();
        let identity = Identity::fresh().expect("an identity");
        canaries.extend(canaries_of(&key, &identity));
        let sealed = seal(&key, &about, &identity).expect("sealed");
        fs::write(place.path().join("backup.age"), sealed.bytes()).expect("written");
        fs::write(place.path().join("sheets.html"), sealed_html(&sealed, "a").expect("sheets")).expect("written");
        let Split { shares, set } = shares(&identity, 2, 3, &trusted);
        drop(identity);
        for share in &shares {
            for row in 4..=ROWS {
                let row = share.row(row).expect("a row");
                canaries.push(Canary::of("a row", &row.expose()[..19]));
                canaries.push(Canary::of("the bytes of a row", &Zeroizing::new(bytes_of(row.expose()))));
            }
            let mut printer = Printer::open(Path::new("/dev/null")).expect("a device");
            Paper::text(share, &heading()).expect("a page").print(&mut printer).expect("printed");
            let mut page = MemoryFile::create(&place.path().join("page.html")).expect("a file in memory");
            Paper::html(share, &heading()).expect("a page").print(&mut page).expect("printed");
        }
        let serialised = serde_json::to_string(&set).expect("what is public");
        fs::write(place.path().join("transcript"), serialised).expect("written");
        let mut gathering = Gathering::of(set);
        for share in shares.iter().skip(1) {
            gathering.add(typed(share)).expect("it fits");
        }
        let identity = gathering.identity().expect("the identity");
        let (again, _) = sealed.open(&identity).expect("opened").trusted(&trusted).expect("the key");
        assert!(again.material().same_as(key.material()));
    }
    let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
    both.extend(canaries);
    let held = both.last().expect("a canary").held();
    assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
    drop(held);
    assert_eq!(memory_with(&both), [] as [String; 0]);
    assert_eq!(files_with(&both, place.path()), [] as [String; 0]);
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 3, "the pages are gone");
}
