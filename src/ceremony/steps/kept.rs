//! A backup that was made before: what is public of its shares comes in, and is the one that the script pins.

use crate::{
    ceremony::{
        Ceremony, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::Alias,
        prompt::Answer,
        script::{KeptSpec, OldShares, Script},
        unfit,
    },
    custody::Set,
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::KeyId,
};

pub(super) fn spec<'a>(script: &'a Script, name: &Alias) -> Option<&'a KeptSpec> {
    script.kept_as(name)
}

/// Reads what is public of the shares. It is owed as long as [`crate::ceremony::backups::Backups::kept`] has none.
pub(super) fn owed(ceremony: &Ceremony, name: &Alias) -> Option<Pending> {
    let file = spec(&ceremony.script, name)?.file.clone();
    Some(Pending::Do(Operation::ReadInput { file, with: None, parcels: ceremony.received.clone() }))
}

/// The keyid on paper, or that of the key which stands in for it in a rehearsal.
pub(super) fn trusted(ceremony: &Ceremony, spec: &KeptSpec) -> Option<KeyId> {
    let keyid = spec.keyid.as_ref()?;
    Some(ceremony.stand_ins.get(keyid).map_or_else(|| keyid.clone(), |twin| twin.id()))
}

/// What follows from the file that [`owed`] asked for.
pub(super) fn imported(ceremony: &Ceremony, name: &Alias, answer: &Answer) -> Result<Vec<Event>, Refusal> {
    let bytes = match answer {
        Answer::Done(outcome) => match outcome.as_ref() {
            Outcome::Input { bytes, .. } => bytes,
            _ => return Err(unfit("A set was to be read.")),
        },
        _ => return Err(unfit("That is not what this step waits for.")),
    };
    let spec = spec(&ceremony.script, name).ok_or_else(|| unfit("The script keeps no such backup."))?;
    let wanted = ceremony.backups.twin_of(spec.sha256).unwrap_or(spec.sha256);
    let file = shown(&spec.file);
    let refuse = |what: String| {
        let remedy =
            "Bring backup/….set.json of the record of the ceremony that made the backup, as the script pins it.";
        Err(Refusal::new(Rule::BytesMatchHash, what, remedy))
    };
    if Digest::of(bytes) != wanted {
        return refuse(format!("{file} is not the file that the script pins."));
    }
    let text = std::str::from_utf8(bytes).ok();
    let Some((text, set)) = text.and_then(|text| Some((text, serde_json::from_str::<Set>(text).ok()?))) else {
        return refuse(format!("{file} holds no set of shares."));
    };
    if set.passphrase_copy && spec.old_shares == Some(OldShares::Destroy) {
        return Err(Refusal::new(
            Rule::OldSharesDead,
            format!(
                "A copy of the backup {} opens with a passphrase, and without any share: destroyed shares do not end it.",
                set.id()
            ),
            "Leave, and say old-shares = \"rotate\" in the script: the key is rotated.",
        ));
    }
    let mut passed = vec![Passed::new(Rule::BytesMatchHash, format!("{} is the file that the script pins", spec.file))];
    if let Some(trusted) = trusted(ceremony, spec) {
        if trusted != set.keyid {
            return Err(Refusal::new(
                Rule::KeyOnPaper,
                format!("{file} is about the key {}; the paper says {trusted}.", shown(set.keyid.as_str())),
                "Find out which of the two is wrong before anybody brings a share.",
            ));
        }
        passed.push(Passed::new(Rule::KeyOnPaper, format!("the set is about {}, as the paper says", trusted.short())));
    }
    Ok(vec![Event::SetImported { name: name.clone(), text: text.to_owned(), passed }])
}
