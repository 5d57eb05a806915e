//! `backup status`: how the shares of each set are, as far as records tell.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::left::{Left, Tokens};
use crate::{
    ceremony::{backups::imported_from, event::Event, words::backup::listed},
    cli::{
        args::BackupStatus,
        exit::{Exit, Stop},
        out,
    },
    custody::{RESTORED_DAYS, Recipient, Set},
    digest::Digest,
    files, preflight, transcript,
    utc::Utc,
};

/// For how many days a share that was read is known to be readable.
const READ_DAYS: i64 = 365;

/// How a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    /// Enough shares were read and the backup was restored, lately.
    Green,
    /// It is not known any more whether it opens.
    Amber,
    /// The next loss is the loss of the backup, or it is lost. Or shares that nobody wants any more still open the key, or it is on a token that was
    /// to be left empty.
    Red,
    /// So many shares were destroyed that the others open nothing any more, as was meant.
    Dead,
}

impl Health {
    const fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Amber => "AMBER",
            Self::Red => "RED",
            Self::Dead => "DEAD",
        }
    }
}

/// What is known of a set.
struct Known {
    set: Set,
    key: String,
    repository: String,
    /// When each share was last read, and by whom it is kept.
    read: BTreeMap<u8, (Utc, String)>,
    /// The files of those that were encrypted to their custodians as well, and to whom.
    encrypted: BTreeMap<u8, Encrypted>,
    restored: Option<Utc>,
    /// The shares that it was last restored from.
    restored_from: Vec<u8>,
    discarded: bool,
    /// Shares of which a ceremony said that they are lost.
    lost: Vec<u8>,
    /// Shares that were destroyed before a witness.
    destroyed: Vec<u8>,
    /// The set that took its place.
    superseded: Option<String>,
    /// By when the key is rotated because its shares were left.
    rotate_by: Option<Utc>,
    /// What is known of a key that was imported once.
    history: Option<String>,
    /// Tokens that were to be left empty, and have its key.
    left: Vec<Left>,
}

impl Known {
    /// These shares gave the key back.
    fn used(&mut self, shares: &[u8], at: Utc) {
        for index in shares {
            let keeper = self.read.get(index).map_or_else(String::new, |(_, keeper)| keeper.clone());
            self.read.insert(*index, (at, keeper));
        }
        self.restored_from = shares.to_vec();
    }

    fn of(set: Set, key: &str, repository: &str) -> Self {
        let (key, repository) = (key.to_owned(), repository.to_owned());
        Self {
            set,
            key,
            repository,
            read: BTreeMap::new(),
            encrypted: BTreeMap::new(),
            restored: None,
            restored_from: vec![],
            discarded: false,
            lost: vec![],
            destroyed: vec![],
            superseded: None,
            rotate_by: None,
            history: None,
            left: vec![],
        }
    }
}

/// A set, for people and for programs.
#[derive(Serialize)]
struct Report {
    health: Health,
    why: Vec<String>,
    set: String,
    key: String,
    keyid: String,
    ceremony: String,
    threshold: u8,
    count: u8,
    shares: Vec<ShareReport>,
    restored: Option<Utc>,
    restored_from: Vec<u8>,
    restore_due: Option<Utc>,
    superseded_by: Option<String>,
    rotate_by: Option<Utc>,
    history: Option<String>,
    /// Whether a copy opens with a passphrase, and without shares.
    passphrase_copy: bool,
    left: Vec<String>,
}

/// The file of a share, for whoever has the identity.
#[derive(Clone, Serialize)]
struct Encrypted {
    file: String,
    sha256: Digest,
    recipient: Recipient,
}

#[derive(Serialize)]
struct ShareReport {
    index: u8,
    custodian: Option<String>,
    read: Option<Utc>,
    due: Option<Utc>,
    lost: bool,
    destroyed: bool,
    encrypted: Option<Encrypted>,
}

