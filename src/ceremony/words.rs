//! Everything that the program says in a ceremony, on screen and on paper, in one place: a second language is this file and
//! its sibling once more.

pub mod backup;
pub mod crossing;
pub mod custody;
pub mod erase;
pub mod events;
pub mod management;
pub mod media;
pub mod pages;
pub mod paper;
pub mod recipients;
pub mod repositories;
pub mod restore;
pub mod steps;
pub mod wrapping;

use super::{
    Ceremony,
    event::AsideQuestion,
    operation::SeenToken,
    participants::{Alias, Duty, Person, PersonId},
    prompt::{AsideKind, Scene},
    script::{Kind, Script},
    state::Draft,
};
use crate::text::{shown, shown_up_to};

/// What the script's words are called in a read-back.
pub const SCRIPT_SUBJECT: &str = "the script";
/// What the final head is called in a read-back.
pub const FINAL_HEAD_SUBJECT: &str = "the final head of the transcript";
/// What the witness's last words are called after a resume.
pub const LAST_WORDS_SUBJECT: &str = "the head that the witness wrote down last";

/// What to do after a fault.
pub const AFTER_FAULT: &str = "Look at the token or the medium. Type AGAIN to try the same once more, note an exception, or leave: nothing is lost.";
/// What to do when nobody touched a token.
pub const AFTER_NO_TOUCH: &str = "Nothing failed. Type AGAIN when its holder has a finger at it: the PIN is typed once more, and it blinks once more.";
/// What to do when nobody gave a secret.
pub const AFTER_NO_ANSWER: &str =
    "Nothing was sent to the token. Type AGAIN when the right person sits at the keyboard.";
/// What to do after a wrong word.
pub const AFTER_WRONG_WORD: &str = "Read the word from the paper once more, letter by letter. If it still differs, this is not what the paper says: stop here.";

/// The point of a swap.
pub const INSERTED: &str = "the token is in";
/// What is said of preparing a YubiKey.
pub const YUBIKEY_PREPARED: &str = "It is a YubiKey: its SO-PIN is its PUK. PIN and PUK have 6 to 8 characters each. Its OTP interface is off, or it is touched only while it blinks: otherwise a touch types 44 characters into whatever has the keyboard.";
/// What is said of a key that a YubiKey makes.
pub const YUBIKEY_ATTESTS: &str = "The YubiKey states, under its maker's certificate, that the key was made inside of it. Without that the key does not count.";
/// What is said of a YubiKey that waits for a touch.
pub const YUBIKEY_TOUCHED: &str = "When it blinks, its holder touches it, within 15 seconds. A touch that comes too late costs nothing: it blinks again.";
/// The point at which a used token's serial was typed.
pub const SERIAL_TYPED: &str = "serial of a token that is not blank";
/// The point of no return before a token is initialised.
pub const INITIALISES: &str = "the token may be initialised";
/// The point of no return before a signature.
pub const SIGNS: &str = "the payload may be signed";
/// The point before files are written.
pub const EXPORTS: &str = "the files may be written";
/// The point after a break.
pub const BREAK_OVER: &str = "the break is over";
/// What sitting down does.
pub const SITS: &str = "you sit at the keyboard, and nobody else sees it";
/// What INITIALISE does.
pub const DOES_INITIALISE: &str = "wipes the token and gives it a new SO-PIN";
/// What LEAVE does.
pub const DOES_LEAVE: &str = "stops here; the ceremony can be resumed";
/// What DRAFT does.
pub const DOES_DRAFT: &str = "composes the root from the script and the keys that are here";
/// What READ does.
pub const DOES_READ: &str = "the sheet was read aloud to its end";
/// What WRITTEN does.
pub const DOES_WRITE: &str = "the words stand on the witness's paper";
/// What AGAIN does.
pub const DOES_AGAIN: &str = "tries the same once more";
/// What SPEND THE LAST TRY does.
pub const DOES_LAST_TRY: &str = "asks for the PIN once more; if it is wrong, the token locks";
/// What SIGN does.
pub const DOES_SIGN: &str = "the token signs after its PIN";
/// What is asked to be looked for once more.
pub const LOOK_AGAIN: &str = "none of these: look again";
/// Names of secrets.
pub const USER_PIN: &str = "user PIN";
/// A user PIN that is set for the first time.
pub const NEW_USER_PIN: &str = "new user PIN, twice";
/// An SO-PIN that is set for the first time.
pub const NEW_SO_PIN: &str = "new SO-PIN, twice";

