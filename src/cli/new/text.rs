//! The script as text: every template that `new` fills, in one place.

use super::{
    acts, dct_text,
    parts::{key, module, one_token, people},
    plan::{Plan, TokenPlan},
    toml::{Text, list, many, one, say, statement, who},
};
use crate::{ceremony::participants::Duty, cli::args::ScriptKind};

/// The whole script.
pub(super) fn script(plan: &Plan) -> String {
    let mut text = Text::default();
    text.comment(match plan.kind {
        ScriptKind::Genesis => {
            "Genesis of an offline root key: officers with a token each, a witness who reads back, an operator at the keyboard."
        }
        ScriptKind::GenesisSmall => {
            "Genesis for a small team: two people at a desk, three tokens. The third lies sealed with somebody outside the room, and its PIN with one of the two, so that one lost token is no disaster and no single person can sign alone."
        }
        ScriptKind::GenesisYubikeysSmall => {
            "Genesis for a small team with YubiKeys: two people at a desk, three YubiKeys, a touch for each signature. The third lies sealed with somebody outside the room, and its PIN with one of the two, so that one lost YubiKey is no disaster and no single person can sign alone. What is called SO-PIN is the PUK. Before the day their OTP interface is switched off: ykman config usb --disable OTP."
        }
        ScriptKind::Solo => {
            "Genesis by one person alone, with three tokens. It is better than a key file on a disk, and worse than every other way: one person can sign, one person can lose everything, and nobody watches. Every page and screen says SINGLE CONTROL."
        }
        ScriptKind::RotateRoot => {
            "Rotation of the root: root keys are replaced. Officers of the old root and of the new one sign."
        }
        ScriptKind::RenewExpiry => "Renewal: the same root is signed again with a later expiry, and nothing else changes.",
        kind if kind.is_dct() => dct_text::about(kind),
        kind => acts::about(kind),
    });
    text.comment("Check it, print it, rehearse it, and have its printed digest approved before the day. It holds no secret, and must never hold one.");
    text.blank();
    head(plan, &mut text);
    text.comment(
        "Who is in the room, by short name. Duties that check each other are with different people, or declared above.",
    );
    plan.people.iter().for_each(|person| people(person, &mut text));
    if !plan.module.path.is_empty() {
        module(plan, &mut text);
    }
    if !plan.tokens.is_empty() {
        text.comment("The tokens: who holds each, and who keeps which PIN. A token that exists already is known by what its holder's card says.");
    }
    plan.tokens.iter().for_each(|token| one_token(plan, token, &mut text));
    if let Some(custody) = &plan.custody {
        acts::write(plan, custody, &mut text);
        return text.whole();
    }
    if let Some(dct) = &plan.dct {
        dct_text::write(plan, dct, &mut text);
        return text.whole();
    }
    root(plan, &mut text);
    if !plan.keys.is_empty() {
        text.comment("Keys of the online roles. Each keyid is copied from its owner's own paper, which came by another way than the medium.");
        plan.keys.iter().for_each(|one| {
            key(one, &mut text);
            online_role(&one.name, &mut text);
        });
    }
    match plan.kind {
        ScriptKind::GenesisSmall | ScriptKind::GenesisYubikeysSmall | ScriptKind::Solo => at_a_desk(plan, &mut text),
        _ => in_a_room(plan, &mut text),
    }
    text.whole()
}

fn head(plan: &Plan, text: &mut Text) {
    let (ceremony, what) = match plan.kind {
        ScriptKind::Genesis => ("genesis", "Genesis of the root key of"),
        ScriptKind::GenesisSmall => ("genesis", "Genesis, two people at a desk, of the root key of"),
        ScriptKind::GenesisYubikeysSmall => ("genesis", "Genesis, two people and three YubiKeys, of the root key of"),
        ScriptKind::Solo => ("genesis", "Genesis, one person alone, of the root key of"),
        ScriptKind::RotateRoot => ("rotate-root", "Rotation of the root key of"),
        ScriptKind::RenewExpiry => ("renew-expiry", "Renewal of the root's expiry of"),
        kind if kind.is_dct() => dct_text::title(kind),
        kind => acts::title(kind),
    };
    text.line("format = 1");
    text.field("ceremony", ceremony);
    text.field("title", &format!("{what} {}", plan.repository));
    text.field("repository", &plan.repository);
    if plan.dct.is_some() || plan.custody.as_ref().is_some_and(|custody| custody.notary) {
        text.field("dialect", "notary");
    }
    if let Some(planned) = plan.planned {
        text.line(&format!("planned = {planned}"));
    }
    text.comment("The two media that hold the record from its first entry on, by the words on their labels.");
    text.line(&format!("media = {}", list(&plan.media)));
    text.blank();
    let of_root = plan.writes_root();
    let spare = !of_root || plan.root_keys() > plan.threshold;
    let single = of_root && (plan.kind == ScriptKind::Solo || plan.threshold == 1);
    let merged = plan.duties_are_merged();
    if single || merged || !spare {
        text.comment("What is allowed only because it stands here, where it can be reviewed.");
        text.line("[declares]");
        for (declared, name) in [(single, "single-control"), (!spare, "no-spare"), (merged, "merged-duties")] {
            if declared {
                text.line(&format!("{name} = true"));
            }
        }
        text.blank();
    }
}

