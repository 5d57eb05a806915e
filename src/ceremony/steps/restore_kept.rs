//! `restore-key` of a backup that was made before: its set and its sealed file come in and are held against the script's pins, shares
//! are chosen and brought, and the key comes to a token.

use super::{
    PutKey, ask_for_text, ask_to_type,
    at_the_token::{inserted, token_in, user_sat, user_sits},
    kept,
    preflight::failed,
    unwrap_key::UNWRAPPED,
    went,
    wrap_key::{asked, were_asked},
};
use crate::{
    ceremony::{
        Ceremony, Decision, Pending,
        backups::{KeptBackup, SealedBackup},
        event::Event,
        operation::{ExportedFile, Operation, Outcome, Wrapping, WrappingOutcome},
        participants::Alias,
        prompt::{Answer, Scene},
        script::{KeptSpec, Kind, Script},
        unfit, words,
    },
    custody::{Opens, Set},
    device,
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::Key,
};

/// The backup that this step restores; `None` for a key that is in memory in the same ceremony, and whose new shares it comes from.
pub(super) fn of<'a>(step: &PutKey, script: &'a Script) -> Option<&'a KeptSpec> {
    script.kept_as(&step.name).filter(|_| step.from_shares && !script.made_keys().contains(&&step.name))
}

/// What a backup still owes before it is opened.
enum Stage<'a> {
    Set,
    File,
    Choose(&'a KeptBackup),
    Token,
    Bring(&'a KeptBackup),
    Sit,
    Restore(&'a KeptBackup, ExportedFile),
}

fn stage<'a>(step: &PutKey, ceremony: &'a Ceremony, alias: &Alias) -> Option<Stage<'a>> {
    let Some(kept) = ceremony.backups.opened(&step.name) else { return Some(Stage::Set) };
    let Some(file) = kept.sealed.clone() else { return Some(Stage::File) };
    let chooses = ceremony.script.kind == Kind::RestoreDrill && step.shares.is_empty();
    Some(if chooses && !went(ceremony, words::restore::CHOSEN) {
        Stage::Choose(kept)
    } else if token_in(ceremony, alias, String::new()).is_some() {
        Stage::Token
    } else if !are_here(ceremony) {
        Stage::Bring(kept)
    } else if user_sits(ceremony, alias).is_some() {
        Stage::Sit
    } else {
        Stage::Restore(kept, file)
    })
}

/// Whether custodians are here with their pages: for the try that comes, where one was cut and what it left was removed.
fn are_here(ceremony: &Ceremony) -> bool {
    let is_cut = |event: &&Event| !matches!(event, Event::WrappingCleared { .. });
    let since = ceremony.here.iter().rev().take_while(is_cut);
    since.into_iter().any(|event| matches!(event, Event::Went { on, .. } if on == words::backup::BROUGHT))
}

/// The place at which the sealed file is looked for next: each try that failed goes on to another copy.
pub(super) fn place(kept: &KeptSpec, ceremony: &Ceremony) -> Option<String> {
    let tries = ceremony.here.iter().filter(|event| matches!(event, Event::TryAgain { .. })).count();
    let places: Vec<&String> = kept.sealed.iter().map(|sealed| &sealed.file).chain(&kept.copies).collect();
    places.get(tries % places.len().max(1)).map(|place| (*place).clone())
}

/// The shares that the script or the room chose.
fn chosen_shares(step: &PutKey, ceremony: &Ceremony) -> Vec<u8> {
    let of_room = ceremony.here.iter().find_map(|event| match event {
        Event::Went { word, on } if on == words::restore::CHOSEN => shares_of(word),
        _ => None,
    });
    of_room.unwrap_or_else(|| step.shares.clone())
}

/// `1, 3 and 5`, however it is written.
fn shares_of(text: &str) -> Option<Vec<u8>> {
    let parts = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut shares: Vec<u8> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let count = shares.len();
    shares.sort_unstable();
    shares.dedup();
    (shares.len() == count && count > 0).then_some(shares)
}

pub(super) fn pending(step: &PutKey, spec: &KeptSpec, ceremony: &Ceremony, alias: Alias) -> Option<Pending> {
    match stage(step, ceremony, &alias)? {
        Stage::Set => kept::owed(ceremony, &step.name),
        Stage::File => Some(Pending::Do(Operation::ReadInput {
            file: place(spec, ceremony)?,
            with: None,
            parcels: ceremony.received.clone(),
        })),
        Stage::Choose(of) => ask_for_text(
            ceremony.leaders(),
            words::restore::choose(&of.set),
            words::restore::CHOSEN.into(),
            words::restore::CHOSEN_HINT,
        ),
        Stage::Token => token_in(ceremony, &alias, words::insert(&alias)),
        Stage::Bring(of) => {
            let scene = Scene::Plain {
                ask: words::restore::bring(&ceremony.script, spec, &of.set, &chosen_shares(step, ceremony)),
            };
            ask_to_type(ceremony.leaders(), scene, "BROUGHT", words::backup::DOES_BRING)
        }
        Stage::Sit => user_sits(ceremony, &alias),
        Stage::Restore(of, file) => {
            let (name, keyid) = (step.name.clone(), of.set.keyid.clone());
            let label = words::key_label(&ceremony.script.repository);
            let sealed = Box::new(SealedBackup { file, set: of.set.clone() });
            Some(Pending::Do(match spec.opens {
                Opens::SealedFile => Operation::RestoreKey { alias, name, keyid, label, sealed },
                Opens::WrappedKey if ceremony.script.reopened(&name).is_some() => {
                    Operation::Wrapping(Wrapping::Reopen { alias, name, keyid, label, sealed })
                }
                Opens::WrappedKey => Operation::Wrapping(Wrapping::RestoreKey { alias, name, keyid, label, sealed }),
            }))
        }
    }
}

