//! A stand-in for the engine's socket. It answers what the CLI asks while it signs and pulls, and remembers every request.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// It ends with the test's process; nothing waits for it.
pub struct Engine {
    socket: PathBuf,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Engine {
    /// Listens at `folder/engine.sock`. Every image that is pushed has the manifest `digest` (64 hexadecimal digits) of
    /// `size` bytes.
    pub fn start(folder: &Path, digest: &str, size: u64) -> Self {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, digest) = (requests.clone(), digest.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, digest) = (seen.clone(), digest.clone());
                std::thread::spawn(move || answer(stream, &seen, &digest, size));
            }
        });
        Self { socket, requests }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Every request until now, such as `POST /v1.43/images/create?fromImage=…`.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no thread panicked").clone()
    }

    /// What the CLI asked it to pull, as `REPOSITORY@sha256:…`, in order.
    pub fn pulled(&self) -> Vec<String> {
        let asked = self.requests().into_iter().filter_map(|request| {
            let query = request.split_once("/images/create?")?.1.to_owned();
            let value = |name: &str| {
                let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
                Some(pair.replace("%3A", ":").replace("%2F", "/").replace("%40", "@"))
            };
            Some(format!("{}@{}", value("fromImage")?, value("tag")?))
        });
        asked.collect()
    }
}

/// One request a connection.
fn answer(stream: UnixStream, seen: &Mutex<Vec<String>>, digest: &str, size: u64) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let _ = (&mut reader).take(length).read_to_end(&mut Vec::new());
    let request = first.trim().trim_end_matches(" HTTP/1.1").to_owned();
    seen.lock().expect("no thread panicked").push(request.clone());

    let path = request.split(['?', ' ']).nth(1).unwrap_or_default();
    let tag = request.split_once("tag=").map_or("latest", |(_, tag)| tag);
    let (status, body) = if path.ends_with("/_ping") {
        ("200 OK", "OK".to_owned())
    } else if path.ends_with("/push") {
        let aux = format!(r#"{{"aux":{{"Tag":"{tag}","Digest":"sha256:{digest}","Size":{size}}}}}"#);
        ("200 OK", format!("{{\"status\":\"pushed\"}}\r\n{aux}\r\n"))
    } else if path.ends_with("/images/create") {
        ("200 OK", "{\"status\":\"pulled\"}\r\n".to_owned())
    } else if path.ends_with("/tag") {
        ("201 Created", String::new())
    } else if path.contains("/images/") && path.ends_with("/json") {
        ("200 OK", format!(r#"{{"Id":"sha256:{digest}","RepoTags":[],"RepoDigests":[]}}"#))
    } else {
        ("200 OK", "{}".to_owned())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.43\r\nOstype: linux\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let body = if request.starts_with("HEAD ") { String::new() } else { body };
    let _ = reader.get_mut().write_all((head + &body).as_bytes());
}
