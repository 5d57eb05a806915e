//! `key show`: what is in a private key file.

use std::path::Path;

use serde::Serialize;

use super::{
    args::{Key, KeyShow, KeyVerb},
    exit::{Exit, Stop},
    line::{Io as _, Keyboard, secret_words},
    out,
};
use crate::{
    fault::Tries,
    files,
    keyfile::{KeyFile, Listed},
    rules::{Refusal, Rule},
    secret::{Passphrase, SecretKind, SecretRequest},
    text::shown,
    tuf::{dialect::Dialect, key::PublicKey},
};

/// A key in a file, for people and for programs.
#[derive(Serialize)]
struct Report {
    /// The file.
    file: String,
    /// Its place in the file, from 1.
    place: usize,
    /// What the file says that it is for.
    role: Option<String>,
    /// For which repository.
    gun: Option<String>,
    /// The canonical id.
    canonical_id: Option<String>,
    /// Where that is known from.
    known_from: &'static str,
    /// The keyid in TUF 1.0.
    keyid: Option<String>,
    /// `P-256`.
    algorithm: Option<String>,
    /// `PKCS#8`.
    shape: &'static str,
    /// How it is encrypted.
    encryption: Option<String>,
    /// What people should know.
    remarks: Vec<String>,
}

pub(super) fn key(args: &Key) -> Result<Exit, Stop> {
    match &args.verb {
        KeyVerb::Show(args) => show(args),
    }
}

fn show(args: &KeyShow) -> Result<Exit, Stop> {
    let mut reports = vec![];
    for path in &args.file {
        let file = KeyFile::load(path)?;
        for (place, listed) in file.keys().iter().enumerate() {
            reports.push(one(path, &file, place, listed, args.open)?);
        }
    }
    out::report(args.format.json, &reports, || reports.iter().flat_map(Report::lines).collect())?;
    let other = reports.iter().any(|report| report.remarks.iter().any(|remark| remark.starts_with(OTHER_KEY)));
    Ok(if other { Exit::Refused } else { Exit::Done })
}

const OTHER_KEY: &str = "It is ANOTHER KEY than the file says";

fn one(path: &Path, file: &KeyFile, place: usize, listed: &Listed, open: bool) -> Result<Report, Stop> {
    let named = name_of(path).filter(|_| file.keys().len() == 1);
    let claimed = listed.path.as_deref().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    let (claim, known_from) = match (claimed, named) {
        (Some(header), _) => (Some(header), "its path header, not proven"),
        (None, Some(name)) => (Some(name), "its file name, not proven"),
        (None, None) => (None, "nothing: it is encrypted"),
    };
    let public = match &listed.public {
        Some(public) => Some(public.clone()),
        None if open || claim.is_none() => Some(opened(path, file, place)?),
        None => None,
    };
    let proven = public.as_ref().and_then(PublicKey::canonical_id).map(|id| id.as_str().to_owned());
    let mut remarks = vec![];
    match &listed.lock {
        None => remarks.push("It lies in the open: whoever reads the file has the key.".to_owned()),
        Some(lock) if lock.is_quickly_guessed() => {
            remarks.push("Its encryption lets millions of passphrases be tried in a short time.".into());
        }
        Some(_) => {}
    }
    if let (Some(proven), Some(claim)) = (&proven, &claim)
        && proven != claim
    {
        remarks.push(format!("{OTHER_KEY}, which claims {}.", shown(claim)));
    }
    Ok(Report {
        file: files::name(path),
        place: place + 1,
        role: listed.role.as_deref().map(shown),
        gun: listed.gun.as_deref().map(shown),
        known_from: if proven.is_some() { "the key itself" } else { known_from },
        canonical_id: proven.or_else(|| claim.as_deref().map(shown)),
        keyid: public.as_ref().and_then(|key| Dialect::default().key(key)).map(|key| key.id().to_string()),
        algorithm: public.as_ref().map(PublicKey::algorithm),
        shape: listed.shape,
        encryption: listed.lock.as_ref().map(ToString::to_string),
        remarks,
    })
}

/// The canonical id that a trust directory gives its file for a name; the first versions of Notary put the role after it.
fn name_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let id = stem.split('_').next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_ascii_lowercase())
}

fn opened(path: &Path, file: &KeyFile, place: usize) -> Result<PublicKey, Stop> {
    let label = format!("{}, key {}", files::name(path), place + 1);
    let request = SecretRequest {
        touch: false,
        covers: 0,
        what: SecretKind::Passphrase,
        label: Some(label),
        serial: None,
        holder: None,
        tries: Tries::TokenDoesNotTell,
        attempt: 1,
        min: None,
        max: None,
    };
    let typed = Keyboard::new().secret(&secret_words(&request))?.filter(|typed| !typed.is_empty());
    let typed = typed.ok_or_else(|| {
        Refusal::new(Rule::AnswerFits, "No passphrase was given, and the key was not opened.", "Try again.")
    })?;
    let key = file.open(place, Some(&Passphrase::from(typed)));
    let key = key.map_err(|wrong| wrong.fault(format!("open key {} of {}", place + 1, files::name(path))))?;
    Ok(key.public().clone())
}

impl Report {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{}, key {}", self.file, self.place)];
        let unknown = "not known without its passphrase (--open)";
        let mut say = |name: &str, what: &str| lines.push(format!("  {name:<13} {what}"));
        say("role", self.role.as_deref().unwrap_or("not said"));
        say("GUN", self.gun.as_deref().unwrap_or("not said"));
        say("canonical id", self.canonical_id.as_deref().unwrap_or(unknown));
        say("", &format!("known from {}", self.known_from));
        say("TUF keyid", self.keyid.as_deref().unwrap_or(unknown));
        say("algorithm", self.algorithm.as_deref().unwrap_or(unknown));
        let encryption = self.encryption.as_ref().map_or("not encrypted".to_owned(), |how| format!("encrypted: {how}"));
        say("form", &format!("{}, {encryption}", self.shape));
        lines.extend(self.remarks.iter().map(|remark| format!("  {remark}")));
        lines
    }
}
