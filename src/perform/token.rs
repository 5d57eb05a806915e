//! Tokens: found by label and serial before any PIN is asked for, opened with one login for one operation, and closed again.

use std::path::PathBuf;

use super::{
    Ask, Performed, Performer, Stopped,
    driver::{Driver, Opened, uri_of},
    job_without,
};
use crate::{
    ceremony::{
        operation::{Operation, Outcome, SeenToken},
        participants::Alias,
        script::TokenSpec,
    },
    device::yubikey::{OldFirmware, Settings},
    digest::Digest,
    fault::{Fault, FaultKind},
    keyfile::PrivateKey,
    locked,
    runner::Job,
    secret::{Pin, SecretKind, SecretRequest},
    token::{
        Erase, Key, KeyRequest, KeySelector, LastTry, PinEntry, PinState, Provision, Token, User, new_pin_is_good,
        pkcs11::Module,
    },
    tuf::key::PublicKey,
};

impl Performer {
    pub(super) fn with_token(&mut self, job: &Job, ask: Ask<'_>) -> Performed {
        let alias = job.operation.alias().ok_or_else(|| job_without("a token"))?;
        match &job.operation {
            Operation::FindTokens { .. } => self.find(alias),
            Operation::Initialise { seen, label, .. } => self.initialise(alias, seen, label, job, ask),
            // A management key is made there.
            Operation::SetUserPin { .. } => locked::apart(|| self.set_user_pin(alias, job, ask)),
            Operation::Generate { algorithm, label, .. } => {
                let id = self.driver(alias)?.key_id(label, alias);
                let request = KeyRequest { algorithm: *algorithm, label: label.clone(), id };
                // A management key is used there, and in an import.
                locked::apart(|| self.generate(alias, &request, job, ask))
            }
            Operation::ImportKey { .. } => locked::apart(|| self.import_key(alias, job, ask)),
            Operation::Drill { public, .. } => self.sign(alias, *public, true, job, ask),
            Operation::Sign { public, .. } | Operation::SignHead { public, .. } => {
                self.sign(alias, *public, false, job, ask)
            }
            Operation::LookAtToken { label, serial, .. } => self.look_at(alias, label, serial),
            Operation::EraseToken { seen, .. } => self.erase(alias, seen, job, ask),
            Operation::Open { public, .. } => self.open_known(alias, *public, job, ask),
            _ => Err(job_without("a token").into()),
        }
    }

    fn spec(&self, alias: &Alias) -> Result<&TokenSpec, Fault> {
        self.script.token(alias).ok_or_else(|| job_without("a token of the script"))
    }

    /// How the tokens of `alias` are reached. A rehearsal has its own module for every token.
    pub(super) fn driver(&self, alias: &Alias) -> Result<Driver, Fault> {
        if let Some(path) = &self.rehearsal_module {
            return Ok(Driver::Module(Module::load(path, None, self.trust)?));
        }
        let spec = self.spec(alias)?;
        let module = self.script.module(&spec.module).ok_or_else(|| job_without("a module of the script"))?;
        let Some(settings) = module.yubikey() else {
            return Ok(Driver::Module(Module::load(&PathBuf::from(&module.path), None, self.trust)?));
        };
        let declared = self.script.declares.old_firmware;
        let old_firmware = if declared { OldFirmware::Declared } else { OldFirmware::Refused };
        Ok(Driver::YubiKeys(Settings { old_firmware, ..settings }, self.trust, self.management.handle()))
    }

    /// Every token that could become `alias`: blank ones where there are any, otherwise the others.
    fn find(&mut self, alias: &Alias) -> Performed {
        let seen = self.present(alias)?;
        let blank: Vec<_> = seen.iter().filter(|seen| !seen.token.initialised).cloned().collect();
        Ok(Outcome::Tokens(if blank.is_empty() { seen } else { blank }))
    }

    /// Every token that can be reached as `alias` is.
    fn present(&mut self, alias: &Alias) -> Result<Vec<SeenToken>, Stopped> {
        self.driver(alias)?.present()
    }