pub(super) fn decide(
    step: &PutKey,
    spec: &KeptSpec,
    ceremony: &Ceremony,
    alias: Alias,
    answer: &Answer,
) -> Result<Vec<Event>, Refusal> {
    if let Answer::Failed(trouble) = answer {
        return failed(trouble);
    }
    let stage = stage(step, ceremony, &alias).ok_or_else(|| unfit("The key is on the token."))?;
    match (stage, answer) {
        (Stage::Set, answer) => {
            let imported = kept::imported(ceremony, &step.name, answer)?;
            opens_as_said(spec, &imported)?;
            Ok(imported)
        }
        (Stage::File, Answer::Done(outcome)) => match outcome.as_ref() {
            Outcome::Input { bytes, .. } => file_imported(ceremony, spec, bytes),
            _ => Err(unfit("A sealed file was to be read.")),
        },
        (Stage::Choose(of), Answer::Text(text)) => {
            let (count, needed) = (of.set.scheme.count(), usize::from(of.set.scheme.threshold()));
            let shares = shares_of(text).filter(|shares| shares.len() >= needed && shares.iter().all(|s| *s <= count));
            match shares.filter(|shares| shares[0] > 0) {
                Some(shares) => {
                    let word = words::backup::listed(&shares);
                    Ok(vec![Event::Went { word, on: words::restore::CHOSEN.into() }])
                }
                None => Err(unfit(format!("At least {needed} different shares of 1 to {count}, such as 1, 2 and 3."))),
            }
        }
        (Stage::Token, Answer::Word(_)) => Ok(inserted()),
        (Stage::Bring(_), Answer::Word(_)) => {
            Ok(vec![Event::Went { word: "BROUGHT".into(), on: words::backup::BROUGHT.into() }])
        }
        (Stage::Sit, Answer::Word(_)) => user_sat(ceremony, &alias),
        (Stage::Restore(of, _), Answer::Done(outcome)) => match outcome.as_ref() {
            Outcome::Wrapping(outcome) if spec.opens == Opens::WrappedKey => {
                unwrapped(ceremony, of, &step.name, &alias, outcome)
            }
            Outcome::KeyPut { key, attributes, shares, history } if spec.opens == Opens::SealedFile => {
                let mut passed = vec![device::brought_in(attributes)?];
                passed.extend(is_restored(of, key, shares, &alias)?);
                let (name, key, shares) = (step.name.clone(), key.clone(), shares.clone());
                let (attributes, history) = (*attributes, history.clone());
                Ok(vec![Event::KeyPut { alias, name, key, attributes, shares, history, passed }])
            }
            _ => Err(unfit("A key was to be restored.")),
        },
        _ => Err(unfit("That is not what this step waits for.")),
    }
}

/// What the driver asks of a token that unwraps a key which is to be wrapped anew.
const REOPENED: [Rule; 5] =
    [Rule::WrappingSafe, Rule::WrappingTrusted, Rule::KekReadsBack, Rule::WrappedKeyProven, Rule::KekGone];

/// What came of a wrapped key that was to be unwrapped; or of a try that was cut.
fn unwrapped(
    ceremony: &Ceremony,
    kept: &KeptBackup,
    name: &Alias,
    alias: &Alias,
    outcome: &WrappingOutcome,
) -> Result<Vec<Event>, Refusal> {
    let (alias, name) = (alias.clone(), name.clone());
    let reopens = ceremony.script.reopened(&name).is_some();
    match outcome {
        WrappingOutcome::Reopened { key, attributes, by, shares, passed } if reopens => {
            asked(ceremony, *by, passed, &REOPENED)?;
            let mut passed = passed.clone();
            passed.extend(is_restored(kept, key, shares, &alias)?);
            let (set, key, shares) = (kept.set.id(), key.clone(), shares.clone());
            let (attributes, by) = (*attributes, *by);
            Ok(vec![Event::BackupUnwrapped { alias, name, set, key, attributes, by, shares, passed }])
        }
        WrappingOutcome::Unwrapped { key, attributes, by, shares, passed } if !reopens => {
            asked(ceremony, *by, passed, &UNWRAPPED)?;
            let mut passed = passed.clone();
            passed.extend(is_restored(kept, key, shares, &alias)?);
            let (key, shares) = (key.clone(), shares.clone());
            Ok(vec![Event::KeyUnwrapped { alias, name, key, attributes: *attributes, by: *by, shares, passed }])
        }
        WrappingOutcome::Cleared { passed } => {
            were_asked(passed, &[Rule::KekGone])?;
            Ok(vec![Event::WrappingCleared { alias, name, passed: passed.clone() }])
        }
        _ => Err(unfit("A key was to be unwrapped.")),
    }
}

