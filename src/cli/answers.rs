//! An answers file stands for people in a rehearsal, and in a rehearsal only.
//!
//! It holds personal words, PINs of throw-away tokens and lines for the record. Everything else is answered as a room does
//! where all goes well: the first word that a prompt offers, the words from the paper, the machine's own clock.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    backup::ROWS,
    ceremony::{
        Ceremony, Pending,
        operation::Trouble,
        prompt::{Answer, Input, Prompt, Scene, SlowHash},
        state::Closing,
        words::erase::TOLD,
    },
    digest::to_hex,
    fault::{Error, Fault},
    files,
    perform::{Covered, People, Performer, rehearsal},
    runner::{Ended, Runner},
    secret::{Secret, SecretKind, SecretRequest, WORD_SALT_LENGTH, WordProof},
    utc::Utc,
};

/// Who answers for the room.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The only format there is: 1.
    format: u32,
    /// Everybody's personal word, by short name.
    words: BTreeMap<String, String>,
    /// PINs of throw-away tokens, by alias.
    #[serde(default)]
    pins: BTreeMap<String, Pins>,
    /// Passphrases of keys that are handed over, by their short names.
    #[serde(default)]
    passphrases: BTreeMap<String, String>,
    /// Lines for the record, by label.
    #[serde(default)]
    records: BTreeMap<String, String>,
    /// Throws of a die, as digits; without them, any.
    #[serde(default)]
    throws: Option<String>,
    /// Who is absent.
    #[serde(default)]
    absent: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pins {
    user: String,
    so: String,
}

impl Answers {
    /// Reads an answers file.
    ///
    /// # Errors
    /// What is wrong with it, with its place.
    pub fn read(text: &str) -> Result<Self, String> {
        let answers: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if answers.format != 1 {
            return Err(format!("format is {}; this program reads format 1", answers.format));
        }
        Ok(answers)
    }

    /// Answers a prompt.
    ///
    /// # Errors
    /// Where the file has no word for somebody, or memory cannot be locked.
    pub fn answer(&self, prompt: &Prompt, now: Utc) -> Result<Answer, Fault> {
        Ok(match &prompt.input {
            Input::Word(choices) => {
                let absent =
                    prompt.who.first().is_some_and(|person| self.absent.iter().any(|id| id == person.as_str()));
                let word = choices.iter().find(|choice| absent && choice.word == "ABSENT").or(choices.first());
                Answer::Word(word.map(|choice| choice.word.to_owned()).unwrap_or_default())
            }
            // What names a throw-away token, which nobody knew beforehand.
            Input::Text { label, .. } if label == TOLD => match &prompt.scene {
                Scene::Swap { token, .. } => Answer::Text(token.serial.clone().unwrap_or_default()),
                _ => Answer::Text(String::new()),
            },
            Input::Text { label, hint } => {
                let clock = hint.starts_with("HH:MM");
                let line = self.records.get(label).cloned();
                Answer::Text(line.unwrap_or_else(|| if clock { now.time_of_day() } else { "none".into() }))
            }
            Input::HiddenWords(_) => match &prompt.scene {
                Scene::ReadBack { blind, .. } => Answer::HiddenWords(blind.answer()),
                _ => Answer::HiddenWords(vec![]),
            },
            Input::Pick(_) => Answer::Picked(0),
            Input::NewPersonalWord { person } => {
                let mut salt = [0; WORD_SALT_LENGTH];
                getrandom::fill(&mut salt).map_err(|error| Fault::machine("draw a random salt", error))?;
                let proof = WordProof::derive(&self.word(person.as_str())?, &salt)?;
                Answer::NewPersonalWord { salt: to_hex(&salt), verifier: proof.verifier() }
            }
            Input::PersonalWord { person, salt } => {
                let salt = crate::digest::from_hex(salt)
                    .and_then(|salt| salt.try_into().ok())
                    .unwrap_or([0; WORD_SALT_LENGTH]);
                let proof = WordProof::derive(&self.word(person.as_str())?, &salt)?;
                Answer::PersonalWord(SlowHash(*proof.as_bytes()))
            }
        })
    }

    /// Gives a secret of a throw-away token; `None` where the file has none.
    pub fn secret(&self, request: &SecretRequest) -> Option<Secret> {
        let label = request.label.as_ref()?;
        if request.what.is_passphrase() {
            let own = self.passphrases.get(label).map(String::as_str);
            // A key file that a rehearsal made for itself.
            let known = (request.what == SecretKind::Passphrase).then_some(rehearsal::PASSPHRASE);
            return Secret::copied(own.or(known)?.as_bytes()).ok();
        }
        let pins = self.pins.get(label)?;
        let pin = match request.what {
            SecretKind::UserPin | SecretKind::NewUserPin | SecretKind::NewUserPinAgain => &pins.user,
            SecretKind::SoPin | SecretKind::NewSoPin | SecretKind::NewSoPinAgain => &pins.so,
            _ => return None,
        };
        Secret::copied(pin.as_bytes()).ok()
    }

    fn word(&self, person: &str) -> Result<Secret, Fault> {
        let word = self.words.get(person).ok_or_else(|| {
            Fault::machine("answer for the room", format!("the answers file has no word for “{person}” in [words]"))
        })?;
        Secret::copied(word.as_bytes())
    }
}

