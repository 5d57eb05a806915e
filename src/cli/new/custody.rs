//! The questions of a ceremony about keys, tokens and shares alone. What stands in files that a record left is read from them; what decides
//! (keyids, serials) is copied from paper.

use std::path::Path;

use super::{
    ask::Asking,
    keys::{below, keyid},
    plan::{BackupPlan, CustodyPlan, KeptPlan, Plan},
    tokens::{alias_on_card, free_alias, known, label_and_serial, name, token},
};
use crate::{
    ceremony::participants::{Alias, Duty},
    cli::{args::ScriptKind, exit::Stop},
    custody::{Opens, SHARES_MAX, Set},
    digest::Digest,
    files,
    text::shown,
    utc::Utc,
};

/// Asks for everything that is said beside the people who lead.
pub(super) fn interview(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let notary = ask.yes("Is it a key of Docker Content Trust", true)?;
    let name = ask.ask("The short name of the key", Some("offline"), |name| {
        Alias::try_from(name.to_owned()).map(|_| name.to_owned()).map_err(|_| "a-z, 0-9 and -, such as offline".into())
    })?;
    let (kept, file, backup, old_shares, handover) = (None, None, None, None, None);
    let mut custody = CustodyPlan { name, notary, kept, file, backup, old_shares, handover, publics: vec![] };
    match plan.kind {
        ScriptKind::Backup => {
            let count = ask.number("How many tokens get the key", 2, 2, 15)?;
            new_tokens(plan, count, ask)?;
            custody.file = Some(key_file(plan, ask)?);
            custody.backup = Some(backup_of(plan, ask)?);
        }
        ScriptKind::RestoreDrill | ScriptKind::Restore | ScriptKind::ReplaceToken => {
            custody.kept = Some(kept_of(plan, true, ask)?);
            let count = match plan.kind {
                ScriptKind::Restore => ask.number("How many new tokens get the key", 2, 1, 15)?,
                _ => 1,
            };
            new_tokens(plan, count, ask)?;
            if plan.kind == ScriptKind::ReplaceToken {
                let keyid = custody.kept.as_ref().map(|kept| kept.keyid.clone());
                old_token(plan, "Who holds the old token, which is wiped", keyid, ask)?;
            }
        }
        ScriptKind::ChangeCustodians => {
            let kept = kept_of(plan, false, ask)?;
            let count = match kept.opens {
                Opens::SealedFile => 1,
                Opens::WrappedKey => {
                    ask.say("  It is a wrapped key: one blank token wraps it anew, and a second one is the proof.");
                    2
                }
            };
            custody.kept = Some(kept);
            new_tokens(plan, count, ask)?;
            custody.backup = Some(backup_of(plan, ask)?);
            let question = "Are so many old shares destroyed in the room that the others open nothing";
            custody.old_shares = Some(if ask.yes(question, true)? {
                None
            } else {
                let question = "By which day is the key rotated instead, like 2028-06-30";
                let day =
                    |day: &str| Utc::parse(&format!("{day}T00:00:00Z")).ok_or_else(|| "a day like 2028-06-30".into());
                Some(ask.ask(question, None, day)?)
            });
        }
        ScriptKind::Destroy => {
            if ask.yes("Is there a backup of the key", true)? {
                custody.kept = Some(kept_of(plan, false, ask)?);
            }
            let keyid = match &custody.kept {
                Some(kept) => kept.keyid.clone(),
                None => keyid(ask, "The keyid of the key, from paper")?,
            };
            for number in 1..=ask.number("How many tokens with the key are wiped", 2, 0, 15)? {
                old_token(plan, &format!("Who holds token {number} with the key"), Some(keyid.clone()), ask)?;
            }
        }
        ScriptKind::Transport => {
            custody.handover = Some((
                name_of(plan, "Who hands everything over at the first place", ask)?,
                name_of(plan, "Who takes it over at the second place", ask)?,
            ));
            for number in 1..=ask.number("How many tokens go", 2, 0, 15)? {
                let keyid = keyid(ask, &format!("The keyid of the key on token {number}, from its holder's paper"))?;
                let alias = old_token(plan, &format!("Who holds token {number}"), Some(keyid), ask)?;
                let default = format!("keys/{alias}.pem");
                let question = format!("The file with the public key of {alias}, below the script's folder");
                custody.publics.push((alias, ask.ask(&question, Some(&default), below)?));
            }
            if ask.yes("Are shares read at the arrival", true)? {
                custody.kept = Some(kept_of(plan, false, ask)?);
            }
        }
        _ => custody.kept = Some(kept_of(plan, false, ask)?),
    }
    if plan.duties_are_merged() {
        ask.say("  Somebody holds duties that should check each other: the script declares merged-duties.");
    }
    plan.custody = Some(custody);
    Ok(())
}

fn name_of(plan: &mut Plan, question: &str, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let name = ask.text(question, None)?;
    Ok(known(plan, &name, Duty::Officer))
}

fn new_tokens(plan: &mut Plan, count: u64, ask: &mut Asking<'_>) -> Result<(), Stop> {
    for number in 1..=count {
        let which = if count == 1 { "the new token".to_owned() } else { format!("new token {number}") };
        let holder = name(plan, &format!("Who holds {which}"), Duty::Officer, ask)?;
        let base = if plan.kind == ScriptKind::RestoreDrill { "drill".to_owned() } else { holder.clone() };
        let (alias, keeper) = (free_alias(plan, &base), plan.first(Duty::Keeper).to_owned());
        let token = token(plan, &alias, &holder, &keeper, ask)?;
        plan.tokens.push(token);
    }
    Ok(())
}

