//! Touches as people see them: counted down, given in time or not, and left. Both front ends, in production, on virtual YubiKeys.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod tui;
mod yubikey_support;

use std::{env, thread, time::Duration};

use ceremony_support::{Room, place};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
    },
    cli::line::{self, Keyboard},
    fault::FaultKind,
    runner::Ended,
};
use portable_pty::CommandBuilder;
use room::{begun, genesis, three};
use tui::driver::Terminal;
use virtual_yubikey::{Control, Setup, Trace};
use yubikey_support::on_yubikeys;

const VERIFY: u8 = 0x20;
const SIGN: u8 = 0x87;
/// Tells a process that it is the one in a terminal, and which front end it has.
const FRONT: &str = "OFFICIANT_TEST_FRONT";
/// Ana's PIN.
const PIN: &str = "271828";
/// How long the cards of these tests blink.
const BLINKS: Duration = Duration::from_secs(6);

fn slow() -> Setup {
    Setup { touch_limit: BLINKS, ..three() }
}

/// PINs and signatures that were sent, in order.
fn sent(trace: &Trace) -> Vec<u8> {
    let commands = trace.commands().into_iter().filter(|command| match command {
        [_, VERIFY, ..] => command.len() > 5,
        [_, SIGN, _, slot, ..] => *slot == 0x9c,
        _ => false,
    });
    commands.map(|command| command[1]).collect()
}

/// A room in which everything is done up to the drill of Ana's YubiKey, which is to blink.
fn before_the_drill(control: &Control) -> Room {
    let mut room = begun(control, &genesis("yubikey:?touch-policy=always"));
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::Drill { .. })));
    room
}

/// Leads people through the rest with one front end, until they leave.
fn lead(front: &str, control: &Control) {
    let mut room = before_the_drill(control);
    control.touch(0, "manual");
    control.trace(0);
    // The clock of a room stands still; a countdown needs one that goes.
    let clock = room.clock.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            clock.move_by(1);
        }
    });
    let ended = match front {
        "screen" => officiant::tui::run(&mut room.runner, room.performer),
        _ => line::run(&mut room.runner, &mut room.performer, &mut Keyboard::new()),
    };
    assert_eq!(ended, Ok(Ended::Paused));
}

/// A terminal in which a process leads people with one front end; `people` are in front of it.
fn at(test: &str, front: &str, people: impl FnOnce(&Control, &mut Terminal)) {
    on_yubikeys(test, &slow(), |control| {
        if let Ok(front) = env::var(FRONT) {
            return lead(&front, control);
        }
        let mut command = CommandBuilder::new(env::current_exe().expect("this test program"));
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
        command.env("TERM", "xterm-256color");
        command.env(FRONT, front);
        people(control, &mut Terminal::with(command, 100, 30));
    });
}

/// Everybody leaves.
fn leave(front: &str, terminal: &mut Terminal) {
    terminal.enter("LEAVE");
    if front == "screen" {
        terminal.wait_for("Type WRITTEN");
        terminal.enter("WRITTEN");
    }
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
}

