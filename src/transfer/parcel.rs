//! Some files as one sequence of bytes, and the digest that people on both sides say aloud.
//!
//! ```text
//! officiant parcel 1
//! <SHA-256 in hexadecimal> <size> <name>
//! …
//!
//! <the bytes of the files, one after the other>
//! ```
//!
//! The lines stand in the order of their bytes, so that the same files always make the same parcel. The digest of a parcel is the
//! SHA-256 of what `sha256sum FILES | LC_ALL=C sort` prints: anybody can make it again without this program.

use std::collections::BTreeSet;

use super::compressed::INFLATED_MAX;
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    text::{paints, shown},
};

/// The most files in a parcel.
pub const FILES_MAX: usize = 256;
/// The most bytes of a name.
pub const NAME_MAX: usize = 255;
const FIRST_LINE: &str = "officiant parcel 1";

/// A file with the name that it is to have on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// A relative path of harmless parts, `/` between them.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl File {
    /// Its SHA-256.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Files that cross together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// In the order of their lines in the manifest.
    files: Vec<(Digest, File)>,
}

impl Parcel {
    /// Packs files, in any order.
    ///
    /// # Errors
    /// `PARCEL-INTACT` where a name could do harm on the other side or two are the same, `FRAMES-CARRY-NO-SECRET` where a file
    /// looks like a private key, `FRAME-WITHIN-LIMITS` where there is none or too much.
    pub fn new(files: Vec<File>) -> Result<Self, Refusal> {
        let remedy = "Carry fewer files at a time.";
        if files.is_empty() || files.len() > FILES_MAX {
            let what = format!("A parcel has 1 to {FILES_MAX} files; these are {}.", files.len());
            return Err(Refusal::new(Rule::FrameWithinLimits, what, remedy));
        }
        if let Some(file) = files.iter().find(|file| looks_secret(&file.bytes)) {
            let what = format!("{} looks like a private key.", shown(&file.name));
            let remedy = "A screen is seen by every camera in the room. Nothing secret crosses as QR codes.";
            return Err(Refusal::new(Rule::FramesCarryNoSecret, what, remedy));
        }
        let parcel = Self::sorted(files);
        parcel.check_names()?;
        let length = parcel.to_bytes().len();
        if length > INFLATED_MAX {
            let what = format!("The files have {length} bytes together; {INFLATED_MAX} can be carried at a time.");
            return Err(Refusal::new(Rule::FrameWithinLimits, what, remedy));
        }
        Ok(parcel)
    }

