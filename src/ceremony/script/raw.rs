//! A script as it is typed: every field that a script can have, and no other. Places in the text are kept, so that an error
//! names a line.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::Declares;
use crate::ceremony::participants::Duty;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawScript {
    pub format: Spanned<u32>,
    pub ceremony: super::Kind,
    pub title: String,
    pub repository: Spanned<String>,
    #[serde(default)]
    pub dialect: crate::tuf::dialect::Dialect,
    pub planned: Option<Spanned<toml::value::Datetime>>,
    #[serde(default)]
    pub declares: Declares,
    #[serde(default = "two_minutes")]
    pub clock_tolerance_seconds: u32,
    pub media: Spanned<[String; 2]>,
    pub people: Spanned<Vec<RawPerson>>,
    #[serde(default)]
    pub module: Vec<RawModule>,
    #[serde(default)]
    pub token: Vec<RawToken>,
    pub root: Option<RawRoot>,
    #[serde(default)]
    pub key: Vec<RawKey>,
    #[serde(default)]
    pub role: Vec<RawRole>,
    pub previous: Option<RawPrevious>,
    pub last_ceremony: Option<RawLastCeremony>,
    pub change: Option<RawChange>,
    pub collection: Option<RawCollection>,
    pub collection_before: Option<RawCollection>,
    pub tagging: Option<RawTagging>,
    #[serde(default)]
    pub signer: Vec<RawSigner>,
    pub certificate: Option<RawCertificate>,
    pub tags: Option<RawTags>,
    pub backup: Option<RawBackup>,
    #[serde(default)]
    pub kept: Vec<RawKept>,
    pub act: Spanned<Vec<RawAct>>,
}

fn two_minutes() -> u32 {
    120
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPerson {
    pub id: Spanned<String>,
    pub name: Spanned<String>,
    pub duties: Spanned<Vec<Duty>>,
    pub stands_in_for: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawModule {
    pub name: Spanned<String>,
    pub path: Spanned<String>,
    pub sha256: Option<Spanned<String>>,
    pub model: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawToken {
    pub alias: Spanned<String>,
    pub holder: Spanned<String>,
    pub tag: Spanned<String>,
    pub module: Spanned<String>,
    pub label: Option<Spanned<String>>,
    pub serial: Option<Spanned<String>>,
    pub keyid: Option<Spanned<String>>,
    pub spare_for: Option<Spanned<String>>,
    pub user_pin: Option<Spanned<String>>,
    pub so_pin: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRoot {
    pub threshold: Spanned<u64>,
    pub keys: Spanned<Vec<Spanned<String>>>,
    #[serde(default = "p256")]
    pub algorithm: crate::tuf::key::KeyAlgorithm,
    #[serde(default = "yes")]
    pub consistent_snapshot: bool,
    pub expires: Spanned<super::ExpirySpec>,
}

fn p256() -> crate::tuf::key::KeyAlgorithm {
    crate::tuf::key::KeyAlgorithm::P256
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawKey {
    pub name: Spanned<String>,
    pub owner: Spanned<String>,
    pub file: Spanned<String>,
    pub keyid: Spanned<String>,
    #[serde(default)]
    pub held_by_server: bool,
    pub held_by_token: Option<Spanned<String>>,
    pub possession: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawRole {
    pub role: Spanned<String>,
    pub threshold: Spanned<u64>,
    pub keys: Spanned<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPrevious {
    pub file: Spanned<String>,
    pub version: Spanned<u64>,
    pub sha256: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawLastCeremony {
    pub head: Spanned<String>,
    pub ended: Spanned<toml::value::Datetime>,
    pub signed: Option<Vec<RawSigned>>,
    pub list: Option<RawSignedList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSignedList {
    pub file: Spanned<String>,
    pub sha256: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSigned {
    pub version: u64,
    pub payload: Spanned<String>,
    #[serde(default)]
    pub spent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawChange {
    #[serde(default)]
    pub adds: Vec<Spanned<String>>,
    #[serde(default)]
    pub removes: Vec<Spanned<String>>,
    pub threshold_was: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawCollection {
    pub folder: Spanned<String>,
    pub manifest: Spanned<String>,
    pub repositories: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawTagging {
    pub threshold: Option<Spanned<u64>>,
    pub keys: Spanned<Vec<Spanned<String>>>,
    pub expires: Spanned<super::ExpirySpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSigner {
    pub name: Spanned<String>,
    pub action: super::SignerAction,
    pub keys: Option<Spanned<Vec<Spanned<String>>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawCertificate {
    pub common_name: Option<Spanned<String>>,
    pub days: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawTags {
    pub changed: super::TagPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawKept {
    pub name: Spanned<String>,
    pub file: Spanned<String>,
    pub sha256: Spanned<String>,
    pub way: Option<Spanned<super::Way>>,
    pub sealed: Option<Spanned<String>>,
    pub sealed_sha256: Option<Spanned<String>>,
    #[serde(default)]
    pub sealed_copies: Vec<Spanned<String>>,
    pub keyid: Option<Spanned<String>>,
    pub threshold: Option<Spanned<u8>>,
    #[serde(default)]
    pub custodians: Vec<RawHolder>,
    pub old_shares: Option<Spanned<RawOldShares>>,
    pub rotate_by: Option<Spanned<toml::value::Datetime>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHolder {
    pub share: Spanned<u8>,
    pub person: Spanned<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawOldShares {
    Destroy,
    Rotate,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawBackup {
    pub way: Spanned<super::Way>,
    pub threshold: Option<Spanned<u8>>,
    pub custodians: Option<Spanned<Vec<Spanned<String>>>>,
    pub contact: Option<Spanned<String>>,
    pub printer: Option<Spanned<String>>,
    pub pages: Option<Spanned<String>>,
    #[serde(default)]
    pub recipients: BTreeMap<String, Spanned<String>>,
    pub passphrase_copy: Option<Spanned<String>>,
    #[serde(default)]
    pub dice: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAct {
    pub title: Spanned<String>,
    pub step: Spanned<Vec<RawStep>>,
}

/// The fields of every kind of step. Which ones a kind has is checked when it is made.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawStep {
    #[serde(rename = "do")]
    pub kind: Spanned<String>,
    pub minutes: Option<u32>,
    pub say: Option<Spanned<String>>,
    pub who: Option<Spanned<Vec<Spanned<String>>>>,
    pub witness: Option<Spanned<String>>,
    pub token: Option<Spanned<String>>,
    pub tokens: Option<Spanned<Vec<Spanned<String>>>>,
    pub statement: Option<Spanned<String>>,
    pub fields: Option<Spanned<Vec<String>>>,
    pub file: Option<Spanned<String>>,
    pub keyid: Option<Spanned<String>>,
    pub name: Option<Spanned<String>>,
    pub shares: Option<Spanned<Vec<u8>>>,
    pub role: Option<Spanned<String>>,
    pub gun: Option<Spanned<String>>,
    pub keeper: Option<Spanned<String>>,
    pub from: Option<Spanned<String>>,
    pub folder: Option<Spanned<String>>,
}
