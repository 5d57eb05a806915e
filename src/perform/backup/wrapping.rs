//! Keys that one token wraps for another. The key-encryption key (KEK) is in this value's locked memory until its shares were read back,
//! then in shares; the root key is in tokens and nowhere else.

use super::{Performed, Performer, Stopped, gone, job_without, leave_sealed, token};
use crate::{
    backup::{About, Sealed, Split, split_kek, wrapped_file},
    ceremony::{
        operation::{Outcome, Wrapping, WrappingOutcome, WrapsBy},
        participants::Alias,
    },
    device,
    digest::Digest,
    fault::{Error, Fault, FaultKind},
    keyfile::Kek,
    locked,
    perform::{People, driver::Opened},
    rules::{Passed, Rule},
    runner::Job,
    secret::{Pin, SecretKind, SecretRequest},
    token::{
        Key, KeyAlgorithm, KeyRequest, KeySelector, LastTry, PinEntry, User, Wrap,
        wrap::{Copied, PinIsKey, WrapsSafely},
    },
    utc::Utc,
};

/// A KEK between its making and its wiping.
pub(in crate::perform) struct Held {
    kek: Kek,
    wrapped: Option<(Sealed, Split, Utc)>,
}

impl Held {
    /// Its shares, and when the file was written.
    pub(super) fn split(&self) -> Option<(&Split, Utc)> {
        self.wrapped.as_ref().map(|(_, split, made)| (split, *made))
    }
}

/// What is known of a wrapping that a token did.
pub(super) struct Done {
    pub(super) key: Key,
    pub(super) by: WrapsBy,
    pub(super) passed: Vec<Passed>,
}

/// When a key is wrapped, as its file says; and its public half, where it is on the token already.
type Wanted<'a> = (Utc, Option<&'a crate::tuf::key::Key>);

/// The user PIN of a token, for as long as one operation logs in and out.
pub(super) struct Entry {
    user: Option<Pin>,
    last_try: LastTry,
}

impl Entry {
    fn login(&self, token: &mut Opened) -> Result<(), Error> {
        let entry = self.user.as_ref().map_or(PinEntry::Pad, PinEntry::Typed);
        token.login(User::User, entry, self.last_try)
    }
}

impl Performer {
    pub(super) fn wrapping(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let crate::ceremony::operation::Operation::Wrapping(wrapping) = &job.operation else {
            return Err(job_without("a key to wrap").into());
        };
        match wrapping {
            Wrapping::MakeKek { name, tokens, dice } => {
                if job.in_doubt {
                    let what = "it is made in memory only";
                    return Err(token::nothing_found("make a key-encryption key", what).into());
                }
                locked::apart(|| self.make_kek(name, tokens, *dice, people))
            }
            // What is on the token is looked at when it is done again, or given up.
            Wrapping::WrapKey { name, .. } if job.in_doubt => Err(gone(name).into()),
            Wrapping::UnwrapKey { .. } | Wrapping::CloseKey { .. } if job.in_doubt => {
                let what = "what there is of it on the token is looked at when it is done again";
                Err(token::nothing_found(&wrapping.words(), what).into())
            }
            Wrapping::WrapKey { alias, name, algorithm, label, made, known, .. } => locked::apart(|| {
                let algorithm = known.as_ref().and_then(|key| key.public().key_algorithm()).unwrap_or(*algorithm);
                let request = self.request_of(alias, label, algorithm)?;
                self.wrap_key(alias, name, &request, (*made, known.as_deref()), job, people)
            }),
            Wrapping::WipeKek { name } => {
                self.gathering = None;
                drop(self.keks.remove(name));
                Ok(Outcome::Wiped)
            }
            Wrapping::UnwrapKey { .. } => locked::apart(|| self.unwrap_key(wrapping, job, people)),
            Wrapping::RestoreKey { alias, label, sealed, .. } | Wrapping::Reopen { alias, label, sealed, .. }
                if job.in_doubt =>
            {
                self.cleared(alias, label, &[sealed.set.fingerprint], job, people)
            }
            Wrapping::RestoreKey { .. } | Wrapping::Reopen { .. } => {
                locked::apart(|| self.restore_wrapped(wrapping, job, people))
            }
            Wrapping::ProveCopy { alias, name, key } => self
                .at_token(alias, job, people, |token| {
                    let copied = wrapper(token)?.find_copy(&KeySelector::Public(key.public().clone()))?;
                    Ok((copied.key().clone(), copied))
                })
                .and_then(|done| match done {
                    Ok((key, copied)) => {
                        let passed = copied.passed().to_vec();
                        self.copies.insert(name.clone(), copied);
                        Ok(WrappingOutcome::CopyProven { key: self.tuf_key(&key)?, passed }.into())
                    }
                    Err(others) => Ok(others),
                }),
            Wrapping::CloseKey { alias, name, key, kek } => {
                let copied = self.copies.remove(name).ok_or_else(|| {
                    Fault::machine(
                        format!("close the key {name}"),
                        "this program has not seen its copy sign; leave, and go on with resume",
                    )
                })?;
                let public = KeySelector::Public(key.public().clone());
                let done = self.close_key(alias, &public, &copied, kek, job, people);
                self.copies.insert(name.clone(), copied);
                done
            }
            Wrapping::Clear { alias, name, kek, label, old } => {
                drop((self.keks.remove(name), self.copies.remove(name)));
                let keks: Vec<Digest> = [*kek].into_iter().chain(*old).collect();
                self.cleared(alias, label, &keks, job, people)
            }
        }
    }

