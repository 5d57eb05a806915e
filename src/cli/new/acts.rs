//! Scripts about keys, tokens and shares alone, as text: the tables and the acts of each kind.

use super::{
    plan::{BackupPlan, CustodyPlan, KeptPlan, Plan},
    toml::{Field, Text, list, many, one, say, statement, who},
};
use crate::{ceremony::participants::Duty, cli::args::ScriptKind, custody::Opens};

/// What the script begins with, for whoever opens it.
pub(super) const fn about(kind: ScriptKind) -> &'static str {
    match kind {
        ScriptKind::Backup => {
            "A key that exists in a file gets a backup: it is taken into locked memory, sealed, shared out, put on one token, restored to another from its shares, and wiped. What became of it before today nobody knows, and the record says so. A backup protects against its loss; against somebody who copied the file earlier only a rotation helps."
        }
        ScriptKind::RestoreDrill => {
            "The drill that is held every few years: shares that a die names open the backup, the key comes to a blank token and signs a statement that no client reads, and the token is wiped. For as long as it lasts the key is on one token more: nobody leaves before it is wiped."
        }
        ScriptKind::Restore => {
            "After a loss: custodians bring their shares, and the key comes to new tokens, which stay. A key whose tokens are lost may be in the hands of whoever has them: the first thing to hold after this is a rotation."
        }
        ScriptKind::ReplaceToken => {
            "A token is replaced: the key comes from the backup to a new token and is proven there; only then is the old token wiped. Where that one is lost or dead, people say so, and the record keeps their words."
        }
        ScriptKind::ChangeCustodians => {
            "Other people keep the shares: the old backup is opened, the same key is sealed anew, and other custodians get the shares of that. The old shares still open the old file, wherever copies of it lie; the script says what becomes of them."
        }
        ScriptKind::Destroy => {
            "The end of a key: its tokens are wiped and looked at, so many shares are destroyed that the others open nothing, and every medium with the sealed file is accounted for. Rotate first: as long as clients trust the key, its end is the end of what it signs."
        }
        ScriptKind::Transport => {
            "Tokens and shares go to another place. This script is printed before the journey: its form goes along, and each handover is signed there with the number of the seal. The ceremony is held where everything arrives."
        }
        _ => {
            "The yearly reading of the shares of a backup: every custodian types their page, and each is held against its commitment. No key is made, no token is touched, and nothing that opens the backup comes into being."
        }
    }
}

/// The kind as a script says it, and the beginning of its title.
pub(super) const fn title(kind: ScriptKind) -> (&'static str, &'static str) {
    match kind {
        ScriptKind::Backup => ("backup", "Backup of a key that lies in a file, of"),
        ScriptKind::RestoreDrill => ("restore-drill", "Drill: a backup is restored, of"),
        ScriptKind::Restore => ("restore", "Restoring a key after a loss, of"),
        ScriptKind::ReplaceToken => ("replace-token", "Replacement of a token of"),
        ScriptKind::ChangeCustodians => ("change-custodians", "Change of custodians of"),
        ScriptKind::Destroy => ("destroy", "Destruction of a key of"),
        ScriptKind::Transport => ("transport", "Tokens and shares go to another place, of"),
        _ => ("share-check", "Yearly reading of the shares of"),
    }
}

/// Everything after the tokens.
pub(super) fn write(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    for (alias, file) in &custody.publics {
        public(plan, alias, file, text);
    }
    if let Some(kept) = &custody.kept {
        one_kept(custody, kept, text);
    }
    if let Some(backup) = &custody.backup {
        one_backup(backup, is_wrapped(custody), text);
    }
    opening(plan, text);
    match plan.kind {
        ScriptKind::Backup => backup(plan, custody, text),
        ScriptKind::RestoreDrill => drill(plan, custody, text),
        ScriptKind::Restore => restore(plan, custody, text),
        ScriptKind::ReplaceToken => replace(plan, custody, text),
        ScriptKind::ChangeCustodians => change(plan, custody, text),
        ScriptKind::Destroy => destroy(plan, custody, text),
        ScriptKind::Transport => transport(plan, custody, text),
        _ => {
            text.act("Read the shares");
            text.step("check-shares", 60, &[one("name", &custody.name)]);
            end(plan, &[], &[NEW_BAGS, NEXT_READING], text);
        }
    }
}

const NEW_BAGS: &str = "Numbers of the new bags, share by share, and where each will lie";
const NEXT_READING: &str = "Date on which the shares are read again (no later than twelve months from today)";

