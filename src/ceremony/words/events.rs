//! An entry as a sentence for people.

use crate::{
    ceremony::{
        event::{AsideQuestion, Event},
        participants::PersonId,
        prompt::AsideKind,
        repositories::Verdict,
        script::Script,
        words,
    },
    digest::Digest,
    utc::Utc,
};

/// What an event says, as a sentence. Text from outside in it is not yet made safe: that is done where it is shown.
pub fn told(script: &Script, event: &Event) -> String {
    let name = |person: &PersonId| script.name(person).to_owned();
    let both = |by: &[PersonId; 2]| words::names(script, by);
    match event {
        Event::Began { title, mode, .. } => format!("The ceremony “{title}” begins, as {}.", mode.stamp()),
        Event::StandIn { real, twin } => format!("A throw-away key {} stands for {}.", twin.id().short(), real.short()),
        Event::TwinRoot { real, twin } => format!("A twin of the root, {}, stands for {}.", short(twin), short(real)),
        Event::Present { person } => format!("{} is here.", name(person)),
        Event::Absent { person } => format!("{} is absent.", name(person)),
        Event::WordSet { person, .. } => format!("{} set a word of their own.", name(person)),
        Event::Confirmed { person, statement } => format!("{} confirmed: “{statement}”", name(person)),
        Event::Recorded { label, value } => format!("{label}: {value}"),
        Event::Went { word, on } if word == "SEATED" => match PersonId::try_from(on.clone()) {
            Ok(person) => format!("{} sat down at the keyboard.", name(&person)),
            Err(_) => format!("{on} sat down at the keyboard."),
        },
        Event::Went { word, on } => format!("{word} was typed: {on}."),
        Event::ClockRead { person, room, machine } => format!(
            "{} read {} from a clock of their own; the machine said {}.",
            name(person),
            room.time_of_day(),
            machine.time_of_day()
        ),
        Event::ClockConfirmed { at, differs_seconds, .. } => {
            format!("The clock is confirmed: {}, at most {differs_seconds} seconds apart.", instant(*at))
        }
        Event::WrittenDown { subject, .. } => format!("The words of {subject} were written down."),
        Event::ReadBack { subject, .. } => format!("The hidden words of {subject} were supplied from paper."),
        Event::ActClosed { head, .. } => {
            format!("The act ends with the head {}.", words::paper::act_words(*head).join(" "))
        }
        Event::Intended { operation } => format!("About to {}.", operation.words()),
        Event::Failed { trouble } => format!("It failed: {}", trouble.words()),
        Event::TryAgain { last_try: true } => "It is tried once more, with the last try of the PIN.".into(),
        Event::TryAgain { last_try: false } => "It is tried once more.".into(),
        Event::Machine { facts, .. } => format!("The machine was looked at: kernel {}.", facts.kernel),
        Event::KeyImported { name, sha256, key, .. } => {
            format!("The public key {name} came in: keyid {}, file SHA-256 {}.", key.id().short(), short(sha256))
        }
        Event::PreviousRoot { .. } => "The previous root came in, and is the one that the script pins.".into(),
        Event::ParcelRead { from, files, digest, .. } => {
            format!("{} files came in as QR codes from {}: digest {}.", files.len(), from.words(), short(digest))
        }
        Event::FramesShown { files, digest } => {
            format!("{} files were shown as QR codes: digest {}.", files.len(), short(digest))
        }
        Event::ParcelCompared { digest, .. } => {
            format!("The words of digest {} were compared on both screens.", short(digest))
        }
        Event::TwinCollection { twin, .. } => {
            format!("A twin of the collection with throw-away keys stands for the real one: {}.", short(twin))
        }
        Event::CollectionOpened { guns, .. } => {
            format!("The collection of {} repositories is here, and is the one that the script pins.", guns.len())
        }
        Event::RepositoriesRead { pack, repositories, .. } => {
            let out = repositories.iter().filter(|known| known.left_out.is_some()).count();
            let out = if out > 0 { format!(" {out} of them are left out.") } else { String::new() };
            format!("{} repositories were read and verified: inputs {}.{out}", repositories.len(), short(pack))
        }
        Event::SignedBefore { from, to, signed, .. } => format!(
            "Versions {} to {to} of what was signed before were looked at; {} are newer than what is published.",
            from + 1,
            signed.len()
        ),
        Event::TagsJudged { verdict } => match verdict {
            Verdict::Keep => "Tags that are not as they were before are kept as they are.".into(),
            Verdict::Drop => "Tags that are not as they were before are put back.".into(),
            Verdict::Each => "Tags that are not as they were before are judged one by one.".into(),
        },
        Event::TagJudged { gun, what, keep } => {
            format!("{gun}: {what} is {}.", if *keep { "kept" } else { "put back" })
        }
        Event::CertificateSigned { alias, common_name, .. } => {
            format!("{alias} signed the certificate of its key for {common_name}.")
        }
        Event::CertificatesSigned { alias, count, .. } => format!("The key on {alias} has {count} certificates."),
        Event::BatchBegan { .. } => "A batch was begun.".into(),
        Event::RepositoriesDrafted { repositories, left_out, .. } => {
            let out = if left_out.is_empty() { String::new() } else { format!(" {} are left out.", left_out.len()) };
            format!("Metadata of {} repositories was composed.{out}", repositories.len())
        }
        Event::RepositorySigned { alias, gun, role, version, payload, .. } => {
            format!("{alias} signed {role} {version} of {gun}: payload {}.", short(payload))
        }
        Event::BatchSigned { alias, documents, batch, .. } => {
            format!("{alias} signed {documents} documents of batch {}.", short(batch))
        }
        Event::RepositoriesExported { from, to, incomplete, media, .. } => {
            let wait = if *incomplete > 0 { format!(" {incomplete} wait for a signature.") } else { String::new() };
            format!("{} bundles were written on {}.{wait}", to - from, media.join(" and "))
        }
        Event::TokensSeen { alias, seen } if seen.is_empty() => format!("No token to become {alias} was found."),
        Event::TokensSeen { seen, .. } => {
            let seen: Vec<_> = seen.iter().map(|seen| seen.words()).collect();
            format!("Found: {}.", seen.join("; "))
        }
        Event::TokenChosen { alias, seen, .. } => format!("{} is to become {alias}.", seen.words()),
        Event::TokenInitialised { alias, seen } => format!("{alias} was wiped and has a new SO-PIN: {}.", seen.words()),
        Event::UserPinSet { alias, management_key, .. } => {
            let told = management_key.as_ref().map_or("", words::management::told);
            format!("{alias} has a user PIN.{told}")
        }
        Event::CopySealed { name, person, file, media, .. } => format!(
            "A copy of the backup of {name} was sealed as {} on {}, with a passphrase of {person}: whoever has both has the key. SHA-256 {}.",
            file.name,
            media.join(" and "),
            file.sha256
        ),
        Event::ManagementKeySealed { name, alias, file, media, .. } => format!(
            "The management key of {alias} was sealed as {} on {}, for the shares of {name}: SHA-256 {}.",
            file.name,
            media.join(" and "),
            file.sha256
        ),
        Event::ManagementKeyLost { alias, serial, again } => words::management::decided(alias, serial, *again),
        Event::KeyGenerated { alias, key, attestation, .. } => {
            let attested = attestation.as_deref().map(|kept| format!(", attested under {}", kept.says.root));
            format!("A key was generated on {alias}: keyid {}{}.", key.id(), attested.unwrap_or_default())
        }
        Event::KeyBroughtIn { alias, canonical_id, from, .. } => {
            format!(
                "The existing key {canonical_id} was brought to {alias} from {from}: imported, not generated on it, and never attested."
            )
        }
        Event::KeyHandedOver { name, canonical_id, file, media, .. } => format!(
            "The key {name} was made and written as {} on {}: canonical id {canonical_id}.",
            file.name,
            media.join(" and ")
        ),
        Event::KeyMade { name, key, sources, .. } => {
            format!("The key {name} was made in memory, of {}: keyid {}.", sources.join(", "), key.id())
        }
        Event::KeyTaken { name, canonical_id, from, .. } => {
            format!(
                "The existing key {canonical_id} was taken from {from} into memory as {name}: its history is unknown."
            )
        }
        Event::BackupSealed { name, sealed, media, .. } => format!(
            "The backup of {name} was sealed as {} on {}: SHA-256 {}; set {}, {} shares open it.",
            sealed.file.name,
            media.join(" and "),
            sealed.file.sha256,
            sealed.set.id(),
            sealed.set.scheme
        ),
        Event::ShareReadBack { name, index, custodian, .. } => {
            format!("Share {index} of {name} is on paper with {custodian}, and was typed again from it.")
        }
        Event::PageLaid { name, index, file } => {
            format!("The page of share {index} of {name} was put into memory to be printed, as {file}.")
        }
        Event::PageCleared { index, file, found, .. } => super::pages::cleared(*index, file, *found),
        Event::ShareEncrypted { name, index, custodian, recipient, file, media, left, .. } => {
            let left = match left.as_slice() {
                [] => String::new(),
                left => format!(" Left by an earlier try, and of no use: {}.", left.join(", ")),
            };
            format!(
                "Share {index} of {name} was encrypted to {custodian} as {} on {}: {} bytes, SHA-256 {}; to {recipient}.{left}",
                file.name,
                media.join(" and "),
                file.length,
                file.sha256
            )
        }
        Event::KeyPut { alias, name, shares, .. } if shares.is_empty() => {
            format!("{name} is on {alias}, from memory: imported, and never attested.")
        }
        Event::KeyPut { alias, name, shares, history, .. } => {
            let shares = super::backup::listed(shares);
            let unknown = history.as_ref().map(|history| format!(" Its history: {history}.")).unwrap_or_default();
            format!("{name} is on {alias}, restored from shares {shares}: imported, and never attested.{unknown}")
        }
        Event::SetImported { name, .. } => format!("What is public of the shares of {name} came in."),
        Event::SealedImported { name, file, .. } => {
            format!("The sealed file of {name} came in: SHA-256 {}, {} bytes.", file.sha256, file.length)
        }
        Event::ShareChecked { name, set, index, .. } => {
            format!("Share {index} of {name}, set {set}, was read from its page and fits its commitment.")
        }
        Event::ShareMissing { name, set, index, lost: true } => format!("Share {index} of {name}, set {set}, is lost."),
        Event::ShareMissing { name, set, index, .. } => format!("Share {index} of {name}, set {set}, was not here."),
        Event::TwinSet { real, .. } => format!("A throw-away backup stands in for {}.", short(real)),
        Event::BackupOpened { name, set, key, shares, history, .. } => {
            let unknown = history.as_ref().map(|history| format!(" Its history: {history}.")).unwrap_or_default();
            let shares = super::backup::listed(shares);
            format!("Shares {shares} of set {set} opened the backup of {name}: keyid {}.{unknown}", key.id())
        }
        Event::ShareDestroyed { name, set, index, witness } => {
            format!("Share {index} of {name}, set {set}, was destroyed before the eyes of {}.", script.name(witness))
        }
        Event::OldSharesJudged { name, set, left, threshold, rotate_by, .. } => {
            super::custody::judged(name, set, *left, *threshold, *rotate_by)
        }
        Event::KekMade { .. }
        | Event::KeyWrapped { .. }
        | Event::KekWiped { .. }
        | Event::KeyUnwrapped { .. }
        | Event::BackupUnwrapped { .. }
        | Event::CopyProven { .. }
        | Event::KeyClosed { .. }
        | Event::WrappingCleared { .. } => super::wrapping::told(event).unwrap_or_default(),
        Event::MediumLetGo { medium } => {
            format!("The program let go of “{}”, to be taken out.", crate::text::shown(medium))
        }
        Event::MediumRead { medium, files, .. } => format!("{}.", super::media::was_read(medium, files.len())),
        Event::KeyWiped { name, .. } => format!("The memory that held {name} was wiped."),
        Event::BackupDiscarded { name, shares, .. } => format!(
            "{}; destroyed shares: {}.",
            super::backup::given_up(name, script.origin_of(name)),
            super::backup::listed(shares)
        ),
        Event::KeyDrilled { alias, .. } => {
            format!("The key on {alias} works with the PIN typed again, and counts from now on.")
        }
        Event::TokenErased { alias, seen, .. } => {
            format!("{alias} was wiped, and no key is on it: {}.", seen.words())
        }
        Event::TokenGone { alias, gone, account } => {
            format!("{alias} is {}, as people say: {account}", super::erase::became(*gone))
        }
        Event::TokenOpened { alias, seen, key, .. } => {
            format!("{alias} was opened: {}; it holds key {}.", seen.words(), key.id().short())
        }
        Event::Drafted { version, payload, .. } => format!("Root version {version} was composed: payload {payload}."),
        Event::PayloadStored { payload } => format!("Payload {} is in the record.", short(payload)),
        Event::SheetRead { .. } => "The review sheet was read aloud to its end.".into(),
        Event::PayloadReadBack { payload, .. } => {
            format!("The hidden words of payload {} were supplied from paper.", short(payload))
        }
        Event::Signed { alias, keyid, payload, .. } => {
            format!("{alias} signed payload {} with key {}.", short(payload), keyid.short())
        }
        Event::ThresholdMet { payload, .. } => format!("The thresholds of payload {} are met.", short(payload)),
        Event::Exported { files, media } => format!("{} files were written on {}.", files.len(), media.join(" and ")),
        Event::HeadSigned { alias, head, .. } => format!("{alias} signed the head {}.", short(head)),
        Event::FinalHead { head, .. } => format!("The final head {} was read back whole.", short(head)),
        Event::Closed => "The record is closed.".into(),
        Event::AsideBegan { aside } => format!("{} was asked for.", aside_word(*aside)),
        Event::AsideNoted { question, answer } => match question {
            AsideQuestion::Who | AsideQuestion::Confirms => match PersonId::try_from(answer.clone()) {
                Ok(person) => format!("{}: {}", words::aside_label(*question), name(&person)),
                Err(_) => format!("{}: {answer}", words::aside_label(*question)),
            },
            _ => format!("{}: {answer}", words::aside_label(*question)),
        },
        Event::AsideDropped => "It was dropped again.".into(),
        Event::ExceptionNoted { number, expected, happened, decided, by } => {
            format!("Exception {number}. Expected: {expected} Happened: {happened} Decided: {decided} By {}.", both(by))
        }
        Event::Voided { payload, reason, by, spent } => {
            let spent: Vec<_> = spent.iter().map(|keyid| keyid.short()).collect();
            let spent = if spent.is_empty() { "none".into() } else { spent.join(", ") };
            format!("Payload {} is void: {reason} By {}. Signatures spent on it: {spent}.", short(payload), both(by))
        }
        Event::Substituted { alias, spare, reason, by } => {
            format!("{spare} takes the place of {alias}: {reason} By {}.", both(by))
        }
        Event::Abandoning { reason, by } => {
            format!("The ceremony is to be abandoned, once nothing is left on its tokens: {reason} By {}.", both(by))
        }
        Event::Abandoned { reason, by, .. } => format!("The ceremony was abandoned: {reason} By {}.", both(by)),
        Event::Paused => "The operator left.".into(),
        Event::Resumed { program, media } => {
            format!("The ceremony goes on, with {} and {}.", program.name, media.join(" and "))
        }
        Event::TornTailCut { length, sha256 } => {
            format!("A torn last line of {length} bytes (SHA-256 {}) was cut off.", short(sha256))
        }
        Event::HeadFitsPaper { .. } => "The words that the witness wrote down last fit this record.".into(),
        Event::MediumFailed { medium, cause } => format!("The medium “{medium}” failed: {cause}"),
        Event::Refused { refusal } => format!("Refused by {}: {}", refusal.rule, refusal.what),
    }
}

