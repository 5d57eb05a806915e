//! What was signed in many repositories: counted, not listed. Which version of which repository was signed as which payload stands
//! in the transcript; a page that repeats it twenty thousand times would be read by nobody.

use std::collections::BTreeMap;

use super::replay::Replay;
use crate::{
    ceremony::{
        earlier,
        event::LeftOut,
        history::Run,
        print::document::{Block, Cell, Layout, Line, Table, plain, row},
        repositories::{Batch, Repositories, leaving, sheet::Group},
        script::{Kind, RepositoriesSpec, Script, Signatory},
        words::paper as say,
    },
    digest::Digest,
};

/// How many repositories of one kind are named; the rest is counted.
const NAMED_MAX: usize = 20;

/// What was signed, for people.
pub fn blocks(replay: &Replay<'_>, spec: &RepositoriesSpec) -> Vec<Block> {
    let repositories = replay.ceremony.repositories();
    let batch = repositories.batch();
    let mut blocks = vec![Block::Heading("What was signed".into()), Block::Facts(facts(replay, spec))];
    if let Some(manifest) = batch.manifest() {
        blocks.extend([
            Block::Text("The list of payloads: what was read back, and what each signature stands for".into()),
            Block::Exact(manifest.digest.to_string()),
            Block::Words(say::digest_words(manifest.digest)),
            Block::Small(format!(
                "The list is the file batches/{} of the record; each of its lines names a payload by its SHA-256.",
                manifest.digest
            )),
        ]);
    }
    blocks.extend(signatures(replay, batch));
    blocks.extend(groups(batch));
    blocks.extend(left_out(repositories, batch));
    blocks.extend(bundles(replay.script(), spec, batch));
    blocks.extend(certificates(replay));
    blocks.extend(old_key(replay));
    blocks
}

fn facts(replay: &Replay<'_>, spec: &RepositoriesSpec) -> Vec<(String, String)> {
    let repositories = replay.ceremony.repositories();
    let batch = repositories.batch();
    let mut facts = vec![
        ("Collected".to_owned(), format!("{} repositories in {}", repositories.guns().len(), spec.collection.folder)),
        ("Left out".into(), repositories.left_out().count().to_string()),
        ("Composed".into(), format!("{} repositories", batch.drafted().len())),
    ];
    if let Some(sheet) = batch.sheet() {
        facts.push(("Documents".into(), format!("{}, with {} different payloads", sheet.documents, sheet.payloads)));
        facts.push(("Dated".into(), sheet.date.clone()));
    }
    facts.push(("Signatures made".into(), batch.progress().0.to_string()));
    if repositories.voided() > 0 {
        let what = "; their signatures are spent, and stand in the transcript";
        facts.push(("Batches voided".into(), format!("{}{what}", repositories.voided())));
    }
    if let Some(manifest) = batch.published() {
        facts.push(("Manifest of publish/".into(), format!("SHA-256 {manifest}")));
    }
    facts
}

/// How far the batch came, in words.
pub fn outcome(batch: &Batch) -> String {
    let owed: usize = batch.shares().map(|(_, all, signed)| all.saturating_sub(signed)).sum();
    match (batch.manifest(), batch.published()) {
        (None, _) => "nothing was composed, and nothing was signed".into(),
        (Some(_), None) if batch.progress().0 == 0 => "nothing was signed".into(),
        (Some(_), None) => format!(
            "{} signatures over metadata of {} repositories exist, {owed} are missing, and no bundle was finished",
            batch.progress().0,
            batch.drafted().len()
        ),
        (Some(_), Some(_)) => {
            let written = batch.drafted().len() - batch.refused().len();
            let complete = written - (batch.incomplete() as usize).min(written);
            format!(
                "{complete} bundles are complete, {} wait for a signature, {} were not written",
                batch.incomplete(),
                batch.refused().len()
            )
        }
    }
}

/// A line for each token, whatever it signed.
fn signatures(replay: &Replay<'_>, batch: &Batch) -> Vec<Block> {
    let rows: Vec<_> = batch
        .shares()
        .map(|(alias, all, signed)| {
            let made = replay.runs.iter().filter(|run| run.alias == *alias && !run.certificates);
            let entries: Vec<String> = made.map(|run| run.entries()).collect();
            row([
                alias.to_string(),
                replay.ceremony.card(alias).holder_name,
                format!("{signed} of {all}"),
                entries.join(", "),
            ])
        })
        .collect();
    if rows.is_empty() {
        return vec![Block::Text("No token of this ceremony had anything to sign.".into())];
    }
    let head = vec!["Token", "Whose", "Documents signed", "Entries"];
    vec![Block::Text("Signatures".into()), Block::Table(Table { layout: Layout::Plain, head, rows })]
}

