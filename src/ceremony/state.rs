//! Where a ceremony is: the fold of its events. Total: no rules, no refusals, no IO. What may be asked of it is in `asked`.

mod asked;
mod cursor;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    aside::Aside,
    backups::Backups,
    crossing::Received,
    event::{Event, Mode, PreviousCeremony, SignedVersion, Stamp},
    metadata,
    operation::{ExportedFile, Operation, SeenToken, Trouble},
    participants::{Alias, PersonId},
    repositories::{self, Repositories},
    resume::Resume,
    script::Script,
    steps::Gone,
};
use crate::{
    device::KeyAttributes,
    digest::Digest,
    readback::{ReadBack, Reviewed, WORDS_OF_ACT, WORDS_OF_DIGEST},
    rules::Passed,
    tuf::{
        canonical::to_json,
        change::RootChange,
        key::{Key, KeyId, RawSignature},
        root::Root,
        signed::{Signature, Untrusted},
        verify::{Verified, first_root},
    },
    utc::Utc,
};

/// State of one ceremony. Always the fold of its transcript.
#[derive(Clone)]
pub struct Ceremony {
    pub(super) script: Arc<Script>,
    pub(super) mode: Option<Mode>,
    /// Which questions are asked: those of the program that began, or went on.
    pub(super) edition: u32,
    pub(super) stamp: Stamp,
    pub(super) began_at: Option<Utc>,
    pub(super) media: Vec<String>,
    pub(super) cursor: Cursor,
    /// What happened in the current step, in order.
    pub(super) here: Vec<Event>,
    pub(super) intent: Option<Operation>,
    pub(super) trouble: Option<Trouble>,
    /// Whether people decided to spend the last try of a PIN on the operation that comes next.
    pub(super) last_try: bool,
    pub(super) aside: Option<Aside>,
    pub(super) resume: Option<Resume>,
    /// Why and by whom it is given up, while tokens are still to be wiped.
    pub(super) abandoning: Option<(String, [PersonId; 2])>,
    pub(super) paused: bool,
    pub(super) people: BTreeMap<PersonId, Presence>,
    pub(super) clock: Option<Utc>,
    pub(super) last_paper: Option<Paper>,
    pub(super) stand_ins: BTreeMap<KeyId, Key>,
    pub(super) twin_root: Option<Digest>,
    pub(super) tokens: BTreeMap<Alias, TokenState>,
    pub(super) substitutes: BTreeMap<Alias, Alias>,
    pub(super) imported: BTreeMap<Alias, Key>,
    pub(super) previous: Option<Arc<Verified<Root>>>,
    /// Parcels that came in and were compared, in order.
    pub(super) received: Vec<Received>,
    /// A parcel that came in and was not compared yet.
    pub(super) unread: Option<Received>,
    pub(super) earlier: Vec<SignedVersion>,
    pub(super) drafts: Vec<Draft>,
    pub(super) exported: Vec<ExportedFile>,
    pub(super) head_signatures: Vec<(Alias, KeyId, Digest)>,
    pub(super) exceptions: u32,
    pub(super) closing: Option<Closing>,
    pub(super) previous_ceremony: Option<PreviousCeremony>,
    /// In a rehearsal, the manifest of each collection's twin, by that of the real one.
    pub(super) twin_collections: BTreeMap<Digest, Digest>,
    pub(super) repositories: Repositories,
    pub(super) backups: Backups,
    pub(super) management_keys: super::management_keys::ManagementKeys,
}

/// The next step to be done: act and step, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The act, from 0 as acts are numbered.
    pub act: usize,
    /// The step in it, from 0. Equal to the number of its steps while its end is marked.
    pub step: usize,
}

/// A person at roll-call.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// Whether they are here.
    pub here: bool,
    /// Salt and verifier of their personal word.
    pub word: Option<(String, Digest)>,
}

/// The last words that the witness wrote down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Whose words.
    pub head: Digest,
    /// How many of them.
    pub count: usize,
}

/// What is known of a token of the script.
#[derive(Clone, Debug, Default)]
pub struct TokenState {
    /// As it was chosen, before it was initialised.
    pub chosen: Option<SeenToken>,
    /// As it is bound.
    pub bound: Option<SeenToken>,
    /// Whether its user PIN was set.
    pub pin_set: bool,
    /// Its root key.
    pub key: Option<Key>,
    /// What it says of that key, if it was generated or brought in here.
    pub attributes: Option<KeyAttributes>,
    /// The file that its key was brought in from: whoever has a copy of it has the key.
    pub imported_from: Option<String>,
    /// Whether it was wiped here, or is lost or dead.
    pub gone: Option<Gone>,
    /// Whether the key counts: the PIN was typed again after the token was out, and the key showed that it works.
    pub counts: bool,
}

