//! Does what a ceremony intends, a file a family of operations, and says what came of it. Holds the open tokens; asks for
//! secrets through one closure and hands them to a token and nowhere else.

mod backup;
mod batch;
mod codes;
mod custody;
mod driver;
mod erase;
mod file;
mod inputs;
mod keyfile;
mod management;
pub mod record;
pub mod rehearsal;
mod repositories;
mod restore;
mod token;
mod touch;

pub use self::codes::{Codes, Scanner, Unattended};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

pub use self::touch::{OnTouch, Touching};
use crate::{
    ceremony::{
        operation::{Operation, Outcome, Trouble},
        participants::Alias,
        prompt::Answer,
        script::Script,
    },
    fault::{Error, Fault},
    preflight::Probe,
    runner::Job,
    secret::{RowOf, Secret, SecretRequest},
    token::quirks::Trust,
};

/// Gives the secret that a request names, or nothing where nobody is there to give it.
pub type Ask<'a> = &'a mut dyn FnMut(&SecretRequest) -> Option<Secret>;

/// People at a front end, as far as an operation needs them.
pub trait People {
    /// Asks for the secret that a request names; `None` where nobody is there to give it.
    fn secret(&mut self, request: &SecretRequest) -> Option<Secret>;

    /// Shows one row of a share on a screen that is covered, until it was copied, and takes it away again; `None` where nobody is there,
    /// or the screen is none.
    fn show(&mut self, row: &Covered<'_>) -> Option<()>;
}

/// A row of a share, for a covered screen.
pub struct Covered<'a> {
    /// For whom, which share, which row: as a sentence.
    pub says: String,
    /// Which row.
    pub row: RowOf,
    /// The row itself.
    pub text: &'a Secret,
}

/// A front end that has no screen to cover: it can be asked for secrets and nothing else.
struct Asked<'a>(Ask<'a>);

impl People for Asked<'_> {
    fn secret(&mut self, request: &SecretRequest) -> Option<Secret> {
        (self.0)(request)
    }

    fn show(&mut self, _row: &Covered<'_>) -> Option<()> {
        None
    }
}

/// Performs operations, one at a time.
pub struct Performer {
    script: Arc<Script>,
    /// The folder that the script's file names are relative to.
    inputs: PathBuf,
    /// The module that every token of a rehearsal lives in; `None` in production, where the script names modules.
    rehearsal_module: Option<PathBuf>,
    trust: Trust,
    probe: Probe,
    open: BTreeMap<Alias, driver::Opened>,
    /// SO-PINs between the initialisation of a token and its first user PIN.
    so_pins: BTreeMap<Alias, crate::secret::Pin>,
    /// The collection of a ceremony about many repositories, once it was opened.
    collection: Option<repositories::Opened>,
    /// The token that is logged in between two groups of signatures.
    signing: Option<batch::Signing>,
    /// Keys that were made in memory, until they are wiped.
    born: BTreeMap<Alias, backup::Born>,
    /// Management keys of YubiKeys that are kept on none of them, until the program ends.
    management: crate::secret::ManagementKeys,
    /// Their sealed files by serial, between a medium that failed and the next try.
    management_files: BTreeMap<u32, crate::backup::Sealed>,
    /// Key-encryption keys that were made in memory, until they are wiped.
    keks: BTreeMap<Alias, backup::wrapping::Held>,
    /// Copies of wrapped keys that were seen to sign.
    copies: BTreeMap<Alias, crate::token::wrap::Copied>,
    /// Shares that were brought for a restore that is under way.
    gathering: Option<(Alias, crate::backup::Gathering)>,
    /// The page of a share that lies in memory to be printed.
    page: Option<backup::Laid>,
    /// Shares that were encrypted to their custodians, between a medium that failed and the next try.
    encrypted: backup::EncryptedFiles,
    /// Keys that are handed over, between a medium that failed and the next try.
    handed: BTreeMap<Alias, keyfile::Handed>,
    /// Who is told of tokens that blink.
    on_touch: Option<touch::Told>,
    /// A front end's screen and scanner.
    codes: Box<dyn Codes>,
    /// Pictures that a rehearsal made for itself.
    frames: Option<PathBuf>,
}