/// The public key that a token must hold.
fn public(plan: &Plan, alias: &str, file: &str, text: &mut Text) {
    let Some(token) = plan.tokens.iter().find(|token| token.alias == alias) else { return };
    text.line("[[key]]");
    text.field("name", &format!("{alias}-key"));
    text.field("owner", &plan.name(&token.holder));
    text.field("file", file);
    text.field("keyid", token.keyid.as_deref().unwrap_or_default());
    text.field("held-by-token", alias);
    text.blank();
}

fn one_kept(custody: &CustodyPlan, kept: &KeptPlan, text: &mut Text) {
    text.comment("What the ceremony left that made the backup, from backup/ of its record. The keyid is the one on paper, under which clients trust the key.");
    text.line("[[kept]]");
    text.field("name", &custody.name);
    if kept.opens == Opens::WrappedKey {
        text.field("way", "wrapped");
    }
    text.field("file", &kept.file);
    text.field("sha256", &kept.sha256.to_string());
    if let Some((sealed, sha256)) = &kept.sealed {
        text.field("sealed", sealed);
        text.field("sealed-sha256", &sha256.to_string());
    }
    if let Some(copy) = &kept.copy {
        text.line(&format!("sealed-copies = {}", list(&[copy])));
    }
    text.field("keyid", &kept.keyid);
    match custody.old_shares {
        Some(None) => text.field("old-shares", "destroy"),
        Some(Some(by)) => {
            text.field("old-shares", "rotate");
            text.line(&format!("rotate-by = {}", by.date()));
        }
        None => {}
    }
    if !kept.custodians.is_empty() {
        text.line(&format!("threshold = {}", kept.scheme.threshold()));
        text.line("custodians = [");
        for (share, person) in &kept.custodians {
            text.line(&format!("    {{ share = {share}, person = \"{person}\" }},"));
        }
        text.line("]");
    }
    text.blank();
}

/// Whether the backup that was made before is of a wrapped key.
fn is_wrapped(custody: &CustodyPlan) -> bool {
    custody.kept.as_ref().is_some_and(|kept| kept.opens == Opens::WrappedKey)
}

fn one_backup(backup: &BackupPlan, wrapped: bool, text: &mut Text) {
    text.comment("Each custodian gets a page. The contact stands on every page. Without a printer each custodian copies from a covered screen.");
    text.line("[backup]");
    text.field("way", if wrapped { "wrapped" } else { "software-born" });
    text.line(&format!("threshold = {}", backup.threshold));
    text.line(&format!("custodians = {}", list(&backup.custodians)));
    text.field("contact", &backup.contact);
    if let Some(printer) = &backup.printer {
        text.field("printer", printer);
    }
    text.blank();
}

fn opening(plan: &Plan, text: &mut Text) {
    let (administrator, witness, keeper) =
        (plan.first(Duty::Administrator), plan.first(Duty::Witness), plan.first(Duty::Keeper));
    text.act("Open the room");
    let rules =
        "The administrator opens the ceremony, reads the rules of the room from page one, and names each person.";
    text.step("roll-call", 10, &[say(rules)]);
    text.step("script-words", 5, &[one("witness", witness)]);
    let mut bags = vec!["Number of the bag with the machine", "Number of the bag with the two media"];
    if !plan.tokens.is_empty() {
        bags.push("Numbers of the bags with the tokens, as found, and whether each is intact");
    }
    if plan.kind == ScriptKind::Backup {
        bags.push("Number of the bag with the medium of the key file");
    }
    text.step("record", 10, &[who(&[witness]), many("fields", &bags)]);
    text.step("confirm-clock", 5, &[who(&[witness, if keeper == witness { administrator } else { keeper }])]);
    text.step("preflight", 10, &[]);
}

/// What is written down at the end, and the close.
fn end<T: AsRef<str>>(plan: &Plan, tokens: &[&str], fields: &[T], text: &mut Text) {
    let witness = plan.first(Duty::Witness);
    text.act("Bag everything and close");
    text.step("record", 15, &[who(&[witness]), many("fields", fields)]);
    text.step("close", 20, &[many("tokens", tokens), one("witness", witness)]);
}

fn named(custody: &CustodyPlan) -> Field {
    one("name", &custody.name)
}

fn on(token: &str) -> Field {
    one("token", token)
}

/// Every token without a key of its own yet, in order.
fn new_tokens(plan: &Plan) -> Vec<&str> {
    plan.tokens.iter().filter(|token| token.known.is_none()).map(|token| token.alias.as_str()).collect()
}

fn old_tokens(plan: &Plan) -> Vec<&str> {
    plan.tokens.iter().filter(|token| token.known.is_some()).map(|token| token.alias.as_str()).collect()
}

fn restored(custody: &CustodyPlan, token: &str, text: &mut Text) {
    text.step("restore-key", 30, &[named(custody), on(token)]);
    text.step("drill-token", 5, &[on(token)]);
}

