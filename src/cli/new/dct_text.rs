//! Scripts of Docker Content Trust as text: what is said of the repositories, and the acts of each kind.

use super::{
    parts::key,
    plan::{DctPlan, Plan, Proof, TokenPlan},
    toml::{Text, list, many, one, say, statement, who},
};
use crate::{
    ceremony::{participants::Duty, script::SignerAction},
    cli::args::ScriptKind,
};

/// What the script begins with, for whoever opens it.
pub(super) const fn about(kind: ScriptKind) -> &'static str {
    match kind {
        ScriptKind::DctGenesis => {
            "Docker Content Trust from nothing: the offline keys are made and certified, a tagging key is made, and root and targets of every new repository are signed in one sitting. Stock tools read a root that several must sign, and cannot maintain it; this program does."
        }
        ScriptKind::DctDelegate => {
            "Who signs below the tagging key, in targets/releases and in a role of their own: signers come, go, or get other keys. The tagging key signs that; the offline keys stay where they are. Where a signer's file was signed with a key that goes, it is composed again with the same tags, and the bundle says who must sign it; the courier refuses the bundle until then."
        }
        ScriptKind::DctRotateTaggingKey => {
            "The tagging key was stolen. Another takes its place in every repository of the collection, in one sitting: one review, one PIN for each token. Root and targets of a repository leave as one bundle; nobody can publish half of it. Clients stop trusting the old key as soon as they see the new root. One that is shown old answers stops at the latest when the timestamp that it holds expires: 14 days after the server last signed one, by Notary's default."
        }
        ScriptKind::DctRotateRoot => {
            "Offline keys are replaced, or their certificates renewed. Old and new offline keys sign the next root of every repository; clients that hold an old root follow, however far behind they are."
        }
        _ => {
            "The same roots are signed again with a later expiry, and the targets with them where the script says so. Nothing else changes; any other difference is refused. A root cannot outlive the certificates of its keys: where they end first, the expiry is cut, or the repository is left out."
        }
    }
}

/// The kind as a script says it, and the beginning of its title.
pub(super) const fn title(kind: ScriptKind) -> (&'static str, &'static str) {
    match kind {
        ScriptKind::DctGenesis => ("dct-genesis", "Genesis of the offline key, and trust data of the repositories, of"),
        ScriptKind::DctDelegate => ("dct-delegate", "Signers below the tagging key of"),
        ScriptKind::DctRotateTaggingKey => {
            ("dct-rotate-tagging-key", "The tagging key was stolen: another takes its place in every repository of")
        }
        ScriptKind::DctRotateRoot => ("dct-rotate-root", "Rotation of the offline keys of"),
        _ => ("dct-renew", "Renewal of the trust data of"),
    }
}

/// Everything after the tokens.
pub(super) fn write(plan: &Plan, dct: &DctPlan, text: &mut Text) {
    if !plan.keys.is_empty() {
        text.comment(
            "Public keys that come in, each with its keyid from paper, which came by another way than the file.",
        );
        plan.keys.iter().for_each(|one| key(one, text));
    }
    collections(plan, dct, text);
    roles(plan, dct, text);
    for (at, signer) in dct.signers.iter().enumerate() {
        if at == 0 {
            text.comment("Signers below the tagging keys: add, replace (their keys become those here) or remove.");
        }
        text.line("[[signer]]");
        text.field("name", &signer.name);
        let action = match signer.action {
            SignerAction::Add => "add",
            SignerAction::Replace => "replace",
            SignerAction::Remove => "remove",
        };
        text.field("action", action);
        if !signer.keys.is_empty() {
            text.line(&format!("keys = {}", list(&signer.keys)));
        }
        text.blank();
    }
    if let Some(changed) = dct.changed {
        text.comment("What becomes of tags and delegations that are not as they were. ask: people decide in the room. keep, drop: decided here, and read aloud.");
        text.line("[tags]");
        text.field("changed", changed);
        text.blank();
    }
    acts(plan, dct, text);
}

fn collections(plan: &Plan, dct: &DctPlan, text: &mut Text) {
    let (folder, manifest, repositories) = &dct.collection;
    text.comment(match plan.kind {
        ScriptKind::DctGenesis => "What was collected beforehand: the public keys that the server made for these repositories.",
        _ => "What was collected beforehand: every root, the targets and the delegations that clients hold today. Who collects again writes, checks and prints this script again.",
    });
    text.line("[collection]");
    text.field("folder", folder);
    text.field("manifest", &manifest.to_string());
    text.line(&format!("repositories = {repositories}"));
    text.blank();
    if let Some((folder, manifest)) = &dct.before {
        text.comment("The last collection from before the compromise. Whatever is not as it was there is what a thief may have signed.");
        text.line("[collection-before]");
        text.field("folder", folder);
        text.field("manifest", &manifest.to_string());
        text.blank();
    }
}