/// `BACKUP-OPENS` and `SHARE-FITS`: the key is the one of the set, and came from enough of its shares.
fn is_restored(kept: &KeptBackup, key: &Key, shares: &[u8], alias: &Alias) -> Result<Vec<Passed>, Refusal> {
    let set = &kept.set;
    if key.id() != set.keyid && key.canonical_id() != set.keyid {
        return Err(Refusal::new(
            Rule::BackupOpens,
            format!("{alias} holds the key {} now, and the backup is of {}.", key.id().short(), set.keyid.short()),
            "Do not use this token. Put its spare in its place, or leave.",
        ));
    }
    let different = shares.windows(2).all(|pair| pair[0] < pair[1]);
    let in_set = shares.iter().all(|share| (1..=set.scheme.count()).contains(share));
    if !different || !in_set || shares.len() < usize::from(set.scheme.threshold()) {
        return Err(unfit("The key was to come from enough different shares."));
    }
    Ok(vec![
        Passed::new(
            Rule::ShareFits,
            format!("shares {} of set {} fit their commitments", words::backup::listed(shares), set.id()),
        ),
        Passed::new(
            Rule::BackupOpens,
            match set.opens {
                Opens::SealedFile => {
                    format!("the sealed file opened, and holds the private half of {}", key.id().short())
                }
                Opens::WrappedKey => format!("the token unwrapped the file, and its key is {}", key.id().short()),
            },
        ),
    ])
}

/// `BACKUP-OPENS`: the shares of a set that came in open what the script says, as many as it says, and each has its commitment.
fn opens_as_said(spec: &KeptSpec, imported: &[Event]) -> Result<(), Refusal> {
    let set = imported.iter().find_map(|event| match event {
        Event::SetImported { text, .. } => serde_json::from_str::<Set>(text).ok(),
        _ => None,
    });
    let set = set.ok_or_else(|| unfit("A set was to be read."))?;
    let refuse = |what: String, remedy: &str| Err(Refusal::new(Rule::BackupOpens, what, remedy));
    if set.opens != spec.opens || set.commitments.len() != usize::from(set.scheme.count()) {
        let (opens, way) = match set.opens {
            Opens::SealedFile => ("sealed file", "software-born"),
            Opens::WrappedKey => ("wrapped key", "wrapped"),
        };
        return refuse(
            format!("The shares in {} open a {opens}, and the script says another way.", shown(&spec.file)),
            &format!(
                "Bring the set that is meant; or its [[kept]] has way = \"{way}\", in another script that is read and rehearsed."
            ),
        );
    }
    match spec.threshold.filter(|threshold| *threshold != set.scheme.threshold()) {
        Some(threshold) => refuse(
            format!("{} says {}, and the script that {threshold} shares open it.", shown(&spec.file), set.scheme),
            "Find out which is right, and whether this is the set that is meant.",
        ),
        None => Ok(()),
    }
}

/// The sealed file came in: it is the one that the script pins.
fn file_imported(ceremony: &Ceremony, spec: &KeptSpec, bytes: &[u8]) -> Result<Vec<Event>, Refusal> {
    let sealed = spec.sealed.as_ref().ok_or_else(|| unfit("The script names no sealed file."))?;
    let wanted = ceremony.backups.twin_of(sealed.sha256).unwrap_or(sealed.sha256);
    let (sha256, place) = (Digest::of(bytes), place(spec, ceremony).unwrap_or_default());
    if sha256 != wanted {
        let more = match spec.copies.len() {
            0 => {
                "Put a copy from another medium in its place, or scan the printed sheets (docs/RECOVERY.md), and type AGAIN."
            }
            _ => "Type AGAIN: the next copy that the script names is tried.",
        };
        let what = format!(
            "{} is not the sealed file that the script pins: it is damaged, cut short, or another one.",
            shown(&place)
        );
        return Err(Refusal::new(Rule::BytesMatchHash, what, more));
    }
    let file = ExportedFile { name: format!("inputs/{sha256}"), sha256, length: bytes.len() as u64 };
    let passed = vec![Passed::new(Rule::BytesMatchHash, format!("{place} is the sealed file that the script pins"))];
    Ok(vec![Event::SealedImported { name: spec.name.clone(), file, passed }])
}

/// The sealed file goes into the record with the entry that names it: both media have it then, whatever becomes of the one it came from.
pub(super) fn with_sealed_file(decision: Decision, answer: &Answer) -> Decision {
    let Answer::Done(outcome) = answer else { return decision };
    let name = decision.events.iter().find_map(|event| match event {
        Event::SealedImported { file, .. } => Some(file.name.clone()),
        _ => None,
    });
    match (outcome.as_ref(), name) {
        (Outcome::Input { bytes, .. }, Some(name)) => decision.with(name, bytes.clone()),
        _ => decision,
    }
}
