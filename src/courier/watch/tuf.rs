//! What ends when in a TUF 1.0 repository.

use super::Deadline;
use crate::{
    courier::{args::Connection, collect::tuf, outcome::Failure, outcome::Stop, peek::Peek},
    transfer::Gun,
    utc::Utc,
};

/// Fetches the repository at `url` as clients do, and says what ends when. Timestamp and snapshot are renewed by the repository itself
/// every few hours or days: they are told only where they have ended.
///
/// # Errors
/// Where the address is none. What fails on the way comes back with the name of the repository.
pub fn look(
    url: &str,
    name: Option<&Gun>,
    connection: &Connection,
    now: Utc,
) -> Result<(Gun, Result<Vec<Deadline>, Failure>), Stop> {
    let source = tuf::Source::new(url, name, connection)?;
    let found = tuf::fetched(&source).and_then(|files| {
        let mut deadlines = vec![];
        let newest = files.get("root.json").and_then(|root| Peek::new(root).ok()).and_then(|root| root.version());
        for (file, bytes) in files.iter().filter(|(file, _)| !is_older_root(file, newest)) {
            deadlines.extend(deadline(&source.name, file, bytes, now)?);
        }
        Ok(deadlines)
    });
    Ok((source.name, found))
}

/// Roots that came before are steps on the way of a client, which does not ask whether they have ended. The newest is there under two names.
fn is_older_root(file: &str, newest: Option<u64>) -> bool {
    file.strip_suffix(".root.json").is_some_and(|version| version.parse().ok() != newest) || file == "root.json"
}

fn deadline(name: &Gun, file: &str, bytes: &[u8], now: Utc) -> Result<Option<Deadline>, Failure> {
    let nonsense = |what: String| Failure::Server {
        doing: format!("read {} of {name}", crate::text::shown(file)),
        said: what,
        remedy: "Clients cannot read it either. Ask whoever runs the repository.".into(),
    };
    let peek = Peek::new(bytes).map_err(nonsense)?;
    let (Some(role), Some(version), Some(at)) = (peek.kind(), peek.version(), peek.expires()) else {
        return Err(nonsense("it does not say what it is, which version, and until when".into()));
    };
    let role = match role.as_str() {
        // A delegated role's file is called by its name, with escapes.
        "targets" => {
            file.trim_end_matches(".json").trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('.')
        }
        other => other,
    };
    let then = match role {
        "root" => "clients refuse the repository",
        "timestamp" | "snapshot" if at <= now => "clients refuse the repository until the server renews it",
        "timestamp" | "snapshot" => return Ok(None),
        _ => "clients refuse what it names",
    };
    let what = format!("{} {version}", crate::text::shown(role));
    Ok(Some(Deadline { at, gun: name.clone(), what, then: then.into(), avoidable: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_of_its_end() {
        let name = Gun::parse("tuf.example/metadata").expect("a name");
        let now = Utc::parse("2026-12-01T00:00:00Z").expect("an instant");
        let of = |file: &str, kind: &str, expires: &str| {
            let text = format!(r#"{{"signed":{{"_type":"{kind}","version":7,"expires":"{expires}"}}}}"#);
            deadline(&name, file, text.as_bytes(), now).map(|found| found.map(|found| found.what))
        };
        let later = "2027-01-01T00:00:00Z";
        assert_eq!(of("7.root.json", "root", later), Ok(Some("root 7".into())));
        assert_eq!(of("7.targets.json", "targets", later), Ok(Some("targets 7".into())));
        assert_eq!(of("targets.json", "targets", later), Ok(Some("targets 7".into())));
        assert_eq!(of("7.bins-0a.json", "targets", later), Ok(Some("bins-0a 7".into())));
        assert_eq!(of("timestamp.json", "timestamp", later), Ok(None));
        assert_eq!(of("timestamp.json", "timestamp", "2026-11-30T23:59:59Z"), Ok(Some("timestamp 7".into())));
        assert!(of("7.targets.json", "targets", "tomorrow").is_err());
        assert!(
            is_older_root("6.root.json", Some(7))
                && is_older_root("root.json", Some(7))
                && !is_older_root("7.root.json", Some(7))
        );
    }
}
