//! `backup status`: how the shares of each set are, as far as records tell.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use crate::{
    ceremony::event::Event,
    cli::{
        args::BackupStatus,
        exit::{Exit, Stop},
        out,
    },
    custody::Set,
    files, preflight, transcript,
    utc::Utc,
};

/// For how many days a share that was read is known to be readable.
const READ_DAYS: i64 = 365;
/// For how many days a backup that was restored is known to restore.
const RESTORED_DAYS: i64 = 3 * 365;

/// How a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    /// Enough shares were read and the backup was restored, lately.
    Green,
    /// It is not known any more whether it opens.
    Amber,
    /// The next loss is the loss of the backup, or it is lost.
    Red,
}

impl Health {
    const fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Amber => "AMBER",
            Self::Red => "RED",
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
    restored: Option<Utc>,
    discarded: bool,
    /// Shares of which a ceremony said that they are lost.
    lost: Vec<u8>,
}

impl Known {
    fn of(set: Set, key: &str, repository: &str) -> Self {
        let (key, repository) = (key.to_owned(), repository.to_owned());
        Self { set, key, repository, read: BTreeMap::new(), restored: None, discarded: false, lost: vec![] }
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
    restore_due: Option<Utc>,
}

#[derive(Serialize)]
struct ShareReport {
    index: u8,
    custodian: Option<String>,
    read: Option<Utc>,
    due: Option<Utc>,
    lost: bool,
}

pub(super) fn status(args: &BackupStatus) -> Result<Exit, Stop> {
    let now = args.at.map_or_else(preflight::now, Ok)?;
    let mut sets: Vec<Known> = vec![];
    for record in &args.records {
        collect(record, &mut sets)?;
    }
    let lost = args.lost.iter().map(|text| lost(text, &sets)).collect::<Result<Vec<_>, _>>()?;
    let standing = sets.iter().filter(|known| !known.discarded);
    let reports: Vec<Report> = standing.map(|known| report(known, &lost, now)).collect();
    out::report(args.format.json, &reports, || lines(&reports))?;
    let good = reports.iter().all(|report| report.health == Health::Green);
    Ok(if good { Exit::Done } else { Exit::Refused })
}

fn collect(record: &Path, sets: &mut Vec<Known>) -> Result<(), Stop> {
    let bytes = files::read(&record.join(transcript::FILE), files::limit::TRANSCRIPT)?;
    let chain = transcript::read(&bytes)?;
    let mut title = String::new();
    // Which set is that of a key, by the name that this ceremony gives it.
    let mut of_key: BTreeMap<String, String> = BTreeMap::new();
    let mut restored: BTreeMap<String, String> = BTreeMap::new();
    for (stamp, event) in &chain.entries {
        match event {
            Event::Began { title: called, .. } => title.clone_from(called),
            Event::BackupSealed { name, sealed, .. } | Event::KeyWrapped { name, sealed, .. } => {
                of_key.insert(name.to_string(), sealed.set.id());
                sets.push(Known::of(sealed.set.clone(), name.as_str(), &title));
            }
            Event::ShareReadBack { name, index, custodian, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    known.read.insert(*index, (stamp.at, custodian.to_string()));
                }
            }
            Event::KeyPut { name, alias, shares, .. } | Event::KeyUnwrapped { name, alias, shares, .. }
                if !shares.is_empty() =>
            {
                restored.insert(alias.to_string(), name.to_string());
                for (at, _) in known(sets, &of_key, name.as_str()).into_iter().flat_map(|known| {
                    known.read.iter_mut().filter(|(index, _)| shares.contains(index)).map(|(_, read)| read)
                }) {
                    *at = stamp.at;
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
            Event::ShareChecked { name, index, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
                    let keeper = known.read.get(index).map_or_else(String::new, |(_, keeper)| keeper.clone());
                    known.read.insert(*index, (stamp.at, keeper));
                }
            }
            Event::ShareMissing { name, index, lost: true, .. } => {
                if let Some(known) = known(sets, &of_key, name.as_str()) {
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
    Ok(())
}

/// The set that a ceremony made last for the key of this name.
fn known<'a>(sets: &'a mut [Known], of_key: &BTreeMap<String, String>, name: &str) -> Option<&'a mut Known> {
    let id = of_key.get(name)?;
    sets.iter_mut().find(|known| known.set.id() == *id)
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
            }
        })
        .collect();
    let left = shares.iter().filter(|share| share.read.is_some() && !share.lost).count();
    let fresh = shares.iter().filter(|share| !share.lost && share.due.is_some_and(|due| now <= due)).count();
    let needed = usize::from(scheme.threshold());
    let restore_due = known.restored.map(|at| at.plus_days(RESTORED_DAYS));
    let mut why = vec![];
    let mut health = Health::Green;
    if restore_due.is_none_or(|due| due < now) {
        health = Health::Amber;
        why.push("it was not restored within three years: hold a restore drill".to_owned());
    }
    if fresh < needed {
        health = Health::Amber;
        why.push(format!(
            "{fresh} shares were read within twelve months, and {needed} open it: let the custodians read theirs"
        ));
    }
    if left <= needed {
        health = Health::Red;
        why.push(match left {
            left if left < needed => format!("{left} shares are left, and {needed} open it: the backup is lost"),
            _ => {
                format!("{left} shares are left, and all of them are needed: make a new backup before the next is lost")
            }
        });
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
        restore_due,
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
        let day = |at: Option<Utc>| at.map_or_else(|| "never".to_owned(), Utc::date);
        for share in &report.shares {
            let who = share.custodian.as_deref().unwrap_or("nobody");
            let state = match share.lost {
                true => "lost".to_owned(),
                false => format!("read {}, due {}", day(share.read), day(share.due)),
            };
            lines.push(format!("  share {}  {who}: {state}", share.index));
        }
        lines.push(format!("  restored {}, due {}", day(report.restored), day(report.restore_due)));
    }
    lines
}
