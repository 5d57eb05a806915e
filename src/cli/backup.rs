//! `backup inspect` and `share read`: what can be said of a sealed file and of a share without a ceremony.

mod left;
mod status;

use serde::Serialize;

use super::{
    args::{Backup, BackupInspect, BackupVerb, Share, ShareRead, ShareVerb},
    exit::{Exit, Stop},
    line::{Io, Keyboard},
    out,
};
use crate::{
    backup::{self, Label, Lock, Opens, ROWS, Sealed, ShareWrong, Typing, WrappedFile},
    fault::Fault,
    files,
    rules::{Refusal, Rule},
    text::shown,
};

/// A sealed file, for people and for programs.
#[derive(Serialize)]
struct Inspected {
    /// The file.
    file: String,
    /// What opens it.
    opened_by: Lock,
    /// Its length in bytes.
    size: usize,
    /// Its SHA-256.
    sha256: String,
    /// What it says of the key that a token wrapped; absent for an age file, which says nothing before it is opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapped: Option<Wrapped>,
}

/// What the file of a wrapped key says of itself.
#[derive(Serialize)]
struct Wrapped {
    /// The keyid under which metadata names the key.
    keyid: String,
    /// The key's algorithm.
    algorithm: String,
    /// The SHA-256 of its SubjectPublicKeyInfo.
    public_sha256: String,
    /// The set of shares that give its key-encryption key back.
    set: String,
    /// Length of the wrapped key in bytes.
    wrapped_bytes: usize,
    /// The ceremony that made it.
    ceremony: String,
    /// When.
    made: String,
}

impl Wrapped {
    fn of(file: &WrappedFile) -> Self {
        let (about, key) = (file.about(), file.wrapped());
        Self {
            keyid: about.keyid.as_str().to_owned(),
            algorithm: key.public().algorithm(),
            public_sha256: key.public().fingerprint().to_string(),
            set: file.set(),
            wrapped_bytes: key.bytes().len(),
            ceremony: about.ceremony.clone(),
            made: about.made.to_string(),
        }
    }

    fn lines(&self) -> Vec<String> {
        [
            ("holds", format!("a {} key that a token wrapped: {} bytes", self.algorithm, self.wrapped_bytes)),
            ("key", shown(&self.keyid)),
            ("public", format!("SHA-256 {}", self.public_sha256)),
            ("ceremony", shown(&self.ceremony)),
            ("made", self.made.clone()),
        ]
        .map(|(name, what)| format!("  {name:<9}  {what}"))
        .into()
    }
}

/// A share, for people and for programs. Nothing of the share itself.
#[derive(Serialize)]
struct Report {
    /// What it says of itself.
    #[serde(flatten)]
    label: Label,
    /// The commitment that the record of its ceremony holds.
    commitment: String,
}

pub(super) fn backup(args: &Backup) -> Result<Exit, Stop> {
    match &args.verb {
        BackupVerb::Inspect(args) => inspect(args),
        BackupVerb::Status(args) => status::status(args),
    }
}

fn inspect(args: &BackupInspect) -> Result<Exit, Stop> {
    let file = files::name(&args.file);
    let sealed = Sealed::read(files::read(&args.file, backup::SIZE_MAX as u64)?);
    let sealed = sealed.map_err(|wrong| {
        let remedy = "Take the copy on the other medium, or scan the printed sheets.";
        Refusal::new(Rule::BackupOpens, format!("{file}: {wrong}."), remedy)
    })?;
    let report = Inspected {
        file,
        opened_by: sealed.lock().clone(),
        size: sealed.bytes().len(),
        sha256: sealed.digest().to_string(),
        wrapped: sealed.wrapped().ok().as_ref().map(Wrapped::of),
    };
    out::report(args.format.json, &report, || {
        let mut lines = vec![
            report.file.clone(),
            format!("  opened by  {}", report.opened_by),
            format!("  size       {} bytes", report.size),
            format!("  SHA-256    {}", report.sha256),
        ];
        lines.extend(report.wrapped.iter().flat_map(Wrapped::lines));
        lines
    })?;
    Ok(Exit::Done)
}

pub(super) fn share(args: &Share) -> Result<Exit, Stop> {
    match &args.verb {
        ShareVerb::Read(args) => read(args),
    }
}

fn read(args: &ShareRead) -> Result<Exit, Stop> {
    let share = typed(&mut Keyboard::new())?;
    let report = Report { label: share.label().clone(), commitment: share.commitment().0.to_string() };
    let Label { index, scheme, set, keyid, opens } = &report.label;
    let opens = match opens {
        Opens::SealedFile => "a sealed file, by an identity of age",
        Opens::WrappedKey => "the file of a wrapped key, by a key-encryption key",
    };
    out::report(args.format.json, &report, || {
        vec![
            format!("Share {index} of {}: every check holds.", scheme.count()),
            format!("  needed      {} of {}", scheme.threshold(), scheme.count()),
            format!("  set         {set}"),
            format!("  key         {keyid}…"),
            format!("  opens       {opens}"),
            format!("  commitment  {}", report.commitment),
        ]
    })?;
    Ok(Exit::Done)
}

/// Asks for a share row by row. People type a wrong row again; where nobody sits there, it is the end.
fn typed(io: &mut dyn Io) -> Result<backup::Share, Stop> {
    let mut typing = Typing::new()?;
    while let Some(row) = typing.next_row() {
        let typed = io
            .secret(&format!("Row {row} of {ROWS}: "))?
            .ok_or_else(|| refused(&ShareWrong::Rows { typed: row - 1, wanted: ROWS }))?;
        if row == 1 && backup::Share::is_code(&typed) {
            return backup::Share::read(&typed).map_err(|wrong| stopped(&wrong));
        }
        match typing.row(&typed) {
            Ok(()) => {}
            Err(ShareWrong::Machine(fault)) => return Err(fault.into()),
            Err(wrong) if io.is_people() => io.say(&format!("{wrong}.")),
            Err(wrong) => return Err(stopped(&wrong)),
        }
        if row == 2
            && let Some(label) = typing.label()
        {
            io.say(&format!("This is share {} of {}, set {}.", label.index, label.scheme.count(), label.set));
        }
    }
    typing.finish().map_err(|wrong| stopped(&wrong))
}

fn stopped(wrong: &ShareWrong) -> Stop {
    match wrong {
        ShareWrong::Machine(fault) => Fault::clone(fault).into(),
        wrong => refused(wrong),
    }
}

fn refused(wrong: &ShareWrong) -> Stop {
    Refusal::new(
        Rule::ShareFits,
        format!("The share cannot be read: {wrong}."),
        "Compare with the page and type it again.",
    )
    .into()
}
