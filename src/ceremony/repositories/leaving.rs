//! What leaves a ceremony for each repository: an indivisible bundle, put together of payloads and signatures and looked at
//! as the server and its clients will look at it.

use std::{collections::BTreeMap, sync::Arc};

use super::{Drafted, pack::Inputs, read};
use crate::{
    ceremony::{Ceremony, metadata::Leaving, participants::Alias, script::Signatory, unfit},
    digest::Digest,
    rules::{Refusal, Rule},
    transfer::{
        Gun,
        bundle::{Bundle, BundleFile, Files, Want, file_name, payload_name},
    },
    tuf::{
        bundle::without_strays,
        key::{Key, KeyId, RawSignature},
        role::{Role, RoleName},
        root::Root,
        signed::{Signature, Untrusted},
        targets::Targets,
        verify::{Verified, tally_of},
        walk::Published,
    },
    utc::Utc,
};

/// Gives the bytes of a payload from the record.
pub type Payloads<'a> = &'a (dyn Fn(Digest) -> Option<Arc<[u8]>> + Sync);

/// The bundle of one repository and its files.
///
/// # Errors
/// A tally that is not met by tokens and cannot be met elsewhere; or, for a complete bundle, the rule by which the server or a
/// client would refuse it.
pub fn bundle(
    ceremony: &Ceremony,
    drafted: &Drafted,
    inputs: &Inputs,
    payloads: Payloads<'_>,
    now: Utc,
) -> Result<(Bundle, Files), Refusal> {
    // The rest of today's metadata was verified when it was read, and stands in the record by its SHA-256 since then.
    let today = read::root_today(ceremony, inputs)?;
    let mut work = Assembly {
        ceremony,
        drafted,
        today,
        files: Files::new(),
        listed: vec![],
        wants: vec![],
        enough: BTreeMap::new(),
        root: None,
        targets: None,
    };
    let shape = ceremony.repositories.batch.shape(drafted);
    for place in 0..shape.documents.len() {
        work.document(place, payloads)?;
    }
    let gun = ceremony.repositories.guns().get(drafted.number as usize).cloned();
    let gun = gun.ok_or_else(|| unfit("No such repository."))?;
    // Delegated roles stand in the order of clients while they are composed, and in that of their names in a bundle.
    let place = |role: &RoleName| match role {
        RoleName::Root => 0,
        RoleName::Targets => 1,
        _ => 2,
    };
    work.listed.sort_by(|a, b| (place(&a.role), a.role.as_str()).cmp(&(place(&b.role), b.role.as_str())));
    let bundle =
        Bundle { dialect: ceremony.script.dialect, gun, files: work.listed, wants: work.wants, enough: work.enough };
    if bundle.wants.is_empty() {
        works(ceremony, &bundle.gun, inputs, &work.files, now)?;
    }
    Ok((bundle, work.files))
}

/// `CLIENT-ACCEPTS`: what the server holds afterwards, walked by a client that trusts today's root, and by one that trusts
/// nothing yet.
fn works(ceremony: &Ceremony, gun: &Gun, inputs: &Inputs, files: &Files, now: Utc) -> Result<(), Refusal> {
    let mut served: BTreeMap<String, Vec<u8>> =
        inputs.files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())).collect();
    served.extend(files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    without_strays(ceremony.script.dialect, &mut served);
    let trusted = inputs.files.get("root.json").map(String::as_bytes);
    let published = Published { gun: gun.as_str(), files: &served, trusted };
    ceremony.script.dialect.predict(&published, now).accepted().map(drop)
}

struct Assembly<'a> {
    ceremony: &'a Ceremony,
    drafted: &'a Drafted,
    /// The root of today.
    today: Option<Verified<Root>>,
    files: Files,
    listed: Vec<BundleFile>,
    wants: Vec<Want>,
    enough: BTreeMap<RoleName, u64>,
    root: Option<Root>,
    targets: Option<Targets>,
}

/// Whose signatures a document needs.
struct Authority {
    role: Role,
    keys: BTreeMap<KeyId, Key>,
}

