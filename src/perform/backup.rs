//! Keys that are made in memory, sealed, shared out, put on tokens, restored from shares, and wiped. Key, identity and shares live in this
//! value and nowhere else; what is lost with the process is lost, and the ceremony says so.

mod copy;
mod giving;
mod page;
mod unwrapping;
pub(super) mod wrapping;

pub(super) use self::{giving::EncryptedFiles, page::Laid};
use super::{People, Performed, Performer, Stopped, driver::Opened, file::write_to, job_without, token};
use crate::{
    backup::{
        About, Gathering, Identity, ROWS, Sealed, Set, Share, ShareWrong, Split, Typing,
        paper::{sealed_html, sealed_text},
        seal, split,
    },
    ceremony::{
        backups::SealedBackup,
        metadata::Leaving,
        operation::{ExportedFile, Operation, Outcome},
        participants::Alias,
        script::CustodySpec,
        words,
    },
    digest::Digest,
    fault::{Error, Fault, FaultKind, Tries},
    files,
    keyfile::{Mixture, PrivateKey, THROWS_MIN},
    locked,
    rules::{Refusal, Rule},
    runner::Job,
    secret::{LOCKED_MAX, RowOf, Secret, SecretKind, SecretRequest},
    token::KeyRequest,
    tuf::key::KeyId,
    utc::Utc,
};

/// The folder of sealed files in a record.
pub(super) const FOLDER: &str = "backup";
/// How often a row is asked for before people decide what to do.
const ATTEMPTS: u32 = 5;

/// A key between its making and its wiping.
pub(super) struct Born {
    key: PrivateKey,
    sealed: Option<(Sealed, Split, Utc)>,
    /// The copy that opens with a passphrase, while not every medium has it.
    copy: Option<Sealed>,
    history: Option<String>,
}

impl Born {
    /// A key that came into memory.
    pub(super) const fn new(key: PrivateKey, history: Option<String>) -> Self {
        Self { key, sealed: None, copy: None, history }
    }
}

impl Performer {
    /// Performs an operation about backups; `None` for another.
    pub(super) fn backup(&mut self, job: &Job, people: &mut dyn People) -> Option<Performed> {
        Some(match &job.operation {
            Operation::Wrapping(_) => self.wrapping(job, people),
            Operation::MakeKey { name, .. } => locked::apart(|| self.make_key(name, job, people)),
            Operation::TakeKey { .. } => locked::apart(|| self.take_key(job, people)),
            Operation::OpenBackup { .. } => locked::apart(|| self.open_backup(job, people)),
            Operation::SealBackup { name, keyid, made } => self.seal_backup(name, keyid, *made, job),
            Operation::SealCopy { .. } => locked::apart(|| self.seal_copy(job, people)),
            Operation::SealManagementKey { .. } => self.seal_management_key(job, people),
            Operation::ReadMedium { files, .. } => super::file::read_again(job, files),
            Operation::GiveShare { name, index, custodian } => self.give_share(name, *index, custodian, people),
            Operation::Giving(giving) => self.give(giving, job, people),
            Operation::PutKey { .. } => locked::apart(|| self.put_key(job, people)),
            Operation::RestoreKey { .. } => locked::apart(|| self.restore_key(job, people)),
            Operation::CheckShare { index, set, .. } => self.check_share(*index, set, people),
            Operation::WipeKey { name } => {
                self.gathering = None;
                drop(self.born.remove(name));
                Ok(Outcome::Wiped)
            }
            _ => return None,
        })
    }

    fn custody(&self) -> Result<CustodySpec, Fault> {
        self.script.custody().cloned().ok_or_else(|| job_without("custodians"))
    }

    fn make_key(&mut self, name: &Alias, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::MakeKey { algorithm, tokens, dice, .. } = &job.operation else {
            return Err(job_without("a key to make").into());
        };
        if job.in_doubt {
            return Err(token::nothing_found("make a key", "a key is made in memory only").into());
        }
        self.pages_lie_in_memory()?;
        let (mixture, sources, thrown) = self.mixed(name, tokens, *dice, people)?;
        let key = mixture.key(*algorithm)?;
        let public = self.tuf_key_of(key.public())?;
        self.born.insert(name.clone(), Born::new(key, None));
        Ok(Outcome::Made { key: public, sources, dice: thrown })
    }

