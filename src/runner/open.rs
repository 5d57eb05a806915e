//! Beginning a record, and finding one again.

use std::sync::Arc;

use super::{
    Clock, Medium, Runner, failed_medium,
    media::{Media, script_of, transcript_of},
    previous,
};
use crate::{
    ceremony::{
        Ceremony,
        check::{Severity, check},
        event::{Event, Mode, PreviousCeremony, Program},
        history::History,
        replay,
        script::{Script, read},
    },
    digest::Digest,
    fault::Error,
    rules::{Refusal, Rule},
    transcript::{self, Chain, Torn},
};

/// Everything that entry 0 says.
pub struct Beginning {
    /// The script's text.
    pub script: Vec<u8>,
    /// Rehearsal or production.
    pub mode: Mode,
    /// Which program runs.
    pub program: Program,
    /// Where the record goes: two media, labelled as the script labels them.
    pub media: Vec<Medium>,
    /// What the ceremony before this one left.
    pub previous: Option<PreviousCeremony>,
    /// What stands in for the real keys and the real root, in a rehearsal.
    pub stand_ins: Vec<Event>,
}

/// A record that was found, with its chain checked.
pub struct Found {
    script: Arc<Script>,
    chain: Chain,
    bytes: Vec<u8>,
    media: Vec<(Medium, u64)>,
}

impl Runner {
    /// Makes the record and writes entry 0.
    ///
    /// # Errors
    /// A script that cannot be read (as a refusal by `SCRIPT-HOLDS`), `OUTPUT-FRESH` where the record exists, or a fault.
    pub fn begin(beginning: Beginning, clock: Clock) -> Result<Self, Error> {
        let script = parse(&beginning.script)?;
        if beginning.mode == Mode::Production && !beginning.stand_ins.is_empty() {
            return Err(Refusal::new(
                Rule::RehearsalMarked,
                "In production nothing stands in for anything.",
                "Use `officiant rehearse` for throw-away keys.",
            )
            .into());
        }
        holds(&script)?;
        let previous = previous::agreed(beginning.previous, script.last_ceremony.as_ref())?;
        let many = script.kind.is_about_repositories();
        let (previous, list) = previous.map(|previous| previous.for_entry(many)).unzip();
        let began = Event::Began {
            script: script.digest,
            title: script.title.clone(),
            program: beginning.program,
            mode: beginning.mode,
            media: beginning.media.iter().map(|medium| medium.label.clone()).collect(),
            previous,
        };
        let mut clock = clock;
        let now = clock();
        // Whatever cannot be written is refused before anything is.
        transcript::write(None, now, &began)?;
        let media = Media::create(&beginning.media, &beginning.script)?;
        let mut runner = Self {
            ceremony: Ceremony::begin(Arc::clone(&script)),
            history: History::default(),
            media,
            clock,
            goes_on: false,
        };
        let failed = match list.flatten() {
            Some(list) => runner.media.attach(&[(format!("inputs/{}", Digest::of(&list)), list.into())])?,
            None => vec![],
        };
        let events = std::iter::once(began).chain(beginning.stand_ins).chain(failed.into_iter().map(failed_medium));
        runner.append(&events.collect::<Vec<_>>(), now)?;
        Ok(runner)
    }

    /// Looks for a record on its media: the longest whole transcript counts, and every other must be a beginning of it.
    ///
    /// # Errors
    /// `TRANSCRIPT-CHAIN` where a copy is damaged or two differ, `SCRIPT-DIGEST` where the script was changed, or a fault.
    pub fn find(media: &[Medium]) -> Result<Found, Error> {
        let mut best: Option<(Chain, Vec<u8>)> = None;
        let mut copies = vec![];
        for medium in media {
            let bytes = transcript_of(&medium.folder)?;
            let chain = transcript::read(&bytes)?;
            copies.push((medium.clone(), chain.length, bytes.clone()));
            if best.as_ref().is_none_or(|(longest, _)| chain.length > longest.length) {
                best = Some((chain, bytes));
            }
        }
        let Some((mut chain, bytes)) = best else {
            return Err(
                Refusal::new(Rule::RecordOnTwoMedia, "No medium was named.", "Name the folder of the record.").into()
            );
        };
        let whole = &bytes[..usize::try_from(chain.length).unwrap_or(bytes.len())];
        for (medium, length, copy) in &copies {
            let length = usize::try_from(*length).unwrap_or(copy.len());
            if !whole.starts_with(&copy[..length]) {
                return Err(Refusal::new(
                    Rule::TranscriptChain,
                    format!(
                        "The record on “{}” and the longest one tell different stories.",
                        crate::text::shown(&medium.label)
                    ),
                    "Keep both as evidence, and go on with neither.",
                )
                .into());
            }
            // A torn line on any medium is shown, whichever copy is the longest.
            if chain.torn.is_none() && copy.len() > length {
                chain.torn = transcript::read(copy)?.torn;
            }
        }
        let Some((_, Event::Began { script: digest, .. })) = chain.entries.first() else {
            return Err(Refusal::new(
                Rule::TranscriptChain,
                "The transcript has no whole entry.",
                "Nothing happened in this ceremony yet: begin it again in another folder.",
            )
            .into());
        };
        let text = script_of(&media[0].folder)?;
        if Digest::of(&text) != *digest {
            return Err(Refusal::new(
                Rule::ScriptDigest,
                format!(
                    "script.toml has SHA-256 {}…, entry 0 says {}….",
                    &Digest::of(&text).to_string()[..16],
                    &digest.to_string()[..16]
                ),
                "The script of a record never changes. Use the other medium.",
            )
            .into());
        }
        let script = parse(&text)?;
        began_whole(&script, &chain)?;
        let media = copies.into_iter().map(|(medium, length, _)| (medium, length)).collect();
        Ok(Found { script, bytes: whole.to_vec(), chain, media })
    }
}