impl Assembly<'_> {
    fn document(&mut self, place: usize, payloads: Payloads<'_>) -> Result<(), Refusal> {
        let dialect = self.ceremony.script.dialect;
        let shape = self.ceremony.repositories.batch.shape(self.drafted);
        let (document, of) = (&self.drafted.documents[place], &shape.documents[place]);
        let signed = payloads(document.payload).ok_or_else(|| {
            Refusal::new(
                Rule::BytesMatchHash,
                format!("payloads/{} is missing or is not what was reviewed.", document.payload),
                "Use the other medium.",
            )
        })?;
        let unsigned = dialect.envelope(&signed, &[]);
        match &of.role {
            RoleName::Root => self.root = Some(Untrusted::<Root>::parse(dialect, unsigned)?.document().clone()),
            // Only what it delegates is asked of it, where a delegated role is signed too.
            RoleName::Targets if shape.documents.iter().any(|of| matches!(of.role, RoleName::Other(_))) => {
                self.targets = Some(Untrusted::<Targets>::parse(dialect, unsigned)?.document().clone());
            }
            _ => {}
        }
        let authorities = self.authorities(&of.role);
        let signatures = self.signatures(place, &authorities);
        let bytes = dialect.envelope(&signed, &signatures);
        self.missing(place, &authorities, &bytes, &signed)?;
        let file = file_name(&of.role);
        self.listed.push(BundleFile {
            role: of.role.clone(),
            file: file.clone(),
            version: document.version,
            sha256: Digest::of(&bytes),
            length: bytes.len() as u64,
        });
        self.files.insert(file, bytes);
        Ok(())
    }

    /// The roles whose thresholds a document has to meet: for a root its own and that of the root before.
    fn authorities(&self, role: &RoleName) -> Vec<Authority> {
        let of_root = |root: &Root, name: &RoleName| Authority {
            role: root.role(name).cloned().unwrap_or_default(),
            keys: root.keys.clone(),
        };
        let old = self.today.as_ref().map(|root| root.document());
        match role {
            RoleName::Root => self.root.iter().chain(old).map(|root| of_root(root, role)).collect(),
            RoleName::Targets => self.root.as_ref().or(old).map(|root| of_root(root, role)).into_iter().collect(),
            other => {
                let delegations = self.targets.as_ref().and_then(|targets| targets.delegations.as_ref());
                let named = delegations.and_then(|delegations| {
                    let role = delegations.roles.iter().find(|known| known.name == *other)?;
                    Some(Authority { role: role.role.clone(), keys: delegations.keys.clone() })
                });
                named.into_iter().collect()
            }
        }
    }

    /// Every signature that tokens gave, once for each keyid under which an authority knows the key.
    fn signatures(&self, place: usize, authorities: &[Authority]) -> Vec<Signature> {
        let dialect = self.ceremony.script.dialect;
        let shape = self.ceremony.repositories.batch.shape(self.drafted);
        let (document, of) = (&self.drafted.documents[place], &shape.documents[place]);
        let mut signatures: Vec<Signature> = vec![];
        for authority in authorities {
            for keyid in &authority.role.keyids {
                let Some(key) = authority.keys.get(keyid) else { continue };
                let print = key.public().fingerprint();
                let by = document.signatures.iter().find(|(signer, _)| {
                    let alias = of.signers.get(usize::from(*signer)).and_then(Signatory::token);
                    let token = alias.and_then(|alias| self.ceremony.tokens.get(alias));
                    token.and_then(|token| token.key.as_ref()).is_some_and(|key| key.public().fingerprint() == print)
                });
                let Some((_, raw)) = by else { continue };
                if signatures.iter().all(|known| known.keyid != *keyid) {
                    let raw = RawSignature::new(raw.to_vec());
                    signatures.extend(dialect.signature(keyid.clone(), key.public(), &raw));
                }
            }
        }
        signatures
    }

    /// Whose signatures are still to come; refuses where tokens of this ceremony owe them.
    fn missing(
        &mut self,
        place: usize,
        authorities: &[Authority],
        bytes: &[u8],
        signed: &Arc<[u8]>,
    ) -> Result<(), Refusal> {
        let shape = self.ceremony.repositories.batch.shape(self.drafted);
        let (document, of) = (&self.drafted.documents[place], &shape.documents[place]);
        let unmet = self.unmet(place, authorities, bytes)?;
        let owed = unmet.as_ref().map_or(0, |(_, owed)| *owed);
        let elsewhere = of.signers.iter().filter(|signer| signer.token().is_none());
        let elsewhere: Vec<(&Signatory, Key)> =
            elsewhere.filter_map(|signer| Some((signer, self.key_of(signer, authorities)?))).collect();
        match unmet {
            None => return Ok(()),
            Some((refusal, owed)) if (elsewhere.len() as u64) < owed => return Err(refusal),
            Some(_) => {}
        }
        // Nobody waits for a signature that is not needed: any so many of them are enough.
        if owed < elsewhere.len() as u64 {
            self.enough.insert(of.role.clone(), owed);
        }
        for (signer, key) in elsewhere {
            let owner = signer.alias().and_then(|name| self.owner(name));
            let owner = owner.unwrap_or_else(|| super::sheet::signer(signer));
            self.wants.push(Want {
                role: of.role.clone(),
                version: document.version,
                payload: document.payload,
                keyid: key.id(),
                key,
                owner,
            });
        }
        self.files.insert(payload_name(&of.role), signed.to_vec());
        Ok(())
    }

    /// Who has the key of this name: its owner, or whoever took it away.
    fn owner(&self, name: &Alias) -> Option<String> {
        let script = &self.ceremony.script;
        let owner = script.keys.iter().find(|spec| spec.name == *name).map(|spec| spec.owner.clone());
        owner.or_else(|| Some(script.name(&self.ceremony.acting(script.keeper_of(name)?)).to_owned()))
    }

    fn key_of(&self, signer: &Signatory, authorities: &[Authority]) -> Option<Key> {
        let wanted = match signer {
            Signatory::Elsewhere(name) => self.ceremony.imported.get(name)?.public().fingerprint(),
            Signatory::Unnamed(keyid) => {
                return authorities.iter().find_map(|authority| authority.keys.get(keyid)).cloned();
            }
            Signatory::Token(_) => return None,
        };
        let keys = authorities.iter().flat_map(|authority| authority.keys.values());
        keys.into_iter().find(|key| key.public().fingerprint() == wanted).cloned()
    }

    /// The first threshold that is not met (`ROOT-TALLY-OLD`, `ROOT-TALLY-NEW`, `ROLE-TALLY`), and by how many. Asked only where a bundle may stay
    /// incomplete: a complete one is walked as clients walk it, which counts everything.
    fn unmet(&self, place: usize, authorities: &[Authority], bytes: &[u8]) -> Result<Option<(Refusal, u64)>, Refusal> {
        let shape = self.ceremony.repositories.batch.shape(self.drafted);
        let role = &shape.documents[place].role;
        if shape.documents.iter().all(|document| document.signers.iter().all(|signer| signer.token().is_some())) {
            return Ok(None);
        }
        let dialect = self.ceremony.script.dialect;
        for (index, authority) in authorities.iter().enumerate() {
            let tally = match role {
                RoleName::Root => {
                    tally_of(role, &authority.role, &authority.keys, &Untrusted::<Root>::parse(dialect, bytes)?)
                }
                _ => tally_of(role, &authority.role, &authority.keys, &Untrusted::<Targets>::parse(dialect, bytes)?),
            };
            if !tally.is_met() {
                let rule = match (role, index) {
                    (RoleName::Root, 0) => Rule::RootTallyNew,
                    (RoleName::Root, _) => Rule::RootTallyOld,
                    _ => Rule::RoleTally,
                };
                let refusal = Refusal::new(
                    rule,
                    format!("{role}: {} of {} signatures are here.", tally.signed.len(), tally.threshold),
                    "Let the missing officers sign first.",
                );
                return Ok(Some((refusal, tally.threshold.saturating_sub(tally.signed.len() as u64))));
            }
        }
        Ok(None)
    }
}

