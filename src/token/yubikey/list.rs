//! What `officiant token list` reports of YubiKeys: their state, and each slot in use. Nothing but questions is sent, and no PIN.

use super::{ED25519_MAX, Firmware, ManagementKeyIs, NATIVE, Settings, YubiKeyToken, YubiKeyUri, card, slots::Held};
use crate::{
    device::yubikey::{OTP_ADVICE, OldFirmware, keeps_keys},
    fault::{Error, Fault, FaultKind},
    text::shown,
    token::{
        Attest as _, KeyAlgorithm, Token as _,
        list::{ModuleReport, TokenReport},
        quirks::Trust,
    },
};

/// The subject that Notary v1 gives the certificate of a root key. Its slot depends on which library Notary was used with.
const NOTARY_ROOT: &str = "root";

/// Reports on every YubiKey that is in; `None` where there is neither one nor a reader or daemon to have one.
pub fn list(trust: Trust) -> Option<ModuleReport> {
    let mut report = ModuleReport { path: NATIVE.into(), module: None, fault: None, tokens: vec![] };
    match card::present() {
        Ok(here) => {
            for (number, seen) in (0..).zip(&here) {
                report.tokens.push(token(number, seen.serial, trust));
            }
        }
        // A machine without pcscd has no YubiKeys, and nobody asked for one.
        Err(_) => return None,
    }
    Some(report).filter(|report| !report.tokens.is_empty())
}

fn token(number: u64, serial: u32, trust: Trust) -> TokenReport {
    let uri = YubiKeyUri { serial: Some(serial), settings: Settings::default() };
    let mut report =
        TokenReport { slot: number, token: None, pins: None, uri: Some(uri.to_string()), remarks: vec![], fault: None };
    match YubiKeyToken::open(serial, Settings::default(), trust) {
        Ok(mut token) => {
            report.token = Some(token.identity().clone());
            if let Err(error) = describe(&mut token, &mut report) {
                report.fault = Some(fault(error));
            }
        }
        Err(error) => report.fault = Some(fault(error)),
    }
    report
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Fault(fault) => fault,
        Error::Refused(refusal) => Fault::new(FaultKind::Other, "look at a YubiKey", refusal),
    }
}

fn describe(token: &mut YubiKeyToken, report: &mut TokenReport) -> Result<(), Error> {
    report.pins = Some(token.pins()?);
    if token.firmware < Firmware::WITH_METADATA {
        report.remarks.push(format!(
            "Firmware {} does not tell whether PIN, PUK and management key are the factory's, nor of keys without a certificate.",
            token.firmware
        ));
    }
    if let Err(refusal) = keeps_keys(token.firmware, KeyAlgorithm::P256, OldFirmware::Refused) {
        report.remarks.push(format!("{}: no ECDSA key is made on it. {}", refusal.rule, refusal.what));
    }
    if token.identity.types {
        report.remarks.push(OTP_ADVICE.into());
    }
    match token.defaults()?.as_slice() {
        [] => {}
        left => report.remarks.push(format!("Still the factory's, known to everybody: {}.", left.join(", "))),
    }
    if token.firmware >= Firmware::WITH_METADATA {
        report.remarks.extend(management_key(token.management_key_is()?).map(str::to_owned));
    }
    let held = token.look()?.to_vec();
    if held.is_empty() {
        report.remarks.push("No key in any slot.".into());
    }
    for held in &held {
        report.remarks.push(slot(token, held));
    }
    Ok(())
}

/// Where the management key is; the factory's was told of already.
const fn management_key(is: ManagementKeyIs) -> Option<&'static str> {
    match is {
        ManagementKeyIs::Factorys => None,
        ManagementKeyIs::BehindThePin => Some("Management key: kept on it, readable with its PIN."),
        ManagementKeyIs::Elsewhere => Some(
            "Management key: neither the factory's nor kept on it. Who set it has it elsewhere: sealed in a backup, or written down.",
        ),
    }
}

/// One sentence about a slot in use.
fn slot(token: &mut YubiKeyToken, held: &Held) -> String {
    let mut words = vec![];
    let key = match (&held.public, token.key_of(held)) {
        (Ok(public), Ok(key)) => {
            words.push(format!("{}, public key {}", key.algorithm, &public.fingerprint().to_string()[..16]));
            if key.algorithm == KeyAlgorithm::Ed25519 {
                words.push(format!("signs at most {ED25519_MAX} bytes, less than a usual root"));
            }
            Some(key)
        }
        (Ok(public), Err(_)) => {
            words.push(format!("{}, not used by this program", public.algorithm()));
            None
        }
        (Err(why), _) => {
            words.push(shown(why));
            None
        }
    };
    match (held.imported, key) {
        (Some(true), _) => words.push("imported, never attested".into()),
        (Some(false), Some(key)) => words.push(match token.attest(&key) {
            Ok((_, attested)) => format!("generated, attested under \"{}\"", attested.root),
            Err(error) => format!("generated, NOT attested ({error})"),
        }),
        (Some(false), None) => words.push("generated".into()),
        (None, _) => {}
    }
    if let (Some(pin), Some(touch)) = (held.pin, held.touch) {
        words.push(format!("PIN {pin}, touch {touch}"));
    }
    words.push(match (held.certified, held.label.as_str()) {
        (false, _) => "no certificate of this key".into(),
        (true, NOTARY_ROOT) => "certificate CN=root, as Notary names its root key".into(),
        (true, label) => format!("certificate CN={}", shown(label)),
    });
    format!("slot {}: {}", held.slot, words.join("; "))
}
