//! Goes through a record again, years later, without people and without tokens (`officiant verify RECORD`). Pure: files come in
//! as digests.
//!
//! The chain is read, then every entry is decided again on the state before it ([`crate::ceremony::replay`]); at last the files
//! of the record are compared with what the transcript and the manifest say of them.

mod attested;
mod files;

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

pub use self::files::{FileFact, Files, MANIFEST, REHEARSAL};
use crate::{
    ceremony::{
        Ceremony, Pending,
        event::{Event, Mode, Program, Stamp},
        replay::{self, Materials},
        script::read,
        state::Closing,
        words::erase,
    },
    device::attestation::Roots,
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
    transcript,
    utc::Utc,
};

/// What was found out about a record.
#[derive(Clone, Debug, Serialize)]
pub struct Audit {
    /// What the record is; `None` where not even its first entry holds.
    pub about: Option<About>,
    /// Every rule that was asked again and held.
    pub held: Vec<Held>,
    /// Keys that are still on tokens which the ceremony was to leave empty, a line each (`DRILL-LEAVES-NOTHING`).
    pub left: Vec<String>,
    /// What people should know although no rule says no.
    pub notes: Vec<String>,
    /// Every rule that says no.
    pub refused: Vec<Found>,
}

/// What a record is.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// The script's title.
    pub title: String,
    /// The repository.
    pub repository: String,
    /// Rehearsal or production.
    pub mode: Mode,
    /// Which program began it.
    pub program: Program,
    /// When it began.
    pub began: Utc,
    /// When its last entry was written.
    pub last: Utc,
    /// How many entries there are.
    pub entries: u64,
    /// The head of the transcript.
    pub head: Digest,
    /// `closed`, `abandoned` or `open`.
    pub state: &'static str,
}

/// A rule that held.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Which.
    pub rule: Rule,
    /// How many times it was asked.
    pub times: u64,
    /// What was seen the last time.
    pub seen: String,
}

/// A rule that says no.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The number of the entry, where it is about one.
    pub entry: Option<u64>,
    /// Why.
    #[serde(flatten)]
    pub refusal: Refusal,
}

impl Audit {
    /// Whether every rule held.
    pub fn holds(&self) -> bool {
        self.refused.is_empty()
    }
}

/// Goes through a record again: its script, its transcript, its manifest where it has one, and the digests of all its files.
/// `roots` are those under which keys of YubiKeys are attested; `production` demands that it is no rehearsal.
pub fn audit(
    script: &[u8],
    transcript: &[u8],
    manifest: Option<&[u8]>,
    files: &Files,
    materials: Materials<'_>,
    roots: &Roots,
    production: bool,
) -> Audit {
    let mut replay = Replay::new(materials, roots);
    if let Err(found) = replay.run(script, transcript, production) {
        replay.refused.push(found);
    }
    let mode = replay.mode();
    let closed = replay.ceremony.as_ref().is_some_and(|ceremony| ceremony.closing().is_some());
    if let Some(ceremony) = &replay.ceremony {
        let outcome = files::as_the_transcript_says(ceremony, files, materials);
        replay.outcome(outcome);
    }
    match manifest {
        Some(manifest) => {
            let outcome = files::manifest(manifest, files, mode != Some(Mode::Production));
            replay.outcome(outcome);
        }
        None if closed => replay.refused.push(Found { entry: None, refusal: files::no_manifest() }),
        None => replay.notes.push("There is no manifest yet: the ceremony has not come to its end.".into()),
    }
    replay.finish()
}

struct Replay<'a> {
    materials: Materials<'a>,
    roots: &'a Roots,
    ceremony: Option<Ceremony>,
    about: Option<About>,
    held: BTreeMap<Rule, (u64, String)>,
    notes: Vec<String>,
    refused: Vec<Found>,
}