/// The room of an answers file: what custodians wrote down is kept as on paper, for throw-away keys.
struct PaperRoom<'a> {
    answers: &'a Answers,
    paper: BTreeMap<(String, u8, u8), Secret>,
    record: PathBuf,
}

fn rehearsed_row(record: &Path, (set, share, row): &(String, u8, u8)) -> Option<Secret> {
    let text = files::read(&rehearsal::page(record, set, *share), files::limit::PUBLIC_KEY).ok()?;
    Secret::copied(text.split(|byte| *byte == b'\n').nth(usize::from(*row) - 1)?).ok()
}

impl PaperRoom<'_> {
    /// Copies the page that lies in memory, if one does, as from paper: rows of letters in the table of the rows.
    fn copy_page(&mut self, ceremony: &Ceremony) -> Option<()> {
        let page = ceremony.backups().page().filter(|page| page.whole)?;
        let set = ceremony.backups().get(&page.name)?.sealed.as_ref()?.set.id();
        let html = String::from_utf8(files::read(page.file.as_ref(), files::limit::PUBLIC_KEY).ok()?).ok()?;
        let (_, rows) = html.split_once("<table class=rows>")?;
        for (row, number) in rows.split("<tr><td>").skip(1).zip(1..=ROWS as u8) {
            let cells = row.split("<td>").skip(1).filter_map(|cell| cell.split_once("</td>"));
            let text = cells.map(|(letters, _)| letters).collect::<Vec<_>>().join(" ");
            self.paper.insert((set.clone(), page.index, number), Secret::copied(text.as_bytes()).ok()?);
        }
        Some(())
    }
}

impl People for PaperRoom<'_> {
    fn secret(&mut self, request: &SecretRequest) -> Option<Secret> {
        match (&request.row, request.what) {
            (Some(row), SecretKind::ShareRow) => {
                let page = (row.set.clone(), row.share.unwrap_or(row.brought), row.row);
                match self.paper.get(&page) {
                    Some(written) => Secret::copied(written.expose()).ok(),
                    // A throw-away page that the rehearsal made.
                    None => rehearsed_row(&self.record, &page),
                }
            }
            (_, SecretKind::Throws) => {
                let throws = self.answers.throws.as_deref().map_or_else(|| "123456".repeat(20), str::to_owned);
                Secret::copied(throws.as_bytes()).ok()
            }
            _ => self.answers.secret(request),
        }
    }

    fn show(&mut self, row: &Covered<'_>) -> Option<()> {
        let page = (row.row.set.clone(), row.row.share.unwrap_or(row.row.brought), row.row.row);
        self.paper.insert(page, Secret::copied(row.text.expose()).ok()?);
        Some(())
    }
}

/// Lets the answers file go through a ceremony. `say` gets what happens, a line at a time. Stops at the first trouble: nobody is
/// there to decide what to do about it. What a run before this one left, and what was in doubt and turned out not to have been
/// done, is tried once more.
///
/// # Errors
/// A refusal or a fault.
pub fn go_through(
    runner: &mut Runner,
    performer: &mut Performer,
    answers: &Answers,
    say: &mut dyn FnMut(&str),
) -> Result<Ended, Error> {
    let mut step = String::new();
    let mut tried = false;
    let mut room = PaperRoom {
        answers,
        paper: BTreeMap::new(),
        record: runner.media().first().map(|medium| medium.folder.clone()).unwrap_or_default(),
    };
    loop {
        let position = runner.ceremony().position();
        if position.number != step {
            step.clone_from(&position.number);
            let title = runner
                .ceremony()
                .prose()
                .map_or_else(|| "the head is read and written down".into(), |prose| prose.title);
            say(&format!("{} {step} {title}", position.stamp));
        }
        match runner.ceremony().pending() {
            Pending::Finished(Closing::Closed) => return Ok(Ended::Closed),
            Pending::Finished(Closing::Abandoned) => return Ok(Ended::Abandoned),
            Pending::Paused => return Ok(Ended::Paused),
            Pending::Ask(prompt) => {
                if let Scene::Trouble { trouble, .. } = &prompt.scene
                    && (tried || trouble.is_last_try())
                {
                    return Err(trouble_as_error(trouble));
                }
                room.copy_page(runner.ceremony());
                let now = runner.now();
                let answer = answers.answer(&prompt, now)?;
                runner.answer(&answer)?;
            }
            Pending::Do(_) | Pending::InDoubt(_) => {
                let Some(job) = runner.intend()? else { continue };
                tried = !job.in_doubt;
                say(&format!("          {}", job.operation.words()));
                let answer = performer.perform_with(&job, &mut room);
                runner.answer(&answer)?;
            }
        }
    }
}

fn trouble_as_error(trouble: &Trouble) -> Error {
    match trouble {
        Trouble::Fault(fault) => Error::Fault(fault.clone()),
        Trouble::Refused(refusal) => Error::Refused(refusal.clone()),
        Trouble::NobodyAnswered { secret } => Error::Fault(Fault::machine(
            "answer for the room",
            format!("the answers file has no {secret} in [pins] or [passphrases]"),
        )),
    }
}
