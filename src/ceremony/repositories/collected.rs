//! What a record keeps of a collection, held against the manifests that the script pins once more (`COLLECTION-PINNED`): whoever goes
//! through the record years later need not believe that the files were compared when they were read.

use super::pack::{self, Inputs};
use crate::{
    ceremony::{Ceremony, steps},
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    transfer::{
        Collection, Inventory, Manifest,
        collection::{Part, folder},
    },
};

/// Compares every file of every repository that was read with the manifest of its collection. `kept` gives a file of `inputs/` by its
/// SHA-256. `None` where no collection was opened.
///
/// # Errors
/// `COLLECTION-PINNED` where a manifest or inputs are not there, or where more or fewer files were kept than the manifest lists;
/// `BYTES-MATCH-HASH` where a file is another; `MANIFEST-COMPLETE` where the manifest is none of these repositories.
pub fn again(ceremony: &Ceremony, kept: &dyn Fn(Digest) -> Option<Vec<u8>>) -> Option<Result<Passed, Refusal>> {
    let repositories = &ceremony.repositories;
    let guns = repositories.guns.as_ref()?;
    let spec = ceremony.script.repositories.as_ref()?;
    let (manifest, before) = steps::pinned_collections(ceremony, spec);
    let inventory = Inventory::of(guns.iter().cloned()).to_text();
    Some(held(kept, manifest, before, inventory.as_bytes()).and_then(|(collection, before)| {
        let (mut files, mut read) = (0, 0);
        for known in repositories.packs() {
            for inputs in pack::read(&there(kept, known.sha256)?)? {
                files += compare(&inputs, &collection, before.as_ref())?;
                read += 1;
            }
        }
        let seen = format!("{files} files of {read} repositories are those that the pinned manifest lists");
        Ok(Passed::new(Rule::CollectionPinned, seen))
    }))
}

fn held(
    kept: &dyn Fn(Digest) -> Option<Vec<u8>>,
    manifest: Digest,
    before: Option<Digest>,
    inventory: &[u8],
) -> Result<(Collection, Option<Manifest>), Refusal> {
    let collection = Collection::open(Manifest::required(&there(kept, manifest)?)?, inventory)?;
    let before = before.map(|before| Manifest::required(&there(kept, before)?)).transpose()?;
    Ok((collection, before))
}

fn there(kept: &dyn Fn(Digest) -> Option<Vec<u8>>, sha256: Digest) -> Result<Vec<u8>, Refusal> {
    kept(sha256).filter(|bytes| Digest::of(bytes) == sha256).ok_or_else(|| {
        let what = format!("inputs/{sha256} is missing from the record, or is not what it was.");
        Refusal::new(Rule::CollectionPinned, what, "Use the other medium, and keep this one as evidence.")
    })
}

/// How many files there are, each of them the one that its manifest lists.
fn compare(inputs: &Inputs, collection: &Collection, before: Option<&Manifest>) -> Result<usize, Refusal> {
    let below = folder(&inputs.gun);
    let whole: Vec<&str> =
        collection.manifest().below(&below).iter().map(|entry| &entry.path[below.len() + 1..]).collect();
    same(inputs, &whole, inputs.files.keys())?;
    for (name, text) in &inputs.files {
        collection
            .manifest()
            .check(&format!("{below}/{name}"), text.as_bytes())
            .map_err(|refusal| later(inputs, refusal))?;
    }
    let Some(before) = before else {
        same(inputs, &[], inputs.before.keys())?;
        return Ok(inputs.files.len());
    };
    let earlier: Vec<&str> = before.below(&below).iter().map(|entry| &entry.path[below.len() + 1..]).collect();
    let earlier: Vec<&str> =
        earlier.into_iter().filter(|name| matches!(Part::of(name), Part::Targets | Part::Delegation(_))).collect();
    same(inputs, &earlier, inputs.before.keys())?;
    for (name, text) in &inputs.before {
        before.check(&format!("{below}/{name}"), text.as_bytes()).map_err(|refusal| later(inputs, refusal))?;
    }
    Ok(inputs.files.len() + inputs.before.len())
}

fn same<'a>(inputs: &Inputs, listed: &[&str], kept: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    let mut listed = listed.to_vec();
    listed.sort_unstable();
    if kept.map(String::as_str).eq(listed) {
        return Ok(());
    }
    let what = format!("The files of {} in the record are not those that the pinned manifest lists.", inputs.gun);
    Err(Refusal::new(
        Rule::CollectionPinned,
        what,
        "This record was not written by an honest run. Keep it as evidence.",
    ))
}

fn later(inputs: &Inputs, refusal: Refusal) -> Refusal {
    Refusal { what: format!("{} in the record: {}", inputs.gun, refusal.what), ..refusal }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::transfer::{Gun, manifest::Entry};

    fn inputs(files: &[(&str, &str)], before: &[(&str, &str)]) -> Inputs {
        let map = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
        };
        Inputs { gun: Gun::parse("docker.io/example/app").expect("a name"), files: map(files), before: map(before) }
    }

    fn manifest(files: &[(&str, &str)], inventory: Option<&str>) -> Manifest {
        let below = folder(&Gun::parse("docker.io/example/app").expect("a name"));
        let entry = |path: String, text: &str| Entry { path, digest: Digest::of(text.as_bytes()) };
        let files = files.iter().map(|(name, text)| entry(format!("{below}/{name}"), text));
        Manifest::of(files.chain(inventory.map(|text| entry("inventory.txt".into(), text)))).expect("a manifest")
    }

    #[test]
    fn what_is_kept_is_what_the_manifest_lists_no_more_and_no_less() {
        let now = [("root.json", "r"), ("1.root.json", "r"), ("targets/releases.json", "d"), ("targets.json", "t")];
        let keys = [("timestamp.key", "k"), ("snapshot.key", "s")];
        let now = [&now[..], &keys[..]].concat();
        let inventory = "docker.io/example/app\n";
        let collection = Collection::open(manifest(&now, Some(inventory)), inventory.as_bytes()).expect("a collection");
        let then = [("targets.json", "t"), ("root.json", "r")];
        let before = manifest(&then, None);
        let verdict = |files: &[(&str, &str)], earlier: &[(&str, &str)], before: Option<&Manifest>| {
            compare(&inputs(files, earlier), &collection, before).map_err(|refusal| refusal.rule)
        };
        assert_eq!(verdict(&now, &[], None), Ok(6));
        assert_eq!(verdict(&now, &then[..1], Some(&before)), Ok(7), "of the earlier one only what is compared is kept");
        assert_eq!(verdict(&now[1..], &[], None), Err(Rule::CollectionPinned), "one less");
        assert_eq!(
            verdict(&[&now[..], &[("snapshot.json", "x")]].concat(), &[], None),
            Err(Rule::CollectionPinned),
            "one more"
        );
        let other = [&now[..3], &[("targets.json", "T")], &keys[..]].concat();
        assert_eq!(verdict(&other, &[], None), Err(Rule::BytesMatchHash));
        assert_eq!(verdict(&now, &then[..1], None), Err(Rule::CollectionPinned), "of no earlier collection");
        assert_eq!(
            verdict(&now, &[], Some(&before)),
            Err(Rule::CollectionPinned),
            "a thief's tags would pass for new ones"
        );
        assert_eq!(verdict(&now, &[("targets.json", "T")], Some(&before)), Err(Rule::BytesMatchHash));
    }
}
