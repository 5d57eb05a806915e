mod room;

use std::sync::Arc;

use self::room::Room;
use super::*;
use crate::{
    ceremony::{
        event::{Mode, Stamp},
        prompt::AsideKind,
        script::Script,
    },
    rules::Rule,
    tuf::Dialect,
};

type Entries = Vec<(Stamp, Event)>;

/// What a runner has once these entries are written.
fn folded(entries: &[(Stamp, Event)], script: &Arc<Script>) -> (History, Ceremony) {
    let (mut history, mut ceremony) = (History::default(), Ceremony::begin(Arc::clone(script)));
    entries.iter().for_each(|(stamp, event)| history.fold(&mut ceremony, *stamp, event.clone()));
    (history, ceremony)
}

fn report(entries: &[(Stamp, Event)], script: &Arc<Script>) -> String {
    let (history, ceremony) = folded(entries, script);
    super::report(&history, &ceremony)
}

fn card(entries: &[(Stamp, Event)], script: &Arc<Script>, list: Option<Digest>) -> String {
    let (history, ceremony) = folded(entries, script);
    super::card(&history, &ceremony, list)
}

/// A whole genesis in which nothing goes wrong.
fn good(mode: Mode) -> (Entries, Arc<Script>) {
    let script = room::genesis();
    let mut room = Room::begin(&script, mode);
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room.entries, script)
}

/// A genesis with an absent witness, an exception, a void and a token that goes away, all of it mended.
fn eventful() -> (Entries, Arc<Script>) {
    let script = room::genesis();
    let mut room = Room::begin(&script, Mode::Rehearsal);
    room.absent.push("wim");
    room.fails.push("sign the head of the transcript with ana-1");
    room.play(|ceremony| (ceremony.cursor().act, ceremony.cursor().step) == (1, 1));
    room.aside(AsideKind::Exception);
    room.play(|ceremony| ceremony.drafts().iter().any(|draft| draft.signatures.len() == 1));
    room.aside(AsideKind::Void);
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room.entries, script)
}

/// A rotation on the root of that genesis: the key of one officer is replaced.
fn rotation() -> (Entries, Arc<Script>) {
    let mut genesis = Room::begin(&room::genesis(), Mode::Production);
    genesis.play(|_| false);
    let (script, root) = room::rotation(&genesis.ceremony);
    let mut room = Room::begin(&script, Mode::Production);
    room.previous = root;
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room.entries, script)
}

/// A genesis about so many repositories, with everything that it left.
fn many(count: usize) -> (Room, Arc<Script>) {
    let script = room::many(count);
    let mut room = Room::begin(&script, Mode::Production);
    room.collection = room::blank_repositories(count);
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed));
    (room, script)
}

/// The rotation of their tagging key.
fn theft(elsewhere: bool) -> (Room, Arc<Script>) {
    let script = room::theft(elsewhere);
    let mut room = Room::begin(&script, Mode::Production);
    room.collection = many(3).0.left.into_iter().map(|(_, inputs)| inputs).collect();
    room.play(|_| false);
    assert_eq!(room.ceremony.closing(), Some(Closing::Closed), "{:?}", room.entries.last());
    (room, script)
}

/// What a person reads: the text without its markup, each piece on a line of its own.
fn text_of(html: &str) -> String {
    let body = html.split_once("<body>").expect("a document has a body").1;
    let mut text = String::new();
    for piece in body.split('<') {
        let said = piece.split_once('>').map_or(piece, |(_, said)| said).trim();
        if !said.is_empty() {
            text.push_str(said);
            text.push('\n');
        }
    }
    for (from, to) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(from, to);
    }
    text
}

/// The part of a report from one heading to the next.
fn part<'a>(html: &'a str, heading: &str) -> &'a str {
    let begin = html.find(&format!("<h2>{heading}")).unwrap_or_else(|| panic!("no heading {heading}"));
    let rest = &html[begin + 4..];
    rest.find("<h2>").map_or(rest, |end| &rest[..end])
}