/// A token that exists already, and its short name.
fn old_token(plan: &mut Plan, question: &str, keyid: Option<String>, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let holder = name(plan, question, Duty::Officer, ask)?;
    let (free, keeper) = (free_alias(plan, &holder), plan.first(Duty::Keeper).to_owned());
    let alias = alias_on_card(plan, &free, ask)?;
    let mut token = token(plan, &alias, &holder, &keeper, ask)?;
    token.known = label_and_serial(plan, &alias, ask)?;
    if token.known.is_none() {
        return Err(Stop::Usage(format!(
            "{alias} exists already: its label and serial stand on the card of the last ceremony, and the script has to name them"
        )));
    }
    token.keyid = keyid;
    plan.tokens.push(token);
    Ok(alias)
}

/// Path, keyid, and who brings it.
fn key_file(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(String, String, String), Stop> {
    let file = ask.text("The key file, where it will be mounted on the day", Some("/media/key/root.key"))?;
    let keyid = keyid(ask, "Its keyid or canonical id, from paper (officiant key show FILE says it)")?;
    Ok((file, keyid, name_of(plan, "Who brings the file and types its passphrase", ask)?))
}

fn backup_of(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<BackupPlan, Stop> {
    let count = ask.number("How many people get a share", 5, 3, u64::from(SHARES_MAX))?;
    let threshold = ask.number("How many of them open the backup together", count.div_ceil(2), 2, count - 1)?;
    let mut custodians = vec![];
    for number in 1..=count {
        let person = name(plan, &format!("Who gets share {number}"), Duty::Custodian, ask)?;
        if custodians.contains(&person) {
            ask.say("  This person has a share already: with two of them, fewer people open the backup.");
        }
        custodians.push(person);
    }
    let contact = ask.text("Whom to call, for whoever finds a page in ten years", None)?;
    let printer = ask.maybe("The device of a printer that keeps nothing, such as /dev/usb/lp0")?;
    Ok(BackupPlan { threshold, custodians, contact, printer })
}

/// A backup that was made before: its files are read, its keyid is compared with the paper.
fn kept_of(plan: &mut Plan, brought: bool, ask: &mut Asking<'_>) -> Result<KeptPlan, Stop> {
    ask.say("  What the ceremony left that made the backup lies in backup/ of its record: ….set.json, and ….age or ….wrapped.");
    let file =
        ask.ask("The file with what is public of the shares, below this folder", Some("kept/offline.set.json"), below)?;
    let bytes = files::read(Path::new(&file), files::limit::INPUTS)?;
    let set: Set = serde_json::from_slice(&bytes)
        .map_err(|error| Stop::Usage(format!("{} holds no set of shares ({error})", shown(&file))))?;
    ask.say(&format!("  Set {}, {}, of the key {}.", set.id(), set.scheme, shown(set.keyid.as_str())));
    let keyid = ask.ask("The keyid under which clients trust the key, copied from paper", None, |paper| {
        if paper == set.keyid.as_str() { Ok(paper.to_owned()) } else { Err("this set is about another key".into()) }
    })?;
    let mut kept = KeptPlan {
        sha256: Digest::of(&bytes),
        sealed: None,
        copy: None,
        keyid,
        scheme: set.scheme,
        opens: set.opens,
        custodians: vec![],
        file,
    };
    // Where shares are only read, nothing is opened.
    if !matches!(plan.kind, ScriptKind::Transport | ScriptKind::ShareCheck) {
        let extension = if kept.opens == Opens::WrappedKey { ".wrapped" } else { ".age" };
        let default = kept.file.replace(".set.json", extension);
        let sealed = ask.ask("The sealed file, below this folder", Some(&default), below)?;
        let sha256 = Digest::of(&files::read(Path::new(&sealed), files::limit::INPUTS)?);
        if brought {
            ask.say("  The copy on the other medium is for the day on which this one cannot be read.");
            let default = sealed
                .rsplit_once('/')
                .map_or_else(|| format!("copy/{sealed}"), |(folder, file)| format!("{folder}/copy/{file}"));
            kept.copy = Some(ask.ask("The place of that copy, below the script's folder", Some(&default), below)?);
        }
        kept.sealed = Some((sealed, sha256));
    }
    if brought {
        shares(plan, &mut kept, ask)?;
    }
    Ok(kept)
}

/// Who brings which share.
fn shares(plan: &mut Plan, kept: &mut KeptPlan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let (count, threshold) = (kept.scheme.count(), usize::from(kept.scheme.threshold()));
    for share in 1..=count {
        if let Some(person) = ask.maybe(&format!("Who brings share {share}"))? {
            let person = plan.person(&person, Duty::Custodian);
            kept.custodians.push((share, person));
        }
    }
    if kept.custodians.len() < threshold {
        return Err(Stop::Usage(format!("{} shares are brought, and {threshold} open it", kept.custodians.len())));
    }
    if kept.custodians.len() == threshold {
        ask.say("  As many come as open it: whoever is ill stops the day.");
    }
    Ok(())
}
