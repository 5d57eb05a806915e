//! What is said in a ceremony about many repositories.

use super::{names, shown, steps::token_words};
use crate::{
    ceremony::{
        Ceremony,
        participants::{Alias, PersonId},
        prompt::Scene,
        script::{CommonName, Kind, RepositoriesSpec, Script, TagPolicy},
        steps::Prose,
    },
    transfer::Gun,
};

/// What the list of a batch's payloads is called in a read-back.
pub const BATCH_SUBJECT: &str = "the list of payloads of this batch";
/// The point after which certificates may be signed.
pub const CERTIFIES: &str = "the certificates may be signed";
/// What is asked before certificates are signed.
pub const CERTIFY_ASK: &str = "Read aloud whose key is certified, for which repositories, and until when.";
/// What CERTIFY does.
pub const DOES_CERTIFY: &str = "the token signs these certificates after its PIN";
/// What DRAFT does.
pub const DOES_DRAFT: &str = "composes the metadata of every repository from the script and what was collected";
/// What EACH does.
pub const DOES_EACH: &str = "decides one by one";
/// What DROP does to all.
pub const DOES_DROP_ALL: &str = "puts all of them back to what they were; what was not there before goes";
/// What KEEP does to all.
pub const DOES_KEEP_ALL: &str = "keeps all of them as they are now";
/// What DROP does to one.
pub const DOES_DROP: &str = "puts it back to what it was; what was not there before goes";
/// What KEEP does to one.
pub const DOES_KEEP: &str = "keeps it as it is now";

/// The point after which everybody knows which bundles were not written.
pub const REFUSED_READ: &str = "everybody heard which bundles were not written";
/// What is done about bundles that were not written.
pub const REFUSED_ASK: &str = "Read aloud which and why. These repositories stay as they are on the server; collect them again for another ceremony, which may sign other bytes of the same version. The signatures of today stay in this record, as spent: publish none of them.";

/// A note with what is composed anew.
pub const GIVEN_UP_BEFORE: &str =
    "a payload of this version was signed in a ceremony before and given up: say aloud by what this one differs";

/// The title of bundles that were not written.
pub fn refused_title(count: usize) -> String {
    format!("{count} bundles were NOT written: the server or its clients would refuse them.")
}

fn spec(script: &Script) -> Option<&RepositoriesSpec> {
    script.repositories.as_ref()
}

fn count(script: &Script) -> u32 {
    spec(script).map_or(0, |spec| spec.collection.repositories)
}

fn prose(title: impl Into<String>, lines: Vec<String>, expect: &str, form: &[&str]) -> Prose {
    let form = form.iter().map(|field| (*field).to_owned()).collect();
    Prose { title: title.into(), lines, expect: expect.into(), form }
}

/// `import-repositories`.
pub fn import(script: &Script) -> Prose {
    let mut lines =
        vec![format!("{} repositories are read from the courier's medium and verified one by one.", count(script))];
    if let Some(spec) = spec(script) {
        lines.push(format!(
            "The manifest of {} has SHA-256 {}.",
            shown(&spec.collection.folder),
            spec.collection.manifest
        ));
        if let Some(before) = &spec.before {
            lines.push(format!(
                "The last collection from before the compromise is {}, SHA-256 {}.",
                shown(&before.folder),
                before.manifest
            ));
        }
    }
    lines.push("A repository that is not as the script says is left out and listed. It stops no other.".into());
    prose(
        "Import the repositories",
        lines,
        "The screen says how many were read, and which are left out.",
        &["Left out (number)"],
    )
}

/// `judge-tags`.
pub fn judge(script: &Script) -> Prose {
    let against = match spec(script).and_then(|spec| spec.before.as_ref()) {
        Some(_) => {
            "Every tag and delegation that differs from the last collection from before the compromise is listed."
        }
        None => "No collection from before the compromise is pinned: every tag and delegation is listed.",
    };
    let lines = vec![
        against.into(),
        "Notary's targets carry no dates. Whoever knows what was published when speaks now; a thief may have signed some of these."
            .into(),
        "What is dropped becomes as it was before; what was not there before goes.".into(),
    ];
    prose(
        "Judge the tags",
        lines,
        "Everything that is listed was kept or dropped.",
        &["Kept (number)", "Dropped (number)"],
    )
}

