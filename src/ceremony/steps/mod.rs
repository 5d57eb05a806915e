//! The kinds of step. Each kind answers in one place what is printed and shown, what it needs and gives, what it waits
//! for, and what follows from an answer.

mod at_the_token;
mod attest;
mod by_qr;
mod certify;
mod check_shares;
mod close;
mod close_key;
mod confirm_clock;
mod destroy_shares;
mod draft;
mod draft_repositories;
pub mod drill_token;
pub(in crate::ceremony) mod erase_token;
mod export;
mod export_repositories;
mod generate_key;
mod give_shares;
pub mod hand_over_key;
mod import;
pub mod import_key;
mod import_repositories;
mod in_memory;
mod judge_tags;
mod kept;
mod make_kek;
mod make_key;
mod open_backup;
pub mod open_token;
mod pause;
mod preflight;
mod prepare_token;
mod put_key;
mod read_again;
mod record;
mod restore_kept;
mod review;
mod roll_call;
mod script_words;
mod seal_backup;
mod sign;
mod sign_repositories;
mod take_key;
mod unwrap_key;
mod wipe_kek;
mod wipe_key;
mod wrap_key;

use std::collections::BTreeSet;

pub(in crate::ceremony) use self::import_repositories::pinned as pinned_collections;
pub use self::{
    attest::Attest,
    by_qr::{ImportQr, ShowQr},
    certify::Certify,
    check_shares::CheckShares,
    close::Close,
    close_key::CloseKey,
    confirm_clock::ConfirmClock,
    destroy_shares::DestroyShares,
    draft::Draft,
    draft_repositories::DraftRepositories,
    drill_token::DrillToken,
    erase_token::{EraseToken, Gone},
    export::Export,
    export_repositories::ExportRepositories,
    generate_key::GenerateKey,
    give_shares::GiveShares,
    hand_over_key::HandOverKey,
    import::{ImportKeys, ImportRoot},
    import_key::ImportKey,
    import_repositories::ImportRepositories,
    judge_tags::JudgeTags,
    make_kek::MakeKek,
    make_key::MakeKey,
    open_backup::OpenBackup,
    open_token::OpenToken,
    pause::Break,
    preflight::Preflight,
    prepare_token::PrepareToken,
    put_key::PutKey,
    record::Record,
    review::Review,
    roll_call::RollCall,
    script_words::ScriptWords,
    seal_backup::SealBackup,
    sign::Sign,
    sign_repositories::SignRepositories,
    take_key::TakeKey,
    unwrap_key::UnwrapKey,
    wipe_kek::WipeKek,
    wipe_key::WipeKey,
    wrap_key::WrapKey,
};
use super::{
    Ceremony, Decision, Now, Pending,
    event::Event,
    participants::{Alias, PersonId},
    prompt::{Answer, Choice, Input, Prompt, Scene},
    script::{Origin, Script},
};
use crate::rules::Refusal;

/// A step of an act.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// How long it is planned to take.
    pub minutes: u32,
    /// Words that the script's author adds to the step's own.
    pub say: Option<String>,
}

