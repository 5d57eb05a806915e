//! What earlier ceremonies signed (`VERSION-SIGNED-ONCE`), as a ceremony about many repositories hands it on: a list with a line for
//! each document. A batch may have signed tens of thousands, which no entry can hold: entry 0 names the list by its SHA-256, and it lies in
//! `inputs/` of the record. What of it can still matter comes into the transcript some thousands of lines at a time.
//!
//! Of each repository and role only the highest version is handed on, with every payload of it. A draft of a lower version is refused
//! whatever its payload is, so that nothing is forgotten with the lines that go; and the list is no longer than there are roles in the
//! repositories, however many ceremonies were held.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Ceremony,
    event::{PreviousCeremony, SignedList, SignedVersion},
    repositories::Known,
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    transfer::Gun,
    tuf::RoleName,
};

/// The file in a record with everything that it and the ceremonies before it signed.
pub const FILE: &str = "signed.jsonl";
/// How many versions stand in entry 0 itself; where there are more, it names a list.
pub const IN_ENTRY_MAX: usize = 64;
/// How many lines of the list come into the transcript with one entry: with the longest names these are less than a line may have.
pub const AT_ONCE: usize = 4096;

/// The lines of these versions, in this order: `{"repository":…,"role":…,"version":…,"payload":…}`.
pub fn write<'a>(signed: impl IntoIterator<Item = &'a SignedVersion>) -> Vec<u8> {
    let mut text = vec![];
    signed.into_iter().for_each(|one| add(&mut text, one));
    text
}

fn add(text: &mut Vec<u8>, signed: &SignedVersion) {
    serde_json::to_writer(&mut *text, signed).expect("names and digests serialise into memory");
    text.push(b'\n');
}

/// Reads `count` lines from the line `from` on, counted from 0.
///
/// # Errors
/// `VERSION-SIGNED-ONCE`, naming the line that is not one exactly as it is written.
pub fn read(text: &[u8], from: usize, count: usize) -> Result<Vec<SignedVersion>, Refusal> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').enumerate().skip(from).take(count);
    let read = lines.map(|(index, line)| {
        let signed: Option<SignedVersion> = serde_json::from_slice(line).ok();
        signed.filter(|signed| write([signed]) == line).ok_or_else(|| {
            Refusal::new(
                Rule::VersionSignedOnce,
                format!("Line {} of the list of what was signed is not one.", index + 1),
                "Take the list from the other medium of the last record.",
            )
        })
    });
    read.collect()
}

/// How many lines a list has.
pub fn lines(text: &[u8]) -> u64 {
    text.split_inclusive(|byte| *byte == b'\n').count() as u64
}

impl PreviousCeremony {
    /// As entry 0 has it: with what was signed, or, where that is much and about many repositories, with the digest of the list that is
    /// kept beside the transcript and comes back as the second.
    #[must_use]
    pub fn for_entry(mut self, about_repositories: bool) -> (Self, Option<Vec<u8>>) {
        if !about_repositories || self.signed.len() <= IN_ENTRY_MAX {
            return (self, None);
        }
        let text = write(&self.signed);
        self.list = Some(SignedList { sha256: Digest::of(&text), versions: self.signed.len() as u64 });
        self.signed = vec![];
        (self, Some(text))
    }
}

/// The list that a ceremony leaves: what stood in the list or in the entry that it began with, and what it signed itself; of each
/// repository and role the highest version.
pub fn leaves(ceremony: &Ceremony, list: Option<&[u8]>) -> Vec<u8> {
    let before = began_with(ceremony, list);
    let mut text = vec![];
    if before.is_empty() {
        ceremony.signed_documents().for_each(|one| add(&mut text, &one));
        return text;
    }
    let all = || {
        let lines = before.split_inclusive(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).chain(ceremony.signed_documents())
    };
    let highest = Highest::of(all());
    all().filter(|one| highest.is(one)).for_each(|one| add(&mut text, &one));
    text
}

/// The list as records have it that were written before lower versions were left out of it.
pub fn leaves_every_version(ceremony: &Ceremony, list: Option<&[u8]>) -> Vec<u8> {
    let mut text = began_with(ceremony, list).into_owned();
    ceremony.signed_documents_of_the_batch().for_each(|one| add(&mut text, &one));
    text
}