/// What leaves beside the bundles: the public keys of tokens, and what clients pin.
pub fn keys(ceremony: &Ceremony) -> Vec<Leaving> {
    let tokens = ceremony.tokens.iter().filter(|(_, token)| token.counts);
    let keys = tokens.filter_map(|(alias, token)| {
        let pem = token.key.as_ref()?.public().to_spki_pem()?;
        Some(Leaving { name: format!("keys/{alias}.pem"), bytes: pem.into_bytes() })
    });
    let mut files: Vec<Leaving> = keys.collect();
    files.extend(pins(ceremony));
    files
}

/// The `trust_pinning` section for clients of Notary: keyids of certificates, by repository or prefix. Only certificates that this
/// ceremony made can be pinned anew.
fn pins(ceremony: &Ceremony) -> Option<Leaving> {
    let text = serde_json::to_string_pretty(&pinning(ceremony)?).expect("names and keyids are JSON") + "\n";
    Some(Leaving { name: PINS.into(), bytes: text.into_bytes() })
}

/// The file with what clients of Notary pin.
pub const PINS: &str = "keys/trust_pinning.json";

/// What stands in it; `None` where no certificate was made.
pub fn pinning(ceremony: &Ceremony) -> Option<serde_json::Value> {
    let mut certs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((_, name), certificate) in &ceremony.repositories.certificates {
        let key = ceremony.script.dialect.certified_key(certificate)?;
        certs.entry(name.as_str()).or_default().push(key.id().as_str().to_owned());
    }
    if certs.is_empty() {
        return None;
    }
    Some(serde_json::json!({ "trust_pinning": { "certs": certs, "disable_tofu": true } }))
}
