//! What happened, for ever: entries, one a line, each naming the SHA-256 of the line before it. Pure.
//!
//! An entry is `{"seq":…,"prev":"…","at":"…","event":…}` and a newline. `prev` is the SHA-256 of the line before, with its
//! newline; entry 0 has 64 zeros there. A last line without a newline is torn: it was being written when the power went.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ceremony::event::{Event, Stamp},
    digest::Digest,
    rules::{Refusal, Rule},
    utc::Utc,
};

/// The longest line, in bytes: a root of half a megabyte, 20,000 repositories with the longest names (five megabytes), or 256 repositories
/// with two thousand tags each, of which nobody knows how they were before a theft.
pub const LINE_MAX: usize = 16 << 20;

/// The name of the transcript in a record.
pub const FILE: &str = "transcript.jsonl";

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    prev: Digest,
    at: Utc,
    event: &'a Event,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadLine {
    seq: u64,
    prev: Digest,
    at: Utc,
    event: Event,
}

/// An entry as it is written: its line, and where it will stand.
#[derive(Clone, Debug)]
pub struct Written {
    /// The line with its newline.
    pub line: Vec<u8>,
    /// Its number, instant and digest.
    pub stamp: Stamp,
}

/// The digest that entry 0 names as the line before it.
pub const fn nothing_before() -> Digest {
    Digest::from_bytes([0; 32])
}

/// Writes the entry that follows `last` (`None` for entry 0).
///
/// # Errors
/// `TRANSCRIPT-CHAIN` where the line would be longer than [`LINE_MAX`]: nobody could read it again.
pub fn write(last: Option<Stamp>, at: Utc, event: &Event) -> Result<Written, Refusal> {
    let (seq, prev) = last.map_or((0, nothing_before()), |last| (last.seq + 1, last.head));
    let mut line =
        serde_json::to_vec(&Line { seq, prev, at, event }).expect("events hold strings, numbers and lists only");
    line.push(b'\n');
    if line.len() > LINE_MAX {
        let what = format!("Entry {seq} would have {} bytes; a line has at most {LINE_MAX}.", line.len());
        let remedy = "Nothing was written. Split what is to be done into smaller ceremonies.";
        return Err(Refusal::new(Rule::TranscriptChain, what, remedy));
    }
    let head = Digest::of(&line);
    Ok(Written { line, stamp: Stamp { seq, at, head } })
}

/// A transcript that was read, with its chain checked.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Every whole entry.
    pub entries: Vec<(Stamp, Event)>,
    /// The length of the whole entries, in bytes.
    pub length: u64,
    /// What follows them without a newline.
    pub torn: Option<Torn>,
}

/// A last line that was being written when something stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Of its bytes.
    pub sha256: Digest,
    /// How many there are.
    pub length: u64,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last line is torn: {} bytes without an end, SHA-256 {}", self.length, self.sha256)
    }
}

impl Chain {
    /// The last whole entry.
    pub fn last(&self) -> Option<Stamp> {
        self.entries.last().map(|(stamp, _)| *stamp)
    }
}

