//! What a script says about metadata, made into metadata: the change, the draft, the tally, the review sheet, and what may
//! leave.

use std::collections::BTreeSet;

use super::{
    Ceremony,
    operation::ExportedFile,
    participants::Alias,
    script::{Kind, Script},
    sheet::{KeyFate, KeyLine, Meter, ReviewSheet, Signer, TallySheet},
    state::Draft,
};
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::{
        authoring,
        canonical::to_json,
        change::{RootChange, amend},
        dialect::Dialect,
        json,
        key::{Key, KeyId},
        predict::client_accepts,
        role::RoleName,
        root::Root,
        signed::{Metadata, Untrusted},
        verify::{Verified, first_root, next_root},
    },
    utc::Utc,
};

/// Reads the bytes to sign of a draft.
///
/// # Errors
/// `METADATA-WELL-FORMED`.
pub fn root_of(dialect: Dialect, signed: &[u8]) -> Result<Root, Refusal> {
    // The canonical form leaves newlines in text as they are, which a key in PEM has: it is not JSON yet.
    let value = json::parse(&to_json(signed), json::Limits::METADATA).map_err(|error| {
        Refusal::new(
            Rule::MetadataWellFormed,
            format!("The draft: {error}."),
            "This record was damaged. Use the other medium.",
        )
    })?;
    Root::from_value(dialect, value)
}

/// A draft as it was composed, before anybody saw it.
pub struct Composed {
    /// The root.
    pub root: Root,
    /// The change from the root before.
    pub changes: Vec<RootChange>,
    /// The bytes to sign.
    pub signed: Vec<u8>,
    /// The rules that were asked and held.
    pub passed: Vec<Passed>,
}

/// Composes the root that the script asks for from the keys that are here.
///
/// # Errors
/// The first authoring rule that says no.
pub fn compose(ceremony: &Ceremony, now: Utc) -> Result<Composed, Refusal> {
    let script = &ceremony.script;
    let blank = Root::blank();
    let old = ceremony.previous_root().map(Verified::document);
    if old.is_none() && script.kind != Kind::Genesis {
        return Err(Refusal::new(
            Rule::PreviousRootPinned,
            "The previous root was not imported.",
            "A script that changes a root imports the one before it first.",
        ));
    }
    let expiry = &script.root.expiry;
    // Today's date as people confirmed it, at midnight: an expiry is a date, and one that people can check.
    let expires = now.midnight().plus_days(expiry.days.into());
    threshold_is_announced(script, old)?;
    let changes = changes(ceremony, old.unwrap_or(&blank), expires)?;
    let root = amend(old.unwrap_or(&blank), &changes);
    let mut passed = authoring::root_rules(old, &root)?;
    passed.push(authoring::draft_is_the_change(old, &root, &changes)?);
    passed.push(is_what_the_script_lists(ceremony, &root)?);
    passed.push(authoring::expiry_window(expires, now.midnight(), (expiry.at_least_days, expiry.at_most_days))?);
    passed.extend(declared(
        authoring::threshold_leaves_spare(&root),
        script.declares.no_spare || script.declares.single_control,
    )?);
    passed.extend(declared(authoring::threshold_needs_two(&root), script.declares.single_control)?);
    if let Some(old) = old {
        passed.push(crate::tuf::verify::version_step(old, &root)?);
    }
    let signed = script.dialect.signed_bytes(&root);
    passed.extend(clients_accept(script, &script.dialect.envelope(&signed, &[]))?);
    if root_of(script.dialect, &signed)? != root {
        return Err(Refusal::new(
            Rule::DraftIsTheChange,
            "The bytes to sign do not read back as the root that was composed.",
            "This is a mistake of the program. Leave, and report it.",
        ));
    }
    passed.push(signed_once(ceremony, root.version, Digest::of(&signed))?);
    Ok(Composed { root, changes, signed, passed })
}

/// `DRAFT-IS-THE-CHANGE`: another threshold than that of the previous root is one that the script announces, with the one that it was.
fn threshold_is_announced(script: &Script, old: Option<&Root>) -> Result<(), Refusal> {
    let (Some(old), Some(change)) = (old, &script.change) else { return Ok(()) };
    let (was, announced) = (old.threshold_of(&RoleName::Root), change.threshold_was.unwrap_or(script.root.threshold));
    if was == announced {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::DraftIsTheChange,
        format!(
            "The previous root asks for {was} signatures. The script says {announced}{}, and {} from now on.",
            if change.threshold_was.is_some() {
                " in [change] threshold-was"
            } else {
                ", since [change] has no threshold-was"
            },
            script.root.threshold
        ),
        "Mend the script: [change] threshold-was is the threshold of the previous root, where it changes.",
    ))
}

