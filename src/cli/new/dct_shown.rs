//! What stands in collections, shown to people before they are asked anything; and what they decide of it.

use super::{
    ask::Asking,
    collected::{self, Collected, Publisher},
    plan::DctPlan,
};
use crate::{
    cli::{args::ScriptKind, exit::Stop},
    text::shown,
    transfer::Gun,
    utc::Utc,
};

/// Reads what was collected, and says what it is. Of several publishers people choose one; it is then the only one.
pub(super) fn collected(kind: ScriptKind, ask: &mut Asking<'_>) -> Result<Collected, Stop> {
    ask.say("The folder that officiant-courier collect wrote has to lie here, beside the script. What stands in it is read, not asked.");
    let default = if kind == ScriptKind::DctGenesis { "dct-new" } else { "dct-today" };
    let mut collected =
        ask.ask("The folder with what the courier collected", Some(default), |folder| collected::read(kind, folder))?;
    ask.say(&format!("  Repositories: {}. The SHA-256 of MANIFEST is", collected.guns.len()));
    ask.say(&format!("  {}, as the last line of the courier has it.", collected.manifest));
    if kind == ScriptKind::DctGenesis {
        let known = collected.guns.len() - collected.new;
        if known > 0 {
            ask.say(&format!("  The server knows {known} of them already; a genesis leaves these out."));
        }
        collected.publishers = vec![];
        return Ok(collected);
    }
    if collected.new > 0 {
        ask.say(&format!("  The server does not know {} of them yet; they are left out (dct-genesis).", collected.new));
    }
    for (gun, why) in &collected.refused {
        ask.say(&format!("  {} is left out: {}", shown(gun.as_str()), shown(why)));
    }
    let chosen = match collected.publishers.len() {
        1 => 0,
        many => {
            ask.say("  Not all have the same keys. A ceremony is about those that have; the others are left out, and get their own.");
            for (at, publisher) in collected.publishers.iter().enumerate() {
                let (one, more) = (&publisher.guns[0], publisher.guns.len() - 1);
                ask.say(&format!("  {}: {} and {more} more", at + 1, shown(one.as_str())));
            }
            ask.number("Which of them", 1, 1, many as u64)? as usize - 1
        }
    };
    let publisher = collected.publishers.swap_remove(chosen);
    show(&publisher, kind, ask);
    collected.publishers = vec![publisher];
    Ok(collected)
}

fn show(publisher: &Publisher, kind: ScriptKind, ask: &mut Asking<'_>) {
    let date = |end: Option<Utc>| end.map_or_else(|| "an unknown day".to_owned(), Utc::date);
    ask.say(&format!("  Offline keys, of which {} must sign a root:", publisher.threshold));
    for (keyid, key) in &publisher.offline {
        let names: Vec<_> = key.common_names.iter().map(|name| shown(name)).collect();
        let names = match names.len() {
            0 => "without a certificate".to_owned(),
            1 => format!("certificate for {} until {}", names[0], date(key.until)),
            many => format!("{many} certificates, the first until {}", date(key.until)),
        };
        ask.say(&format!("    {keyid}, {}, {names}", key.algorithm));
    }
    ask.say(&format!("  Tagging keys, of which {} must sign targets:", publisher.tagging_threshold));
    for (keyid, (algorithm, repositories)) in &publisher.tagging {
        ask.say(&format!("    {keyid}, {algorithm}, repositories: {repositories}"));
    }
    if !publisher.signers.is_empty() {
        let signers: Vec<_> =
            publisher.signers.iter().map(|(name, count)| format!("{} (in {count})", shown(name))).collect();
        ask.say(&format!("  Signers below them: {}.", signers.join(", ")));
    }
    let (roots, targets) = (date(publisher.roots_end), date(publisher.targets_end));
    ask.say(&format!("  The first root ends on {roots}, the first targets on {targets}; tags: {}.", publisher.tags));
    if kind == ScriptKind::DctRotateTaggingKey {
        ask.say("  The tagging keys above go out of every root. A key that is in use today cannot follow itself.");
    }
}

impl Collected {
    /// What the names of all repositories begin with.
    pub fn prefix(&self) -> String {
        let mut common: Option<Vec<&str>> = None;
        for gun in &self.guns {
            // The name of one repository is not what several are below.
            let parts: Vec<&str> = gun.as_str().split('/').collect();
            let above = &parts[..parts.len() - 1];
            let same = common
                .as_ref()
                .map_or(above.len(), |common| common.iter().zip(above).take_while(|(one, other)| one == other).count());
            common = Some(above[..same].to_vec());
        }
        match common.unwrap_or_default().join("/") {
            none if none.is_empty() => self.guns.first().map_or_else(String::new, |gun| gun.as_str().to_owned()),
            prefix => prefix,
        }
    }
}

/// The collection from before a theft, and what becomes of what is not as it was there.
pub(super) fn theft(
    dct: &mut DctPlan,
    collected: &Collected,
    publisher: &Publisher,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    ask.say("  What a thief may have changed is seen only beside the last collection from before the theft.");
    let question = "The folder with that collection, or NONE";
    let before = ask.ask(question, Some("dct-before"), |folder| match folder {
        "NONE" => Ok(None),
        folder => collected::read_before(folder, collected, &publisher.guns).map(Some),
    })?;
    let (offered, words) = match &before {
        Some(before) => {
            ask.say(&format!("  Its MANIFEST: {}", before.manifest));
            changed(&before.changed, ask);
            (
                &["ask", "drop", "keep"][..],
                "What becomes of them: ask (people decide in the room), drop (they go back), or keep",
            )
        }
        None => {
            ask.say("  Then nobody can tell which tags changed.");
            (
                &["ask", "keep"][..],
                "What becomes of tags: ask (every one is laid before people), or keep (nobody else tagged)",
            )
        }
    };
    dct.changed = Some(ask.ask(words, Some("ask"), |answer| {
        offered.iter().find(|offered| **offered == answer).copied().ok_or_else(|| offered.join(", "))
    })?);
    dct.before = before.map(|before| (before.folder, before.manifest));
    Ok(())
}

/// What is not as it was before the theft: the first of it by name.
fn changed(changed: &[(Gun, Vec<String>)], ask: &mut Asking<'_>) {
    const SHOWN: usize = 12;
    let all: usize = changed.iter().map(|(_, differ)| differ.len()).sum();
    ask.say(&format!(
        "  Tags and delegations that are not as they were there: {all}, in repositories: {}.",
        changed.len()
    ));
    let each = changed.iter().flat_map(|(gun, differ)| differ.iter().map(move |what| (gun, what)));
    each.take(SHOWN).for_each(|(gun, what)| ask.say(&format!("    {}: {}", shown(gun.as_str()), shown(what))));
    if all > SHOWN {
        ask.say(&format!("    and {} more", all - SHOWN));
    }
}
