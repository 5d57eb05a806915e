//! Backups that were made before are opened again, in whole ceremonies on SoftHSM: a drill, a restore after a loss, the replacement of a
//! token. And tokens are wiped.

mod ceremony_support;
mod support;

use ceremony_support::{People, Room, record};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, Input, Scene},
        steps::Gone,
    },
    perform::rehearsal,
    rules::Rule,
    token::{LastTry, PinEntry, Token as _, User, pkcs11::rehearsal::Rehearsal, quirks::Trust},
};
use support::on_softhsm;

/// Everybody of a small room, and what a ceremony begins with.
const ROOM: &str = r#"
format = 1
ceremony = "KIND"
title = "A ceremony about tokens"
repository = "example"
media = ["record A, red label", "record B, blue label"]

[[people]]
id = "ida"
name = "Ida Holm"
duties = ["administrator"]

[[people]]
id = "omar"
name = "Omar Said"
duties = ["operator"]

[[people]]
id = "vera"
name = "Vera Lund"
duties = ["witness"]

[[people]]
id = "ana"
name = "Ana Ruiz"
duties = ["officer"]

[[people]]
id = "kai"
name = "Kai Mbeki"
duties = ["keeper"]

[[module]]
name = "hsm"
path = "/usr/lib/softhsm/libsofthsm2.so"
"#;

const OPENING: &str = r#"
[[act]]
title = "Open the room"

[[act.step]]
do = "roll-call"

[[act.step]]
do = "script-words"
witness = "vera"

[[act.step]]
do = "confirm-clock"
who = ["vera", "kai"]

[[act.step]]
do = "preflight"
"#;

const CLOSING: &str = r#"
[[act]]
title = "Close"

[[act.step]]
do = "close"
tokens = []
witness = "vera"
"#;

fn people() -> People {
    let mut people = People::default();
    for (id, word) in
        [("ida", "harbour"), ("omar", "lantern"), ("vera", "obsidian"), ("ana", "saffron"), ("kai", "meridian")]
    {
        people.words.insert(id.into(), word.into());
    }
    for alias in ["old-1", "old-2"] {
        let (user, so) = (rehearsal::USER_PIN.into(), rehearsal::SO_PIN.into());
        people.pins.insert(alias.into(), ceremony_support::Pins { user, so });
    }
    people.pins.insert("new-1".into(), ceremony_support::Pins { user: "27182818".into(), so: "31415926".into() });
    people
}

fn token(alias: &str, more: &str) -> String {
    format!(
        "\n[[token]]\nalias = \"{alias}\"\nholder = \"ana\"\ntag = \"{alias}\"\nmodule = \"hsm\"\nso-pin = \"kai\"\n{more}"
    )
}

fn step(kind: &str, fields: &str) -> String {
    format!("\n[[act.step]]\ndo = \"{kind}\"\n{fields}\n")
}

