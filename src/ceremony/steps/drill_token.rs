//! The drill of a token: it is taken out, put in again, opened with the PIN typed again, and its key signs a proof of
//! possession. Only then does the key count. This comes before the first signature that anybody could use.

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    digest::{Digest, to_hex},
    readback::Challenge,
    rules::{Passed, Refusal, Rule},
    tuf::key::KeyId,
};

/// `drill-token`.
#[derive(Clone, Debug)]
pub struct DrillToken {
    /// Which token of the script.
    pub token: Alias,
}

/// The statement that the key of `alias` signs; `None` before the clock is confirmed.
pub fn statement(ceremony: &Ceremony, alias: &Alias, keyid: &KeyId) -> Option<Challenge> {
    let script = &ceremony.script;
    let last_day = ceremony.clock?.date();
    let seed = format!("{}\n{}\n{alias}\n", script.digest, ceremony.began_at?);
    let nonce = Digest::of(seed.as_bytes());
    Some(Challenge::possession(&script.repository, "root", keyid.as_str(), &last_day, &nonce.as_bytes()[..16]))
}

impl Kind for DrillToken {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::drill_token(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyOnToken(self.token.clone()), Fact::ClockConfirmed]
    }

    fn gives(&self, script: &Script) -> Vec<Fact> {
        let mut gives = vec![Fact::KeyCounts(self.token.clone())];
        gives.extend(script.restored_to(&self.token).cloned().map(Fact::BackupRestores));
        gives
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        let token = ceremony.token(&alias);
        if token.counts {
            return None;
        }
        let owed = token_in(ceremony, &alias, words::out_and_in(&alias)).or_else(|| user_sits(ceremony, &alias));
        if owed.is_some() {
            return owed;
        }
        let key = token.key?;
        let (keyid, public) = (key.id(), key.public().fingerprint());
        let challenge = Digest::of(statement(ceremony, &alias, &keyid)?.bytes());
        Some(Pending::Do(Operation::Drill { alias, keyid, public, challenge }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(_) => word_typed(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::Signed { seen, signature } = outcome.as_ref() else {
                    return Err(unfit("A proof of possession was to be signed."));
                };
                let key = ceremony.token(&alias).key.ok_or_else(|| unfit("The token holds no key."))?;
                let statement =
                    statement(ceremony, &alias, &key.id()).ok_or_else(|| unfit("The clock is not confirmed."))?;
                let expected = super::open_token::is_expected(ceremony, &alias, seen)?;
                if !key.public().verify(statement.bytes(), signature) {
                    return Err(Refusal::new(
                        Rule::KeyPossession,
                        format!("The signature of {alias} over its proof of possession does not verify."),
                        "Do not use this token. Put its spare in its place, or leave.",
                    ));
                }
                Ok(vec![Event::KeyDrilled {
                    alias,
                    statement: String::from_utf8_lossy(statement.bytes()).into_owned(),
                    signature: to_hex(signature.as_bytes()),
                    passed: vec![
                        Passed::new(Rule::PinWorksAgain, "taken out, put in, PIN typed again"),
                        expected,
                        Passed::new(
                            Rule::KeyPossession,
                            format!("{} signed a statement that no client parses", key.id().short()),
                        ),
                    ],
                }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
