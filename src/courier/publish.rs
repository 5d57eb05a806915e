//! `publish`: what a ceremony left, to a server.

mod predict;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde_json::json;

use super::{
    args::Publish,
    collect::repository::{self, ServerKeys},
    folder::{Folder, beside},
    jobs::in_order,
    journal::{Line, Progress},
    notary::Server,
    outcome::{Exit, Failure, Failures, Stop, product, say},
    peek::Peek,
};
use crate::{
    fault::{Error, Fault},
    files, preflight,
    rules::{Refusal, Rule},
    text::shown_up_to,
    transfer::{Bundle, Gun, bundle::Files},
    tuf::RoleName,
};

/// Does it.
///
/// # Errors
/// Where the folder, the journal or the server is not what it should be, or the journal cannot be written any more. What fails for one
/// repository is in the exit code alone.
pub fn publish(args: &Publish) -> Result<Exit, Stop> {
    let folder = Folder::open(&args.folder)?;
    let guns = folder.guns(&args.gun)?;
    let servers = args.connection.servers(&args.server)?;
    let manifest = folder.publication().manifest().digest();
    say(&format!("{}: {} repositories, MANIFEST {manifest}", files::name(&args.folder), guns.len()));
    let mut run = Run::default();
    if args.check {
        let look_at = |server: &Server, gun: &Gun| Work { server, folder: &folder }.prepare(gun);
        in_order(servers.into(), &guns, look_at, |gun, prepared| {
            run.looked_at(gun, prepared);
            Ok::<(), Stop>(())
        })?;
        return run.report(args, None);
    }
    let path = beside(&args.folder, ".journal.jsonl")?;
    let progress = Progress::open(&path, manifest, &servers.address(), preflight::now()?)?;
    let before: BTreeSet<&Gun> = guns.iter().filter(|gun| progress.is_done(gun)).collect();
    let progress = Mutex::new(Some(progress));
    let one = |server: &Server, gun: &Gun| {
        let journal = Journaled(&progress);
        (!before.contains(gun)).then(|| Work { server, folder: &folder }.one(gun, &journal)).transpose()
    };
    in_order(servers.into(), &guns, one, |gun, done| {
        match done? {
            None => {
                run.kept += 1;
                say(&format!("kept       {gun}  (the journal has it as published)"));
            }
            Some(Ok((what, snapshot, word))) => {
                say(&format!("{word:<9}  {gun}  {what}; snapshot {snapshot} names these very bytes"));
                run.published.push((gun.clone(), snapshot));
            }
            Some(Err(failure)) => run.failures.add(gun, failure),
        }
        Ok::<(), Stop>(())
    })?;
    run.report(args, Some(&path))
}

/// What came of it so far.
#[derive(Default)]
struct Run {
    failures: Failures,
    /// With the version of the snapshot that names them.
    published: Vec<(Gun, u64)>,
    kept: usize,
}

/// The journal, which one worker at a time writes. Once it cannot be written, no worker may publish anything any more.
struct Journaled<'a>(&'a Mutex<Option<Progress>>);

impl Journaled<'_> {
    fn write(&self, line: &Line) -> Result<(), Stop> {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = match progress.as_mut() {
            Some(progress) => progress.write(line),
            None => Err(Fault::machine("write the journal", "it could not be written before")),
        };
        Ok(written.map_err(|fault| {
            *progress = None;
            Error::from(fault)
        })?)
    }
}

/// A worker, with a connection of its own.
struct Work<'a> {
    server: &'a Server,
    folder: &'a Folder,
}

/// What is to be done with a bundle.
enum Next {
    /// The server holds these very bytes.
    Nothing,
    /// Send it; what the prediction of clients has to tell.
    Post(Vec<String>),
}

