//! The questions, in the order in which people can answer them.

use std::path::Path;

use super::{
    ask::Asking,
    custody, dct, dct_shown,
    keys::{below, online_key},
    plan::{ModulePlan, Plan, PreviousPlan},
    tokens::{free_alias, label_and_serial, name, new_officers, one_person, spare, token, two_people},
};
use crate::{
    ceremony::participants::Duty,
    cli::{args::ScriptKind, exit::Stop, line::Io},
    device::yubikey::{NATIVE, YubiKeyUri},
    digest::Digest,
    files,
    text::shown,
    token::{
        list,
        pkcs11::{TokenUri, close_all},
        quirks::Trust,
    },
    tuf::{
        dialect::Dialect,
        key::KeyAlgorithm,
        role::RoleName,
        root::Root,
        signed::{Metadata as _, Untrusted},
        verify::first_root,
    },
    utc::Utc,
};

/// Asks for everything that a script of this kind says.
pub(super) fn interview(kind: ScriptKind, trust: Trust, io: &mut dyn Io) -> Result<Plan, Stop> {
    let mut asking = Asking(io);
    let ask = &mut asking;
    ask.say("Enter takes what stands in brackets. Nothing here is secret: never type a PIN.");
    // What the courier collected says the most, and a wrong folder is known before anything else was typed.
    let collected = kind.is_dct().then(|| dct_shown::collected(kind, ask)).transpose()?;
    let repository = match &collected {
        Some(collected) => {
            ask.text("A name for all of them, which proofs of possession repeat", Some(&collected.prefix()))?
        }
        None => ask.text("The repository, by the name that clients and auditors know", Some("example-shop"))?,
    };
    let mut plan = Plan {
        kind,
        repository,
        planned: planned(ask)?,
        media: [String::new(), String::new()],
        people: vec![],
        module: ModulePlan { path: String::new(), sha256: None, model: None },
        tokens: vec![],
        threshold: 2,
        algorithm: KeyAlgorithm::P256,
        days: [400, 365, 430],
        keys: vec![],
        previous: None,
        removes: vec![],
        custody: None,
        dct: None,
    };
    let first = ask.text("The words on the label of the first medium", Some("record A, red label"))?;
    let second = ask.ask("The words on the label of the second medium", Some("record B, blue label"), |label| {
        if label.is_empty() || label == first {
            return Err("the two labels must differ: media are named by them".into());
        }
        Ok(label.to_owned())
    })?;
    plan.media = [first, second];
    // Nobody touches a token where shares are read.
    if kind != ScriptKind::ShareCheck {
        module(&mut plan, trust, ask)?;
    }
    if let Some(collected) = collected {
        team(&mut plan, ask)?;
        dct::interview(&mut plan, collected, ask)?;
        return Ok(plan);
    }
    match kind {
        _ if kind.is_custody() => {
            team(&mut plan, ask)?;
            custody::interview(&mut plan, ask)?;
            return Ok(plan);
        }
        ScriptKind::Genesis => {
            team(&mut plan, ask)?;
            new_officers(&mut plan, "How many officers hold a root key", 3, ask)?;
            spare(&mut plan, ask)?;
        }
        ScriptKind::GenesisSmall | ScriptKind::GenesisYubikeysSmall => two_people(&mut plan, ask)?,
        ScriptKind::Solo => one_person(&mut plan, ask)?,
        ScriptKind::RotateRoot | ScriptKind::RenewExpiry => {
            let old = previous(&mut plan, ask)?;
            team(&mut plan, ask)?;
            old_officers(&mut plan, &old, ask)?;
            if kind == ScriptKind::RotateRoot {
                let out = plan.removes.len() as u64;
                new_officers(&mut plan, "How many root keys come in", out, ask)?;
                spare(&mut plan, ask)?;
            }
        }
        _ => {}
    }
    let keys = plan.principals().count() as u64;
    threshold(&mut plan, keys, keys, ask)?;
    expiry(&mut plan, ask)?;
    let online = match kind {
        ScriptKind::RenewExpiry => false,
        ScriptKind::RotateRoot => ask.yes("Do keys of the online roles change as well", false)?,
        _ => true,
    };
    if online {
        for role in ["targets", "snapshot", "timestamp"] {
            online_key(&mut plan, role, ask)?;
        }
    }
    Ok(plan)
}