impl<'a> Replay<'a> {
    fn new(materials: Materials<'a>, roots: &'a Roots) -> Self {
        let (held, notes, refused) = (BTreeMap::new(), vec![], vec![]);
        Self { materials, roots, ceremony: None, about: None, held, notes, refused }
    }

    fn run(&mut self, script: &[u8], transcript: &[u8], production: bool) -> Result<(), Found> {
        let chain = transcript::read(transcript).map_err(whole)?;
        if let Some(torn) = chain.torn {
            self.refused.push(whole(Refusal::new(
                Rule::TranscriptChain,
                format!("{torn}."),
                "Resume the ceremony: it shows the torn line and cuts it off on the operator's word.",
            )));
        }
        let Some((first, Event::Began { script: digest, title, program, mode, previous, .. })) = chain.entries.first()
        else {
            let what = "The transcript has no whole first entry.";
            return Err(whole(Refusal::new(Rule::TranscriptChain, what, "This is not the record of a ceremony.")));
        };
        let last = chain.last().map_or(*first, |last| last);
        let entries = chain.entries.len();
        self.hold(Rule::TranscriptChain, format!("{entries} entries, head {}", last.head));
        self.hold(Rule::ClockForward, format!("from {} to {}", first.at, last.at));
        if Digest::of(script) != *digest {
            let what = format!("The script has SHA-256 {}, entry 0 says {digest}.", Digest::of(script));
            let remedy = "The script of a record never changes. Use the other medium, and keep this one as evidence.";
            return Err(at(0, Refusal::new(Rule::ScriptDigest, what, remedy)));
        }
        self.hold(Rule::ScriptDigest, format!("{digest}, as entry 0 says"));
        let script = read::script(script).map_err(|error| {
            let what = format!("The script of the record, {error}.");
            at(0, Refusal::new(Rule::ScriptHolds, what, "Use the version of the program that wrote this record."))
        })?;
        self.about = Some(About {
            title: title.clone(),
            repository: script.repository.clone(),
            mode: *mode,
            program: program.clone(),
            began: first.at,
            last: last.at,
            entries: entries as u64,
            head: last.head,
            state: "open",
        });
        self.marked(*mode, program, production);
        if let Some(previous) = previous {
            self.notes.push(format!(
                "It follows the ceremony whose transcript ended with head {}; verify that record too.",
                previous.head
            ));
        }
        let ceremony = self.fold(Ceremony::begin(Arc::new(script)), &chain.entries);
        let state = match ceremony.1.closing() {
            Some(Closing::Closed) => "closed",
            Some(Closing::Abandoned) => "abandoned",
            None => "open",
        };
        if let Some(about) = &mut self.about {
            about.state = state;
        }
        if ceremony.1.closing().is_none() && ceremony.0.is_ok() {
            self.notes.push("The ceremony is not over: it can be resumed. What is here so far was looked at.".into());
        }
        self.ceremony = Some(ceremony.1);
        ceremony.0
    }

    /// `REHEARSAL-MARKED`.
    fn marked(&mut self, mode: Mode, program: &Program, production: bool) {
        self.is_shipped(program);
        match mode {
            Mode::Rehearsal if production => self.refused.push(at(
                0,
                Refusal::new(
                    Rule::RehearsalMarked,
                    "This is the record of a REHEARSAL: every key in it is throw-away.",
                    "Nothing of it may be published. Name the record of the real ceremony.",
                ),
            )),
            Mode::Rehearsal => {
                self.hold(Rule::RehearsalMarked, "entry 0 says rehearsal".into());
                self.notes.push(
                    "REHEARSAL: every key in this record is throw-away, and nothing of it may be published.".into(),
                );
            }
            Mode::Production => {
                self.hold(Rule::RehearsalMarked, "entry 0 says production, and nothing stands in for anything".into());
            }
        }
    }

    fn is_shipped(&mut self, program: &Program) {
        if program.trust != "shipped" {
            let trust = shown(&program.trust);
            self.notes.push(format!("It was written by a program with other trust than the shipped one: {trust}."));
        }
    }