/// A refusal that the script declared beforehand becomes a line of what was seen.
pub(super) fn declared(answer: authoring::Answer, declared: bool) -> Result<Option<Passed>, Refusal> {
    match answer {
        Ok(passed) => Ok(Some(passed)),
        Err(refusal) if declared => {
            Ok(Some(Passed::new(refusal.rule, format!("declared beforehand: {}", refusal.what))))
        }
        Err(refusal) => Err(refusal),
    }
}

/// `VERSION-SIGNED-ONCE`: no other payload of this version was signed, here or in the ceremony before.
pub fn signed_once(ceremony: &Ceremony, version: u64, payload: Digest) -> Result<Passed, Refusal> {
    let script = &ceremony.script;
    let (spent, signed): (Vec<_>, Vec<_>) = ceremony
        .earlier
        .iter()
        .filter(|signed| {
            signed.repository == script.repository
                && signed.role == RoleName::Root
                && signed.version == version
                && signed.payload != payload
        })
        .partition(|signed| signed.spent);
    let earlier = signed.first();
    let here = ceremony.drafts.iter().find(|draft| {
        draft.version == version && draft.payload != payload && !draft.signatures.is_empty() && draft.voided.is_none()
    });
    let other = earlier.map(|signed| signed.payload).or(here.map(|draft| draft.payload));
    match other {
        Some(other) => Err(Refusal::new(
            Rule::VersionSignedOnce,
            format!("Root version {version} was signed before, as payload {}….", &other.to_string()[..16]),
            "Two roots of one version would split the clients. Void the other payload first if its threshold is not met; \
             otherwise the next root has the next version.",
        )),
        None => {
            let mut seen = format!("no other payload of root version {version} is signed");
            for given_up in spent {
                let before = &given_up.payload.to_string()[..16];
                seen += &format!("; {before}… was given up in the ceremony before, before enough had signed it");
            }
            Ok(Passed::new(Rule::VersionSignedOnce, seen))
        }
    }
}

fn changes(ceremony: &Ceremony, old: &Root, expires: Utc) -> Result<Vec<RootChange>, Refusal> {
    let script = &ceremony.script;
    let mut changes = vec![RootChange::SetVersion { version: script.next_version() }];
    if old.expires != expires {
        changes.push(RootChange::SetExpires { expires });
    }
    if script.kind == Kind::Genesis {
        changes.push(RootChange::SetSpecVersion { spec_version: script.dialect.spec_version().map(str::to_owned) });
        changes.push(RootChange::SetConsistentSnapshot { value: Some(script.root.consistent_snapshot) });
        changes.push(RootChange::SetThreshold { role: RoleName::Root, threshold: script.root.threshold });
        for alias in &script.root.keys {
            changes.push(RootChange::add_key(RoleName::Root, counted_key(ceremony, alias)?));
        }
    } else if let Some(change) = &script.change {
        for alias in &change.adds {
            changes.push(RootChange::add_key(RoleName::Root, counted_key(ceremony, alias)?));
        }
        for keyid in &change.removes {
            let keyid = ceremony.stand_ins.get(keyid).map_or_else(|| keyid.clone(), Key::id);
            changes.push(RootChange::RemoveKey { role: RoleName::Root, keyid });
        }
        if old.role(&RoleName::Root).is_some_and(|role| role.threshold != script.root.threshold) {
            changes.push(RootChange::SetThreshold { role: RoleName::Root, threshold: script.root.threshold });
        }
    }
    for spec in &script.roles {
        let before = old.role(&spec.role);
        if before.is_none_or(|role| role.threshold != spec.threshold) {
            changes.push(RootChange::SetThreshold { role: spec.role.clone(), threshold: spec.threshold });
        }
        let mut wanted = vec![];
        for name in &spec.keys {
            let key = ceremony
                .imported
                .get(name)
                .cloned()
                .ok_or_else(|| missing(&format!("The key {name} was not imported.")))?;
            wanted.push(key);
        }
        let named: BTreeSet<Digest> = wanted.iter().map(|key| key.public().fingerprint()).collect();
        for (keyid, key) in old.keys_of(&spec.role) {
            if !named.contains(&key.public().fingerprint()) {
                changes.push(RootChange::RemoveKey { role: spec.role.clone(), keyid: keyid.clone() });
            }
        }
        let there: BTreeSet<Digest> = old.keys_of(&spec.role).map(|(_, key)| key.public().fingerprint()).collect();
        for key in wanted.into_iter().filter(|key| !there.contains(&key.public().fingerprint())) {
            changes.push(RootChange::add_key(spec.role.clone(), key));
        }
    }
    Ok(changes)
}

fn missing(what: &str) -> Refusal {
    Refusal::new(Rule::ScriptHolds, what, "Mend the script: its steps bring every key before the draft.")
}