    /// Mixes what the operating system, tokens and dice give. Says what was mixed, and what of the throws may be kept.
    fn mixed(
        &mut self,
        name: &Alias,
        tokens: &[Alias],
        dice: bool,
        people: &mut dyn People,
    ) -> Result<(Mixture, Vec<String>, Option<Digest>), Stopped> {
        let mut mixture = Mixture::begin()?;
        let mut sources = vec![words::backup::OPERATING_SYSTEM.to_owned()];
        for alias in tokens {
            // Those that are out of the machine now give nothing; the record says which did.
            let Some(mut token) = self.open.remove(alias) else { continue };
            let drew = match token.is_present() {
                Ok(true) => mixture.draw(alias.as_str(), |room| draw(&mut token, room)),
                _ => continue,
            };
            self.open.insert(alias.clone(), token);
            if drew? {
                sources.push(alias.to_string());
            }
        }
        // The last: whoever throws has seen nothing of what the machine drew, and what it drew cannot follow the throws.
        let mut thrown = None;
        if dice {
            let typed = self.ask_row(SecretKind::Throws, name.as_str(), None, None, people)?;
            let hash = mixture.throws(&typed).map_err(|wrong| {
                Fault::new(FaultKind::PinNotAcceptable, format!("take the throws for {name}"), wrong)
            })?;
            sources.push(words::backup::DICE.to_owned());
            thrown = Some(hash);
        }
        Ok((mixture, sources, thrown))
    }

    fn seal_backup(&mut self, name: &Alias, keyid: &KeyId, made: Utc, job: &Job) -> Performed {
        let custody = self.custody()?;
        let title = self.script.title.clone();
        let born = self.born.get_mut(name).ok_or_else(|| gone(name))?;
        if born.sealed.is_none() {
            let about = About { keyid: keyid.clone(), ceremony: title.clone(), made, history: born.history.clone() };
            let sealed = locked::apart(|| {
                let identity = Identity::fresh()?;
                identity.is_none_of(custody.recipients.values())?;
                let sealed = seal(&born.key, &about, &identity).map_err(|wrong| wrong.fault("seal the key"))?;
                // Once for each identity: shares of two splittings would tell more together.
                let mut split = split(&identity, custody.scheme, keyid)?;
                split.set.encrypted = custody.encrypted();
                split.set.passphrase_copy = custody.passphrase_copy.is_some();
                Ok::<_, Error>((sealed, split, made))
            });
            born.sealed = Some(sealed?);
        }
        let (sealed, split, _) = born.sealed.as_ref().expect("it was sealed a moment ago");
        let (sealed, sheets, media) = leave_sealed(&title, name, sealed, split, "age", job)?;
        Ok(Outcome::BackupSealed { sealed, sheets, media })
    }

    fn put_key(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::PutKey { alias, name, key: trusted, label, from_shares, sealed } = &job.operation else {
            return Err(job_without("a key to put").into());
        };
        // One that came from a file is of any kind.
        let algorithm = trusted.public().key_algorithm().unwrap_or(self.script.root.algorithm);
        let driver = self.driver(alias)?;
        driver.brings(algorithm)?;
        let id = driver.key_id(label, alias);
        let request = KeyRequest { algorithm, label: label.clone(), id };
        if job.in_doubt {
            // The token tells.
            let there = self.brought(alias, None, &request, job, &mut |request| people.secret(request))?;
            if *from_shares {
                let what =
                    "the key is on the token; which shares it came from is not known, and they are asked for again";
                return Err(token::nothing_found("restore a key", what).into());
            }
            return Ok(put(there, vec![], None));
        }
        let born = if *from_shares { None } else { self.born.remove(name) };
        if let Some(born) = born {
            let brought = self.brought(alias, Some(&born.key), &request, job, &mut |request| people.secret(request));
            self.born.insert(name.clone(), born);
            return brought.map(|outcome| put(outcome, vec![], None));
        }
        let file = sealed_file(job, &sealed.file)?;
        let identity = self.gathered(name, &sealed.set, people, Gathering::identity)?;
        let shares =
            self.gathering.iter().flat_map(|(_, gathering)| gathering.there()).map(|label| label.index).collect();
        self.management_key_from(&identity, name, job)?;
        let opened = file.open(&identity).map_err(|wrong| {
            let remedy = "Take the copy on the other medium, or scan the printed sheets.";
            Refusal::new(Rule::BackupOpens, format!("{wrong}."), remedy)
        })?;
        let history = opened.about().history.clone();
        let (key, _) = opened.trusted(trusted)?;
        let brought = self.brought(alias, Some(&key), &request, job, &mut |request| people.secret(request))?;
        self.gathering = None;
        Ok(put(brought, shares, history))
    }

