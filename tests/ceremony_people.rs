//! People who err, are absent, leave, and change their minds; and a machine whose clock is wrong.

mod ceremony_support;
mod support;

use std::fs;

use ceremony_support::{People, Room, done, record, script, secret, text};
use officiant::{
    ceremony::{
        Pending,
        event::{Event, PreviousCeremony, SignedVersion},
        operation::{Operation, Outcome, Trouble},
        prompt::{Answer, AsideKind, Input, Scene, SlowHash},
    },
    digest::Digest,
    fault::{Error, FaultKind},
    rules::Rule,
    runner::{Beginning, Ended, Runner},
    secret::SecretKind,
    tuf::{key::RawSignature, role::RoleName},
    utc::Utc,
};
use support::on_softhsm;

const SMALL: &str = "genesis-small";

fn rule(result: Result<(), Error>) -> Option<Rule> {
    result.err().and_then(|error| error.refusal().map(|refusal| refusal.rule))
}

fn asks_word(pending: &Pending) -> bool {
    matches!(pending, Pending::Ask(prompt) if matches!(prompt.input, Input::PersonalWord { .. }))
}

#[test]
fn wrong_words_times_serials_and_answers_are_refused_by_name_and_the_room_goes_on() {
    on_softhsm("wrong_words_times_serials_and_answers_are_refused_by_name_and_the_room_goes_on", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        assert_eq!(room.refused(&Answer::Word("yes".into())), Rule::AnswerFits);
        assert_eq!(room.refused(&text("PRESENT")), Rule::AnswerFits);
        room.until(
            |pending, _| matches!(pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::ReadBack { .. })),
        );
        let Scene::ReadBack { blind, .. } = room.prompt().scene else { panic!("the script is read back") };
        let mut words = blind.answer();
        words.rotate_left(1);
        assert_eq!(room.refused(&Answer::HiddenWords(words)), Rule::ScriptDigest);

        room.until_step("0.3");
        assert_eq!(room.refused(&text("09:03")), Rule::ClockConfirmed, "three minutes off");
        assert_eq!(room.refused(&text("noon")), Rule::AnswerFits);
        room.clock.move_by(-1);
        assert_eq!(room.refused(&text("09:00")), Rule::ClockForward);
        room.clock.move_by(1);
        room.say(text("09:00"));
        room.clock.move_by(60);

        room.until(|pending, _| asks_word(pending));
        assert_eq!(room.refused(&Answer::PersonalWord(SlowHash([0; 32]))), Rule::PersonalWord);
        room.until_scene(|scene| matches!(scene, Scene::PointOfNoReturn { .. }));
        for word in ["", "y", "SIG", "SIGN SIGN"] {
            assert_eq!(room.refused(&Answer::Word(word.into())), Rule::PointOfNoReturn, "{word:?}");
        }
        room.finish();
        assert!(room.count(|event| matches!(event, Event::Refused { .. })) >= 3);
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_pin_that_is_typed_wrong_or_twice_differently_is_asked_for_again_and_counts_nothing() {
    on_softhsm("a_pin_that_is_typed_wrong_or_twice_differently_is_asked_for_again_and_counts_nothing", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SetUserPin { .. })));
        room.other_secret =
            Box::new(|request| (request.what == SecretKind::NewUserPinAgain).then(|| Some(secret("another-pin-1"))));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.kind == FaultKind::PinNotAcceptable));
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");

        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Generate { .. })));
        room.other_secret =
            Box::new(|request| (request.what == SecretKind::UserPin).then(|| Some(secret("not-the-pin-7"))));
        room.perform().expect("the trouble is recorded");
        assert!(
            matches!(room.trouble(), Trouble::Fault(fault) if matches!(fault.kind, FaultKind::PinIncorrect { .. }))
        );
        room.word("AGAIN");
        room.other_secret = Box::new(|_| Some(None));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::NobodyAnswered { .. }));
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        room.finish();
        assert_eq!(room.count(|event| matches!(event, Event::KeyGenerated { .. })), 3);
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_key_counts_only_by_its_own_signature_and_a_token_with_a_key_is_never_wiped() {
    on_softhsm("a_key_counts_only_by_its_own_signature_and_a_token_with_a_key_is_never_wiped", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Drill { .. })));
        let job = room.runner.intend().expect("an intent").expect("an operation");
        let Answer::Done(outcome) = room.do_job(&job) else { panic!("the drill works") };
        let Outcome::Signed { seen, signature } = *outcome else { panic!("a signature") };
        let mut wrong = signature.as_bytes().to_vec();
        wrong[40] ^= 1;
        let wrong = Outcome::Signed { seen: seen.clone(), signature: RawSignature::new(wrong) };
        assert_eq!(rule(room.runner.answer(&done(wrong))), Some(Rule::KeyPossession));
        room.word("AGAIN");

        // The next token to be prepared is, by mistake, the one that holds the first key.
        room.until(|pending, ceremony| {
            matches!(pending, Pending::Do(Operation::FindTokens { .. })) && ceremony.position().number == "1.4"
        });
        room.runner.intend().expect("an intent");
        room.runner.answer(&done(Outcome::Tokens(vec![seen]))).expect("a list");
        assert_eq!(room.refused(&Answer::Picked(0)), Rule::TokenHoldsNoTrustedKey);
        room.say(Answer::Picked(1));
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn an_exception_is_decided_by_two_different_people_and_can_be_dropped() {
    on_softhsm("an_exception_is_decided_by_two_different_people_and_can_be_dropped", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        assert_eq!(room.refused(&Answer::Aside(AsideKind::Exception)), Rule::ExceptionByTwo, "nobody is here yet");
        room.until_step("0.5");
        assert_eq!(
            room.refused(&Answer::Aside(AsideKind::Substitute)),
            Rule::SubstituteDeclared,
            "no spare is declared"
        );
        room.say(Answer::Aside(AsideKind::Exception));
        room.say(text("-"));
        assert_eq!(room.count(|event| matches!(event, Event::AsideDropped)), 1);
        room.aside(
            AsideKind::Exception,
            &[text("a sealed bag"), text("the seal was broken"), text("go on, both saw it")],
        );
        let by = room.events().find_map(|event| match event {
            Event::ExceptionNoted { by, number: 1, .. } => Some(by),
            _ => None,
        });
        let by = by.expect("an exception");
        assert_ne!(by[0], by[1]);
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_payload_is_voided_before_its_threshold_drafted_and_signed_again_and_never_after_it() {
    on_softhsm("a_payload_is_voided_before_its_threshold_drafted_and_signed_again_and_never_after_it", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        room.until(|_, ceremony| ceremony.draft().is_some_and(|draft| draft.signatures.len() == 1));
        let first = room.ceremony().draft().expect("a draft").payload;
        room.clock.move_by(86_400);
        room.aside(AsideKind::Void, &[text("the date should be tomorrow's")]);
        assert!(room.ceremony().draft().is_none());
        room.until(|_, ceremony| ceremony.draft().is_some_and(|draft| draft.met));
        let second = room.ceremony().draft().expect("a draft").payload;
        assert_ne!(first, second, "it is a day later");
        assert_eq!(room.refused(&Answer::Aside(AsideKind::Void)), Rule::VersionSignedOnce);
        room.finish();
        let signed = room.ceremony().signed_versions();
        assert_eq!(
            signed.iter().map(|signed| signed.payload).collect::<Vec<_>>(),
            [first, second],
            "both are told to the next"
        );
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_version_that_an_earlier_ceremony_signed_is_not_signed_with_another_payload() {
    on_softhsm("a_version_that_an_earlier_ceremony_signed_is_not_signed_with_another_payload", |tokens| {
        let path = script(SMALL);
        let bytes = fs::read(&path).expect("a script");
        let earlier = SignedVersion {
            repository: "small-shop".into(),
            role: RoleName::Root,
            version: 1,
            payload: Digest::of(b"what was signed before"),
            spent: false,
        };
        let previous =
            PreviousCeremony { head: Digest::of(b"head"), ended: Utc::EPOCH, signed: vec![earlier], list: None };
        let mut room = Room::rehearse_text(tokens, &bytes, People::of(&path), Some(previous));
        room.until_step("2.2");
        assert_eq!(room.refused(&Answer::Word("DRAFT".into())), Rule::VersionSignedOnce);
        room.aside(AsideKind::Abandon, &[text("this root exists already")]);
        assert_eq!(room.ended(), Some(Ended::Abandoned));
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.join("\n")),
            _ => None,
        });
        let account = account.expect("an account");
        for alias in ["mira-1", "jon-1", "vault-1"] {
            assert!(account.contains(alias), "{account}");
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_ceremony_that_was_left_goes_on_after_the_words_the_people_and_the_bags() {
    on_softhsm("a_ceremony_that_was_left_goes_on_after_the_words_the_people_and_the_bags", |tokens| {
        let mut room = Room::rehearse(tokens, SMALL);
        room.until_step("1.5");
        room.say(Answer::Aside(AsideKind::Leave));
        assert_eq!(room.ended(), Some(Ended::Paused));
        assert_eq!(rule(room.runner.answer(&Answer::Word("AGAIN".into()))), Some(Rule::AnswerFits));
        let mut room = room.again(tokens);
        assert!(matches!(room.prompt().scene, Scene::ReadBack { .. }));
        room.turn().expect("the words of the pause");
        assert!(asks_word(&room.ceremony().pending()));
        assert_eq!(room.refused(&Answer::PersonalWord(SlowHash([7; 32]))), Rule::PersonalWord);
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn an_absent_witness_is_played_by_the_surrogate_and_nobody_else_by_anybody() {
    on_softhsm("an_absent_witness_is_played_by_the_surrogate_and_nobody_else_by_anybody", |tokens| {
        let path = script("genesis");
        let mut people = People::of(&path);
        people.absent = vec!["vera".into()];
        let mut room = Room::rehearse_text(tokens, &fs::read(&path).expect("a script"), people, None);
        room.until(|pending, _| matches!(pending, Pending::Ask(prompt) if prompt.who[0].as_str() == "ana"));
        assert_eq!(room.refused(&Answer::Word("ABSENT".into())), Rule::RollCallComplete);
        room.finish();
        let by = |name: &str| {
            room.count(|event| matches!(event, Event::Confirmed { person, .. } if person.as_str() == name))
        };
        assert_eq!(by("vera"), 0);
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_declared_spare_takes_the_place_of_a_token_that_fails_its_drill() {
    on_softhsm("a_declared_spare_takes_the_place_of_a_token_that_fails_its_drill", |tokens| {
        let mut room = Room::rehearse(tokens, "genesis");
        room.until(
            |pending, _| matches!(pending, Pending::Do(Operation::Drill { alias, .. }) if alias.as_str() == "cem-1"),
        );
        room.other_secret = Box::new(|request| {
            (request.what == SecretKind::UserPin && request.label.as_deref() == Some("cem-1"))
                .then(|| Some(secret("forgotten-1")))
        });
        room.perform().expect("the trouble is recorded");
        room.trouble();
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("cem-1 goes to the shredder")]);
        if matches!(room.ceremony().pending(), Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. })) {
            room.word("AGAIN");
        }
        room.finish();
        let drilled =
            |name: &str| room.count(|event| matches!(event, Event::KeyDrilled { alias, .. } if alias.as_str() == name));
        let not_drilled =
            room.count(|event| matches!(event, Event::Refused { refusal } if refusal.rule == Rule::PinWorksAgain));
        assert_eq!(not_drilled, 0, "the spare was drilled before the draft asked for it");
        assert_eq!((drilled("cem-1"), drilled("cem-2")), (0, 1));
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_record_that_was_changed_is_found_out_wherever_it_was() {
    on_softhsm("a_record_that_was_changed_is_found_out_wherever_it_was", |tokens| {
        let mut room = Room::rehearse(tokens, "genesis-solo");
        room.finish();
        let folder = room.place.join("a");
        record::holds(&folder);
        let first = |folder: &std::path::Path| record::again(folder).refused.first().map(|found| found.refusal.rule);
        fs::write(folder.join("note.txt"), "one file more").expect("a file");
        assert_eq!(first(&folder), Some(Rule::ManifestComplete));
        fs::remove_file(folder.join("note.txt")).expect("gone again");

        // A chain that is whole, over a history that never was.
        let entries = room.entries();
        let mut last = None;
        let mut bytes = vec![];
        for (stamp, event) in entries.iter().filter(|(_, event)| !matches!(event, Event::SheetRead { .. })) {
            let written = officiant::transcript::write(last, stamp.at, event).expect("a line");
            last = Some(written.stamp);
            bytes.extend(written.line);
        }
        fs::write(folder.join(officiant::transcript::FILE), bytes).expect("a transcript");
        assert_eq!(first(&folder), Some(Rule::RecordReplays));
    });
}

#[test]
fn nothing_stands_in_for_anything_in_production_and_a_record_needs_a_medium() {
    let place = tempfile::tempdir().expect("a folder");
    let text = fs::read(script(SMALL)).expect("a script");
    let parsed = officiant::ceremony::script::read::script(&text).expect("a script");
    let beginning = Beginning {
        script: text,
        mode: officiant::ceremony::event::Mode::Production,
        program: ceremony_support::program(),
        media: ceremony_support::media(&parsed, place.path()),
        previous: None,
        stand_ins: vec![Event::TwinRoot { real: Digest::of(b"a"), twin: Digest::of(b"b") }],
    };
    let clock = ceremony_support::Pinned::at(ceremony_support::DAY);
    assert_eq!(rule(Runner::begin(beginning, clock.hand_in()).map(|_| ())), Some(Rule::RehearsalMarked));
    assert_eq!(rule(Runner::find(&[]).map(|_| ())), Some(Rule::RecordOnTwoMedia));
}