/// The root key of the token that plays `alias`, once it counts.
fn counted_key(ceremony: &Ceremony, alias: &Alias) -> Result<Key, Refusal> {
    let playing = ceremony.playing(alias);
    let token = ceremony.token(&playing);
    match token.key {
        Some(key) if token.counts => Ok(key),
        _ => Err(Refusal::new(
            Rule::PinWorksAgain,
            format!("The key on {playing} does not count yet."),
            "Drill the token first: take it out, put it in, type the PIN again.",
        )),
    }
}

/// The second half of `DRAFT-IS-THE-CHANGE`: what comes out is the whole set of keys that the script lists.
fn is_what_the_script_lists(ceremony: &Ceremony, root: &Root) -> Result<Passed, Refusal> {
    let listed: Result<BTreeSet<Digest>, Refusal> = ceremony
        .script
        .root
        .keys
        .iter()
        .map(|alias| counted_key(ceremony, alias).map(|key| key.public().fingerprint()))
        .collect();
    let found: BTreeSet<Digest> = root.keys_of(&RoleName::Root).map(|(_, key)| key.public().fingerprint()).collect();
    let listed = listed?;
    if listed == found {
        return Ok(Passed::new(
            Rule::DraftIsTheChange,
            format!("the {} root keys are those that the script lists", found.len()),
        ));
    }
    Err(Refusal::new(
        Rule::DraftIsTheChange,
        format!(
            "The script lists {} root keys; its change leaves {}, not all of them the same.",
            listed.len(),
            found.len()
        ),
        "Mend the script: [root] keys is the whole set afterwards, [change] what comes in and goes out.",
    ))
}

/// The fingerprints of every root key of the trusted root, or of the keys of this ceremony that repositories know today.
pub fn trusted_keys(ceremony: &Ceremony) -> Vec<Digest> {
    let root = ceremony.previous_root().map(Verified::document);
    let of_root = root.into_iter().flat_map(|root| root.keys_of(&RoleName::Root)).map(|(_, key)| key);
    of_root.chain(ceremony.repositories.keys.values()).map(|key| key.public().fingerprint()).collect()
}

/// The keyid under which the roots know the key of a token. Old repositories have keyids that are not the key's hash.
pub fn keyid_of(ceremony: &Ceremony, alias: &Alias) -> Option<(KeyId, Digest)> {
    let key = ceremony.token(alias).key?;
    let public = key.public().fingerprint();
    let roots = ceremony
        .draft()
        .map(|draft| draft.root.as_ref())
        .into_iter()
        .chain(ceremony.previous_root().map(Verified::document));
    let known =
        roots.flat_map(|root| root.keys_of(&RoleName::Root)).find(|(_, other)| other.public().fingerprint() == public);
    Some((known.map_or_else(|| key.id(), |(keyid, _)| keyid.clone()), public))
}

/// Whose key a keyid is, in words: the holder and the token, or the owner.
pub fn whose(ceremony: &Ceremony, key: &Key) -> Option<String> {
    let public = key.public().fingerprint();
    let script = &ceremony.script;
    let tokens: Vec<_> = ceremony
        .tokens
        .iter()
        .filter(|(_, token)| token.key.as_ref().is_some_and(|key| key.public().fingerprint() == public))
        .map(|(alias, _)| format!("{} (token {alias})", ceremony.card(alias).holder_name))
        .collect();
    match tokens.as_slice() {
        [] => {}
        [one] => return Some(one.clone()),
        several => return Some(format!("ONE KEY on {} tokens: {}", several.len(), several.join(", "))),
    }
    let imported = ceremony.imported.iter().find(|(_, key)| key.public().fingerprint() == public)?;
    let owner = script.keys.iter().find(|spec| spec.name == *imported.0).map(|spec| spec.owner.clone());
    owner.or_else(|| script.keeper_of(imported.0).map(|keeper| format!("{} (key file)", script.name(keeper))))
}

/// Who signed a draft and who is missing.
pub fn tally(ceremony: &Ceremony, draft: &Draft) -> TallySheet {
    let meter = |root: &Root| Meter {
        threshold: root.role(&RoleName::Root).map_or(0, |role| role.threshold),
        signers: root
            .keys_of(&RoleName::Root)
            .map(|(keyid, key)| Signer {
                name: whose(ceremony, key).unwrap_or_else(|| "nobody of this ceremony".into()),
                keyid: keyid.short().to_owned(),
                signed: draft.signatures.iter().any(|signature| signature.keyid == *keyid),
            })
            .collect(),
    };
    TallySheet { old: ceremony.previous_root().map(|root| meter(root.document())), new: meter(&draft.root) }
}