/// Every kind of step.
#[derive(Clone, Debug)]
pub enum Action {
    /// Who is here, and their personal words.
    RollCall(RollCall),
    /// People confirm a statement.
    Attest(Attest),
    /// Something is written into the record: bag numbers, serials of devices.
    Record(Record),
    /// The script on the machine is the script on paper.
    ScriptWords(ScriptWords),
    /// Two people read an independent clock.
    ConfirmClock(ConfirmClock),
    /// The machine is looked at.
    Preflight(Preflight),
    /// A token is initialised and gets its PINs.
    PrepareToken(PrepareToken),
    /// A root key is generated on it.
    GenerateKey(GenerateKey),
    /// An existing root key is brought to it from a file.
    ImportKey(ImportKey),
    /// A tagging key is made for somebody who signs elsewhere.
    HandOverKey(HandOverKey),
    /// A key is made in memory.
    MakeKey(MakeKey),
    /// An existing key is taken from its file into memory.
    TakeKey(TakeKey),
    /// A backup that was made before is opened with its shares.
    OpenBackup(OpenBackup),
    /// Its shares are destroyed.
    DestroyShares(DestroyShares),
    /// It is sealed, and what opens it is split.
    SealBackup(SealBackup),
    /// Its shares are put on paper and read back.
    GiveShares(GiveShares),
    /// It comes to a token, from memory or from shares.
    PutKey(PutKey),
    /// The memory is wiped.
    WipeKey(WipeKey),
    /// A key-encryption key is made in memory.
    MakeKek(MakeKek),
    /// A token makes a key and wraps it.
    WrapKey(WrapKey),
    /// The memory with the key-encryption key is wiped.
    WipeKek(WipeKek),
    /// Another token unwraps the key.
    UnwrapKey(UnwrapKey),
    /// The key can leave the first token no more.
    CloseKey(CloseKey),
    /// Shares are read from their pages.
    CheckShares(CheckShares),
    /// The token is taken out and opened again, and its key shows that it works.
    DrillToken(DrillToken),
    /// A token is wiped.
    EraseToken(EraseToken),
    /// A token that holds a root key already is opened.
    OpenToken(OpenToken),
    /// Keys of online roles come in.
    ImportKeys(ImportKeys),
    /// The previous root comes in.
    ImportRoot(ImportRoot),
    /// The root is composed.
    Draft(Draft),
    /// It is read, read back and confirmed.
    Review(Review),
    /// A token signs it.
    Sign(Sign),
    /// A pause.
    Break(Break),
    /// What was signed leaves.
    Export(Export),
    /// What was collected of many repositories comes in.
    ImportRepositories(ImportRepositories),
    /// Tags that are not as they were before a compromise are kept or put back.
    JudgeTags(JudgeTags),
    /// A token signs the root certificates of its key.
    Certify(Certify),
    /// Metadata of many repositories is composed.
    DraftRepositories(DraftRepositories),
    /// A token signs it.
    SignRepositories(SignRepositories),
    /// Bundles leave.
    ExportRepositories(ExportRepositories),
    /// Files come in as QR codes.
    ImportQr(ImportQr),
    /// What was exported is shown as QR codes.
    ShowQr(ShowQr),
    /// Heads are signed and the record is closed.
    Close(Close),
}

impl Action {
    /// The questions that every kind answers.
    pub fn kind(&self) -> &dyn Kind {
        match self {
            Self::RollCall(step) => step,
            Self::Attest(step) => step,
            Self::Record(step) => step,
            Self::ScriptWords(step) => step,
            Self::ConfirmClock(step) => step,
            Self::Preflight(step) => step,
            Self::PrepareToken(step) => step,
            Self::GenerateKey(step) => step,
            Self::ImportKey(step) => step,
            Self::HandOverKey(step) => step,
            Self::MakeKey(step) => step,
            Self::TakeKey(step) => step,
            Self::OpenBackup(step) => step,
            Self::DestroyShares(step) => step,
            Self::SealBackup(step) => step,
            Self::GiveShares(step) => step,
            Self::PutKey(step) => step,
            Self::WipeKey(step) => step,
            Self::MakeKek(step) => step,
            Self::WrapKey(step) => step,
            Self::WipeKek(step) => step,
            Self::UnwrapKey(step) => step,
            Self::CloseKey(step) => step,
            Self::CheckShares(step) => step,
            Self::DrillToken(step) => step,
            Self::EraseToken(step) => step,
            Self::OpenToken(step) => step,
            Self::ImportKeys(step) => step,
            Self::ImportRoot(step) => step,
            Self::Draft(step) => step,
            Self::Review(step) => step,
            Self::Sign(step) => step,
            Self::Break(step) => step,
            Self::Export(step) => step,
            Self::ImportRepositories(step) => step,
            Self::JudgeTags(step) => step,
            Self::Certify(step) => step,
            Self::DraftRepositories(step) => step,
            Self::SignRepositories(step) => step,
            Self::ExportRepositories(step) => step,
            Self::ImportQr(step) => step,
            Self::ShowQr(step) => step,
            Self::Close(step) => step,
        }
    }

    /// The token of the script that this step is about.
    pub fn token(&self) -> Option<&Alias> {
        match self {
            Self::PrepareToken(step) => Some(&step.token),
            Self::GenerateKey(step) => Some(&step.token),
            Self::ImportKey(step) => Some(&step.token),
            Self::PutKey(step) => Some(&step.token),
            Self::WrapKey(step) => Some(&step.token),
            Self::UnwrapKey(step) => Some(&step.token),
            Self::CloseKey(step) => Some(&step.token),
            Self::OpenBackup(step) => step.token.as_ref(),
            Self::DrillToken(step) => Some(&step.token),
            Self::EraseToken(step) => Some(&step.token),
            Self::OpenToken(step) => Some(&step.token),
            Self::Sign(step) => Some(&step.token),
            Self::Certify(step) => Some(&step.token),
            Self::SignRepositories(step) => Some(&step.token),
            _ => None,
        }
    }

