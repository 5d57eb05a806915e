//! A key that came to a token which the script wipes (`DRILL-LEAVES-NOTHING`): no ceremony ends with it there unnoticed, however it stops. Whole
//! ceremonies on SoftHSM.

mod ceremony_support;
mod support;

use std::{fs, path::Path, process::Command};

use ceremony_support::{People, Pinned, Pins, Room, place, program, quiet_machine, record, script, text};
use officiant::{
    ceremony::{
        Pending,
        event::{Event, Program},
        operation::Operation,
        prompt::{Answer, AsideKind, Input, Scene},
        state::Closing,
        steps::Gone,
    },
    digest::Digest,
    preflight,
    rules::Rule,
    token::{LastTry, PinEntry, Token as _, User, pkcs11::rehearsal::Rehearsal, quirks::Trust},
};
use support::on_softhsm;

/// How many objects the drill's token shows, logged in where it still has its user PIN.
fn keys_on(tokens: &Rehearsal, room: &Room, label: &str, has_pin: bool) -> usize {
    let module = officiant::token::pkcs11::Module::load(&tokens.module, None, Trust::shipped()).expect("the module");
    let mut token = module.open(&format!("pkcs11:token={label}").parse().expect("a URI")).expect("the token");
    if has_pin {
        let pin = officiant::secret::Pin::from(ceremony_support::secret(&room.people.pins[label].user));
        token.login(User::User, PinEntry::Typed(&pin), LastTry::Keep).expect("its PIN");
    }
    token.provision().expect("it can be prepared").keys_left().expect("a look")
}

fn restored(pending: &Pending) -> bool {
    matches!(pending, Pending::Do(Operation::Drill { .. }))
}

fn is_where(scene: &Scene) -> bool {
    matches!(scene, Scene::Swap { ask, .. } if ask.contains("which is to be wiped"))
}

/// Two people say what was expected, what happened, what is decided.
fn exception(room: &mut Room) {
    room.aside(AsideKind::Exception, &["the token is wiped", "its SO-PIN is gone", "it goes into bag 77"].map(text));
}

fn page(room: &Room, name: &str) -> String {
    fs::read_to_string(room.place.join("a").join(name)).expect("a page")
}

fn run(arguments: &[&str], records: &[&Path]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_officiant"));
    let ran = command.args(arguments).args(records).output().expect("it runs");
    (ran.status.code(), String::from_utf8([ran.stdout, ran.stderr].concat()).expect("text"))
}

fn status(records: &[&Path]) -> (Option<i32>, String) {
    run(&["backup", "status", "--at", "2026-12-02T00:00:00Z"], records)
}

fn abandon(room: &mut Room) {
    room.aside(AsideKind::Abandon, &[text("the die fell under the table")]);
}

#[test]
fn a_drill_that_is_given_up_wipes_its_token_first() {
    on_softhsm("a_drill_that_is_given_up_wipes_its_token_first", |tokens| {
        let mut room = Room::rehearse(tokens, "restore-drill");
        room.until(|pending, _| restored(pending));
        // A job is under way only while it is performed: people are asked before.
        room.until_scene(|scene| matches!(scene, Scene::WriteDown { .. } | Scene::Swap { .. }));
        assert_eq!(keys_on(tokens, &room, "drill-1", true), 2, "the key is there");
        abandon(&mut room);
        assert!(matches!(room.events().last(), Some(Event::Abandoning { .. })));
        assert_eq!(room.ceremony().closing(), None, "not yet");
        assert!(is_where(&room.prompt().scene), "{:?}", room.prompt().scene);
        assert_eq!(room.refused(&Answer::Aside(AsideKind::Abandon)), Rule::AnswerFits);
        room.finish();
        assert_eq!(room.ceremony().closing(), Some(Closing::Abandoned));
        assert_eq!(keys_on(tokens, &room, "drill-1", false), 0, "nothing is left on it");
        let wiped = room.events().find_map(|event| match event {
            Event::TokenErased { passed, .. } => Some(passed),
            _ => None,
        });
        assert!(wiped.expect("it was wiped").iter().any(|passed| passed.rule == Rule::DrillLeavesNothing));
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.join("\n")),
            _ => None,
        });
        assert!(account.as_ref().is_some_and(|lines| lines.contains("wiped")), "{account:?}");
        assert!(!account.expect("an account").contains("KEY LEFT"));
        for medium in ["a", "b"] {
            assert!(record::holds(&room.place.join(medium)).left.is_empty());
        }
        assert!(!page(&room, "card.html").contains("KEY LEFT"));
        let (_, said) = status(&[&room.place.join("a")]);
        assert!(!said.contains("left empty"), "{said}");
    });
}