/// The hint beside a line for the record.
pub const RECORD_HINT: &str = "as it stands on the object; “none” if there is none";
/// What a clock reading is called.
pub const CLOCK_LABEL: &str = "time on the independent clock, UTC";
/// How a clock reading looks.
pub const CLOCK_HINT: &str = "HH:MM:SS in UTC, as on a 24-hour clock";
/// What is said in a break.
pub const BREAK_ASK: &str = "Two people stay in the room. Tokens and paper lie in sight. Nobody touches the keyboard.";
/// What the bags are called after a resume.
pub const BAGS_LABEL: &str = "numbers of the bags that were opened to go on";
/// What is asked about the bags.
pub const BAGS_ASK: &str =
    "Read the number of each bag that was opened since the ceremony stopped, and compare it with the paper.";
/// The hint beside it.
pub const BAGS_HINT: &str = "all numbers, with commas; “none” if nothing was bagged";
/// How an aside is dropped.
pub const ASIDE_HINT: &str = "one line; a single - drops the whole matter";

/// What EXCEPTION offers.
pub const OFFER_EXCEPTION: &str = "note an exception: expected, happened, decided, by which two people";
/// What VOID offers.
pub const OFFER_VOID: &str = "void the payload: its signatures stay listed as spent, and another is drafted";
/// What SUBSTITUTE offers.
pub const OFFER_SUBSTITUTE: &str = "put a declared spare in the place of a token";
/// What LEAVE offers.
pub const OFFER_LEAVE: &str = "stop here; the ceremony can be resumed";
/// What ABANDON offers.
pub const OFFER_ABANDON: &str = "give this ceremony up for ever, with an account of everything";

/// A sentence of the script's author, made safe to show and not cut: nobody confirms half a statement.
pub fn whole(text: &str) -> String {
    shown_up_to(text, super::script::read::FIELD_MAX)
}

/// Who sits at the keyboard, as far as the script says.
pub fn operators(script: &Script) -> Vec<PersonId> {
    let operators: Vec<_> = script
        .with_duty(Duty::Operator)
        .filter(|person| person.stands_in_for.is_none())
        .map(|person| person.id.clone())
        .collect();
    if operators.is_empty() {
        script.people.first().map(|person| person.id.clone()).into_iter().collect()
    } else {
        operators
    }
}

/// A token as people call it: `ana-1 (blue tag, Ana Ruiz)`.
pub fn token(ceremony: &Ceremony, alias: &Alias) -> String {
    let card = ceremony.card(alias);
    format!("{alias} ({} tag, {})", shown(&card.tag), shown(&card.holder_name))
}

/// The names of some people, as in a sentence.
pub fn names(script: &Script, people: &[PersonId]) -> String {
    let names: Vec<_> = people.iter().map(|person| shown(script.name(person))).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nobody".into(),
    }
}

/// `Ana Ruiz is here`.
pub fn present(person: &Person) -> String {
    format!("{} is in the room", shown(&person.name))
}

/// `Ana Ruiz is not here`.
pub fn absent(person: &Person) -> String {
    format!("{} is not; a declared surrogate is called instead", shown(&person.name))
}

/// The question at roll-call.
pub fn is_here(person: &Person) -> String {
    format!("Is {} here? Two others look at them.", shown(&person.introduced()))
}