impl Found {
    /// The torn line at the end, if there is one; it is cut off only on the operator's word.
    pub fn torn(&self) -> Option<Torn> {
        self.chain.torn
    }

    /// The script of the record.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// Every whole entry.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The ceremony as it stood.
    pub fn ceremony(&self) -> Ceremony {
        let mut ceremony = Ceremony::begin(Arc::clone(&self.script));
        for (stamp, event) in &self.chain.entries {
            ceremony.apply(*stamp, event);
        }
        ceremony
    }

    /// Opens a ceremony that is over, so that its record can be finished: every medium is brought up to date, and nothing is
    /// added to the transcript.
    ///
    /// # Errors
    /// Where the media cannot be written.
    pub fn reopen(self, clock: Clock) -> Result<Runner, Error> {
        let media = Media::resume(&self.media, &self.bytes)?;
        Ok(self.on(media, clock))
    }

    /// The ceremony, folded, on media that are up to date.
    fn on(self, media: Media, clock: Clock) -> Runner {
        let (mut ceremony, mut history) = (Ceremony::begin(self.script), History::default());
        for (stamp, event) in self.chain.entries {
            history.fold(&mut ceremony, stamp, event);
        }
        Runner { ceremony, history, media, clock, goes_on: false }
    }

    /// Goes on: cuts the torn line off, writes the rest of what was decided together with the last whole one, brings every medium up to date, and writes who goes on with what.
    ///
    /// # Errors
    /// Where the media cannot be written.
    pub fn resume(self, program: Program, clock: Clock) -> Result<Runner, Error> {
        let torn = self.chain.torn;
        let labels = self.media.iter().map(|(medium, _)| medium.label.clone()).collect();
        let media = Media::resume(&self.media, &self.bytes)?;
        let material = |name: &str| {
            let (folder, digest) = name.split_once('/')?;
            media.named_by_digest(folder, Digest::from_hex(digest)?)
        };
        let rest = replay::rest_of_the_last(&self.script, &self.chain.entries, &material);
        let mut runner = self.on(media, clock);
        if let Some(last) = runner.history.last() {
            runner.append(&rest, last.at)?;
        }
        let mut events = vec![];
        if let Some(torn) = torn {
            events.push(Event::TornTailCut { sha256: torn.sha256, length: torn.length });
        }
        events.push(Event::Resumed { program, media: labels });
        let now = runner.now();
        runner.append(&events, now)?;
        Ok(runner)
    }
}

/// A script whose steps cannot all happen, or that breaks a rule which it does not declare, is not begun.
fn holds(script: &Script) -> Result<(), Refusal> {
    let checked = check(script);
    let error = checked.findings.into_iter().find(|finding| finding.severity == Severity::Error);
    match error {
        Some(finding) => Err(Refusal::new(finding.rule.unwrap_or(Rule::ScriptHolds), finding.what, finding.remedy)),
        None => Ok(()),
    }
}

/// A rehearsal says with its first entries what stands in for what; without all of them nothing can go on.
fn began_whole(script: &Script, chain: &Chain) -> Result<(), Refusal> {
    let any = |is_it: &dyn Fn(&Event) -> bool| chain.entries.iter().any(|(_, event)| is_it(event));
    let rehearsal = any(&|event| matches!(event, Event::Began { mode: Mode::Rehearsal, .. }));
    let twins =
        script.keys.iter().all(|key| any(&|event| matches!(event, Event::StandIn { real, .. } if *real == key.keyid)));
    let root = script.previous.is_none() || any(&|event| matches!(event, Event::TwinRoot { .. }));
    let sets = script
        .kept
        .iter()
        .all(|kept| any(&|event| matches!(event, Event::TwinSet { real, .. } if *real == kept.sha256)));
    let collection = script.repositories.is_none() || any(&|event| matches!(event, Event::TwinCollection { .. }));
    if !rehearsal || (twins && root && sets && collection) {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::TranscriptChain,
        "This rehearsal was stopped while it made its throw-away keys.",
        "Nothing happened in it yet: begin it again in another folder.",
    ))
}

fn parse(text: &[u8]) -> Result<Arc<Script>, Error> {
    read::script(text).map(Arc::new).map_err(|error| {
        Refusal::new(
            Rule::ScriptHolds,
            format!("The script, {error}."),
            "Mend the script, check it, and have it reviewed again.",
        )
        .into()
    })
}
