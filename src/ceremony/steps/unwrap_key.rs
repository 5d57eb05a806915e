//! A second token gets the wrapped key out of its file, with the shares of the custodians: the proof that the backup restores.

use super::{
    Fact, Kind, Prose, ask_to_type,
    at_the_token::{inserted, token_in, user_sat, user_sits},
    preflight::failed,
    went,
    wrap_key::{asked, both_pins},
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome, Wrapping, WrappingOutcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
};

/// `unwrap-key`.
#[derive(Clone, Debug)]
pub struct UnwrapKey {
    /// Which key.
    pub name: Alias,
    /// Into which token of the script.
    pub token: Alias,
}

/// What the driver asks of a token that unwraps a key.
pub(super) const UNWRAPPED: [Rule; 6] = [
    Rule::WrappingSafe,
    Rule::WrappingTrusted,
    Rule::KekReadsBack,
    Rule::KeyNotExtractable,
    Rule::WrappedKeyProven,
    Rule::KekGone,
];

/// What is owed until `alias` holds the key.
pub(super) fn owed(ceremony: &Ceremony, name: &Alias, alias: &Alias) -> Option<Pending> {
    if ceremony.token(alias).key.is_some() {
        return None;
    }
    let backup = ceremony.backups.get(name)?;
    let sealed = backup.sealed.as_ref()?;
    if let Some(owed) = token_in(ceremony, alias, words::insert(alias)) {
        return Some(owed);
    }
    if !went(ceremony, words::backup::BROUGHT) {
        let scene = Scene::Plain { ask: words::backup::bring_shares(&sealed.set) };
        return ask_to_type(ceremony.leaders(), scene, "BROUGHT", words::backup::DOES_BRING);
    }
    user_sits(ceremony, alias).or_else(|| {
        Some(Pending::Do(Operation::Wrapping(Wrapping::UnwrapKey {
            alias: alias.clone(),
            name: name.clone(),
            key: Box::new(backup.key.clone()),
            label: words::key_label(&ceremony.script.repository),
            sealed: Box::new(sealed.clone()),
        })))
    })
}

/// What follows from an answer to [`owed`].
pub(super) fn decided(
    ceremony: &Ceremony,
    name: &Alias,
    alias: &Alias,
    answer: &Answer,
) -> Result<Vec<Event>, Refusal> {
    match answer {
        Answer::Word(_) if !went(ceremony, words::INSERTED) => Ok(inserted()),
        Answer::Word(_) if !went(ceremony, words::backup::BROUGHT) => {
            Ok(vec![Event::Went { word: "BROUGHT".into(), on: words::backup::BROUGHT.into() }])
        }
        Answer::Word(_) => user_sat(ceremony, alias),
        Answer::Failed(trouble) => failed(trouble),
        Answer::Done(outcome) => {
            let Outcome::Wrapping(WrappingOutcome::Unwrapped { key, attributes, by, shares, passed }) =
                outcome.as_ref()
            else {
                return Err(unfit("A key was to be unwrapped."));
            };
            let backup = ceremony.backups.get(name).ok_or_else(|| unfit("No such key was wrapped."))?;
            if key.public() != backup.key.public() {
                return Err(Refusal::new(
                    Rule::WrappedKeyProven,
                    format!("{alias} holds another key than {name} now."),
                    "Do not use this token. Put its spare in its place, or leave.",
                ));
            }
            let needed = backup.sealed.as_ref().map(|sealed| usize::from(sealed.set.scheme.threshold()));
            if needed.is_none_or(|needed| shares.len() < needed) {
                return Err(unfit("The key-encryption key was to come from enough shares."));
            }
            asked(ceremony, *by, passed, &UNWRAPPED)?;
            let mut passed = passed.clone();
            passed.push(Passed::new(
                Rule::BackupOpens,
                format!(
                    "the key-encryption key came from shares {}, and the key is {}",
                    words::backup::listed(shares),
                    key.id().short()
                ),
            ));
            Ok(vec![Event::KeyUnwrapped {
                alias: alias.clone(),
                name: name.clone(),
                key: key.clone(),
                attributes: *attributes,
                by: *by,
                shares: shares.clone(),
                passed,
            }])
        }
        _ => Err(unfit("That is not what this step waits for.")),
    }
}

impl Kind for UnwrapKey {
    fn prose(&self, script: &Script) -> Prose {
        words::wrapping::unwrap_key(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        both_pins(script, &self.token)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KekWiped(self.name.clone()), Fact::TokenPrepared(self.token.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyOnToken(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        owed(ceremony, &self.name, &ceremony.playing(&self.token))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        decided(ceremony, &self.name, &ceremony.playing(&self.token), answer)
    }
}
