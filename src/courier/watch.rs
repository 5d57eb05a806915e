//! `watch`: what ends when.

mod tuf;

use serde::Serialize;
use serde_json::json;

use super::{
    args::Watch,
    jobs::in_order,
    notary::Server,
    outcome::{Exit, Failure, Failures, Stop, product},
};
use crate::{
    preflight,
    rules::Refusal,
    transfer::Gun,
    tuf::{Dialect, Metadata, RoleName, Root, Targets, Untrusted, bundle::taggers_fail_from},
    utc::Utc,
};

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Deadline {
    /// When.
    pub at: Utc,
    /// Of which repository.
    pub gun: Gun,
    /// What, for people: `root 5`, `certificate of root key c45dec68`.
    pub what: String,
    /// What that means.
    pub then: String,
    /// Whether it can still be helped: an older root lives on in clients alone.
    pub avoidable: bool,
}

/// How near something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nearness {
    /// It is over.
    Ended,
    /// Within the days that were asked for.
    Soon,
    /// Later.
    Later,
}

impl Deadline {
    /// How near it is, `days` being soon.
    pub fn nearness(&self, now: Utc, days: u32) -> Nearness {
        if self.at <= now {
            Nearness::Ended
        } else if self.at <= now.plus_days(days.into()) {
            Nearness::Soon
        } else {
            Nearness::Later
        }
    }

    /// Whether it is one to be woken up for.
    fn matters(&self, now: Utc, days: u32) -> bool {
        match self.nearness(now, days) {
            Nearness::Ended => self.avoidable,
            Nearness::Soon => true,
            Nearness::Later => false,
        }
    }
}

/// Does it.
///
/// # Errors
/// Where the list or the server is not what it should be.
pub fn watch(args: &Watch) -> Result<Exit, Stop> {
    let now = preflight::now()?;
    let (mut deadlines, mut failures) = (Vec::new(), Failures::default());
    let mut take = |gun: &Gun, found: Result<Vec<Deadline>, Failure>| match found {
        Ok(found) => deadlines.extend(found),
        Err(failure) => failures.add(gun, failure),
    };
    match (&args.server, &args.tuf) {
        (Some(url), _) => {
            let servers = args.connection.servers(url)?;
            let inventory = args.repositories.inventory()?;
            in_order(servers.into(), inventory.guns(), look, |gun, found| {
                take(gun, found);
                Ok::<(), Stop>(())
            })?;
        }
        (_, Some(url)) => {
            let (name, found) = tuf::look(url, args.name.as_ref(), &args.connection, now)?;
            take(&name, found);
        }
        (None, None) => return Err(Stop::Usage("watch --server URL or watch --tuf URL".into())),
    }
    deadlines.sort();
    let near = deadlines.iter().filter(|deadline| deadline.matters(now, args.days)).count();
    if args.format.json {
        let list: Vec<_> = deadlines
            .iter()
            .map(|deadline| {
                let mut entry = serde_json::to_value(deadline).expect("text is JSON");
                entry["days"] = now.days_until(deadline.at).into();
                entry["nearness"] = serde_json::to_value(deadline.nearness(now, args.days)).expect("a word is JSON");
                entry
            })
            .collect();
        product(&format!("{:#}\n", json!({ "at": now, "deadlines": list, "near": near, "failed": failures.json() })))?;
    } else {
        let told = deadlines.iter().filter(|deadline| !args.quiet || deadline.matters(now, args.days));
        let mut lines: Vec<_> = told.map(|deadline| line(deadline, now, args.days)).collect();
        lines.extend(failures.lines());
        if !args.quiet || !lines.is_empty() {
            lines.push(format!("{near} within {} days or over, {} could not be looked at", args.days, failures.len()));
            product(&(lines.join("\n") + "\n"))?;
        }
    }
    Ok(match (failures.is_empty(), near) {
        (false, _) => Exit::Fault,
        (true, 0) => Exit::Done,
        (true, _) => Exit::Refused,
    })
}

