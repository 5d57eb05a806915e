//! What a ceremony leaves for the courier: for each repository the files that are published in one request or not at all, and
//! whose signatures are still to come (`BUNDLE-COMPLETE`).
//!
//! ```text
//! MANIFEST
//! repositories/FOLDER/bundle.json            what belongs to it, and what it still wants
//! repositories/FOLDER/root.json …            the files, byte for byte as they go out
//! repositories/FOLDER/targets.payload …      the bytes to sign, for what is still wanted
//! ```
//!
//! A file that still wants a signature is there with those that it has, maybe none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Gun, MANIFEST, Malformed, Manifest, REPOSITORIES,
    collection::folder,
    manifest::{Grouped, check_path, incomplete},
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    text::shown,
    tuf::{Dialect, Document, Key, KeyId, RoleName},
};

/// The file that says what belongs to a bundle.
pub const BUNDLE: &str = "bundle.json";

/// The longest such file that is read, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 4 << 20;

/// The files of one bundle, by their names in its folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What is published of one repository, together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// How the files are written.
    pub dialect: Dialect,
    /// The repository.
    pub gun: Gun,
    /// The files: root, then targets, then delegations in the order of their names.
    pub files: Vec<BundleFile>,
    /// The signatures that are still to come. Empty: the bundle is complete.
    pub wants: Vec<Want>,
    /// Of a role for which more keys may sign than it needs: how many of its wants are enough. Of any other role each one is needed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub enough: BTreeMap<RoleName, u64>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Whose metadata it is.
    pub role: RoleName,
    /// Its name in the folder: [`file_name`] of its role.
    pub file: String,
    /// The version in it.
    pub version: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its length in bytes.
    pub length: u64,
}

/// A signature that is still to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// Whose metadata is to be signed.
    pub role: RoleName,
    /// Its version.
    pub version: u64,
    /// The SHA-256 of the bytes to sign, which lie in [`payload_name`] of the role.
    pub payload: Digest,
    /// By which key.
    pub keyid: KeyId,
    /// The key itself, as the metadata above names it.
    pub key: Key,
    /// Who holds it, for people.
    pub owner: String,
}

/// The name of a role's file in the folder of a bundle: `root.json`, `targets/releases.json`.
pub fn file_name(role: &RoleName) -> String {
    format!("{}.json", role.as_str())
}

/// The name of the file that holds the bytes to sign for a role: `targets.payload`.
pub fn payload_name(role: &RoleName) -> String {
    format!("{}.payload", role.as_str())
}