fn planned(ask: &mut Asking<'_>) -> Result<Option<Utc>, Stop> {
    let question = "When it begins, in UTC, like 2026-12-01T09:00:00Z (Enter if no day is set)";
    ask.ask(question, None, |answer| match answer {
        "" => Ok(None),
        answer => Utc::parse(answer).map(Some).ok_or_else(|| "not a time like 2026-12-01T09:00:00Z".into()),
    })
}

fn module(plan: &mut Plan, trust: Trust, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let installed = list::installed();
    let first = installed.first().map(|path| path.to_string_lossy().into_owned());
    let default = first.as_deref().unwrap_or("/usr/lib/softhsm/libsofthsm2.so");
    if plan.kind == ScriptKind::GenesisYubikeysSmall {
        let question = "How the YubiKeys make keys: yubikey: for slot 9c with PIN and touch for each signature";
        plan.module.path =
            ask.ask(question, Some(NATIVE), |path| path.parse::<YubiKeyUri>().map(|_| path.to_owned()))?;
        ask.say("  Switch their OTP interface off before the day: ykman config usb --disable OTP.");
        return Ok(());
    }
    let question = "The PKCS#11 module through which the tokens are reached, or yubikey: for YubiKeys without one";
    plan.module.path = ask.ask(question, Some(default), |path| match path.starts_with(NATIVE) {
        true => path.parse::<YubiKeyUri>().map(|_| path.to_owned()),
        false => Ok(path.to_owned()),
    })?;
    if plan.module.path.starts_with(NATIVE) {
        // Nothing is pinned: their keys are attested when they are made.
        return Ok(());
    }
    if !ask.yes("Look at that module and the tokens that are plugged in now", false)? {
        return Ok(());
    }
    let uri = TokenUri { module_path: Some(plan.module.path.clone().into()), ..TokenUri::default() };
    let reports = list::list(&[uri], trust);
    close_all();
    for report in &reports {
        if let Some(fault) = &report.fault {
            ask.say(&format!("  {}", shown(&fault.to_string())));
        }
        let tokens: Vec<_> = report.tokens.iter().filter_map(|token| token.token.as_ref()).collect();
        tokens.iter().for_each(|token| ask.say(&format!("  {}, model {}", token.name(), shown(&token.model))));
        if tokens.iter().any(|token| token.software.is_some()) {
            ask.say("  These are software tokens: nothing is pinned, and the script is good for rehearsals only.");
            continue;
        }
        plan.module.sha256 = report.module.as_ref().map(|module| module.sha256);
        plan.module.model = tokens.first().map(|token| token.model.clone());
    }
    Ok(())
}

/// Everybody but the officers.
fn team(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let duties = [
        (Duty::Administrator, "Who reads the script aloud and decides (administrator)", None),
        (Duty::Operator, "Who sits at the keyboard (operator)", Some("Who takes the operator's place if absent")),
        (
            Duty::Witness,
            "Who writes the words on paper and reads them back (witness)",
            Some("Who takes the witness's place if absent"),
        ),
        (Duty::Keeper, "Who keeps the sealed SO-PINs and holds no token (keeper)", None),
        (Duty::Publisher, "Who takes the result and publishes it (publisher)", None),
    ];
    let mut surrogates = vec![];
    for (duty, question, surrogate) in duties {
        if duty == Duty::Publisher && plan.kind.is_custody() {
            continue;
        }
        let principal = name(plan, question, duty, ask)?;
        if let Some(question) = surrogate
            && let Some(name) = ask.maybe(question)?
        {
            surrogates.push((name, duty, principal));
        }
    }
    for (name, duty, principal) in surrogates {
        let id = plan.person(&name, duty);
        if let Some(person) = plan.people.iter_mut().find(|person| person.id == id && id != principal) {
            person.stands_in_for = Some(principal);
        }
    }
    Ok(())
}

