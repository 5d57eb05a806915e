//! A token signs the reviewed draft. Its first signature and the one that meets the threshold are points of no return.

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    happened,
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        metadata,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::Script,
        sheet::TallySheet,
        state::Draft,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
    tuf::signed::Signature,
};

/// `sign`.
#[derive(Clone, Debug)]
pub struct Sign {
    /// With which token of the script.
    pub token: Alias,
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("SIGN", words::DOES_SIGN), Choice::new("LEAVE", words::DOES_LEAVE)]
}

/// What the tally would be with this token's signature.
fn tally_after(ceremony: &Ceremony, draft: &Draft, alias: &Alias) -> Option<TallySheet> {
    let mut after = draft.clone();
    after.signatures.push(Signature::new(metadata::keyid_of(ceremony, alias)?.0, ""));
    Some(metadata::tally(ceremony, &after))
}

impl Kind for Sign {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::sign(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Reviewed, Fact::KeyCounts(self.token.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SignedBy(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let draft = ceremony.draft()?;
        let alias = ceremony.playing(&self.token);
        let (keyid, public) = metadata::keyid_of(ceremony, &alias)?;
        if draft.signatures.iter().any(|signature| signature.keyid == keyid) {
            return None;
        }
        // Once enough have signed, an exception in the room lets the ceremony go on without this token.
        if draft.met && happened(ceremony, |event| matches!(event, Event::ExceptionNoted { .. })) {
            return None;
        }
        let first = draft.signatures.is_empty();
        let meets = !draft.met && tally_after(ceremony, draft, &alias).is_some_and(|tally| tally.met());
        if (first || meets) && !went(ceremony, words::SIGNS) {
            let scene = words::no_return_sign(ceremony, draft, first, meets);
            let prompt = Prompt { who: ceremony.leaders(), scene, input: Input::Word(choices()) };
            return Some(Pending::Ask(Box::new(prompt)));
        }
        let owed = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        if owed.is_some() {
            return owed;
        }
        Some(Pending::Do(Operation::Sign { alias, keyid, public, payload: draft.payload }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        let draft = ceremony.draft().ok_or_else(|| unfit("There is no draft."))?;
        match answer {
            Answer::Word(word) => {
                if let Some(Pending::Ask(prompt)) = self.pending(ceremony) {
                    return match (&prompt.scene, chosen(&choices(), word)) {
                        (Scene::PointOfNoReturn { .. }, Some("SIGN")) => {
                            Ok(vec![Event::Went { word: "SIGN".into(), on: words::SIGNS.into() }])
                        }
                        (Scene::PointOfNoReturn { .. }, _) => Ok(vec![Event::Paused]),
                        _ => word_typed(ceremony, &alias),
                    };
                }
                Err(unfit("The token signed already."))
            }
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::Signed { seen, signature } = outcome.as_ref() else {
                    return Err(unfit("A signature was to be made."));
                };
                let key = ceremony.token(&alias).key.ok_or_else(|| unfit("The token holds no key."))?;
                let (keyid, _) =
                    metadata::keyid_of(ceremony, &alias).ok_or_else(|| unfit("The token holds no key."))?;
                let mut passed = vec![super::open_token::is_expected(ceremony, &alias, seen)?];
                if draft.reviewed().is_none() {
                    return Err(Refusal::new(
                        Rule::PayloadReadback,
                        "This payload was not read back.",
                        "Review it first.",
                    ));
                }
                passed.push(Passed::new(Rule::PayloadReadback, "read back by the witness, confirmed by its officers"));
                passed.push(metadata::signed_once(ceremony, draft.version, draft.payload)?);
                let dialect = ceremony.script.dialect;
                let written = dialect.signature(keyid.clone(), key.public(), signature);
                let written = written.filter(|written| dialect.verifies(key.public(), &draft.signed, written));
                let Some(written) = written else {
                    return Err(Refusal::new(
                        Rule::SignatureVerifies,
                        format!("The signature that {alias} gave does not verify over the reviewed bytes."),
                        "It does not count. Try again; if it happens twice, put the spare token in its place.",
                    ));
                };
                passed.push(Passed::new(Rule::SignatureVerifies, format!("in software, by {}", keyid.short())));
                let mut after = draft.clone();
                let text = written.sig.clone();
                after.signatures.push(written);
                let mut events = vec![Event::Signed { alias, keyid, payload: draft.payload, signature: text, passed }];
                if !draft.met {
                    // Whether enough have signed is for the rule that clients ask, and for no other.
                    match metadata::verified(ceremony, &after) {
                        Ok(root) => {
                            let mut passed = root.passed().to_vec();
                            passed.extend(metadata::clients_accept(&ceremony.script, root.bytes())?);
                            events.push(Event::ThresholdMet { payload: draft.payload, passed });
                        }
                        Err(refusal) if matches!(refusal.rule, Rule::RootTallyOld | Rule::RootTallyNew) => {}
                        Err(refusal) => return Err(refusal),
                    }
                }
                Ok(events)
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
