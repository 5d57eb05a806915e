//! What a rehearsal makes for itself: throw-away keys in the place of the online roles' real ones, a twin of the previous root
//! with throw-away keys, and soft tokens that hold those of the officers. Everything lies in the record's own folder
//! `rehearsal/`, and nothing of it is worth anything.

mod collection;
mod custody;
mod frames;

pub use self::frames::{frames, frames_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer},
    pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
};

use crate::{
    ceremony::{
        event::Event,
        participants::Alias,
        script::{KeySpec, PossessionSpec, Script},
        steps::Action,
    },
    digest::{Digest, to_hex},
    fault::{Error, Fault},
    files,
    keyfile::{Headers, KeyFile, PrivateKey, write_with},
    readback::{Blind, Challenge, ReadBack, Reviewed, Signable, WORDS_OF_DIGEST},
    rules::{Refusal, Rule},
    secret::{Passphrase, Pin, Secret},
    token::{
        Erase, KeyRequest, LastTry, PinEntry, Token, User,
        pkcs11::{Module, TokenUri},
        quirks::Trust,
    },
    tuf::{
        change::{RootChange, amend},
        key::{Key, KeyId, PublicKey, RawSignature},
        role::RoleName,
        signed::Untrusted,
        verify::first_root,
    },
    utc::Utc,
};

/// The folder of a rehearsal in its record.
pub const FOLDER: &str = "rehearsal";

/// The user PIN of every token that existed before a rehearsed ceremony. Written here because it protects nothing.
pub const USER_PIN: &str = "rehearsal-user";
/// The SO-PIN of the same.
pub const SO_PIN: &str = "rehearsal-so";

/// The passphrase of every key file that a script expects to exist before a rehearsed ceremony.
pub const PASSPHRASE: &str = "rehearsal-passphrase";

/// As often as the stock client stretches a passphrase; more would protect nothing more here.
const ROUNDS: u32 = 2048;

/// The folder with the inputs of a rehearsal.
pub fn inputs(record: &Path) -> PathBuf {
    record.join(FOLDER).join("inputs")
}

/// Makes everything that the script expects to exist, and says what stands in for what.
///
/// # Errors
/// A refusal where the previous root beside the script is not the pinned one; a fault.
pub fn stand_ins(script: &Script, beside: &Path, record: &Path, module: &Path, now: Utc) -> Result<Vec<Event>, Error> {
    let folder = record.join(FOLDER);
    make(&inputs(record))?;
    make(&folder.join("keys"))?;
    let mut events = vec![];
    for spec in &script.keys {
        if let PossessionSpec::HeldByToken(alias) = &spec.possession {
            let key = Twin::on_token(alias, script, module)?.key(script)?;
            let pem = key.public().to_spki_pem().ok_or_else(|| odd(&"a twin has no PEM"))?;
            write_input(record, &spec.file, pem.as_bytes())?;
            events.push(Event::StandIn { real: spec.keyid.clone(), twin: key });
            continue;
        }
        let twin = throw_away(&folder.join("keys").join(format!("{}.pem", spec.name)))?;
        let key = tuf_key(script, &twin)?;
        let pem = twin.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|error| odd(&error))?;
        write_input(record, &spec.file, pem.as_bytes())?;
        if let PossessionSpec::Statement(file) = &spec.possession {
            write_input(record, file, &possession(script, spec, &key, &twin, now))?;
        }
        events.push(Event::StandIn { real: spec.keyid.clone(), twin: key });
    }
    let brought = key_files(script, record)?;
    events.extend(
        brought
            .iter()
            .map(|(real, twin)| Ok::<_, Fault>(Event::StandIn { real: real.clone(), twin: tuf_key(script, twin)? }))
            .collect::<Result<Vec<_>, _>>()?,
    );
    events.extend(custody::twins(script, beside, record, module, now)?);
    if let Some(previous) = &script.previous {
        let bytes = files::read(&beside.join(&previous.file), files::limit::METADATA)?;
        if Digest::of(&bytes) != previous.sha256 {
            return Err(Refusal::new(
                Rule::PreviousRootPinned,
                format!("{} is not the root that the script pins.", files::name(&beside.join(&previous.file))),
                "Put the pinned root beside the script: a rehearsal makes a twin of it.",
            )
            .into());
        }
        let (twins, root) = twin_root(script, &bytes, &folder, module, &brought)?;
        events.extend(twins);
        write_input(record, &previous.file, &root)?;
        events.push(Event::TwinRoot { real: previous.sha256, twin: Digest::of(&root) });
    }
    if let Some(spec) = &script.repositories {
        events.extend(collection::twin(script, spec, beside, record, module, now, &brought)?);
    }
    frames::make_frames(script, record)?;
    Ok(events)
}