    /// The key for several tokens that begins with this step.
    pub fn makes(&self) -> Option<&Alias> {
        match self {
            Self::MakeKek(step) => Some(&step.name),
            other => other.brings_into_memory().map(|(name, _)| name),
        }
    }

    /// The key that this step brings into the memory of the machine, and how.
    pub fn brings_into_memory(&self) -> Option<(&Alias, Origin<'_>)> {
        match self {
            Self::MakeKey(step) => Some((&step.name, Origin::Made)),
            Self::TakeKey(step) => Some((&step.name, Origin::TakenFrom(&step.file))),
            Self::OpenBackup(step) if step.token.is_none() => Some((&step.name, Origin::Opened)),
            _ => None,
        }
    }

    /// Whether this step composes metadata: a void goes back to it.
    pub fn drafts(&self) -> bool {
        matches!(self, Self::Draft(_) | Self::DraftRepositories(_))
    }
}

/// What every kind of step answers.
pub trait Kind {
    /// What is printed on paper and shown on the screen.
    fn prose(&self, script: &Script) -> Prose;
    /// Who acts: the one who leads first.
    fn who(&self, script: &Script) -> Vec<PersonId>;
    /// What must be true before it.
    fn needs(&self, script: &Script) -> Vec<Fact>;
    /// What is true after it.
    fn gives(&self, script: &Script) -> Vec<Fact>;
    /// What it waits for; `None` once it owes nothing any more.
    fn pending(&self, ceremony: &Ceremony) -> Option<Pending>;
    /// What follows from an answer to [`Kind::pending`].
    ///
    /// # Errors
    /// The rule that says no.
    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal>;

    /// The same with the bytes that must stand in the record before the events do, for a kind that has any.
    ///
    /// # Errors
    /// As [`Kind::decide`].
    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        self.decide(ceremony, answer, now).map(Decision::of)
    }
}

/// A step's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prose {
    /// A few words: "Prepare the token ana-1 (blue)".
    pub title: String,
    /// What is done, a sentence or two a line.
    pub lines: Vec<String>,
    /// What people should see when it went well.
    pub expect: String,
    /// What is written by hand on the paper beside the step: labels of blank fields.
    pub form: Vec<String>,
}

/// Something that is true of the room once a step gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Everybody answered the roll-call.
    RollCalled,
    /// The script's digest was read back from paper.
    ScriptRead,
    /// The clock is confirmed.
    ClockConfirmed,
    /// The machine was looked at.
    MachineSeen,
    /// A token has its PINs.
    TokenPrepared(Alias),
    /// A token holds a root key that does not count yet.
    KeyOnToken(Alias),
    /// A token's key counts.
    KeyCounts(Alias),
    /// A key is in memory: made there, taken from a file, or opened from a backup.
    KeyMade(Alias),
    /// It is sealed.
    BackupSealed(Alias),
    /// Its shares are on paper and were read back.
    SharesGiven(Alias),
    /// A token that was restored from them has signed.
    BackupRestores(Alias),
    /// The memory was wiped.
    KeyWiped(Alias),
    /// The key-encryption key of a key was made.
    KekMade(Alias),
    /// A token has the key of an old backup, and can wrap it anew.
    KeyReopened(Alias),
    /// It was wiped from memory.
    KekWiped(Alias),
    /// The key that was wrapped can leave its token no more.
    KeyClosed(Alias),
    /// A token was wiped, or is lost or dead.
    TokenErased(Alias),
    /// Shares were read from their pages.
    SharesChecked(Alias),
    /// People were asked for shares, and those that were here are destroyed.
    SharesDestroyed(Alias),
    /// A tagging key was handed over.
    KeyHandedOver(Alias),
    /// The keys of the online roles are here.
    KeysImported,
    /// The previous root is here.
    PreviousRoot,
    /// What was collected of the repositories is here.
    RepositoriesRead,
    /// Tags were judged.
    TagsJudged,
    /// A token signed its certificates.
    Certified(Alias),
    /// There is a draft.
    Drafted,
    /// It was reviewed.
    Reviewed,
    /// A token signed it.
    SignedBy(Alias),
    /// Its thresholds are met.
    ThresholdMet,
    /// It was exported.
    Exported,
    /// The record is closed.
    Closed,
}

