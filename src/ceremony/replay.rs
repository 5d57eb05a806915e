//! What an entry was decided on: the answer is made again from the event that came of it, and decided once more. Whoever
//! holds a record asks every rule of the room again this way, without people and without tokens.
//!
//! Two things are not in a record and cannot be asked again: that a personal word was right (only its verifier is kept), and the
//! files of keys that came in (only their SHA-256 is).

use std::sync::Arc;

use super::{
    Ceremony, Pending,
    event::{AsideQuestion, Event, Stamp},
    operation::{Outcome, outcome_of},
    participants::{Alias, PersonId},
    prompt::{Answer, AsideKind, Input, SlowHash},
    repositories::{self, Verdict},
    script::{KeySpec, PossessionSpec, Script},
    words,
};
use crate::{
    digest::{Digest, from_hex},
    rules::{Passed, Refusal, Rule},
    tuf::{
        key::{Key, RawSignature},
        verify::VerifiedSignature,
    },
    utc::Utc,
};

/// Gives a file of the record by its name, `payloads/…` or `inputs/…`; what it gives is held against the SHA-256 in the name.
pub type Materials<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

/// What the engine decides, in this state, on the answer that `event` came of. The first of what it returns corresponds to
/// `event`; whatever follows was written together with it.
///
/// # Errors
/// The rule that says no; `RECORD-REPLAYS` where no answer at all leads to such an event here.
pub fn decide_again(
    ceremony: &Ceremony,
    event: &Event,
    at: Utc,
    materials: Materials<'_>,
) -> Result<Vec<Event>, Refusal> {
    match event {
        Event::RepositoriesRead { pack, .. } | Event::RepositoriesDrafted { pack, .. } => {
            let text = material(materials, "inputs", *pack)?;
            decide(ceremony, &Answer::Done(Box::new(Outcome::Repositories(text))), at)
        }
        Event::SignedBefore { .. } => {
            let list = ceremony.previous_ceremony().and_then(|previous| previous.list);
            let list = list.ok_or_else(|| impossible("entry 0 names no list of what was signed before."))?;
            let text = material(materials, "inputs", list.sha256)?;
            decide(ceremony, &Answer::Done(Box::new(Outcome::SignedList(text))), at)
        }
        Event::CollectionOpened { manifest, before, guns, .. } => {
            let before = before.map(|before| material(materials, "inputs", before)).transpose()?;
            let manifest = material(materials, "inputs", *manifest)?;
            let outcome = Outcome::Collection { manifest, before, guns: guns.clone() };
            decide(ceremony, &Answer::Done(Box::new(outcome)), at)
        }
        Event::ParcelRead { parcel, .. } => {
            let bytes = material(materials, "inputs", *parcel)?;
            decide(ceremony, &Answer::Done(Box::new(Outcome::Parcel(bytes))), at)
        }
        Event::RepositorySigned { alias, payload, signature, .. } => {
            let bytes = material(materials, "payloads", *payload)?;
            decide(ceremony, &signed_some(ceremony, alias, &bytes, signature)?, at)
        }
        Event::CertificateSigned { alias, common_name, signature } => {
            let template = repositories::certify::template(ceremony, alias, common_name)?;
            decide(ceremony, &signed_some(ceremony, alias, &template.to_be_signed(), signature)?, at)
        }
        Event::SealedImported { file, .. } => {
            let bytes = material(materials, "inputs", file.sha256)?.to_vec();
            decide(ceremony, &Answer::Done(Box::new(Outcome::Input { bytes, with: None })), at)
        }
        Event::Confirmed { person, .. } => confirm_again(ceremony, person, at),
        Event::AsideNoted { question: AsideQuestion::Confirms, answer } => {
            let person = PersonId::try_from(answer.clone()).map_err(|_| impossible("it names no person"))?;
            confirm_again(ceremony, &person, at)
        }
        Event::KeyImported { name, sha256, key, .. } => import_again(ceremony, name, *sha256, key, at),
        Event::TokenChosen { .. } | Event::AsideNoted { question: AsideQuestion::Who | AsideQuestion::Which, .. } => {
            pick_again(ceremony, event, at)
        }
        Event::TokensSeen { seen, .. } if seen.is_empty() => pick_again(ceremony, event, at),
        _ => decide(ceremony, &answer(ceremony, event)?, at),
    }
}

