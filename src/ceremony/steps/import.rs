//! What comes in from outside: the keys of the online roles, and the previous root. Nothing of it is trusted before a rule
//! said so.

use super::{Fact, Kind, Prose, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::PersonId,
        possession,
        prompt::Answer,
        script::{KeySpec, PossessionSpec, Script},
        unfit, words,
    },
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::{
        authoring::previous_root_pinned,
        dialect::Dialect,
        key::{Key, PublicKey},
        signed::Untrusted,
        verify::first_root,
    },
};

/// `import-keys`: every `[[key]]` of the script.
#[derive(Clone, Debug)]
pub struct ImportKeys;

/// `import-root`: the previous root that the script pins.
#[derive(Clone, Debug)]
pub struct ImportRoot;

fn next_key(ceremony: &Ceremony) -> Option<&KeySpec> {
    ceremony.script.keys.iter().find(|spec| !ceremony.imported.contains_key(&spec.name))
}

impl Kind for ImportKeys {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::import_keys(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::ClockConfirmed]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeysImported]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let spec = next_key(ceremony)?;
        let with = match &spec.possession {
            PossessionSpec::Statement(file) => Some(file.clone()),
            PossessionSpec::HeldByServer | PossessionSpec::HeldByToken(_) => None,
        };
        Some(Pending::Do(Operation::ReadInput { file: spec.file.clone(), with, parcels: ceremony.received.clone() }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        let outcome = match answer {
            Answer::Done(outcome) => outcome.as_ref(),
            Answer::Failed(trouble) => return failed(trouble),
            _ => return Err(unfit("A file is being read.")),
        };
        let (Outcome::Input { bytes, with }, Some(spec)) = (outcome, next_key(ceremony)) else {
            return Err(unfit("A key was to be read."));
        };
        let key = read_key(ceremony.script.dialect, spec, bytes)?;
        let stand_in = ceremony.stand_ins.get(&spec.keyid).map(Key::id);
        let expected = stand_in.clone().unwrap_or_else(|| spec.keyid.clone());
        // The card of the ceremony that made a token's key may have it by its canonical id.
        let held = matches!(spec.possession, PossessionSpec::HeldByToken(_));
        if key.id() != expected && !(held && key.public().canonical_id().is_some_and(|id| id == expected)) {
            return Err(Refusal::new(
                Rule::KeyOnPaper,
                format!(
                    "{} holds the key {}, the paper of {} says {}.",
                    crate::text::shown(&spec.file),
                    key.id(),
                    crate::text::shown(&spec.owner),
                    expected
                ),
                "Do not go on with this key. Ask its owner by another way, and mend the script if the paper was wrong.",
            ));
        }
        let on_paper =
            if stand_in.is_some() { "a throw-away key of this rehearsal stands for" } else { "the paper says" };
        let mut passed =
            vec![Passed::new(Rule::KeyOnPaper, format!("{}: {on_paper} {}", spec.owner, spec.keyid.short()))];
        passed.push(match (&spec.possession, with) {
            (PossessionSpec::HeldByServer, _) => {
                Passed::new(Rule::KeyPossession, format!("{} is exempt: a server holds it", spec.name))
            }
            (PossessionSpec::HeldByToken(alias), _) => {
                Passed::new(Rule::KeyPossession, format!("{} is proven by {alias} when it is opened", spec.name))
            }
            (PossessionSpec::Statement(_), Some(statement)) => {
                possession::check(statement, &ceremony.script, spec, &key, now)?
            }
            (PossessionSpec::Statement(_), None) => return Err(unfit("A proof of possession was to be read.")),
        });
        Ok(vec![Event::KeyImported { name: spec.name.clone(), sha256: Digest::of(bytes), key, passed }])
    }
}

/// A public key as PEM, or as a TUF key object.
fn read_key(dialect: Dialect, spec: &KeySpec, bytes: &[u8]) -> Result<Key, Refusal> {
    let text = std::str::from_utf8(bytes).ok();
    let from_pem = text.and_then(PublicKey::from_spki_pem).and_then(|public| dialect.key(&public));
    let key = from_pem.or_else(|| text.and_then(|text| serde_json::from_str::<Key>(text).ok()));
    key.ok_or_else(|| {
        Refusal::new(
            Rule::KeyOnPaper,
            format!(
                "{} is neither a public key in PEM (RSA from 2,048 bits on) nor a TUF key object.",
                crate::text::shown(&spec.file)
            ),
            "Ask the key's owner for the public key as PEM (SubjectPublicKeyInfo).",
        )
    })
}

impl Kind for ImportRoot {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::import_root(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::PreviousRoot]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let spec = ceremony.script.previous.as_ref().filter(|_| ceremony.previous.is_none())?;
        Some(Pending::Do(Operation::ReadInput {
            file: spec.file.clone(),
            with: None,
            parcels: ceremony.received.clone(),
        }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let outcome = match answer {
            Answer::Done(outcome) => outcome.as_ref(),
            Answer::Failed(trouble) => return failed(trouble),
            _ => return Err(unfit("A file is being read.")),
        };
        let (Outcome::Input { bytes, .. }, Some(spec)) = (outcome, &ceremony.script.previous) else {
            return Err(unfit("The previous root was to be read."));
        };
        let received = Untrusted::parse(ceremony.script.dialect, bytes.as_slice())?;
        let pinned = ceremony.twin_root.unwrap_or(spec.sha256);
        let version = crate::tuf::signed::Metadata::version(received.document());
        let mut passed = vec![previous_root_pinned(bytes, version, spec.version, pinned)?];
        let root = first_root(received)?;
        passed.extend(root.passed().iter().cloned());
        let text = String::from_utf8(bytes.clone()).map_err(|_| {
            Refusal::new(
                Rule::MetadataWellFormed,
                "The previous root is not UTF-8 text.",
                "Fetch it again from the repository.",
            )
        })?;
        Ok(vec![Event::PreviousRoot { text, passed }])
    }
}