/// Where a rehearsal keeps the pages of throw-away shares, for whoever types them.
pub fn page(record: &Path, set: &str, share: u8) -> PathBuf {
    record.join(FOLDER).join("shares").join(format!("{set}-{share}.txt"))
}

/// Where a rehearsal looks for a file of the script: below its inputs, even where the script names a medium.
pub fn inside(file: &str) -> &str {
    file.trim_start_matches('/')
}

/// Key files with throw-away keys, for the steps that bring an existing key to a token: one key for all steps that mean the same
/// one, by every name that the script has for it.
fn key_files(script: &Script, record: &Path) -> Result<BTreeMap<KeyId, SigningKey>, Error> {
    let mut twins: BTreeMap<KeyId, SigningKey> = BTreeMap::new();
    let mut files: BTreeMap<&str, (String, BTreeSet<KeyId>)> = BTreeMap::new();
    for (_, step) in script.numbered() {
        let (file, names) = match &step.action {
            Action::ImportKey(step) => {
                let of_token = script.token(&step.token).and_then(|spec| spec.keyid.clone());
                (&step.file, step.keyid.iter().cloned().chain(of_token).collect::<Vec<KeyId>>())
            }
            Action::TakeKey(step) => (&step.file, vec![step.keyid.clone()]),
            _ => continue,
        };
        let known = names.iter().find_map(|name| twins.get(name)).cloned();
        let pair = match known {
            Some(twin) => twin,
            None => SigningKey::from_slice(PrivateKey::generate_p256()?.material().expose()).map_err(|e| odd(&e))?,
        };
        let public = tuf_key(script, &pair)?;
        let (text, there) = files.entry(file.as_str()).or_default();
        if there.insert(public.id()) {
            text.push_str(&as_file(&pair)?);
        }
        twins.extend(names.into_iter().map(|name| (name, pair.clone())));
    }
    for (file, (text, _)) in files {
        write_input(record, inside(file), text.as_bytes())?;
    }
    Ok(twins)
}

/// A throw-away root key as the stock tools write it.
fn as_file(twin: &SigningKey) -> Result<String, Error> {
    let pem = twin.to_pkcs8_pem(LineEnding::LF).map_err(|error| odd(&error))?;
    let file = KeyFile::parse(Secret::copied(pem.as_bytes())?).map_err(|error| odd(&error))?;
    let key = file.open(0, None).map_err(|error| odd(&error))?;
    let headers = Headers::new("root", None).map_err(|error| odd(&error))?;
    let passphrase = Passphrase::from(Secret::copied(PASSPHRASE.as_bytes())?);
    Ok(write_with(&key, &headers, &passphrase, ROUNDS).map_err(|error| odd(&error))?)
}

/// The previous root with every root key replaced by a throw-away one, signed by all of them.
fn twin_root(
    script: &Script,
    real: &[u8],
    folder: &Path,
    module: &Path,
    brought: &BTreeMap<KeyId, SigningKey>,
) -> Result<(Vec<Event>, Vec<u8>), Error> {
    let trusted = first_root(Untrusted::parse(script.dialect, real)?)?;
    let old = trusted.document();
    let mut signers: BTreeMap<KeyId, Twin> = BTreeMap::new();
    let mut events = vec![];
    let mut changes = vec![];
    for (keyid, _) in old.keys_of(&RoleName::Root) {
        let holder = script.tokens.iter().find(|token| token.keyid.as_ref() == Some(keyid));
        let in_file = brought.get(keyid);
        let twin = match holder {
            _ if in_file.is_some() => Twin::Software(Box::new(in_file.cloned().ok_or_else(|| odd(&"a twin is gone"))?)),
            Some(spec) => Twin::on_token(&spec.alias, script, module)?,
            None => {
                Twin::Software(Box::new(throw_away(&folder.join("keys").join(format!("root-{}.pem", keyid.short())))?))
            }
        };
        let key = twin.key(script)?;
        changes.push(RootChange::RemoveKey { role: RoleName::Root, keyid: keyid.clone() });
        changes.push(RootChange::add_key(RoleName::Root, key.clone()));
        signers.insert(key.id(), twin);
        if in_file.is_none() {
            events.push(Event::StandIn { real: keyid.clone(), twin: key });
        }
    }
    let root = amend(old, &changes);
    let signed: Arc<[u8]> = Arc::from(script.dialect.signed_bytes(&root));
    let mut signatures = vec![];
    for (keyid, twin) in &mut signers {
        let signature = twin.sign(&signed)?;
        let public = root.keys.get(keyid).map(Key::public).ok_or_else(|| odd(&"a twin is not in its root"))?;
        let written = script.dialect.signature(keyid.clone(), public, &signature);
        signatures.push(written.ok_or_else(|| odd(&"a twin's signature cannot be written"))?);
    }
    Ok((events, script.dialect.envelope(&signed, &signatures)))
}

