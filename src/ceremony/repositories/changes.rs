//! What changes in one repository, made of what the script asks for and what the repository is today.

use std::collections::BTreeSet;

use crate::{
    ceremony::{
        Ceremony,
        participants::Alias,
        repositories::{judge, pack::Inputs},
        script::{CommonName, Signatory, SignerAction, TaggingSpec},
        unfit,
    },
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    transfer::Gun,
    tuf::{
        authoring,
        change::RootChange,
        key::{Key, KeyId},
        role::RoleName,
        root::Root,
        targets::{DelegatedRole, Targets},
        targets_change::{self, TargetsChange},
    },
    utc::Utc,
};

/// The role below targets whose tags Docker reads first.
pub const RELEASES: &str = "targets/releases";

/// The bare key of whoever signs: of a token once it counts, or of a `[[key]]` that was imported.
///
/// # Errors
/// `PIN-WORKS-AGAIN` where the token's key does not count yet.
pub fn key_of(ceremony: &Ceremony, signatory: &Signatory) -> Result<Key, Refusal> {
    match signatory {
        Signatory::Token(alias) => {
            let playing = ceremony.playing(alias);
            let token = ceremony.token(&playing);
            token.key.filter(|_| token.counts).ok_or_else(|| {
                Refusal::new(
                    Rule::PinWorksAgain,
                    format!("The key on {playing} does not count yet."),
                    "Drill the token first: take it out, put it in, type the PIN again.",
                )
            })
        }
        Signatory::Unnamed(_) => Err(unfit("Nobody here has that key.")),
        Signatory::Elsewhere(name) => ceremony.imported.get(name).cloned().ok_or_else(|| {
            Refusal::new(
                Rule::ScriptHolds,
                format!("The key {name} was not imported."),
                "Mend the script: its steps bring every key before the draft.",
            )
        }),
    }
}

/// The key of an offline key's token as roots of `gun` list it: in its certificate.
///
/// # Errors
/// `CERT-FITS-GUN` where its certificate is for other repositories.
pub fn certified(ceremony: &Ceremony, alias: &Alias, gun: &Gun) -> Result<Option<Key>, Refusal> {
    let spec = ceremony.script.repositories.as_ref().and_then(|spec| spec.certificate.as_ref());
    let name = match spec.map(|spec| &spec.common_name) {
        None => return Ok(None),
        Some(CommonName::EachRepository) => gun.as_str(),
        Some(CommonName::Wildcard(name)) => name,
    };
    let certificate = ceremony.repositories.certificates.get(&(ceremony.playing(alias), name.to_owned()));
    let Some(certificate) = certificate else { return Ok(None) };
    certificate.fits(gun.as_str())?;
    Ok(ceremony.script.dialect.certified_key(certificate))
}

/// What changes in the first root of a repository.
///
/// # Errors
/// Where a key is not here, or a certificate does not fit.
pub fn first_root(
    ceremony: &Ceremony,
    gun: &Gun,
    tagging: &TaggingSpec,
    (snapshot, timestamp): (Key, Key),
    expires: Utc,
) -> Result<Vec<RootChange>, Refusal> {
    let spec = &ceremony.script.root;
    let mut changes = vec![
        RootChange::SetVersion { version: 1 },
        RootChange::SetExpires { expires },
        RootChange::SetConsistentSnapshot { value: Some(false) },
        RootChange::SetThreshold { role: RoleName::Root, threshold: spec.threshold },
        RootChange::SetThreshold { role: RoleName::Targets, threshold: tagging.threshold },
        RootChange::SetThreshold { role: RoleName::Snapshot, threshold: 1 },
        RootChange::SetThreshold { role: RoleName::Timestamp, threshold: 1 },
    ];
    for alias in &spec.keys {
        let key = certified(ceremony, alias, gun)?.ok_or_else(|| not_certified(alias))?;
        changes.push(RootChange::add_key(RoleName::Root, key));
    }
    for signatory in &tagging.keys {
        changes.push(RootChange::add_key(RoleName::Targets, key_of(ceremony, signatory)?));
    }
    changes.push(RootChange::add_key(RoleName::Snapshot, snapshot));
    changes.push(RootChange::add_key(RoleName::Timestamp, timestamp));
    Ok(changes)
}

fn not_certified(alias: &Alias) -> Refusal {
    Refusal::new(
        Rule::ScriptHolds,
        format!("The key on {alias} has no certificate."),
        "Mend the script: a step `certify` for this token comes before the draft.",
    )
}

