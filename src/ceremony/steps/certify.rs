//! A token signs the root certificates of its own key: one for all repositories, or one for each.

use std::sync::Arc;

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        repositories::certify,
        script::{CommonName, Script},
        unfit, words,
    },
    digest::{Digest, to_hex},
    rules::{Passed, Refusal, Rule},
};

/// `certify`.
#[derive(Clone, Debug)]
pub struct Certify {
    /// Which token of the script.
    pub token: Alias,
}

impl Kind for Certify {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::certify(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::KeyCounts(self.token.clone()), Fact::ClockConfirmed];
        // A certificate is the first thing that somebody else could use of the key.
        needs.extend(script.put_on(&self.token).map(|name| script.counts_by(name)));
        let certificate = script.repositories.as_ref().and_then(|spec| spec.certificate.as_ref());
        if certificate.is_some_and(|certificate| certificate.common_name == CommonName::EachRepository) {
            needs.push(Fact::RepositoriesRead);
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Certified(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        let owed = certify::owed(ceremony, &alias);
        if owed.is_empty() {
            return None;
        }
        if !went(ceremony, words::repositories::CERTIFIES) {
            let scene = Scene::List {
                title: words::repositories::certify_title(ceremony, &alias, owed.len()),
                lines: Arc::new(owed),
                ask: words::repositories::CERTIFY_ASK.into(),
            };
            let input = Input::Word(vec![Choice::new("CERTIFY", words::repositories::DOES_CERTIFY)]);
            return Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })));
        }
        let wanted = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        if wanted.is_some() {
            return wanted;
        }
        let public = ceremony.token(&alias).key?.public().fingerprint();
        let count = u32::try_from(owed.len()).unwrap_or(u32::MAX);
        Some(Pending::Do(Operation::Certify { alias, public, count }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(_) if !went(ceremony, words::repositories::CERTIFIES) => {
                ceremony.backups_restore()?;
                Ok(vec![Event::Went { word: "CERTIFY".into(), on: words::repositories::CERTIFIES.into() }])
            }
            Answer::Word(_) => word_typed(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::SignedSome { seen, signatures } = outcome.as_ref() else {
                    return Err(unfit("Certificates were to be signed."));
                };
                let expected = super::open_token::is_expected(ceremony, &alias, seen)?;
                let owed = certify::owed(ceremony, &alias);
                if signatures.is_empty() || signatures.len() > owed.len() {
                    return Err(unfit("Other certificates were to be signed."));
                }
                let mut events = vec![];
                for (name, signature) in owed.iter().zip(signatures) {
                    let template = certify::template(ceremony, &alias, name)?;
                    if signature.payload() != Digest::of(&template.to_be_signed()) {
                        return Err(unfit("Another certificate was to be signed."));
                    }
                    template.signed(signature.signature())?;
                    let signature = to_hex(signature.signature().as_bytes());
                    events.push(Event::CertificateSigned {
                        alias: alias.clone(),
                        common_name: name.clone(),
                        signature,
                    });
                }
                if signatures.len() == owed.len() {
                    let count = u32::try_from(certify::common_names(ceremony).len()).unwrap_or(u32::MAX);
                    let verified =
                        Passed::new(Rule::SignatureVerifies, "every certificate, by its own key, in software");
                    let mut passed = vec![expected, verified];
                    passed.extend(ceremony.backups_restore()?);
                    events.push(Event::CertificatesSigned { alias, count, passed });
                }
                Ok(events)
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
