//! `verify RECORD`: a good record holds, and each way to change one is named by its rule and its entry.

mod cli_support;

use std::{fs, path::Path, sync::OnceLock};

use cli_support::{copy, officiant, rehearsed};
use officiant::digest::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

/// One rehearsal for all tests of this file.
fn good() -> &'static Path {
    static GOOD: OnceLock<TempDir> = OnceLock::new();
    static RECORD: OnceLock<std::path::PathBuf> = OnceLock::new();
    RECORD.get_or_init(|| rehearsed(GOOD.get_or_init(|| tempfile::tempdir().unwrap()).path()))
}

/// A copy of the good record, to be changed.
struct Copy(TempDir);

impl Copy {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        copy(good(), &place.path().join("record"));
        Self(place)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join("record").join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Brings the manifest up to date, as a forger would.
    fn mend_manifest(&self, name: &str) {
        let text = String::from_utf8(self.bytes("MANIFEST")).unwrap();
        let lines = text.lines().map(|line| match line.split_once("  ") {
            Some((_, listed)) if listed == name => format!("{}  {name}\n", Digest::of(&self.bytes(name))),
            _ => format!("{line}\n"),
        });
        self.write("MANIFEST", lines.collect::<String>());
    }

    /// Changes entries and makes the chain anew, as a forger would who has no token.
    fn forge(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let text = String::from_utf8(self.bytes("transcript.jsonl")).unwrap();
        let before: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut entries = before.clone();
        change(&mut entries);
        let mut head = Digest::from_bytes([0; 32]);
        let mut bytes = vec![];
        for (number, entry) in entries.iter_mut().enumerate() {
            entry["seq"] = json!(number);
            entry["prev"] = json!(head);
            // What was not changed stays as it was written, to the byte.
            let written = text.lines().nth(number).filter(|_| before.get(number) == Some(entry));
            let line = written.map_or_else(|| format!("{entry}\n"), |line| format!("{line}\n"));
            head = Digest::of(line.as_bytes());
            bytes.extend(line.into_bytes());
        }
        self.write("transcript.jsonl", bytes);
        self.mend_manifest("transcript.jsonl");
    }

    /// Every refusal as rule and entry.
    fn refusals(&self) -> Vec<(String, Option<u64>)> {
        let ran = officiant(self.0.path(), &["verify", "record", "--json"]);
        let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:#?}"));
        let refused = report["refused"].as_array().unwrap();
        assert_eq!(ran.code, Some(if refused.is_empty() { 0 } else { 1 }), "{ran:#?}");
        refused.iter().map(|found| (found["rule"].as_str().unwrap().to_owned(), found["entry"].as_u64())).collect()
    }
}

/// The place of the `nth` entry of this name.
fn find(entries: &[Value], name: &str, nth: usize) -> usize {
    let mut places =
        entries.iter().enumerate().filter(|(_, entry)| entry["event"].get(name).is_some() || entry["event"] == name);
    places.nth(nth).unwrap_or_else(|| panic!("no entry {name}")).0
}

/// A forged record, the rule that says no, and the entry it names.
fn is_refused(name: &str, rule: &str, change: impl FnOnce(&mut Vec<Value>) -> usize) {
    let copy = Copy::new();
    let mut place = 0;
    copy.forge(|entries| place = change(entries));
    let refusals = copy.refusals();
    assert_eq!(refusals.first(), Some(&(rule.to_owned(), Some(place as u64))), "{name}: {refusals:?}");
}

/// Changes one field of the first entry of this name.
fn field(
    name: &'static str,
    field: &'static str,
    value: impl FnOnce(&Value) -> Value,
) -> impl FnOnce(&mut Vec<Value>) -> usize {
    move |entries| {
        let place = find(entries, name, 0);
        let changed = value(&entries[place]["event"][name][field]);
        entries[place]["event"][name][field] = changed;
        place
    }
}

