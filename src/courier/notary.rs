//! The interface of a Notary server, as far as the courier uses it.

use std::{
    cell::RefCell,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use super::{
    args::Connection,
    auth::{Access, Credentials, Tokens},
    http::{Address, Http, KEY_BYTES_MAX, METADATA_BYTES_MAX, Reply, path_encoded},
    outcome::{Failure, Stop},
};
use crate::{
    text::{shown, shown_up_to},
    transfer::Gun,
};

/// A server.
pub struct Server {
    http: Http,
    address: Address,
    tokens: RefCell<Tokens>,
    /// Held by whoever has the server make a key, and shared by everybody else.
    making: Arc<RwLock<()>>,
}

/// One of the two keys that a server holds for a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKey {
    /// Signs the timestamp.
    Timestamp,
    /// Signs the snapshot, where the publisher does not.
    Snapshot,
}

impl ServerKey {
    /// The name of its file, here and at the server.
    pub fn file(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp.key",
            Self::Snapshot => "snapshot.key",
        }
    }
}

impl Connection {
    /// A client as it was asked for.
    ///
    /// # Errors
    /// Where the certificate authorities cannot be read.
    pub fn http(&self) -> Result<Http, Stop> {
        Http::new(self.ca.as_deref(), self.insecure_http, Duration::from_secs(self.timeout))
    }
}

/// The same server, once for each repository that is worked on at the same time: each with a connection and tokens of its own.
pub struct Servers(Vec<Server>);

impl Connection {
    /// The server at `url`, as often as there are jobs. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where the address, the certificate authorities or the credentials are not what they should be.
    pub fn servers(&self, url: &str) -> Result<Servers, Stop> {
        let making = Arc::<RwLock<()>>::default();
        let server = |_| Ok(Server { making: Arc::clone(&making), ..Server::new(url, self)? });
        (0..self.jobs.max(1)).map(server).collect::<Result<_, _>>().map(Servers)
    }
}

impl Servers {
    /// Its address.
    pub fn address(&self) -> String {
        self.0.first().map(|server| server.address().as_str().to_owned()).unwrap_or_default()
    }
}

impl From<Servers> for Vec<Server> {
    fn from(servers: Servers) -> Self {
        servers.0
    }
}

impl Server {
    /// The server at `url`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Where the address, the certificate authorities or the credentials are not what they should be.
    pub fn new(url: &str, connection: &Connection) -> Result<Self, Stop> {
        let http = connection.http()?;
        let address = http.address(url).map_err(Stop::Usage)?;
        let tokens = RefCell::new(Tokens::new(Credentials::find(connection.docker_config.as_deref())?));
        Ok(Self { http, address, tokens, making: Arc::default() })
    }

    /// Its address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// One file of a repository's metadata by its name there, such as `root.json`, `2.root.json` or `targets/releases.json`;
    /// `None` where the server has none.
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub fn metadata(&self, gun: &Gun, file: &str) -> Result<Option<Vec<u8>>, Failure> {
        let _shared = self.making.read().unwrap_or_else(PoisonError::into_inner);
        let url = format!("{}/{}", self.base(gun), path_encoded(file));
        let reply = self
            .asked(gun, Access::Pull, |authorization| Ok(self.http.get(&url, authorization, METADATA_BYTES_MAX)?))?;
        match reply.status {
            200 => Ok(Some(reply.body)),
            404 => Ok(None),
            _ => Err(refused(&format!("get {file} of {gun}"), &reply)),
        }
    }

    /// The public key that the server holds for a repository, as it serves it. It makes one where it has none; `makes` says that it may have to.
    /// Nothing else is asked of the server by this program meanwhile: Notary 0.7.0 that holds its keys in memory ends itself where it
    /// makes two at once (*concurrent map writes*).
    ///
    /// # Errors
    /// Where the server refuses or does not answer.
    pub fn key(&self, gun: &Gun, key: ServerKey, makes: bool) -> Result<Vec<u8>, Failure> {
        if makes {
            let _alone = self.making.write().unwrap_or_else(PoisonError::into_inner);
            return self.key_of(gun, key);
        }
        let _shared = self.making.read().unwrap_or_else(PoisonError::into_inner);
        self.key_of(gun, key)
    }

    fn key_of(&self, gun: &Gun, key: ServerKey) -> Result<Vec<u8>, Failure> {
        let url = format!("{}/{}", self.base(gun), key.file());
        let reply = self
            .asked(gun, Access::PushPull, |authorization| Ok(self.http.get(&url, authorization, KEY_BYTES_MAX)?))?;
        match reply.status {
            200 => Ok(reply.body),
            _ => Err(refused(&format!("get {} of {gun}", key.file()), &reply)),
        }
    }