fn previous(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<Root, Stop> {
    let file = ask.ask("The file with the root that clients trust today, below this folder", None, below)?;
    let bytes = files::read(Path::new(&file), files::limit::METADATA)?;
    let root = first_root(Untrusted::<Root>::parse(Dialect::default(), bytes.as_slice())?)?;
    let root = root.document();
    let threshold = root.role(&RoleName::Root).map_or(0, |role| role.threshold);
    let sha256 = Digest::of(&bytes);
    ask.say(&format!("  Root {}, SHA-256 {sha256}, {threshold} signatures needed.", root.version()));
    ask.say("  Compare both with the card of the last ceremony.");
    plan.threshold = threshold;
    plan.previous = Some(PreviousPlan { file, version: root.version(), sha256, threshold });
    Ok(root.clone())
}

fn old_officers(plan: &mut Plan, old: &Root, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let rotate = plan.kind == ScriptKind::RotateRoot;
    let out = if rotate { ", or OUT if this key goes out of the root" } else { "" };
    for (keyid, key) in old.keys_of(&RoleName::Root) {
        let question = format!("Who holds root key {keyid} ({}){out}", key.public().algorithm());
        let holder = ask.text(&question, None)?;
        if rotate && holder == "OUT" {
            plan.removes.push(keyid.as_str().to_owned());
            continue;
        }
        let holder = plan.person(&holder, Duty::Officer);
        let (alias, keeper) = (free_alias(plan, &holder), plan.first(Duty::Keeper).to_owned());
        let mut token = token(plan, &alias, &holder, &keeper, ask)?;
        token.keyid = Some(keyid.as_str().to_owned());
        token.known = label_and_serial(plan, &alias, ask)?;
        plan.tokens.push(token);
    }
    Ok(())
}

/// How many of `keys` must sign; `most` of them can.
pub(super) fn threshold(plan: &mut Plan, keys: u64, most: u64, ask: &mut Asking<'_>) -> Result<(), Stop> {
    if keys == 0 {
        return Err(Stop::Usage("no root key is left: a root needs at least one".into()));
    }
    if plan.kind == ScriptKind::RenewExpiry {
        return Ok(());
    }
    let default = plan.threshold.min(most);
    plan.threshold = ask.number(&format!("How many of the {keys} keys must sign"), default, 1, most)?;
    if plan.threshold == keys {
        ask.say("  Then the loss of one token is the loss of the root: the script declares no-spare.");
    }
    if plan.threshold == 1 {
        ask.say("  Then one person can sign alone: the script declares single-control.");
    }
    if keys > plan.threshold && plan.kind != ScriptKind::Solo && plan.duties_are_merged() {
        ask.say("  Somebody holds duties that should check each other: the script declares merged-duties.");
    }
    Ok(())
}

/// In how many days something expires, and the window around it.
pub(super) fn days(
    what: &str,
    usual: u64,
    least: impl Fn(u64) -> u64,
    later: u64,
    ask: &mut Asking<'_>,
) -> Result<[u64; 3], Stop> {
    let days = ask.number(&format!("In how many days {what}"), usual, 1, 3660)?;
    let least = ask.number("  at least", least(days).clamp(1, days), 1, days)?;
    Ok([days, least, ask.number("  at most", days + later, days, 3690)?])
}

fn expiry(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    plan.days = days("the root expires", 400, |days| days.saturating_sub(35), 30, ask)?;
    if plan.previous.is_none() || plan.tokens.iter().any(|token| token.keyid.is_none()) {
        let question = "The kind of the new root keys (p256, p384, ed25519, rsa3072-pss)";
        plan.algorithm = ask.ask(question, Some("p256"), |answer| {
            serde_json::from_value(serde_json::Value::String(answer.to_lowercase()))
                .map_err(|_| "one of p256, p384, ed25519, rsa3072-pss".into())
        })?;
    }
    Ok(())
}