/// What changes where another tagging key takes the place of today's.
///
/// # Errors
/// Where a key is not here, or is today's key: a compromised key does not follow itself.
pub fn other_tagging_key(ceremony: &Ceremony, old: &Root, tagging: &TaggingSpec) -> Result<Vec<RootChange>, Refusal> {
    let mut changes = vec![];
    let mut wanted = vec![];
    for signatory in &tagging.keys {
        wanted.push(key_of(ceremony, signatory)?);
    }
    let print = |key: &Key| key.public().fingerprint();
    for (keyid, key) in old.keys_of(&RoleName::Targets) {
        if wanted.iter().any(|new| print(new) == print(key)) {
            return Err(Refusal::new(
                Rule::DraftIsTheChange,
                format!("The new tagging key {} is one of today's: nothing would change for a thief.", keyid.short()),
                "Bring a key that was never a tagging key of this repository.",
            ));
        }
        changes.push(RootChange::RemoveKey { role: RoleName::Targets, keyid: keyid.clone() });
    }
    changes.extend(wanted.into_iter().map(|key| RootChange::add_key(RoleName::Targets, key)));
    if old.role(&RoleName::Targets).is_some_and(|role| role.threshold != tagging.threshold) {
        changes.push(RootChange::SetThreshold { role: RoleName::Targets, threshold: tagging.threshold });
    }
    Ok(changes)
}

/// The bare key of an offline key's token: a token that lies in its bag today has the key that repositories know.
fn offline_key(ceremony: &Ceremony, alias: &Alias) -> Result<Key, Refusal> {
    let signatory = Signatory::Token(alias.clone());
    let keyid = ceremony.script.token(&ceremony.playing(alias)).and_then(|token| token.keyid.as_ref());
    let keyid = keyid.map(|keyid| ceremony.stand_ins.get(keyid).map_or_else(|| keyid.clone(), Key::canonical_id));
    let known = keyid.and_then(|keyid| ceremony.repositories.keys.get(&keyid)).cloned();
    known.map_or_else(|| key_of(ceremony, &signatory), Ok)
}

/// What changes where offline keys, or their certificates, are replaced.
///
/// # Errors
/// Where a new key has no certificate, or one that does not fit.
pub fn other_offline_keys(ceremony: &Ceremony, gun: &Gun, old: &Root) -> Result<Vec<RootChange>, Refusal> {
    let spec = &ceremony.script.root;
    let (mut added, mut stays) = (vec![], vec![]);
    for alias in &spec.keys {
        let bare = offline_key(ceremony, alias)?;
        let today: Vec<&KeyId> = old
            .keys_of(&RoleName::Root)
            .filter(|(_, key)| key.public().fingerprint() == bare.public().fingerprint())
            .map(|(keyid, _)| keyid)
            .collect();
        match certified(ceremony, alias, gun)? {
            Some(key) if !today.contains(&&key.id()) => added.push(key),
            _ if !today.is_empty() => stays.extend(today),
            _ => return Err(not_certified(alias)),
        }
    }
    let goes = old.keys_of(&RoleName::Root).map(|(keyid, _)| keyid).filter(|keyid| !stays.contains(keyid));
    let mut changes: Vec<RootChange> =
        goes.map(|keyid| RootChange::RemoveKey { role: RoleName::Root, keyid: keyid.clone() }).collect();
    changes.extend(added.into_iter().map(|key| RootChange::add_key(RoleName::Root, key)));
    if old.role(&RoleName::Root).is_some_and(|role| role.threshold != spec.threshold) {
        changes.push(RootChange::SetThreshold { role: RoleName::Root, threshold: spec.threshold });
    }
    Ok(changes)
}

