//! What people are asked, and what they may answer.
//!
//! A prompt is a *scene* (what is shown) and an *input* (what is waited for). No answer can hold a secret: PINs never come
//! this way, and a personal word comes as a slow salted hash.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    operation::{Outcome, Trouble},
    participants::PersonId,
    repositories::sheet::BatchSheet,
    sheet::{ReviewSheet, TokenCard},
};
use crate::{digest::Digest, readback::Blind};

/// Something the room owes the ceremony.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Who is to act: the one at the keyboard first.
    pub who: Vec<PersonId>,
    /// What is shown.
    pub scene: Scene,
    /// What is waited for.
    pub input: Input,
}

/// What is shown.
#[derive(Clone, Debug)]
pub enum Scene {
    /// The step's own words, and a line that says what is wanted now.
    Plain {
        /// What is wanted now.
        ask: String,
    },
    /// A statement that a person confirms with their own word.
    Statement {
        /// What the person stands for.
        text: String,
    },
    /// Words to read aloud and write on paper.
    WriteDown {
        /// What these words are of: "the script", "the payload of root version 2".
        subject: String,
        /// The digest; the words are its first `count`.
        digest: Digest,
        /// 8 or 32.
        count: usize,
    },
    /// The blind read-back.
    ReadBack {
        /// What these words are of.
        subject: String,
        /// Which words are shown, and which are hidden.
        blind: Blind,
        /// Where the hidden ones stand.
        stand: WordsStand,
    },
    /// The review sheet of a draft.
    Review(Box<ReviewSheet>),
    /// The review sheet of a batch.
    Batch(Arc<BatchSheet>),
    /// A list to be read to its end.
    List {
        /// What it is of, as a sentence.
        title: String,
        /// Its lines.
        lines: Arc<Vec<String>>,
        /// What is to be done with it.
        ask: String,
    },
    /// Somebody else takes the keyboard.
    Handover {
        /// Who stands back.
        from: PersonId,
        /// Who sits down.
        to: PersonId,
        /// With which token, and which secret of it ("user PIN").
        token: TokenCard,
        /// Which secret will be asked for.
        secret: String,
    },
    /// A token is taken out, put in, or both.
    Swap {
        /// Which token.
        token: TokenCard,
        /// What to do with it, as a sentence.
        ask: String,
    },
    /// There is no way back after this.
    PointOfNoReturn {
        /// What is about to happen.
        what: String,
        /// What leaving now costs.
        leaving_now: String,
        /// What leaving later costs.
        leaving_later: String,
    },
    /// Something went wrong with the world, or a rule refused what came of it.
    Trouble {
        /// What.
        trouble: Trouble,
        /// What to do now.
        remedy: String,
    },
    /// A pause.
    Break {
        /// For how many minutes.
        minutes: u32,
        /// What is to be said before it.
        ask: String,
    },
    /// Where things stand when the ceremony stops: what to bag, and which words to write down.
    Stopped {
        /// The account, a line each.
        account: Vec<String>,
        /// The head of the transcript.
        head: Digest,
    },
}

/// Where the hidden words of a read-back stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordsStand {
    /// On paper, as they were written or printed.
    OnPaper,
    /// On the screen at the other side of the air gap.
    OnTheOtherScreen,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub enum Input {
    /// One of these words, typed whole. Never bare Enter.
    Word(Vec<Choice>),
    /// A line of text that will stand in the transcript.
    Text {
        /// What it is called there.
        label: String,
        /// How it should look ("HH:MM:SS").
        hint: String,
    },
    /// The hidden words of a [`Scene::ReadBack`], in order.
    HiddenWords(usize),
    /// One of these, by number and then by its name typed whole.
    Pick(Vec<String>),
    /// A new personal word, typed twice by `person`.
    NewPersonalWord {
        /// Whose.
        person: PersonId,
    },
    /// The personal word of `person`.
    PersonalWord {
        /// Whose.
        person: PersonId,
        /// The salt of its hash.
        salt: Salt,
    },
}

/// A word that may be typed, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word, in capitals; typed in any case.
    pub word: &'static str,
    /// What it does.
    pub does: String,
}

impl Choice {
    /// `word` does `does`.
    pub fn new(word: &'static str, does: impl Into<String>) -> Self {
        Self { word, does: does.into() }
    }
}

/// The salt of a personal word's hash: 16 bytes in hexadecimal.
pub type Salt = String;

/// What came back: from people, or from the performer of an operation.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A word was typed.
    Word(String),
    /// A line of text.
    Text(String),
    /// The hidden words.
    HiddenWords(Vec<String>),
    /// A choice from a list, from 0.
    Picked(usize),
    /// A new personal word: its salt, and the digest of its slow hash.
    NewPersonalWord {
        /// 16 random bytes.
        salt: Salt,
        /// SHA-256 of the slow hash.
        verifier: Digest,
    },
    /// A personal word: its slow hash. It stands in no event.
    PersonalWord(SlowHash),
    /// Somebody wants something that the script does not foresee now.
    Aside(AsideKind),
    /// An operation was performed.
    Done(Box<Outcome>),
    /// An operation failed.
    Failed(Trouble),
}

/// The slow hash of a personal word. It is compared and then forgotten.
#[derive(Clone)]
pub struct SlowHash(pub [u8; 32]);

impl std::fmt::Debug for SlowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SlowHash(…)")
    }
}

/// What people may want at any prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsideKind {
    /// Note an exception: expected, happened, decided, by which two people.
    Exception,
    /// Void a payload that was reviewed or signed before its threshold was met.
    Void,
    /// Put a declared spare in the place of a token.
    Substitute,
    /// Give the ceremony up, with an account of every key, token, signature and medium.
    Abandon,
    /// Stop here and go on later.
    Leave,
}