/// What was published, in words; the version of the snapshot that names it; and the word that says how it came there.
type Published = (String, u64, &'static str);

impl Work<'_> {
    /// Publishes one repository. Only a journal that cannot be written stops the rest.
    fn one(&self, gun: &Gun, journal: &Journaled<'_>) -> Result<Result<Published, Failure>, Stop> {
        let (bundle, found, word) = match self.prepare(gun) {
            Ok((bundle, found, Next::Post(_))) => {
                journal.write(&Line::Posting { gun: gun.clone(), at: preflight::now()? })?;
                (bundle, found, "published")
            }
            Ok((bundle, found, Next::Nothing)) => (bundle, found, "there"),
            Err(failure) => return failed(gun, failure, journal),
        };
        let posted = if word == "published" { self.post(&bundle, &found) } else { Ok(()) };
        match posted.and_then(|()| self.named_by_snapshot(&bundle, &found)) {
            Ok(snapshot) => {
                journal.write(&Line::Published { gun: gun.clone(), snapshot, at: preflight::now()? })?;
                Ok(Ok((describe(&bundle), snapshot, word)))
            }
            Err(failure) => failed(gun, failure, journal),
        }
    }

    /// The bundle and its files, after every question that can be asked before it is sent.
    fn prepare(&self, gun: &Gun) -> Result<(Bundle, Files, Next), Failure> {
        let (bundle, found) = self.folder.bundle(gun)?;
        bundle.complete()?;
        let held = repository::fetch(self.server, gun, ServerKeys::OfKnown)?.files;
        if bundle.files.iter().all(|file| held.get(&file.file) == found.get(&file.file)) {
            return Ok((bundle, found, Next::Nothing));
        }
        follows(&bundle, &held)?;
        let notes = predict::predict(&bundle, &found, &held, preflight::now()?)?;
        Ok((bundle, found, Next::Post(notes)))
    }

    /// Sends it. An answer that does not come is looked for at the server.
    fn post(&self, bundle: &Bundle, found: &Files) -> Result<(), Failure> {
        let files: Vec<(&str, &[u8])> =
            bundle.files.iter().map(|file| (file.role.as_str(), found[&file.file].as_slice())).collect();
        match self.server.publish(&bundle.gun, &files) {
            Err(Failure::Fault(fault)) if self.named_by_snapshot(bundle, found).is_err() => Err(fault.into()),
            Err(Failure::Fault(_)) | Ok(()) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// That the snapshot which the server made names these very bytes: clients go by nothing else. Returns its version.
    fn named_by_snapshot(&self, bundle: &Bundle, found: &Files) -> Result<u64, Failure> {
        let gun = &bundle.gun;
        let snapshot = self.server.metadata(gun, "snapshot.json")?;
        let snapshot = snapshot.ok_or_else(|| spoilt(gun, "the server has no snapshot"))?;
        let peek = Peek::new(&snapshot).map_err(|what| spoilt(gun, &format!("its snapshot: {what}")))?;
        let meta = peek.meta();
        for file in bundle.files.iter().filter(|file| file.role != RoleName::Snapshot) {
            let named = meta.get(&bundle.dialect.meta_name(&file.role));
            if !named.is_some_and(|meta| meta.names(&found[&file.file])) {
                return Err(spoilt(
                    gun,
                    &format!("its snapshot names another {} than the one that was published", file.role),
                ));
            }
        }
        Ok(peek.version().unwrap_or_default())
    }
}

fn failed(gun: &Gun, failure: Failure, journal: &Journaled<'_>) -> Result<Result<Published, Failure>, Stop> {
    let why = shown_up_to(&failure.to_string(), 2000);
    journal.write(&Line::Failed { gun: gun.clone(), why, at: preflight::now()? })?;
    Ok(Err(failure))
}

impl Run {
    /// Everything but the request was done.
    fn looked_at(&mut self, gun: &Gun, prepared: Result<(Bundle, Files, Next), Failure>) {
        match prepared {
            Ok((bundle, _, Next::Post(notes))) => {
                say(&format!("good       {gun}  {}", describe(&bundle)));
                notes.iter().for_each(|note| say(&format!("note       {gun}  {note}")));
            }
            Ok((bundle, _, Next::Nothing)) => say(&format!("there      {gun}  {}", describe(&bundle))),
            Err(failure) => return self.failures.add(gun, failure),
        }
        self.kept += 1;
    }

    fn report(self, args: &Publish, journal: Option<&Path>) -> Result<Exit, Stop> {
        let journal = journal.map(files::name);
        if args.format.json {
            let published: Vec<_> =
                self.published.iter().map(|(gun, snapshot)| json!({ "gun": gun, "snapshot": snapshot })).collect();
            let report = json!({
                "published": published, "kept": self.kept, "failed": self.failures.json(), "journal": journal,
            });
            product(&format!("{report:#}\n"))?;
        } else {
            let mut lines = self.failures.lines();
            lines.push(match journal {
                None => format!("{} good, {} failed; nothing was published", self.kept, self.failures.len()),
                Some(journal) => format!(
                    "{} published, {} kept from before, {} failed; journal {journal}",
                    self.published.len(),
                    self.kept,
                    self.failures.len()
                ),
            });
            product(&(lines.join("\n") + "\n"))?;
        }
        Ok(self.failures.exit())
    }
}

/// That what the server holds is what the ceremony built on: one root before, and no targets that are as new.
fn follows(bundle: &Bundle, held: &BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    for file in &bundle.files {
        let version = match held.get(&file.file) {
            None => continue,
            Some(bytes) => Peek::new(bytes).ok().and_then(|peek| peek.version()).unwrap_or_default(),
        };
        let (rule, fits) = match file.role {
            RoleName::Root => (Rule::RootVersionStep, version + 1 == file.version),
            _ => (Rule::VersionNotLower, version < file.version),
        };
        if !fits {
            let what = format!(
                "The server holds {} {version} of {}; the bundle brings {}.",
                file.role, bundle.gun, file.version
            );
            let remedy = "Somebody has published since the collection: collect again, and hold the ceremony on what is there now.";
            return Err(Refusal::new(rule, what, remedy).into());
        }
    }
    Ok(())
}

fn describe(bundle: &Bundle) -> String {
    bundle.files.iter().map(|file| format!("{} {}", file.role, file.version)).collect::<Vec<_>>().join(", ")
}

fn spoilt(gun: &Gun, what: &str) -> Failure {
    let what = format!("The server took the bundle of {gun}, but {what}: clients will not find it.");
    let remedy =
        "Clients fail now. Hold a ceremony that signs the next version, the root alone is enough; it repairs them.";
    Refusal::new(Rule::NotaryBytes, what, remedy).into()
}

/// A clock that cannot be read fails one repository as it would fail all.
impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Error(error) => error.into(),
            Stop::Usage(what) => Self::Fault(Fault::machine("go on", what)),
        }
    }
}