#[test]
fn a_good_record_holds_and_says_that_it_is_a_rehearsal() {
    let folder = good().parent().unwrap();
    let ran = officiant(folder, &["verify", "record"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.out.starts_with("REHEARSAL") && ran.out.contains("note      REHEARSAL"), "{}", ran.out);
    for rule in [
        "TRANSCRIPT-CHAIN",
        "SCRIPT-DIGEST",
        "SIGNATURE-VERIFIES",
        "ROOT-TALLY-NEW",
        "HEAD-SIGNED",
        "MANIFEST-COMPLETE",
    ] {
        assert!(ran.out.contains(&format!("held      {rule}")), "{rule}: {}", ran.out);
    }
    let second = officiant(folder, &["verify", "record-second"]);
    assert_eq!(second.code, Some(0), "the second medium holds the same: {second:#?}");
}

#[test]
fn a_rehearsal_is_refused_where_production_is_demanded() {
    let ran = officiant(good().parent().unwrap(), &["verify", "record", "--production"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.out.contains("REFUSED   REHEARSAL-MARKED: entry 0"), "{}", ran.out);
}

#[test]
fn a_changed_dropped_or_torn_line_breaks_the_chain() {
    let text = String::from_utf8(fs::read(good().join("transcript.jsonl")).unwrap()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let dropped = [&lines[..7], &lines[8..]].concat().concat();
    for (name, forged) in [
        ("changed", text.replacen("\"present\"", "\"absent\"", 1)),
        ("dropped", dropped),
        ("torn", text[..text.len() - 1].to_owned()),
        ("swapped", [&lines[..5], &[lines[6], lines[5]], &lines[7..]].concat().concat()),
    ] {
        let copy = Copy::new();
        copy.write("transcript.jsonl", forged);
        copy.mend_manifest("transcript.jsonl");
        assert_eq!(copy.refusals()[0].0, "TRANSCRIPT-CHAIN", "{name}");
    }
}

#[test]
fn a_changed_script_is_not_the_script_of_the_record() {
    let copy = Copy::new();
    let script = String::from_utf8(copy.bytes("script.toml")).unwrap();
    copy.write("script.toml", script.replace("threshold = 2", "threshold = 1"));
    copy.mend_manifest("script.toml");
    assert_eq!(copy.refusals()[0], ("SCRIPT-DIGEST".into(), Some(0)));
}

#[test]
fn a_signature_that_does_not_verify_is_found() {
    is_refused("another's signature", "SIGNATURE-VERIFIES", |entries| {
        let (first, second) = (find(entries, "signed", 0), find(entries, "signed", 1));
        entries[first]["event"]["signed"]["signature"] = entries[second]["event"]["signed"]["signature"].clone();
        first
    });
    is_refused("no signature at all", "SIGNATURE-VERIFIES", field("signed", "signature", |_| json!("00")));
    is_refused(
        "a proof of possession",
        "KEY-POSSESSION",
        field("key-drilled", "signature", |_| json!("3006020101020101")),
    );
    is_refused("the head at close", "HEAD-SIGNED", field("head-signed", "signature", |_| json!("3006020101020101")));
}

#[test]
fn a_draft_that_is_not_what_the_script_asks_for_is_found() {
    is_refused("another expiry", "DRAFT-IS-THE-CHANGE", |entries| {
        let place = find(entries, "drafted", 0);
        let signed = entries[place]["event"]["drafted"]["signed"]
            .as_str()
            .unwrap()
            .replace("\"expires\":\"20", "\"expires\":\"21");
        entries[place]["event"]["drafted"]["payload"] = json!(Digest::of(signed.as_bytes()));
        entries[place]["event"]["drafted"]["signed"] = json!(signed);
        place
    });
    is_refused(
        "another payload digest",
        "DRAFT-IS-THE-CHANGE",
        field("drafted", "payload", |_| json!(Digest::of(b"else"))),
    );
}

#[test]
fn words_that_are_not_those_of_the_digest_are_found() {
    let zulu = |read_back: &Value| {
        let mut read_back = read_back.clone();
        read_back["supplied"][0] = json!("zulu zulu");
        read_back
    };
    is_refused("of a payload", "PAYLOAD-READBACK", field("payload-read-back", "read-back", zulu));
    is_refused("of the script", "SCRIPT-DIGEST", field("read-back", "read-back", zulu));
    is_refused("of an act", "HEAD-ON-PAPER", field("act-closed", "read-back", zulu));
    is_refused("of the last head", "HEAD-ON-PAPER", field("final-head", "read-back", zulu));
    is_refused(
        "fewer hidden",
        "RECORD-REPLAYS",
        field("payload-read-back", "read-back", |read_back| {
            let mut read_back = read_back.clone();
            read_back["blind"]["hidden"] = json!([0]);
            read_back
        }),
    );
}

#[test]
fn nobody_confirms_before_their_word_was_set() {
    is_refused("a confirmation too early", "PERSONAL-WORD", |entries| {
        let place = find(entries, "word-set", 0);
        let at = entries[place]["at"].clone();
        let event = json!({ "confirmed": { "person": "sam", "statement": "I was here." } });
        entries.insert(place, json!({ "seq": 0, "prev": "", "at": at, "event": event }));
        place
    });
}

#[test]
fn what_is_missing_or_out_of_turn_is_found() {
    is_refused("an intent without its outcome", "RECORD-REPLAYS", |entries| {
        let place = find(entries, "payload-stored", 0);
        entries.remove(place);
        place
    });
    is_refused("an outcome without its intent", "RECORD-REPLAYS", |entries| {
        let place = find(entries, "key-generated", 0);
        entries.remove(place - 1);
        place - 1
    });
    is_refused("a threshold that nobody noted", "ROOT-TALLY-NEW", |entries| {
        let place = find(entries, "threshold-met", 0);
        entries.remove(place);
        place - 1
    });
    is_refused("a threshold too early", "RECORD-REPLAYS", |entries| {
        let met = find(entries, "threshold-met", 0);
        let mut met = entries.remove(met);
        let place = find(entries, "signed", 0) + 1;
        // Or the clock would be found out first, where a second passed in between.
        met["at"] = entries[place - 1]["at"].clone();
        entries.insert(place, met);
        place
    });
    is_refused("an export of something else", "RECORD-REPLAYS", field("exported", "files", |_| json!([])));
    is_refused("the end before the end", "RECORD-REPLAYS", |entries| {
        let mut closed = entries.pop().unwrap();
        let place = find(entries, "exported", 0);
        closed["at"] = entries[place]["at"].clone();
        entries.insert(place, closed);
        place
    });
}

#[test]
fn facts_that_no_rule_lets_pass_are_found() {
    is_refused(
        "a key that can leave its token",
        "KEY-NOT-EXTRACTABLE",
        field("key-generated", "attributes", |attributes| {
            let mut attributes = attributes.clone();
            attributes["extractable"] = json!(true);
            attributes
        }),
    );
    is_refused(
        "a clock that differs",
        "CLOCK-CONFIRMED",
        field("clock-read", "room", |_| json!("2001-01-01T00:00:00Z")),
    );
    is_refused("a key that its paper does not name", "KEY-ON-PAPER", |entries| {
        let place = find(entries, "key-imported", 0);
        let other = find(entries, "key-imported", 1);
        entries[place]["event"]["key-imported"]["key"] = entries[other]["event"]["key-imported"]["key"].clone();
        place
    });
    is_refused("production with a stand-in", "REHEARSAL-MARKED", |entries| {
        entries[0]["event"]["began"]["mode"] = json!("production");
        1
    });
}

#[test]
fn time_that_runs_backwards_is_found() {
    let copy = Copy::new();
    copy.forge(|entries| entries[9]["at"] = json!("2001-01-01T00:00:00Z"));
    assert_eq!(copy.refusals()[0].0, "CLOCK-FORWARD");
}

#[test]
fn files_that_were_changed_added_or_taken_away_are_found() {
    let rules = |change: &dyn Fn(&Copy)| {
        let copy = Copy::new();
        change(&copy);
        copy.refusals().into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    let changed = rules(&|copy| copy.write("metadata/1.root.json", "{}"));
    assert_eq!(changed, ["BYTES-MATCH-HASH", "MANIFEST-COMPLETE"]);
    let changed_and_listed = rules(&|copy| {
        copy.write("metadata/1.root.json", "{}");
        copy.mend_manifest("metadata/1.root.json");
    });
    assert_eq!(changed_and_listed, ["BYTES-MATCH-HASH"]);
    assert_eq!(rules(&|copy| copy.write("more", "x")), ["MANIFEST-COMPLETE"]);
    assert_eq!(rules(&|copy| fs::remove_file(copy.path("MANIFEST")).unwrap()), ["MANIFEST-COMPLETE"]);
    assert_eq!(
        rules(&|copy| fs::remove_file(copy.path("keys/one.pem")).unwrap()),
        ["BYTES-MATCH-HASH", "MANIFEST-COMPLETE"]
    );
    assert_eq!(
        rules(&|copy| fs::remove_dir_all(copy.path("payloads")).unwrap()),
        ["BYTES-MATCH-HASH", "MANIFEST-COMPLETE"]
    );
    assert_eq!(rules(&|copy| copy.write("MANIFEST", "rubbish\n")), ["MANIFEST-COMPLETE"]);
}

#[test]
fn what_is_no_record_is_refused_without_a_panic() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(officiant(place.path(), &["verify", "absent"]).code, Some(3));
    for transcript in ["", "\n", "{}\n", "{\"seq\":0}\n", "\u{0}\u{0}"] {
        let copy = Copy::new();
        copy.write("transcript.jsonl", transcript);
        let refusals = copy.refusals();
        assert_eq!(refusals[0].0, "TRANSCRIPT-CHAIN", "{transcript:?}: {refusals:?}");
    }
}
