//! Backups that were made before: a rehearsal has throw-away shares in their place, and a throw-away sealed file that they open.

use std::path::Path;

use p256::{
    ecdsa::SigningKey,
    pkcs8::{EncodePrivateKey, LineEnding},
};

use super::{FOLDER, make, odd, page, tuf_key, write_input};
use crate::{
    backup::{About, Identity, ROWS, Set, seal, split},
    ceremony::{
        event::Event,
        script::{KeptSpec, Script},
    },
    digest::Digest,
    fault::Error,
    files,
    keyfile::{KeyFile, PrivateKey},
    rules::{Refusal, Rule},
    secret::Secret,
    utc::Utc,
};

/// Twins of one backup: of its set, as many shares as the real one has, and of its sealed file where the script has one. `brought` is the
/// twin of its key, where another file of the rehearsal holds it already.
pub(super) fn twin(
    script: &Script,
    kept: &KeptSpec,
    brought: Option<&SigningKey>,
    beside: &Path,
    record: &Path,
    now: Utc,
) -> Result<Vec<Event>, Error> {
    let real = pinned(&kept.file, kept.sha256, "the set of shares", beside)?;
    let Ok(real) = serde_json::from_slice::<Set>(&real) else {
        let what = format!("{} holds no set of shares.", files::name(&beside.join(&kept.file)));
        return Err(Refusal::new(Rule::BytesMatchHash, what, "Put the set of the record beside the script.").into());
    };
    let identity = Identity::fresh()?;
    let mut events = vec![];
    let mut keyid = real.keyid.clone();
    let fresh = match brought {
        Some(_) => None,
        None => Some(SigningKey::from_slice(PrivateKey::generate_p256()?.material().expose()).map_err(|e| odd(&e))?),
    };
    let pair = brought.or(fresh.as_ref()).ok_or_else(|| odd(&"a twin is gone"))?;
    if let Some(on_paper) = &kept.keyid {
        let key = tuf_key(script, pair)?;
        keyid = key.id();
        if brought.is_none() {
            events.push(Event::StandIn { real: on_paper.clone(), twin: key });
        }
    }
    if let Some(sealed) = &kept.sealed {
        pinned(&sealed.file, sealed.sha256, "the sealed file", beside)?;
        let about = About { keyid: keyid.clone(), ceremony: script.title.clone(), made: now, history: None };
        let file = seal(&private(pair)?, &about, &identity).map_err(|wrong| wrong.fault("seal a throw-away key"))?;
        write_input(record, &sealed.file, file.bytes())?;
        events.push(Event::TwinSet { real: sealed.sha256, twin: file.digest() });
    }
    let split = split(&identity, real.scheme, &keyid)?;
    make(&record.join(FOLDER).join("shares"))?;
    for share in &split.shares {
        let mut rows = vec![];
        for row in 1..=ROWS {
            rows.extend_from_slice(share.row(row)?.expose());
            rows.push(b'\n');
        }
        files::write_new(&page(record, &split.set.id(), share.label().index), &rows)?;
    }
    let twin = serde_json::to_vec_pretty(&split.set).map_err(|error| odd(&error))?;
    write_input(record, &kept.file, &twin)?;
    events.push(Event::TwinSet { real: kept.sha256, twin: Digest::of(&twin) });
    Ok(events)
}

/// A file beside the script that is the pinned one.
fn pinned(file: &str, sha256: Digest, what: &str, beside: &Path) -> Result<Vec<u8>, Error> {
    let path = beside.join(file);
    let bytes = files::read(&path, files::limit::METADATA)?;
    if Digest::of(&bytes) == sha256 {
        return Ok(bytes);
    }
    Err(Refusal::new(
        Rule::BytesMatchHash,
        format!("{} is not {what} that the script pins.", files::name(&path)),
        "Put the pinned file beside the script: a rehearsal makes a twin of it.",
    )
    .into())
}

fn private(pair: &SigningKey) -> Result<PrivateKey, Error> {
    let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(|error| odd(&error))?;
    let file = KeyFile::parse(Secret::copied(pem.as_bytes())?).map_err(|error| odd(&error))?;
    Ok(file.open(0, None).map_err(|error| odd(&error))?)
}
