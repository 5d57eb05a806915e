//! What crosses as QR codes: the files that a ceremony builds on come in, the files that it wrote go out. Both ways people compare
//! the words of the same digest on both screens before it counts (`PARCEL-READBACK`).

use std::sync::Arc;

use super::{Fact, Kind, Prose, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Decision, Now, Pending,
        crossing::{FrameSource, Shown, crosses_as},
        event::Event,
        metadata::{self, Leaving},
        operation::{ExportedFile, Operation, Outcome},
        participants::PersonId,
        prompt::{Answer, Choice, Input, Prompt, Scene, WordsStand},
        script::Script,
        unfit, words,
    },
    digest::Digest,
    readback::WORDS_OF_DIGEST,
    rules::{Passed, Refusal, Rule},
    transfer::{
        MANIFEST, Manifest,
        manifest::Entry,
        parcel::{self, Parcel},
    },
};

/// `import-qr`: what the imports after it read comes as QR codes.
#[derive(Clone, Debug)]
pub struct ImportQr {
    /// Where the codes come from.
    pub from: FrameSource,
    /// The folder beside the script in which the files count as lying; empty for the script's own.
    pub folder: String,
    /// Who reads the hidden words from the other screen.
    pub witness: PersonId,
}

/// `show-qr`: what was exported is shown as QR codes.
#[derive(Clone, Debug)]
pub struct ShowQr {
    /// Who reads the hidden words from the other screen.
    pub witness: PersonId,
}

/// How far a crossing is.
enum Stage {
    /// People decide whether it is done.
    Offer,
    /// It is being done.
    Cross,
    /// People look whether it is what they meant, before they compare.
    Look,
    /// The hidden words are supplied.
    Words(Digest),
    /// Nothing is owed any more.
    Over,
}

/// Each decision of people and each outcome begins another stage; a wrong word goes back to where another parcel can be read.
fn stage(ceremony: &Ceremony) -> Stage {
    let mut crossed = None;
    let mut stage = Stage::Offer;
    for event in &ceremony.here {
        stage = match event {
            Event::Went { on, .. } if on == words::crossing::CROSSES => Stage::Cross,
            Event::Went { on, .. } if on == words::crossing::LEFT_OUT => Stage::Over,
            Event::Went { on, .. } if on == words::crossing::COMPARES => crossed.map_or(Stage::Offer, Stage::Words),
            Event::ParcelRead { digest, .. } | Event::FramesShown { digest, .. } => {
                crossed = Some(*digest);
                Stage::Look
            }
            Event::ParcelCompared { .. } => Stage::Over,
            Event::Refused { .. } if matches!(stage, Stage::Words(_)) => Stage::Look,
            Event::TryAgain { .. } if matches!(stage, Stage::Cross) => Stage::Offer,
            _ => stage,
        };
    }
    stage
}

fn ask(who: Vec<PersonId>, scene: Scene, choices: Vec<Choice>) -> Option<Pending> {
    Some(Pending::Ask(Box::new(Prompt { who, scene, input: Input::Word(choices) })))
}

fn ask_for_words(ceremony: &Ceremony, witness: &PersonId, subject: &str, digest: Digest) -> Option<Pending> {
    let blind = ceremony.blind(digest, WORDS_OF_DIGEST);
    let input = Input::HiddenWords(blind.hidden().len());
    let scene = Scene::ReadBack { subject: subject.into(), blind, stand: WordsStand::OnTheOtherScreen };
    Some(Pending::Ask(Box::new(Prompt { who: vec![ceremony.acting(witness)], scene, input })))
}

/// What follows from an answer where it does not matter which way it goes.
fn decide(ceremony: &Ceremony, answer: &Answer) -> Result<Vec<Event>, Refusal> {
    match (stage(ceremony), answer) {
        (Stage::Offer | Stage::Look, Answer::Word(word)) => {
            let choice = match word.trim().to_ascii_uppercase().as_str() {
                "READ" | "SHOW" | "AGAIN" => words::crossing::CROSSES,
                "COMPARE" => words::crossing::COMPARES,
                _ => words::crossing::LEFT_OUT,
            };
            Ok(vec![Event::Went { word: word.trim().to_ascii_uppercase(), on: choice.into() }])
        }
        (Stage::Words(digest), Answer::HiddenWords(supplied)) => {
            let read_back = ceremony
                .read_back(digest, WORDS_OF_DIGEST, supplied, Rule::ParcelReadback)
                .map_err(|refusal| Refusal { remedy: words::crossing::AFTER_WRONG_WORD.into(), ..refusal })?;
            let seen = format!("{} hidden words of {digest}, from the other screen", supplied.len());
            Ok(vec![Event::ParcelCompared { digest, read_back, passed: vec![Passed::new(Rule::ParcelReadback, seen)] }])
        }
        (Stage::Cross, Answer::Failed(trouble)) => failed(trouble),
        _ => Err(unfit("That is not what this step waits for.")),
    }
}

fn listed(files: &[ExportedFile]) -> Vec<String> {
    files.iter().map(|file| words::crossing::file(&file.name, file.length)).collect()
}

