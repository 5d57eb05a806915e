//! The line UI: the same prompts where there is no terminal UI. It prints what the terminal UI shows, reads one line a time,
//! and knows nothing of the ceremony that a prompt does not say.
//!
//! 1. A word is typed whole; a bare Enter answers nothing.
//! 2. At every prompt one may type `?`, or one of the words of [`crate::ceremony::aside::offered`].
//! 3. A secret goes from the keyboard into locked memory, without echo.
//! 4. Where nobody types any more, the ceremony pauses: nothing is lost.

mod codes;
mod keyboard;
mod render;
mod touch;

use zeroize::Zeroizing;

use self::touch::Left;
pub use self::{
    codes::ByTerminal,
    keyboard::Keyboard,
    render::{ask_words, render, secret_words, step_head},
};
use crate::{
    ceremony::{
        Pending,
        aside::offered,
        event::Mode,
        outline,
        prompt::{Answer, AsideKind, Choice, Input, Prompt, Scene, SlowHash},
        script::Script,
        state::Closing,
    },
    digest::{from_hex, to_hex},
    fault::{Error, Fault},
    perform::Performer,
    rules::{Refusal, Rule},
    runner::{Ended, Runner},
    secret::{Secret, WORD_SALT_LENGTH, WordProof},
    text::shown,
};

/// What people type while a token blinks, so that nothing more is sent to it.
pub const STOP: &str = "STOP";

/// People at a keyboard.
pub trait Io {
    /// Says a line to them.
    fn say(&mut self, line: &str);

    /// Asks for a line; `None` where nobody types any more.
    ///
    /// # Errors
    /// A fault where the keyboard fails.
    fn line(&mut self, prompt: &str) -> Result<Option<String>, Fault>;

    /// Asks for a secret; `None` where nobody types any more.
    ///
    /// # Errors
    /// A fault where the keyboard or memory fails.
    fn secret(&mut self, prompt: &str) -> Result<Option<Secret>, Fault>;

    /// Whether people typed [`STOP`] meanwhile. Waits for nobody.
    ///
    /// # Errors
    /// A fault where the keyboard fails.
    fn stops(&mut self) -> Result<bool, Fault> {
        Ok(false)
    }

    /// Whether people sit there, and not a file or another program.
    fn is_people(&self) -> bool;
}

/// Leads people through a ceremony.
///
/// # Errors
/// A fault that leaves nowhere to go on: the last medium failed, or nobody is there in production.
pub fn run(runner: &mut Runner, performer: &mut Performer, io: &mut dyn Io) -> Result<Ended, Error> {
    if runner.ceremony().mode() == Mode::Production && !io.is_people() {
        return Err(Fault::machine(
            "read answers from standard input",
            "it is no terminal; in production people type for themselves",
        )
        .into());
    }
    let mut step = String::new();
    let left = Left::default();
    loop {
        match runner.ceremony().pending() {
            Pending::Finished(Closing::Closed) => return Ok(Ended::Closed),
            Pending::Finished(Closing::Abandoned) => return Ok(Ended::Abandoned),
            Pending::Paused => {
                say_stopped(runner, io);
                return Ok(Ended::Paused);
            }
            Pending::Ask(prompt) => {
                left.take_back();
                let position = runner.ceremony().position();
                if position.number != step {
                    step = position.number;
                    let now = runner.now();
                    step_head(runner.ceremony(), now).iter().for_each(|line| io.say(line));
                }
                let script = runner.ceremony().script().clone();
                io.say("");
                render(&prompt.scene, &script).iter().for_each(|line| io.say(line));
                let answer = ask(&prompt, &script, io)?.unwrap_or(Answer::Aside(AsideKind::Leave));
                if let Err(error) = runner.answer(&answer) {
                    say_refusal(error, io)?;
                }
            }
            Pending::Do(_) | Pending::InDoubt(_) => perform(runner, performer, &left, io)?,
        }
    }
}