    /// Nothing of a key that does not count, and of its KEKs, is on the token afterwards.
    fn cleared(
        &mut self,
        alias: &Alias,
        label: &str,
        keks: &[Digest],
        job: &Job,
        people: &mut dyn People,
    ) -> Performed {
        self.gathering = None;
        let request = self.request_of(alias, label, self.script.root.algorithm)?;
        let done = self.at_token(alias, job, people, |token| {
            let mut passed = vec![];
            for kek in keks {
                passed.push(wrapper(token)?.remove_kek(kek)?);
            }
            clear(token, &request)?;
            Ok(passed)
        })?;
        Ok(done.map_or_else(|others| others, |passed| WrappingOutcome::Cleared { passed }.into()))
    }

    pub(super) fn request_of(&self, alias: &Alias, label: &str, algorithm: KeyAlgorithm) -> Result<KeyRequest, Fault> {
        let id = self.driver(alias)?.key_id(label, alias);
        Ok(KeyRequest { algorithm, label: label.to_owned(), id })
    }

    /// Where the script of the ceremony declares it.
    fn pin_is_key(&self) -> Option<PinIsKey> {
        self.script.declares.pin_is_key.then(PinIsKey::declared_in_the_script)
    }

    fn make_kek(&mut self, name: &Alias, tokens: &[Alias], dice: bool, people: &mut dyn People) -> Performed {
        self.pages_lie_in_memory()?;
        let (mixture, sources, dice) = self.mixed(name, tokens, dice, people)?;
        let kek = mixture.kek()?;
        let fingerprint = kek.fingerprint();
        self.keks.insert(name.clone(), Held { kek, wrapped: None });
        Ok(WrappingOutcome::KekMade { kek: fingerprint, sources, dice }.into())
    }

    /// Does one thing with the user logged in, and logs out whatever came of it; or says which other tokens are in.
    fn at_token<T>(
        &mut self,
        alias: &Alias,
        job: &Job,
        people: &mut dyn People,
        act: impl FnOnce(&mut Opened) -> Result<T, Stopped>,
    ) -> Result<Result<T, Outcome>, Stopped> {
        self.with_entry(alias, job, people, |_, token, _, _| act(token))
    }