/// Why an operation did not come to its end.
enum Stopped {
    /// The world failed, or a rule refused what came of it.
    Error(Error),
    /// Nobody gave the secret with this name.
    Nobody(&'static str),
}

impl<E: Into<Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

type Performed = Result<Outcome, Stopped>;

impl Performer {
    /// A performer for `script`, whose files lie in `inputs`.
    pub fn new(script: Arc<Script>, inputs: PathBuf, rehearsal_module: Option<PathBuf>, trust: Trust) -> Self {
        Self {
            script,
            inputs,
            rehearsal_module,
            trust,
            probe: Probe::real(),
            open: BTreeMap::new(),
            so_pins: BTreeMap::new(),
            collection: None,
            signing: None,
            born: BTreeMap::new(),
            management: crate::secret::ManagementKeys::default(),
            management_files: BTreeMap::new(),
            keks: BTreeMap::new(),
            copies: BTreeMap::new(),
            gathering: None,
            page: None,
            encrypted: BTreeMap::new(),
            handed: BTreeMap::new(),
            on_touch: None,
            codes: Box::new(Unattended),
            frames: None,
        }
    }

    /// The same, with another machine to look at. For tests.
    #[must_use]
    pub fn with_probe(self, probe: Probe) -> Self {
        Self { probe, ..self }
    }

    /// Performs a job for a front end that has no screen to cover: shares are printed, or not made.
    pub fn perform(&mut self, job: &Job, ask: Ask<'_>) -> Answer {
        self.perform_with(job, &mut Asked(ask))
    }

    /// Performs a job. Nothing is done twice: what may have been done already is looked for first.
    pub fn perform_with(&mut self, job: &Job, people: &mut dyn People) -> Answer {
        if !job.operation.goes_on() {
            self.end_signing();
        }
        let performed = if let Some(performed) = self.backup(job, people) {
            performed
        } else {
            self.perform_other(job, &mut |request: &SecretRequest| people.secret(request))
        };
        match performed {
            Ok(outcome) => Answer::Done(Box::new(outcome)),
            Err(Stopped::Nobody(secret)) => Answer::Failed(Trouble::NobodyAnswered { secret: secret.into() }),
            Err(Stopped::Error(Error::Fault(fault))) => Answer::Failed(Trouble::Fault(fault)),
            Err(Stopped::Error(Error::Refused(refusal))) => Answer::Failed(Trouble::Refused(refusal)),
        }
    }

    fn perform_other(&mut self, job: &Job, ask: Ask<'_>) -> Performed {
        match &job.operation {
            Operation::OpenCollection { folder, before, parcels, .. } => {
                self.open_collection(folder, before.as_ref().map(|(folder, _)| folder.as_str()), parcels, job)
            }
            Operation::ReadRepositories { from, count, parcels } => self.read_repositories(*from, *count, parcels, job),
            Operation::ReadInputs { pack } => repositories::kept(*pack, job).map(Outcome::Repositories),
            Operation::ReadSigned { list, .. } => repositories::kept(*list, job).map(Outcome::SignedList),
            Operation::ExportRepositories { .. } => repositories::export(job),
            Operation::Certify { alias, public, .. } | Operation::SignBatch { alias, public, .. } => {
                self.sign_some(alias, *public, job, ask)
            }
            Operation::Preflight => self.preflight(),
            Operation::ReadInput { file, with, parcels } => self.read_input(file, with.as_deref(), parcels, job),
            Operation::ReadFrames { from, folder } => self.read_frames(from, folder),
            Operation::ShowFrames { what } => self.show_frames(what, job),
            Operation::StorePayload { .. } => file::store(job),
            Operation::Export { .. } => file::export(job),
            Operation::HandOverKey { .. } => self.hand_over(job, ask),
            _ => self.with_token(job, ask),
        }
    }

    fn preflight(&self) -> Performed {
        Ok(Outcome::Machine(self.probe.facts()?))
    }
}

fn job_without(what: &str) -> Fault {
    Fault::machine(
        format!("perform an operation without {what}"),
        "this is a mistake of the program; leave, and report it",
    )
}