fn perform(runner: &mut Runner, performer: &mut Performer, left: &Left, io: &mut dyn Io) -> Result<(), Error> {
    let done = match runner.intend() {
        Ok(None) => return Ok(()),
        Ok(Some(job)) => {
            let again = if job.in_doubt { " (it may have been done already: looking first)" } else { "" };
            io.say(&format!("... {}{again}", job.operation.words()));
            let answer = touch::perform(performer, job, left, io)?;
            runner.answer(&answer)
        }
        Err(error) => Err(error),
    };
    let Err(error) = done else { return Ok(()) };
    // Such a refusal stands in no entry, and nothing changed: without a person's word this would be tried for ever.
    let unrecorded = error
        .refusal()
        .filter(|refusal| matches!(refusal.rule, Rule::ClockForward | Rule::AnswerFits))
        .cloned()
        .map(Error::from);
    say_refusal(error, io)?;
    match unrecorded {
        Some(error) if io.line("Press Enter to try again")?.is_none() => Err(error),
        _ => Ok(()),
    }
}

/// Says why nothing happened. A fault of the record itself is the end.
fn say_refusal(error: Error, io: &mut dyn Io) -> Result<(), Error> {
    match error {
        Error::Refused(Refusal { rule, what, remedy }) => {
            io.say(&format!("NO. {rule}: {what}"));
            io.say(&format!("    {remedy}"));
            Ok(())
        }
        Error::Fault(_) => Err(error),
    }
}

fn say_stopped(runner: &Runner, io: &mut dyn Io) {
    let ceremony = runner.ceremony();
    let scene = Scene::Stopped { account: outline::account(ceremony), head: ceremony.stamp().head };
    io.say("");
    render(&scene, ceremony.script()).iter().for_each(|line| io.say(line));
}

/// Asks until something was answered; `None` where nobody types any more.
fn ask(prompt: &Prompt, script: &Script, io: &mut dyn Io) -> Result<Option<Answer>, Fault> {
    for line in ask_words(prompt, script) {
        io.say(&line);
    }
    loop {
        let asked = match &prompt.input {
            Input::Word(choices) => word(choices, io)?,
            Input::Text { label, .. } => text(label, io)?,
            Input::HiddenWords(_) => hidden_words(&prompt.scene, io)?,
            Input::Pick(options) => pick(options, io)?,
            Input::NewPersonalWord { .. } => new_personal_word(io)?,
            Input::PersonalWord { salt, .. } => personal_word(salt, io)?,
        };
        match asked {
            Asked::Answer(answer) => return Ok(Some(answer)),
            Asked::Again => {}
            Asked::Nobody => return Ok(None),
        }
    }
}

enum Asked {
    Answer(Answer),
    Again,
    Nobody,
}

/// A line that is no help, no aside and no burst of a security key.
enum Typed {
    Line(String),
    Asked(Asked),
}

fn typed(prompt: &str, io: &mut dyn Io) -> Result<Typed, Fault> {
    Ok(match io.line(prompt)? {
        Some(line) => meaning(&line, io),
        None => Typed::Asked(Asked::Nobody),
    })
}

fn meaning(line: &str, io: &mut dyn Io) -> Typed {
    let line = line.trim();
    if is_burst(line) {
        io.say("That was typed by a security key that somebody touched; it is not taken.");
        return Typed::Asked(Asked::Again);
    }
    if line == "?" {
        io.say("At every prompt one of these words may be typed instead of an answer:");
        offered().iter().for_each(|(_, choice)| io.say(&format!("  {:<12} {}", choice.word, choice.does)));
        return Typed::Asked(Asked::Again);
    }
    if let Some((aside, _)) = offered().into_iter().find(|(_, choice)| choice.word == line) {
        return Typed::Asked(Asked::Answer(Answer::Aside(aside)));
    }
    Typed::Line(line.to_owned())
}

/// 44 letters of the ModHex alphabet: what a YubiKey types when it is touched.
fn is_burst(line: &str) -> bool {
    line.len() == 44 && line.bytes().all(|byte| b"cbdefghijklnrtuv".contains(&byte))
}