/// Sealed, shared out, and bagged.
fn sealed(custody: &CustodyPlan, text: &mut Text) {
    text.step("seal-backup", 2, &[named(custody)]);
    shared_out(custody, text);
}

fn shared_out(custody: &CustodyPlan, text: &mut Text) {
    text.step("give-shares", 60, &[named(custody)]);
    let Some(backup) = &custody.backup else { return };
    let people: Vec<&str> = backup.custodians.iter().map(String::as_str).collect();
    let promise = "My page is in a bag that I sealed and signed. It will lie at another place than the pages of the others and than the tokens, and I tell the administrator before I leave this house for good.";
    text.step("attest", 3, &[who(&people), statement(promise)]);
}

fn bags_of(tokens: &[&str]) -> Vec<String> {
    tokens.iter().map(|token| format!("Number of the bag of {token}, and where it will lie")).collect()
}

fn backup(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let tokens = new_tokens(plan);
    let Some((file, keyid, keeper)) = &custody.file else { return };
    text.act("The tokens");
    tokens.iter().for_each(|token| text.step("prepare-token", 10, &[on(token)]));
    text.act("The key: taken from its file, sealed, shared out");
    text.step("take-key", 10, &[named(custody), one("file", file), one("keyid", keyid), one("keeper", keeper)]);
    sealed(custody, text);
    text.act("The key: on one token, and on the others from the shares");
    text.step("break", 15, &[]);
    for (at, token) in tokens.iter().enumerate() {
        match at {
            0 => {
                text.step("put-key", 5, &[named(custody), on(token)]);
                text.step("drill-token", 5, &[on(token)]);
            }
            _ => restored(custody, token, text),
        }
    }
    text.step("wipe-key", 1, &[named(custody)]);
    text.act("The file");
    let gone = "The medium with the key file was destroyed before our eyes today. Every other copy that we know of, in trust directories and in backups of machines, is destroyed by the date that the record gives.";
    text.step("attest", 15, &[who(&[keeper, plan.first(Duty::Witness)]), statement(gone)]);
    let mut fields = vec!["Every other place where the key file was, and by when each is destroyed".to_owned()];
    fields.extend(bags_of(&tokens));
    fields.push("Where the two media and the printed sheets of the sealed file will lie".into());
    fields.push(NEXT_READING.into());
    end(plan, &tokens, &fields, text);
}

fn drill(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let tokens = new_tokens(plan);
    text.act("Open the backup");
    for token in &tokens {
        text.step("prepare-token", 10, &[on(token)]);
        restored(custody, token, text);
    }
    text.act("Wipe the token");
    tokens.iter().for_each(|token| text.step("erase-token", 10, &[on(token)]));
    let read = "Was every medium with the sealed file read, and without errors?";
    end(plan, &[], &[NEW_BAGS, read, "Date of the next drill"], text);
}

fn restore(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let tokens = new_tokens(plan);
    text.act("What was lost");
    let fields = [
        "Which tokens are lost or dead, since when, and who says so",
        "Where the bags of the lost tokens were last seen",
        "Who decided to restore, and when",
    ];
    text.step("record", 10, &[who(&[plan.first(Duty::Witness)]), many("fields", &fields)]);
    for (at, token) in tokens.iter().enumerate() {
        text.act(&format!("The new token {token}"));
        if at > 0 {
            text.step("break", 15, &[]);
        }
        text.step("prepare-token", 10, &[on(token)]);
        restored(custody, token, text);
    }
    let mut fields = bags_of(&tokens);
    fields.extend([NEW_BAGS.to_owned(), "Date on which the root is rotated".into()]);
    end(plan, &tokens, &fields, text);
}

fn replace(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let (new, old) = (new_tokens(plan), old_tokens(plan));
    text.act("The new token");
    for token in &new {
        text.step("prepare-token", 10, &[on(token)]);
        restored(custody, token, text);
    }
    text.act("The old token");
    old.iter().for_each(|token| text.step("erase-token", 10, &[on(token)]));
    let mut fields = bags_of(&new);
    fields.extend(["What becomes of the old token".to_owned(), NEW_BAGS.into()]);
    end(plan, &new, &fields, text);
}

