//! Keys from outside: their files, what their owners' paper says, and the statement that proves them.

use std::path::Path;

use super::{
    ask::Asking,
    plan::{KeyPlan, Plan, Proof},
};
use crate::{
    cli::exit::Stop,
    digest::Digest,
    fault::Fault,
    files, preflight,
    readback::Challenge,
    tuf::{
        dialect::Dialect,
        key::{Key, PublicKey},
    },
};

/// The key of an online role.
pub(super) fn online_key(plan: &mut Plan, role: &str, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let owner = ask.text(&format!("Who owns the key of the online role {role}"), Some("Repository server"))?;
    let default = format!("online-keys/{role}.pem");
    let file =
        ask.ask(&format!("The file with the public key of {role}, below the script's folder"), Some(&default), below)?;
    if let Some(key) = read_key(&file, Dialect::default()) {
        ask.say(&format!("  The file that lies there now holds {}. The paper decides, not the file.", key.id()));
    }
    let keyid = ask.text(&format!("The keyid of {role}, copied from its owner's own paper"), None)?;
    let proof = proof(plan, role, &keyid, &default.replace(".pem", ".possession"), true, ask)?;
    plan.keys.push(KeyPlan { name: role.to_owned(), owner, file, keyid, proof });
    Ok(())
}

/// How the owner of a key shows that they hold it.
pub(super) fn proof(
    plan: &Plan,
    role: &str,
    keyid: &str,
    default: &str,
    by_server: bool,
    ask: &mut Asking<'_>,
) -> Result<Proof, Stop> {
    if ask.yes(&format!("Is the key of {role} held by a server that signs no statements"), by_server)? {
        return Ok(Proof::Server);
    }
    let file = ask.ask("The file with the proof of possession", Some(default), below)?;
    statement(plan, role, keyid, ask)?;
    Ok(Proof::Statement(file))
}

/// Shows the statement that the owner of a key signs.
fn statement(plan: &Plan, role: &str, keyid: &str, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let begins = plan.planned.map_or_else(preflight::now, Ok)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| Fault::machine("draw a random nonce", error))?;
    let last_day = begins.plus_days(30).date();
    let challenge = Challenge::possession(&plan.repository, role, keyid, &last_day, &nonce);
    ask.say("  The owner of the key signs the lines between the rules, each with its line feed, and adds a last line");
    ask.say("  `signature: ` with the signature in hexadecimal (ECDSA as DER). Both together are the proof.");
    ask.say("  ----");
    String::from_utf8_lossy(challenge.bytes()).lines().for_each(|line| ask.say(line));
    ask.say("  ----");
    Ok(())
}

/// A path as a script takes it.
pub(super) fn below(answer: &str) -> Result<String, String> {
    if answer.is_empty() || answer.starts_with('/') || answer.split('/').any(|part| part == ".." || part.is_empty()) {
        return Err("a path below the script's own folder, without ..".into());
    }
    Ok(answer.to_owned())
}

/// The public key in a file, where one lies there.
pub(super) fn read_key(file: &str, dialect: Dialect) -> Option<Key> {
    let bytes = files::read(Path::new(file), files::limit::PUBLIC_KEY).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    PublicKey::from_spki_pem(text).and_then(|public| dialect.key(&public)).or_else(|| serde_json::from_str(text).ok())
}

/// A keyid from paper.
pub(super) fn keyid(ask: &mut Asking<'_>, question: &str) -> Result<String, Stop> {
    ask.ask(question, None, |keyid| match Digest::from_hex(keyid) {
        Some(digits) => Ok(digits.to_string()),
        None => Err("64 hexadecimal digits".into()),
    })
}