/// The question for a personal word.
pub fn set_word(person: &Person) -> String {
    format!(
        "{}, take the keyboard and choose a word of your own. Nobody else should know it. You confirm with it today, and only you.",
        shown(&person.name)
    )
}

/// The question for a line of the record.
pub fn record_field(field: &str) -> String {
    format!("Read aloud and type: {}", shown(field))
}

/// The question for a clock reading.
pub fn read_clock(name: &str) -> String {
    format!("{}, read a clock that is not this machine's, in UTC. Do not look at the screen's.", shown(name))
}

/// What to do with a blank token.
pub fn insert_blank(alias: &Alias) -> String {
    format!(
        "Take every other token out. Put in the blank token that becomes {alias}, and compare its printed serial with the paper."
    )
}

/// What to do with a token that is known.
pub fn insert(alias: &Alias) -> String {
    format!("Take every other token out. Put in {alias}.")
}

/// What to do in a drill.
pub fn out_and_in(alias: &Alias) -> String {
    format!("Take {alias} out of the machine. Count to three. Put it in again.")
}

/// The point at which a token was put in to sign the final head.
pub fn inserted_for_close(alias: &Alias) -> String {
    format!("{alias} is in, to sign the head")
}

/// The question which token it is.
pub fn pick_token(alias: &Alias) -> String {
    format!("Which of these becomes {alias}? Compare the serial with the one printed on the token.")
}

/// The question for the serial of a token that is not blank.
pub fn type_serial(seen: &SeenToken) -> String {
    format!(
        "This token is not blank: {}. Everything on it will be lost. Type its serial if it is really the one to be wiped.",
        seen.words()
    )
}

/// The announcement before a token is initialised.
pub fn no_return_initialise(alias: &Alias, seen: &SeenToken) -> Scene {
    Scene::PointOfNoReturn {
        what: format!("The token {} is wiped and becomes {alias}.", seen.words()),
        leaving_now: "Leaving now costs nothing: the token is as it was.".into(),
        leaving_later: "Leaving later leaves a token with new PINs and perhaps a key that nobody uses; it is listed, bagged, and can be wiped again.".into(),
    }
}

/// The announcement before a first or a last signature.
pub fn no_return_sign(ceremony: &Ceremony, draft: &Draft, first: bool, meets: bool) -> Scene {
    let version = draft.version;
    let what = match (first, meets) {
        (true, true) => format!("One signature makes root {version} valid for ever."),
        (true, false) => format!("The first signature on root {version} is made."),
        (false, _) => format!("This signature meets the threshold: root {version} is valid for ever."),
    };
    let signed = draft.signatures.len();
    let leaving_now = match signed {
        0 => format!("Leaving now costs nothing: no signature for root {version} exists."),
        1 => format!("Leaving now: one signature for root {version} exists, and nobody accepts it. It can be voided."),
        n => format!(
            "Leaving now: {n} signatures for root {version} exist, and nobody accepts them. They can be voided."
        ),
    };
    let leaving_later = if meets {
        format!(
            "There is no way back after this: whoever holds the record can publish root {version}. A mistake is mended by root {}.",
            version + 1
        )
    } else {
        format!(
            "Leaving later: one signature for root {version} exists. It must be listed as spent if the payload changes."
        )
    };
    let _ = ceremony;
    Scene::PointOfNoReturn { what, leaving_now, leaving_later }
}

/// What the head of an act is called.
pub fn head_subject(ceremony: &Ceremony) -> String {
    format!("the transcript's head after act {}", ceremony.cursor().act)
}

/// What a payload is called.
pub fn payload_subject(version: u64) -> String {
    format!("the payload of root version {version}")
}

/// The label of a root key on its token.
pub fn key_label(repository: &str) -> String {
    let label = format!("{repository} root");
    if label.len() <= 32 { label } else { "root".into() }
}

/// A private key file, as people call it.
pub fn key_file(file: &str) -> String {
    format!("The key file {}", shown(file))
}