    /// Publishes `files`, by role, in one request: the server takes all of them or none.
    ///
    /// # Errors
    /// Where the server refuses, with its words; where it does not answer, it may have taken them.
    pub fn publish(&self, gun: &Gun, files: &[(&str, &[u8])]) -> Result<(), Failure> {
        let _shared = self.making.read().unwrap_or_else(PoisonError::into_inner);
        let (content_type, body) = multipart(files);
        let url = format!("{}/", self.base(gun));
        let reply = self.asked(gun, Access::PushPull, |authorization| {
            Ok(self.http.post(&url, authorization, &content_type, &body)?)
        })?;
        match reply.status {
            200 => Ok(()),
            _ => Err(refused(&format!("publish {gun}"), &reply)),
        }
    }

    fn base(&self, gun: &Gun) -> String {
        format!("{}/v2/{}/_trust/tuf", self.address.as_str(), path_encoded(gun.as_str()))
    }

    /// Asks, and where the server wants to know who asks, answers that and asks once more.
    fn asked(
        &self,
        gun: &Gun,
        access: Access,
        ask: impl Fn(Option<&str>) -> Result<Reply, Failure>,
    ) -> Result<Reply, Failure> {
        let reply = ask(self.tokens.borrow().header(gun, access))?;
        let Some(challenge) = reply.challenge.as_deref().filter(|_| reply.status == 401) else { return Ok(reply) };
        self.tokens.borrow_mut().answer(&self.http, &self.address, gun, access, challenge)?;
        ask(self.tokens.borrow().header(gun, access))
    }
}

/// What a server said when it said no, and what helps.
fn refused(doing: &str, reply: &Reply) -> Failure {
    let text = String::from_utf8_lossy(&reply.body);
    let words = serde_json::from_slice::<serde_json::Value>(&reply.body).ok().and_then(|answer| {
        let error = answer["errors"].get(0)?;
        let part = |name: &str| error[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let detail = match &error["detail"] {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Some([part("code"), part("message"), detail].into_iter().flatten().collect::<Vec<_>>().join(", "))
    });
    let words = words.unwrap_or_else(|| text.trim().to_owned());
    let remedy = match reply.status {
        401 | 403 => "The credentials do not allow it: ask for the right to push to this repository.",
        404 | 405 => "Is this the address of a Notary server, and the name of a repository in it?",
        400 => {
            "Collect again: the server may hold another version by now, or a certificate has expired. `officiant verify --dialect notary` says which rule it is."
        }
        413 => "The server or a proxy before it takes less in one request: raise its limit.",
        500.. => "The server itself has failed: look into its log, and run this again.",
        _ => "Run this again; where it stays, ask whoever runs the server.",
    };
    Failure::Server {
        doing: doing.to_owned(),
        said: format!("status {}: {}", reply.status, shown_up_to(&words, 600)),
        remedy: remedy.into(),
    }
}

/// A form with one file a part. The server goes by the names of the files alone, which are the roles.
fn multipart(files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut number = 0u64;
    let boundary = loop {
        let boundary = format!("officiant-{number:016x}");
        // A boundary may not stand in what it divides.
        if !files.iter().any(|(_, bytes)| contains(bytes, boundary.as_bytes())) {
            break boundary;
        }
        number += 1;
    };
    let mut body = Vec::with_capacity(files.iter().map(|(_, bytes)| bytes.len() + 256).sum());
    for (role, bytes) in files {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n",
            shown(role)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_never_stands_in_what_it_divides() {
        let (kind, body) = multipart(&[("root", b"x officiant-0000000000000000 y"), ("targets/a", b"")]);
        assert_eq!(kind, "multipart/form-data; boundary=officiant-0000000000000001");
        let text = String::from_utf8(body).expect("text");
        assert!(text.starts_with(
            "--officiant-0000000000000001\r\nContent-Disposition: form-data; name=\"files\"; filename=\"root\"\r\n"
        ));
        assert!(text.contains("filename=\"targets/a\""));
        assert!(text.ends_with("\r\n--officiant-0000000000000001--\r\n"));
    }

    #[test]
    fn the_servers_own_words_are_kept() {
        let body = br#"{"errors":[{"code":"INVALID_UPDATE","message":"Update sent by the client is invalid.","detail":{"error":"ErrBadTargets"}}]}"#;
        let reply = Reply::of(400, body);
        let said = refused("publish a/b", &reply).to_string();
        assert!(
            said.contains(
                "status 400: INVALID_UPDATE, Update sent by the client is invalid., {\"error\":\"ErrBadTargets\"}"
            ),
            "{said}"
        );
        assert!(
            refused("x", &Reply::of(502, b"Bad Gateway\n"))
                .to_string()
                .contains("status 502: Bad Gateway. The server itself")
        );
    }
}
