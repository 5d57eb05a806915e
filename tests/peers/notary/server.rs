//! The server, and the signer that holds its keys.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Pki, token};

/// Who holds the server's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The server itself, in memory: Ed25519.
    Local,
    /// `notary-signer`, in memory: P-256.
    Signer,
}

/// A running server. What it holds is gone when it is dropped.
pub struct Stack {
    pki: Pki,
    folder: PathBuf,
    port: u16,
    // Dropped in this order: the server before the signer that it asks.
    _server: Running,
    _signer: Option<Running>,
}

/// How often another port is tried where somebody else took the one that was free.
const TRIES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);

impl Stack {
    /// Starts one whose files lie in the new folder `folder`.
    pub fn start(folder: &Path, keys: Keys) -> Self {
        Self::start_with(folder, keys, |_| None)
    }

    /// The same; it asks for tokens where `realm` gives the address of a token server, which may use the certificates.
    pub fn start_with(folder: &Path, keys: Keys, realm: impl FnOnce(&Pki) -> Option<String>) -> Self {
        let pki = Pki::new(&folder.join("pki"));
        let realm = realm(&pki);
        let signer = (keys == Keys::Signer).then(|| started(folder, "notary-signer", |port| signer(&pki, port)));
        let signer_port = signer.as_ref().map(|(port, _)| *port);
        let (port, server) = started(folder, "notary-server", |port| server(&pki, port, signer_port, realm.as_deref()));
        Self { pki, folder: folder.to_owned(), port, _server: server, _signer: signer.map(|(_, running)| running) }
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://{}", self.host())
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate authority that its certificate is by.
    pub fn ca(&self) -> PathBuf {
        self.pki.ca()
    }

    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// What the server logged until now.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("notary-server.log")).expect("the log")
    }
}

fn server(pki: &Pki, port: u16, signer: Option<u16>, realm: Option<&str>) -> Value {
    let trust = match signer {
        None => json!({ "type": "local", "key_algorithm": "ed25519" }),
        Some(port) => json!({
            "type": "remote", "hostname": "127.0.0.1", "port": port.to_string(), "key_algorithm": "ecdsa",
            "tls_ca_file": pki.ca(), "tls_client_cert": pki.certificate(), "tls_client_key": pki.key(),
        }),
    };
    let mut server = json!({
        "server": { "http_addr": format!("127.0.0.1:{port}"), "tls_cert_file": pki.certificate(), "tls_key_file": pki.key() },
        "trust_service": trust, "logging": { "level": "info" }, "storage": { "backend": "memory" },
    });
    if let Some(realm) = realm {
        let options =
            json!({ "realm": realm, "service": token::SERVICE, "issuer": token::ISSUER, "rootcertbundle": pki.ca() });
        server["auth"] = json!({ "type": "token", "options": options });
    }
    server
}

fn signer(pki: &Pki, port: u16) -> Value {
    json!({
        "server": {
            "grpc_addr": format!("127.0.0.1:{port}"), "tls_cert_file": pki.certificate(), "tls_key_file": pki.key(),
            "client_ca_file": pki.ca(),
        },
        "logging": { "level": "info" }, "storage": { "backend": "memory" },
    })
}

/// Starts `program` on a port that is free, and waits until it answers there.
fn started(folder: &Path, program: &str, configuration: impl Fn(u16) -> Value) -> (u16, Running) {
    let config = folder.join(format!("{program}.json"));
    let log = folder.join(format!("{program}.log"));
    for _ in 0..TRIES {
        let port = free_port();
        std::fs::write(&config, configuration(port).to_string()).expect("a file");
        let out = File::create(&log).expect("a file");
        let mut command = Command::new(program);
        command.arg("-config").arg(&config).stdin(Stdio::null());
        command.stdout(out.try_clone().expect("a second handle")).stderr(out);
        for name in ["TIMESTAMP_1", "SNAPSHOT_1"] {
            command.env(format!("NOTARY_SIGNER_{name}"), "signer-passphrase");
        }
        command.env("NOTARY_SIGNER_DEFAULT_ALIAS", "timestamp_1");
        let mut running = Running(command.spawn().unwrap_or_else(|error| panic!("{program}: {error}")));
        if running.answers(port) {
            return (port, running);
        }
    }
    panic!("{program} does not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
}

/// A program that ends when this is dropped.
pub struct Running(Child);

impl Running {
    fn answers(&mut self, port: u16) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return self.0.try_wait().is_ok_and(|ended| ended.is_none());
            }
            sleep(Duration::from_millis(30));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    listener.local_addr().expect("it is bound").port()
}