    /// Unpacks what [`Parcel::to_bytes`] made. It comes from outside: nothing in it is trusted, and every byte of it is accounted for.
    ///
    /// # Errors
    /// `PARCEL-INTACT`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let end = bytes.windows(2).position(|two| two == b"\n\n").ok_or_else(|| damaged("has no manifest"))?;
        let header = std::str::from_utf8(&bytes[..end]).map_err(|_| damaged("has a manifest that is no text"))?;
        let mut rest = &bytes[end + 2..];
        let mut lines = header.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(damaged("is of another kind or of a later version of this program"));
        }
        let mut files = vec![];
        for line in lines {
            if files.len() == FILES_MAX {
                return Err(damaged("has too many files"));
            }
            let (digest, size, name) = entry(line).ok_or_else(|| damaged("has a line that cannot be read"))?;
            let (content, after) = rest.split_at_checked(size).ok_or_else(|| damaged("ends too early"))?;
            if Digest::of(content) != digest {
                return Err(damaged("has a file whose SHA-256 is not that of its line"));
            }
            rest = after;
            files.push(File { name: name.to_owned(), bytes: content.to_vec() });
        }
        if files.is_empty() || !rest.is_empty() {
            return Err(damaged("has bytes that belong to no file"));
        }
        let parcel = Self::sorted(files);
        parcel.check_names()?;
        if parcel.to_bytes() != bytes {
            return Err(damaged("has its lines in another order"));
        }
        Ok(parcel)
    }

    /// The parcel as it crosses.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = format!("{FIRST_LINE}\n");
        for (digest, file) in &self.files {
            header.push_str(&format!("{digest} {} {}\n", file.bytes.len(), file.name));
        }
        header.push('\n');
        let mut bytes = header.into_bytes();
        self.files().for_each(|file| bytes.extend_from_slice(&file.bytes));
        bytes
    }

    /// The files, in the order of their digests.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().map(|(_, file)| file)
    }

    /// What `sha256sum FILES | LC_ALL=C sort` prints.
    pub fn manifest(&self) -> String {
        manifest(self.files.iter().map(|(digest, file)| (*digest, file.name.as_str())))
    }

    /// The file of this name.
    pub fn file(&self, name: &str) -> Option<&File> {
        self.files().find(|file| file.name == name)
    }

    /// The SHA-256 of [`Parcel::manifest`]: its words are compared on both sides before anything is used.
    pub fn digest(&self) -> Digest {
        Digest::of(self.manifest().as_bytes())
    }

    fn sorted(files: Vec<File>) -> Self {
        let mut files: Vec<_> = files.into_iter().map(|file| (file.digest(), file)).collect();
        files.sort_by(|(digest, file), (other_digest, other)| (digest, &file.name).cmp(&(other_digest, &other.name)));
        Self { files }
    }

    fn check_names(&self) -> Result<(), Refusal> {
        let refused = |name: &str, how: &str| {
            let what = format!("The name {} {how}.", shown(name));
            let remedy = "Give the file a plain name, such as 2.root.json, where it comes from.";
            Refusal::new(Rule::ParcelIntact, what, remedy)
        };
        let mut seen = BTreeSet::new();
        for name in self.files().map(|file| file.name.as_str()) {
            if !is_harmless(name) {
                return Err(refused(name, "could do harm on the other side"));
            }
            // Some media keep no case.
            if !seen.insert(name.to_lowercase()) {
                return Err(refused(name, "stands there twice"));
            }
        }
        for name in &seen {
            let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
            if let Some(folder) = folders.into_iter().find(|folder| seen.contains(*folder)) {
                return Err(refused(folder, "is that of a file and of a folder"));
            }
        }
        Ok(())
    }
}

/// What `sha256sum FILES | LC_ALL=C sort` prints of these files, in any order.
pub fn manifest<'a>(files: impl IntoIterator<Item = (Digest, &'a str)>) -> String {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_unstable();
    files.into_iter().map(|(digest, name)| format!("{digest}  {name}\n")).collect()
}

fn entry(line: &str) -> Option<(Digest, usize, &str)> {
    let (digest, rest) = line.split_once(' ')?;
    let (size, name) = rest.split_once(' ')?;
    let digits = size.len() <= 9 && !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    Some((Digest::from_hex(digest)?, digits.then(|| size.parse().ok())??, name))
}

/// A path that stays below the folder that it is put in, on every system, and looks like what it is.
fn is_harmless(name: &str) -> bool {
    let part_is = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-', ' '])
            && !part.ends_with(['.', ' '])
            && !part.chars().any(|character| paints(character) || "\\:*?\"<>|".contains(character))
    };
    name.len() <= NAME_MAX && name.split('/').all(part_is)
}

/// Whether bytes are a private key in a form that is known here: PEM, DER (PKCS#1, PKCS#8, SEC1, PKCS#12) or age.
fn looks_secret(bytes: &[u8]) -> bool {
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let der = match bytes {
        [0x30, length, rest @ ..] => {
            let skip = if *length < 0x80 { 0 } else { usize::from(length & 0x7f) };
            matches!(rest.get(skip..), Some([0x02, 0x01, 0 | 1 | 3, ..]))
        }
        _ => false,
    };
    der || has(b"PRIVATE KEY-----") || has(b"AGE-SECRET-KEY-") || has(b"AGE-PLUGIN-YUBIKEY-1")
}

