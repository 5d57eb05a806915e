//! Who asks: the tokens of registries (the "Docker registry token authentication" of distribution), or a password.

use std::{collections::BTreeMap, path::Path};

use zeroize::Zeroizing;

use super::{
    http::{ANSWER_BYTES_MAX, Address, Http, query_encoded},
    outcome::{Failure, Stop},
};
use crate::{fault::Fault, files, text::shown_up_to, transfer::Gun};

/// The variable that the stock client takes credentials from.
pub const VARIABLE: &str = "NOTARY_AUTH";

/// The credentials: base64 of `user:password`, which goes into a header as it is. Not shown and not kept beyond its use.
pub struct Credentials {
    everywhere: Option<Zeroizing<String>>,
    /// Of a Docker configuration, by registry.
    auths: BTreeMap<String, Zeroizing<String>>,
}

impl Credentials {
    /// Those of the environment, and of a Docker configuration where one is named.
    ///
    /// # Errors
    /// Where they are not base64, or the configuration keeps them elsewhere.
    pub fn find(docker_config: Option<&Path>) -> Result<Self, Stop> {
        let everywhere = match std::env::var(VARIABLE) {
            Ok(text) if !text.trim().is_empty() => Some(checked(text.trim()).ok_or_else(|| {
                Stop::Usage(format!("{VARIABLE} is not base64 of user:password (printf %s user:password | base64 -w0)"))
            })?),
            _ => None,
        };
        let auths = docker_config.map(read).transpose()?.unwrap_or_default();
        Ok(Self { everywhere, auths })
    }

    /// Those for `gun` at `server`: of the environment, or of the registry in the name, or of the server's host.
    fn of(&self, server: &Address, gun: Option<&Gun>) -> Option<&Zeroizing<String>> {
        let registry = gun.and_then(|gun| gun.as_str().split('/').next()).unwrap_or_default();
        let registry = if registry == "docker.io" { "index.docker.io" } else { registry };
        self.everywhere.as_ref().or_else(|| self.auths.get(registry)).or_else(|| self.auths.get(server.authority()))
    }
}

fn checked(text: &str) -> Option<Zeroizing<String>> {
    let base64 = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte));
    (base64 && text.len() >= 2).then(|| Zeroizing::new(text.to_owned()))
}

fn read(path: &Path) -> Result<BTreeMap<String, Zeroizing<String>>, Stop> {
    let wrong = |what: &str| Stop::Usage(format!("{}: {what}", files::name(path)));
    let bytes = Zeroizing::new(files::read(path, files::limit::ANSWERS)?);
    let config: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| wrong(&error.to_string()))?;
    let mut found = BTreeMap::new();
    for (registry, entry) in config["auths"].as_object().into_iter().flatten() {
        let host = registry.trim_start_matches("https://").trim_start_matches("http://");
        let host = host.split('/').next().unwrap_or(host);
        if let Some(auth) = entry["auth"].as_str().and_then(checked) {
            found.insert(host.to_owned(), auth);
        }
    }
    let elsewhere = config.get("credsStore").is_some() || config.get("credHelpers").is_some();
    if found.is_empty() && elsewhere {
        return Err(wrong(&format!(
            "it keeps credentials in a helper program, which is not run from here; use {VARIABLE}"
        )));
    }
    Ok(found)
}

/// What may be done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read it.
    Pull,
    /// Publish to it, or have the server make its keys.
    PushPull,
}

/// Tokens for one repository after another.
pub struct Tokens {
    credentials: Credentials,
    /// Of which repository, and by what may be done.
    held: Option<(Gun, BTreeMap<Access, Zeroizing<String>>)>,
}

impl Tokens {
    /// None yet.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, held: None }
    }

    /// The header for a request, where a token is held.
    pub fn header(&self, gun: &Gun, access: Access) -> Option<&str> {
        let (_, tokens) = self.held.as_ref().filter(|(held, _)| held == gun)?;
        tokens.get(&access).map(|header| header.as_str())
    }

    /// Answers the challenge of a server, and holds what comes back.
    ///
    /// # Errors
    /// Where there are no credentials that are taken, the challenge is of an unknown kind, or the token server fails.
    pub fn answer(
        &mut self,
        http: &Http,
        server: &Address,
        gun: &Gun,
        access: Access,
        challenge: &str,
    ) -> Result<(), Failure> {
        let credentials = self.credentials.of(server, Some(gun)).cloned();
        let basic = credentials.map(|text| Zeroizing::new(format!("Basic {}", *text)));
        let header = match Challenge::parse(challenge) {
            Some(Challenge::Basic) => basic.ok_or_else(|| denied(server, gun, "it asks for a user and a password"))?,
            Some(Challenge::Bearer { realm, service, scope }) => {
                let realm =
                    http.address(&realm).map_err(|what| denied(server, gun, &format!("its token server: {what}")))?;
                let scope = scope.unwrap_or_else(|| scope_of(gun, access));
                token(http, &realm, &service, &scope, basic.as_ref().map(|header| header.as_str()), gun)?
            }
            None => {
                return Err(denied(
                    server,
                    gun,
                    &format!("it asks for something unknown: {}", shown_up_to(challenge, 100)),
                ));
            }
        };
        if self.held.as_ref().is_none_or(|(held, _)| held != gun) {
            self.held = Some((gun.clone(), BTreeMap::new()));
        }
        if let Some((_, tokens)) = &mut self.held {
            tokens.insert(access, header);
        }
        Ok(())
    }
}