pub(super) fn status(args: &BackupStatus) -> Result<Exit, Stop> {
    let now = args.at.map_or_else(preflight::now, Ok)?;
    let (mut sets, mut tokens): (Vec<Known>, Tokens) = (vec![], Tokens::default());
    for record in &args.records {
        collect(record, &mut sets, &mut tokens)?;
    }
    sets.iter_mut().for_each(|known| known.left.retain(|left| !tokens.is_gone(left)));
    let lost = args.lost.iter().map(|text| lost(text, &sets)).collect::<Result<Vec<_>, _>>()?;
    let standing = sets.iter().filter(|known| !known.discarded);
    let reports: Vec<Report> = standing.map(|known| report(known, &lost, now)).collect();
    out::report(args.format.json, &reports, || lines(&reports))?;
    let good = reports.iter().all(|report| matches!(report.health, Health::Green | Health::Dead));
    Ok(if good { Exit::Done } else { Exit::Refused })
}

fn collect(record: &Path, sets: &mut Vec<Known>, tokens: &mut Tokens) -> Result<(), Stop> {
    let bytes = files::read(&record.join(transcript::FILE), files::limit::TRANSCRIPT)?;
    let chain = transcript::read(&bytes)?;
    let mut title = String::new();
    // Which set is that of a key, by the name that this ceremony gives it.
    let mut of_key: BTreeMap<String, String> = BTreeMap::new();
    let mut restored: BTreeMap<String, String> = BTreeMap::new();
    // What nobody knows of a key, and the set that a new one takes the place of, by the same name.
    let mut histories: BTreeMap<String, String> = BTreeMap::new();
    let mut opened: BTreeMap<String, String> = BTreeMap::new();
    for (stamp, event) in &chain.entries {
        match event {
            Event::Began { title: called, .. } => title.clone_from(called),
            Event::BackupSealed { name, sealed, .. } | Event::KeyWrapped { name, sealed, .. } => {
                of_key.insert(name.to_string(), sealed.set.id());
                let mut known = Known::of(sealed.set.clone(), name.as_str(), &title);
                known.history = histories.get(name.as_str()).cloned();
                sets.push(known);
            }
            Event::KeyTaken { name, from, .. } => drop(histories.insert(name.to_string(), imported_from(from))),
            Event::BackupOpened { name, set, history, .. } => {
                opened.insert(name.to_string(), set.clone());
                if let Some(history) = history {
                    histories.insert(name.to_string(), history.clone());
                }
            }
            Event::BackupUnwrapped { name, set, .. } => drop(opened.insert(name.to_string(), set.clone())),
            // From here on the new backup does not depend on the old one.
            Event::KeyWiped { name, .. } | Event::KeyClosed { name, .. } => {
                let new = of_key.get(name.as_str()).cloned();
                if let Some(old) = opened.get(name.as_str()).and_then(|set| of_id(sets, set)) {
                    old.superseded = new;
                }
            }
            Event::ShareDestroyed { set, index, .. } => {
                if let Some(known) = of_id(sets, set) {
                    known.destroyed.push(*index);
                }
            }
            Event::OldSharesJudged { set, rotate_by, left, threshold, .. } => {
                if let Some(known) = of_id(sets, set).filter(|_| left >= threshold) {
                    known.rotate_by = Some(rotate_by.unwrap_or(stamp.at));
                }
            }
            Event::ShareReadBack { name, index, custodian, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    known.read.insert(*index, (stamp.at, custodian.to_string()));
                }
            }
            Event::ShareEncrypted { name, index, recipient, file, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    let (recipient, file, sha256) = (recipient.clone(), file.name.clone(), file.sha256);
                    known.encrypted.insert(*index, Encrypted { file, sha256, recipient });
                }
            }
            Event::KeyPut { name, alias, shares, history, .. } if !shares.is_empty() => {
                restored.insert(alias.to_string(), name.to_string());
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    known.history = known.history.take().or_else(|| history.clone());
                    known.used(shares, stamp.at);
                }
            }
            Event::KeyUnwrapped { name, alias, shares, .. } => {
                restored.insert(alias.to_string(), name.to_string());
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    known.used(shares, stamp.at);
                }
            }
            Event::KeyDrilled { alias, .. } => {
                let name = restored.get(alias.as_str()).cloned();
                if let Some(known) = name.and_then(|name| known(sets, &of_key, &name)) {
                    known.restored = Some(stamp.at);
                }
            }
            Event::SetImported { name, text, .. } => {
                let Ok(set) = serde_json::from_str::<Set>(text) else { continue };
                of_key.insert(name.to_string(), set.id());
                if !sets.iter().any(|known| known.set.id() == set.id()) {
                    sets.push(Known::of(set, name.as_str(), &title));
                }
            }
            Event::ShareChecked { set, index, .. } => {
                if let Some(known) = of_id(sets, set) {
                    let keeper = known.read.get(index).map_or_else(String::new, |(_, keeper)| keeper.clone());
                    known.read.insert(*index, (stamp.at, keeper));
                }
            }
            Event::ShareMissing { set, index, lost: true, .. } => {
                if let Some(known) = of_id(sets, set) {
                    known.lost.push(*index);
                }
            }
            Event::BackupDiscarded { name, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    known.discarded = true;
                }
            }
            _ => {}
        }
    }
    for left in tokens.collect(record, &chain) {
        if let Some(known) = known(sets, &of_key, &left.name) {
            known.left.push(left);
        }
    }
    Ok(())
}

