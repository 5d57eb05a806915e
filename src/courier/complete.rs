//! `complete`: signatures that were made elsewhere, into a new folder of bundles.

use std::path::Path;

use super::{
    args::Complete,
    folder::{Folder, lead_to},
    outcome::{Exit, Stop, product, say},
};
use crate::{
    digest::Digest,
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    transfer::{
        Bundle, Gun, MANIFEST, Manifest, REPOSITORIES, Want,
        bundle::{BUNDLE, Files, payload_name},
        collection,
        completion::{SIGNATURE_BYTES_MAX, complete as take_in},
        manifest::Entry,
    },
    tuf::{KeyId, RoleName},
};

/// Does it: every signature is verified before anything is written.
///
/// # Errors
/// `BUNDLE-COMPLETE` where a signature is not wanted, `SIGNATURE-VERIFIES`, `OUTPUT-FRESH`, what the folder refuses, or a fault.
pub fn complete(args: &Complete) -> Result<Exit, Stop> {
    let folder = Folder::open(&args.folder)?;
    let source = Source::of(args)?;
    if args.output.exists() {
        let what = format!("{} already exists.", files::name(&args.output));
        return Err(Refusal::new(Rule::OutputFresh, what, "Name another place, or move the old one away.").into());
    }
    let (mut taken, mut wanted) = (0, 0u64);
    for gun in folder.publication().guns() {
        let (bundle, _, count) = completed(&folder, gun, &source)?;
        taken += count;
        wanted += bundle.needed();
    }
    if taken == 0 {
        let what = "No signature was found that a bundle wants; they are looked for as ROLE.payload.sig or ROLE.payload.KEYID.sig.";
        return Err(Stop::Usage(what.into()));
    }
    let mut new = New::create(&args.output)?;
    for gun in folder.publication().guns() {
        let (bundle, found, _) = completed(&folder, gun, &source)?;
        new.write(gun, &bundle, &found)?;
        if let Err(refusal) = bundle.complete() {
            say(&format!("wants      {}", refusal.what));
        }
    }
    let manifest = new.close()?;
    product(&format!(
        "{taken} signatures taken in, {wanted} still wanted\n{}: MANIFEST {manifest}\n",
        files::name(&args.output)
    ))?;
    Ok(Exit::Done)
}

/// Where signatures come from.
enum Source<'a> {
    /// One, for one file.
    One { gun: &'a Gun, role: RoleName, keyid: KeyId, file: &'a Path },
    /// A copy of the folder, with signatures beside the payloads.
    Beside(&'a Path),
}

impl<'a> Source<'a> {
    fn of(args: &'a Complete) -> Result<Self, Stop> {
        match args {
            Complete { signatures: Some(folder), .. } => Ok(Self::Beside(folder)),
            Complete { gun: Some(gun), role: Some(role), keyid: Some(keyid), signature: Some(file), .. } => {
                let (role, keyid) = (RoleName::from(role.as_str()), KeyId::from(keyid.as_str()));
                Ok(Self::One { gun, role, keyid, file })
            }
            _ => Err(Stop::Usage("name --gun, --role, --keyid and --signature, or --signatures".into())),
        }
    }

    /// The signatures for one repository: role, key and bytes.
    fn signatures(&self, bundle: &Bundle) -> Result<Vec<(RoleName, KeyId, Vec<u8>)>, Fault> {
        let read = |path: &Path| files::read(path, SIGNATURE_BYTES_MAX as u64);
        match self {
            Self::One { gun, role, keyid, file } if **gun == bundle.gun => {
                Ok(vec![(role.clone(), keyid.clone(), read(file)?)])
            }
            Self::One { .. } => Ok(vec![]),
            Self::Beside(folder) => {
                let folder = folder.join(collection::folder(&bundle.gun));
                let mut found = Vec::new();
                for Want { role, keyid, .. } in &bundle.wants {
                    let payload = payload_name(role);
                    let names = [format!("{payload}.{}.sig", keyid.as_str()), format!("{payload}.sig")];
                    if let Some(path) = names.iter().map(|name| folder.join(name)).find(|path| path.exists()) {
                        found.push((role.clone(), keyid.clone(), read(&path)?));
                    }
                }
                Ok(found)
            }
        }
    }
}

/// The bundle of one repository with what there is for it, and how many signatures that was.
fn completed(folder: &Folder, gun: &Gun, source: &Source<'_>) -> Result<(Bundle, Files, usize), Stop> {
    let (mut bundle, mut found) = folder.bundle(gun)?;
    let signatures = source.signatures(&bundle)?;
    let mut taken = 0;
    for (role, keyid, signature) in &signatures {
        // Where enough have signed, another one that lies there is no mistake.
        let wanted = bundle.wants.iter().any(|want| want.role == *role && want.keyid == *keyid);
        if matches!(source, Source::Beside(_)) && !wanted {
            continue;
        }
        (bundle, found) = take_in(&bundle, &found, role, keyid, signature)?;
        taken += 1;
    }
    if matches!(source, Source::One { gun: wanted, .. } if folder.publication().guns().binary_search(wanted).is_err()) {
        return Err(Stop::Usage(format!("{} holds no bundle of that repository", files::name(folder.path()))));
    }
    Ok((bundle, found, taken))
}

/// The new folder.
struct New<'a> {
    path: &'a Path,
    entries: Vec<Entry>,
}

impl<'a> New<'a> {
    fn create(path: &'a Path) -> Result<Self, Error> {
        files::create_directory(path)?;
        files::create_directory(&path.join(REPOSITORIES))?;
        Ok(Self { path, entries: vec![] })
    }

    fn write(&mut self, gun: &Gun, bundle: &Bundle, found: &Files) -> Result<(), Error> {
        let text = bundle.to_text().into_bytes();
        let all = found.iter().map(|(name, bytes)| (name.as_str(), bytes)).chain([(BUNDLE, &text)]);
        for (name, bytes) in all {
            let path = format!("{}/{name}", collection::folder(gun));
            lead_to(self.path, &path)?;
            files::write_new_to_sync_later(&self.path.join(&path), bytes)?;
            self.entries.push(Entry { path, digest: Digest::of(bytes) });
        }
        Ok(())
    }

    fn close(self) -> Result<Digest, Error> {
        let manifest = Manifest::of(self.entries).map_err(|error| Fault::machine("list the new folder", error))?;
        files::sync_filesystem_of(self.path)?;
        files::write_new(&self.path.join(MANIFEST), manifest.to_text().as_bytes())?;
        Ok(manifest.digest())
    }
}