/// The review sheet of a draft.
pub fn review_sheet(ceremony: &Ceremony, draft: &Draft, passed: Vec<Passed>) -> ReviewSheet {
    let blank = Root::blank();
    let old = ceremony.previous_root().map_or(&blank, Verified::document);
    let new = &*draft.root;
    let names =
        |keyid: &KeyId| new.keys.get(keyid).or_else(|| old.keys.get(keyid)).and_then(|key| whose(ceremony, key));
    let mut keys: Vec<KeyLine> = vec![];
    let all: BTreeSet<&KeyId> = new.keys.keys().chain(old.keys.keys()).collect();
    for keyid in all {
        let roles_in = |root: &Root| -> Vec<String> {
            root.roles
                .iter()
                .filter(|(_, role)| role.keyids.contains(keyid))
                .map(|(name, _)| name.to_string())
                .collect()
        };
        let (before, after) = (roles_in(old), roles_in(new));
        let Some(key) = new.keys.get(keyid).or_else(|| old.keys.get(keyid)) else { continue };
        let change = match (before.is_empty(), after.is_empty()) {
            (_, true) => KeyFate::Goes,
            (true, false) => KeyFate::New,
            (false, false) => KeyFate::Stays,
        };
        keys.push(KeyLine {
            roles: if after.is_empty() { before } else { after },
            name: names(keyid).unwrap_or_else(|| "not of this ceremony".into()),
            keyid: keyid.to_string(),
            algorithm: key.public().algorithm(),
            change,
        });
    }
    keys.sort_by(|a, b| {
        (a.roles.join(" ") != "root", &a.roles, &a.name).cmp(&(b.roles.join(" ") != "root", &b.roles, &b.name))
    });
    let thresholds =
        new.roles.iter().map(|(name, role)| format!("{name}: {} of {}", role.threshold, role.keyids.len())).collect();
    ReviewSheet {
        repository: ceremony.script.repository.clone(),
        role: RoleName::Root.to_string(),
        version: draft.version,
        changes: draft.changes.iter().map(|change| change.words_from(old, &names)).collect(),
        keys,
        thresholds,
        expires: new.expires,
        days: ceremony.clock.unwrap_or(ceremony.stamp.at).midnight().days_until(new.expires),
        digest: draft.payload,
        passed,
        tally: tally(ceremony, draft),
    }
}

/// The draft with the signatures it has, as it goes over the wire.
pub fn wire(dialect: Dialect, draft: &Draft) -> Vec<u8> {
    dialect.envelope(&draft.signed, &draft.signatures)
}

/// The signed draft, verified as a client verifies it: from the root before, or by itself in a genesis.
///
/// # Errors
/// `ROOT-TALLY-OLD`, `ROOT-TALLY-NEW`, or whatever else a client would refuse.
pub fn verified(ceremony: &Ceremony, draft: &Draft) -> Result<Verified<Root>, Refusal> {
    let received = Untrusted::parse(ceremony.script.dialect, wire(ceremony.script.dialect, draft))?;
    match ceremony.previous_root() {
        Some(previous) => next_root(previous, received),
        None => first_root(received),
    }
}

/// `CLIENT-ACCEPTS`: the document lies in what all known clients read, or the script declared that it does not.
///
/// # Errors
/// The clients that would break, and why.
pub fn clients_accept(script: &Script, document: &[u8]) -> Result<Option<Passed>, Refusal> {
    declared(client_accepts(script.dialect, document), script.declares.not_for_every_client)
}

/// A file that may leave: it is a public key, or metadata that verifies.
pub struct Leaving {
    /// Its path in the record.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Leaving {
    /// Name, digest and length.
    pub fn described(&self) -> ExportedFile {
        ExportedFile { name: self.name.clone(), sha256: Digest::of(&self.bytes), length: self.bytes.len() as u64 }
    }
}

/// Everything that leaves a ceremony whose threshold is met: the root under its versioned name, and the public root keys.
///
/// # Errors
/// Where the signed root does not verify.
pub fn leaving(ceremony: &Ceremony) -> Result<Vec<Leaving>, Refusal> {
    let draft = ceremony.draft().filter(|draft| draft.met).ok_or_else(|| {
        Refusal::new(Rule::RootTallyNew, "No root is signed by its threshold.", "Let the missing officers sign first.")
    })?;
    let root = verified(ceremony, draft)?;
    let name = ceremony.script.dialect.file_name(&RoleName::Root, Some(draft.version));
    let mut files = vec![Leaving { name: format!("metadata/{name}"), bytes: root.bytes().to_vec() }];
    for (alias, token) in &ceremony.tokens {
        if let Some(pem) = token.key.as_ref().filter(|_| token.counts).and_then(|key| key.public().to_spki_pem()) {
            files.push(Leaving { name: format!("keys/{alias}.pem"), bytes: pem.into_bytes() });
        }
    }
    Ok(files)
}