/// The set that a ceremony made last for the key of this name.
fn known<'a>(sets: &'a mut [Known], of_key: &BTreeMap<String, String>, name: &str) -> Option<&'a mut Known> {
    let id = of_key.get(name)?;
    sets.iter_mut().find(|known| known.set.id() == *id)
}

fn of_id<'a>(sets: &'a mut [Known], id: &str) -> Option<&'a mut Known> {
    sets.iter_mut().find(|known| known.set.id() == id)
}

fn lost(text: &str, sets: &[Known]) -> Result<(String, u8), Stop> {
    let usage = |what: &str| Stop::Usage(format!("--lost {}: {what}", crate::text::shown(text)));
    let (set, index) =
        text.split_once(':').ok_or_else(|| usage("the set and the number of a share, like 3f09a1c2d4e5:2"))?;
    let index: u8 = index.parse().map_err(|_| usage("the number of a share, after the colon"))?;
    let known = sets.iter().find(|known| known.set.id() == set).ok_or_else(|| usage("no record has this set"))?;
    if !(1..=known.set.scheme.count()).contains(&index) {
        return Err(usage("the set has no share of this number"));
    }
    Ok((set.to_owned(), index))
}

fn report(known: &Known, lost: &[(String, u8)], now: Utc) -> Report {
    let (id, scheme) = (known.set.id(), known.set.scheme);
    let is_lost = |index: u8| lost.contains(&(id.clone(), index)) || known.lost.contains(&index);
    let shares: Vec<ShareReport> = (1..=scheme.count())
        .map(|index| {
            let read = known.read.get(&index);
            ShareReport {
                index,
                custodian: read.map(|(_, custodian)| custodian.clone()),
                read: read.map(|(at, _)| *at),
                due: read.map(|(at, _)| at.plus_days(READ_DAYS)),
                lost: is_lost(index),
                destroyed: known.destroyed.contains(&index),
                encrypted: known.encrypted.get(&index).cloned(),
            }
        })
        .collect();
    let left = shares.iter().filter(|share| share.read.is_some() && !share.lost && !share.destroyed).count();
    let fresh = shares
        .iter()
        .filter(|share| !share.lost && !share.destroyed && share.due.is_some_and(|due| now <= due))
        .count();
    let needed = usize::from(scheme.threshold());
    let restore_due = known.restored.map(|at| at.plus_days(RESTORED_DAYS));
    let mut why = vec![];
    let mut health = Health::Green;
    let ends = ended(known, now);
    if let Some((ends, says)) = &ends {
        health = *ends;
        why.push(says.clone());
    }
    // What is asked of a backup that is meant to open something.
    let stands = ends.is_none();
    if stands && restore_due.is_none_or(|due| due < now) {
        health = Health::Amber;
        why.push("it was not restored within three years: hold a restore drill".to_owned());
    }
    if stands && fresh < needed {
        health = Health::Amber;
        why.push(format!(
            "{fresh} shares were read within twelve months, and {needed} open it: let the custodians read theirs"
        ));
    }
    if stands && left <= needed {
        health = Health::Red;
        why.push(match left {
            left if left < needed => format!("{left} shares are left, and {needed} open it: the backup is lost"),
            _ => {
                format!("{left} shares are left, and all of them are needed: make a new backup before the next is lost")
            }
        });
    }
    let left: Vec<String> = known.left.iter().map(Left::words).collect();
    if !left.is_empty() {
        health = Health::Red;
        why.extend(left.iter().cloned());
    }
    Report {
        health,
        why,
        set: id,
        key: known.key.clone(),
        keyid: known.set.keyid.to_string(),
        ceremony: known.repository.clone(),
        threshold: scheme.threshold(),
        count: scheme.count(),
        shares,
        restored: known.restored,
        restored_from: known.restored_from.clone(),
        restore_due,
        superseded_by: known.superseded.clone(),
        rotate_by: known.rotate_by,
        passphrase_copy: known.set.passphrase_copy,
        history: known.history.clone(),
        left,
    }
}

