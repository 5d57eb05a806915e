//! A signature that was made elsewhere is taken into a bundle: by the owner of a tagging key, say, with `openssl dgst -sha256
//! -sign` over the payload file.

use super::{
    Bundle, Want,
    bundle::{Files, file_name, payload_name},
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    text::shown,
    tuf::{Dialect, Document, KeyId, PublicKey, RawSignature, RoleName, Signature},
};

/// The longest signature that is read, in bytes: twice that of RSA-4096.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

/// Takes `signature` into the file of `role`: it is verified over the payload by the key that the bundle wants it from, and
/// the metadata of the bundle that names the keys of the role has to name that key. Returns the bundle and its files as they
/// are then; the payload goes once nobody has to sign it any more.
///
/// `signature` may be raw or, for ECDSA, DER; it is written as the dialect has it.
///
/// # Errors
/// `BUNDLE-COMPLETE` where no such signature is wanted or the metadata above names another key; `SIGNATURE-VERIFIES`;
/// what [`Bundle::check_files`] refuses.
pub fn complete(
    bundle: &Bundle,
    files: &Files,
    role: &RoleName,
    keyid: &KeyId,
    signature: &[u8],
) -> Result<(Bundle, Files), Refusal> {
    bundle.check_files(files)?;
    let at = bundle.wants.iter().position(|want| want.role == *role && want.keyid == *keyid);
    let Some(at) = at else { return Err(not_wanted(bundle, role, keyid)) };
    let want = &bundle.wants[at];
    named_above(bundle, files, want)?;

    let name = file_name(role);
    let document = Document::parse(bundle.dialect, &files[&name])?;
    let signature =
        verified(bundle.dialect, keyid, want.key.public(), document.signed(), signature).ok_or_else(|| {
            let what = format!(
                "The signature is not one of key {} ({}) over {} of {}.",
                want.keyid.short(),
                want.key.public().algorithm(),
                payload_name(role),
                bundle.gun
            );
            let remedy = match want.key.public() {
                PublicKey::Rsa(_) => {
                    "Sign the .payload file itself, byte for byte, with that key, PSS, SHA-256 and a salt of 32 bytes: openssl dgst -sha256 \
                     -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sign KEY -out SIGNATURE FILE."
                }
                PublicKey::Ed25519(_) => {
                    "Sign the .payload file itself, byte for byte, with that key: openssl pkeyutl -sign -rawin -inkey KEY -in FILE -out \
                     SIGNATURE."
                }
                _ => {
                    "Sign the .payload file itself, byte for byte, with that key and SHA-256: openssl dgst -sha256 -sign KEY -out SIGNATURE \
                     FILE."
                }
            };
            Refusal::new(Rule::SignatureVerifies, what, remedy)
        })?;

    let mut signatures: Vec<Signature> = document.signatures().to_vec();
    signatures.retain(|other| other.keyid != *keyid);
    signatures.push(signature);
    let bytes = bundle.dialect.envelope(document.signed(), &signatures);

    let (mut bundle, mut files) = (bundle.clone(), files.clone());
    bundle.met(at);
    for file in bundle.files.iter_mut().filter(|file| file.role == *role) {
        (file.sha256, file.length) = (Digest::of(&bytes), bytes.len() as u64);
    }
    files.insert(name, bytes);
    if !bundle.wants.iter().any(|want| want.role == *role) {
        files.remove(&payload_name(role));
    }
    bundle.check_files(&files)?;
    Ok((bundle, files))
}

fn not_wanted(bundle: &Bundle, role: &RoleName, keyid: &KeyId) -> Refusal {
    let wanted: Vec<_> = bundle.wants.iter().map(|want| format!("{} by {}", want.role, want.keyid)).collect();
    let what = format!("{} does not want a signature of {keyid} for {role}.", bundle.gun);
    let remedy = if wanted.is_empty() {
        "It is complete: publish it.".into()
    } else {
        format!("It wants: {}.", wanted.join("; "))
    };
    Refusal::new(Rule::BundleComplete, what, remedy)
}

/// Where the metadata that names the keys of the role is in the bundle, it names this key.
fn named_above(bundle: &Bundle, files: &Files, want: &Want) -> Result<(), Refusal> {
    let above = match &want.role {
        RoleName::Root | RoleName::Targets | RoleName::Snapshot | RoleName::Timestamp => RoleName::Root,
        RoleName::Other(name) => match name.rsplit_once('/') {
            Some((parent, _)) => RoleName::from(parent),
            None => RoleName::Targets,
        },
    };
    let Some(bytes) = files.get(&file_name(&above)).filter(|_| bundle.file(&above).is_some()) else { return Ok(()) };
    let named = match Document::parse(bundle.dialect, bytes)? {
        Document::Root(root) => {
            let root = root.document();
            root.role(&want.role).is_some_and(|role| role.keyids.contains(&want.keyid))
                && root.keys.get(&want.keyid) == Some(&want.key)
        }
        Document::Targets(targets) => targets.document().delegations.as_ref().is_some_and(|delegations| {
            delegations.keys.get(&want.keyid) == Some(&want.key)
                && delegations.roles.iter().any(|role| role.name == want.role && role.role.keyids.contains(&want.keyid))
        }),
        Document::Snapshot(_) | Document::Timestamp(_) => false,
    };
    if named {
        return Ok(());
    }
    let what = format!(
        "{above} of {} does not let key {} ({}) sign {}.",
        bundle.gun,
        want.keyid.short(),
        shown(&want.owner),
        want.role
    );
    Err(Refusal::new(
        Rule::BundleComplete,
        what,
        "Take the bundle again from the record of its ceremony; do not mend it by hand.",
    ))
}

/// The signature as metadata carries it, where it verifies in one of the forms that it may have come in.
fn verified(
    dialect: Dialect,
    keyid: &KeyId,
    public: &PublicKey,
    payload: &[u8],
    signature: &[u8],
) -> Option<Signature> {
    let der = match public {
        PublicKey::P256(_) => p256::ecdsa::Signature::from_der(signature).ok().map(|s| s.to_bytes().to_vec()),
        PublicKey::P384(_) => p384::ecdsa::Signature::from_der(signature).ok().map(|s| s.to_bytes().to_vec()),
        PublicKey::P521(_) => p521::ecdsa::Signature::from_der(signature).ok().map(|s| s.to_bytes().to_vec()),
        _ => None,
    };
    [Some(signature.to_vec()), der].into_iter().flatten().find_map(|bytes| {
        let signature = dialect.signature(keyid.clone(), public, &RawSignature::new(bytes))?;
        dialect.verifies(public, payload, &signature).then_some(signature)
    })
}