/// What was decided together with the last of `entries` and did not reach the disk before the power went. A resume writes it:
/// half of a decision is a state that no rule foresees.
pub fn rest_of_the_last(script: &Arc<Script>, entries: &[(Stamp, Event)], materials: Materials<'_>) -> Vec<Event> {
    let Some(((stamp, last), before)) = entries.split_last() else { return vec![] };
    let mut ceremony = Ceremony::begin(Arc::clone(script));
    for (stamp, event) in before {
        ceremony.apply(*stamp, event);
    }
    match decide_again(&ceremony, last, stamp.at, materials) {
        Ok(mut decided) if decided.first().is_some_and(|first| same(first, last)) => decided.split_off(1),
        _ => vec![],
    }
}

fn decide(ceremony: &Ceremony, answer: &Answer, at: Utc) -> Result<Vec<Event>, Refusal> {
    ceremony.decide(answer, at).map_err(|refusal| match refusal.rule {
        Rule::AnswerFits => impossible(&refusal.what),
        _ => refusal,
    })
}

/// `RECORD-REPLAYS`: such an event cannot follow here.
pub fn impossible(why: &str) -> Refusal {
    Refusal::new(
        Rule::RecordReplays,
        format!("It cannot follow here: {why}"),
        "This record was not written by an honest run of this program, or by a very different version of it. Keep it as evidence.",
    )
}

