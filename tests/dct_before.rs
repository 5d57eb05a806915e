//! What earlier ceremonies about many repositories signed: thirty thousand documents, of which no version is signed a second time with
//! other bytes, also after a resume; and what a record keeps of a collection, asked again years later.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::{fs, path::Path};

use ceremony_support::{Room, record};
use dct_support::{GUNS, Publisher, small};
use officiant::{
    ceremony::{
        Pending, earlier,
        event::{Event, PreviousCeremony, SignedVersion},
        operation::Operation,
        prompt::Scene,
        script::read,
    },
    digest::Digest,
    rules::Rule,
    runner::previous,
    transcript,
    tuf::RoleName,
};
use peers::notary::{self, Keys};
use support::on_softhsm;

const MANY: u64 = 30_000;

/// Documents of repositories that are in no collection of this test, and of old versions of one that is.
fn made_up() -> impl Iterator<Item = SignedVersion> {
    (0..MANY).map(|number| SignedVersion {
        repository: match number {
            0 => GUNS[0].to_owned(),
            _ => format!("docker.io/example/made-up/of-a-name-that-is-rather-long/app-{number:05}"),
        },
        role: if number.is_multiple_of(2) { RoleName::Root } else { RoleName::Targets },
        version: 1,
        payload: Digest::of(&number.to_be_bytes()),
        spent: false,
    })
}

fn of_record(room: &Room) -> PreviousCeremony {
    let folder = room.place.join("a");
    let found = Room::find(&room.place).unwrap_or_else(|error| panic!("{error:?}"));
    previous::of_record(&found, &folder, room.ceremony().script()).unwrap_or_else(|error| panic!("{error:?}"))
}

fn refusals(record: &Path) -> Vec<Rule> {
    record::again(record).refused.iter().map(|found| found.refusal.rule).collect()
}

