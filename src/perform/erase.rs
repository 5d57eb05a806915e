//! Tokens that are wiped: looked at before, wiped, and looked at afterwards.

use super::{
    Ask, Performed, Performer,
    driver::{Opened, uri_of},
    token::{nothing_found, provision},
};
use crate::{
    ceremony::{
        operation::{Outcome, SeenToken},
        participants::Alias,
    },
    fault::{Fault, FaultKind},
    runner::Job,
    secret::SecretKind,
    token::{LastTry, PinEntry},
};

impl Performer {
    /// The one token of this label and serial.
    pub(super) fn look_at(&mut self, alias: &Alias, label: &str, serial: &str) -> Performed {
        let present = self.driver(alias)?.present()?;
        let uri = uri_of(label, serial);
        let (right, others): (Vec<_>, Vec<_>) = present.into_iter().partition(|seen| uri.matches(&seen.token));
        match right.as_slice() {
            [one] => Ok(Outcome::Tokens(vec![one.clone()])),
            [] => Ok(Outcome::WrongToken(others.into_iter().filter(|seen| seen.token.initialised).collect())),
            several => {
                let what = format!("{} tokens have this label and serial; take the others out", several.len());
                Err(Fault::new(FaultKind::Other, format!("look at {alias}"), what).into())
            }
        }
    }

    pub(super) fn erase(&mut self, alias: &Alias, seen: &SeenToken, job: &Job, ask: Ask<'_>) -> Performed {
        // Whatever was open under its old PIN is closed first.
        drop(self.open.remove(alias));
        let driver = self.driver(alias)?;
        let present = driver.present()?;
        let here = |now: &&SeenToken| now.same_as(seen);
        // A module may take the label away with everything else.
        let blank = |now: &&SeenToken| {
            !now.token.initialised && now.token.serial == seen.token.serial && now.token.serial_tells()
        };
        if present.iter().find(here).is_none() {
            return Ok(match present.iter().find(blank) {
                Some(blank) => Outcome::Erased { seen: blank.clone(), left: 0 },
                None => Outcome::WrongToken(present.into_iter().filter(|seen| seen.token.initialised).collect()),
            });
        }
        let mut token = driver.open(&seen.token.label, &seen.token.serial)?;
        // An earlier try did it, and its answer was lost.
        if provision(&mut *token)?.is_wiped()? {
            return self.emptied(&mut token);
        }
        if job.in_doubt {
            return Err(nothing_found("wipe the token", "its keys or its PIN are still there").into());
        }
        let last_try = if job.last_try { LastTry::MayBeSpent } else { LastTry::Keep };
        let typed = seen.token.told_by().to_owned();
        // A YubiKey is reset by whoever holds it.
        let so_pin = match &token {
            Opened::Pkcs11(_) if !token.identity().pin_pad => {
                let state = token.pins()?.so;
                Some(self.ask_pin(SecretKind::SoPin, alias, &token, &state, ask)?)
            }
            _ => None,
        };
        let entry = match (&token, &so_pin) {
            (Opened::Pkcs11(_), None) => Some(PinEntry::Pad),
            (_, pin) => pin.as_ref().map(PinEntry::Typed),
        };
        provision(&mut *token)?.wipe(entry, &typed, last_try)?;
        self.emptied(&mut token)
    }

    /// What can be seen on it afterwards.
    fn emptied(&self, token: &mut Opened) -> Performed {
        let left = provision(&mut **token)?.keys_left()?;
        let seen = self.seen(&mut **token)?;
        Ok(Outcome::Erased { seen, left: u32::try_from(left).unwrap_or(u32::MAX) })
    }
}
