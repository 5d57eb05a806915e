//! Private key files: one comes home to a token, one is handed over.

use std::path::{Path, PathBuf};

use super::{Ask, Performed, Performer, Stopped, file::write_to, job_without, rehearsal};
use crate::{
    ceremony::{
        metadata::Leaving,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        steps::hand_over_key,
        words,
    },
    digest::Digest,
    fault::{Fault, FaultKind, Tries},
    files,
    keyfile::{Headers, KeyFile, PASSPHRASE_MIN, PrivateKey},
    rules::{Refusal, Rule},
    runner::Job,
    secret::{LOCKED_MAX, Passphrase, SecretKind, SecretRequest},
    token::KeyRequest,
    tuf::key::{KeyId, PublicKey, RawSignature},
};

/// A key that was handed over, as far as a second try needs it: nothing of it is secret.
pub(super) struct Handed {
    pem: Vec<u8>,
    public: PublicKey,
    signature: RawSignature,
}

impl Performer {
    /// Puts the key of a file on the token of `alias`. The file is read, and its key is known to be the one that is meant, before the
    /// token is touched.
    pub(super) fn import_key(&mut self, alias: &Alias, job: &Job, ask: Ask<'_>) -> Performed {
        let Operation::ImportKey { file, public, keyid, label, .. } = &job.operation else {
            return Err(job_without("a key file").into());
        };
        let id = self.driver(alias)?.key_id(label, alias);
        let name = |public: &PublicKey| -> Result<KeyRequest, Fault> {
            let algorithm = public.key_algorithm().ok_or_else(|| {
                let cause = format!("this program signs with no {} key", public.algorithm());
                Fault::new(FaultKind::NotSupported, format!("bring a key to {alias}"), cause)
            })?;
            Ok(KeyRequest { algorithm, label: label.clone(), id: id.clone() })
        };
        if job.in_doubt {
            // The token tells; nobody has to find the file and its passphrase again for that.
            return self.brought(
                alias,
                None,
                &KeyRequest { algorithm: self.script.root.algorithm, label: label.clone(), id },
                job,
                ask,
            );
        }
        let holder = self.script.token(alias).map(|spec| spec.user_pin.clone());
        let key = self.key_in(file, *public, keyid.as_ref(), holder.as_ref(), ask)?;
        let request = name(key.public())?;
        self.driver(alias)?.brings(request.algorithm)?;
        self.brought(alias, Some(&key), &request, job, ask)
    }

    /// The key of a file of the script that is the one which is meant.
    pub(super) fn key_in(
        &self,
        file: &str,
        public: Option<Digest>,
        keyid: Option<&KeyId>,
        holder: Option<&PersonId>,
        ask: Ask<'_>,
    ) -> Result<PrivateKey, Stopped> {
        let path = self.key_path(file);
        let opened = KeyFile::load(&path)?;
        let doing = || format!("open the key in {}", files::name(&path));
        let place = opened.place_of(keyid).map_err(|wrong| wrong.fault(doing()))?;
        let passphrase = match opened.keys()[place].lock {
            Some(_) => Some(self.ask_passphrase(SecretKind::Passphrase, file, holder, ask)?),
            None => None,
        };
        let key = opened.open(place, passphrase.as_ref()).map_err(|wrong| wrong.fault(doing()))?;
        drop((opened, passphrase));
        if !is_meant(&key, self.tuf_key_of(key.public())?.id(), public, keyid) {
            let id = key.public().canonical_id().map(|id| id.to_string()).unwrap_or_default();
            return Err(Refusal::new(
                Rule::KeyOnPaper,
                format!("{} holds the key {id}, which is not the one that the script means.", words::key_file(file)),
                words::OTHER_KEY_FILE,
            )
            .into());
        }
        Ok(key)
    }

    /// A key file of the script: at its own place, below the inputs, or in a rehearsal always below those.
    fn key_path(&self, file: &str) -> PathBuf {
        match self.rehearsal_module {
            Some(_) => self.inputs.join(rehearsal::inside(file)),
            None => self.inputs.join(file),
        }
    }

    fn ask_passphrase(
        &self,
        what: SecretKind,
        of: &str,
        holder: Option<&PersonId>,
        ask: Ask<'_>,
    ) -> Result<Passphrase, Stopped> {
        let request = SecretRequest {
            row: None,
            wrong: None,
            touch: false,
            covers: 0,
            what,
            label: Some(of.to_owned()),
            serial: None,
            holder: holder.map(|person| self.script.name(person).to_owned()),
            tries: Tries::TokenDoesNotTell,
            attempt: 1,
            min: (what != SecretKind::Passphrase).then_some(PASSPHRASE_MIN),
            max: Some(LOCKED_MAX),
        };
        ask(&request).map(Passphrase::from).ok_or(Stopped::Nobody(what.name()))
    }