/// The ways in which repositories change, the rarest first.
fn groups(batch: &Batch) -> Vec<Block> {
    let Some(sheet) = batch.sheet() else { return vec![] };
    let mut blocks = vec![];
    for (index, group) in sheet.groups.iter().enumerate() {
        let alike = if sheet.groups.len() == 1 { "All alike".into() } else { format!("Way {}", index + 1) };
        blocks.push(Block::Subheading(format!("{alike}: {} repositories", group.repositories.len())));
        blocks.push(Block::List(group.words.clone()));
        blocks.push(Block::Small(named(group)));
    }
    blocks
}

fn named(group: &Group) -> String {
    let name = |line: &String| line.split("  ").next().unwrap_or_default().to_owned();
    let names: Vec<String> = group.repositories.iter().take(NAMED_MAX).map(name).collect();
    format!("{}{}", names.join(", "), more(group.repositories.len()))
}

fn more(count: usize) -> String {
    match count.saturating_sub(NAMED_MAX) {
        0 => String::new(),
        rest => format!(", and {rest} more"),
    }
}

fn left_out(repositories: &Repositories, batch: &Batch) -> Vec<Block> {
    let mut blocks = vec![];
    let count = repositories.left_out().count();
    if count > 0 {
        let lines = repositories.left_out().map(|(gun, refusal)| format!("{gun}: {}: {}", refusal.rule, refusal.what));
        blocks.push(Block::Subheading(format!("Left out: {count} repositories stay as they are")));
        blocks.push(Block::List(some(lines, count)));
    }
    let refused = batch.refused();
    if !refused.is_empty() {
        let line = |out: &LeftOut| format!("{}: {}: {}", out.gun, out.refusal.rule, out.refusal.what);
        blocks.push(Block::Subheading(format!("Signed and not written: {} bundles", refused.len())));
        blocks.push(Block::List(some(refused.iter().map(line), refused.len())));
    }
    blocks
}

fn some(lines: impl Iterator<Item = String>, count: usize) -> Vec<String> {
    let mut lines: Vec<String> = lines.take(NAMED_MAX).collect();
    if count > NAMED_MAX {
        lines.push(format!("and {} more, in the transcript", count - NAMED_MAX));
    }
    lines
}

/// Who still has to sign, before anybody publishes.
fn bundles(script: &Script, spec: &RepositoriesSpec, batch: &Batch) -> Vec<Block> {
    if batch.published().is_none() {
        return vec![];
    }
    let mut blocks = vec![
        Block::Subheading("Bundles".into()),
        Block::Text(format!("In publish/ of the record: {}.", outcome(batch))),
    ];
    if batch.incomplete() == 0 {
        return blocks;
    }
    let mut waits: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for drafted in batch.drafted() {
        for document in &batch.shape(drafted).documents {
            let here = document.signers.iter().filter(|signer| signer.token().is_some()).count() as u64;
            let threshold =
                spec.tagging.as_ref().filter(|_| document.role.as_str() == "targets").map(|of| of.threshold);
            if here >= threshold.unwrap_or(1) {
                continue;
            }
            for signer in document.signers.iter().filter(|signer| signer.token().is_none()) {
                let (owner, keyid) = owner(script, signer);
                *waits.entry((owner, document.role.to_string(), keyid)).or_default() += 1;
            }
        }
    }
    let rows = waits.into_iter().map(|((owner, role, keyid), count)| {
        vec![plain(owner), plain(role), plain(count.to_string()), vec![Line::Exact(keyid)]]
    });
    let head = vec!["Who must sign", "What", "Repositories", "Key"];
    blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows: rows.collect() }));
    blocks.push(Block::Small(
        "The bytes to sign lie beside each bundle, as ROLE.payload. `officiant-courier complete` takes the signatures in; until then the courier publishes none of these."
            .into(),
    ));
    blocks
}

fn owner(script: &Script, signer: &Signatory) -> (String, String) {
    let spec = signer.alias().and_then(|name| script.keys.iter().find(|spec| spec.name == *name));
    let keeper = signer.alias().and_then(|name| script.keeper_of(name)).map(|id| script.name(id).to_owned());
    match (spec, keeper, signer) {
        (Some(spec), ..) => (spec.owner.clone(), spec.keyid.to_string()),
        (None, Some(keeper), _) => (keeper, signer.alias().map(ToString::to_string).unwrap_or_default()),
        (None, None, Signatory::Unnamed(keyid)) => ("its holder".into(), keyid.to_string()),
        (None, None, other) => (other.alias().map(ToString::to_string).unwrap_or_default(), String::new()),
    }
}