/// A script that wipes two tokens that existed before.
fn wipes() -> String {
    let known = |number: u8| {
        format!("label = \"root {number}\"\nserial = \"000{number}\"\nkeyid = \"{}\"\n", format!("{number}").repeat(64))
    };
    format!(
        "{}{}{}{OPENING}\n[[act]]\ntitle = \"Wipe\"\n{}{}{CLOSING}",
        ROOM.replace("KIND", "destroy"),
        token("old-1", &known(1)),
        token("old-2", &known(2)),
        step("erase-token", "token = \"old-1\""),
        step("erase-token", "token = \"old-2\""),
    )
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

/// How many objects a token shows, logged in where it still has that user PIN.
fn keys_on(tokens: &Rehearsal, label: &str, pin: Option<&str>) -> usize {
    let module = officiant::token::pkcs11::Module::load(&tokens.module, None, Trust::shipped()).expect("the module");
    let uri = format!("pkcs11:token={label}").parse().expect("a URI");
    let mut token = module.open(&uri).expect("the token");
    if let Some(pin) = pin {
        let pin = officiant::secret::Pin::from(ceremony_support::secret(pin));
        token.login(User::User, PinEntry::Typed(&pin), LastTry::Keep).expect("its PIN");
    }
    token.provision().expect("it can be prepared").keys_left().expect("a look")
}

fn at_prompt(room: &mut Room, label: &'static str) {
    room.until(move |pending, _| match pending {
        Pending::Ask(prompt) => matches!(&prompt.input, Input::Text { label: asked, .. } if asked == label),
        _ => false,
    });
}

#[test]
fn a_token_that_existed_before_is_wiped_after_its_serial_was_typed_and_one_that_is_lost_is_told_of() {
    let test = "a_token_that_existed_before_is_wiped_after_its_serial_was_typed_and_one_that_is_lost_is_told_of";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse_text(tokens, wipes().as_bytes(), people(), None);
        at_prompt(&mut room, "serial of the token that is wiped");
        assert_eq!(keys_on(tokens, "old-1", Some(rehearsal::USER_PIN)), 2);
        let refused = room.runner.answer(&Answer::Text("5f1a".into())).expect_err("another serial");
        assert_eq!(refused.refusal().expect("a rule").rule, Rule::TokenInitialisedOnce);
        room.until_scene(|scene| matches!(scene, Scene::PointOfNoReturn { .. }));
        let refused = room.runner.answer(&Answer::Word("erase it".into())).expect_err("another word");
        assert_eq!(refused.refusal().expect("a rule").rule, Rule::PointOfNoReturn);

        // A wrong SO-PIN wipes nothing.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
        room.other_secret = Box::new(|_| Some(Some(ceremony_support::secret("not the SO-PIN"))));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(_)), "{:?}", room.trouble());
        assert_eq!(keys_on(tokens, "old-1", Some(rehearsal::USER_PIN)), 2);
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        room.perform().expect("it is wiped");
        let erased = room.events().last().expect("an event");
        let Event::TokenErased { seen, passed, .. } = &erased else { panic!("{erased:?}") };
        assert!(seen.public_keys.is_empty());
        assert!(
            passed.iter().any(|passed| passed.rule == Rule::TokenErased && passed.seen.starts_with("1 public key")),
            "{passed:?}"
        );
        assert_eq!(keys_on(tokens, "old-1", None), 0);

        // The other one is not here.
        room.until_scene(|scene| matches!(scene, Scene::Swap { .. }));
        room.word("LOST");
        room.runner.answer(&Answer::Text("lost with a bag in May, says Ana".into())).expect("an account");
        assert!(room.events().any(|event| matches!(event, Event::TokenGone { gone: Gone::Lost, .. })));
        room.finish();
        record::holds(&room.place.join("a"));
        let report = std::fs::read_to_string(room.place.join("a/report.html")).expect("a report");
        assert!(report.contains("lost with a bag in May, says Ana"));
    });
}

#[test]
fn a_wipe_that_was_cut_is_looked_at_before_it_is_repeated() {
    on_softhsm("a_wipe_that_was_cut_is_looked_at_before_it_is_repeated", |tokens| {
        let mut room = Room::rehearse_text(tokens, wipes().as_bytes(), people(), None);
        for done in [false, true] {
            room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
            let job = room.runner.intend().expect("an intent").expect("an operation");
            if done {
                drop(room.do_job(&job));
            }
            room = room.again(tokens);
            room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
            room.perform().expect("a look");
            if done {
                assert!(
                    matches!(room.events().last(), Some(Event::TokenErased { .. })),
                    "it was done, and is not repeated"
                );
                break;
            }
            let Trouble::Fault(fault) = room.trouble() else { panic!("{:?}", room.trouble()) };
            assert!(fault.cause.contains("was not done"), "{fault}");
            room.word("AGAIN");
        }
        // Whoever pulls the first and puts in nothing is told so, and may say that it is gone.
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 2);
    });
}

#[test]
fn a_token_that_does_not_hold_the_key_is_not_wiped() {
    on_softhsm("a_token_that_does_not_hold_the_key_is_not_wiped", |tokens| {
        let mut room = Room::rehearse_text(tokens, wipes().as_bytes(), people(), None);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::LookAtToken { .. })));
        // Somebody wiped it before, and it looks like the right one.
        let module =
            officiant::token::pkcs11::Module::load(&tokens.module, None, Trust::shipped()).expect("the module");
        let mut token = module.open(&"pkcs11:token=old-1".parse().expect("a URI")).expect("the token");
        let so = officiant::secret::Pin::from(ceremony_support::secret(rehearsal::SO_PIN));
        let told = token.identity().told_by().to_owned();
        let provision = token.provision().expect("it can be prepared");
        provision.wipe(Some(PinEntry::Typed(&so)), "another", LastTry::Keep).expect_err("another serial");
        provision.wipe(Some(PinEntry::Typed(&so)), &told, LastTry::Keep).expect("wiped");
        drop(token);
        let refused = room.perform().expect_err("no key");
        assert_eq!(refused.refusal().expect("a rule").rule, Rule::TokenIsExpected);
        assert!(is_refused(&room, Rule::TokenIsExpected, "does not hold the key"));
        room.word("AGAIN");
        assert!(matches!(room.prompt().scene, Scene::Swap { .. }), "people are asked again whether it is here");
        room.word("DEAD");
        room.runner.answer(&Answer::Text("wiped before, says Kai".into())).expect("an account");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}
