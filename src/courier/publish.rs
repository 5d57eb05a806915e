//! `publish`: what a ceremony left, to a server.

mod predict;

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    args::Publish,
    collect::repository::{self, ServerKeys},
    folder::{Folder, beside},
    journal::{Line, Progress},
    notary::Server,
    outcome::{Exit, Failure, Failures, Stop, product, say},
    peek::Peek,
};
use crate::{
    fault::Fault,
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
    let server = Server::new(&args.server, &args.connection)?;
    let manifest = folder.publication().manifest().digest();
    say(&format!("{}: {} repositories, MANIFEST {manifest}", files::name(&args.folder), guns.len()));
    let mut progress = None;
    if !args.check {
        let path = beside(&args.folder, ".journal.jsonl")?;
        progress = Some(Progress::open(&path, manifest, server.address().as_str(), preflight::now()?)?);
    }
    let mut run = Run { server: &server, folder: &folder, failures: Failures::default(), published: vec![], kept: 0 };
    for gun in &guns {
        match &mut progress {
            Some(progress) if progress.is_done(gun) => {
                run.kept += 1;
                say(&format!("kept       {gun}  (the journal has it as published)"));
            }
            Some(progress) => run.one(gun, progress)?,
            None => run.look_at(gun),
        }
    }
    run.report(args, progress.as_ref())
}

struct Run<'a> {
    server: &'a Server,
    folder: &'a Folder,
    failures: Failures,
    /// With the version of the snapshot that names them.
    published: Vec<(Gun, u64)>,
    kept: usize,
}

/// What is to be done with a bundle.
enum Next {
    /// The server holds these very bytes.
    Nothing,
    /// Send it; what the prediction of clients has to tell.
    Post(Vec<String>),
}

impl Run<'_> {
    /// Publishes one repository. Only a journal that cannot be written stops the rest.
    fn one(&mut self, gun: &Gun, progress: &mut Progress) -> Result<(), Stop> {
        let done = self.prepare(gun).and_then(|(bundle, found, next)| {
            if matches!(next, Next::Post(_)) {
                progress.write(&Line::Posting { gun: gun.clone(), at: preflight::now()? })?;
                self.post(&bundle, &found)?;
            }
            let snapshot = self.named_by_snapshot(&bundle, &found)?;
            Ok((describe(&bundle), snapshot, next))
        });
        let at = preflight::now()?;
        match done {
            Ok((what, snapshot, next)) => {
                progress.write(&Line::Published { gun: gun.clone(), snapshot, at })?;
                let word = if matches!(next, Next::Post(_)) { "published" } else { "there" };
                say(&format!("{word:<9}  {gun}  {what}; snapshot {snapshot} names these very bytes"));
                self.published.push((gun.clone(), snapshot));
            }
            Err(failure) => {
                let why = shown_up_to(&failure.to_string(), 2000);
                progress.write(&Line::Failed { gun: gun.clone(), why, at })?;
                self.failures.add(gun, failure);
            }
        }
        Ok(())
    }

    /// Everything but the request.
    fn look_at(&mut self, gun: &Gun) {
        match self.prepare(gun) {
            Ok((bundle, _, Next::Post(notes))) => {
                say(&format!("good       {gun}  {}", describe(&bundle)));
                notes.iter().for_each(|note| say(&format!("note       {gun}  {note}")));
            }
            Ok((bundle, _, Next::Nothing)) => say(&format!("there      {gun}  {}", describe(&bundle))),
            Err(failure) => return self.failures.add(gun, failure),
        }
        self.kept += 1;
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

    fn report(self, args: &Publish, progress: Option<&Progress>) -> Result<Exit, Stop> {
        let journal = progress.map(|progress| files::name(progress.path()));
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