#[test]
fn a_report_says_who_when_what_and_which_rules() {
    let (entries, script) = good(Mode::Production);
    let html = report(&entries, &script);
    let signed = text_of(&format!("<body>{}", part(&html, "What was signed")));
    let Some((_, Event::Drafted { payload, .. })) =
        entries.iter().find(|(_, event)| matches!(event, Event::Drafted { .. }))
    else {
        panic!("nothing was drafted");
    };
    assert!(signed.contains(&payload.to_string()));
    for word in say::digest_words(*payload) {
        assert!(signed.contains(&word), "{word}");
    }
    for line in [
        "version 1",
        "root: threshold 2",
        "root: 2 of 3; targets: 1 of 1; snapshot: 1 of 1; timestamp: 1 of 1",
        "2028-01-05 00:00:00 UTC, 400 days after the ceremony",
        "Ana Ruiz (token ana-1)",
        "Example release engineering",
    ] {
        assert!(signed.contains(line), "{line} in {signed}");
    }
    assert!(html.contains("closed; root version 1 is signed by its threshold"));
    assert!(part(&html, "What did not go as printed").contains("Nothing: no refusal"));
    for (stamp, event) in &entries {
        for passed in replay::held(event) {
            let rules = part(&html, "Rules that were asked and held");
            assert!(rules.contains(passed.rule.name()), "{}", passed.rule);
            assert!(rules.contains(&format!("entry {}, ", stamp.seq)), "{}", passed.rule);
        }
    }
    for file in ["metadata/1.root.json", "keys/ana-1.pem"] {
        assert!(part(&html, "What left").contains(file), "{file}");
    }
    let dates = text_of(&format!("<body>{}", part(&html, "Next dates")));
    assert!(dates.contains("2027-11-06\nRenew by\n60 days before"), "{dates}");
    assert!(dates.contains("2027-12-01\nDrill the tokens"), "{dates}");
    assert!(dates.contains("2028-01-05\nRoot expires"), "{dates}");
}

#[test]
fn claimed_attested_observed_and_verified_are_told_apart() {
    let (entries, script) = good(Mode::Production);
    let html = report(&entries, &script);
    let tokens = part(&html, "Tokens");
    let row = tokens.split("<tr>").find(|row| row.contains(">chi-1<")).expect("the token has a row");
    let cells: Vec<_> = row.split("<td>").skip(1).collect();
    assert_eq!(cells.len(), 5);
    assert!(cells[1].contains("serial EX") && cells[1].contains("CKA_EXTRACTABLE false"), "{}", cells[1]);
    assert!(cells[2].contains("nothing"), "{}", cells[2]);
    assert!(cells[3].contains("Number of the new bag of chi-1"), "{}", cells[3]);
    assert!(cells[4].contains("signed a proof of possession") && cells[4].contains("signed the head"), "{}", cells[4]);
    assert!(tokens.contains("it was never in the machine"), "the spare stayed in its packing");
}

#[test]
fn what_went_otherwise_is_in_the_report_with_its_step() {
    let (entries, script) = eventful();
    let html = report(&entries, &script);
    let otherwise = text_of(&format!("<body>{}", part(&html, "What did not go as printed")));
    for line in [
        "0.1\n09:0",
        "Wim de Vries is absent.",
        "Exception 1. Expected: ",
        "is void: ",
        "By Ana Ruiz and Bo Ångström.",
        "CKR_DEVICE_REMOVED",
    ] {
        assert!(otherwise.contains(line), "{line} in {otherwise}");
    }
    assert!(html.contains("absent; Eva Novak in their place"));
    assert!(html.contains("here, for Wim de Vries"));
    let signed = part(&html, "What was signed");
    let (void, valid) = signed.split_once("it exists for ever").expect("one payload was voided, the next one signed");
    assert!(void.contains("Signatures, all spent"));
    assert_eq!(void.matches(">ana-1<").count() + void.matches(">bo-1<").count(), 1, "one signature was spent");
    assert_eq!(valid.matches(">chi-1<").count(), 1);
}