impl Bundle {
    /// Reads `bundle.json`.
    ///
    /// # Errors
    /// Where it is not of the form that [`Bundle::to_text`] writes, a role stands there twice or out of order, a file does not
    /// have its role's name, or a signature is wanted for a file that is not there or by a key that does not have that keyid.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(Malformed::whole(format!(
                "{} bytes are more than the {BUNDLE_BYTES_MAX} that are read",
                bytes.len()
            )));
        }
        let bundle: Self =
            serde_json::from_slice(bytes).map_err(|error| Malformed::whole(shown(&error.to_string())))?;
        bundle.check().map_err(Malformed::whole)?;
        Ok(bundle)
    }

    /// The file as [`Bundle::parse`] reads it: one line.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and lists are JSON") + "\n"
    }

    fn check(&self) -> Result<(), String> {
        let order = |role: &RoleName| match role {
            RoleName::Root => 0,
            RoleName::Targets => 1,
            RoleName::Other(_) => 2,
            RoleName::Snapshot => 3,
            RoleName::Timestamp => 4,
        };
        if self.files.is_empty() {
            return Err("it holds no file".into());
        }
        for file in &self.files {
            if file.file != file_name(&file.role) {
                return Err(format!(
                    "the file of {} is {}, not {}",
                    file.role,
                    shown(&file.file),
                    file_name(&file.role)
                ));
            }
            check_path(&file.file)?;
        }
        for pair in self.files.windows(2) {
            let [one, other] = [&pair[0].role, &pair[1].role].map(|role| (order(role), role.as_str()));
            if one >= other {
                return Err(format!("{} stands after {}", pair[1].role, pair[0].role));
            }
        }
        if let Some(file) = self.files.iter().find(|file| order(&file.role) > 3) {
            return Err(format!("{} is the server's alone", file.role));
        }
        let mut seen = BTreeSet::new();
        for want in &self.wants {
            let file = self
                .file(&want.role)
                .ok_or_else(|| format!("it wants a signature for {}, which is not in it", want.role))?;
            if file.version != want.version {
                return Err(format!(
                    "it holds {} {} and wants a signature for {}",
                    want.role, file.version, want.version
                ));
            }
            if want.key.id() != want.keyid {
                return Err(format!("the key {} that is to sign {} has another keyid", want.keyid, want.role));
            }
            if !seen.insert((&want.role, &want.keyid)) {
                return Err(format!("it wants the signature of {} for {} twice", want.keyid, want.role));
            }
        }
        for (role, enough) in &self.enough {
            let wants = self.wants.iter().filter(|want| want.role == *role).count() as u64;
            if !(1..wants).contains(enough) {
                return Err(format!("{enough} of {wants} signatures for {role} are to be enough"));
            }
        }
        Ok(())
    }

    /// How many signatures are still needed.
    pub fn needed(&self) -> u64 {
        let each = self.wants.iter().filter(|want| !self.enough.contains_key(&want.role)).count() as u64;
        each + self.enough.values().sum::<u64>()
    }

    /// One of the wants was met: it is none any more, nor are the others of its role once enough are there.
    pub(super) fn met(&mut self, at: usize) {
        let role = self.wants.remove(at).role;
        let Some(enough) = self.enough.get_mut(&role) else { return };
        *enough -= 1;
        let left = self.wants.iter().filter(|want| want.role == role).count() as u64;
        match *enough {
            0 => {
                self.enough.remove(&role);
                self.wants.retain(|want| want.role != role);
            }
            enough if enough == left => drop(self.enough.remove(&role)),
            _ => {}
        }
    }

    /// The file of a role.
    pub fn file(&self, role: &RoleName) -> Option<&BundleFile> {
        self.files.iter().find(|file| file.role == *role)
    }

    /// The names of all files in the folder of this bundle, but `bundle.json`.
    pub fn names(&self) -> BTreeSet<String> {
        let files = self.files.iter().map(|file| file.file.clone());
        files.chain(self.wants.iter().map(|want| payload_name(&want.role))).collect()
    }

    /// That `files` are the files of this bundle: each with its length, its digest and its version, each payload with its
    /// digest and the one that the file's signatures are over.
    ///
    /// # Errors
    /// `BYTES-MATCH-HASH`, or what reading a file refuses.
    pub fn check_files(&self, files: &Files) -> Result<(), Refusal> {
        let differs = |name: &str, what: &str| {
            let what = format!("{name} of {} {what}.", self.gun);
            Refusal::new(
                Rule::BytesMatchHash,
                what,
                "Take the bundle again from the record of its ceremony; do not mend it by hand.",
            )
        };
        for file in &self.files {
            let bytes = files.get(&file.file).ok_or_else(|| differs(&file.file, "is not there"))?;
            if bytes.len() as u64 != file.length || Digest::of(bytes) != file.sha256 {
                return Err(differs(
                    &file.file,
                    "is not the file that bundle.json names: its length or its SHA-256 is another",
                ));
            }
            let document = Document::parse(self.dialect, bytes)?;
            if document.version() != file.version {
                return Err(differs(&file.file, "has another version than bundle.json says"));
            }
            for want in self.wants.iter().filter(|want| want.role == file.role) {
                let name = payload_name(&want.role);
                let payload = files.get(&name).ok_or_else(|| differs(&name, "is not there"))?;
                if Digest::of(payload) != want.payload || payload != document.signed() {
                    return Err(differs(&name, "does not hold the bytes that are to be signed"));
                }
            }
        }
        Ok(())
    }

    /// That no signature is wanted any more.
    ///
    /// # Errors
    /// `BUNDLE-COMPLETE`, with each signature that is still to come and who gives it.
    pub fn complete(&self) -> Result<(), Refusal> {
        if self.wants.is_empty() {
            return Ok(());
        }
        let by = |want: &Want| format!("{} (key {})", shown(&want.owner), want.keyid.short());
        let each = self.wants.iter().filter(|want| !self.enough.contains_key(&want.role));
        let each = each.map(|want| format!("{} {} by {}", want.role, want.version, by(want)));
        let some = self.enough.iter().map(|(role, enough)| {
            let of: Vec<_> = self.wants.iter().filter(|want| want.role == *role).map(by).collect();
            format!("{role} by any {enough} of {}", of.join(", "))
        });
        let wants: Vec<_> = each.chain(some).collect();
        let what = format!("{} still wants a signature: {}.", self.gun, wants.join("; "));
        let remedy =
            "Have the .payload file signed by the key's owner and take the signature in: officiant-courier complete.";
        Err(Refusal::new(Rule::BundleComplete, what, remedy))
    }
}

