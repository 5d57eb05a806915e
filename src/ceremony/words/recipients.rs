//! Everything that is said of shares that are encrypted to their custodians as well.

use crate::{
    ceremony::{backups::Backup, event::Event, participants::PersonId, prompt::Choice, script::Script},
    custody::{Recipient, Set},
    text::shown,
};

/// What is typed by a custodian whose recipient it is.
pub const MINE: &str = "MINE";
/// What is typed by one whose recipient it is not.
pub const NOT_MINE: &str = "NOT MINE";
/// What is asked.
pub const ASK: &str = "Compare it with the paper that you brought, letter by letter. It must be yours and nobody else's: whoever has its identity has your share.";

/// What the two words do.
pub fn choices() -> Vec<Choice> {
    vec![
        Choice::new(MINE, "it is your own; when you have read your page back, the share is encrypted to it as well"),
        Choice::new(NOT_MINE, "it is not; nothing is encrypted to it, and your share is on paper alone"),
    ]
}

/// The title over the recipient.
pub fn title(script: &Script, custodian: &PersonId, index: u8) -> String {
    format!("{}: is this your own recipient of age, for share {index}?", shown(script.name(custodian)))
}

/// What was compared.
pub fn compared(index: u8, recipient: &Recipient) -> String {
    format!("the recipient {recipient}, for share {index}")
}

/// What follows for those who decide: by `check`, and on the paper.
pub fn consequences(script: &Script) -> Option<String> {
    let custody = script.custody()?;
    let shares = custody.encrypted();
    if shares.is_empty() {
        return None;
    }
    let whose: Vec<String> = shares
        .iter()
        .filter_map(|index| custody.custodians.get(usize::from(*index) - 1))
        .map(|person| shown(script.name(person)))
        .collect();
    Some(format!(
        "{} of {} also lies in the record as an age file, encrypted to the custodian's own recipient: whoever has that identity and a \
         medium has that share, as if it were the page. age has no sender authentication: a file does not show who made it; the share in \
         it is known by its commitment.",
        numbered(&shares),
        whose.join(", "),
    ))
}

/// `Share 2`, `Each of the shares 1 and 2`.
fn numbered(shares: &[u8]) -> String {
    match shares {
        [one] => format!("Share {one}"),
        more => format!("Each of the shares {}", super::backup::listed(more)),
    }
}

/// What is to be done about it.
pub const REMEDY: &str =
    "Each brings their recipient on their own paper, and keeps the identity as well as the page, and elsewhere.";

/// What is said of it where shares are given.
pub fn of_giving(script: &Script) -> Vec<String> {
    let Some(said) = consequences(script) else { return vec![] };
    vec![
        said,
        "Before their share is made, each of them compares the recipient on the screen with their own paper, and types MINE or NOT MINE."
            .into(),
    ]
}

/// What should be known although no rule says no: a recipient that its custodian did not know, a file that a try left.
pub fn otherwise(event: &Event) -> Option<String> {
    match event {
        Event::Went { word, on } if word == NOT_MINE => {
            Some(format!("A custodian said that it is not their own, and nothing was encrypted to it: {on}."))
        }
        Event::ShareEncrypted { index, left, .. } if !left.is_empty() => {
            Some(format!("An earlier try left {} of share {index}; nobody knows what is in it.", left.join(", ")))
        }
        _ => None,
    }
}

/// Where shares of a set lie as files, for whoever wants the set to end.
pub fn to_end(backup: &Backup) -> Vec<String> {
    let set = backup.sealed.as_ref().map(|sealed| sealed.set.id()).unwrap_or_default();
    let files = backup.encrypted.iter().map(|(index, file)| {
        format!(
            "the identity that opens {}, which is share {index} of set {set} and stays in the record; or its custodian makes another \
             identity, and keeps the share to themselves",
            shown(&file.name)
        )
    });
    files.collect()
}

/// What a witness says beside that a page was destroyed, where the share may lie in a file too.
pub fn identity_destroyed(set: &Set, index: u8) -> &'static str {
    match set.encrypted.contains(&index) {
        true => {
            " It was encrypted to its custodian too: their identity of age, by which that file opens, was destroyed before my eyes, and \
             they say that there is no other copy."
        }
        false => "",
    }
}

/// What is said of such shares in a set, beside each.
pub fn on_card(backup: &Backup) -> String {
    if backup.encrypted.is_empty() {
        return String::new();
    }
    let shares: Vec<u8> = backup.encrypted.keys().copied().collect();
    format!("; encrypted to their custodians as well: {}", super::backup::listed(&shares))
}
