//! Tokens that fail in the middle of a ceremony: SoftHSM behind the fault-injecting shim. Each ceremony comes to a good end, or
//! says clearly why it does not.

mod ceremony_support;
mod support;

use std::{fs, path::Path};

use ceremony_support::{Room, record};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, AsideKind},
    },
    fault::FaultKind,
    rules::Rule,
    runner::Ended,
    token::pkcs11::rehearsal::Rehearsal,
};
use support::alone;

const SCRIPT: &str = "genesis-small";

/// A rehearsal on SoftHSM behind the shim, up to the first signature over the root.
fn at_the_first_signature(test: &str, body: impl FnOnce(&Rehearsal, Room)) {
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(test, prepare, || {
        let shim = std::env::current_exe().expect("this program").with_file_name("libpkcs11_shim.so");
        assert!(shim.is_file(), "the shim was not built: {}", shim.display());
        let rehearsal = Rehearsal::again(&support::folder(), Some(&shim)).expect("the parent prepared it");
        let mut room = Room::rehearse(&rehearsal, SCRIPT);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Sign { .. })));
        body(&rehearsal, room);
    });
}

/// From now on the shim does this.
fn control(lines: &str) {
    fs::write(support::folder().join("control"), lines).expect("the control file");
}

/// To the end, with as many signatures as the script asks for.
fn a_good_end(mut room: Room) {
    control("");
    room.finish();
    assert_eq!(room.count(|event| matches!(event, Event::Signed { .. })), 3);
    for medium in ["a", "b"] {
        record::holds(&room.place.join(medium));
    }
}

fn kind_of_trouble(room: &Room) -> Option<FaultKind> {
    match room.trouble() {
        Trouble::Fault(fault) => Some(fault.kind),
        Trouble::Refused(_) | Trouble::NobodyAnswered { .. } => None,
    }
}

#[test]
fn a_device_that_is_pulled_while_it_signs_is_put_back_and_signs_again() {
    at_the_first_signature("a_device_that_is_pulled_while_it_signs_is_put_back_and_signs_again", |_, mut room| {
        control("fail C_Sign 1+ 0x32");
        room.perform().expect("the trouble is recorded");
        assert_eq!(kind_of_trouble(&room), Some(FaultKind::TokenLost));
        control("");
        room.word("AGAIN");
        a_good_end(room);
    });
}

#[test]
fn a_device_that_is_pulled_and_a_program_that_is_started_anew_sign_the_same_payload() {
    at_the_first_signature(
        "a_device_that_is_pulled_and_a_program_that_is_started_anew_sign_the_same_payload",
        |rehearsal, mut room| {
            let payload = room.ceremony().draft().expect("a draft").payload;
            control("fail C_Sign 1+ 0x32");
            let job = room.runner.intend().expect("an intent").expect("an operation");
            assert!(matches!(room.do_job(&job), Answer::Failed(_)));
            control("");
            let mut room = room.again(rehearsal);
            room.until(|_, ceremony| ceremony.draft().is_some_and(|draft| draft.met));
            assert_eq!(room.ceremony().draft().expect("a draft").payload, payload);
            a_good_end(room);
        },
    );
}

#[test]
fn a_signature_that_is_wrong_by_one_bit_does_not_count_and_the_next_one_does() {
    at_the_first_signature(
        "a_signature_that_is_wrong_by_one_bit_does_not_count_and_the_next_one_does",
        |_, mut room| {
            control("corrupt 1");
            room.perform().expect("the trouble is recorded");
            assert!(matches!(room.trouble(), Trouble::Refused(refusal) if refusal.rule == Rule::SignatureVerifies));
            assert_eq!(room.ceremony().draft().expect("a draft").signatures.len(), 0);
            control("");
            room.word("AGAIN");
            a_good_end(room);
        },
    );
}

#[test]
fn a_pin_with_one_try_left_is_spent_on_a_typed_word_only() {
    at_the_first_signature("a_pin_with_one_try_left_is_spent_on_a_typed_word_only", |_, mut room| {
        control("flags 0x20000");
        room.perform().expect("the trouble is recorded");
        assert!(room.trouble().is_last_try(), "{:?}", room.trouble());
        assert_eq!(room.refused(&Answer::Word("AGAIN".into())), Rule::AnswerFits);
        room.word("SPEND THE LAST TRY");
        assert!(room.ceremony().last_try_may_be_spent());
        room.perform().expect("the PIN was right");
        assert_eq!(room.ceremony().draft().expect("a draft").signatures.len(), 1);
        a_good_end(room);
    });
}

#[test]
fn a_locked_pin_ends_in_a_clear_account_when_the_room_gives_up() {
    at_the_first_signature("a_locked_pin_ends_in_a_clear_account_when_the_room_gives_up", |_, mut room| {
        control("flags 0x40000\nfail C_Login 1+ 0xa4");
        room.perform().expect("the trouble is recorded");
        assert_eq!(kind_of_trouble(&room), Some(FaultKind::PinLocked));
        room.aside(AsideKind::Abandon, &[Answer::Text("the PIN is locked; we meet again".into())]);
        assert_eq!(room.ended(), Some(Ended::Abandoned));
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_slow_token_is_waited_for() {
    at_the_first_signature("a_slow_token_is_waited_for", |_, mut room| {
        control("slow 400");
        room.perform().expect("it signs in the end");
        assert_eq!(room.ceremony().draft().expect("a draft").signatures.len(), 1);
        a_good_end(room);
    });
}