/// A throw-away key that stands in for an officer's.
enum Twin {
    /// Of an officer who is not in this ceremony.
    Software(Box<SigningKey>),
    /// On the soft token that an officer brings.
    OnToken { token: Box<crate::token::pkcs11::Pkcs11Token>, key: Box<crate::token::Key> },
}

impl Twin {
    fn on_token(alias: &Alias, script: &Script, module: &Path) -> Result<Self, Error> {
        let pin = |text: &str| Secret::copied(text.as_bytes()).map(Pin::from);
        let (user, so) = (pin(USER_PIN)?, pin(SO_PIN)?);
        let module = Module::load(module, None, Trust::shipped())?;
        let mut token = module.open_blank(&TokenUri::default())?;
        let unable = || Fault::machine("prepare a soft token", "its module cannot");
        let provision = token.provision().ok_or_else(unable)?;
        provision.initialise(alias.as_str(), PinEntry::Typed(&so), Erase::NothingThere)?;
        provision.set_user_pin(&so, &user)?;
        token.login(User::User, PinEntry::Typed(&user), LastTry::Keep)?;
        let request = KeyRequest {
            algorithm: script.root.algorithm,
            label: crate::ceremony::words::key_label(&script.repository),
            id: alias.as_str().as_bytes().to_vec(),
        };
        let key = token.provision().ok_or_else(unable)?.generate_key(&request)?;
        Ok(Self::OnToken { token: Box::new(token), key: Box::new(key) })
    }

    fn key(&self, script: &Script) -> Result<Key, Fault> {
        match self {
            Self::Software(key) => tuf_key(script, key),
            Self::OnToken { key, .. } => {
                script.dialect.key(&key.public).ok_or_else(|| odd(&"a twin has no metadata form"))
            }
        }
    }

    fn sign(&mut self, bytes: &Arc<[u8]>) -> Result<RawSignature, Error> {
        match self {
            Self::Software(key) => {
                let signature: Signature = key.sign(bytes);
                Ok(RawSignature::new(signature.to_bytes().to_vec()))
            }
            Self::OnToken { token, key } => {
                // Nobody reads a twin back: it is throw-away, and no client trusts it.
                let blind = Blind::new(Digest::of(bytes), WORDS_OF_DIGEST, 0);
                let read_back = ReadBack { supplied: blind.answer(), blind };
                let reviewed = Reviewed::new(Arc::clone(bytes), Digest::of(bytes), &read_back)
                    .ok_or_else(|| odd(&"a twin could not be reviewed"))?;
                // Still logged in since the key was made; the login ends with the session, when the twin is dropped.
                Ok(token.sign(key, &Signable::Reviewed(reviewed), None)?)
            }
        }
    }
}

fn possession(script: &Script, spec: &KeySpec, key: &Key, twin: &SigningKey, now: Utc) -> Vec<u8> {
    let roles = script.roles_of(&spec.name);
    let role = roles.first().map_or("targets", String::as_str);
    let keyid = key.id().to_string();
    let statement = Challenge::possession(&script.repository, role, &keyid, &now.plus_days(7).date(), b"rehearsal");
    let signature: Signature = twin.sign(statement.bytes());
    let mut file = statement.bytes().to_vec();
    file.extend(format!("signature: {}\n", to_hex(signature.to_der().as_bytes())).into_bytes());
    file
}

/// A P-256 key whose private half lies in the rehearsal's folder, so that whoever rehearses can complete the repository.
fn throw_away(file: &Path) -> Result<SigningKey, Error> {
    let mut seed = [0; 32];
    let key = loop {
        getrandom::fill(&mut seed).map_err(|error| Fault::machine("draw a throw-away key", error))?;
        // Not every 32 bytes are a scalar of the curve; almost all are.
        if let Ok(key) = SigningKey::from_slice(&seed) {
            break key;
        }
    };
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| odd(&error))?;
    files::write_new(file, pem.as_bytes())?;
    Ok(key)
}

fn tuf_key(script: &Script, key: &SigningKey) -> Result<Key, Fault> {
    let der = key.verifying_key().to_public_key_der().map_err(|error| odd(&error))?;
    let public = PublicKey::from_spki_der(der.as_bytes()).ok_or_else(|| odd(&"a throw-away key cannot be read"))?;
    script.dialect.key(&public).ok_or_else(|| odd(&"a throw-away key has no metadata form"))
}

fn write_input(record: &Path, file: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = inputs(record).join(file);
    if let Some(parent) = path.parent() {
        make(parent)?;
    }
    files::write_new(&path, bytes).map(drop)
}

fn make(folder: &Path) -> Result<(), Fault> {
    fs::create_dir_all(folder)
        .map_err(|error| Fault::machine(format!("make the folder {}", files::name(folder)), error))
}

fn odd(error: &dyn std::fmt::Display) -> Fault {
    Fault::machine("make throw-away keys", error)
}