fn word(choices: &[Choice], io: &mut dyn Io) -> Result<Asked, Fault> {
    let Some(line) = io.line("> ")? else { return Ok(Asked::Nobody) };
    // The prompt's own LEAVE is not the aside of that name: it stands before it.
    if let Some(choice) = choices.iter().find(|choice| choice.word.eq_ignore_ascii_case(line.trim())) {
        return Ok(Asked::Answer(Answer::Word(choice.word.to_owned())));
    }
    Ok(match meaning(&line, io) {
        Typed::Asked(asked) => asked,
        Typed::Line(_) => {
            let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
            io.say(&format!("Type {} whole, or ? for what else there is.", words.join(" or ")));
            Asked::Again
        }
    })
}

fn text(label: &str, io: &mut dyn Io) -> Result<Asked, Fault> {
    Ok(match typed(&format!("{}: ", shown(label)), io)? {
        Typed::Asked(asked) => asked,
        Typed::Line(line) if line.is_empty() => Asked::Again,
        Typed::Line(line) => Asked::Answer(Answer::Text(line)),
    })
}

fn hidden_words(scene: &Scene, io: &mut dyn Io) -> Result<Asked, Fault> {
    let Scene::ReadBack { blind, .. } = scene else { return Ok(Asked::Answer(Answer::HiddenWords(vec![]))) };
    let mut words = vec![];
    for position in blind.hidden() {
        match typed(&format!("word {}: ", position + 1), io)? {
            Typed::Asked(asked) => return Ok(asked),
            Typed::Line(line) => words.push(line),
        }
    }
    Ok(Asked::Answer(Answer::HiddenWords(words)))
}

fn pick(options: &[String], io: &mut dyn Io) -> Result<Asked, Fault> {
    let line = match typed("number: ", io)? {
        Typed::Asked(asked) => return Ok(asked),
        Typed::Line(line) => line,
    };
    let chosen = line.parse().ok().and_then(|number: usize| Some((number, options.get(number.checked_sub(1)?)?)));
    let Some((number, option)) = chosen else {
        io.say(&format!("Type a number from 1 to {}.", options.len()));
        return Ok(Asked::Again);
    };
    io.say(&format!("{number} is: {}", shown(option)));
    Ok(match typed("Type THIS if it is meant: ", io)? {
        Typed::Asked(asked) => asked,
        Typed::Line(line) if line.eq_ignore_ascii_case("this") => Asked::Answer(Answer::Picked(number - 1)),
        Typed::Line(_) => Asked::Again,
    })
}

fn new_personal_word(io: &mut dyn Io) -> Result<Asked, Fault> {
    let Some(first) = io.secret("your word (not shown): ")? else { return Ok(Asked::Nobody) };
    if first.is_empty() {
        return something_else(io);
    }
    let Some(second) = io.secret("the same word once more: ")? else { return Ok(Asked::Nobody) };
    if !first.same_as(&second) {
        io.say("The two differ. Choose again.");
        return Ok(Asked::Again);
    }
    let mut salt = [0; WORD_SALT_LENGTH];
    getrandom::fill(&mut salt).map_err(|error| Fault::machine("draw a random salt", error))?;
    let proof = WordProof::derive(&first, &salt)?;
    Ok(Asked::Answer(Answer::NewPersonalWord { salt: to_hex(&salt), verifier: proof.verifier() }))
}

fn personal_word(salt: &str, io: &mut dyn Io) -> Result<Asked, Fault> {
    let Some(word) = io.secret("your own word (not shown): ")? else { return Ok(Asked::Nobody) };
    if word.is_empty() {
        return something_else(io);
    }
    let salt = from_hex(salt).and_then(|salt| salt.try_into().ok());
    let salt = salt.ok_or_else(|| Fault::machine("read the salt of a personal word", "the record is damaged"))?;
    let proof = WordProof::derive(&word, &salt)?;
    let hash = Zeroizing::new(*proof.as_bytes());
    Ok(Asked::Answer(Answer::PersonalWord(SlowHash(*hash))))
}

/// Instead of a secret nothing was typed: perhaps something else is wanted.
fn something_else(io: &mut dyn Io) -> Result<Asked, Fault> {
    Ok(match typed("Nothing was typed. ? for what else there is, or Enter to go back: ", io)? {
        Typed::Asked(asked) => asked,
        Typed::Line(_) => Asked::Again,
    })
}