fn began_with<'a>(ceremony: &Ceremony, list: Option<&'a [u8]>) -> Cow<'a, [u8]> {
    match (list, ceremony.previous_ceremony()) {
        (Some(list), _) => list.into(),
        (None, Some(before)) => write(&before.signed).into(),
        (None, None) => vec![].into(),
    }
}

/// Of each repository and role the highest version, in their order.
pub fn highest(mut signed: Vec<SignedVersion>) -> Vec<SignedVersion> {
    let highest = Highest::of(signed.iter().cloned());
    signed.retain(|one| highest.is(one));
    signed
}

struct Highest(BTreeMap<RoleName, BTreeMap<String, u64>>);

impl Highest {
    fn of(signed: impl Iterator<Item = SignedVersion>) -> Self {
        let mut found: BTreeMap<RoleName, BTreeMap<String, u64>> = BTreeMap::new();
        for one in signed {
            let highest = found.entry(one.role).or_default().entry(one.repository).or_default();
            *highest = one.version.max(*highest);
        }
        Self(found)
    }

    fn is(&self, one: &SignedVersion) -> bool {
        self.0.get(&one.role).and_then(|of| of.get(&one.repository)) == Some(&one.version)
    }
}

/// Those of `signed` that a draft of today could contradict: of repositories that are in the batch, and newer than what is published. A
/// delegated role's version of today is not known here, so that all of theirs stay.
pub fn still_matters(ceremony: &Ceremony, mut signed: Vec<SignedVersion>) -> Vec<SignedVersion> {
    let repositories = ceremony.repositories();
    let known: BTreeMap<&str, &Known> = repositories.known().iter().map(|known| (known.gun.as_str(), known)).collect();
    signed.retain(|one| {
        let known = known.get(one.repository.as_str()).filter(|known| known.left_out.is_none());
        known.is_some_and(|known| match one.role {
            RoleName::Root => one.version > known.root,
            RoleName::Targets => one.version > known.targets,
            _ => true,
        })
    });
    signed
}

/// What was signed before of some repositories, by repository, role and version.
pub struct SignedBefore<'a>(BTreeMap<(&'a str, &'a RoleName, u64), Vec<&'a SignedVersion>>);

impl<'a> SignedBefore<'a> {
    /// Of these repositories.
    pub fn of(ceremony: &'a Ceremony, repositories: &BTreeSet<&str>) -> Self {
        let mut before: BTreeMap<_, Vec<&SignedVersion>> = BTreeMap::new();
        for one in ceremony.earlier.iter().filter(|one| repositories.contains(one.repository.as_str())) {
            before.entry((one.repository.as_str(), &one.role, one.version)).or_default().push(one);
        }
        Self(before)
    }