/// `ROOT-TALLY-OLD` and `ROOT-TALLY-NEW`, before anybody signs: the tokens that will sign are enough for the root of today, and for the one
/// that is drafted. Of thousands of roots some may ask for more than the others, and the script cannot know.
///
/// # Errors
/// Where they are too few.
pub fn enough_sign(
    ceremony: &Ceremony,
    signers: &[Signatory],
    old: Option<&Root>,
    new: &Root,
) -> Result<Vec<Passed>, Refusal> {
    let keys = signers.iter().filter_map(|signer| ceremony.tokens.get(signer.token()?)?.key.as_ref());
    let sign: BTreeSet<Digest> = keys.map(|key| key.public().fingerprint()).collect();
    let ask = |rule: Rule, root: &Root| {
        let named: BTreeSet<Digest> =
            root.keys_of(&RoleName::Root).map(|(_, key)| key.public().fingerprint()).collect();
        let (enough, threshold) = (named.intersection(&sign).count() as u64, root.threshold_of(&RoleName::Root));
        if enough < threshold {
            return Err(Refusal::new(
                rule,
                format!(
                    "Root version {} asks for {threshold} signatures, and {enough} of its keys sign today.",
                    root.version
                ),
                "Give this repository a ceremony of its own, to which enough officers come.",
            ));
        }
        Ok(Passed::new(
            rule,
            format!("{enough} of the {threshold} keys that root version {} asks for will sign", root.version),
        ))
    };
    let old = old.map(|old| ask(Rule::RootTallyOld, old)).transpose()?;
    Ok(old.into_iter().chain([ask(Rule::RootTallyNew, new)?]).collect())
}

/// What goes back to what it was before a compromise, as people judged.
///
/// # Errors
/// `TAGS-JUDGED` where something was not judged.
pub fn judged(
    ceremony: &Ceremony,
    number: u32,
    inputs: &Inputs,
    now: &Targets,
) -> Result<(Vec<TargetsChange>, u32), Refusal> {
    let known = ceremony.repositories.known.get(number as usize).ok_or_else(|| unfit("No such repository."))?;
    let before = judge::before(ceremony.script.dialect, inputs);
    let (mut changes, mut back) = (vec![], 0);
    for what in &known.changed {
        let goes_back = ceremony.repositories.goes_back(number, what).ok_or_else(|| {
            Refusal::new(
                Rule::TagsJudged,
                format!("Nobody judged “{}” of {}.", crate::text::shown(what), known.gun),
                "Judge it first: what a thief changed must not be signed again.",
            )
        })?;
        if goes_back {
            changes.extend(judge::back(now, before.as_ref(), what));
            back += 1;
        }
    }
    Ok((changes, back))
}

/// What changes below the targets role: signers who come, go or get other keys.
///
/// # Errors
/// `DRAFT-IS-THE-CHANGE` where a signer who is to go is not there, or one who is to come is.
pub fn signers(ceremony: &Ceremony, now: &Targets) -> Result<Vec<TargetsChange>, Refusal> {
    let blank = Default::default();
    let delegations = now.delegations.as_ref().unwrap_or(&blank);
    let listed = |role: &RoleName| {
        delegations.roles.iter().find(|known| known.name == *role).map(|known| known.role.keyids.clone())
    };
    let releases = RoleName::from(RELEASES);
    let specs = ceremony.script.repositories.as_ref().map(|spec| spec.signers.as_slice()).unwrap_or_default();
    let mut changes = vec![];
    let adds = specs.iter().any(|spec| spec.action != SignerAction::Remove);
    if adds && listed(&releases).is_none() {
        changes.push(new_role(&releases));
    }
    for spec in specs {
        let role = RoleName::from(format!("targets/{}", spec.name).as_str());
        let today = listed(&role);
        let refuse = |what: &str| {
            let what = format!("{role} {what}.");
            Err(Refusal::new(Rule::DraftIsTheChange, what, "Mend the script: look into targets.json who signs today."))
        };
        match (spec.action, &today) {
            (SignerAction::Add, Some(_)) => return refuse("is there already"),
            (SignerAction::Replace | SignerAction::Remove, None) => return refuse("is not there"),
            _ => {}
        }
        let mut keys = vec![];
        for signatory in &spec.keys {
            keys.push(key_of(ceremony, signatory)?);
        }
        let stays = |keyid: &KeyId| spec.action != SignerAction::Remove && keys.iter().any(|key| key.id() == *keyid);
        let gone: Vec<KeyId> = today.iter().flatten().filter(|keyid| !stays(keyid)).cloned().collect();
        if spec.action == SignerAction::Remove {
            changes.push(TargetsChange::RemoveRole(role.clone()));
        } else if today.is_none() {
            changes.push(new_role(&role));
        }
        for keyid in gone {
            if spec.action == SignerAction::Replace {
                changes.push(TargetsChange::RemoveKey { role: role.clone(), keyid: keyid.clone() });
            }
            if listed(&releases).is_some_and(|listed| listed.contains(&keyid)) {
                changes.push(TargetsChange::RemoveKey { role: releases.clone(), keyid });
            }
        }
        for key in keys {
            if today.as_ref().is_none_or(|today| !today.contains(&key.id())) {
                changes.push(TargetsChange::AddKey { role: role.clone(), key: key.clone() });
            }
            if listed(&releases).is_none_or(|listed| !listed.contains(&key.id())) {
                changes.push(TargetsChange::AddKey { role: releases.clone(), key });
            }
        }
    }
    // A role without a key verifies nothing: where the last signer goes, it goes too.
    let after = targets_change::amend(now, &changes);
    let keyless = |role: &&DelegatedRole| role.name == releases && role.role.keyids.is_empty();
    if after.delegations.iter().flat_map(|delegations| &delegations.roles).any(|role| keyless(&role)) {
        changes.push(TargetsChange::RemoveRole(releases));
    }
    Ok(changes)
}