    fn initialise(&mut self, alias: &Alias, seen: &SeenToken, label: &str, job: &Job, ask: Ask<'_>) -> Performed {
        let driver = self.driver(alias)?;
        if job.in_doubt {
            // Initialised before the crash or not: the token tells.
            for now in driver.present()? {
                if driver.was_initialised(seen, &now, label)? {
                    return Ok(Outcome::Initialised(now));
                }
            }
            return Err(nothing_found("initialise the token", "no token carries the marks of it yet").into());
        }
        let used = seen.token.initialised;
        if !used {
            for now in driver.present()? {
                let same = now.token.serial == seen.token.serial && now.token.serial_tells();
                if same && driver.was_initialised(seen, &now, label)? {
                    // An earlier try did it, and its answer was lost.
                    return Ok(Outcome::Initialised(now));
                }
            }
        }
        let mut token = match used {
            true => driver.open(&seen.token.label, &seen.token.serial)?,
            false => driver.open_blank(&seen.token)?,
        };
        let state = token.pins()?.so;
        // A YubiKey's PUK is not asked for to wipe it: whoever holds the YubiKey can.
        let so_pin = if used && matches!(token, Opened::Pkcs11(_)) {
            self.ask_pin(SecretKind::SoPin, alias, &token, &state, ask)?
        } else {
            self.ask_new_pin(SecretKind::NewSoPin, SecretKind::NewSoPinAgain, alias, &token, &state, None, ask)?
        };
        let serial = seen.token.serial.clone();
        let erase = if used { Erase::TypedSerial(&serial) } else { Erase::NothingThere };
        provision(&mut *token)?.initialise(label, PinEntry::Typed(&so_pin), erase)?;
        let seen = self.seen(&mut *token)?;
        self.so_pins.insert(alias.clone(), so_pin);
        self.open.insert(alias.clone(), token);
        Ok(Outcome::Initialised(seen))
    }

