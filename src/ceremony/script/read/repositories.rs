//! Reads what a script says about repositories that were collected beforehand.

use toml::Spanned;

use super::{Read, Reader};
use crate::{
    ceremony::{
        participants::Alias,
        script::{
            CertificateSpec, CollectionSpec, CommonName, ExpirySpec, Kind, RepositoriesSpec, RootSpec, Signatory,
            SignerAction, SignerSpec, TaggingSpec, TokenSpec,
            raw::{RawCertificate, RawCollection, RawScript, RawSigner, RawTagging},
        },
    },
    text::shown,
};

/// The most repositories that one ceremony takes.
pub const REPOSITORIES_MAX: u32 = 20_000;

/// A certificate, and metadata, that would outlive everybody in the room.
const DAYS_MAX: u32 = 36_525;

impl Reader<'_> {
    /// The sections of a ceremony about many repositories; refuses them where the ceremony is about one root.
    pub(super) fn repositories(
        &self,
        raw: &RawScript,
        tokens: &[TokenSpec],
        keys: &[Alias],
    ) -> Read<Option<RepositoriesSpec>> {
        let top = 0..0;
        let kind = raw.ceremony;
        if !kind.is_about_repositories() {
            let given = [
                ("collection", raw.collection.is_some()),
                ("collection-before", raw.collection_before.is_some()),
                ("tagging", raw.tagging.is_some()),
                ("signer", !raw.signer.is_empty()),
                ("certificate", raw.certificate.is_some()),
                ("tags", raw.tags.is_some()),
            ];
            return match given.into_iter().find(|(_, there)| *there) {
                Some((name, _)) => self.error(top, format!("[{name}] belongs to a ceremony about many repositories")),
                None => Ok(None),
            };
        }
        let Some(collection) = &raw.collection else {
            return self.error(top, "[collection] is missing: folder, manifest and repositories of what was collected");
        };
        self.sections_fit(raw)?;
        let collection = self.collection("collection", collection)?;
        let before = raw.collection_before.as_ref().map(|before| self.collection("collection-before", before));
        let tagging = raw.tagging.as_ref().map(|tagging| self.tagging(tagging, tokens, keys)).transpose()?;
        let signers = raw.signer.iter().map(|signer| self.signer(signer, kind, tokens, keys)).collect::<Read<_>>()?;
        self.unique("signer name", raw.signer.iter().map(|signer| &signer.name))?;
        let certificate = raw.certificate.as_ref().map(|certificate| self.certificate(certificate)).transpose()?;
        if let (Some(certificate), Some(root)) = (&certificate, &raw.root) {
            let root = root.expires.get_ref();
            if certificate.days <= root.at_most_days {
                let what = format!(
                    "certificate.days is {}; it must be more than the root's longest expiry of {} days, since everything ends when the certificate does",
                    certificate.days, root.at_most_days
                );
                return self.error(raw.certificate.as_ref().map_or(top, |raw| raw.days.span()), what);
            }
        }
        let changed_tags = raw.tags.as_ref().map(|tags| tags.changed).unwrap_or_default();
        Ok(Some(RepositoriesSpec {
            collection,
            before: before.transpose()?,
            tagging,
            signers,
            certificate,
            changed_tags,
        }))
    }

    /// Which sections each kind of ceremony has.
    fn sections_fit(&self, raw: &RawScript) -> Read<()> {
        let top = 0..0;
        let (root, tagging, certificate) = (raw.root.is_some(), raw.tagging.is_some(), raw.certificate.is_some());
        let wants = |there: bool, name: &str, why: &str| {
            if there { Ok(()) } else { self.error(0..0, format!("[{name}] is missing: {why}")) }
        };
        let has_no = |there: bool, name: &str| {
            if there { self.error(0..0, format!("[{name}] has no place in this ceremony")) } else { Ok(()) }
        };
        if raw.previous.is_some() || raw.change.is_some() || !raw.role.is_empty() {
            return self.error(
                top,
                "[previous], [change] and [[role]] belong to a ceremony about one root; what clients trust today is in the [collection]",
            );
        }
        match raw.ceremony {
            Kind::DctGenesis => {
                wants(root, "root", "the offline keys")?;
                wants(tagging, "tagging", "the tagging keys")?;
                wants(certificate, "certificate", "an offline key is certified for its repositories")?;
            }
            Kind::DctDelegate => {
                has_no(root, "root")?;
                has_no(certificate, "certificate")?;
                wants(tagging, "tagging", "the tagging keys, which sign delegations")?;
                wants(!raw.signer.is_empty(), "[signer]", "who comes, goes or gets other keys")?;
            }
            Kind::DctRotateTaggingKey => {
                wants(root, "root", "the offline keys, which sign the change")?;
                wants(tagging, "tagging", "the new tagging keys")?;
                has_no(certificate, "certificate")?;
            }
            Kind::DctRotateRoot => {
                wants(root, "root", "the offline keys as they are to be")?;
                wants(certificate, "certificate", "new keys, and renewed ones, are certified")?;
                has_no(tagging, "tagging")?;
            }
            Kind::DctRenew => {
                wants(root, "root", "the offline keys")?;
                has_no(certificate, "certificate")?;
            }
            _ => {}
        }
        let signers = matches!(raw.ceremony, Kind::DctGenesis | Kind::DctDelegate);
        has_no(!signers && !raw.signer.is_empty(), "[signer]")?;
        let tags = raw.ceremony == Kind::DctRotateTaggingKey;
        has_no(!tags && raw.tags.is_some(), "tags")?;
        has_no(!tags && raw.collection_before.is_some(), "collection-before")
    }

    fn collection(&self, name: &str, raw: &RawCollection) -> Read<CollectionSpec> {
        let repositories = match (&raw.repositories, name) {
            (Some(count), _) => {
                if !(1..=REPOSITORIES_MAX).contains(count.get_ref()) {
                    return self.error(count.span(), format!("{name}.repositories: from 1 to {REPOSITORIES_MAX}"));
                }
                *count.get_ref()
            }
            (None, "collection") => {
                return self.error(raw.folder.span(), "collection.repositories is missing: how many there are");
            }
            (None, _) => 0,
        };
        Ok(CollectionSpec {
            folder: self.file(&format!("{name}.folder"), &raw.folder)?,
            manifest: self.digest(&format!("{name}.manifest"), &raw.manifest)?,
            repositories,
        })
    }

    fn tagging(&self, raw: &RawTagging, tokens: &[TokenSpec], keys: &[Alias]) -> Read<TaggingSpec> {
        let names = self.signatories("tagging.keys", &raw.keys, tokens, keys)?;
        let threshold = raw.threshold.as_ref().map_or(1, |threshold| *threshold.get_ref());
        if threshold == 0 || threshold > names.len() as u64 {
            let what = format!("tagging.threshold is {threshold}, the role has {} keys", names.len());
            return self.error(raw.keys.span(), what);
        }
        Ok(TaggingSpec { threshold, keys: names, expiry: self.expiry("tagging.expires", &raw.expires)? })
    }

    /// Names of tokens or of `[[key]]`s, each once.
    fn signatories(
        &self,
        field: &str,
        raw: &Spanned<Vec<Spanned<String>>>,
        tokens: &[TokenSpec],
        keys: &[Alias],
    ) -> Read<Vec<Signatory>> {
        self.unique(field, raw.get_ref())?;
        let names = raw.get_ref().iter().map(|name| {
            let alias: Alias = self.short(field, name)?;
            let (token, key) = (tokens.iter().any(|token| token.alias == alias), keys.contains(&alias));
            match (token, key) {
                (true, false) => Ok(Signatory::Token(alias)),
                (false, true) => Ok(Signatory::Elsewhere(alias)),
                (true, true) => self.error(name.span(), format!("{field}: {alias} is both a [[token]] and a [[key]]")),
                (false, false) => {
                    self.error(name.span(), format!("{field}: neither a [[token]] nor a [[key]] has the name {alias}"))
                }
            }
        });
        names.collect()
    }

    fn signer(&self, raw: &RawSigner, kind: Kind, tokens: &[TokenSpec], keys: &[Alias]) -> Read<SignerSpec> {
        let name = self.line_of_text("signer.name", &raw.name)?;
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if !first || !rest || name == "releases" {
            let what = format!(
                "signer.name “{}”: lower-case letters, digits, _ and -, beginning with a letter or digit; `releases` is taken",
                shown(&name)
            );
            return self.error(raw.name.span(), what);
        }
        if kind == Kind::DctGenesis && raw.action != SignerAction::Add {
            return self.error(raw.name.span(), "signer.action: in a genesis signers are added");
        }
        let keys = match (raw.action, &raw.keys) {
            (SignerAction::Remove, None) => vec![],
            (SignerAction::Remove, Some(keys)) => {
                return self.error(keys.span(), "signer.keys: a signer who is removed has no keys afterwards");
            }
            (_, Some(listed)) if !listed.get_ref().is_empty() => {
                self.signatories("signer.keys", listed, tokens, keys)?
            }
            _ => return self.error(raw.name.span(), "signer.keys is missing: their keys afterwards"),
        };
        Ok(SignerSpec { name, action: raw.action, keys })
    }

    fn certificate(&self, raw: &RawCertificate) -> Read<CertificateSpec> {
        let common_name = match &raw.common_name {
            None => CommonName::EachRepository,
            Some(name) => {
                let text = self.line_of_text("certificate.common-name", name)?;
                if !text.ends_with("/*") || text.len() > 64 || text.matches('*').count() != 1 || !text.is_ascii() {
                    return self.error(
                        name.span(),
                        "certificate.common-name: a prefix with /* at its end and at most 64 characters, such as docker.io/example/*; leave it out for a certificate each",
                    );
                }
                CommonName::Wildcard(text)
            }
        };
        let days = *raw.days.get_ref();
        if days == 0 || days > DAYS_MAX {
            return self.error(raw.days.span(), format!("certificate.days: from 1 to {DAYS_MAX}"));
        }
        Ok(CertificateSpec { common_name, days })
    }

    /// The root role of a ceremony that writes no root.
    pub(super) fn no_root(&self) -> RootSpec {
        RootSpec {
            threshold: 1,
            keys: vec![],
            algorithm: crate::tuf::key::KeyAlgorithm::P256,
            consistent_snapshot: false,
            expiry: ExpirySpec { days: 0, at_least_days: 0, at_most_days: DAYS_MAX },
        }
    }

    /// An expiry whose window holds it.
    pub(super) fn expiry(&self, field: &str, raw: &Spanned<ExpirySpec>) -> Read<ExpirySpec> {
        let expiry = *raw.get_ref();
        if expiry.at_least_days <= expiry.days && expiry.days <= expiry.at_most_days && expiry.at_most_days <= DAYS_MAX
        {
            return Ok(expiry);
        }
        self.error(raw.span(), format!("{field}: at-least-days ≤ days ≤ at-most-days ≤ {DAYS_MAX} must hold"))
    }
}