/// Docker's delegated roles name any tag, and one signature is enough.
fn new_role(role: &RoleName) -> TargetsChange {
    TargetsChange::AddRole { role: role.clone(), threshold: 1, paths: vec![String::new()] }
}

/// `EXPIRY-WINDOW`, with the expiry cut to what certificates allow: everything ends when the certificate does.
///
/// # Errors
/// Where nothing is left of the window.
pub fn expires(
    spec: &crate::ceremony::script::ExpirySpec,
    date: Utc,
    certificate_until: Option<Utc>,
) -> Result<(Utc, Option<String>), Refusal> {
    let wanted = date.plus_days(spec.days.into());
    let latest = certificate_until.map(|until| until.midnight().plus_days(-1));
    let (expires, note) = match latest {
        Some(latest) if latest < wanted => {
            (latest, Some("root: the expiry is cut to a day before the certificate ends".to_owned()))
        }
        _ => (wanted, None),
    };
    authoring::expiry_window(expires, date, (spec.at_least_days, spec.at_most_days)).map_err(
        |refusal| match &note {
            Some(_) => Refusal {
                what: format!("{} The certificate of an offline key ends first.", refusal.what),
                remedy:
                    "Renew the certificate first: a rotation of the offline key (dct-rotate-root), on the same key."
                        .into(),
                ..refusal
            },
            None => refusal,
        },
    )?;
    Ok((expires, note))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        ceremony::{
            repositories::{Known, Verdict},
            script::read,
        },
        tuf::targets::TargetFile,
    };

    #[test]
    fn what_nobody_judged_is_not_signed_again() {
        let text = include_str!("../../../ceremony-scripts/dct-rotate-tagging-key.toml");
        let mut ceremony = Ceremony::begin(Arc::new(read::script(text.as_bytes()).expect("a script")));
        let gun = Gun::parse("docker.io/example/app").expect("a name");
        let changed = vec!["v1".to_owned(), "v2".to_owned()];
        let known = Known { gun: gun.clone(), root: 1, targets: 1, tags: 2, changed, left_out: None };
        ceremony.repositories.known.push(known);
        let file = TargetFile { length: 1, hashes: Default::default(), extra: Default::default() };
        let now = Targets {
            spec_version: None,
            version: 1,
            expires: Utc::EPOCH,
            targets: ["v1", "v2"].map(|tag| (tag.to_owned(), file.clone())).into(),
            delegations: None,
            extra: Default::default(),
        };
        let inputs = Inputs { gun, files: Default::default(), before: Default::default() };
        let verdict = |ceremony: &Ceremony| {
            judged(ceremony, 0, &inputs, &now).map(|(changes, back)| (changes.len(), back)).map_err(|it| it.rule)
        };
        assert_eq!(verdict(&ceremony), Err(Rule::TagsJudged));
        ceremony.repositories.verdict = Some(Verdict::Each);
        ceremony.repositories.judged.insert((0, "v1".into()), true);
        assert_eq!(verdict(&ceremony), Err(Rule::TagsJudged), "one of two");
        ceremony.repositories.judged.insert((0, "v2".into()), false);
        assert_eq!(verdict(&ceremony), Ok((1, 1)));
        ceremony.repositories.verdict = Some(Verdict::Keep);
        assert_eq!(verdict(&ceremony), Ok((0, 0)));
        ceremony.repositories.verdict = Some(Verdict::Drop);
        assert_eq!(verdict(&ceremony), Ok((2, 2)));
    }
}