fn answer(ceremony: &Ceremony, event: &Event) -> Result<Answer, Refusal> {
    let done = |outcome| Ok(Answer::Done(Box::new(outcome)));
    match event {
        Event::Present { .. } => word("PRESENT"),
        Event::Absent { .. } => word("ABSENT"),
        Event::WordSet { salt, verifier, .. } => {
            Ok(Answer::NewPersonalWord { salt: salt.clone(), verifier: *verifier })
        }
        Event::Recorded { value, .. } => Ok(Answer::Text(value.clone())),
        Event::Went { word: typed, .. } => match ceremony.pending() {
            Pending::Ask(prompt) if matches!(prompt.input, Input::Text { .. }) => Ok(Answer::Text(typed.clone())),
            _ => word(typed),
        },
        Event::ClockRead { room, .. } => Ok(Answer::Text(room.to_string())),
        Event::WrittenDown { .. } => word("WRITTEN"),
        Event::ReadBack { read_back, .. }
        | Event::ActClosed { read_back, .. }
        | Event::PayloadReadBack { read_back, .. }
        | Event::ParcelCompared { read_back, .. }
        | Event::FinalHead { read_back, .. }
        | Event::HeadFitsPaper { read_back, .. } => Ok(Answer::HiddenWords(read_back.supplied.clone())),
        Event::Failed { trouble } => Ok(Answer::Failed(trouble.clone())),
        Event::TryAgain { last_try: false } => word("AGAIN"),
        Event::TryAgain { last_try: true } => word("SPEND THE LAST TRY"),
        Event::Machine { facts, .. } => done(Outcome::Machine(facts.clone())),
        Event::PreviousRoot { text, .. } => done(Outcome::Input { bytes: text.clone().into_bytes(), with: None }),
        Event::FramesShown { files, .. } => done(Outcome::Shown { files: files.clone() }),
        Event::TokensSeen { seen, .. } => done(Outcome::Tokens(seen.clone())),
        Event::TokenInitialised { seen, .. } => done(Outcome::Initialised(seen.clone())),
        Event::UserPinSet { management_key, .. } => done(Outcome::UserPinSet { management_key: *management_key }),
        Event::KeyGenerated { key, attributes, attestation, .. } => {
            let (key, attestation) = (key.clone(), attestation.clone());
            done(Outcome::Generated { key, attributes: *attributes, attestation })
        }
        Event::KeyBroughtIn { key, attributes, .. } => {
            done(Outcome::BroughtIn { key: key.clone(), attributes: *attributes })
        }
        Event::KeyMade { key, sources, dice, .. } => {
            done(Outcome::Made { key: key.clone(), sources: sources.clone(), dice: *dice })
        }
        Event::BackupOpened { key, shares, history, .. } => {
            done(Outcome::BackupOpened { key: key.clone(), shares: shares.clone(), history: history.clone() })
        }
        Event::OldSharesJudged { .. } => word("READ"),
        Event::MediumLetGo { .. } => word("OUT"),
        Event::MediumRead { files, .. } => done(Outcome::MediumRead { files: files.clone() }),
        Event::KeyTaken { key, .. } => done(Outcome::Taken { key: key.clone() }),
        Event::BackupSealed { sealed, sheets, media, .. } => {
            let (sealed, sheets, media) = (sealed.clone(), sheets.clone(), media.clone());
            done(Outcome::BackupSealed { sealed, sheets, media })
        }
        Event::CopySealed { file, media, .. } => done(Outcome::CopySealed { file: file.clone(), media: media.clone() }),
        Event::ManagementKeySealed { file, media, .. } => {
            done(Outcome::ManagementKeySealed { file: file.clone(), media: media.clone() })
        }
        Event::ManagementKeyLost { again, .. } => {
            word(if *again { words::management::PREPARE_AGAIN } else { words::management::KEEP })
        }
        Event::ShareReadBack { commitment, .. } => done(Outcome::ShareReadBack { commitment: *commitment }),
        Event::PageLaid { .. } => done(Outcome::PageLaid),
        Event::PageCleared { found, .. } => done(Outcome::PageCleared { found: *found }),
        Event::ShareEncrypted { file, media, left, .. } => {
            done(Outcome::ShareEncrypted { file: file.clone(), media: media.clone(), left: left.clone() })
        }
        Event::KeyPut { key, attributes, shares, history, .. } => {
            let (key, shares, history) = (key.clone(), shares.clone(), history.clone());
            done(Outcome::KeyPut { key, attributes: *attributes, shares, history })
        }
        Event::SetImported { text, .. } => done(Outcome::Input { bytes: text.clone().into_bytes(), with: None }),
        Event::ShareChecked { commitment, .. } => done(Outcome::ShareReadBack { commitment: *commitment }),
        Event::ShareMissing { lost, .. } => word(if *lost { "LOST" } else { "ABSENT" }),
        Event::KeyWiped { .. } => done(Outcome::Wiped),
        Event::KekMade { .. }
        | Event::KeyWrapped { .. }
        | Event::KekWiped { .. }
        | Event::KeyUnwrapped { .. }
        | Event::BackupUnwrapped { .. }
        | Event::CopyProven { .. }
        | Event::KeyClosed { .. }
        | Event::WrappingCleared { .. } => done(outcome_of(event).ok_or_else(|| impossible("no answer leads to it."))?),
        Event::BackupDiscarded { .. } => word("DESTROYED"),
        Event::KeyHandedOver { name, key, file, media, signature, .. } => {
            let raw = from_hex(signature).ok_or_else(|| unreadable(name))?;
            done(Outcome::HandedOver {
                key: key.clone(),
                sha256: file.sha256,
                length: file.length,
                media: media.clone(),
                signature: RawSignature::new(raw),
            })
        }
        Event::KeyDrilled { alias, signature, .. } | Event::HeadSigned { alias, signature, .. } => {
            let raw = from_hex(signature).ok_or_else(|| unreadable(alias))?;
            signed(ceremony, alias, RawSignature::new(raw))
        }
        Event::TokenErased { seen, .. } => done(Outcome::Erased { seen: seen.clone(), left: 0 }),
        Event::TokenGone { account, .. } => Ok(Answer::Text(account.clone())),
        Event::TokenOpened { seen, key, .. } => done(Outcome::Opened { seen: seen.clone(), key: key.clone() }),
        Event::Drafted { .. } => word("DRAFT"),
        Event::PayloadStored { .. } => done(Outcome::Stored),
        Event::SheetRead { .. } => word("READ"),
        Event::Signed { alias, keyid, signature, .. } => {
            let key = ceremony.token(alias).key.ok_or_else(|| impossible("no key of this token is known."))?;
            let dialect = ceremony.script.dialect;
            let written = dialect.signature_of_text(keyid.clone(), key.public(), signature);
            let raw = written.and_then(|written| dialect.raw_signature(key.public(), &written));
            signed(ceremony, alias, raw.ok_or_else(|| unreadable(alias))?)
        }
        Event::Exported { media, .. } => done(Outcome::Exported { media: media.clone() }),
        Event::TagsJudged { verdict } => word(match verdict {
            Verdict::Keep => "KEEP",
            Verdict::Drop => "DROP",
            Verdict::Each => "EACH",
        }),
        Event::TagJudged { keep, .. } => word(if *keep { "KEEP" } else { "DROP" }),
        Event::BatchBegan { .. } => word("DRAFT"),
        Event::RepositoriesExported { from, to, incomplete, refused, manifest, media } => {
            let (from, to, incomplete, manifest) = (*from, *to, *incomplete, *manifest);
            let (refused, media) = (refused.clone(), media.clone());
            done(Outcome::BundlesWritten { from, to, incomplete, refused, manifest, media })
        }
        Event::AsideBegan { aside } => Ok(Answer::Aside(*aside)),
        Event::AsideNoted { answer, .. } => Ok(Answer::Text(answer.clone())),
        Event::AsideDropped => Ok(Answer::Text("-".into())),
        Event::Paused => Ok(Answer::Aside(AsideKind::Leave)),
        Event::ClockConfirmed { .. }
        | Event::ThresholdMet { .. }
        | Event::CertificatesSigned { .. }
        | Event::BatchSigned { .. }
        | Event::Closed
        | Event::ShareDestroyed { .. }
        | Event::ExceptionNoted { .. }
        | Event::Voided { .. }
        | Event::Substituted { .. }
        | Event::Abandoning { .. }
        | Event::Abandoned { .. } => Err(impossible("it is always written together with the entry that leads to it.")),
        Event::Began { .. }
        | Event::StandIn { .. }
        | Event::TwinRoot { .. }
        | Event::TwinSet { .. }
        | Event::Intended { .. }
        | Event::Resumed { .. }
        | Event::TornTailCut { .. }
        | Event::MediumFailed { .. }
        | Event::Refused { .. }
        | Event::Confirmed { .. }
        | Event::KeyImported { .. }
        | Event::SealedImported { .. }
        | Event::ParcelRead { .. }
        | Event::TwinCollection { .. }
        | Event::CollectionOpened { .. }
        | Event::RepositoriesRead { .. }
        | Event::SignedBefore { .. }
        | Event::RepositoriesDrafted { .. }
        | Event::RepositorySigned { .. }
        | Event::CertificateSigned { .. }
        | Event::TokenChosen { .. } => Err(impossible("no answer leads to it.")),
    }
}