/// `soon   2026-12-01     7 days  localhost:5000/lab/app  root 5: clients refuse the repository`
fn line(deadline: &Deadline, now: Utc, days: u32) -> String {
    let word = match deadline.nearness(now, days) {
        Nearness::Ended => "ended",
        Nearness::Soon => "soon",
        Nearness::Later => "later",
    };
    let Deadline { at, gun, what, then, .. } = deadline;
    format!("{word:<5}  {}  {:>6} days  {gun}  {what}: {then}", at.date(), now.days_until(*at))
}

fn look(server: &Server, gun: &Gun) -> Result<Vec<Deadline>, Failure> {
    let root = server.metadata(gun, "root.json")?;
    let root = root.ok_or_else(|| Failure::Server {
        doing: format!("get root.json of {gun}"),
        said: "the server does not know this repository".into(),
        remedy: "Is the name right? Take it off the list where it was deleted.".into(),
    })?;
    let root = read::<Root>(&root)?;
    let mut found = of_root(gun, root.document());
    let mut certificates = of_certificates(gun, root.document(), true);
    for version in (1..root.document().version).rev() {
        let Some(older) = server.metadata(gun, &format!("{version}.root.json"))? else { break };
        certificates.extend(of_certificates(gun, read::<Root>(&older)?.document(), false));
    }
    found.extend(first_of_each(certificates));

    let mut wanted = vec![RoleName::Targets];
    let mut next = 0;
    while let Some(role) = wanted.get(next).cloned() {
        next += 1;
        let Some(bytes) = server.metadata(gun, &Dialect::Notary.file_name(&role, None))? else { continue };
        let targets = read::<Targets>(&bytes)?;
        let targets = targets.document();
        found.push(Deadline {
            at: targets.expires(),
            gun: gun.clone(),
            what: format!("{role} {}", targets.version()),
            then: "clients refuse what it names".into(),
            avoidable: true,
        });
        for delegated in targets.delegations.iter().flat_map(|delegations| &delegations.roles) {
            if Dialect::Notary.may_delegate(&role, delegated.name.as_str()) && !wanted.contains(&delegated.name) {
                wanted.push(delegated.name.clone());
            }
        }
    }
    Ok(found)
}

fn read<T: Metadata>(bytes: &[u8]) -> Result<Untrusted<T>, Refusal> {
    Untrusted::parse(Dialect::Notary, bytes)
}

fn of_root(gun: &Gun, root: &Root) -> Vec<Deadline> {
    let deadline =
        |at: Utc, what: String, then: &str| Deadline { at, gun: gun.clone(), what, then: then.into(), avoidable: true };
    vec![
        deadline(root.expires, format!("root {}", root.version), "clients refuse the repository"),
        deadline(
            taggers_fail_from(root.expires),
            format!("root {} less six months", root.version),
            "whoever publishes without the root key fails (NOTARY-SIX-MONTHS)",
        ),
    ]
}

/// The certificates of a root's keys, each with its keyid.
fn of_certificates(gun: &Gun, root: &Root, current: bool) -> Vec<(String, Deadline)> {
    let mut found = Vec::new();
    for (keyid, key) in root.keys_of(&RoleName::Root) {
        let Some(certificate) = key.certificate() else { continue };
        let then = if current {
            "the server takes nothing any more, and nothing repairs it".into()
        } else {
            format!("clients that still hold root {} stop for good", root.version)
        };
        let what = format!("certificate of root key {}", keyid.short());
        let deadline = Deadline { at: certificate.not_after(), gun: gun.clone(), what, then, avoidable: current };
        found.push((keyid.as_str().to_owned(), deadline));
    }
    found
}

/// One line a certificate, of the newest root that has it.
fn first_of_each(certificates: Vec<(String, Deadline)>) -> Vec<Deadline> {
    let mut seen = std::collections::BTreeSet::new();
    certificates.into_iter().filter(|(keyid, _)| seen.insert(keyid.clone())).map(|(_, deadline)| deadline).collect()
}