/// A copy of a record in which one file is another one, with a manifest that fits.
fn altered(record: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<Rule> {
    let copy = record.with_extension("altered");
    let _ = fs::remove_dir_all(&copy);
    record::copy(record, &copy);
    let mut bytes = fs::read(copy.join(name)).expect("a file");
    change(&mut bytes);
    fs::write(copy.join(name), bytes).expect("a file");
    let manifest = officiant::perform::record::manifest_of(&copy).expect("a manifest");
    fs::write(copy.join("MANIFEST"), manifest).expect("a manifest");
    refusals(&copy)
}

#[test]
fn of_thirty_thousand_documents_that_were_signed_before_none_is_signed_again_with_other_bytes() {
    let test = "of_thirty_thousand_documents_that_were_signed_before_none_is_signed_again_with_other_bytes";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = publisher.begins_small(&[]);
        // Signed for three repositories, published for two of them.
        let mut plan = small(publisher.plan("dct-renew", "at-1", &GUNS), &genesis).days(800);
        let mut before = of_record(&genesis);
        assert_eq!((before.signed.len(), before.list), (6, None), "a root and targets each");
        let second = {
            let mut room = publisher.begin_after("second", &plan, 0, before.clone());
            publisher.finishes(&mut room);
            let entry_0 = room.ceremony().previous_ceremony().expect("it has one before it");
            assert_eq!((entry_0.signed.len(), entry_0.list), (6, None), "little stands in entry 0 itself");
            room
        };
        for gun in &GUNS[..2] {
            let said =
                publisher.courier(&["publish", publisher.published(&second).to_str().expect("UTF-8"), "--gun", gun]);
            assert_eq!(said.code, Some(0), "{said:?}");
        }
        before = of_record(&second);
        assert_eq!(before.signed.len(), 6, "what was signed before it, too, but for the roots that these follow");
        assert_eq!(
            earlier::write(&before.signed),
            fs::read(second.place.join("a").join(earlier::FILE)).expect("a list")
        );
        before.signed.extend(made_up());

        // The next ceremony dates its roots otherwise. One of them would be another root of version 2.
        plan = small(publisher.plan("dct-renew", "at-2", &GUNS), &genesis).days(900);
        let mut room = publisher.begin_after("third", &plan, 1, before.clone());
        let text = fs::read(room.place.join("a").join(transcript::FILE)).expect("a transcript");
        assert!(text.split(|byte| *byte == b'\n').next().expect("entry 0").len() < 4096, "entry 0 names a list");
        let list = room.ceremony().previous_ceremony().expect("it has one").list.expect("a list");
        assert_eq!(list.versions, MANY + 6);
        let whole = earlier::write(&before.signed);
        assert!(whole.len() > 5_000_000, "entry 0 would have these {} bytes", whole.len());
        for medium in ["a", "b"] {
            let kept = fs::read(room.place.join(medium).join(format!("inputs/{}", list.sha256))).expect("the list");
            assert_eq!(kept, whole);
        }
        // The power goes in the middle of the list.
        let reads =
            |pending: &Pending| matches!(pending, Pending::Do(Operation::ReadSigned { from, .. }) if *from > 8000);
        room.until(|pending, _| reads(pending));
        let mut room = publisher.again(room);
        room.until_scene(|scene| matches!(scene, Scene::Batch(_)));
        let parts = room.events().filter(|event| matches!(event, Event::SignedBefore { .. })).count();
        assert_eq!(parts, (MANY as usize + 6).div_ceil(earlier::AT_ONCE));
        let left_out: Vec<_> =
            room.ceremony().repositories().left_out().map(|(gun, refusal)| (gun.to_string(), refusal.rule)).collect();
        assert_eq!(left_out, [(GUNS[2].to_owned(), Rule::VersionSignedOnce)]);
        publisher.finishes(&mut room);
        let record = room.place.join("a");
        let audit = record::again(&record);
        assert!(audit.holds(), "{:?}", audit.refused);
        assert!(
            audit.held.iter().any(|held| held.rule == Rule::VersionSignedOnce && held.times > 8),
            "{:?}",
            audit.held
        );
        publisher.publishes(&room.place);
        let versions = GUNS.map(|gun| publisher.served_json(gun, "root.json")["signed"]["version"].clone());
        assert_eq!(versions, [3, 3, 1]);

        // What it leaves is all of that and its own, without the roots that are behind these: two of version 2, and one of version 1.
        let next = of_record(&room);
        assert_eq!(next.signed.len() as u64, MANY + 6 + 2 - 3);
        assert_eq!(earlier::write(&next.signed), fs::read(record.join(earlier::FILE)).expect("a list"));
        // Whoever takes the list away or shortens it is found out, also with a manifest that fits.
        let name = format!("inputs/{}", list.sha256);
        let rules = altered(&record, &name, |bytes| bytes.truncate(bytes.len() / 2));
        assert!(rules.contains(&Rule::BytesMatchHash), "{rules:?}");
        let rules = altered(&record, earlier::FILE, |bytes| bytes.truncate(bytes.len() - 1));
        assert_eq!(rules, [Rule::BytesMatchHash]);

        // The same from the card: head, end, and the list as a file beside the script.
        let written = fs::read(second.place.join("a").join(earlier::FILE)).expect("a list");
        fs::write(publisher.inputs().join("signed.jsonl"), &written).expect("a file");
        let of_second = of_record(&second);
        let card = format!(
            "[last-ceremony]\nhead = \"{}\"\nended = {}\nlist = {{ file = \"signed.jsonl\", sha256 = \"{}\" }}\n",
            of_second.head,
            of_second.ended,
            Digest::of(&written)
        );
        let text = plan.text(&publisher.module()).replacen("\n[collection]", &format!("\n{card}\n[collection]"), 1);
        let script = read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let told = previous::of_card(&script, &publisher.inputs()).unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(told, Some(of_second));
        fs::write(publisher.inputs().join("signed.jsonl"), &written[..written.len() / 2]).expect("a file");
        assert!(previous::of_card(&script, &publisher.inputs()).is_err(), "half of a list is another list");
    });
}

#[test]
fn what_was_collected_is_held_against_the_pinned_manifest_again() {
    let test = "what_was_collected_is_held_against_the_pinned_manifest_again";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = publisher.begins_small(&[]);
        let then = publisher.collect(&GUNS, "then");
        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &GUNS), &genesis)
            .fresh("tag-2")
            .tagging(&["tag-2"])
            .before("then", then)
            .tags("ask");
        let room = publisher.holds("rotation", &plan);
        let record = room.place.join("a");
        let audit = record::again(&record);
        let asked = audit.held.iter().find(|held| held.rule == Rule::CollectionPinned).expect("it was asked again");
        // Of each: two roots under their names, targets, two keys; and the targets from before.
        assert_eq!(asked.seen, "18 files of 3 repositories are those that the pinned manifest lists");
        let manifest = fs::read(publisher.inputs().join("today/MANIFEST")).expect("a manifest");
        let kept = format!("inputs/{}", Digest::of(&manifest));
        assert_eq!(fs::read(record.join(&kept)).expect("it is kept"), manifest);
        assert_eq!(
            fs::read(record.join(format!("inputs/{then}"))).expect("it is kept"),
            fs::read(publisher.inputs().join("then/MANIFEST")).expect("a manifest")
        );
        // Without it nobody could say so, also where the record's own manifest was made to fit.
        let copy = record.with_extension("without");
        record::copy(&record, &copy);
        fs::remove_file(copy.join(&kept)).expect("it was there");
        let manifest = officiant::perform::record::manifest_of(&copy).expect("a manifest");
        fs::write(copy.join("MANIFEST"), manifest).expect("a manifest");
        let rules = refusals(&copy);
        assert!(rules.contains(&Rule::BytesMatchHash), "{rules:?}");
    });
}
