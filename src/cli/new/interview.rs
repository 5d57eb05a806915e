//! The questions, in the order in which people can answer them.

use std::path::Path;

use super::{
    ask::Asking,
    custody,
    plan::{KeyPlan, ModulePlan, Plan, PreviousPlan, TokenPlan},
};
use crate::{
    ceremony::participants::Duty,
    cli::{args::ScriptKind, exit::Stop, line::Io},
    device::yubikey::{NATIVE, YubiKeyUri},
    digest::Digest,
    fault::Fault,
    files, preflight,
    readback::Challenge,
    text::shown,
    token::{
        list,
        pkcs11::{TokenUri, close_all},
        quirks::Trust,
    },
    tuf::{
        dialect::Dialect,
        key::{Key, KeyAlgorithm, PublicKey},
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
    let mut plan = Plan {
        kind,
        repository: ask.text("The repository, by the name that clients and auditors know", Some("example-shop"))?,
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
    threshold(&mut plan, ask)?;
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

pub(super) fn name(plan: &mut Plan, question: &str, duty: Duty, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let name = ask.text(question, None)?;
    Ok(plan.person(&name, duty))
}

const TAGS: [&str; 8] = ["blue", "green", "yellow", "orange", "white", "red", "black", "grey"];

/// A token for `holder`: its tag, and who keeps which PIN.
pub(super) fn token(
    plan: &mut Plan,
    alias: &str,
    holder: &str,
    so_pin: &str,
    ask: &mut Asking<'_>,
) -> Result<TokenPlan, Stop> {
    let tag = TAGS[plan.tokens.len() % TAGS.len()];
    let tag = ask.text(&format!("The tag of token {alias}"), Some(tag))?;
    let user = plan.name(holder);
    let user = ask.text(&format!("Who knows the user PIN of {alias}"), Some(&user))?;
    let user_pin = known(plan, &user, Duty::Officer);
    let keeper = plan.name(so_pin);
    let keeper = ask.text(&format!("Who keeps the SO-PIN of {alias}, sealed"), Some(&keeper))?;
    let so_pin = known(plan, &keeper, Duty::Keeper);
    Ok(TokenPlan {
        alias: alias.to_owned(),
        holder: holder.to_owned(),
        user_pin,
        so_pin,
        tag,
        keyid: None,
        known: None,
        spare_for: None,
    })
}

/// The short name of somebody; a new person gets `duty`.
pub(super) fn known(plan: &mut Plan, name: &str, duty: Duty) -> String {
    let known = plan.people.iter().find(|person| person.name == name || person.id == name);
    known.map(|person| person.id.clone()).unwrap_or_else(|| plan.person(name, duty))
}

pub(super) fn free_alias(plan: &Plan, id: &str) -> String {
    let taken = |alias: &str| plan.tokens.iter().any(|token| token.alias == alias);
    (1..).map(|number| format!("{id}-{number}")).find(|alias| !taken(alias)).unwrap_or_else(|| id.to_owned())
}

fn new_officers(plan: &mut Plan, question: &str, default: u64, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let least = u64::from(plan.previous.is_none());
    for number in 1..=ask.number(question, default.max(least), least, 15)? {
        let holder = name(plan, &format!("Officer {number} with a new root key"), Duty::Officer, ask)?;
        let (alias, keeper) = (free_alias(plan, &holder), plan.first(Duty::Keeper).to_owned());
        let token = token(plan, &alias, &holder, &keeper, ask)?;
        plan.tokens.push(token);
    }
    Ok(())
}

fn spare(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let new: Vec<_> =
        plan.tokens.iter().filter(|token| token.keyid.is_none()).map(|token| token.alias.clone()).collect();
    let Some(last) = new.last() else { return Ok(()) };
    if !ask.yes(&format!("Is a blank spare token in the kit, for {last}"), true)? {
        return Ok(());
    }
    let Some(principal) = plan.tokens.iter().find(|token| token.alias == *last) else { return Ok(()) };
    let (holder, user_pin, so_pin) = (principal.holder.clone(), principal.user_pin.clone(), principal.so_pin.clone());
    let tag = ask.text("The tag of the spare", Some("white with a stripe"))?;
    let alias = free_alias(plan, &holder);
    let spare_for = Some(last.clone());
    plan.tokens.push(TokenPlan { alias, holder, user_pin, so_pin, tag, keyid: None, known: None, spare_for });
    Ok(())
}

fn two_people(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let first = name(plan, "The first of you", Duty::Administrator, ask)?;
    let second = name(plan, "The second of you, who sits at the keyboard", Duty::Operator, ask)?;
    let outside = name(plan, "Who, outside the room, takes the third token in a sealed bag", Duty::Keeper, ask)?;
    for id in [&first, &second] {
        plan.person(id, Duty::Officer);
        plan.person(id, Duty::Witness);
    }
    for (holder, so_pin, alias) in [
        (&first, &second, format!("{first}-1")),
        (&second, &first, format!("{second}-1")),
        (&outside, &first, "vault-1".to_owned()),
    ] {
        let mut token = token(plan, &alias, holder, so_pin, ask)?;
        // Whoever has the token must not have its PIN, or there would be a third who can sign.
        if *holder == outside && token.user_pin == outside {
            ask.say("  The outsider keeps the token; its PIN is known to the second of you.");
            token.user_pin = second.clone();
        }
        plan.tokens.push(token);
    }
    Ok(())
}

fn one_person(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let alone = name(plan, "Your name", Duty::Administrator, ask)?;
    for duty in [Duty::Operator, Duty::Officer, Duty::Witness] {
        plan.person(&alone, duty);
    }
    for alias in ["one", "two", "three"] {
        let token = token(plan, alias, &alone, &alone, ask)?;
        plan.tokens.push(token);
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

/// What is known of a token that exists already.
pub(super) fn label_and_serial(
    plan: &Plan,
    alias: &str,
    ask: &mut Asking<'_>,
) -> Result<Option<(String, String)>, Stop> {
    if plan.module.path.starts_with(NATIVE) {
        let serial = ask.maybe(&format!("The serial of {alias}, as it stands on the YubiKey"))?;
        return Ok(serial.map(|serial| (String::new(), serial)));
    }
    match ask.maybe(&format!("The label of {alias}, as officiant token list shows it"))? {
        Some(label) => Ok(Some((label, ask.text(&format!("The serial of {alias}"), None)?))),
        None => Ok(None),
    }
}

fn threshold(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let keys = plan.principals().count() as u64;
    if keys == 0 {
        return Err(Stop::Usage("no root key is left: a root needs at least one".into()));
    }
    if plan.kind == ScriptKind::RenewExpiry {
        return Ok(());
    }
    let default = plan.threshold.min(keys);
    plan.threshold = ask.number(&format!("How many of the {keys} keys must sign"), default, 1, keys)?;
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

fn expiry(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let days = ask.number("In how many days the root expires", 400, 1, 3660)?;
    let least = ask.number("  at least", days.saturating_sub(35).max(1), 1, days)?;
    let most = ask.number("  at most", days + 30, days, 3690)?;
    plan.days = [days, least, most];
    if plan.previous.is_none() || plan.tokens.iter().any(|token| token.keyid.is_none()) {
        let question = "The kind of the new root keys (p256, p384, ed25519, rsa3072-pss)";
        plan.algorithm = ask.ask(question, Some("p256"), |answer| {
            serde_json::from_value(serde_json::Value::String(answer.to_lowercase()))
                .map_err(|_| "one of p256, p384, ed25519, rsa3072-pss".into())
        })?;
    }
    Ok(())
}

fn online_key(plan: &mut Plan, role: &'static str, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let owner = ask.text(&format!("Who owns the key of the online role {role}"), Some("Repository server"))?;
    let default = format!("online-keys/{role}.pem");
    let file =
        ask.ask(&format!("The file with the public key of {role}, below the script's folder"), Some(&default), below)?;
    if let Some(key) = read_key(&file) {
        ask.say(&format!("  The file that lies there now holds {}. The paper decides, not the file.", key.id()));
    }
    let keyid = ask.text(&format!("The keyid of {role}, copied from its owner's own paper"), None)?;
    let possession = if ask.yes(&format!("Is the key of {role} held by a server that signs no statements"), true)? {
        None
    } else {
        let default = format!("online-keys/{role}.possession");
        let file = ask.ask("The file with the proof of possession", Some(&default), below)?;
        statement(plan, role, &keyid, ask)?;
        Some(file)
    };
    plan.keys.push(KeyPlan { role, owner, file, keyid, possession });
    Ok(())
}

/// Shows the statement that the owner of a key signs.
fn statement(plan: &Plan, role: &str, keyid: &str, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let begins = plan.planned.map_or_else(preflight::now, Ok)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Fault::machine("draw a random nonce", error))?;
    let last_day = begins.plus_days(30).date();
    let challenge = Challenge::possession(&plan.repository, role, keyid, &last_day, &nonce);
    ask.say("  The owner of the key signs the lines between the rules, each with its line feed, and adds a last line");
    ask.say("  `signature: ` with the signature in hexadecimal (ECDSA as DER). Both together are the proof.");
    ask.say("  ----");
    String::from_utf8_lossy(challenge.bytes()).lines().for_each(|line| ask.say(line));
    ask.say("  ----");
    Ok(())
}

/// A path as a script takes it.
pub(super) fn below(answer: &str) -> Result<String, String> {
    if answer.is_empty() || answer.starts_with('/') || answer.split('/').any(|part| part == ".." || part.is_empty()) {
        return Err("a path below the script's own folder, without ..".into());
    }
    Ok(answer.to_owned())
}

fn read_key(file: &str) -> Option<Key> {
    let bytes = files::read(Path::new(file), files::limit::PUBLIC_KEY).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    PublicKey::from_spki_pem(text)
        .and_then(|public| Dialect::default().key(&public))
        .or_else(|| serde_json::from_str(text).ok())
}