    /// What opens the backup of a key, as long as its shares are in memory.
    pub(super) fn kept_identity(&self, name: &Alias) -> Option<Identity> {
        let (_, split, _) = self.born.get(name)?.sealed.as_ref()?;
        split.identity().ok()
    }

    /// Lets custodians type shares until there are enough. What was typed stays for the next try.
    pub(super) fn gathered<T>(
        &mut self,
        name: &Alias,
        set: &Set,
        people: &mut dyn People,
        give: impl FnOnce(&Gathering) -> Result<T, Error>,
    ) -> Result<T, Stopped> {
        if self.gathering.as_ref().is_none_or(|(of, _)| of != name) {
            self.gathering = Some((name.clone(), Gathering::of(set.clone())));
        }
        loop {
            let Some((_, gathering)) = &self.gathering else { return Err(job_without("shares").into()) };
            if gathering.is_enough() {
                return Ok(give(gathering)?);
            }
            let brought = u8::try_from(gathering.there().count() + 1).unwrap_or(u8::MAX);
            let share = self.typed_share(&set.id(), None, brought, None, people)?;
            let Some((_, gathering)) = &mut self.gathering else { return Err(job_without("shares").into()) };
            gathering.add(share)?;
        }
    }

    /// Asks for a share row by row, or for the text of its code as the first row.
    fn typed_share(
        &self,
        set: &str,
        share: Option<u8>,
        brought: u8,
        holder: Option<&str>,
        people: &mut dyn People,
    ) -> Result<Share, Stopped> {
        let mut typing = Typing::new()?;
        let (mut wrong, mut attempt) = (None::<String>, 1);
        while let Some(number) = typing.next_row() {
            let known = typing.label().map(|label| label.index).or(share);
            let row = RowOf {
                set: set.to_owned(),
                share: known,
                brought,
                row: u8::try_from(number).unwrap_or(u8::MAX),
                rows: ROWS as u8,
            };
            let request = SecretRequest {
                attempt,
                wrong: wrong.take(),
                ..row_request(SecretKind::ShareRow, &row.words(), holder, Some(row.clone()))
            };
            let typed = people.secret(&request).ok_or(Stopped::Nobody(SecretKind::ShareRow.name()))?;
            if number == 1 && Share::is_code(&typed) {
                return Share::read(&typed).map_err(unreadable);
            }
            match typing.row(&typed) {
                Ok(()) => attempt = 1,
                Err(ShareWrong::Machine(fault)) => return Err(fault.into()),
                Err(why) if attempt == ATTEMPTS => return Err(unreadable(why)),
                Err(why) => {
                    attempt += 1;
                    wrong = Some(format!("{why}."));
                }
            }
        }
        typing.finish().map_err(unreadable)
    }

    fn ask_row(
        &self,
        what: SecretKind,
        label: &str,
        holder: Option<&str>,
        row: Option<RowOf>,
        people: &mut dyn People,
    ) -> Result<Secret, Stopped> {
        let min = (what == SecretKind::Throws).then_some(THROWS_MIN);
        let request = SecretRequest { min, ..row_request(what, label, holder, row) };
        people.secret(&request).ok_or(Stopped::Nobody(what.name()))
    }
}