/// `certify`.
pub fn certify(script: &Script, token: &Alias) -> Prose {
    let certificate = spec(script).and_then(|spec| spec.certificate.as_ref());
    let for_whom = match certificate.map(|certificate| &certificate.common_name) {
        Some(CommonName::Wildcard(name)) => format!("One certificate is made, for all repositories {}.", shown(name)),
        _ => format!("A certificate is made for each of {} repositories.", count(script)),
    };
    let days = certificate.map_or(0, |certificate| certificate.days);
    let lines = vec![
        for_whom,
        format!(
            "It is valid for {days} days. Once it has ended, Notary takes no update at all, and clients that hold this root stop for good: the date goes into the calendar."
        ),
        "The token signs it; the key never leaves the token.".into(),
    ];
    prose(
        format!("Certify the key on {}", token_words(script, token)),
        lines,
        "The screen says until when the certificates are valid.",
        &["Certificates end on"],
    )
}

/// `draft`.
pub fn draft(script: &Script) -> Prose {
    let what = match script.kind {
        Kind::DctGenesis => "The first root and the first targets of each repository are composed.",
        Kind::DctDelegate => "The next targets of each repository are composed, with the signers that the script says.",
        Kind::DctRotateTaggingKey => {
            "The next root and targets of each repository are composed, with the new tagging key."
        }
        Kind::DctRotateRoot => "The next root of each repository is composed, with the offline keys as they are to be.",
        _ => "The same metadata is composed with a later expiry.",
    };
    let mut lines = vec![
        what.to_owned(),
        "Nothing else can change: whatever is not in the script is carried over as it is.".into(),
        "A repository for which a rule says no is left out and listed.".into(),
    ];
    lines.extend(super::backup::of_script(script).map(str::to_owned));
    prose("Compose the metadata", lines, "The screen says how many repositories are drafted.", &["Drafted (number)"])
}

/// `review`.
pub fn review(script: &Script, witness: &PersonId, who: &[PersonId]) -> Prose {
    let lines = vec![
        "What is left out is read first, then the ways in which repositories change, the rarest first: outliers are what people have to look at.".into(),
        "Of each way one repository is read aloud. Every repository stands in the list.".into(),
        format!(
            "The 32 words are those of the list of payloads. {} writes them down and supplies the hidden ones from paper. A second machine makes the same list with sha256sum.",
            shown(script.name(witness))
        ),
        format!("{} each confirm the batch with their own word.", names(script, who)),
    ];
    prose(
        "Review the batch",
        lines,
        "Every hidden word is accepted at the first try.",
        &["The 32 words", "Read aloud (names of repositories)"],
    )
}

/// `sign`.
pub fn sign(script: &Script, token: &Alias) -> Prose {
    let user = script.token(token).map(|spec| shown(script.name(&spec.user_pin))).unwrap_or_default();
    let lines = vec![
        format!(
            "{user} types the user PIN once. The token signs everything of the reviewed batch that it owes, up to {} documents.",
            documents(script, token)
        ),
        "Each signature is verified before it counts, and stands in the transcript.".into(),
        "If something stops the machine, the ceremony goes on where it was.".into(),
    ];
    prose(
        format!("Sign the batch with {}", token_words(script, token)),
        lines,
        "The screen counts up to the last document.",
        &["Signatures"],
    )
}

/// How many documents a token signs at most, as far as the script tells.
pub fn documents(script: &Script, token: &Alias) -> u32 {
    let Some(spec) = spec(script) else { return 0 };
    let tags = spec.tagging.as_ref().is_some_and(|tagging| tagging.keys.iter().any(|key| key.token() == Some(token)));
    let old = script.kind != Kind::DctGenesis && script.token(token).is_some_and(|token| token.keyid.is_some());
    let roots = script.kind.writes_roots() && (script.root.keys.contains(token) || (old && !tags));
    let delegated = spec.signers.iter().filter(|signer| signer.keys.iter().any(|key| key.token() == Some(token)));
    let each = u32::from(roots) + u32::from(tags) + u32::try_from(delegated.count()).unwrap_or(0);
    spec.collection.repositories.saturating_mul(each)
}

/// `export`.
pub fn export(script: &Script) -> Prose {
    let mut lines = vec![
        "A bundle for each repository is written into publish/ of the record, on both media.".to_owned(),
        "Before it is written, each is walked as the server and its clients will walk it.".into(),
    ];
    let elsewhere: Vec<String> = spec(script)
        .into_iter()
        .flat_map(|spec| spec.tagging.iter().flat_map(|tagging| &tagging.keys))
        .filter(|key| key.token().is_none())
        .filter_map(|key| key.alias().map(ToString::to_string))
        .collect();
    if !elsewhere.is_empty() {
        lines.push(format!(
            "{} sign elsewhere: until then the bundles are incomplete, and the courier refuses them.",
            elsewhere.join(", ")
        ));
    }
    prose(
        "Write the bundles",
        lines,
        "The screen says how many bundles are complete.",
        &["Complete (number)", "Incomplete (number)"],
    )
}