#[test]
fn a_rotation_is_told_as_a_change_with_both_tallies() {
    let (entries, script) = rotation();
    let html = report(&entries, &script);
    let signed = text_of(&format!("<body>{}", part(&html, "What was signed")));
    for line in [
        "Root version 2 of packages.example.org",
        "version 2 (was 1)",
        "root: remove key 857e1e79…, P-256 (Chi Nguyễn (token old-chi))",
        "Dee Okafor (token dee-1)",
        "goes",
    ] {
        assert!(signed.contains(line), "{line} in {signed}");
    }
    let rules = part(&html, "Rules that were asked and held");
    for rule in [Rule::RootTallyOld, Rule::RootTallyNew, Rule::PreviousRootPinned, Rule::RootVersionStep] {
        assert!(rules.contains(rule.name()), "{rule}");
    }
    let tokens = part(&html, "Tokens");
    assert!(tokens.contains("signed a fresh nonce"));
    assert!(card(&entries, &script, None).contains("root 2"));
}

#[test]
fn what_follows_from_an_entry_stands_at_its_step() {
    let (entries, script) = good(Mode::Production);
    let (history, ceremony) = folded(&entries, &script);
    let replay = Replay::of(&history, &ceremony);
    let number = |wanted: fn(&Event) -> bool| {
        let placed = replay.entries.iter().find(|placed| wanted(&placed.event)).expect("it happened");
        replay.number(placed)
    };
    assert_eq!(number(|event| matches!(event, Event::Began { .. })), "–");
    assert_eq!(number(|event| matches!(event, Event::Present { .. })), "0.1");
    assert_eq!(number(|event| matches!(event, Event::ActClosed { .. })), "0 end");
    assert_eq!(number(|event| matches!(event, Event::ClockConfirmed { .. })), "1.2");
    assert_eq!(number(|event| matches!(event, Event::ThresholdMet { .. })), "5.2");
    assert_eq!(number(|event| matches!(event, Event::Closed)), "6.4");
}

#[test]
fn a_batch_is_told_by_its_numbers_its_words_and_its_certificates() {
    let (room, script) = many(3);
    let html = report(&room.entries, &script);
    let signed = text_of(&format!("<body>{}", part(&html, "What was signed")));
    let manifest = room.ceremony.repositories().batch().manifest().expect("a batch").digest;
    assert!(signed.contains(&manifest.to_string()) && signed.contains(&format!("batches/{manifest}")));
    for word in say::digest_words(manifest) {
        assert!(signed.contains(&word), "{word}");
    }
    for line in [
        // Targets that say nothing yet are the same bytes in all three.
        "6, with 4 different payloads",
        "All alike: 3 repositories",
        "root, signed by ana-1, bo-1, chi-1",
        "NOTE root: 2 of 3 offline keys must sign; stock tools cannot maintain such a root",
        "docker.io/example/app-00000, docker.io/example/app-00001, docker.io/example/app-00002",
        "Certificates: 3, the first ends 2041-11-27",
        "In publish/ of the record: 3 bundles are complete, 0 wait for a signature, 0 were not written.",
        "ana-1\nAna Ruiz\n3 of 3\nentries ",
        "tag-1\nTia Okafor\n3 of 3\nentry ",
    ] {
        assert!(signed.contains(line), "{line} in {signed}");
    }
    let ceremony = &room.ceremony;
    for certificate in ceremony.repositories().certificates().values() {
        let key = script.dialect.certified_key(certificate).expect("a key");
        assert!(signed.contains(key.id().as_str()) && signed.contains(key.canonical_id().as_str()));
        assert!(signed.contains(&format!("\"{}\"", key.id())), "the snippet pins the keyid of roots: {signed}");
    }
    assert!(signed.contains("{\"trust_pinning\":{\"certs\":{\"docker.io/example/*\":["), "{signed}");
    let dates = text_of(&format!("<body>{}", part(&html, "Next dates")));
    for line in [
        "2029-10-01\nRenew by",
        "2029-11-30\nTargets end",
        "2036-05-28\nTaggers fail",
        "2041-11-27\nFirst certificate ends",
    ] {
        assert!(dates.contains(line), "{line} in {dates}");
    }
    let went = text_of(&format!("<body>{}", part(&html, "The script as it went")));
    assert!(went.contains("ana-1 signed 3 payloads of the batch, one entry each: entries "), "{went}");
    assert!(went.contains("ana-1 signed 1 certificates of its key, one entry each: entry "), "{went}");
    assert!(!went.contains("docker.io/example/app-00001"), "no line for each signature");
    assert!(part(&html, "What left").contains("publish/MANIFEST, which lists 3 bundles"));
}

