//! What stands in for backups that were made before, and for the tokens that hold their keys and are wiped: throw-away shares, a
//! throw-away sealed file, and soft tokens.

use std::{collections::BTreeMap, path::Path};

use super::{FOLDER, SO_PIN, Twin, USER_PIN, inside, make, odd, page, write_input};
use crate::{
    backup::{
        About, Identity, Opens, ROWS, SIZE_MAX, Scheme, Sealed, Set, Split, seal, split, split_kek, wrapped_file,
    },
    ceremony::{
        event::Event,
        participants::Alias,
        script::{KeptFile, KeptSpec, Script},
        steps::Action,
        words,
    },
    digest::Digest,
    fault::{Error, Fault},
    files,
    keyfile::{Kek, PrivateKey},
    rules::{Refusal, Rule},
    secret::{Pin, Secret},
    token::{
        Erase, KeyRequest, LastTry, PinEntry, Token as _, User,
        pkcs11::{Module, Pkcs11Token, TokenUri},
        quirks::Trust,
    },
    tuf::key::{Key, KeyId},
    utc::Utc,
};

/// What opens a throw-away backup, of the kind that opens the real one.
enum Lock {
    Identity(Identity),
    Kek(Kek),
}

impl Lock {
    fn fresh(opens: Opens) -> Result<Self, Fault> {
        Ok(match opens {
            Opens::SealedFile => Self::Identity(Identity::fresh()?),
            Opens::WrappedKey => Self::Kek(Kek::fresh()?),
        })
    }

    fn split(&self, scheme: Scheme, keyid: &KeyId) -> Result<Split, Fault> {
        match self {
            Self::Identity(identity) => split(identity, scheme, keyid),
            Self::Kek(kek) => split_kek(kek, scheme, keyid),
        }
    }

    fn seal(&self, key: &PrivateKey, about: &About) -> Result<Sealed, Fault> {
        let sealed = match self {
            Self::Identity(identity) => seal(key, about, identity),
            Self::Kek(kek) => wrapped_file(&kek.wrap(key)?, about),
        };
        sealed.map_err(|wrong| wrong.fault("seal a throw-away key"))
    }
}

/// Makes all of it, and says what stands in for what.
pub(super) fn twins(
    script: &Script,
    beside: &Path,
    record: &Path,
    module: &Path,
    now: Utc,
) -> Result<Vec<Event>, Error> {
    let mut events = vec![];
    let mut keys: BTreeMap<KeyId, PrivateKey> = BTreeMap::new();
    for kept in &script.kept {
        let real = real_set(kept, beside)?;
        let lock = Lock::fresh(real.opens)?;
        let mut split = match &kept.sealed {
            None => lock.split(real.scheme, &real.keyid)?,
            Some(sealed) => {
                real_file(sealed, beside, real.opens)?;
                let key = PrivateKey::generate_p256()?;
                let public = public(script, &key)?;
                let twin = sealed_twin(script, &lock, &key, &public, (record, kept), now)?;
                events.push(Event::StandIn { real: real.keyid.clone(), twin: public.clone() });
                events.push(Event::TwinSet { real: sealed.sha256, twin });
                keys.insert(real.keyid.clone(), key);
                lock.split(real.scheme, &public.id())?
            }
        };
        drop(lock);
        split.set.encrypted.clone_from(&real.encrypted);
        events.push(twin_set(kept, &split, record)?);
    }
    for alias in tokens_that_existed(script) {
        let keyid = script.token(alias).and_then(|spec| spec.keyid.clone());
        let held = match keyid.as_ref().and_then(|keyid| keys.get(keyid)) {
            Some(key) => {
                on_token(alias, script, module, key)?;
                continue;
            }
            None => Twin::on_token(alias, script, module)?.key(script)?,
        };
        events.extend(keyid.map(|real| Event::StandIn { real, twin: held }));
    }
    Ok(events)
}

/// The tokens that a script wipes and neither prepares nor opens.
fn tokens_that_existed(script: &Script) -> Vec<&Alias> {
    let about = |alias: &Alias, wanted: fn(&Action) -> bool| {
        script.numbered().any(|(_, step)| step.action.token() == Some(alias) && wanted(&step.action))
    };
    let wiped = script.tokens.iter().map(|token| &token.alias);
    wiped
        .filter(|alias| about(alias, |action| matches!(action, Action::EraseToken(_))))
        .filter(|alias| !about(alias, |action| matches!(action, Action::PrepareToken(_) | Action::OpenToken(_))))
        .collect()
}