/// The files that crossed last in this step.
fn crossed(ceremony: &Ceremony) -> &[ExportedFile] {
    let last = ceremony.here.iter().rev().find_map(|event| match event {
        Event::ParcelRead { files, .. } | Event::FramesShown { files, .. } => Some(files.as_slice()),
        _ => None,
    });
    last.unwrap_or_default()
}

impl Kind for ImportQr {
    fn prose(&self, script: &Script) -> Prose {
        words::crossing::import(script, &self.from, &self.folder, &self.witness)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script).into_iter().chain([self.witness.clone()]).collect()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let leaders = ceremony.leaders();
        match stage(ceremony) {
            Stage::Offer => {
                let scene = Scene::Plain { ask: words::crossing::import_ask(&self.from) };
                ask(leaders, scene, words::crossing::import_choices())
            }
            Stage::Cross => {
                Some(Pending::Do(Operation::ReadFrames { from: self.from.clone(), folder: self.folder.clone() }))
            }
            Stage::Look => {
                let scene = words::crossing::came_in(listed(crossed(ceremony)));
                ask(leaders, scene, words::crossing::came_in_choices())
            }
            Stage::Words(digest) => ask_for_words(ceremony, &self.witness, words::crossing::CAME_IN, digest),
            Stage::Over => None,
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        self.decide_whole(ceremony, answer, now).map(|decision| decision.events)
    }

    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Decision, Refusal> {
        let (Stage::Cross, Answer::Done(outcome)) = (stage(ceremony), answer) else {
            return decide(ceremony, answer).map(Decision::of);
        };
        let Outcome::Parcel(bytes) = outcome.as_ref() else { return Err(unfit("Codes were to be read.")) };
        let received = Parcel::from_bytes(bytes)?;
        let (parcel, digest) = (Digest::of(bytes), received.digest());
        let described = |file: &parcel::File| ExportedFile {
            name: file.name.clone(),
            sha256: file.digest(),
            length: file.bytes.len() as u64,
        };
        let files: Vec<_> = received.files().map(described).collect();
        let passed = vec![Passed::new(Rule::ParcelIntact, format!("{} files, each with its SHA-256", files.len()))];
        let (from, folder) = (self.from.clone(), self.folder.clone());
        let event = Event::ParcelRead { from, folder, parcel, digest, files, passed };
        Ok(Decision::of(vec![event]).with(format!("inputs/{parcel}"), Arc::clone(bytes)))
    }
}

impl Kind for ShowQr {
    fn prose(&self, script: &Script) -> Prose {
        words::crossing::show(script, &self.witness)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script).into_iter().chain([self.witness.clone()]).collect()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Exported]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let leaders = ceremony.leaders();
        match stage(ceremony) {
            Stage::Offer => {
                let scene = Scene::Plain { ask: words::crossing::SHOW_ASK.into() };
                ask(leaders, scene, words::crossing::show_choices())
            }
            Stage::Cross => Some(Pending::Do(Operation::ShowFrames { what: leaving(ceremony)? })),
            Stage::Look => {
                let scene = words::crossing::was_shown(listed(crossed(ceremony)));
                ask(leaders, scene, words::crossing::was_shown_choices())
            }
            Stage::Words(digest) => ask_for_words(ceremony, &self.witness, words::crossing::WENT_OUT, digest),
            Stage::Over => None,
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let (Stage::Cross, Answer::Done(outcome)) = (stage(ceremony), answer) else {
            return decide(ceremony, answer);
        };
        let Outcome::Shown { files } = outcome.as_ref() else { return Err(unfit("Codes were to be shown.")) };
        if !leaving(ceremony).is_some_and(|what| are_what_leaves(files, &what)) {
            return Err(Refusal::new(
                Rule::BytesMatchHash,
                "What was shown as QR codes is not what was exported.",
                "Do not publish what the other side received. Look at the record's media.",
            ));
        }
        let digest =
            Digest::of(parcel::manifest(files.iter().map(|file| (file.sha256, file.name.as_str()))).as_bytes());
        Ok(vec![Event::FramesShown { digest, files: files.clone() }])
    }
}

/// What was exported.
fn leaving(ceremony: &Ceremony) -> Option<Shown> {
    if ceremony.script.repositories.is_some() {
        return ceremony.repositories.batch.published.map(|manifest| Shown::Bundles { manifest });
    }
    Some(Shown::Files(metadata::leaving(ceremony).ok()?.iter().map(Leaving::described).collect()))
}

fn are_what_leaves(files: &[ExportedFile], what: &Shown) -> bool {
    match what {
        Shown::Files(wanted) => {
            let sorted = |files: &mut dyn Iterator<Item = (Digest, u64, String)>| {
                let mut files: Vec<_> = files.collect();
                files.sort_unstable();
                files
            };
            sorted(&mut files.iter().map(|file| (file.sha256, file.length, file.name.clone())))
                == sorted(&mut wanted.iter().map(|file| (file.sha256, file.length, crosses_as(&file.name).to_owned())))
        }
        Shown::Bundles { manifest } => {
            let (list, bundles): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.name == MANIFEST);
            let entries = bundles.iter().map(|file| Entry { path: file.name.clone(), digest: file.sha256 });
            let made = Manifest::of(entries).map(|made| made.digest());
            list.len() == 1 && list[0].sha256 == *manifest && made.as_ref() == Ok(manifest)
        }
    }
}