#[test]
fn what_a_rule_kept_back_at_the_export_is_spent_and_what_left_is_not() {
    let script = room::many(3);
    let mut room = Room::begin(&script, Mode::Production);
    room.collection = room::blank_repositories(3);
    room.kept_back = vec!["docker.io/example/app-00001"];
    room.play(|_| false);
    let signed = room.ceremony.signed_versions();
    assert_eq!(signed.len(), 6, "a root and targets of each");
    for one in signed {
        assert_eq!(one.spent, room.kept_back.contains(&one.repository.as_str()), "{one:?}");
    }
    let html = report(&room.entries, &script);
    assert!(text_of(&html).contains("2 bundles are complete, 0 wait for a signature, 1 were not written"), "{html}");
}

#[test]
fn a_report_of_thousands_is_no_longer_than_one_of_a_few() {
    let length = |count| {
        let (room, script) = many(count);
        (report(&room.entries, &script).len(), card(&room.entries, &script, None).len(), room.entries.len())
    };
    let (few, many) = (length(20), length(90));
    assert!(many.2 > few.2 + 3 * 60, "each signature is an entry: {many:?}");
    assert!(many.0 < few.0 + 8_000 && many.1 < few.1 + 200, "{few:?} {many:?}");
}

#[test]
fn the_card_of_a_batch_refers_to_the_record() {
    let (room, script) = many(3);
    let text = text_of(&card(&room.entries, &script, None));
    let manifest = room.ceremony.repositories().batch().manifest().expect("a batch").digest;
    for line in [
        "3 × root, 3 × targets in 3 repositories",
        "3 bundles are complete, 0 wait for a signature",
        &format!("SHA-256 {manifest}"),
        "2041-11-27; the server takes nothing any more",
        "the record has it, in its transcript and its list of what was signed",
        room::in_dialect(Dialect::Notary, "ana-1").id().as_str(),
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn after_a_theft_the_report_says_when_the_old_key_is_dead() {
    let (room, script) = theft(false);
    let html = report(&room.entries, &script);
    let signed = text_of(&format!("<body>{}", part(&html, "What was signed")));
    for line in [
        "targets: add the key of tag-2, Tia Okafor",
        "targets: remove the key of today",
        "A client that sees the new root stops trusting the old tagging key at once.",
        "by Notary's default 14 days after the server signed it. Published on 2026-12-01, that is 2026-12-15 at the latest.",
        "3 bundles are complete, 0 wait for a signature",
    ] {
        assert!(signed.contains(line), "{line} in {signed}");
    }
    let dates = text_of(&format!("<body>{}", part(&html, "Next dates")));
    assert!(dates.contains("2026-12-15\nOld tagging key is dead"), "{dates}");
}

#[test]
fn who_must_still_sign_is_named_with_the_key() {
    let (room, script) = theft(true);
    let html = report(&room.entries, &script);
    let signed = text_of(&format!("<body>{}", part(&html, "What was signed")));
    let keyid = room::in_dialect(Dialect::Notary, "online").id();
    assert!(signed.contains("0 bundles are complete, 3 wait for a signature, 0 were not written"), "{signed}");
    assert!(signed.contains(&format!("Example release engineering\ntargets\n3\n{keyid}")), "{signed}");
    for (bundle, _) in &room.left {
        assert_eq!(bundle.wants[0].keyid, keyid, "{}", bundle.gun);
    }
    assert!(html.contains("closed; 0 bundles are complete, 3 wait for a signature"));
}

#[test]
fn every_beginning_of_a_batch_has_a_report() {
    let (room, script) = many(2);
    for length in 0..room.entries.len() {
        let html = report(&room.entries[..length], &script);
        assert!(length == room.entries.len() || html.contains("NOT FINISHED"), "{length} entries");
        card(&room.entries[..length], &script, None);
    }
}

#[test]
fn a_rehearsal_cannot_be_mistaken() {
    let (entries, script) = good(Mode::Rehearsal);
    for html in [report(&entries, &script), card(&entries, &script, None)] {
        assert!(html.contains("<div class=\"watermark\" aria-hidden=\"true\">REHEARSAL</div>"));
        assert!(html.contains("<b class=\"stamp\">REHEARSAL</b>"));
        assert!(!html.contains("PRODUCTION"));
    }
    let (entries, script) = good(Mode::Production);
    for html in [report(&entries, &script), card(&entries, &script, None)] {
        assert!(html.contains("<b class=\"stamp\">PRODUCTION</b>"));
        assert!(!html.contains("REHEARSAL"));
    }
}

#[test]
fn what_people_typed_is_text_and_nothing_else() {
    // The people of this room type `<b>…</b>` and a character that turns the line around.
    let (entries, script) = eventful();
    for html in [report(&entries, &script), card(&entries, &script, None)] {
        assert!(!html.contains("<b>A-") && !html.contains('\u{202e}'));
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    }
    assert!(report(&entries, &script).contains("&lt;b&gt;A-"));
    assert!(report(&entries, &script).contains("\\u{202e}"));
}

#[test]
fn the_card_tells_the_next_ceremony_what_it_must_know() {
    let (entries, script) = eventful();
    let html = card(&entries, &script, None);
    let text = text_of(&html);
    let Some(Event::FinalHead { head, .. }) =
        entries.iter().map(|(_, event)| event).find(|event| matches!(event, Event::FinalHead { .. }))
    else {
        panic!("the ceremony was closed");
    };
    assert!(text.contains(&head.to_string()));
    let (history, ceremony) = folded(&entries, &script);
    let replay = Replay::of(&history, &ceremony);
    for signed in replay.ceremony.signed_versions() {
        assert!(text.contains(&signed.payload.to_string()));
    }
    assert!(text.contains("void, signatures spent") && text.contains("valid"));
    assert!(text.contains(room::key_of("ana-1").id().as_str()), "the next script names whole keyids");
    assert!(text.contains("“ana-1”, serial EX"), "{text}");
}

#[test]
fn a_report_of_every_beginning_of_a_ceremony_is_marked_as_not_finished() {
    let (entries, script) = eventful();
    for length in 0..entries.len() {
        let html = report(&entries[..length], &script);
        let closed = folded(&entries[..length], &script).1.closing().is_some();
        assert_eq!(html.contains("NOT FINISHED"), !closed, "{length} entries");
        card(&entries[..length], &script, None);
    }
}

#[test]
fn a_script_other_than_that_of_entry_0_is_called_out() {
    let (entries, _) = good(Mode::Production);
    let text = include_str!("../../tests/paper/genesis.toml").replace("Example Foundation", "Another Foundation");
    let html = report(&entries, &room::script(&text));
    assert!(html.contains("made with another script than the one that entry 0 names"));
}

#[test]
#[ignore = "writes files for a person to look at: OFFICIANT_PAPER=folder cargo test --lib looked_at -- --ignored"]
fn the_reports_can_be_looked_at() {
    let folder = std::env::var("OFFICIANT_PAPER").expect("OFFICIANT_PAPER names a folder");
    let write = |name: &str, html: String| std::fs::write(format!("{folder}/{name}"), html).expect("the folder exists");
    let (entries, script) = good(Mode::Production);
    write("report.html", report(&entries, &script));
    write("card.html", card(&entries, &script, None));
    let (entries, script) = rotation();
    write("rotated.html", report(&entries, &script));
    let (entries, script) = eventful();
    write("eventful.html", report(&entries, &script));
}