/// A ceremony in which nothing but this token is wiped, as it is in production.
fn wipes(tokens: &Rehearsal, label: &str, serial: &str, so_pin: &str) -> Room {
    preflight::harden().expect("this process can be hardened");
    officiant::token::pkcs11::close_all();
    let module = tokens.module.canonicalize().expect("the module");
    let sha256 = Digest::of(&fs::read(&module).expect("the module"));
    let text = format!(
        r#"
format = 1
ceremony = "destroy"
title = "The token of a drill is wiped"
repository = "docker.io/example"
media = ["record A, red label", "record B, blue label"]
people = [
    {{ id = "ida", name = "Ida Holm", duties = ["administrator"] }},
    {{ id = "omar", name = "Omar Said", duties = ["operator"] }},
    {{ id = "vera", name = "Vera Lund", duties = ["witness"] }},
    {{ id = "ana", name = "Ana Ruiz", duties = ["officer"] }},
    {{ id = "kai", name = "Kai Mbeki", duties = ["keeper"] }},
]

[[module]]
name = "hsm"
path = "{}"
sha256 = "{sha256}"
model = "SoftHSM v2"

[[token]]
alias = "drill-1"
holder = "ana"
tag = "yellow"
module = "hsm"
so-pin = "kai"
label = "{label}"
serial = "{serial}"

[[act]]
title = "Open the room"
step = [
    {{ do = "roll-call" }},
    {{ do = "script-words", witness = "vera" }},
    {{ do = "confirm-clock", who = ["vera", "kai"] }},
    {{ do = "preflight" }},
]

[[act]]
title = "Wipe and close"
step = [
    {{ do = "erase-token", token = "drill-1" }},
    {{ do = "close", tokens = [], witness = "vera" }},
]
"#,
        module.display()
    );
    let mut people = People::default();
    for (id, word) in
        [("ida", "harbour"), ("omar", "lantern"), ("vera", "obsidian"), ("ana", "saffron"), ("kai", "meridian")]
    {
        people.words.insert(id.into(), word.into());
    }
    people.pins.insert("drill-1".into(), Pins { user: "none".into(), so: so_pin.into() });
    let (probe, second) = (quiet_machine(&place().join("machine")), place().join("wiping"));
    fs::create_dir_all(&second).expect("a folder");
    let clock = Pinned::at("2026-12-01T17:00:00Z");
    Room::run_in(&second, clock, text.as_bytes(), &place(), people, Trust::injected(|_| None), probe)
}

#[test]
fn a_token_that_is_kept_with_the_key_is_decided_by_two_and_stays_red_until_a_later_ceremony_wipes_it() {
    let test = "a_token_that_is_kept_with_the_key_is_decided_by_two_and_stays_red_until_a_later_ceremony_wipes_it";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, "restore-drill");
        room.until(|pending, _| restored(pending));
        room.perform().expect("the token signs");
        room.until_scene(is_where);
        // In the step that wipes it, and when the ceremony is given up: nobody keeps it by a word alone.
        for _ in 0..2 {
            for word in ["KEPT", "LOST", "DEAD"] {
                assert_eq!(room.refused(&Answer::Word(word.into())), Rule::DrillLeavesNothing);
            }
            if room.count(|event| matches!(event, Event::Abandoning { .. })) == 0 {
                abandon(&mut room);
            }
        }
        let refused = room.runner.answer(&Answer::Word("KEPT".into())).expect_err("refused");
        let refused = refused.refusal().expect("a rule").clone();
        let serial = room.ceremony().token(&"drill-1".to_owned().try_into().expect("an alias")).bound;
        let serial = serial.expect("it is bound").token.serial;
        for said in ["drill-1", &serial, "holds the key offline", "Wipe it"] {
            assert!(refused.what.contains(said), "no “{said}” in {}", refused.what);
        }
        exception(&mut room);
        room.word("KEPT");
        room.say(text("in bag 77, in the safe of the office, says Kai"));
        assert_eq!(room.ceremony().closing(), Some(Closing::Abandoned));
        room.finish();
        assert!(room.events().any(|event| matches!(event, Event::TokenGone { gone: Gone::Kept, .. })));
        assert_eq!(keys_on(tokens, &room, "drill-1", true), 2, "the key is there");

        let first = room.place.join("a");
        let audit = record::holds(&first);
        assert!(audit.left.len() == 1 && audit.left[0].contains(&serial), "{:?}", audit.left);
        for name in ["card.html", "report.html"] {
            let page = page(&room, name);
            for said in ["KEY LEFT", &serial, "Wipe it in another ceremony", "bag 77"] {
                assert!(page.contains(said), "no “{said}” in {name}");
            }
        }
        let (code, said) = run(&["verify"], &[&first]);
        assert_eq!(code, Some(0), "the record is as it should be: {said}");
        assert!(said.lines().any(|line| line.starts_with("KEY LEFT ") && line.contains(&serial)), "{said}");
        let (code, said) = status(&[&first]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("RED ") && said.contains(&serial) && said.contains("kept, not wiped"), "{said}");

        // A ceremony of a later day wipes it.
        let so_pin = room.people.pins["drill-1"].so.clone();
        drop(room);
        let mut room = wipes(tokens, "drill-1", &serial, &so_pin);
        room.finish();
        record::holds(&room.place.join("a"));
        let second = room.place.join("a");
        for records in [[&*first, &*second], [&*second, &*first]] {
            let (_, said) = status(&records);
            assert!(!said.contains("left empty"), "{said}");
        }
    });
}