fn expires([days, least, most]: [u64; 3], text: &mut Text) {
    text.line(&format!("expires = {{ days = {days}, at-least-days = {least}, at-most-days = {most} }}"));
}

fn roles(plan: &Plan, dct: &DctPlan, text: &mut Text) {
    if !dct.root.is_empty() {
        text.comment(match plan.kind {
            ScriptKind::DctGenesis => "The offline keys.",
            ScriptKind::DctRotateRoot => "The offline keys as they are to be: the whole set.",
            _ => "The offline keys, as they are today: the whole set, also those that do not sign.",
        });
        text.line("[root]");
        text.line(&format!("threshold = {}", plan.threshold));
        text.line(&format!("keys = {}", list(&dct.root)));
        text.line(&format!("algorithm = {}", serde_json::json!(plan.algorithm)));
        expires(plan.days, text);
        text.blank();
    }
    if let Some((name, days)) = &dct.certificate {
        text.comment("One certificate for each offline key. It must outlive every root: once it has ended, nothing cures what clients hold.");
        text.line("[certificate]");
        if let Some(name) = name {
            text.field("common-name", name);
        }
        text.line(&format!("days = {days}"));
        text.blank();
    }
    if let Some(tagging) = &dct.tagging {
        text.comment(match plan.kind {
            ScriptKind::DctGenesis => "The tagging keys, which sign what tags mean.",
            ScriptKind::DctRotateTaggingKey => {
                "The tagging keys as they are to be. A key that is in use today is refused."
            }
            ScriptKind::DctRenew => "The tagging keys as they are. Without this section the roots alone are renewed.",
            _ => "The tagging keys as they are.",
        });
        text.line("[tagging]");
        if tagging.threshold != 1 {
            text.line(&format!("threshold = {}", tagging.threshold));
        }
        text.line(&format!("keys = {}", list(&tagging.keys)));
        expires(tagging.days, text);
        text.blank();
    }
}

/// The day, act by act.
fn acts(plan: &Plan, dct: &DctPlan, text: &mut Text) {
    let (witness, publisher) = (plan.first(Duty::Witness), plan.first(Duty::Publisher));
    before_the_day(plan, text);
    open_the_room(plan, text);
    text.act(match (plan.kind, plan.keys.is_empty()) {
        (ScriptKind::DctGenesis, true) => "The repositories",
        (_, true) => "The repositories as clients hold them today",
        (_, false) => "The repositories, and the keys that come in",
    });
    text.step("import-repositories", 5, &[]);
    if dct.changed.is_some() {
        text.step("judge-tags", 20, &[]);
    }
    if !plan.keys.is_empty() {
        text.step("import-keys", 5, &[]);
    }
    let (old, new) = (opened(plan, dct), made(plan));
    if !old.is_empty() {
        text.act("The keys of today come out of their bags");
        for token in &old {
            text.step("open-token", 5, &[one("token", &token.alias)]);
            certify(dct, token, text);
        }
    }
    if !new.is_empty() {
        text.act("New tokens and keys: each officer in turn");
        for (at, token) in new.iter().enumerate() {
            // Nobody works for hours without a break.
            if at > 0 && at % 3 == 0 {
                text.step("break", 15, &[]);
            }
            text.step("prepare-token", 10, &[one("token", &token.alias)]);
            text.step("generate-key", 5, &[one("token", &token.alias)]);
            text.step("drill-token", 5, &[one("token", &token.alias)]);
        }
        if new.iter().any(|token| dct.certified.contains(&token.alias)) {
            text.act("Certify the new offline keys");
            new.iter().for_each(|token| certify(dct, token, text));
        }
    }
    if plan.kind != ScriptKind::DctDelegate {
        text.step("break", 15, &[]);
    }
    text.act("Compose and review");
    text.step("draft", 5, &[]);
    let mut people: Vec<&str> = signing(plan, dct).map(|token| token.user_pin.as_str()).collect();
    if people.is_empty() {
        people.push(plan.first(Duty::Administrator));
    }
    text.step("review", 20, &[one("witness", witness), who(&people)]);
    if !dct.signs.is_empty() {
        text.act("Sign: every token that is here");
        signing(plan, dct).for_each(|token| text.step("sign", 5, &[one("token", &token.alias)]));
    }
    text.act("Write the bundles");
    text.step("export", 5, &[]);
    let promise = match waits(plan) {
        true => {
            "I take one medium. Those whom the bundles name sign elsewhere; I complete the bundles with officiant-courier, and publish only then. I report to everybody here when it is done."
        }
        false => {
            "I take one medium. I publish with officiant-courier, which sends each bundle in one request and compares what the server then serves; I report to everybody here by the end of tomorrow."
        }
    };
    text.step("attest", 3, &[who(&[publisher]), statement(promise)]);
    close(plan, dct, text);
}