impl Fact {
    /// The fact as words: "the clock is confirmed".
    pub fn words(&self) -> String {
        match self {
            Self::RollCalled => "everybody answered the roll-call".into(),
            Self::ScriptRead => "the words of the script were read back".into(),
            Self::ClockConfirmed => "the clock is confirmed".into(),
            Self::MachineSeen => "the machine was looked at".into(),
            Self::TokenPrepared(alias) => format!("the token {alias} is prepared"),
            Self::KeyOnToken(alias) => format!("a key is on {alias}"),
            Self::KeyMade(name) => format!("the key {name} is in memory"),
            Self::BackupSealed(name) => format!("the backup of {name} is sealed"),
            Self::SharesGiven(name) => format!("the shares of {name} were read back"),
            Self::BackupRestores(name) => format!("a token to which {name} was restored from shares has signed"),
            Self::TokenErased(alias) => format!("{alias} is wiped"),
            Self::SharesChecked(name) => format!("the shares of {name} were asked for"),
            Self::SharesDestroyed(name) => format!("the shares of {name} were asked for and destroyed"),
            Self::KeyWiped(name) => format!("{name} was wiped from memory"),
            Self::KekMade(name) => format!("the key-encryption key of {name} was made"),
            Self::KeyReopened(name) => format!("{name} is on a token, out of its old backup, to be wrapped anew"),
            Self::KekWiped(name) => format!("the key-encryption key of {name} was wiped from memory"),
            Self::KeyClosed(name) => format!("{name} can leave its first token no more"),
            Self::KeyHandedOver(name) => format!("the key {name} was made and handed over"),
            Self::KeyCounts(alias) => format!("the key on {alias} is proven to work"),
            Self::KeysImported => "the keys of the online roles were imported".into(),
            Self::PreviousRoot => "the previous root was imported".into(),
            Self::RepositoriesRead => "the repositories were imported".into(),
            Self::TagsJudged => "tags were judged".into(),
            Self::Certified(alias) => format!("the key on {alias} is certified"),
            Self::Drafted => "the root is drafted".into(),
            Self::Reviewed => "the draft is reviewed".into(),
            Self::SignedBy(alias) => format!("{alias} signed"),
            Self::ThresholdMet => "enough tokens signed".into(),
            Self::Exported => "the result was exported".into(),
            Self::Closed => "the record is closed".into(),
        }
    }
}

/// A prompt for one typed word.
pub(super) fn ask_to_type(who: Vec<PersonId>, scene: Scene, word: &'static str, does: &str) -> Option<Pending> {
    Some(Pending::Ask(Box::new(Prompt { who, scene, input: Input::Word(vec![Choice::new(word, does)]) })))
}

/// A prompt for a line of text.
pub(super) fn ask_for_text(who: Vec<PersonId>, ask: String, label: String, hint: &str) -> Option<Pending> {
    let input = Input::Text { label, hint: hint.into() };
    Some(Pending::Ask(Box::new(Prompt { who, scene: Scene::Plain { ask }, input })))
}

/// The first of `people` who has not confirmed in this step.
pub(super) fn unconfirmed(ceremony: &Ceremony, people: &[PersonId]) -> Option<PersonId> {
    let confirmed: BTreeSet<&PersonId> = ceremony
        .here
        .iter()
        .filter_map(|event| match event {
            Event::Confirmed { person, .. } => Some(person),
            _ => None,
        })
        .collect();
    people.iter().map(|person| ceremony.acting(person)).find(|person| !confirmed.contains(person))
}

/// Whether something happened in this step.
pub(super) fn happened(ceremony: &Ceremony, what: impl Fn(&Event) -> bool) -> bool {
    ceremony.here.iter().any(what)
}

/// Whether a typed word let this step go on past `on`.
pub(super) fn went(ceremony: &Ceremony, on: &str) -> bool {
    happened(ceremony, |event| matches!(event, Event::Went { on: point, .. } if point == on))
}
