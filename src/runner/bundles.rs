//! The next bundles that leave a ceremony about many repositories: put together of what stands in the record.

use std::{collections::BTreeMap, sync::Arc};

use super::Leaving;
use crate::{
    ceremony::{
        Ceremony,
        event::LeftOut,
        repositories::{Drafted, leaving, pack},
    },
    digest::Digest,
    rules::{Refusal, Rule},
    transfer::{MANIFEST, REPOSITORIES, bundle::BUNDLE},
    tuf::parallel::in_parallel,
    utc::Utc,
};

/// The folder of a record that a courier publishes.
pub const PUBLISH: &str = "publish";

/// Which of many bundles a job writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first, counted among what was drafted.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
    /// How many of them wait for a signature that is made elsewhere.
    pub incomplete: u32,
    /// Those that are not written, because a rule says no.
    pub refused: Vec<LeftOut>,
    /// Whether they are the last: the folder then gets its manifest.
    pub last: bool,
}

impl Part {
    /// The manifest of the folder, relative to the record.
    pub fn manifest() -> String {
        format!("{PUBLISH}/{MANIFEST}")
    }
}

/// The next bundles: those whose inputs stand together in the record. `find` gives a file of the record by its folder and
/// its SHA-256.
///
/// # Errors
/// `BYTES-MATCH-HASH` where inputs are missing from the record.
pub(super) fn next(
    ceremony: &Ceremony,
    find: &(dyn Fn(&str, Digest) -> Option<Vec<u8>> + Sync),
    now: Utc,
) -> Result<(Vec<Leaving>, Part), Refusal> {
    let repositories = ceremony.repositories();
    let batch = repositories.batch();
    let from = batch.progress().1;
    let rest = batch.drafted().get(from as usize..).unwrap_or_default();
    let first = rest.first().map(|drafted| drafted.number).unwrap_or_default();
    let pack = repositories.packs().iter().rev().find(|pack| pack.from <= first).copied();
    let pack = pack.ok_or_else(|| missing("inputs"))?;
    let text = find("inputs", pack.sha256).ok_or_else(|| missing(&format!("inputs/{}", pack.sha256)))?;
    let inputs: BTreeMap<u32, pack::Inputs> = (pack.from..).zip(pack::read(&text)?).collect();
    let part: Vec<&Drafted> = rest.iter().take_while(|drafted| inputs.contains_key(&drafted.number)).collect();
    let payloads = |digest: Digest| find("payloads", digest).map(Arc::from);
    let made = in_parallel(&part, |drafted| {
        let inputs = inputs.get(&drafted.number).ok_or_else(|| missing("inputs"))?;
        repositories.verified_before().within(|| leaving::bundle(ceremony, drafted, inputs, &payloads, now))
    });
    let count = u32::try_from(part.len()).unwrap_or(u32::MAX);
    let to = from + count;
    let last = to as usize == batch.drafted().len();
    let (mut files, mut incomplete, mut refused) = (vec![], 0, vec![]);
    for (drafted, made) in part.iter().zip(made) {
        let (bundle, contents) = match made {
            Ok(made) => made,
            Err(refusal) => {
                let gun = repositories.guns().get(drafted.number as usize).cloned();
                refused.extend(gun.map(|gun| LeftOut { gun, refusal }));
                continue;
            }
        };
        incomplete += u32::from(!bundle.wants.is_empty());
        let folder = format!("{PUBLISH}/{REPOSITORIES}/{}", bundle.gun.folder_name());
        files.push(Leaving { name: format!("{folder}/{BUNDLE}"), bytes: bundle.to_text().into_bytes() });
        files.extend(contents.into_iter().map(|(name, bytes)| Leaving { name: format!("{folder}/{name}"), bytes }));
    }
    if last {
        files.extend(leaving::keys(ceremony));
    }
    Ok((files, Part { from, to, incomplete, refused, last }))
}

fn missing(what: &str) -> Refusal {
    Refusal::new(
        Rule::BytesMatchHash,
        format!("{what} is missing from the record, or is not what it was."),
        "Put the other medium in its place.",
    )
}
