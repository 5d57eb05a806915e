//! `token list` and `token probe`: what is plugged in, and what it really does.

use std::path::PathBuf;

use super::{
    args::{Token, TokenList, TokenProbe, TokenVerb},
    exit::{Exit, Stop},
    line::{Io as _, Keyboard, secret_words},
    out,
};
use crate::{
    device::probe::{Check, ProbeReport, Verdict},
    rules::{Refusal, Rule},
    secret::{Pin, SecretKind, SecretRequest},
    text::shown,
    token::{
        LastTry, PinEntry, Token as _, User,
        list::{self, ModuleReport, TokenReport},
        pkcs11::{self, Pkcs11Token, TokenUri},
        quirks::Trust,
        yubikey,
    },
};

pub(super) fn token(args: &Token, trust: Trust) -> Result<Exit, Stop> {
    let done = match &args.verb {
        TokenVerb::List(args) => list(args, trust),
        TokenVerb::Probe(args) => probe(args, trust),
    };
    pkcs11::close_all();
    done
}

fn list(args: &TokenList, trust: Trust) -> Result<Exit, Stop> {
    let modules = if args.module.is_empty() { list::installed() } else { args.module.clone() };
    let mut reports = list::list(&modules.into_iter().map(uri_of).collect::<Vec<_>>(), trust);
    // YubiKeys need no module; where one module was asked for, only that is meant.
    reports.extend(args.module.is_empty().then(|| yubikey::list::list(trust)).flatten());
    out::report(args.format.json, &reports, || lines(&reports))?;
    Ok(Exit::Done)
}

fn uri_of(module: PathBuf) -> TokenUri {
    TokenUri { module_path: Some(module), ..TokenUri::default() }
}

fn lines(reports: &[ModuleReport]) -> Vec<String> {
    if reports.is_empty() {
        return vec![
            "No PKCS#11 module is installed in the usual places, and no YubiKey is in.".into(),
            "Name one with --module PATH, or install one: softhsm2, ykcs11, opensc-pkcs11.".into(),
        ];
    }
    let mut lines = vec![];
    for report in reports {
        lines.push(format!("module {}", shown(&report.path)));
        if let Some(module) = &report.module {
            lines.push(format!(
                "  {} · {} · version {}",
                shown(&module.manufacturer),
                shown(&module.description),
                shown(&module.version)
            ));
            lines.push(format!("  SHA-256 {}", module.sha256));
        }
        lines.extend(report.fault.iter().map(|fault| format!("  FAULT {}", shown(&fault.to_string()))));
        if report.tokens.is_empty() && report.fault.is_none() {
            lines.push("  no token".into());
        }
        lines.extend(report.tokens.iter().flat_map(token_lines));
    }
    lines
}

fn token_lines(report: &TokenReport) -> Vec<String> {
    let mut lines = vec![match &report.token {
        Some(token) => format!("  slot {}: {}", report.slot, token.name()),
        None => format!("  slot {}", report.slot),
    }];
    if let Some(token) = &report.token {
        lines.push(format!(
            "    {} · model {} · firmware {}",
            shown(&token.manufacturer),
            shown(&token.model),
            shown(&token.firmware)
        ));
    }
    if let Some(pins) = &report.pins {
        let (user, so) = match &report.token {
            Some(token) if token.is_native_yubikey() => ("PIN", "PUK"),
            _ => ("user PIN", "SO-PIN"),
        };
        lines.push(format!("    {user}: {}; {so}: {}", pins.user.tries, pins.so.tries));
    }
    lines.extend(report.uri.iter().map(|uri| format!("    {}", shown(uri))));
    lines.extend(report.remarks.iter().map(|remark| format!("    {}", shown(remark))));
    lines.extend(report.fault.iter().map(|fault| format!("    FAULT {}", shown(&fault.to_string()))));
    lines
}