fn two_confirm(room: &mut Room) {
    for _ in 0..2 {
        room.say(Answer::Picked(0));
        let answer = room.people.answer(&room.prompt(), room.clock.clone().hand_in()());
        room.say(answer);
    }
}

fn is_asked(scene: &Scene) -> bool {
    matches!(scene, Scene::List { title, .. } if title.starts_with("A key is on a token"))
}

#[test]
fn after_a_crash_people_are_told_of_the_key_and_may_wipe_it_at_once() {
    on_softhsm("after_a_crash_people_are_told_of_the_key_and_may_wipe_it_at_once", |tokens| {
        let mut room = Room::rehearse(tokens, "restore-drill");
        room.until(|pending, _| restored(pending));
        room = room.again(tokens);
        // As long as it is not over, the record says so.
        let (code, said) = run(&["verify"], &[&room.place.join("a")]);
        assert!(code == Some(0) && said.contains("KEY LEFT  ") && said.contains("is not over"), "{said}");
        let (_, said) = status(&[&room.place.join("a")]);
        assert!(said.starts_with("RED ") && said.contains("drill-1 (label “drill-1”, serial"), "{said}");
        room.until_scene(is_asked);
        let Scene::List { lines, .. } = room.prompt().scene else { panic!("a list") };
        assert!(lines.len() == 1 && lines[0].contains("holds the key offline"), "{lines:?}");
        // They go on, and it stops once more.
        room.word("GO ON");
        room.until(|pending, _| restored(pending));
        room = room.again(tokens);
        room.until_scene(is_asked);
        room.word("WIPE");
        room.say(text("the machine stops every hour"));
        two_confirm(&mut room);
        // It is cut while it is wiped, before and after it was done: each time it is looked at first.
        for done in [false, true] {
            room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
            let job = room.runner.intend().expect("an intent").expect("an operation");
            if done {
                drop(room.do_job(&job));
            }
            room = room.again(tokens);
            room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
            assert_eq!(room.count(|event| matches!(event, Event::AsideBegan { .. })), 1, "nobody decides twice");
            room.perform().expect("a look");
            if !done {
                room.word("AGAIN");
            }
        }
        room.finish();
        assert_eq!(room.ceremony().closing(), Some(Closing::Abandoned));
        assert_eq!(keys_on(tokens, &room, "drill-1", false), 0);
        assert!(record::holds(&room.place.join("a")).left.is_empty());
    });
}

fn cut_in_the_restore(test: &str, done: bool) {
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, "restore-drill");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::RestoreKey { .. })));
        assert!(room.ceremony().keys_left().is_empty());
        let job = room.runner.intend().expect("an intent").expect("an operation");
        if done {
            drop(room.do_job(&job));
        }
        room = room.again(tokens);
        room.until_scene(is_asked);
        let Scene::List { lines, .. } = room.prompt().scene else { panic!("a list") };
        assert!(lines[0].contains("may hold the key offline"), "{lines:?}");
        room.word("WIPE");
        room.say(text("enough for today"));
        two_confirm(&mut room);
        room.finish();
        assert_eq!(keys_on(tokens, &room, "drill-1", false), 0, "{done}");
        assert!(record::holds(&room.place.join("a")).left.is_empty());
    });
}

