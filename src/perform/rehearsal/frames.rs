//! Pictures of QR codes for the steps of a rehearsal that read some: a camera cannot be pointed at the courier's page, which knows
//! nothing of throw-away keys.

use std::path::{Path, PathBuf};

use super::{FOLDER, inputs, make};
use crate::{
    ceremony::{
        crossing::Received,
        script::{PossessionSpec, Script},
        steps::{Action, ImportQr},
    },
    digest::Digest,
    fault::Error,
    files,
    qr::{
        Symbol, paper,
        symbol::{VERSION_USUAL, letters},
    },
    transfer::{
        MANIFEST, Manifest, compressed,
        parcel::{File, Parcel},
        ur::Stream,
    },
};

/// The folder with the pictures of a rehearsal.
pub fn frames(record: &Path) -> PathBuf {
    record.join(FOLDER).join("frames")
}

/// The folder with the pictures of the step that reads into `folder`.
pub fn frames_of(frames: &Path, folder: &str) -> PathBuf {
    frames.join(format!("into-{}", folder.replace('/', "+")))
}

/// Makes them out of the rehearsal's inputs.
pub(super) fn make_frames(script: &Script, record: &Path) -> Result<(), Error> {
    let steps: Vec<&ImportQr> = script.numbered().filter_map(|(_, step)| qr_of(&step.action)).collect();
    for step in &steps {
        let mut carried = vec![];
        for path in paths(script, record)? {
            // Of several steps, the one with the longest folder carries a file.
            let carrier = steps.iter().filter(|step| name_in(&step.folder, &path).is_some());
            let carrier = carrier.max_by_key(|step| step.folder.len());
            if carrier.is_some_and(|carrier| carrier.folder == step.folder)
                && let Some(name) = name_in(&step.folder, &path)
            {
                let bytes = files::read(&inputs(record).join(&path), files::limit::METADATA)?;
                carried.push(File { name, bytes });
            }
        }
        let parcel = Parcel::new(carried)?;
        let stream = Stream::new(compressed::compress(&parcel.to_bytes())?, letters(VERSION_USUAL))?;
        let folder = frames_of(&frames(record), &step.folder);
        make(&folder)?;
        for number in 1..=stream.count() {
            let png = paper::png(&Symbol::new(&stream.frame(number), VERSION_USUAL)?)?;
            files::write_new(&folder.join(format!("frame-{number:04}.png")), &png)?;
        }
    }
    Ok(())
}

fn qr_of(action: &Action) -> Option<&ImportQr> {
    match action {
        Action::ImportQr(step) => Some(step),
        _ => None,
    }
}

fn name_in(folder: &str, path: &str) -> Option<String> {
    let received = Received { folder: folder.to_owned(), parcel: Digest::of(b"") };
    received.name_of(path).map(str::to_owned)
}

/// Every file that an import of the script reads.
fn paths(script: &Script, record: &Path) -> Result<Vec<String>, Error> {
    let mut paths: Vec<String> = script.previous.iter().map(|previous| previous.file.clone()).collect();
    for key in &script.keys {
        paths.push(key.file.clone());
        if let PossessionSpec::Statement(file) = &key.possession {
            paths.push(file.clone());
        }
    }
    let spec = script.repositories.as_ref();
    let folders = spec.into_iter().flat_map(|spec| {
        let before = spec.before.as_ref().map(|before| before.folder.as_str());
        std::iter::once(spec.collection.folder.as_str()).chain(before)
    });
    for folder in folders {
        let bytes = files::read(&inputs(record).join(folder).join(MANIFEST), files::limit::INPUTS)?;
        let manifest = Manifest::required(&bytes)?;
        let listed = manifest.entries().iter().map(|entry| entry.path.as_str());
        paths.extend(listed.chain([MANIFEST]).map(|name| format!("{folder}/{name}")));
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}