fn probe(args: &TokenProbe, trust: Trust) -> Result<Exit, Stop> {
    let module = match (&args.module, list::installed().as_slice()) {
        (Some(module), _) => module.clone(),
        (None, [only]) => only.clone(),
        (None, []) => return Err(Stop::Usage("no PKCS#11 module is installed; name one with --module PATH".into())),
        (None, several) => {
            let names: Vec<_> = several.iter().map(|path| crate::files::name(path)).collect();
            return Err(Stop::Usage(format!("name one module with --module PATH: {}", names.join(", "))));
        }
    };
    let uri = TokenUri { label: args.label.clone(), serial: args.serial.clone(), ..uri_of(module) };
    let mut token = pkcs11::open(&uri, trust)?;
    log_in(&mut token)?;
    let name = token.identity().name();
    let Some(prober) = token.prober() else {
        return Err(Stop::Usage(format!("{name} cannot be probed")));
    };
    let report = prober.probe()?;
    drop(token);
    out::report(args.format.json, &report, || probe_lines(&report))?;
    Ok(if report.keeps_keys().is_ok() { Exit::Done } else { Exit::Refused })
}

/// One PIN, one try: a probe never spends the last one.
fn log_in(token: &mut Pkcs11Token) -> Result<(), Stop> {
    if token.identity().pin_pad {
        return Ok(token.login(User::User, PinEntry::Pad, LastTry::Keep)?);
    }
    let state = token.pins()?.user;
    let request = SecretRequest::of_token(SecretKind::UserPin, token.identity(), &state);
    let pin = Keyboard::new().secret(&secret_words(&request))?.filter(|pin| !pin.is_empty());
    let pin = pin.ok_or_else(|| {
        Refusal::new(Rule::AnswerFits, "No PIN was given, and nothing was sent to the token.", "Try again.")
    })?;
    Ok(token.login(User::User, PinEntry::Typed(&Pin::from(pin)), LastTry::Keep)?)
}

fn probe_lines(report: &ProbeReport) -> Vec<String> {
    let token = &report.token;
    let mut lines = vec![
        token.name(),
        format!("  {} · model {} · family {}", shown(&token.manufacturer), shown(&token.model), shown(&report.family)),
        format!("  module {}, SHA-256 {}", shown(&token.module.path), token.module.sha256),
        format!("  user PIN: {}", report.pins.user.tries),
    ];
    lines.extend(report.notes.iter().map(|note| format!("  {}", shown(note))));
    for finding in &report.findings {
        let verdict = match finding.verdict {
            Verdict::Good => "good",
            Verdict::Cannot => "cannot",
            Verdict::Bad => "BAD",
        };
        lines.push(format!("  {verdict:<7} {}: {}", finding.check, shown(&finding.seen)));
    }
    lines.push(match report.keeps_keys() {
        Ok(passed) => format!("{}: {}", passed.rule, shown(&passed.seen)),
        Err(refusal) => format!("NO. {}: {} {}", refusal.rule, refusal.what, refusal.remedy),
    });
    lines.extend(wrapping_lines(report));
    lines
}

/// Whether a key of this token can have a wrapped backup. That it cannot is no fault of a token that keeps its keys.
fn wrapping_lines(report: &ProbeReport) -> Vec<String> {
    let wraps = |check| match check {
        Check::Wraps(algorithm) => Some((algorithm, report.wraps_safely(algorithm))),
        _ => None,
    };
    let tried: Vec<_> = report.findings.iter().filter_map(|finding| wraps(finding.check)).collect();
    let can: Vec<_> =
        tried.iter().filter(|(_, safe)| safe.is_ok()).map(|(algorithm, _)| algorithm.to_string()).collect();
    let no = |refusal: &Refusal| format!("{}: {} {}", refusal.rule, refusal.what, refusal.remedy);
    if can.is_empty() {
        let refusal = tried.iter().find_map(|(_, safe)| safe.as_ref().err());
        return refusal.map(|refusal| format!("No wrapped backup. {}", no(refusal))).into_iter().collect();
    }
    let trust = match report.holds_to_trusted() {
        Ok(_) => format!("{}: a key is wrapped under a trusted key-encryption key alone", Rule::WrappingTrusted),
        Err(refusal) => format!("Only where the script declares it. {}", no(&refusal)),
    };
    vec![format!("{}: keys of {} may be wrapped", Rule::WrappingSafe, can.join(", ")), trust]
}