fn aside_word(aside: AsideKind) -> &'static str {
    match aside {
        AsideKind::Exception => "An exception",
        AsideKind::Void => "A void",
        AsideKind::Substitute => "A substitution",
        AsideKind::Abandon => "The end",
        AsideKind::Leave => "A stop",
    }
}

/// Whether an entry is one that the script did not foresee.
pub fn is_otherwise(event: &Event) -> bool {
    matches!(
        event,
        Event::Failed { .. }
            | Event::Refused { .. }
            | Event::Absent { .. }
            | Event::ExceptionNoted { .. }
            | Event::Voided { .. }
            | Event::Substituted { .. }
            | Event::Abandoning { .. }
            | Event::Abandoned { .. }
            | Event::Paused
            | Event::Resumed { .. }
            | Event::TornTailCut { .. }
            | Event::HeadFitsPaper { .. }
            | Event::MediumFailed { .. }
            | Event::PageCleared { found: false, .. }
    ) || super::recipients::otherwise(event).is_some()
}

/// `2026-12-01 09:00:00 UTC`.
pub fn instant(at: Utc) -> String {
    format!("{} {} UTC", at.date(), at.time_of_day())
}

/// The first sixteen digits, for a table.
fn short(digest: &Digest) -> String {
    format!("{}…", &digest.to_string()[..16])
}