/// A file of the record, held against the SHA-256 that an entry gives.
fn material(materials: Materials<'_>, folder: &str, sha256: Digest) -> Result<Arc<[u8]>, Refusal> {
    let name = format!("{folder}/{sha256}");
    let bytes = materials(&name).filter(|bytes| Digest::of(bytes) == sha256);
    bytes.map(Arc::from).ok_or_else(|| {
        Refusal::new(
            Rule::BytesMatchHash,
            format!("{name} is missing from the record, or is not what it was."),
            "Use the other medium, and keep this one as evidence.",
        )
    })
}

/// One signature of many, by the token that the alias is bound to.
fn signed_some(ceremony: &Ceremony, alias: &Alias, bytes: &[u8], signature: &str) -> Result<Answer, Refusal> {
    let token = ceremony.token(alias);
    let seen = token.bound.ok_or_else(|| impossible("no token is bound to this alias."))?;
    let key = token.key.ok_or_else(|| impossible("no key of this token is known."))?;
    let raw = from_hex(signature).map(RawSignature::new).ok_or_else(|| unreadable(alias))?;
    let verified = VerifiedSignature::new(key.public(), bytes, raw).ok_or_else(|| {
        Refusal::new(
            Rule::SignatureVerifies,
            format!("A signature by {alias} does not verify over its payload."),
            "It does not count. Keep this record as evidence.",
        )
    })?;
    Ok(Answer::Done(Box::new(Outcome::SignedSome { seen, signatures: vec![verified] })))
}

fn word(word: &str) -> Result<Answer, Refusal> {
    Ok(Answer::Word(word.into()))
}

fn unreadable(alias: &Alias) -> Refusal {
    Refusal::new(
        Rule::SignatureVerifies,
        format!("The signature by {alias} is not one."),
        "It does not count. Keep this record as evidence.",
    )
}