fn root(plan: &Plan, text: &mut Text) {
    if let Some(previous) = &plan.previous {
        text.comment(
            "The root that clients trust today. Compare version and SHA-256 with the card of the last ceremony.",
        );
        text.line("[previous]");
        text.field("file", &previous.file);
        text.line(&format!("version = {}", previous.version));
        text.field("sha256", &previous.sha256.to_string());
        text.blank();
    }
    text.comment("The root role as it is to be: the whole set, by token.");
    text.line("[root]");
    text.line(&format!("threshold = {}", plan.threshold));
    text.line(&format!("keys = {}", list(&aliases(plan))));
    text.line(&format!("algorithm = {}", serde_json::json!(plan.algorithm)));
    if plan.previous.is_none() {
        text.line("consistent-snapshot = true");
    }
    let [days, least, most] = plan.days;
    text.line(&format!("expires = {{ days = {days}, at-least-days = {least}, at-most-days = {most} }}"));
    text.blank();
    if plan.kind == ScriptKind::RotateRoot {
        let adds: Vec<_> = plan.principals().filter(|token| token.keyid.is_none()).map(|token| &token.alias).collect();
        text.comment("What comes in and what goes out. The set above and this change are held against each other.");
        text.line("[change]");
        text.line(&format!("adds = {}", list(&adds)));
        text.line(&format!("removes = {}", list(&plan.removes)));
        if let Some(previous) = plan.previous.as_ref().filter(|previous| previous.threshold != plan.threshold) {
            text.line(&format!("threshold-was = {}", previous.threshold));
        }
        text.blank();
    }
}

fn online_role(role: &str, text: &mut Text) {
    text.line("[[role]]");
    text.field("role", role);
    text.line("threshold = 1");
    text.line(&format!("keys = {}", list(&[role])));
    text.blank();
}

fn aliases(plan: &Plan) -> Vec<String> {
    plan.principals().map(|token| token.alias.clone()).collect()
}

/// The acts of a ceremony in a room, with everybody's part.
fn in_a_room(plan: &Plan, text: &mut Text) {
    let (administrator, operator) = (plan.first(Duty::Administrator), plan.first(Duty::Operator));
    let (witness, keeper) = (plan.first(Duty::Witness), plan.first(Duty::Keeper));
    let publisher = plan.first(Duty::Publisher);
    let old: Vec<&TokenPlan> = plan.principals().filter(|token| token.keyid.is_some()).collect();
    let new: Vec<&TokenPlan> = plan.principals().filter(|token| token.keyid.is_none()).collect();

    text.act("Before the day: what must be true when we meet");
    text.step(
        "roll-call",
        15,
        &[say(
            "The administrator opens the ceremony, reads the rules of the room from page one, and names each person.",
        )],
    );
    text.step("attest", 3, &[who(&[administrator]), statement("This script was checked and rehearsed from beginning to end, and its printed digest was approved before today. The kit holds a spare machine and every spare that the script names.")]);

    text.act("Open the room");
    text.step("script-words", 5, &[one("witness", witness)]);
    let mut bags = vec![
        "Number of the bag with the machine",
        "Numbers of the bags with the tokens",
        "Number of the bag with the two media",
    ];
    if plan.previous.is_some() {
        bags.push("Head words on the card of the last ceremony");
    }
    bags.push("Identity of the video recording");
    text.step("record", 10, &[who(&[witness]), many("fields", &bags)]);
    text.step("confirm-clock", 5, &[who(&[witness, if keeper == witness { administrator } else { keeper }])]);
    text.step("attest", 3, &[who(&[administrator, witness]), statement("Phones are outside. Nobody leaves or enters without a line in the record. At least two people are in the room at any moment.")]);

    text.act("Prove the machine");
    text.step("preflight", 10, &[say("The operator reads the list aloud. The witness compares the digest of the program with the one on the release paper.")]);
    text.step("record", 3, &[who(&[operator]), many("fields", &["Serial number of the machine"])]);

    if plan.previous.is_some() {
        text.act("The root that clients trust today, and its officers");
        text.step("import-root", 5, &[]);
        old.iter().for_each(|token| text.step("open-token", 5, &[one("token", &token.alias)]));
    }
    if !new.is_empty() {
        text.act("New tokens and keys");
        for token in &new {
            text.step("prepare-token", 10, &[one("token", &token.alias)]);
            text.step("generate-key", 5, &[one("token", &token.alias)]);
        }
        text.act("Drill every new token before the first signature");
        new.iter().for_each(|token| text.step("drill-token", 5, &[one("token", &token.alias)]));
        for keeper in keepers(&new) {
            let sealed = format!(
                "I hold the sealed SO-PIN of {}, signed across the flap by its officer and by the witness.",
                its_tokens(&new, keeper)
            );
            text.step("attest", 5, &[who(&[keeper]), statement(&sealed)]);
        }
    }
    if !plan.keys.is_empty() {
        text.act("Keys of the online roles");
        text.step("import-keys", 10, &[say("The publisher hands over the courier's medium. The administrator reads each keyid from the owner's own paper while the operator reads it from the screen.")]);
    }
    text.step("break", 15, &[]);

    text.act("Compose and review");
    text.step("draft", 5, &[]);
    text.step("review", 25, &[one("witness", witness), who(&signers(plan))]);

    text.act("Sign: every officer");
    aliases(plan).iter().for_each(|alias| text.step("sign", 5, &[one("token", alias)]));

    text.act("Write the result");
    text.step("export", 10, &[]);
    text.step("attest", 3, &[who(&[publisher]), statement("I take one medium. I publish the root only after two clients have read it on another machine, compare its SHA-256 with the card, and report to everybody here by the end of tomorrow.")]);

    text.act("Bag everything and close");
    let mut fields: Vec<String> = plan
        .principals()
        .map(|token| format!("Number of the new bag of {}, and where it will lie", token.alias))
        .collect();
    if plan.tokens.iter().any(|token| token.spare_for.is_some()) {
        fields.push("Number of the bag with the spare token".into());
    }
    if !plan.removes.is_empty() {
        fields.push("Numbers of the bags with the tokens that go out, and the date of their destruction".into());
    }
    if !new.is_empty() {
        fields.push("Numbers of the envelopes with SO-PINs, and where they will lie".into());
    }
    fields.push("Date of the next drill (no later than twelve months from today)".into());
    text.step("record", 15, &[who(&[witness]), many("fields", &fields)]);
    let close = [
        many("tokens", &aliases(plan)),
        one("witness", witness),
        say(
            "Each officer opens their own bag once more, signs, and seals a new one; its number is written beside the step.",
        ),
    ];
    text.step("close", 20, &close);
}