/// Certificates with their ends, and what clients pin.
fn certificates(replay: &Replay<'_>) -> Vec<Block> {
    let ceremony = replay.ceremony;
    let made = ceremony.repositories().certificates();
    let Some(first) = made.values().map(|certificate| certificate.not_after()).min() else { return vec![] };
    let mut rows: Vec<Vec<Cell>> = vec![];
    for ((alias, name), certificate) in made.iter().take(NAMED_MAX) {
        let Some(key) = ceremony.script().dialect.certified_key(certificate) else { continue };
        rows.push(vec![
            plain(alias.to_string()),
            plain(name.clone()),
            plain(certificate.not_after().date()),
            vec![Line::Exact(key.id().to_string())],
            vec![Line::Exact(key.canonical_id().to_string())],
        ]);
    }
    let head = vec!["Token", "For", "Until", "Keyid in roots (x509)", "Canonical id"];
    let mut blocks = vec![
        Block::Subheading(format!("Certificates: {}, the first ends {}", made.len(), first.date())),
        Block::Text(format!("After {} the server {}.", first.date(), say::AFTER_CERTIFICATES)),
        Block::Table(Table { layout: Layout::Plain, head, rows }),
    ];
    if made.len() > NAMED_MAX {
        blocks.push(Block::Small(format!("And {} more, in the transcript.", made.len() - NAMED_MAX)));
    }
    let pinning = leaving::pinning(ceremony).filter(|_| made.len() <= NAMED_MAX);
    blocks.push(Block::Text(format!(
        "What clients of Notary pin, in their config.json: {} of the record. It holds the keyids of roots; a canonical id is refused there.",
        leaving::PINS
    )));
    blocks.extend(pinning.map(|pinning| Block::Exact(pinning.to_string())));
    blocks
}

/// When clients stop trusting a tagging key that was stolen.
fn old_key(replay: &Replay<'_>) -> Vec<Block> {
    if replay.script().kind != Kind::DctRotateTaggingKey || replay.ceremony.repositories().batch().published().is_none()
    {
        return vec![];
    }
    let mut text = say::old_tagging_key(say::TIMESTAMP_DAYS);
    if let Some(date) = replay.ceremony.repositories().batch().date() {
        text += &format!(
            " Published on {}, that is {} at the latest.",
            date.date(),
            date.plus_days(say::TIMESTAMP_DAYS).date()
        );
    }
    vec![Block::Subheading("The old tagging key".into()), Block::Text(text)]
}

/// What the card says of a batch.
pub fn on_card(replay: &Replay<'_>, list: Option<Digest>) -> Vec<Block> {
    let repositories = replay.ceremony.repositories();
    let batch = repositories.batch();
    let Some(manifest) = batch.manifest() else { return vec![Block::Text("Nothing was signed.".into())] };
    let mut roles: BTreeMap<String, usize> = BTreeMap::new();
    for drafted in batch.drafted() {
        for document in &batch.shape(drafted).documents {
            *roles.entry(document.role.to_string()).or_default() += 1;
        }
    }
    let roles: Vec<String> = roles.into_iter().map(|(role, count)| format!("{count} × {role}")).collect();
    let mut facts = vec![
        ("Documents".to_owned(), format!("{} in {} repositories", roles.join(", "), batch.drafted().len())),
        ("Fate".into(), outcome(batch)),
        ("List of payloads".into(), format!("SHA-256 {}", manifest.digest)),
    ];
    if let Some(list) = list {
        facts.push(("List of what was signed".into(), format!("{}, SHA-256 {list}", earlier::FILE)));
    }
    if let Some(first) = repositories.certificates().values().map(|certificate| certificate.not_after()).min() {
        facts.push(("Certificates end".into(), format!("{}; {}", first.date(), say::THEN_CERTIFICATES)));
    }
    vec![Block::Facts(facts), Block::Text(say::CARD_OF_MANY.into())]
}

/// What a run of like entries says.
pub fn told(run: &Run) -> String {
    let what = if run.certificates { "certificates of its key" } else { "payloads of the batch" };
    format!("{} signed {} {what}, one entry each: {}.", run.alias, run.count, run.entries())
}