/// The signature, by the token that the alias is bound to.
fn signed(ceremony: &Ceremony, alias: &Alias, signature: RawSignature) -> Result<Answer, Refusal> {
    let seen = ceremony.token(alias).bound.ok_or_else(|| impossible("no token is bound to this alias."))?;
    Ok(Answer::Done(Box::new(Outcome::Signed { seen, signature })))
}

/// The same confirmation with a word that is known: everything but the word itself is asked again.
fn confirm_again(ceremony: &Ceremony, person: &PersonId, at: Utc) -> Result<Vec<Event>, Refusal> {
    const STAND_IN: [u8; 32] = [0; 32];
    let mut again = ceremony.clone();
    match again.people.get_mut(person).and_then(|presence| presence.word.as_mut()) {
        Some((_, verifier)) => *verifier = Digest::of(&STAND_IN),
        None => {
            return Err(Refusal::new(
                Rule::PersonalWord,
                format!("{} confirms, and never set a word.", ceremony.script.name(person)),
                "Nobody can confirm before the roll-call. Keep this record as evidence.",
            ));
        }
    }
    decide(&again, &Answer::PersonalWord(SlowHash(STAND_IN)), at)
}

/// A list holds names for people; which of them led to `event` is found out by trying.
fn pick_again(ceremony: &Ceremony, event: &Event, at: Utc) -> Result<Vec<Event>, Refusal> {
    let Pending::Ask(prompt) = ceremony.pending() else { return Err(impossible("nobody was asked.")) };
    let Input::Pick(options) = prompt.input else { return Err(impossible("nothing was to be picked.")) };
    let mut refused = None;
    for index in 0..options.len() {
        match decide(ceremony, &Answer::Picked(index), at) {
            Ok(events) if events.first().is_some_and(|first| same(first, event)) => return Ok(events),
            Ok(_) => {}
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    Err(refused.unwrap_or_else(|| impossible("it was not among the choices.")))
}

/// Everything of an import that does not need the file: the turn, and the keyid on its owner's paper.
fn import_again(ceremony: &Ceremony, name: &Alias, sha256: Digest, key: &Key, at: Utc) -> Result<Vec<Event>, Refusal> {
    let again = |key: &Key| {
        let outcome = Outcome::Input { bytes: serde_json::to_vec(key).unwrap_or_default(), with: None };
        decide(ceremony, &Answer::Done(Box::new(outcome)), at)
    };
    let is_meant = |spec: &&KeySpec| spec.name == *name && !ceremony.imported.contains_key(name);
    let spec = ceremony.script.keys.iter().find(is_meant).ok_or_else(|| impossible("no such key was to come in."))?;
    let mut events = match &spec.possession {
        PossessionSpec::HeldByServer | PossessionSpec::HeldByToken(_) => again(key)?,
        PossessionSpec::Statement(_) => {
            let expected = ceremony.stand_ins.get(&spec.keyid).map_or_else(|| spec.keyid.clone(), Key::id);
            if key.id() != expected {
                return Err(Refusal::new(
                    Rule::KeyOnPaper,
                    format!("The key {name} is {}, its owner's paper says {expected}.", key.id()),
                    "Do not use what was signed with it.",
                ));
            }
            let passed = Passed::new(Rule::KeyOnPaper, format!("{}: {}", spec.owner, expected.short()));
            vec![Event::KeyImported { name: name.clone(), sha256, key: key.clone(), passed: vec![passed] }]
        }
    };
    if let Some(Event::KeyImported { sha256: of_file, .. }) = events.first_mut() {
        *of_file = sha256;
    }
    Ok(events)
}

/// Whether two events say the same. What was said in words to people, and which rules were asked, may differ between versions
/// of the program.
pub fn same(one: &Event, other: &Event) -> bool {
    let bare = |event: &Event| {
        let mut value = serde_json::to_value(event).unwrap_or_default();
        if let Some(fields) = value.as_object_mut().and_then(|object| object.values_mut().next()?.as_object_mut()) {
            for said in ["passed", "statement", "subject", "account", "label"] {
                fields.remove(said);
            }
        }
        value
    };
    one == other || bare(one) == bare(other)
}