/// A payload on its way to its threshold.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The version of the root.
    pub version: u64,
    /// The SHA-256 of `signed`.
    pub payload: Digest,
    /// The bytes to sign.
    pub signed: Arc<[u8]>,
    /// The root that they say.
    pub root: Arc<Root>,
    /// The change from the root before.
    pub changes: Vec<RootChange>,
    /// The rules that were asked when it was composed.
    pub passed: Vec<Passed>,
    /// The read-back, once it was right.
    pub read_back: Option<ReadBack>,
    /// Every signature so far, as the dialect writes it.
    pub signatures: Vec<Signature>,
    /// Whether its thresholds are met.
    pub met: bool,
    /// Why it is void, if it is.
    pub voided: Option<String>,
}

impl Draft {
    /// The proof that these bytes were read back; `None` until they were, and for a voided draft.
    pub fn reviewed(&self) -> Option<Reviewed> {
        if self.voided.is_some() {
            return None;
        }
        // On the wire stands the JSON that reads back to the bytes that are signed.
        let wire = Digest::of(&to_json(&self.signed));
        Reviewed::new(self.signed.clone(), wire, self.read_back.as_ref()?)
    }
}

/// How a ceremony ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The script is done.
    Closed,
    /// It was given up.
    Abandoned,
}

impl Ceremony {
    /// A ceremony of which nothing has happened yet.
    pub fn begin(script: Arc<Script>) -> Self {
        Self {
            script,
            mode: None,
            edition: 0,
            stamp: Stamp { seq: 0, at: Utc::EPOCH, head: Digest::from_bytes([0; 32]) },
            began_at: None,
            media: Vec::new(),
            cursor: Cursor::default(),
            here: Vec::new(),
            intent: None,
            trouble: None,
            last_try: false,
            aside: None,
            resume: None,
            abandoning: None,
            paused: false,
            people: BTreeMap::new(),
            clock: None,
            last_paper: None,
            stand_ins: BTreeMap::new(),
            twin_root: None,
            tokens: BTreeMap::new(),
            substitutes: BTreeMap::new(),
            imported: BTreeMap::new(),
            previous: None,
            received: Vec::new(),
            unread: None,
            earlier: Vec::new(),
            drafts: Vec::new(),
            exported: Vec::new(),
            head_signatures: Vec::new(),
            exceptions: 0,
            closing: None,
            previous_ceremony: None,
            twin_collections: BTreeMap::new(),
            repositories: Repositories::default(),
            backups: Backups::default(),
            management_keys: super::management_keys::ManagementKeys::default(),
        }
    }

    /// Folds one event in.
    pub fn apply(&mut self, stamp: Stamp, event: &Event) {
        self.stamp = stamp;
        match (&mut self.aside, &mut self.resume) {
            (Some(aside), _) if event.belongs_to_aside() => aside.note(event),
            (_, Some(resume)) if event.belongs_to_resume() => resume.note(event),
            _ if event.is_one_of_many() => {}
            _ => self.here.push(event.clone()),
        }
        if event.ends_aside() {
            self.aside = None;
        }
        self.fold(event);
        self.advance();
    }