/// The whole of a touch at one front end: left, not given, given.
fn touched_at(test: &str, front: &str, words: &Words) {
    at(test, front, |control, terminal| {
        type_pin(terminal, words);

        // Counted down, and left: what was sent, the card ends itself, and nothing more goes to it.
        terminal.wait_for("Ana Ruiz, touch 7150001 (ana-1, blue tag)");
        terminal.wait_for(words.later);
        terminal.press(words.leave);
        terminal.wait_for("Nothing more is sent");
        assert!(control.blinks(0), "the card was not asked a second time");
        terminal.wait_for(words.not_touched);
        thread::sleep(Duration::from_millis(300));
        let trace = control.trace(0);
        assert_eq!(sent(&trace), [VERIFY, SIGN]);
        assert_eq!(trace.instructions().last(), Some(&SIGN), "nothing is sent after it was left");

        // Again: the PIN, then nobody in time, then in time. That is no failure, and no question in between.
        terminal.enter("AGAIN");
        type_pin(terminal, words);
        terminal.wait_for("It blinks again");
        control.press(0);
        terminal.wait_for(words.next);
        assert_eq!(sent(&control.trace(0)), [VERIFY, SIGN, VERIFY, SIGN]);
        assert_eq!(control.touches(0), 1);
        leave(front, terminal);

        let found = Room::find(&place()).expect("the record");
        let events = || found.chain().entries.iter().map(|(_, event)| event);
        assert_eq!(events().filter(|event| matches!(event, Event::KeyDrilled { .. })).count(), 1);
        let troubles: Vec<_> = events().filter(|event| matches!(event, Event::Failed { .. })).collect();
        let [Event::Failed { trouble: Trouble::Fault(fault) }] = troubles.as_slice() else { panic!("{troubles:?}") };
        assert_eq!(fault.kind, FaultKind::NotTouched);
    });
}

/// How the two front ends say the same.
struct Words {
    pin: [&'static str; 3],
    last: Option<&'static str>,
    later: &'static str,
    leave: &'static str,
    not_touched: &'static str,
    next: &'static str,
}

const SCREEN: Words = Words {
    pin: ["Ana Ruiz, type the user PIN", "5 tries left", "covers  1 signature"],
    last: None,
    later: "it blinks, 13 s",
    leave: "\x1b",
    not_touched: "NOT TOUCHED",
    next: "Drill bo-1",
};

const LINE: Words = Words {
    pin: ["Ana Ruiz: user PIN of ana-1 (serial 7150001)", "5 tries left", "for 1 signature"],
    last: Some("then touch it when it blinks:"),
    later: "10 s",
    leave: "STOP\r",
    not_touched: "NOT TOUCHED",
    next: "Drill bo-1",
};

fn type_pin(terminal: &mut Terminal, words: &Words) {
    // Of the line UI the last line is what is asked; what stands above it was asked before.
    let asks = |screen: &str| words.last.is_none_or(|last| screen.trim_end().ends_with(last));
    terminal.wait_until("the PIN", |screen| asks(screen) && words.pin.iter().all(|said| screen.contains(said)));
    terminal.enter(PIN);
}

#[test]
fn the_terminal_ui_counts_a_touch_down_takes_a_late_one_as_a_retry_and_sends_nothing_once_it_was_left() {
    let test = "the_terminal_ui_counts_a_touch_down_takes_a_late_one_as_a_retry_and_sends_nothing_once_it_was_left";
    touched_at(test, "screen", &SCREEN);
}

#[test]
fn the_line_ui_counts_a_touch_down_takes_a_late_one_as_a_retry_and_sends_nothing_once_it_was_left() {
    let test = "the_line_ui_counts_a_touch_down_takes_a_late_one_as_a_retry_and_sends_nothing_once_it_was_left";
    touched_at(test, "line", &LINE);
}

#[test]
fn a_touch_that_is_given_although_it_was_left_signs_what_was_reviewed_and_is_recorded() {
    let test = "a_touch_that_is_given_although_it_was_left_signs_what_was_reviewed_and_is_recorded";
    at(test, "screen", |control, terminal| {
        type_pin(terminal, &SCREEN);
        terminal.wait_for(SCREEN.later);
        terminal.press(SCREEN.leave);
        terminal.wait_for("Nothing more is sent");
        control.press(0);
        terminal.wait_for(SCREEN.next);
        assert_eq!(sent(&control.trace(0)), [VERIFY, SIGN]);
        leave("screen", terminal);
        let found = Room::find(&place()).expect("the record");
        let events = || found.chain().entries.iter().map(|(_, event)| event);
        assert_eq!(events().filter(|event| matches!(event, Event::KeyDrilled { .. })).count(), 1);
        assert!(!events().any(|event| matches!(event, Event::Failed { .. })));
    });
}