fn before_the_day(plan: &Plan, text: &mut Text) {
    text.act("Before the day: what must be true when we meet");
    let rules =
        "The administrator opens the ceremony, reads the rules of the room from page one, and names each person.";
    text.step("roll-call", 15, &[say(rules)]);
    let checked = "This script was checked and rehearsed from beginning to end, and its printed digest was approved before today.";
    text.step("attest", 3, &[who(&[plan.first(Duty::Administrator)]), statement(checked)]);
    let collected = "I collected these repositories with officiant-courier on the publishing machine, and the manifest that the script pins is the one that it printed.";
    text.step("attest", 3, &[who(&[plan.first(Duty::Publisher)]), statement(collected)]);
}

fn open_the_room(plan: &Plan, text: &mut Text) {
    let (administrator, witness, keeper) =
        (plan.first(Duty::Administrator), plan.first(Duty::Witness), plan.first(Duty::Keeper));
    text.act("Open the room");
    text.step("script-words", 5, &[one("witness", witness)]);
    let mut bags = vec!["Number of the bag with the machine", "Number of the bag with the two media"];
    if !plan.tokens.is_empty() {
        bags.push("Numbers of the bags with the tokens, as found, and whether each is intact");
    }
    text.step("record", 10, &[who(&[witness]), many("fields", &bags)]);
    text.step("confirm-clock", 5, &[who(&[witness, if keeper == witness { administrator } else { keeper }])]);
    text.step("preflight", 10, &[]);
}

fn close(plan: &Plan, dct: &DctPlan, text: &mut Text) {
    let witness = plan.first(Duty::Witness);
    let here: Vec<&str> = used(plan, dct).map(|token| token.alias.as_str()).collect();
    let mut fields: Vec<String> =
        here.iter().map(|alias| format!("Number of the bag of {alias}, and where it will lie")).collect();
    let goes = |token: &&TokenPlan| plan.kind == ScriptKind::DctRotateRoot && !dct.root.contains(&token.alias);
    for token in plan.principals().filter(goes) {
        fields.push(format!("Where {} is, whose key goes, and the date of its destruction", token.alias));
    }
    if let Some(sealed) = &dct.sealed {
        fields.push(format!("Keyid of the spare tagging key on {sealed}, for the day on which it is needed"));
    }
    if !made(plan).is_empty() {
        fields.push("Numbers of the envelopes with SO-PINs, and where they will lie".into());
    }
    match plan.kind {
        ScriptKind::DctGenesis => fields.extend([
            "Date on which the certificates end, as the screen said".to_owned(),
            "Date of the next drill (no later than twelve months from today)".into(),
        ]),
        ScriptKind::DctRotateTaggingKey => {
            fields.push("What becomes of the old tagging key, wherever it still is".into())
        }
        ScriptKind::DctDelegate => fields.push("Who must sign which files elsewhere, and by when".into()),
        _ => fields.push("Date of the next renewal".into()),
    }
    text.act("Bag everything and close");
    text.step("record", 15, &[who(&[witness]), many("fields", &fields)]);
    text.step("close", 20, &[many("tokens", &here), one("witness", witness)]);
}

fn certify(dct: &DctPlan, token: &TokenPlan, text: &mut Text) {
    if dct.certified.contains(&token.alias) {
        text.step("certify", 5, &[one("token", &token.alias)]);
    }
}

/// Tokens with a key of today that are in the room.
fn opened<'a>(plan: &'a Plan, dct: &'a DctPlan) -> Vec<&'a TokenPlan> {
    signing(plan, dct).filter(|token| token.keyid.is_some()).collect()
}

/// Tokens whose key is made today.
fn made(plan: &Plan) -> Vec<&TokenPlan> {
    plan.principals().filter(|token| token.keyid.is_none()).collect()
}

fn signing<'a>(plan: &'a Plan, dct: &'a DctPlan) -> impl Iterator<Item = &'a TokenPlan> {
    plan.principals().filter(|token| dct.signs.contains(&token.alias))
}

/// Every token that is in the room, whether it signs or is only made.
fn used<'a>(plan: &'a Plan, dct: &'a DctPlan) -> impl Iterator<Item = &'a TokenPlan> {
    plan.principals().filter(|token| token.keyid.is_none() || dct.signs.contains(&token.alias))
}

/// Whether somebody signs elsewhere before anything can be published.
fn waits(plan: &Plan) -> bool {
    plan.kind == ScriptKind::DctDelegate || plan.keys.iter().any(|key| !matches!(key.proof, Proof::Token(_)))
}