fn refuse(file: &str, what: &str) -> Error {
    Refusal::new(
        Rule::BytesMatchHash,
        format!("{} is not {what} that the script pins.", crate::text::shown(file)),
        "Put the pinned file beside the script: a rehearsal makes a twin of it.",
    )
    .into()
}

fn real_set(kept: &KeptSpec, beside: &Path) -> Result<Set, Error> {
    let bytes = files::read(&beside.join(&kept.file), files::limit::PUBLIC_KEY)?;
    let real: Option<Set> = serde_json::from_slice(&bytes).ok().filter(|_| Digest::of(&bytes) == kept.sha256);
    real.ok_or_else(|| refuse(&kept.file, "the set of shares"))
}

/// The real sealed file is not used; that it is here and whole is found out today, and not on the day.
fn real_file(sealed: &KeptFile, beside: &Path, opens: Opens) -> Result<(), Error> {
    let bytes = files::read(&beside.join(&sealed.file), SIZE_MAX as u64)?;
    let is_pinned = Digest::of(&bytes) == sealed.sha256;
    let of_set = |file: &Sealed| (opens == Opens::WrappedKey) == file.wrapped().is_ok();
    if !is_pinned || !Sealed::read(bytes).is_ok_and(|file| of_set(&file)) {
        return Err(refuse(&sealed.file, "the sealed file"));
    }
    Ok(())
}

fn public(script: &Script, key: &PrivateKey) -> Result<Key, Fault> {
    script.dialect.key(key.public()).ok_or_else(|| odd(&"a throw-away key has no metadata form"))
}

/// A throw-away sealed file in every place of the real one; its SHA-256.
fn sealed_twin(
    script: &Script,
    lock: &Lock,
    key: &PrivateKey,
    public: &Key,
    (record, kept): (&Path, &KeptSpec),
    now: Utc,
) -> Result<Digest, Error> {
    let about = About { keyid: public.id(), ceremony: script.title.clone(), made: now, history: None };
    let sealed = lock.seal(key, &about)?;
    for place in kept.sealed.iter().map(|file| &file.file).chain(&kept.copies) {
        write_input(record, inside(place), sealed.bytes())?;
    }
    Ok(Digest::of(sealed.bytes()))
}

/// A throw-away set of shares, as many as the real one has, with its pages.
fn twin_set(kept: &KeptSpec, split: &Split, record: &Path) -> Result<Event, Error> {
    make(&record.join(FOLDER).join("shares"))?;
    for share in &split.shares {
        let mut rows = vec![];
        for row in 1..=ROWS {
            rows.extend_from_slice(share.row(row)?.expose());
            rows.push(b'\n');
        }
        files::write_new(&page(record, &split.set.id(), share.label().index), &rows)?;
    }
    let twin = serde_json::to_vec_pretty(&split.set).map_err(|error| odd(&error))?;
    write_input(record, &kept.file, &twin)?;
    Ok(Event::TwinSet { real: kept.sha256, twin: Digest::of(&twin) })
}

/// A soft token that holds this very key, as the one that it stands for does.
fn on_token(alias: &Alias, script: &Script, module: &Path, key: &PrivateKey) -> Result<(), Error> {
    let pin = |text: &str| Secret::copied(text.as_bytes()).map(Pin::from);
    let (user, so) = (pin(USER_PIN)?, pin(SO_PIN)?);
    let mut token: Pkcs11Token = Module::load(module, None, Trust::shipped())?.open_blank(&TokenUri::default())?;
    let unable = || Fault::machine("prepare a soft token", "its module cannot");
    let provision = token.provision().ok_or_else(unable)?;
    provision.initialise(alias.as_str(), PinEntry::Typed(&so), Erase::NothingThere)?;
    provision.set_user_pin(&so, &user)?;
    token.login(User::User, PinEntry::Typed(&user), LastTry::Keep)?;
    let request = KeyRequest {
        algorithm: key.public().key_algorithm().ok_or_else(|| odd(&"a throw-away key does not sign"))?,
        label: words::key_label(&script.repository),
        id: alias.as_str().as_bytes().to_vec(),
    };
    token.provision().ok_or_else(unable)?.import_key(key, &request).map(drop)
}