    /// Decides every entry again. The ceremony comes back as far as it got.
    fn fold(&mut self, mut ceremony: Ceremony, entries: &[(Stamp, Event)]) -> (Result<(), Found>, Ceremony) {
        let mut next = 0;
        while let Some((stamp, event)) = entries.get(next) {
            let together = match self.group(&ceremony, &entries[next..]) {
                Ok(together) => together,
                Err(refusal) => {
                    let what = format!("{}: {}", name_of(event), refusal.what);
                    return (Err(at(stamp.seq, Refusal { what, ..refusal })), ceremony);
                }
            };
            for (stamp, event) in &entries[next..next + together] {
                ceremony.apply(*stamp, event);
            }
            next += together;
        }
        (Ok(()), ceremony)
    }

    /// How many entries from here on were written together, once they were decided again.
    fn group(&mut self, ceremony: &Ceremony, entries: &[(Stamp, Event)]) -> Result<usize, Refusal> {
        let (stamp, event) = &entries[0];
        match event {
            Event::Began { .. } => return Ok(1),
            Event::StandIn { .. } | Event::TwinRoot { .. } | Event::TwinSet { .. } | Event::TwinCollection { .. } => {
                if ceremony.mode() == Mode::Production {
                    return Err(Refusal::new(
                        Rule::RehearsalMarked,
                        "Something stands in for a real key, and entry 0 says production.",
                        "Keep this record as evidence.",
                    ));
                }
                return Ok(1);
            }
            Event::Intended { operation } => {
                return match ceremony.pending() {
                    Pending::Do(pending) if pending == *operation => Ok(1),
                    _ => Err(replay::impossible("this operation was not the next one.")),
                };
            }
            // The runner's own: a refusal changed nothing, and a medium or a machine may fail at any moment.
            Event::Refused { .. } | Event::TornTailCut { .. } => return Ok(1),
            Event::MediumFailed { medium, .. } => {
                self.notes.push(format!("The medium “{}” failed at entry {}.", shown(medium), stamp.seq));
                return Ok(1);
            }
            Event::Resumed { program, .. } => {
                self.notes.push(format!("It was resumed at {}, by {}.", stamp.at, shown(&program.name)));
                self.is_shipped(program);
                return Ok(1);
            }
            _ => {}
        }
        let decided = replay::decide_again(ceremony, event, stamp.at, self.materials)?;
        for (index, expected) in decided.iter().enumerate() {
            match entries.get(index) {
                Some((other, recorded)) if other.at == stamp.at && replay::same(expected, recorded) => {}
                // Power went while the group was being written: its first lines were whole, and a resume writes the rest.
                None if index > 0 => return Ok(index),
                Some((_, recorded)) => return Err(differs(expected, recorded)),
                None => return Err(replay::impossible("the transcript ends before it.")),
            }
        }
        for (event, recorded) in decided.iter().zip(entries) {
            // The certificates themselves, as they lie in the record.
            match attested::again(ceremony, &recorded.1, self.roots)? {
                Some(attested::Vouched::Attested(passed)) => self.hold(passed.rule, passed.seen),
                Some(attested::Vouched::Never(note)) => self.notes.push(note),
                None => {}
            }
            self.note(event);
        }
        Ok(decided.len())
    }

