//! Proofs of possession that come in as a file: whoever holds a key from outside shows that they do (`KEY-POSSESSION`).
//!
//! The file is text: the statement, line by line, then one line `signature: ` with the hexadecimal digits of what OpenSSL
//! makes, whatever the dialect of the metadata. Any tool that signs a file with the key can make one: `docs/SCRIPT-FORMAT.md` shows how, with OpenSSL.

use super::script::{KeySpec, Script};
use crate::{
    readback::CHALLENGE_PREFIX,
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::{
        dialect::statement_signature,
        key::{Key, RawSignature},
    },
    utc::Utc,
};

/// Checks a proof: its signature, and that it is for this repository, role and key and that its last day has not passed.
///
/// # Errors
/// `KEY-POSSESSION`.
pub fn check(file: &[u8], script: &Script, spec: &KeySpec, key: &Key, now: Utc) -> Result<Passed, Refusal> {
    let refuse = |what: String| {
        Refusal::new(
            Rule::KeyPossession,
            format!("The proof of possession of {}: {what}.", spec.name),
            "Ask the key's owner for a new proof, over the statement that belongs to this script.",
        )
    };
    let text = std::str::from_utf8(file).map_err(|_| refuse("the file is not text".into()))?;
    let (statement, last) =
        text.trim_end().rsplit_once('\n').ok_or_else(|| refuse("it has no signature line".into()))?;
    let statement = format!("{statement}\n");
    if !statement.as_bytes().starts_with(CHALLENGE_PREFIX) {
        return Err(refuse("it does not begin like a statement of this program".into()));
    }
    let field = |name: &str| {
        let mut lines = statement.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = lines.next().unwrap_or_default().to_owned();
        if lines.next().is_some() { String::new() } else { value }
    };
    let roles = script.roles_of(&spec.name);
    for (name, right) in
        [("purpose", "possession"), ("repository", script.repository.as_str()), ("keyid", &key.id().to_string())]
    {
        if field(name) != right {
            return Err(refuse(format!("its {name} is “{}”, not “{}”", shown(&field(name)), shown(right))));
        }
    }
    if !roles.contains(&field("role")) {
        return Err(refuse(format!("its role is “{}”, this key is for {}", shown(&field("role")), roles.join(", "))));
    }
    let last_day = Utc::parse(&format!("{}T23:59:59Z", field("last-day")))
        .ok_or_else(|| refuse("its last day is no date".into()))?;
    if now > last_day {
        return Err(refuse(format!("its last day was {}", last_day.date())));
    }
    let signature =
        last.strip_prefix("signature: ").map(str::trim).ok_or_else(|| refuse("it has no signature line".into()))?;
    let raw: Option<RawSignature> = statement_signature(key.public(), signature);
    if !raw.is_some_and(|raw| key.public().verify(statement.as_bytes(), &raw)) {
        return Err(refuse("its signature does not verify".into()));
    }
    Ok(Passed::new(
        Rule::KeyPossession,
        format!("{} signed for role {} until {}", spec.name, field("role"), last_day.date()),
    ))
}