fn change(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let tokens = new_tokens(plan);
    text.act(if tokens.len() > 1 { "The blank tokens" } else { "A token for the proof" });
    tokens.iter().for_each(|token| text.step("prepare-token", 10, &[on(token)]));
    match tokens.as_slice() {
        [first, others @ ..] if is_wrapped(custody) => wrapped_anew(custody, first, others, text),
        _ => {
            text.act("The old backup is opened, and the key sealed anew");
            text.step("open-backup", 25, &[named(custody)]);
            sealed(custody, text);
            text.act("The new shares restore");
            text.step("break", 15, &[]);
            tokens.iter().for_each(|token| restored(custody, token, text));
            text.step("wipe-key", 1, &[named(custody)]);
        }
    }
    if custody.old_shares == Some(None) {
        text.act("The end of the old shares");
        text.step("break", 15, &[]);
        text.step("destroy-shares", 40, &[named(custody), one("witness", plan.first(Duty::Witness))]);
    }
    let mut fields = bags_of(&tokens);
    fields.extend([
        NEW_BAGS.to_owned(),
        "Where every copy of the old sealed file lies, and who destroys it by when".into(),
        "Where the two media and the printed sheets of the new sealed file will lie".into(),
        NEXT_READING.into(),
    ]);
    end(plan, &tokens, &fields, text);
}

/// A wrapped key comes out of its old file into one token, is wrapped there under another key-encryption key, and unwrapped into the others.
fn wrapped_anew(custody: &CustodyPlan, first: &str, others: &[&str], text: &mut Text) {
    text.act("The old file is opened on a token, and the key wrapped anew");
    // Nobody leaves between the making of a key-encryption key and its last share.
    text.step("break", 15, &[]);
    text.step("make-kek", 15, &[named(custody)]);
    text.step("open-backup", 30, &[named(custody), on(first)]);
    text.step("wrap-key", 10, &[named(custody), on(first)]);
    shared_out(custody, text);
    text.step("wipe-kek", 1, &[named(custody)]);
    text.act("The new shares restore");
    text.step("break", 15, &[]);
    for token in others {
        text.step("unwrap-key", 20, &[named(custody), on(token)]);
        text.step("drill-token", 5, &[on(token)]);
    }
    text.step("close-key", 5, &[named(custody), on(first)]);
    text.step("drill-token", 5, &[on(first)]);
}

fn destroy(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let (tokens, witness) = (old_tokens(plan), plan.first(Duty::Witness));
    let trusted = "No client trusts this key any more: a root without it was published more than the life of its longest timestamp ago, and I have seen it served.";
    text.step("attest", 5, &[who(&[plan.first(Duty::Administrator)]), statement(trusted)]);
    if !tokens.is_empty() {
        text.act("The tokens");
        tokens.iter().for_each(|token| text.step("erase-token", 10, &[on(token)]));
    }
    if custody.kept.is_some() {
        text.act("The shares");
        text.step("break", 15, &[]);
        text.step("destroy-shares", 45, &[named(custody), one("witness", witness)]);
        text.act("The sealed file: every medium and every sheet");
        let fields = [
            "Media with the sealed file that were destroyed here, by their labels, and how",
            "Printed sheets of the sealed file that were destroyed here, and how many",
            "Copies of the sealed file that are left elsewhere, who has them, and by when each is destroyed",
        ];
        text.step("record", 15, &[who(&[witness]), many("fields", &fields)]);
    }
    let copies =
        "I know of no copy of this key, of its shares or of its sealed file other than those that the record names.";
    let mut people: Vec<&str> = plan.tokens.iter().map(|token| token.holder.as_str()).collect();
    people.push(witness);
    text.step("attest", 5, &[who(&people), statement(copies)]);
    end(plan, &[], &["What is left of anything, where it lies, and who ends it by when"], text);
}

fn transport(plan: &Plan, custody: &CustodyPlan, text: &mut Text) {
    let Some((from, to)) = &custody.handover else { return };
    let (tokens, witness) = (old_tokens(plan), plan.first(Duty::Witness));
    text.act("The journey, as the form says");
    let fields = [
        "Item by item: number of the seal at departure, from whom, to whom, date and time UTC",
        "Item by item: number of the seal as found here, and whether it is intact",
        "Items that did not arrive, or whose seal differs",
    ];
    text.step("record", 15, &[who(&[witness]), many("fields", &fields)]);
    let handed =
        "I handed these items over sealed, as the form says, and signed it. Nobody opened a seal in my presence.";
    text.step("attest", 3, &[who(&[from]), statement(handed)]);
    let taken =
        "I took these items over sealed, as the form says, and signed it. They lie at the place that the record names.";
    text.step("attest", 3, &[who(&[to]), statement(taken)]);
    text.act("What arrived is what left");
    if !tokens.is_empty() {
        text.step("import-keys", 5, &[]);
    }
    tokens.iter().for_each(|token| text.step("open-token", 10, &[on(token)]));
    if custody.kept.is_some() {
        text.step("break", 15, &[]);
        text.step("check-shares", 60, &[named(custody)]);
    }
    let fields = [
        "Numbers of the new bags, item by item, and where each will lie",
        "Who tells the first place that everything arrived, and how",
    ];
    end(plan, &tokens, &fields, text);
}
