//! The ceremony before this one: what its record says, what its card says, and that both say the same.

use std::path::Path;

use super::Found;
use crate::{
    ceremony::{
        earlier,
        event::{Mode, PreviousCeremony, SignedVersion},
        script::{LastCeremonySpec, Script},
    },
    digest::Digest,
    fault::Error,
    files,
    rules::{Refusal, Rule},
    text::shown,
};

/// What a record in `folder` leaves to the ceremony of `script`.
///
/// # Errors
/// `REHEARSAL-MARKED` for a rehearsal, `PREVIOUS-ROOT-PINNED` for a record of something else, `VERSION-SIGNED-ONCE` where the list that its
/// entry 0 names is not what it was; a fault where it cannot be read.
pub fn of_record(found: &Found, folder: &Path, script: &Script) -> Result<PreviousCeremony, Error> {
    let ceremony = found.ceremony();
    if ceremony.mode() == Mode::Rehearsal {
        return Err(Refusal::new(
            Rule::RehearsalMarked,
            format!("{} is the record of a rehearsal.", files::name(folder)),
            "Name the record of the real ceremony before this one.",
        )
        .into());
    }
    if ceremony.script().repository != script.repository {
        return Err(Refusal::new(
            Rule::PreviousRootPinned,
            format!("{} is about the repository {}.", files::name(folder), shown(&ceremony.script().repository)),
            "Name the record of the ceremony before this one, of the same repository.",
        )
        .into());
    }
    let before = ceremony.previous_ceremony();
    let mut signed = match before.and_then(|before| before.list) {
        Some(list) => signed_list(&folder.join(format!("inputs/{}", list.sha256)), list.sha256)?,
        None => before.map(|before| before.signed.clone()).unwrap_or_default(),
    };
    signed.extend(ceremony.signed_versions());
    if script.kind.is_about_repositories() {
        signed = earlier::highest(signed);
    }
    Ok(PreviousCeremony { head: ceremony.paper_head(), ended: ceremony.stamp().at, signed, list: None })
}

/// What the card in `script` says, where it names a list of what was signed, which lies in the folder `beside`. A card without one needs
/// no file.
///
/// # Errors
/// `VERSION-SIGNED-ONCE` where the list is not the one with that SHA-256; a fault where it cannot be read.
pub fn of_card(script: &Script, beside: &Path) -> Result<Option<PreviousCeremony>, Error> {
    let Some(card) = &script.last_ceremony else { return Ok(None) };
    let Some((file, sha256)) = &card.list else { return Ok(None) };
    let signed = signed_list(&beside.join(file), *sha256)?;
    Ok(Some(PreviousCeremony { head: card.head, ended: card.ended, signed, list: None }))
}

fn signed_list(path: &Path, sha256: Digest) -> Result<Vec<SignedVersion>, Error> {
    let text = files::read(path, files::limit::INPUTS)?;
    if Digest::of(&text) != sha256 {
        let what = format!("{} is not the list of what was signed with SHA-256 {sha256}.", files::name(path));
        let remedy = "Take it from the other medium of the last record.";
        return Err(Refusal::new(Rule::VersionSignedOnce, what, remedy).into());
    }
    Ok(earlier::read(&text, 0, usize::MAX)?)
}

/// Whether the record has what a card lists. That something was given up before enough had signed, a card need not say.
fn says(given: &PreviousCeremony, card: &SignedVersion) -> bool {
    let same = |one: &&SignedVersion| {
        (&one.repository, &one.role, one.version, one.payload)
            == (&card.repository, &card.role, card.version, card.payload)
    };
    given.signed.iter().find(same).is_some_and(|one| one.spent || !card.spent)
}

/// The ceremony before this one, from its record, from the card that the script copies, or from both where they agree. A list that the
/// script names was read by whoever begins, and is `given` with the head of the card.
pub(super) fn agreed(
    given: Option<PreviousCeremony>,
    card: Option<&LastCeremonySpec>,
) -> Result<Option<PreviousCeremony>, Refusal> {
    let Some(card) = card else { return Ok(given) };
    let refuse = |what: String| {
        let remedy = "One of the two is not of the last ceremony. Find out which before anything is signed.";
        Err(Refusal::new(Rule::VersionSignedOnce, what, remedy))
    };
    let short = |digest: Digest| digest.to_string()[..16].to_owned();
    match given {
        Some(given) if given.head != card.head || !card.signed.iter().all(|one| says(&given, one)) => refuse(format!(
            "The script's card ends with head {}…, the record named with {}….",
            short(card.head),
            short(given.head)
        )),
        Some(given) => match &card.list {
            Some((file, sha256)) if Digest::of(&earlier::write(&given.signed)) != *sha256 => refuse(format!(
                "{} has SHA-256 {}… on the script's card, and what was signed makes another list.",
                shown(file),
                short(*sha256)
            )),
            _ => Ok(Some(given)),
        },
        None => match &card.list {
            Some((file, _)) => refuse(format!("The list {} of what was signed is not here.", shown(file))),
            None => Ok(Some(PreviousCeremony {
                head: card.head,
                ended: card.ended,
                signed: card.signed.clone(),
                list: None,
            })),
        },
    }
}