/// The acts of a genesis by one or two people at a desk.
fn at_a_desk(plan: &Plan, text: &mut Text) {
    let people = plan.with(Duty::Officer);
    let (first, last) = (people[0], people[people.len() - 1]);
    let alone = people.len() == 1;
    let absent: Vec<_> = plan.people.iter().filter(|person| !person.duties.contains(&Duty::Officer)).collect();

    text.act("Sit down");
    let names: Vec<_> = absent.iter().map(|person| person.name.as_str()).collect();
    let hint = format!("{} is not in the room: type ABSENT.", names.join(" and "));
    text.step("roll-call", 4, &if absent.is_empty() { vec![] } else { vec![say(&hint)] });
    text.step("script-words", 3, &[one("witness", first)]);
    text.step("confirm-clock", 3, &[who(&people)]);
    text.step("preflight", 3, &[]);
    let fields = ["Serial number of the machine", "Serial numbers of the three tokens, as printed on them"];
    text.step("record", 3, &[who(&[first]), many("fields", &fields)]);

    text.act("Three tokens, three keys");
    for alias in aliases(plan) {
        text.step("prepare-token", 3, &[one("token", &alias)]);
        text.step("generate-key", 1, &[one("token", &alias)]);
        text.step("drill-token", 2, &[one("token", &alias)]);
    }

    text.act("Compose, review, sign");
    text.step("import-keys", 3, &[]);
    text.step("draft", 1, &[]);
    text.step("review", 8, &[one("witness", first), who(&people)]);
    aliases(plan).iter().for_each(|alias| text.step("sign", 2, &[one("token", alias)]));

    text.act("Write, bag, close");
    text.step("export", 2, &[]);
    let fields = [
        "Where each of the three tokens will lie, in three different places",
        "Where the sealed SO-PINs will lie, apart from every token",
        "Date of the next drill (no later than twelve months from today)",
    ];
    text.step("record", 4, &[who(&[last]), many("fields", &fields)]);
    let promise = if alone {
        "I keep the three tokens in three places, and the PINs in my head. Whoever inherits this project finds the sealed SO-PINs and this record. Before I publish, two clients read the root on another machine."
    } else {
        "I keep my own token and my own PIN apart. The third token leaves today, sealed; until then it stays in sight of both of us. Before we publish, two clients read the root on another machine."
    };
    text.step("attest", 2, &[who(&people), statement(promise)]);
    text.step("close", 5, &[many("tokens", &aliases(plan)), one("witness", last)]);
}

/// Who confirms the draft: everybody whose PIN signs it.
fn signers(plan: &Plan) -> Vec<&str> {
    let mut signers: Vec<&str> = vec![];
    for token in plan.principals() {
        if !signers.contains(&token.user_pin.as_str()) {
            signers.push(&token.user_pin);
        }
    }
    signers
}

fn keepers<'a>(tokens: &[&'a TokenPlan]) -> Vec<&'a str> {
    let mut keepers: Vec<&str> = vec![];
    for token in tokens {
        if !keepers.contains(&token.so_pin.as_str()) {
            keepers.push(&token.so_pin);
        }
    }
    keepers
}

fn its_tokens(tokens: &[&TokenPlan], keeper: &str) -> String {
    let its = tokens.iter().filter(|token| token.so_pin == keeper).map(|token| token.alias.as_str());
    its.collect::<Vec<_>>().join(", of ")
}
