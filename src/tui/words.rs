//! Everything that the screen says of its own, in one place. The words of steps and scenes are the engine's
//! ([`crate::ceremony::words`]).

use super::model::Asking;
use crate::{
    ceremony::prompt::{Input, WordsStand},
    utc::Utc,
};

/// Repeated along the frame of a rehearsal.
pub const REHEARSAL_STRIPE: &str = " REHEARSAL ";
/// The stamp of a ceremony in which one person can sign alone.
pub const SINGLE_CONTROL: &str = "SINGLE CONTROL";
/// What confirms a picked line.
pub const PICK_WORD: &str = "TAKE";
/// What stands before the line that is typed.
pub const PROMPT: &str = "> ";
/// Before a word that may be typed.
pub const TYPE: &str = "Type ";
/// What AGAIN does where nothing could be begun.
pub const DOES_AGAIN: &str = "tries once more";
/// What LEAVE does where nothing could be begun.
pub const DOES_LEAVE: &str = "ends the program; the record is as it was";
/// What WRITTEN does after leaving.
pub const DOES_WRITTEN: &str = "the words stand on the witness's paper; the program ends";
/// What END does.
pub const DOES_END: &str = "leaves this screen";
/// Where more of the step is.
pub const MORE_OF_STEP: &str = "F3 shows the rest of this step's text.";
/// What stands before what people should see.
pub const EXPECT: &str = "Expect:";

/// What Ctrl-C says at a question.
pub const CTRL_C: &str = "Ctrl-C ends nothing. To stop here, type LEAVE; the ceremony can be resumed. Esc goes back.";
/// What Ctrl-C says while something is done.
pub const CTRL_C_WORKING: &str =
    "Something is being done to the world; it cannot be left half-way. Leave at the next question.";
/// What Ctrl-C says at an end.
pub const CTRL_C_END: &str = "Type the word below to leave this screen.";
/// Where no aside fits.
pub const NO_ASIDE_NOW: &str =
    "Not while something is being done. Esc gives no secret; the next question offers everything else.";
/// What the menu of asides waits for.
pub const TYPE_AN_ASIDE: &str = "Type one of these words whole, or press Esc to go back.";
/// A review sheet was not seen whole.
pub const READ_TO_THE_END: &str = "The sheet was not shown to its end. Down and PgDn scroll; read every line aloud.";
/// A secret is too short.
pub const TOO_SHORT: &str = "That is too short, and was not used. Type it again.";
/// The two entries of a personal word differ.
pub const WORDS_DIFFER: &str = "The two entries differ. Begin again: choose a word, and type it twice.";
/// A token typed.
pub const SWALLOWED: &str =
    "A token was touched and typed its one-time password. It was swallowed; nothing was answered.";
/// A personal word is too short below this many characters.
pub const PERSONAL_WORD_MIN: usize = 4;

/// The keys that are always there.
pub const KEYS: &str = "? explain   Tab script   F3 step   F10 something else   Ctrl-C leave";
/// The keys while a secret is typed.
pub const KEYS_SECRET: &str = "Enter gives it   Ctrl-U clears   Esc gives nothing   F1 explain";
/// The keys while a personal word is typed.
pub const KEYS_WORD: &str = "Enter gives it   Ctrl-U clears   F1 explain   F2 script   F10 something else";
/// The keys over an overlay.
pub const KEYS_OVERLAY: &str = "Up, Down, PgUp, PgDn scroll   Esc back";
/// The keys where only a word is waited for.
pub const KEYS_END: &str = "Up, Down, PgUp, PgDn scroll";
/// The keys while something is done.
pub const KEYS_WORKING: &str = "Tab script   F3 step";

/// The keys while a token blinks.
pub const KEYS_TOUCH: &str = "Esc leaves it   F1 explain   Tab script   F3 step";
/// From how many seconds on the countdown warns.
pub const TOUCH_SOON: u32 = 5;
/// After a token that blinks was left.
pub const TOUCH_LEFT: &str =
    "Left. Nothing more is sent to it. Do not touch it: what it has already, it would still sign.";
/// Where the time of a token that blinks should be over.
pub const TOUCH_OVER: &str = "its time is over; waiting for its answer";
/// The title where nobody touched a token.
pub const NOT_TOUCHED: &str = "NOT TOUCHED";

/// Above the grid of words to write down.
pub const WRITE_DOWN: &str = "Read aloud, write on paper:";
/// Above the grid of a blind read-back.
pub const READ_BACK: &str = "Compare with paper, and supply the hidden words:";
/// The same of what crosses as QR codes.
pub const COMPARE: &str = "Compare with the other screen, and supply the hidden words:";
/// Before a statement.
pub const STATEMENT: &str = "What is confirmed:";
/// The title of a point of no return.
pub const NO_RETURN: &str = "POINT OF NO RETURN";
/// The title of a trouble.
pub const TROUBLE: &str = "TROUBLE";
/// The title of a refusal.
pub const REFUSED: &str = "REFUSED";
/// Before a remedy.
pub const REMEDY: &str = "Do this:";
/// The title of the screen after leaving.
pub const STOPPED: &str = "Stopped. Nothing is lost: the record is on its media, and the ceremony can be resumed.";
/// Before the account.
pub const ACCOUNT: &str = "Where everything stands, and what to bag:";
/// The words that are asked for on resume.
pub const STOPPED_WORDS: &str = "The witness writes these words down. The resume asks for them:";
/// The title of the last screen of a whole ceremony.
pub const CLOSED: &str = "The ceremony is closed.";
/// The title of the last screen of a ceremony that was given up.
pub const ABANDONED: &str = "The ceremony was given up. Its record says what became of everything.";
/// Before the words of the final head.
pub const FINAL_HEAD: &str = "The head of the transcript:";
/// Before what was exported.
pub const EXPORTED: &str = "What left:";
/// Before the places of the record.
pub const RECORD: &str = "The record is here:";
/// While something is done in doubt.
pub const IN_DOUBT: &str =
    "It may have been done before the program stopped. It is looked for first; nothing is repeated.";
