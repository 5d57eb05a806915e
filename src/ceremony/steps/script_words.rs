//! The script on the machine is the script on paper: its digest is read back whole, blind.

use super::{Fact, Kind, Prose, happened};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        participants::PersonId,
        prompt::{Answer, Input, Prompt, Scene, WordsStand},
        script::Script,
        unfit, words,
    },
    readback::WORDS_OF_DIGEST,
    rules::{Refusal, Rule},
};

/// `script-words`: `witness` supplies the hidden words from the printed script.
#[derive(Clone, Debug)]
pub struct ScriptWords {
    /// Who holds the printed script.
    pub witness: PersonId,
}

impl Kind for ScriptWords {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::script_words(script, &self.witness)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        vec![self.witness.clone()]
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::ScriptRead]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if happened(ceremony, |event| matches!(event, Event::ReadBack { .. })) {
            return None;
        }
        let blind = ceremony.blind(ceremony.script.digest, WORDS_OF_DIGEST);
        let input = Input::HiddenWords(blind.hidden().len());
        let scene = Scene::ReadBack { subject: words::SCRIPT_SUBJECT.into(), blind, stand: WordsStand::OnPaper };
        Some(Pending::Ask(Box::new(Prompt { who: vec![ceremony.acting(&self.witness)], scene, input })))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let Answer::HiddenWords(supplied) = answer else {
            return Err(unfit("Words are waited for."));
        };
        let read_back = ceremony.read_back(ceremony.script.digest, WORDS_OF_DIGEST, supplied, Rule::ScriptDigest)?;
        Ok(vec![Event::ReadBack { subject: words::SCRIPT_SUBJECT.into(), read_back }])
    }
}