fn scope_of(gun: &Gun, access: Access) -> String {
    let actions = match access {
        Access::Pull => "pull",
        Access::PushPull => "push,pull",
    };
    format!("repository:{}:{actions}", gun.as_str())
}

fn denied(server: &Address, gun: &Gun, why: &str) -> Failure {
    Failure::Server {
        doing: format!("log in to {} for {gun}", server.as_str()),
        said: why.to_owned(),
        remedy: format!("Put base64 of user:password into {VARIABLE}, or name a --docker-config that has it."),
    }
}

/// Asks a token server; the header that its token makes.
fn token(
    http: &Http,
    realm: &Address,
    service: &str,
    scope: &str,
    basic: Option<&str>,
    gun: &Gun,
) -> Result<Zeroizing<String>, Failure> {
    let url = format!(
        "{}?service={}&scope={}&client_id=officiant-courier",
        realm.as_str(),
        query_encoded(service),
        query_encoded(scope)
    );
    let reply = http.get(&url, basic, ANSWER_BYTES_MAX)?;
    let body = Zeroizing::new(reply.body);
    if reply.status != 200 {
        let words = shown_up_to(&String::from_utf8_lossy(&body), 200);
        let who = if basic.is_some() { "these credentials" } else { "anybody" };
        return Err(denied(realm, gun, &format!("status {} for {who}: {words}", reply.status)));
    }
    let answer: serde_json::Value = serde_json::from_slice(&body)
        .map_err(|error| Fault::machine(format!("read the token of {}", realm.as_str()), error))?;
    let token = answer["token"].as_str().or_else(|| answer["access_token"].as_str());
    let token = token.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let token = token.ok_or_else(|| {
        Fault::machine(format!("read the token of {}", realm.as_str()), "there is none in the answer")
    })?;
    Ok(Zeroizing::new(format!("Bearer {token}")))
}

#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, service: String, scope: Option<String> },
}

impl Challenge {
    /// Reads `Bearer realm="…",service="…",scope="…"` (RFC 9110, section 11.6.1).
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut values = parameters(rest)?;
        Some(Self::Bearer {
            realm: values.remove("realm")?,
            service: values.remove("service").unwrap_or_default(),
            scope: values.remove("scope").filter(|scope| !scope.is_empty()),
        })
    }
}

fn parameters(text: &str) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (mut value, mut end) = (String::new(), None);
                let mut escaped = false;
                for (at, c) in quoted.char_indices() {
                    match c {
                        _ if escaped => {
                            value.push(c);
                            escaped = false;
                        }
                        '\\' => escaped = true,
                        '"' => {
                            end = Some(at + 1);
                            break;
                        }
                        c => value.push(c),
                    }
                }
                (value, &quoted[end?..])
            }
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.insert(name.trim().to_ascii_lowercase(), value);
        rest = after.trim_start().strip_prefix(',').unwrap_or(after).trim_start();
        if rest == after && !rest.is_empty() {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_servers_write_them() {
        let bearer = |realm: &str, service: &str, scope: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.into(), scope: scope.map(str::to_owned) })
        };
        for (text, read) in [
            (
                r#"Bearer realm="https://auth.example/token",service="notary",scope="repository:a/b:push,pull""#,
                bearer("https://auth.example/token", "notary", Some("repository:a/b:push,pull")),
            ),
            (r#"bearer realm="https://a", service=n, error="invalid_token""#, bearer("https://a", "n", None)),
            (r#"Bearer realm="a\"b",scope="""#, bearer("a\"b", "", None)),
            ("Basic realm=\"x\"", Some(Challenge::Basic)),
            ("Negotiate", None),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"x", None),
            ("Bearer realm=\"x\"y", None),
        ] {
            assert_eq!(Challenge::parse(text), read, "{text}");
        }
    }

    #[test]
    fn a_docker_configuration_has_credentials_by_registry() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        let text =
            r#"{"auths":{"https://index.docker.io/v1/":{"auth":"aHVi"},"localhost:5000":{"auth":"bG9j"},"x":{}}}"#;
        std::fs::write(&path, text).expect("a file");
        let credentials = Credentials { everywhere: None, auths: read(&path).expect("a configuration") };
        let http = Http::new(None, false, std::time::Duration::from_secs(1)).expect("a client");
        let server = http.address("https://notary.example").expect("an address");
        let of =
            |gun: &str| credentials.of(&server, Some(&Gun::parse(gun).expect("a name"))).map(|text| text.to_string());
        assert_eq!(of("docker.io/library/a").as_deref(), Some("aHVi"));
        assert_eq!(of("localhost:5000/a").as_deref(), Some("bG9j"));
        assert_eq!(of("quay.io/a"), None);
        std::fs::write(&path, r#"{"credsStore":"desktop","auths":{"x":{}}}"#).expect("a file");
        assert!(matches!(read(&path), Err(Stop::Usage(what)) if what.contains("helper program")));
    }
}
