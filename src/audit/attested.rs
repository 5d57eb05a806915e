//! `KEY-ATTESTED` once more, from the certificates in the record: nothing of what the transcript says of them is believed.

use crate::{
    ceremony::{
        Ceremony,
        event::{Event, Mode},
        script::ModuleSpec,
    },
    device::attestation::{self, Evidence, Roots, Wanted},
    digest::from_hex,
    rules::{Passed, Refusal, Rule},
};

/// What an event about a new key comes to.
pub(super) enum Vouched {
    /// Its maker's root vouches for the key.
    Attested(Passed),
    /// Nobody does, and why: for people to know.
    Never(String),
}

/// Who vouches for the key that `event` is about; `None` where it is about none. `ceremony` is the state before it.
///
/// # Errors
/// `KEY-ATTESTED`: which step of the chain does not hold, or what differs from what was asked for.
pub(super) fn again(ceremony: &Ceremony, event: &Event, roots: &Roots) -> Result<Option<Vouched>, Refusal> {
    let (alias, key, kept) = match event {
        Event::KeyGenerated { alias, key, attestation, .. } => (alias, key, attestation.as_deref()),
        Event::KeyBroughtIn { alias, from, .. } => {
            let from = crate::text::shown(from);
            return Ok(Some(Vouched::Never(format!("The key of {alias} was imported from {from}: never attested."))));
        }
        Event::KeyTaken { name, from, .. } => {
            let from = crate::text::shown(from);
            let said =
                format!("The key {name} was taken from {from}: imported, its history is unknown, and never attested.");
            return Ok(Some(Vouched::Never(said)));
        }
        Event::KeyPut { alias, name, shares, .. } => {
            let from = crate::ceremony::words::backup::came_from(shares);
            let said = format!("The key {name} on {alias} came from {from} and was not made on it: never attested.");
            return Ok(Some(Vouched::Never(said)));
        }
        Event::KeyUnwrapped { alias, name, shares, .. } | Event::BackupUnwrapped { alias, name, shares, .. } => {
            let from = crate::ceremony::words::backup::came_from(shares);
            let said =
                format!("The key {name} on {alias} was unwrapped with {from} and was not made on it: never attested.");
            return Ok(Some(Vouched::Never(said)));
        }
        _ => return Ok(None),
    };
    let Some(kept) = kept else {
        // A throw-away key of a rehearsal needs nobody's word.
        let said = format!("The key of {alias} was generated on a token whose maker attests nothing.");
        return Ok((ceremony.mode() == Mode::Production).then_some(Vouched::Never(said)));
    };
    let no = |what: String| {
        Refusal::new(
            Rule::KeyAttested,
            what,
            "Do not trust this key as one that was made in a YubiKey; keep the record.",
        )
    };
    let read =
        |what: &str, text: &str| from_hex(text).ok_or_else(|| no(format!("The {what} of {alias} is no hexadecimal.")));
    let evidence = Evidence {
        statement: read("attestation", &kept.statement)?,
        card: read("certificate of slot F9", &kept.card)?,
    };
    let says = attestation::verify(&evidence, roots)?;
    if says != kept.says {
        return Err(no(format!("The certificates of {alias} say something else than the entry says of them.")));
    }
    let script = ceremony.script();
    let module = script.token(alias).and_then(|spec| script.module(&spec.module));
    let (Some(settings), Some(bound)) = (module.and_then(ModuleSpec::yubikey), ceremony.token(alias).bound) else {
        return Err(no(format!("{alias} is no YubiKey of this script, and its key is attested.")));
    };
    let wanted = Wanted::of(&settings, key.public(), &bound.token.serial);
    attestation::is_as_wanted(&says, &wanted).map(Vouched::Attested).map(Some)
}