/// How a set is that is at its end, or whose place another took; `None` for one that is still to open something.
fn ended(known: &Known, now: Utc) -> Option<(Health, String)> {
    let scheme = known.set.scheme;
    let gone = u8::try_from(known.destroyed.len()).unwrap_or(u8::MAX);
    let left = scheme.count().saturating_sub(gone);
    let by = known.superseded.as_ref().map(|set| format!("set {set} took its place; ")).unwrap_or_default();
    if left < scheme.threshold() {
        let says = format!(
            "{by}{gone} of its shares are destroyed: {left} are left, and {} would be needed to open its file",
            scheme.threshold()
        );
        return Some((Health::Dead, says));
    }
    let still = format!("{left} of its shares are left, and {} open its file", scheme.threshold());
    match (&known.superseded, known.rotate_by) {
        (_, Some(day)) => {
            let health = if now < day { Health::Amber } else { Health::Red };
            Some((health, format!("{by}{still}: the key is to be rotated by {}", day.date())))
        }
        (Some(_), None) => {
            let more = scheme.to_destroy().saturating_sub(gone);
            Some((Health::Red, format!("{by}{still}: destroy {more} more of them, or rotate the key")))
        }
        (None, None) => None,
    }
}

fn lines(reports: &[Report]) -> Vec<String> {
    if reports.is_empty() {
        return vec!["No set of shares stands in these records.".into()];
    }
    let mut lines = vec![];
    for report in reports {
        lines.push(format!(
            "{}  set {}, {} of {}: key {} ({}…), {}",
            report.health.word(),
            report.set,
            report.threshold,
            report.count,
            report.key,
            &report.keyid.chars().take(8).collect::<String>(),
            crate::text::shown(&report.ceremony)
        ));
        lines.extend(report.why.iter().map(|why| format!("  {why}")));
        lines.extend(report.history.iter().map(|history| format!("  the key was {}", crate::text::shown(history))));
        if report.passphrase_copy {
            lines
                .push("  a copy of it opens with a passphrase, without any share: whoever has both has the key".into());
        }
        let day = |at: Option<Utc>| at.map_or_else(|| "never".to_owned(), Utc::date);
        for share in &report.shares {
            let who = share.custodian.as_deref().unwrap_or("nobody");
            let state = match (share.destroyed, share.lost) {
                (true, _) => "destroyed".to_owned(),
                (false, true) => "lost".to_owned(),
                (false, false) => format!("read {}, due {}", day(share.read), day(share.due)),
            };
            lines.push(format!("  share {}  {who}: {state}", share.index));
            lines.extend(share.encrypted.iter().map(|encrypted| {
                let Encrypted { file, sha256, recipient } = encrypted;
                format!("           also {} (SHA-256 {sha256}), to {recipient}", crate::text::shown(file))
            }));
        }
        let from = match report.restored_from.as_slice() {
            [] => String::new(),
            shares => format!(" from shares {}", listed(shares)),
        };
        lines.push(format!("  restored {}{from}, due {}", day(report.restored), day(report.restore_due)));
    }
    lines
}