/// The question before a draft.
pub fn compose(ceremony: &Ceremony) -> String {
    let known = ceremony.repositories.known();
    let out = known.iter().filter(|known| known.left_out.is_some()).count();
    let again = if ceremony.repositories.voided > 0 {
        " A batch was voided before; say aloud by what the new one differs."
    } else {
        ""
    };
    format!(
        "The metadata of {} repositories is composed.{} Nothing is signed yet.{again}",
        known.len() - out,
        if out > 0 { format!(" {out} are left out, as the review will say.") } else { String::new() }
    )
}

/// The title of what is to be judged.
pub fn judged_title(ceremony: &Ceremony) -> String {
    let known = ceremony.repositories.known.iter().filter(|known| known.left_out.is_none());
    let tags: u64 = known.map(|known| u64::from(known.tags)).sum();
    let changed = ceremony.repositories.changed();
    let before = ceremony.script.repositories.as_ref().is_some_and(|spec| spec.before.is_some());
    if before {
        format!("{changed} tags and delegations are not as they were before the compromise, of {tags} tags in all.")
    } else {
        format!("Nobody knows which of {tags} tags a thief signed: no collection from before the compromise is pinned.")
    }
}

/// What people are asked about all of it.
pub fn judge_ask(policy: TagPolicy) -> String {
    match policy {
        TagPolicy::Ask => "Are they kept as they are now, put back to what they were, or judged one by one?".into(),
        TagPolicy::Keep => "The script keeps all of them. Read the list aloud.".into(),
        TagPolicy::Drop => "The script puts all of them back to what they were. Read the list aloud.".into(),
    }
}

/// What people are asked about one.
pub fn judge_one(gun: &Gun, what: &str) -> String {
    format!("{gun}: {}. Does anybody here know that it was published rightly?", shown(what))
}

/// The title of certificates that are to be signed.
pub fn certify_title(ceremony: &Ceremony, alias: &Alias, count: usize) -> String {
    let until = crate::ceremony::repositories::certify::validity(ceremony)
        .map(|(from, until)| format!("valid from {} to {}", from.date(), until.date()))
        .unwrap_or_default();
    let key = ceremony.token(alias).key.map(|key| key.canonical_id().short()).unwrap_or_default();
    let what = if count == 1 { "One certificate".to_owned() } else { format!("{count} certificates") };
    format!("{what} for the key {key}… on {}, {until}.", super::token(ceremony, alias))
}

/// What an officer confirms of a batch.
pub fn confirm(ceremony: &Ceremony) -> String {
    let batch = ceremony.repositories.batch();
    let digest = batch.manifest().map(|manifest| manifest.digest);
    let first = digest.map(|digest| crate::readback::words(&digest.as_bytes()[..4]).join(" ")).unwrap_or_default();
    format!(
        "I heard the review of {} repositories. The list of payloads begins with the words {first}.",
        batch.drafted().len()
    )
}

/// The announcement before a token signs a batch.
pub fn no_return_sign(ceremony: &Ceremony, alias: &Alias) -> Scene {
    let batch = ceremony.repositories.batch();
    let (all, signed) = batch.share_of(alias);
    let made = batch.progress().0;
    Scene::PointOfNoReturn {
        what: format!("{} signs {} documents of {} repositories.", super::token(ceremony, alias), all - signed, batch.drafted().len()),
        leaving_now: match (made, ceremony.complete_repositories().0) {
            (0, _) => "Leaving now costs nothing: no signature of this batch exists.".into(),
            (_, 0) => {
                format!("Leaving now: {made} signatures of this batch exist. It can be resumed, or voided with all of them.")
            }
            (_, complete) => format!(
                "Leaving now: {made} signatures of this batch exist, and {complete} repositories have all that they need. It can be resumed, and no more be voided."
            ),
        },
        leaving_later: "Whoever holds the record can publish each repository whose signatures are complete. A mistake is mended by the next version.".into(),
    }
}

/// The question before an export.
pub fn export_ask(ceremony: &Ceremony) -> String {
    format!(
        "Bundles of {} repositories are put together, walked as clients walk them, and written to {}.",
        ceremony.repositories.batch().drafted().len(),
        ceremony.media().join(" and to ")
    )
}