/// Reads a transcript and checks its chain (`TRANSCRIPT-CHAIN`, `CLOCK-FORWARD`).
///
/// # Errors
/// The first line that is not the successor of the one before it.
pub fn read(bytes: &[u8]) -> Result<Chain, Refusal> {
    let mut chain = Chain::default();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let number = chain.entries.len();
        let broken = |what: String| {
            Refusal::new(
                Rule::TranscriptChain,
                format!("Line {} of the transcript: {what}.", number + 1),
                "This copy was changed or damaged. Use the other medium, and keep this one as evidence.",
            )
        };
        if line.len() > LINE_MAX {
            return Err(broken(format!("longer than {LINE_MAX} bytes")));
        }
        let read: ReadLine = serde_json::from_slice(line).map_err(|error| broken(format!("not an entry ({error})")))?;
        let (seq, prev) = chain.last().map_or((0, nothing_before()), |last| (last.seq + 1, last.head));
        if read.seq != seq {
            return Err(broken(format!("it says number {}, {seq} follows here", read.seq)));
        }
        if read.prev != prev {
            return Err(broken(format!(
                "it follows {}…, the line before is {}…",
                &read.prev.to_string()[..16],
                &prev.to_string()[..16]
            )));
        }
        if matches!(read.event, Event::Began { .. }) != (seq == 0) {
            return Err(broken("a transcript begins once, with its first entry".into()));
        }
        if let Some(last) = chain.last().filter(|last| read.at < last.at) {
            return Err(Refusal::new(
                Rule::ClockForward,
                format!("Line {} of the transcript is of {}, the line before of {}.", number + 1, read.at, last.at),
                "A clock ran backwards, or the record was put together from pieces.",
            ));
        }
        chain.entries.push((Stamp { seq, at: read.at, head: Digest::of(line) }, read.event));
        chain.length += line.len() as u64;
        rest = after;
    }
    if !rest.is_empty() {
        chain.torn = Some(Torn { sha256: Digest::of(rest), length: rest.len() as u64 });
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceremony::event::{Mode, Program};

    fn three() -> Vec<u8> {
        let began = Event::Began {
            script: Digest::of(b"script"),
            title: "A test".into(),
            program: Program {
                name: "officiant".into(),
                sha256: Digest::of(b"program"),
                trust: "shipped".into(),
                edition: 0,
            },
            mode: Mode::Rehearsal,
            media: vec!["A".into()],
            previous: None,
        };
        let mut last = None;
        let mut bytes = vec![];
        for (second, event) in [began, Event::TryAgain { last_try: false }, Event::Paused].into_iter().enumerate() {
            let written = write(last, Utc::from_seconds(1_800_000_000 + second as i64).unwrap(), &event).unwrap();
            last = Some(written.stamp);
            bytes.extend(written.line);
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read_and_every_cut_is_seen() {
        let bytes = three();
        let whole = read(&bytes).expect("a good chain");
        assert_eq!((whole.entries.len(), whole.torn), (3, None));
        for cut in 0..bytes.len() {
            let chain = read(&bytes[..cut]).expect("a prefix of a good chain");
            assert!(chain.entries.len() < 3);
            assert_eq!(chain.length as usize + chain.torn.map_or(0, |torn| torn.length as usize), cut);
        }
    }

    #[test]
    fn a_line_that_nobody_could_read_again_is_not_written() {
        let recorded =
            |length: usize| Event::Refused { refusal: Refusal::new(Rule::ClockForward, "x".repeat(length), "") };
        let length = |length| write(None, Utc::EPOCH, &recorded(length)).map(|written| written.line.len());
        let frame = length(0).expect("a short one");
        assert_eq!(length(LINE_MAX - frame), Ok(LINE_MAX));
        assert_eq!(length(LINE_MAX - frame + 1).map_err(|refusal| refusal.rule), Err(Rule::TranscriptChain));
    }

    #[test]
    fn twenty_thousand_repositories_with_the_longest_names_are_one_line() {
        let name = |number: u32| format!("docker.io.{}.{number:05}", "n".repeat(239));
        let guns: Vec<_> = (0..20_000).map(|number| crate::transfer::Gun::parse(&name(number)).unwrap()).collect();
        assert_eq!(guns[0].as_str().len(), crate::transfer::gun::NAME_BYTES_MAX);
        let event =
            Event::CollectionOpened { manifest: nothing_before(), before: None, guns: guns.clone(), passed: vec![] };
        let mut bytes = three();
        let last = read(&bytes).expect("a chain").last().expect("an entry");
        let line = write(Some(last), last.at, &event).expect("a line").line;
        assert!(line.len() > 5_000_000, "{}", line.len());
        bytes.extend(line);
        let chain = read(&bytes).expect("it is read again");
        let Event::CollectionOpened { guns: again, .. } = &chain.entries[3].1 else { panic!("another event") };
        assert_eq!(*again, guns);
    }

    #[test]
    fn a_changed_dropped_or_repeated_line_breaks_the_chain() {
        let bytes = three();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let rule = |bytes: Vec<u8>| read(&bytes).map(|_| ()).map_err(|refusal| refusal.rule);
        assert_eq!(rule([lines[0], lines[2]].concat()), Err(Rule::TranscriptChain));
        assert_eq!(rule([lines[0], lines[1], lines[1]].concat()), Err(Rule::TranscriptChain));
        assert_eq!(rule(lines[1..].concat()), Err(Rule::TranscriptChain));
        let changed = String::from_utf8(bytes.clone()).unwrap().replace("A test", "A toast").into_bytes();
        assert_eq!(rule(changed), Err(Rule::TranscriptChain));
        let unknown = String::from_utf8(bytes).unwrap().replacen("\"seq\":0", "\"seq\":0,\"more\":1", 1).into_bytes();
        assert_eq!(rule(unknown), Err(Rule::TranscriptChain));
    }
}
