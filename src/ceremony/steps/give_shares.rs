//! Each custodian gets a share on paper, alone at the keyboard, and types it again from that paper before the next one is made. At last every medium
//! is read again.

use super::{Fact, Kind, Prose, ask_to_type, preflight::failed, read_again, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
};

/// `give-shares`.
#[derive(Clone, Debug)]
pub struct GiveShares {
    /// Of which key.
    pub name: Alias,
}

impl GiveShares {
    /// The next share and who gets it.
    fn next(&self, ceremony: &Ceremony) -> Option<(u8, PersonId)> {
        let index = ceremony.backups.get(&self.name)?.next_share()?;
        let custodian = ceremony.script.custody()?.custodians.get(usize::from(index) - 1)?;
        Some((index, ceremony.acting(custodian)))
    }
}

impl Kind for GiveShares {
    fn prose(&self, script: &Script) -> Prose {
        words::backup::give_shares(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.custody().map(|custody| custody.custodians.clone()).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupSealed(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SharesGiven(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let Some((index, custodian)) = self.next(ceremony) else { return read_again::pending(ceremony, &self.name) };
        if !went(ceremony, &words::backup::seat(index)) {
            let ask = words::backup::custodian_sits(ceremony, &custodian, index);
            return ask_to_type(vec![custodian], Scene::Plain { ask }, "SEATED", words::SITS);
        }
        Some(Pending::Do(Operation::GiveShare { name: self.name.clone(), index, custodian }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let Some((index, custodian)) = self.next(ceremony) else {
            return read_again::decide(ceremony, &self.name, answer);
        };
        match answer {
            Answer::Word(_) => Ok(vec![Event::Went { word: "SEATED".into(), on: words::backup::seat(index) }]),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::ShareReadBack { commitment } => {
                    let backup = ceremony.backups.get(&self.name);
                    let set = backup.and_then(|backup| backup.sealed.as_ref()).map(|sealed| &sealed.set);
                    let known = set.and_then(|set| set.commitments.get(usize::from(index) - 1));
                    if known != Some(commitment) {
                        return Err(Refusal::new(
                            Rule::ShareReadBack,
                            format!("What was typed is not share {index}: it does not fit its commitment."),
                            "Compare it with the paper, row by row, and type it again.",
                        ));
                    }
                    Ok(vec![Event::ShareReadBack {
                        name: self.name.clone(),
                        index,
                        custodian,
                        commitment: *commitment,
                        passed: vec![Passed::new(
                            Rule::ShareReadBack,
                            format!("share {index} was typed again from its paper and fits its commitment"),
                        )],
                    }])
                }
                _ => Err(unfit("A share was to be read back.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