    /// `VERSION-SIGNED-ONCE`: no other payload of this version was signed before, and no later version. Whether another payload was given
    /// up before enough had signed it, and people should hear of it.
    ///
    /// # Errors
    /// Where one was.
    pub fn fits(&self, gun: &Gun, role: &RoleName, version: u64, payload: Digest) -> Result<bool, Refusal> {
        let name = gun.as_str();
        let later = self.0.range((name, role, version.saturating_add(1))..=(name, role, u64::MAX)).next();
        if let Some(((.., later), _)) = later {
            return Err(Refusal::new(
                Rule::VersionSignedOnce,
                format!("{role} version {later} of {gun} was signed before; this would be version {version}."),
                "The collection is older than what was published then, or the server went back. Collect the repository again, and look at \
                 it with a client that has an old trust directory.",
            ));
        }
        let others = self.0.get(&(name, role, version)).into_iter().flatten().filter(|other| other.payload != payload);
        let (given_up, signed): (Vec<&SignedVersion>, Vec<_>) = others.partition(|other| other.spent);
        let Some(other) = signed.first() else { return Ok(!given_up.is_empty()) };
        Err(Refusal::new(
            Rule::VersionSignedOnce,
            format!(
                "{role} version {version} of {gun} was signed before, as payload {}….",
                &other.payload.to_string()[..16]
            ),
            "Publish what the last ceremony left, collect the repository again, and hold another ceremony for it: two versions of one \
             number would split the clients.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utc::Utc;

    fn signed(count: u64) -> Vec<SignedVersion> {
        let one = |number: u64| SignedVersion {
            repository: format!("docker.io/example/app-{}", number / 2),
            role: if number.is_multiple_of(2) { RoleName::Root } else { RoleName::Targets },
            version: 2,
            payload: Digest::of(&number.to_be_bytes()),
            spent: false,
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn a_list_is_read_a_part_at_a_time_and_only_as_it_is_written() {
        let all = signed(10);
        let text = write(&all);
        assert_eq!((lines(&text), lines(b"")), (10, 0));
        assert_eq!(read(&text, 0, 100), Ok(all.clone()));
        assert_eq!([read(&text, 0, 4), read(&text, 4, 4), read(&text, 8, 4)].map(Result::unwrap).concat(), all);
        assert_eq!(read(&text, 10, 4), Ok(vec![]));
        let text = String::from_utf8(text).unwrap();
        for spoilt in
            [text.replacen(',', ", ", 1), text.trim_end().to_owned(), text.replacen("root", "a\u{0}", 1) + "{}\n"]
        {
            let refusal = read(spoilt.as_bytes(), 0, 100).expect_err(&spoilt);
            assert_eq!(refusal.rule, Rule::VersionSignedOnce);
        }
    }

    #[test]
    fn of_each_role_the_highest_version_is_handed_on_and_no_draft_goes_behind_it() {
        let one = |role: &RoleName, version, payload: &[u8], spent| SignedVersion {
            repository: "docker.io/example/app".into(),
            role: role.clone(),
            version,
            payload: Digest::of(payload),
            spent,
        };
        let (root, targets) = (RoleName::Root, RoleName::Targets);
        let all = vec![
            one(&root, 1, b"one", false),
            one(&targets, 7, b"seven", false),
            one(&root, 2, b"given up", true),
            one(&root, 2, b"two", false),
            one(&targets, 9, b"nine", true),
        ];
        let kept = highest(all.clone());
        assert_eq!(kept, [all[2].clone(), all[3].clone(), all[4].clone()]);
        assert_eq!(highest(kept.clone()), kept);
        let mut before: BTreeMap<_, Vec<&SignedVersion>> = BTreeMap::new();
        kept.iter()
            .for_each(|one| before.entry((one.repository.as_str(), &one.role, one.version)).or_default().push(one));
        let before = SignedBefore(before);
        let app = Gun::parse("docker.io/example/app").unwrap();
        let fits = |role, version, payload: &[u8]| {
            before.fits(&app, role, version, Digest::of(payload)).map_err(|refusal| (refusal.rule, refusal.what))
        };
        assert_eq!(fits(&root, 3, b"three"), Ok(false));
        assert_eq!(fits(&root, 2, b"two"), Ok(true), "the same bytes again, and another payload was given up");
        assert_eq!(fits(&targets, 9, b"other"), Ok(true), "too few had signed the one before");
        for (role, version) in [(&root, 2), (&root, 1), (&targets, 8)] {
            let (rule, what) = fits(role, version, b"other").expect_err("it would be a second one, or behind");
            assert_eq!(rule, Rule::VersionSignedOnce);
            assert!(what.contains("was signed before"), "{what}");
        }
        let other = Gun::parse("docker.io/example/other").unwrap();
        assert_eq!(before.fits(&other, &root, 1, Digest::of(b"other")), Ok(false));
    }

    #[test]
    fn entry_0_holds_little_itself_and_names_a_list_of_much() {
        let before = |count| PreviousCeremony {
            head: Digest::of(b"head"),
            ended: Utc::EPOCH,
            signed: signed(count),
            list: None,
        };
        let most = IN_ENTRY_MAX as u64;
        assert_eq!(before(most).for_entry(true), (before(most), None));
        let (entry, list) = before(most + 1).for_entry(true);
        let text = list.expect("a list");
        assert!(entry.signed.is_empty());
        assert_eq!(entry.list, Some(SignedList { sha256: Digest::of(&text), versions: most + 1 }));
        assert_eq!(read(&text, 0, usize::MAX), Ok(signed(most + 1)));
        // About one repository there are as many as there were ceremonies.
        assert_eq!(before(most + 1).for_entry(false), (before(most + 1), None));
    }
}