    fn fold(&mut self, event: &Event) {
        self.repositories.apply(event, self.stamp.at);
        self.backups.apply(event);
        self.fold_management_keys(event);
        self.hold_made_key(event);
        match event {
            Event::Began { mode, media, previous, program, .. } => {
                self.mode = Some(*mode);
                self.edition = program.edition;
                self.media.clone_from(media);
                self.began_at = Some(self.stamp.at);
                self.previous_ceremony.clone_from(previous);
                self.earlier = previous.as_ref().map(|before| before.signed.clone()).unwrap_or_default();
            }
            Event::SignedBefore { signed, .. } => self.earlier.extend(signed.iter().cloned()),
            Event::StandIn { real, twin } => {
                self.stand_ins.insert(real.clone(), twin.clone());
            }
            Event::TwinRoot { twin, .. } => self.twin_root = Some(*twin),
            Event::TwinCollection { real, twin } => {
                self.twin_collections.insert(*real, *twin);
            }
            Event::CertificateSigned { alias, common_name, signature } => {
                let signature = crate::digest::from_hex(signature).map(RawSignature::new);
                let template = repositories::certify::template(self, alias, common_name).ok();
                let certificate = template.zip(signature).and_then(|(template, raw)| template.signed(&raw).ok());
                if let Some(certificate) = certificate {
                    self.repositories.certificates.insert((alias.clone(), common_name.clone()), certificate);
                }
            }
            Event::Present { person } => self.people.entry(person.clone()).or_default().here = true,
            Event::Absent { person } => self.people.entry(person.clone()).or_default().here = false,
            Event::WordSet { person, salt, verifier } => {
                self.people.entry(person.clone()).or_default().word = Some((salt.clone(), *verifier));
            }
            Event::ClockConfirmed { at, .. } => self.clock = Some(*at),
            Event::ActClosed { head, read_back } => {
                self.last_paper = Some(Paper { head: *head, count: read_back.blind.length() });
                self.cursor = Cursor { act: self.cursor.act + 1, step: 0 };
                self.here.clear();
            }
            Event::FinalHead { head, .. } => {
                self.last_paper = Some(Paper { head: *head, count: WORDS_OF_DIGEST });
            }
            Event::Intended { operation } => self.intent = Some(operation.clone()),
            Event::Failed { trouble } => {
                self.intent = None;
                self.trouble = Some(trouble.clone());
            }
            Event::TryAgain { last_try } => {
                self.intent = None;
                self.trouble = None;
                self.last_try = *last_try;
            }
            Event::KeyImported { name, key, .. } => {
                self.imported.insert(name.clone(), key.clone());
            }
            Event::PreviousRoot { text, .. } => {
                let received = Untrusted::parse(self.script.dialect, text.as_bytes());
                self.previous = received.and_then(first_root).ok().map(Arc::new);
            }
            Event::ParcelRead { folder, parcel, .. } => {
                self.unread = Some(Received { folder: folder.clone(), parcel: *parcel });
            }
            Event::FramesShown { .. } => self.unread = None,
            Event::ParcelCompared { .. } => self.received.extend(self.unread.take()),
            Event::TokenChosen { alias, seen, .. } => self.token_mut(alias).chosen = Some(seen.clone()),
            Event::TokenInitialised { alias, seen } => {
                let token = self.token_mut(alias);
                *token = TokenState { chosen: token.chosen.take(), bound: Some(seen.clone()), ..TokenState::default() };
            }
            Event::UserPinSet { alias, .. } => self.token_mut(alias).pin_set = true,
            Event::KeyGenerated { alias, key, attributes, .. } => {
                let token = self.token_mut(alias);
                token.key = Some(key.clone());
                token.attributes = Some(*attributes);
            }
            Event::KeyBroughtIn { alias, key, attributes, from, .. } => {
                let token = self.token_mut(alias);
                token.key = Some(key.clone());
                token.attributes = Some(*attributes);
                token.imported_from = Some(from.clone());
            }
            Event::KeyHandedOver { name, key, file, .. } => {
                self.imported.insert(name.clone(), key.clone());
                self.exported.push(file.clone());
            }
            Event::KeyDrilled { alias, .. } => self.token_mut(alias).counts = true,
            Event::TokenErased { alias, seen, .. } => {
                *self.token_mut(alias) =
                    TokenState { bound: Some(seen.clone()), gone: Some(Gone::Erased), ..TokenState::default() };
                // Whatever was said of this token says nothing of the next.
                self.here.clear();
            }
            Event::TokenGone { alias, gone, .. } => {
                let bound = self.token_mut(alias).bound.take();
                *self.token_mut(alias) = TokenState { bound, gone: Some(*gone), ..TokenState::default() };
                self.here.clear();
            }
            Event::TokenOpened { alias, seen, key, .. } => {
                let token = self.token_mut(alias);
                token.bound = Some(seen.clone());
                token.key = Some(key.clone());
                token.counts = true;
            }
            Event::Drafted { version, payload, signed, changes, passed } => {
                if let Ok(root) = metadata::root_of(self.script.dialect, signed.as_bytes()) {
                    self.drafts.push(Draft {
                        version: *version,
                        payload: *payload,
                        signed: Arc::from(signed.as_bytes()),
                        root: Arc::new(root),
                        changes: changes.clone(),
                        passed: passed.clone(),
                        read_back: None,
                        signatures: Vec::new(),
                        met: false,
                        voided: None,
                    });
                }
            }
            Event::PayloadReadBack { payload, read_back } => {
                if let Some(draft) = self.draft_mut(payload) {
                    draft.read_back = Some(read_back.clone());
                }
                self.repositories.batch.read_back(*payload, read_back);
            }
            Event::Signed { keyid, payload, signature, .. } => {
                let dialect = self.script.dialect;
                let previous = self.previous_root().and_then(|root| root.document().keys.get(keyid)).cloned();
                if let Some(draft) = self.draft_mut(payload) {
                    let key = draft.root.keys.get(keyid).or(previous.as_ref());
                    let written = key.and_then(|key| dialect.signature_of_text(keyid.clone(), key.public(), signature));
                    draft.signatures.push(written.unwrap_or_else(|| Signature::new(keyid.clone(), signature.as_str())));
                }
            }
            Event::ThresholdMet { payload, .. } => {
                if let Some(draft) = self.draft_mut(payload) {
                    draft.met = true;
                }
            }
            Event::Voided { payload, reason, .. } => {
                if let Some(draft) = self.draft_mut(payload) {
                    draft.voided = Some(reason.clone());
                }
                self.repositories.void(*payload);
                self.back_to_draft();
            }
            Event::Substituted { alias, spare, .. } => {
                self.substitutes.insert(alias.clone(), spare.clone());
                self.trouble = None;
                self.back_to_token(spare);
            }
            Event::Exported { files, .. } => self.exported.extend(files.iter().cloned()),
            Event::HeadSigned { alias, keyid, head, .. } => {
                self.head_signatures.push((alias.clone(), keyid.clone(), *head));
            }
            Event::Closed => self.closing = Some(Closing::Closed),
            Event::Abandoning { reason, by } => {
                self.abandoning = Some((reason.clone(), by.clone()));
                // Nothing of the step beneath is gone on with; what was under way may have been done.
                (self.intent, self.trouble) = (None, None);
                self.here.clear();
            }
            Event::Abandoned { .. } => self.closing = Some(Closing::Abandoned),
            Event::AsideBegan { aside } => self.aside = Some(Aside::new(*aside)),
            Event::ExceptionNoted { number, .. } => {
                self.exceptions = *number;
                self.trouble = None;
            }
            Event::Paused => {
                self.paused = true;
                self.last_paper = Some(Paper { head: self.stamp.head, count: WORDS_OF_ACT });
            }
            Event::Resumed { media, program } => {
                self.paused = false;
                self.edition = program.edition;
                self.media.clone_from(media);
                self.aside = None;
                self.resume = Some(Resume::new(self.last_paper));
            }
            Event::MediumFailed { medium, .. } => self.media.retain(|label| label != medium),
            Event::Refused { refusal } => {
                if self.intent.take().is_some() {
                    self.trouble = Some(Trouble::Refused(refusal.clone()));
                }
            }
            Event::CollectionOpened { .. }
            | Event::RepositoriesRead { .. }
            | Event::TagsJudged { .. }
            | Event::TagJudged { .. }
            | Event::CertificatesSigned { .. }
            | Event::BatchBegan { .. }
            | Event::RepositoriesDrafted { .. }
            | Event::RepositorySigned { .. }
            | Event::BatchSigned { .. }
            | Event::RepositoriesExported { .. }
            | Event::Confirmed { .. }
            | Event::Recorded { .. }
            | Event::Went { .. }
            | Event::ClockRead { .. }
            | Event::WrittenDown { .. }
            | Event::ReadBack { .. }
            | Event::Machine { .. }
            | Event::TokensSeen { .. }
            | Event::PayloadStored { .. }
            | Event::SheetRead { .. }
            | Event::KeyMade { .. }
            | Event::BackupSealed { .. }
            | Event::KeyPut { .. }
            | Event::KekMade { .. }
            | Event::KeyWrapped { .. }
            | Event::KekWiped { .. }
            | Event::KeyUnwrapped { .. }
            | Event::BackupUnwrapped { .. }
            | Event::CopyProven { .. }
            | Event::KeyClosed { .. }
            | Event::WrappingCleared { .. }
            | Event::KeyTaken { .. }
            | Event::BackupOpened { .. }
            | Event::ShareDestroyed { .. }
            | Event::OldSharesJudged { .. }
            | Event::MediumLetGo { .. }
            | Event::MediumRead { .. }
            | Event::ShareReadBack { .. }
            | Event::ShareEncrypted { .. }
            | Event::PageLaid { .. }
            | Event::PageCleared { .. }
            | Event::KeyWiped { .. }
            | Event::BackupDiscarded { .. }
            | Event::ManagementKeyLost { .. }
            | Event::CopySealed { .. }
            | Event::ManagementKeySealed { .. }
            | Event::SetImported { .. }
            | Event::SealedImported { .. }
            | Event::ShareChecked { .. }
            | Event::ShareMissing { .. }
            | Event::TwinSet { .. }
            | Event::AsideNoted { .. }
            | Event::AsideDropped
            | Event::TornTailCut { .. }
            | Event::HeadFitsPaper { .. } => {}
        }
        if event.is_outcome() {
            self.intent = None;
            self.last_try = false;
        }
    }

    pub(super) fn token_mut(&mut self, alias: &Alias) -> &mut TokenState {
        self.tokens.entry(alias.clone()).or_default()
    }

    fn draft_mut(&mut self, payload: &Digest) -> Option<&mut Draft> {
        self.drafts.iter_mut().rev().find(|draft| draft.payload == *payload)
    }
}