/// A folder of bundles whose manifest holds together.
#[derive(Clone, Debug)]
pub struct Publication {
    manifest: Manifest,
    guns: Vec<Gun>,
}

impl Publication {
    /// Reads the manifest of such a folder.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE` where something lies beside the repositories, or one of them has no `bundle.json`.
    pub fn open(manifest: Manifest) -> Result<Self, Refusal> {
        let Grouped { repositories, others } = manifest.repositories()?;
        if let Some(other) = others.first() {
            return Err(incomplete(format!("{MANIFEST} lists {}, which is no part of a bundle.", shown(&other.path))));
        }
        if repositories.is_empty() {
            return Err(incomplete(format!("{MANIFEST} lists no file below {REPOSITORIES}/.")));
        }
        let without = repositories.iter().find(|(gun, _)| manifest.get(&format!("{}/{BUNDLE}", folder(gun))).is_none());
        if let Some((gun, _)) = without {
            return Err(incomplete(format!("{gun} has no {BUNDLE}.")));
        }
        let mut guns: Vec<Gun> = repositories.into_iter().map(|(gun, _)| gun).collect();
        guns.sort();
        Ok(Self { manifest, guns })
    }

    /// Every file, with its digest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The repositories, in the order of their names.
    pub fn guns(&self) -> &[Gun] {
        &self.guns
    }

    /// The names of the files of one repository, `bundle.json` among them.
    pub fn names(&self, gun: &Gun) -> Vec<&str> {
        let folder = folder(gun);
        self.manifest.below(&folder).iter().map(|entry| &entry.path[folder.len() + 1..]).collect()
    }

    /// The bundle of one repository, from all its files: `bundle.json` and what it names, each the file that the manifest
    /// lists, and none beside them.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE`, `BYTES-MATCH-HASH`, `BUNDLE-COMPLETE` where `bundle.json` is malformed or that of another
    /// repository, or what reading a file refuses. A bundle that still wants a signature is not refused here.
    pub fn bundle(&self, gun: &Gun, files: &Files) -> Result<Bundle, Refusal> {
        let folder = folder(gun);
        for (name, bytes) in files {
            self.manifest.check(&format!("{folder}/{name}"), bytes)?;
        }
        let malformed = |what: String| {
            Refusal::new(
                Rule::BundleComplete,
                what,
                "Take the bundle again from the record of its ceremony; do not mend it by hand.",
            )
        };
        let bytes = files.get(BUNDLE).ok_or_else(|| incomplete(format!("{gun} has no {BUNDLE}.")))?;
        let bundle = Bundle::parse(bytes).map_err(|error| malformed(format!("{BUNDLE} of {gun}: {error}.")))?;
        if bundle.gun != *gun {
            return Err(malformed(format!("The folder of {gun} holds the bundle of {}.", bundle.gun)));
        }
        let mut names = bundle.names();
        names.insert(BUNDLE.into());
        if let Some(other) = self.names(gun).into_iter().find(|name| !names.contains(*name)) {
            return Err(incomplete(format!("{gun} has {}, which its {BUNDLE} does not name.", shown(other))));
        }
        bundle.check_files(files)?;
        Ok(bundle)
    }
}