fn damaged(how: &str) -> Refusal {
    let what = format!("The parcel {how}.");
    Refusal::new(Rule::ParcelIntact, what, "Nothing was taken. Look at what is being shown, and read it once more.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> File {
        File { name: name.into(), bytes: bytes.to_vec() }
    }

    fn parcel() -> Parcel {
        Parcel::new(vec![file("metadata/2.root.json", b"{}\n"), file("targets.json", b"{\"a\":1}"), file("empty", b"")])
            .unwrap()
    }

    #[test]
    fn files_come_back_exactly_whatever_their_order_was() {
        let sent = parcel();
        assert_eq!(Parcel::from_bytes(&sent.to_bytes()).unwrap(), sent);
        let other = Parcel::new(sent.files().cloned().collect::<Vec<_>>().into_iter().rev().collect()).unwrap();
        assert_eq!(other.to_bytes(), sent.to_bytes());
    }

    #[test]
    fn the_manifest_is_what_sha256sum_prints() {
        let manifest = parcel().manifest();
        let first = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356  metadata/2.root.json\n";
        assert!(manifest.contains(first), "{manifest}");
        let mut sorted: Vec<_> = manifest.lines().collect();
        sorted.sort_unstable();
        assert_eq!(sorted.join("\n") + "\n", manifest);
        assert_eq!(parcel().digest(), Digest::of(manifest.as_bytes()));
    }

    #[test]
    fn every_byte_of_a_parcel_is_accounted_for() {
        let good = parcel().to_bytes();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            // A letter of a name is the one thing that no digest inside is about; the words are.
            match Parcel::from_bytes(&bad) {
                Ok(other) => assert_ne!(other.digest(), parcel().digest(), "byte {at}"),
                Err(refused) => assert_eq!(refused.rule, Rule::ParcelIntact),
            }
        }
        for bad in [&good[..good.len() - 1], &[good.as_slice(), b"x"].concat(), b"", b"\n\n", b"officiant parcel 1\n\n"]
        {
            assert_eq!(Parcel::from_bytes(bad).unwrap_err().rule, Rule::ParcelIntact);
        }
        let swapped = String::from_utf8(good).unwrap().replace("officiant parcel 1\n", "officiant parcel 2\n");
        assert!(Parcel::from_bytes(swapped.as_bytes()).is_err());
    }

    #[test]
    fn a_name_that_could_do_harm_is_refused_on_both_sides() {
        let long = "a".repeat(256);
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "a/",
            ".profile",
            "a/.ssh",
            "-rf",
            " a",
            "a.",
            "a\nb",
            "a\\b",
            "c:x",
            "a\u{202e}b",
            "a\u{1b}[m",
            &long,
        ] {
            let refused = Parcel::new(vec![file(name, b"x")]).unwrap_err();
            assert_eq!(refused.rule, Rule::ParcelIntact, "{name}");
            let made = Parcel::sorted(vec![file(name, b"x")]).to_bytes();
            assert!(Parcel::from_bytes(&made).is_err(), "{name}");
        }
        for names in [["a", "A"], ["a", "a/b"], ["a", "a"]] {
            let files = vec![file(names[0], b"x"), file(names[1], b"y")];
            assert_eq!(Parcel::new(files).unwrap_err().rule, Rule::ParcelIntact, "{names:?}");
        }
    }

    #[test]
    fn a_private_key_never_becomes_frames() {
        use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
        let key = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
        let secrets = [
            pem.as_bytes(),
            key.to_pkcs8_der().unwrap().as_bytes(),
            &key.to_sec1_der().unwrap(),
            b"# created\nAGE-SECRET-KEY-1QQQQ",
        ]
        .map(<[u8]>::to_vec);
        for secret in secrets {
            let refused = Parcel::new(vec![file("ok", b"x"), file("key", &secret)]).unwrap_err();
            assert_eq!(refused.rule, Rule::FramesCarryNoSecret);
        }
        let public = key.public_key();
        let public = [
            public.to_public_key_der().unwrap().into_vec(),
            public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes(),
        ];
        for bytes in public {
            assert!(Parcel::new(vec![file("key", &bytes)]).is_ok());
        }
    }

    #[test]
    fn too_much_is_refused() {
        let many: Vec<_> = (0..257).map(|number| file(&format!("f{number}"), b"")).collect();
        let large = vec![file("large", &vec![0; INFLATED_MAX])];
        for files in [vec![], many, large] {
            assert_eq!(Parcel::new(files).unwrap_err().rule, Rule::FrameWithinLimits);
        }
    }
}