fn row_request(what: SecretKind, label: &str, holder: Option<&str>, row: Option<RowOf>) -> SecretRequest {
    SecretRequest {
        what,
        label: Some(label.to_owned()),
        serial: None,
        holder: holder.map(str::to_owned),
        tries: Tries::TokenDoesNotTell,
        attempt: 1,
        min: None,
        max: Some(LOCKED_MAX),
        touch: false,
        row,
        wrong: None,
        covers: 0,
    }
}

/// Writes a sealed file on every medium, with its sheets and what is public of its shares.
fn leave_sealed(
    title: &str,
    name: &Alias,
    sealed: &Sealed,
    split: &Split,
    extension: &str,
    job: &Job,
) -> Result<(SealedBackup, Vec<ExportedFile>, Vec<String>), Stopped> {
    let place = format!("{FOLDER}/{name}-{}", split.set.id());
    let card =
        serde_json::to_vec_pretty(&split.set).map_err(|error| Fault::machine("write the set of shares", error))?;
    let leaving = [
        Leaving { name: format!("{place}.{extension}"), bytes: sealed.bytes().to_vec() },
        Leaving { name: format!("{place}.html"), bytes: sealed_html(sealed, title)?.into_bytes() },
        Leaving { name: format!("{place}.txt"), bytes: sealed_text(sealed, title)?.into_bytes() },
        Leaving { name: format!("{place}.set.json"), bytes: [card.as_slice(), b"\n"].concat() },
    ];
    write_to(&job.media, &leaving)?;
    let mut described = leaving.iter().map(Leaving::described);
    let file = described.next().expect("the sealed file is the first");
    let sealed = SealedBackup { file, set: split.set.clone() };
    let media = job.media.iter().map(|medium| medium.label.clone()).collect();
    Ok((sealed, described.collect(), media))
}

/// The sealed file as the record has it, on the first medium that still has what the transcript says.
pub(super) fn sealed_file(job: &Job, file: &ExportedFile) -> Result<Sealed, Stopped> {
    let mut wrong = vec![];
    for medium in &job.media {
        let path = medium.folder.join(&file.name);
        match files::read(&path, crate::backup::SIZE_MAX as u64) {
            Ok(bytes) if Digest::of(&bytes) != file.sha256 => {
                wrong.push(format!("on “{}” it is not the file that was sealed", medium.label));
            }
            Ok(bytes) => match Sealed::read(bytes) {
                Ok(sealed) => return Ok(sealed),
                Err(why) => wrong.push(format!("on “{}” {why}", medium.label)),
            },
            Err(error) => wrong.push(format!("on “{}” {error}", medium.label)),
        }
    }
    Err(Refusal::new(
        Rule::BackupOpens,
        format!("{} cannot be used: {}.", file.name, wrong.join("; ")),
        "Put a medium with the file in, as it was sealed, or scan the printed sheets.",
    )
    .into())
}

fn draw(token: &mut Opened, room: &mut [u8]) -> Result<bool, Stopped> {
    match token.provision() {
        Some(token) => Ok(token.draw(room)?),
        None => Ok(false),
    }
}

pub(super) fn put(outcome: Outcome, shares: Vec<u8>, history: Option<String>) -> Outcome {
    match outcome {
        Outcome::BroughtIn { key, attributes } => Outcome::KeyPut { key, attributes, shares, history },
        other => other,
    }
}

fn gone(name: &Alias) -> Fault {
    Fault::machine(
        format!("go on with the key {name}"),
        "it was in memory only, and the program ended since; it was not done",
    )
}

fn unreadable(wrong: ShareWrong) -> Stopped {
    match wrong {
        ShareWrong::Machine(fault) => fault.into(),
        wrong => Refusal::new(
            Rule::ShareFits,
            format!("The share cannot be read: {wrong}."),
            "Compare with the page, and type it again from its first row.",
        )
        .into(),
    }
}