/// What to do with a key that is not the one that is meant.
pub const OTHER_KEY_FILE: &str = "Nothing was put on the token. Take the file of the key that is meant; its name in a trust directory is the canonical id.";

/// The question to whoever takes a key away.
pub fn keeper_sits(name: &str, key: &Alias) -> String {
    format!(
        "{}, take the keyboard. You choose the passphrase of the key {key} and type it twice. Nobody looks; the camera looks away. It is all that protects the file, and nobody can give it to you again.",
        shown(name)
    )
}

/// The question before a draft.
pub fn compose(ceremony: &Ceremony) -> String {
    let script = ceremony.script();
    let what = match script.kind {
        Kind::Genesis => "Root version 1 is composed",
        Kind::RotateRoot => "The next root is composed",
        _ => "The same root is composed with a later expiry",
    };
    let again = if ceremony.drafts().iter().any(|draft| draft.voided.is_some()) {
        " A payload was voided before; say aloud by what the new one differs."
    } else {
        ""
    };
    format!("{what} from the script and the keys that are here.{again} Nothing is signed yet.")
}

/// What an officer confirms of a draft.
pub fn confirm_draft(ceremony: &Ceremony, draft: &Draft) -> String {
    format!(
        "I heard the review of root version {} of {} and found my own key in it. Its payload begins with the words {}.",
        draft.version,
        shown(&ceremony.script().repository),
        crate::readback::words(&draft.payload.as_bytes()[..4]).join(" ")
    )
}

/// The question before an export.
pub fn export_ask(ceremony: &Ceremony) -> String {
    format!("The signed root and the public keys are written into the record on {}.", ceremony.media().join(" and on "))
}

/// What a person confirms after a resume.
pub fn here_again(name: &str) -> String {
    format!("I, {}, am here again, and I agree that the ceremony goes on.", shown(name))
}

/// A substitution, as a choice.
pub fn substitution(alias: &Alias, spare: &Alias) -> String {
    format!("{spare} takes the place of {alias}")
}

/// The question of an aside.
pub fn aside_question(kind: AsideKind, question: AsideQuestion) -> String {
    match (kind, question) {
        (_, AsideQuestion::Expected) => "What was expected?".into(),
        (_, AsideQuestion::Happened) => "What happened instead?".into(),
        (AsideKind::Exception, AsideQuestion::Decided) => "What is decided?".into(),
        (AsideKind::Void, AsideQuestion::Decided) => {
            "Why is the payload void, and by what will the next one differ?".into()
        }
        (AsideKind::Substitute, AsideQuestion::Decided) => "Why does the token have to be replaced?".into(),
        (AsideKind::Abandon, AsideQuestion::Decided) => "Why is this ceremony given up?".into(),
        (AsideKind::Leave, AsideQuestion::Decided) => "Why?".into(),
        (_, AsideQuestion::Which) => "Which spare takes which place?".into(),
        (_, AsideQuestion::Who) => "Who decides this? Two different people do, one after the other.".into(),
        (_, AsideQuestion::Confirms) => "Confirm it with your own word.".into(),
    }
}

/// What the answer to a question is called.
pub fn aside_label(question: AsideQuestion) -> &'static str {
    match question {
        AsideQuestion::Expected => "expected",
        AsideQuestion::Happened => "happened",
        AsideQuestion::Decided => "decided",
        AsideQuestion::Which => "which",
        AsideQuestion::Who => "who",
        AsideQuestion::Confirms => "confirms",
    }
}

/// What a person confirms of an aside.
pub fn aside_statement(kind: AsideKind, decided: &str) -> String {
    let what = match kind {
        AsideKind::Exception => "I agree to this exception",
        AsideKind::Void => "I agree that the payload is void",
        AsideKind::Substitute => "I agree that the spare takes the place of the token",
        AsideKind::Abandon => "I agree that this ceremony is given up",
        AsideKind::Leave => "I agree to leave",
    };
    format!("{what}: {}", shown(decided))
}