    /// Makes a key, writes it and lets it sign. What an earlier try wrote whole is opened again and goes on to every medium; where
    /// nothing is there, nothing happened, since the key was only in memory.
    pub(super) fn hand_over(&mut self, job: &Job, ask: Ask<'_>) -> Performed {
        let Operation::HandOverKey { name, role, gun, keeper, file, last_day, nonce } = &job.operation else {
            return Err(job_without("a key to hand over").into());
        };
        let tried = self.handed.remove(name);
        let statement = |public: &PublicKey| -> Result<_, Fault> {
            let keyid = self.tuf_key_of(public)?.id();
            Ok(hand_over_key::statement(&self.script.repository, role, keyid.as_str(), last_day, *nonce))
        };
        let signed = |key: &PrivateKey, pem: Vec<u8>| -> Result<Handed, Fault> {
            let signature =
                key.sign(statement(key.public())?.bytes()).ok_or_else(|| job_without("a key that signs"))?;
            Ok(Handed { pem, public: key.public().clone(), signature })
        };
        let before = job.media.iter().find_map(|medium| whole(&medium.folder.join(file)));
        let handed = match (tried, before) {
            (Some(handed), _) => handed,
            (None, Some((path, there))) => {
                let passphrase = self.ask_passphrase(SecretKind::Passphrase, name.as_str(), Some(keeper), ask)?;
                let doing = || format!("open {}", files::name(&path));
                let key = there.open(0, Some(&passphrase)).map_err(|wrong| wrong.fault(doing()))?;
                signed(&key, files::read(&path, files::limit::PUBLIC_KEY)?)?
            }
            (None, None) if job.in_doubt => {
                return Err(super::token::nothing_found(
                    "hand a key over",
                    "no medium holds the whole file, and the key was in memory only",
                )
                .into());
            }
            (None, None) => {
                let headers = Headers::new(role, gun.as_deref())
                    .map_err(|what| Fault::new(FaultKind::NotSupported, format!("write {file}"), what))?;
                let passphrase = self.new_passphrase(name, keeper, ask)?;
                let key = PrivateKey::generate_p256()?;
                let pem = crate::keyfile::write(&key, &headers, &passphrase);
                let pem = pem.map_err(|wrong| wrong.fault(format!("encrypt the key {name}")))?;
                signed(&key, pem.into_bytes())?
            }
        };
        let key = self.tuf_key_of(&handed.public)?;
        let (sha256, length) = (Digest::of(&handed.pem), handed.pem.len() as u64);
        let leaving = [Leaving { name: file.clone(), bytes: handed.pem.clone() }];
        let written = write_to(&job.media, &leaving);
        let signature = handed.signature.clone();
        if let Err(error) = written {
            // Nobody has to choose a passphrase again because a medium failed.
            self.handed.insert(name.clone(), handed);
            return Err(error.into());
        }
        let media = job.media.iter().map(|medium| medium.label.clone()).collect();
        Ok(Outcome::HandedOver { key, sha256, length, media, signature })
    }

    pub(super) fn new_passphrase(&self, name: &Alias, keeper: &PersonId, ask: Ask<'_>) -> Result<Passphrase, Stopped> {
        let unfit =
            |cause: &str| Fault::new(FaultKind::PinNotAcceptable, format!("set the passphrase of {name}"), cause);
        let first = self.ask_passphrase(SecretKind::NewPassphrase, name.as_str(), Some(keeper), &mut *ask)?;
        if first.len() < PASSPHRASE_MIN {
            return Err(unfit(&format!(
                "it is shorter than {PASSPHRASE_MIN} bytes, and it is all that protects the file"
            ))
            .into());
        }
        let again = self.ask_passphrase(SecretKind::NewPassphraseAgain, name.as_str(), Some(keeper), ask)?;
        if !first.same_as(&again) {
            return Err(unfit("the two entries differ").into());
        }
        Ok(first)
    }

    pub(super) fn tuf_key_of(&self, public: &PublicKey) -> Result<crate::tuf::key::Key, Fault> {
        self.script.dialect.key(public).ok_or_else(|| {
            let cause = format!("metadata cannot hold a {} key", public.algorithm());
            Fault::new(FaultKind::NotSupported, "read the public key", cause)
        })
    }
}

/// Whether the key of a file is the one that the operation names.
fn is_meant(key: &PrivateKey, id: KeyId, public: Option<Digest>, keyid: Option<&KeyId>) -> bool {
    let named = |keyid: &KeyId| id == *keyid || key.public().canonical_id().as_ref() == Some(keyid);
    (public.is_some() || keyid.is_some())
        && public.is_none_or(|public| public == key.public().fingerprint())
        && keyid.is_none_or(named)
}

/// A key file that was written to its end.
fn whole(path: &Path) -> Option<(PathBuf, KeyFile)> {
    let file = path.is_file().then(|| KeyFile::load(path).ok())??;
    (file.keys().len() == 1 && file.keys()[0].lock.is_some()).then(|| (path.to_owned(), file))
}