    /// The same with everything that it takes to log in once more.
    pub(super) fn with_entry<T>(
        &mut self,
        alias: &Alias,
        job: &Job,
        people: &mut dyn People,
        act: impl FnOnce(&Self, &mut Opened, &Entry, &mut dyn People) -> Result<T, Stopped>,
    ) -> Result<Result<T, Outcome>, Stopped> {
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Err(Outcome::WrongToken(others))),
        };
        let done = self.logged_in_as_user(alias, &mut token, job, people, act);
        self.open.insert(alias.clone(), token);
        done.map(Ok)
    }

    fn logged_in_as_user<T>(
        &self,
        alias: &Alias,
        token: &mut Opened,
        job: &Job,
        people: &mut dyn People,
        act: impl FnOnce(&Self, &mut Opened, &Entry, &mut dyn People) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let state = token.pins()?.user;
        let user = match token.identity().pin_pad {
            true => None,
            false => {
                let mut ask = |request: &SecretRequest| people.secret(request);
                Some(self.ask_user_pin(alias, token, &state, 0, &mut ask)?)
            }
        };
        let entry = Entry { user, last_try: if job.last_try { LastTry::MayBeSpent } else { LastTry::Keep } };
        entry.login(token)?;
        let done = act(self, token, &entry, people);
        let out = token.logout();
        let done = done?;
        out?;
        Ok(done)
    }

    /// Probes a token, brings the KEK unless a sound one is there, and leaves the user logged in.
    pub(super) fn brought_kek(
        &self,
        alias: &Alias,
        token: &mut Opened,
        kek: &Kek,
        algorithm: KeyAlgorithm,
        entry: &Entry,
        people: &mut dyn People,
    ) -> Result<WrapsSafely, Stopped> {
        let declared = self.pin_is_key();
        let safe = wrapper(token)?.wraps_safely(algorithm, declared.as_ref())?;
        match wrapper(token)?.find_kek(&kek.fingerprint(), &safe) {
            Ok(_) => return Ok(safe),
            Err(Error::Refused(_)) => drop(wrapper(token)?.remove_kek(&kek.fingerprint())?),
            Err(fault) => return Err(fault.into()),
        }
        if safe.wants_so() {
            let state = token.pins()?.so;
            let so_pin = match token.identity().pin_pad {
                true => None,
                false => {
                    let mut ask = |request: &SecretRequest| people.secret(request);
                    Some(self.ask_pin(SecretKind::SoPin, alias, token, &state, &mut ask)?)
                }
            };
            token.login(User::So, so_pin.as_ref().map_or(PinEntry::Pad, PinEntry::Typed), entry.last_try)?;
        }
        let brought = wrapper(token)?.bring_kek(kek, &safe);
        entry.login(token)?;
        match (brought, declared) {
            (Ok(()), _) => Ok(safe),
            // It keeps to CKA_TRUSTED, and takes no trusted key from outside.
            (Err(Error::Fault(fault)), Some(declared)) if safe.wants_so() && !fault.token_lost() => {
                let safe = safe.untrusted(&declared);
                wrapper(token)?.bring_kek(kek, &safe)?;
                Ok(safe)
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn wrap_key(
        &mut self,
        alias: &Alias,
        name: &Alias,
        request: &KeyRequest,
        of: Wanted<'_>,
        job: &Job,
        people: &mut dyn People,
    ) -> Performed {
        let mut held = self.keks.remove(name).ok_or_else(|| gone(name))?;
        let performed = self.wrapped_under(&mut held, alias, name, request, of, job, people);
        self.keks.insert(name.clone(), held);
        performed
    }

    #[expect(clippy::too_many_arguments, reason = "the key, the token, and who is asked")]
    fn wrapped_under(
        &mut self,
        held: &mut Held,
        alias: &Alias,
        name: &Alias,
        request: &KeyRequest,
        of: Wanted<'_>,
        job: &Job,
        people: &mut dyn People,
    ) -> Performed {
        let (kek, (made, known)) = (&held.kek, of);
        let done = self.with_entry(alias, job, people, |performer, token, entry, people| {
            let safe = performer.brought_kek(alias, token, kek, request.algorithm, entry, people)?;
            let wanted = match known {
                Some(key) => KeySelector::Public(key.public().clone()),
                None => KeySelector::Named { label: request.label.clone(), id: request.id.clone() },
            };
            let mut under = wrapper(token)?.find_kek(&kek.fingerprint(), &safe)?;
            // The token was wiped for this ceremony: a key of this name was made by a try whose answer was lost.
            let key = match wrapper(token)?.find_wrappable(&wanted, &under) {
                Err(Error::Refused(_)) if known.is_none() => {
                    token::provision(&mut **token)?.clear_half_made(request)?;
                    under = wrapper(token)?.find_kek(&kek.fingerprint(), &safe)?;
                    wrapper(token)?.generate_wrappable(request, &under)?
                }
                found => found?,
            };
            let wrapped = wrapper(token)?.wrap(&key, &under)?;
            let mut passed = safe.passed().to_vec();
            passed.extend([under.passed().clone(), key.passed().clone()]);
            let by = WrapsBy { mechanism: safe.mechanism(), trusted: safe.wants_so() };
            Ok((wrapped, Done { key: key.key().clone(), by, passed }))
        })?;
        let (wrapped, Done { key, by, passed }) = match done {
            Ok(done) => done,
            Err(others) => return Ok(others),
        };
        let (custody, title) = (self.custody()?, self.script.title.clone());
        let public = self.tuf_key(&key)?;
        let keyid = public.id();
        if held.wrapped.is_none() {
            let about = About { keyid: keyid.clone(), ceremony: title, made, history: None };
            let sealed = wrapped_file(&wrapped, &about).map_err(|wrong| wrong.fault("write the wrapped key"))?;
            // Once for each KEK: shares of two splittings would tell more together.
            let mut split = locked::apart(|| split_kek(&held.kek, custody.scheme, &keyid))?;
            split.set.encrypted = custody.encrypted();
            held.wrapped = Some((sealed, split, made));
        }
        let (sealed, split, _) = held.wrapped.as_ref().expect("it was wrapped a moment ago");
        if split.set.keyid != keyid {
            return Err(
                Fault::machine(format!("wrap the key {name}"), "the token holds another key than before").into()
            );
        }
        let (sealed, sheets, media) = leave_sealed(&self.script.title, name, sealed, split, "wrapped", job)?;
        let attributes = key.attributes;
        Ok(WrappingOutcome::Wrapped { key: public, attributes, by, sealed, sheets, media, passed }.into())
    }

    fn close_key(
        &mut self,
        alias: &Alias,
        wanted: &KeySelector,
        copied: &Copied,
        kek: &Digest,
        job: &Job,
        people: &mut dyn People,
    ) -> Performed {
        let (algorithm, declared) = (self.script.root.algorithm, self.pin_is_key());
        let done = self.at_token(alias, job, people, |token| {
            let mut safe = wrapper(token)?.wraps_safely(algorithm, declared.as_ref())?;
            let mut found = wrapper(token)?.find_kek(kek, &safe);
            // It may have been brought without trust, as the script declares.
            if let (Err(Error::Refused(_)), Some(declared), true) = (&found, &declared, safe.wants_so()) {
                safe = safe.untrusted(declared);
                found = wrapper(token)?.find_kek(kek, &safe);
            }
            let (attributes, closed) = match found {
                Ok(under) => {
                    let (key, passed) = match wrapper(token)?.find_wrappable(wanted, &under) {
                        Ok(key) => wrapper(token)?.close(key, copied, &under)?,
                        // An earlier try closed it, and its answer was lost.
                        Err(Error::Refused(_)) => wrapper(token)?.find_closed(wanted, &under)?,
                        Err(fault) => return Err(fault.into()),
                    };
                    (key.attributes, passed)
                }
                // It goes from this token only after the token refused to wrap the key.
                Err(Error::Refused(refusal)) => {
                    let key = token.find_key(wanted)?;
                    device::brought_in(&key.attributes).map_err(|_| refusal)?;
                    let seen = "CKA_EXTRACTABLE false; its key-encryption key went after wrapping was refused";
                    (key.attributes, Passed::new(Rule::KeyClosed, seen))
                }
                Err(fault) => return Err(fault.into()),
            };
            let gone = wrapper(token)?.remove_kek(kek)?;
            Ok((attributes, vec![closed, gone]))
        })?;
        Ok(done
            .map_or_else(|others| others, |(attributes, passed)| WrappingOutcome::Closed { attributes, passed }.into()))
    }
}

pub(super) fn wrapper(token: &mut Opened) -> Result<&mut dyn Wrap, Fault> {
    token.wrapper().ok_or_else(|| {
        Fault::new(
            FaultKind::NotSupported,
            "wrap a key",
            "keys are wrapped through PKCS#11; this token is reached in another way",
        )
    })
}

/// Destroys the key of this name, or what there is of it. Only where the ceremony does not count it.
pub(super) fn clear(token: &mut Opened, request: &KeyRequest) -> Result<(), Stopped> {
    let named = KeySelector::Named { label: request.label.clone(), id: request.id.clone() };
    match token.find_key(&named) {
        Ok(key) => token::provision(&mut **token)?.destroy_key(&key)?,
        Err(Error::Refused(_)) => drop(token::provision(&mut **token)?.clear_half_made(request)?),
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}