    fn set_user_pin(&mut self, alias: &Alias, job: &Job, ask: Ask<'_>) -> Performed {
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Outcome::WrongToken(others)),
        };
        let pins = token.pins()?;
        if job.in_doubt && token.is_prepared(&pins)? {
            let management_key = token.new_management_key()?;
            self.open.insert(alias.clone(), token);
            return Ok(Outcome::UserPinSet { management_key });
        }
        let so_pin = match self.so_pins.remove(alias) {
            Some(pin) => pin,
            // It is not set yet, and whoever typed it first may type it otherwise now.
            None if pins.so.must_change => {
                self.ask_new_pin(SecretKind::NewSoPin, SecretKind::NewSoPinAgain, alias, &token, &pins.so, None, ask)?
            }
            None => self.ask_pin(SecretKind::SoPin, alias, &token, &pins.so, ask)?,
        };
        let new = self.ask_new_pin(
            SecretKind::NewUserPin,
            SecretKind::NewUserPinAgain,
            alias,
            &token,
            &pins.user,
            Some(&so_pin),
            ask,
        );
        let set = new.and_then(|pin| {
            provision(&mut *token)?.set_user_pin(&so_pin, &pin)?;
            token.no_default_is_left()?;
            Ok(token.new_management_key()?)
        });
        self.open.insert(alias.clone(), token);
        if set.is_err() {
            // Nobody has to fetch the SO-PIN again because a user PIN was refused.
            self.so_pins.insert(alias.clone(), so_pin);
        }
        set.map(|management_key| Outcome::UserPinSet { management_key })
    }

    fn generate(&mut self, alias: &Alias, request: &KeyRequest, job: &Job, ask: Ask<'_>) -> Performed {
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Outcome::WrongToken(others)),
        };
        let made = self.logged_in(alias, &mut token, job, ask, |token, _, ask| {
            let named = KeySelector::Named { label: request.label.clone(), id: request.id.clone() };
            let key = match token.find_key(&named) {
                // The token was wiped for this ceremony: a key of this name was made by a try whose answer was lost.
                Ok(key) => {
                    self.administered(alias, token, ask, |token| token.completed(key.clone(), &request.label))?
                }
                Err(_) if job.in_doubt => {
                    // Power may have gone between the two objects of the pair: half a key is no key, and would be in the way.
                    let half = provision(&mut **token)?.clear_half_made(request)?;
                    let what =
                        if half == 0 { "no key of that name" } else { "half a key of that name, which is gone now" };
                    return Err(nothing_found("generate a key", &format!("the token holds {what}")).into());
                }
                Err(_) => {
                    self.administered(alias, token, ask, |token| provision(&mut **token)?.generate_key(request))?
                }
            };
            let attestation = token.attestation(&key)?;
            Ok((key, attestation))
        });
        self.open.insert(alias.clone(), token);
        let (key, attestation) = made?;
        Ok(Outcome::Generated { key: self.tuf_key(&key)?, attributes: key.attributes, attestation })
    }

    /// Puts `key` on the token, or looks whether an earlier try did; without a key only that.
    pub(super) fn brought(
        &mut self,
        alias: &Alias,
        key: Option<&PrivateKey>,
        request: &KeyRequest,
        job: &Job,
        ask: Ask<'_>,
    ) -> Performed {
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Outcome::WrongToken(others)),
        };
        let made = self.logged_in(alias, &mut token, job, ask, |token, _, ask| {
            let named = KeySelector::Named { label: request.label.clone(), id: request.id.clone() };
            if let Ok(there) = token.find_key(&named)
                && key.is_none_or(|key| *key.public() == there.public)
            {
                // An earlier try brought it, and its answer was lost.
                return self.administered(alias, token, ask, |token| token.completed(there.clone(), &request.label));
            }
            let Some(key) = key else {
                // Power may have gone between the two objects of the pair: half a key is no key, and would be in the way.
                let half = provision(&mut **token)?.clear_half_made(request)?;
                let what = if half == 0 { "no key of that name" } else { "half a key of that name, which is gone now" };
                return Err(nothing_found("bring a key in", &format!("the token holds {what}")).into());
            };
            self.administered(alias, token, ask, |token| provision(&mut **token)?.import_key(key, request))
        });
        self.open.insert(alias.clone(), token);
        let key = made?;
        Ok(Outcome::BroughtIn { key: self.tuf_key(&key)?, attributes: key.attributes })
    }

    /// Signs what the job carries with the key of this fingerprint. Which token it is, and that it holds the key, is settled
    /// before anybody types a PIN.
    fn sign(&mut self, alias: &Alias, public: Digest, again: bool, job: &Job, ask: Ask<'_>) -> Performed {
        let signable = job.signable().ok_or_else(|| job_without("reviewed bytes"))?;
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Outcome::WrongToken(others)),
        };
        if again {
            token.reopen()?;
        }
        if matches!(job.operation, Operation::SignHead { .. }) {
            // Nothing is closed that everybody can open: also where the token was prepared by others.
            token.no_default_is_left()?;
        }
        let seen = self.seen(&mut *token)?;
        let Some(wanted) = find_public(&mut *token, public)? else {
            return Ok(Outcome::WrongToken(vec![seen]));
        };
        let signature = self.logged_in(alias, &mut token, job, ask, |token, pin, _| {
            let key = token.find_key(&KeySelector::Public(wanted.clone()))?;
            let each_time = key.wants_pin_each_time().then_some(pin);
            Ok(token.sign(&key, signable, each_time)?)
        });
        self.open.insert(alias.clone(), token);
        Ok(Outcome::Signed { seen, signature: signature? })
    }

    /// Finds the token that holds a known key, and lets it prove so.
    fn open_known(&mut self, alias: &Alias, public: Digest, job: &Job, ask: Ask<'_>) -> Performed {
        let holders: Vec<_> =
            self.present(alias)?.into_iter().filter(|seen| seen.public_keys.contains(&public)).collect();
        let Some(holder) = holders.first() else {
            return Ok(Outcome::WrongToken(
                self.present(alias)?.into_iter().filter(|seen| seen.token.initialised).collect(),
            ));
        };
        let mut token = self.driver(alias)?.open(&holder.token.label, &holder.token.serial)?;
        let seen = self.seen(&mut *token)?;
        let signable = job.signable().ok_or_else(|| job_without("a nonce"))?;
        let Some(wanted) = find_public(&mut *token, public)? else {
            return Ok(Outcome::WrongToken(vec![seen]));
        };
        let opened = self.logged_in(alias, &mut token, job, ask, |token, pin, _| {
            let key = token.find_key(&KeySelector::Public(wanted.clone()))?;
            let each_time = key.wants_pin_each_time().then_some(pin);
            token.sign(&key, signable, each_time)?;
            Ok(key)
        });
        self.open.insert(alias.clone(), token);
        let key = self.tuf_key(&opened?)?;
        Ok(Outcome::Opened { seen, key })
    }

    /// The token that `alias` is bound to, opened anew unless it is open; or those that are in instead, for the ceremony to name.
    pub(super) fn take_or_wrong(
        &mut self,
        alias: &Alias,
        job: &Job,
    ) -> Result<Result<Opened, Vec<SeenToken>>, Stopped> {
        if let Some(mut token) = self.open.remove(alias)
            && token.is_present()?
        {
            return Ok(Ok(token));
        }
        let bound = job.bound.as_ref().ok_or_else(|| job_without("a bound token"))?;
        let driver = self.driver(alias)?;
        let present = driver.present()?;
        let uri = uri_of(&bound.label, &bound.serial);
        if present.iter().any(|seen| uri.matches(&seen.token)) {
            return Ok(Ok(driver.open(&bound.label, &bound.serial)?));
        }
        Ok(Err(present.into_iter().filter(|seen| seen.token.initialised).collect()))
    }

    /// Asks for the user PIN, logs in, does one thing, and logs out whatever came of it.
    fn logged_in<T>(
        &self,
        alias: &Alias,
        token: &mut Opened,
        job: &Job,
        ask: Ask<'_>,
        act: impl FnOnce(&mut Opened, PinEntry<'_>, Ask<'_>) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let state = token.pins()?.user;
        let last_try = if job.last_try { LastTry::MayBeSpent } else { LastTry::Keep };
        let typed = match token.identity().pin_pad {
            true => None,
            false => Some(self.ask_user_pin(alias, token, &state, job.signables.len(), &mut *ask)?),
        };
        let entry = || typed.as_ref().map_or(PinEntry::Pad, PinEntry::Typed);
        self.tell_of_touches(alias, token, 0, job.signables.len());
        token.login(User::User, entry(), last_try)?;
        let done = act(token, entry(), ask);
        let out = token.logout();
        let done = done?;
        out?;
        Ok(done)
    }

    pub(super) fn ask_pin(
        &self,
        what: SecretKind,
        alias: &Alias,
        token: &Opened,
        state: &PinState,
        ask: Ask<'_>,
    ) -> Result<Pin, Stopped> {
        let request = self.request(what, alias, token, state)?;
        ask(&request).map(Pin::from).ok_or(Stopped::Nobody(what.name()))
    }

    /// Asks for the user PIN, and says how many signatures the one entry covers.
    pub(super) fn ask_user_pin(
        &self,
        alias: &Alias,
        token: &Opened,
        state: &PinState,
        covers: usize,
        ask: Ask<'_>,
    ) -> Result<Pin, Stopped> {
        let what = SecretKind::UserPin;
        let request = SecretRequest { covers, ..self.request(what, alias, token, state)? };
        ask(&request).map(Pin::from).ok_or(Stopped::Nobody(what.name()))
    }

    #[expect(clippy::too_many_arguments, reason = "the two names of one secret, and what it must differ from")]
    fn ask_new_pin(
        &self,
        what: SecretKind,
        again: SecretKind,
        alias: &Alias,
        token: &Opened,
        state: &PinState,
        other: Option<&Pin>,
        ask: Ask<'_>,
    ) -> Result<Pin, Stopped> {
        let first = self.ask_pin(what, alias, token, state, ask)?;
        new_pin_is_good(&first, other, state)?;
        let second = self.ask_pin(again, alias, token, state, ask)?;
        if first.same_as(&second) {
            return Ok(first);
        }
        Err(Fault::new(FaultKind::PinNotAcceptable, format!("set the {}", what.name()), "the two entries differ")
            .into())
    }

    pub(super) fn request(
        &self,
        what: SecretKind,
        alias: &Alias,
        token: &Opened,
        state: &PinState,
    ) -> Result<SecretRequest, Fault> {
        let spec = self.spec(alias)?;
        let person = match what {
            SecretKind::SoPin | SecretKind::NewSoPin | SecretKind::NewSoPinAgain => &spec.so_pin,
            _ => &spec.user_pin,
        };
        let identity = token.identity();
        Ok(SecretRequest {
            row: None,
            wrong: None,
            what,
            label: Some(alias.to_string()),
            serial: Some(identity.serial.clone()),
            holder: Some(self.script.name(person).to_owned()),
            tries: state.tries,
            attempt: 1,
            min: Some(state.min),
            max: state.max,
            touch: what == SecretKind::UserPin && token.may_blink(),
            covers: 0,
        })
    }

    pub(super) fn seen(&self, token: &mut dyn Token) -> Result<SeenToken, Stopped> {
        let public_keys = fingerprints(token)?;
        Ok(SeenToken { token: token.identity().clone(), public_keys })
    }

    pub(super) fn tuf_key(&self, key: &Key) -> Result<crate::tuf::key::Key, Fault> {
        self.script.dialect.key(&key.public).ok_or_else(|| {
            Fault::new(
                FaultKind::NotSupported,
                "read the public key",
                format!("metadata cannot hold a {} key", key.public.algorithm()),
            )
        })
    }
}

pub(super) fn provision(token: &mut dyn Token) -> Result<&mut dyn Provision, Fault> {
    token.provision().ok_or_else(|| {
        Fault::new(FaultKind::NotSupported, "prepare the token", "this kind of token is prepared with its maker's tool")
    })
}

pub(super) fn nothing_found(doing: &str, what: &str) -> Fault {
    Fault::new(
        FaultKind::Other,
        format!("look whether the last operation ({doing}) was done"),
        format!("{what}; it was not done"),
    )
}

pub(super) fn fingerprints(token: &mut dyn Token) -> Result<Vec<Digest>, Stopped> {
    Ok(token.public_keys()?.into_iter().filter_map(|seen| seen.public.ok()).map(|key| key.fingerprint()).collect())
}

pub(super) fn find_public(token: &mut dyn Token, public: Digest) -> Result<Option<PublicKey>, Stopped> {
    let keys = token.public_keys()?;
    Ok(keys.into_iter().filter_map(|seen| seen.public.ok()).find(|key| key.fingerprint() == public))
}