    /// The rules that an event says were asked, and those that it is itself the proof of.
    fn note(&mut self, event: &Event) {
        // What is attested was held from its certificates, not from what the entry says of them.
        for passed in event.passed().iter().filter(|passed| passed.rule != Rule::KeyAttested) {
            self.hold(passed.rule, passed.seen.clone());
        }
        self.notes.extend(crate::ceremony::words::recipients::otherwise(event));
        match event {
            Event::Confirmed { person, .. } => self.hold(
                Rule::PersonalWord,
                format!("by {person}, who had set a word; the word itself is kept nowhere and was not asked again"),
            ),
            Event::ReadBack { .. } => self.hold(Rule::ScriptDigest, "its words were read back from paper".into()),
            Event::PayloadReadBack { payload, .. } => {
                self.hold(Rule::PayloadReadback, format!("payload {}…", &payload.to_string()[..16]));
            }
            Event::ActClosed { head, .. } | Event::FinalHead { head, .. } | Event::HeadFitsPaper { head, .. } => {
                self.hold(Rule::HeadOnPaper, format!("head {}…", &head.to_string()[..16]));
            }
            Event::HeadSigned { alias, head, .. } => {
                self.hold(Rule::HeadSigned, format!("by {alias}, over head {}…", &head.to_string()[..16]));
            }
            Event::ExceptionNoted { number, .. } => {
                self.notes.push(format!("Exception {number} was noted; read it in the report."));
            }
            Event::Voided { payload, .. } => {
                self.notes
                    .push(format!("Payload {}… was voided; its signatures are spent.", &payload.to_string()[..16]));
            }
            Event::ManagementKeyLost { alias, serial, again } => {
                self.notes.push(crate::ceremony::words::management::decided(alias, serial, *again));
            }
            Event::Substituted { alias, spare, .. } => self.notes.push(format!("{spare} took the place of {alias}.")),
            Event::TokenGone { alias, gone, account } => {
                self.notes.push(format!("{alias} is {}, as people say: {}", erase::became(*gone), shown(account)));
            }
            Event::Abandoned { .. } => self.notes.push("The ceremony was abandoned.".into()),
            _ => {}
        }
        if let Event::ExceptionNoted { by, .. }
        | Event::Voided { by, .. }
        | Event::Substituted { by, .. }
        | Event::Abandoning { by, .. }
        | Event::Abandoned { by, .. } = event
        {
            self.hold(Rule::ExceptionByTwo, format!("by {} and {}", by[0], by[1]));
        }
    }

    fn hold(&mut self, rule: Rule, seen: String) {
        let held = self.held.entry(rule).or_default();
        held.0 += 1;
        held.1 = seen;
    }

    fn outcome(&mut self, outcome: Result<Vec<Passed>, Vec<Refusal>>) {
        match outcome {
            Ok(passed) => passed.into_iter().for_each(|passed| self.hold(passed.rule, passed.seen)),
            Err(refusals) => self.refused.extend(refusals.into_iter().map(whole)),
        }
    }

    fn mode(&self) -> Option<Mode> {
        self.about.as_ref().map(|about| about.mode)
    }

    fn finish(self) -> Audit {
        let left = self.ceremony.as_ref().map_or_else(Vec::new, |ceremony| {
            ceremony.keys_left().iter().map(|left| erase::left(ceremony, left)).collect()
        });
        let held = self.held.into_iter().map(|(rule, (times, seen))| Held { rule, times, seen }).collect();
        Audit { about: self.about, held, left, notes: self.notes, refused: self.refused }
    }
}

fn whole(refusal: Refusal) -> Found {
    Found { entry: None, refusal }
}

fn at(entry: u64, refusal: Refusal) -> Found {
    Found { entry: Some(entry), refusal }
}

/// The rule that stands for the difference between what is recorded and what follows.
fn differs(expected: &Event, recorded: &Event) -> Refusal {
    let rule = match expected {
        Event::Drafted { .. } => Rule::DraftIsTheChange,
        Event::ThresholdMet { .. } => Rule::RootTallyNew,
        _ => Rule::RecordReplays,
    };
    let what = if name_of(expected) == name_of(recorded) {
        "it says something else than what follows from the entries before it.".to_owned()
    } else {
        format!("“{}” follows here.", name_of(expected))
    };
    Refusal { rule, ..replay::impossible(&what) }
}

/// The name of an event, as it stands in the transcript.
fn name_of(event: &Event) -> String {
    match serde_json::to_value(event) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(object)) => object.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