#[test]
fn a_key_that_may_have_come_to_a_token_counts_as_one_that_did() {
    cut_in_the_restore("a_key_that_may_have_come_to_a_token_counts_as_one_that_did", false);
}

#[test]
fn a_key_that_came_to_a_token_and_nobody_was_told_is_wiped_too() {
    cut_in_the_restore("a_key_that_came_to_a_token_and_nobody_was_told_is_wiped_too", true);
}

/// A drill whose token has a spare.
fn with_a_spare() -> String {
    let text = fs::read_to_string(script("restore-drill")).expect("a shipped script");
    let spare = "\n[[token]]\nalias = \"drill-2\"\nholder = \"ana\"\ntag = \"white\"\nmodule = \"hsm\"\nso-pin = \"kai\"\nspare-for = \"drill-1\"\n\n# What the ceremony left";
    text.replacen("\n# What the ceremony left", spare, 1)
}

#[test]
fn a_token_whose_place_a_spare_took_is_wiped_before_the_drill_is_closed() {
    on_softhsm("a_token_whose_place_a_spare_took_is_wiped_before_the_drill_is_closed", |tokens| {
        let mut people = People::of(&script("restore-drill"));
        people.pins.insert("drill-2".into(), people.pins["drill-1"].clone());
        let mut room = Room::rehearse_text(tokens, with_a_spare().as_bytes(), people, None);
        room.until(|pending, _| restored(pending));
        room.perform().expect("the token signs");
        room.until_scene(|scene| matches!(scene, Scene::WriteDown { .. } | Scene::Swap { .. }));
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("drill-1 gets hot")]);
        room.until(|_, ceremony| ceremony.position().number == "3.2");
        assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 1, "the spare");
        assert_eq!(keys_on(tokens, &room, "drill-1", true), 2, "the key is there");
        assert!(is_where(&room.prompt().scene), "{:?}", room.prompt().scene);
        room.finish();
        assert_eq!(room.ceremony().closing(), Some(Closing::Closed));
        assert_eq!(keys_on(tokens, &room, "drill-1", false), 0);
        assert_eq!(keys_on(tokens, &room, "drill-2", false), 0);
        assert!(record::holds(&room.place.join("a")).left.is_empty());
    });
}

#[test]
fn whoever_gives_up_before_a_key_came_to_a_token_is_asked_for_nothing() {
    on_softhsm("whoever_gives_up_before_a_key_came_to_a_token_is_asked_for_nothing", |tokens| {
        let mut room = Room::rehearse(tokens, "restore-drill");
        room.until(|pending, _| match pending {
            Pending::Ask(prompt) => matches!(&prompt.input, Input::Text { label, .. } if label.contains("shares")),
            _ => false,
        });
        abandon(&mut room);
        assert_eq!(room.ceremony().closing(), Some(Closing::Abandoned));
        room.finish();
        assert!(record::holds(&room.place.join("a")).left.is_empty());
    });
}

/// A record that was written before the question was asked goes on verifying, and says in red what it left.
#[test]
fn an_older_record_holds_and_names_the_key_that_it_left() {
    on_softhsm("an_older_record_holds_and_names_the_key_that_it_left", |tokens| {
        let older = Program { edition: 0, ..program() };
        let path = script("restore-drill");
        let text_of = fs::read(&path).expect("a shipped script");
        let mut room = Room::rehearse_by(older, tokens, &text_of, People::of(&path), None);
        room.until(|pending, _| restored(pending));
        room.perform().expect("the token signs");
        room.until_scene(|scene| matches!(scene, Scene::WriteDown { .. } | Scene::Swap { .. }));
        abandon(&mut room);
        assert_eq!(room.ceremony().closing(), Some(Closing::Abandoned));
        room.finish();
        let audit = record::holds(&room.place.join("a"));
        assert!(audit.left.len() == 1 && audit.left[0].contains("holds the key offline"), "{:?}", audit.left);
        let (_, said) = status(&[&room.place.join("a")]);
        assert!(said.starts_with("RED "), "{said}");
    });
}