/// While something is done.
pub const PLEASE_WAIT: &str = "Do not take a token out while this goes on.";

/// A terminal that is too small.
pub fn too_small(needs: (u16, u16), has: (u16, u16)) -> String {
    format!(
        "officiant needs {}x{}, this terminal is {}x{}. Make it larger; nothing is lost.",
        needs.0, needs.1, has.0, has.1
    )
}

/// The clock of the header.
pub fn clock(now: Utc) -> String {
    format!("{} {} UTC", now.date(), now.time_of_day())
}

/// The act of the header.
pub fn act(number: usize, last: usize, title: &str) -> String {
    format!("Act {number} of {last}: {title}")
}

/// The step of the header.
pub fn step(number: &str, step: usize, steps: usize) -> String {
    match number.strip_suffix(" end") {
        Some(act) => format!("End of act {act} (before step {step} of {steps})"),
        None => format!("Step {number} ({step} of {steps})"),
    }
}

/// Who is to act.
pub fn to_act(names: &str) -> String {
    format!("To act: {names}")
}

/// The head of the header.
pub fn head(hex: &str, words: &str) -> String {
    format!("head {hex} {words}")
}

/// What is in sight of something long.
pub fn rows_of(first: usize, last: usize, whole: usize) -> String {
    let more = if last < whole { "; Down and PgDn show more" } else { ", the end" };
    format!("-- rows {first} to {last} of {whole}{more} --")
}

/// What to type where several words are possible.
pub fn type_one_of(words: &[&str]) -> String {
    format!("Type {} whole.", words.join(" or "))
}

/// Enter without anything.
pub fn nothing_typed(asking: &Asking) -> String {
    match &asking.prompt.input {
        Input::Word(choices) => {
            let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
            format!("Enter alone does nothing. {}", type_one_of(&words))
        }
        Input::Pick(_) => number_first(asking.picked.is_some()),
        _ => "Enter alone does nothing.".into(),
    }
}

/// A number that no line has.
pub fn no_such_number(count: usize) -> String {
    format!("Type a number from 1 to {count}.")
}

/// The two halves of picking.
pub fn number_first(picked: bool) -> String {
    if picked {
        format!("Type {PICK_WORD} to take the marked line, or another number.")
    } else {
        format!("Type the number of a line first, then {PICK_WORD}.")
    }
}

/// What is asked for in a blank of the read-back.
pub fn hidden_word(number: usize, index: usize, count: usize, stand: WordsStand) -> String {
    let from = match stand {
        WordsStand::OnPaper => "paper",
        WordsStand::OnTheOtherScreen => "the other screen",
    };
    format!("Word {number} from {from}, then Enter ({} of {count} hidden words)", index + 1)
}

/// What is asked for at a personal word.
pub fn personal_word(name: &str, new: bool, again: bool) -> String {
    match (new, again) {
        (true, false) => format!("{name}: your own word, at least {PERSONAL_WORD_MIN} characters. It is not shown."),
        (true, true) => format!("{name}: the same word once more."),
        (false, _) => format!("{name}: confirm with your own word. It is not shown."),
    }
}

/// How long something takes.
pub fn elapsed(seconds: u64) -> String {
    match seconds {
        0..60 => format!("for {seconds} s"),
        _ => format!("for {} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// What is left of a break.
pub fn break_left(until: Utc, seconds: i64) -> String {
    let back = until.time_of_day();
    match seconds {
        ..=0 => format!("The break is over since {back} UTC."),
        _ => format!("Back at {back} UTC: {} min {:02} s are left.", seconds / 60, seconds % 60),
    }
}

/// Who stands back.
pub fn stand_back(name: &str) -> String {
    format!("{name}, stand back.")
}

/// Who sits down.
pub fn sit(name: &str) -> String {
    format!("{name}, sit at the keyboard. You will type: ")
}

/// What a handover asks of the room.
pub const CAMERA: &str = "Everybody else looks away. The camera looks away.";

/// What is known of the keyboard.
pub fn keyboard(layout: Option<&str>) -> String {
    match layout {
        Some(layout) => {
            format!("Keyboard layout: {layout}, as this machine's settings say. Try its letters here before a PIN.")
        }
        None => "Keyboard layout: unknown. Try its letters here before a PIN.".into(),
    }
}

/// How long a token still blinks.
pub fn blinks(seconds: u32) -> String {
    format!("it blinks, {seconds:>2} s")
}
