//! Uploads that are made here, judged by Debian's notary-server and notary on loopback: what is predicted is what they do.

mod notary_support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use notary_support::{Shop, Signer, document, rule, shop};
use officiant::{
    tuf::{
        Dialect, Key, KeyId,
        walk::{Files, Published},
    },
    utc::Utc,
};
use serde_json::{Value, json};

/// A server with its keys and its store in memory; it ends with the test.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn is_there(tool: &str) -> bool {
    Command::new(tool).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl Server {
    fn start() -> Option<Self> {
        if !is_there("notary-server") || !is_there("notary") {
            println!("skipped: notary-server or notary is not here");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
        let folder = tempfile::tempdir().expect("a folder");
        let config = json!({
            "server": {"http_addr": format!("127.0.0.1:{port}")},
            "trust_service": {"type": "local", "hostname": "", "port": "", "key_algorithm": "ed25519"},
            "logging": {"level": "error"}, "storage": {"backend": "memory"},
        });
        let path = folder.path().join("server.json");
        fs::write(&path, config.to_string()).expect("written");
        let child = Command::new("notary-server")
            .arg("-config")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Self { child, port, folder };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server does not answer");
    }

    /// Status and body.
    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the server is up");
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).expect("sent");
        let mut answer = vec![];
        stream.read_to_end(&mut answer).expect("an answer");
        let split = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let status = String::from_utf8_lossy(&answer[9..12]).parse().expect("a status");
        (status, answer[split + 4..].to_vec())
    }

    fn get(&self, gun: &str, name: &str) -> Vec<u8> {
        self.request("GET", &format!("/v2/{gun}/_trust/tuf/{name}"), "text/plain", b"").1
    }

    /// Publishes what an upload holds, all at once.
    fn post(&self, gun: &str, files: &Files) -> u16 {
        let mut body = vec![];
        for (name, bytes) in files {
            let Some(role) = name.strip_suffix(".json").filter(|role| !role.ends_with(".root")) else { continue };
            body.extend(
                format!("--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{role}\"\r\n\r\n").bytes(),
            );
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--B--\r\n");
        self.request("POST", &format!("/v2/{gun}/_trust/tuf/"), "multipart/form-data; boundary=B", &body).0
    }

    /// Whether the stock client lists the repository with the trust directory of this name.
    fn lists(&self, gun: &str, client: &str) -> bool {
        let trust = self.folder.path().join(client);
        let config = json!({"trust_dir": trust, "remote_server": {"url": format!("http://127.0.0.1:{}", self.port)}});
        let path = self.folder.path().join("client.json");
        fs::write(&path, config.to_string()).expect("written");
        let ran = Command::new("notary").arg("-c").arg(path).args(["list", gun]).output().expect("notary runs");
        ran.status.success()
    }

    /// The root that a client of this name holds.
    fn held(&self, gun: &str, client: &str) -> Vec<u8> {
        let path = self.folder.path().join(client).join(format!("tuf/{gun}/metadata/root.json"));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

fn now() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Utc::from_seconds(since.as_secs() as i64).expect("before 10000")
}

/// A repository at the server, and everything that was published of it.
struct Repository<'a> {
    server: &'a Server,
    gun: String,
    shop: Shop,
    online: [Value; 2],
    published: Files,
}

impl<'a> Repository<'a> {
    fn new(server: &'a Server, name: &str) -> Self {
        let gun = format!("localhost/lab/{name}");
        let key = |file: &str| serde_json::from_slice(&server.get(&gun, file)).expect("a key");
        let online = [key("timestamp.key"), key("snapshot.key")];
        Self { server, gun, shop: shop(), online, published: Files::new() }
    }

    fn certified(&self, signer: &Signer, from: i64, until: i64) -> Key {
        let (from, until) = (now().plus_days(from).to_string(), now().plus_days(until).to_string());
        Dialect::Notary.certified_key(&signer.certificate(&self.gun, &from, &until)).expect("a key")
    }

    /// A root of these keys with the server's own for the online roles.
    fn root(&self, version: u64, keys: &[Key], by: &[(KeyId, &Signer)], spoil: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut signed = self.shop.root_signed(version, keys, &[self.shop.tagging.bare()]);
        for (role, key) in ["timestamp", "snapshot"].into_iter().zip(&self.online) {
            let old = signed["roles"][role]["keyids"][0].as_str().expect("a keyid").to_owned();
            signed["keys"].as_object_mut().expect("keys").remove(&old);
            let read: Key = serde_json::from_value(key.clone()).expect("a key");
            signed["keys"][read.id().as_str()] = key.clone();
            signed["roles"][role]["keyids"] = json!([read.id()]);
        }
        spoil(&mut signed);
        document(&signed, by)
    }

    /// Publishes, and holds the prediction against what happens: for a fresh client, and for those that were there before.
    fn publish(&mut self, what: &str, files: &Files, clients: &[&str]) -> bool {
        let mut folder = self.published.clone();
        folder.extend(files.clone());
        let predict = |trusted: Option<&[u8]>| {
            Dialect::Notary.predict(&Published { gun: &self.gun, files: &folder, trusted }, now())
        };
        let held: Vec<Vec<u8>> = clients.iter().map(|client| self.server.held(&self.gun, client)).collect();
        let fresh = predict(None);
        let status = self.server.post(&self.gun, files);
        let works = status == 200 && self.server.lists(&self.gun, &format!("fresh-{}", what.replace(' ', "-")));
        assert_eq!(rule(&fresh).is_none(), works, "{what}: {status}, {:?}", fresh.refusal);
        for (client, root) in clients.iter().zip(&held) {
            let walk = predict(Some(root));
            let works = status == 200 && self.server.lists(&self.gun, client);
            assert_eq!(rule(&walk).is_none(), works, "{what}, {client}: {status}, {:?}", walk.refusal);
        }
        if status == 200
            && let Some(root) = files.get("root.json")
        {
            let root: Value = serde_json::from_slice(root).expect("JSON");
            self.published.insert(format!("{}.root.json", root["signed"]["version"]), files["root.json"].clone());
        }
        works
    }
}

/// What is done to a good upload.
type Spoil<'a> = &'a dyn Fn(&mut Files);

#[test]
fn what_is_predicted_is_what_the_stock_server_and_clients_do() {
    let Some(server) = Server::start() else { return };
    let first = |repository: &Repository, spoil: &dyn Fn(&mut Value)| {
        let key = repository.certified(&repository.shop.root, -1, 4000);
        let mut files = repository.shop.files();
        let root = repository.root(1, std::slice::from_ref(&key), &[(key.id(), &repository.shop.root)], spoil);
        files.insert("root.json".into(), root);
        files
    };
    let custom = r#"{"z":1,"a":"\u00e9\/"}"#;
    let cases: &[(&str, Spoil<'_>)] = &[
        ("good", &|_| ()),
        ("newline", &|files| files.get_mut("root.json").expect("a root").push(b'\n')),
        ("names", &|files| {
            let targets =
                shop().targets(|targets| targets["targets"]["a&<>\u{2028}é"] = targets["targets"]["v1"].clone());
            files.insert("targets.json".into(), targets);
        }),
        ("custom-as-spelt", &|files| {
            let targets = shop().targets(|targets| targets["targets"]["v1"]["custom"] = json!("CUSTOM"));
            let spelt = String::from_utf8(targets).expect("UTF-8").replace("\"CUSTOM\"", custom);
            // What is signed is the sorted form of what the text reads back to.
            let value: Value = serde_json::from_str(&spelt).expect("JSON");
            let signed = document(&value["signed"], &[(shop().tagging.bare().id(), &shop().tagging)]);
            let sorted = r#"{"a":"é/","z":1}"#;
            let spelt = String::from_utf8(signed).expect("UTF-8").replace(sorted, custom);
            assert!(spelt.contains(custom));
            files.insert("targets.json".into(), spelt.into_bytes());
        }),
        ("control-character", &|files| {
            let targets = shop().targets(|targets| targets["targets"]["a\nb"] = targets["targets"]["v1"].clone());
            files.insert("targets.json".into(), targets);
        }),
        ("no-delegated-file", &|files| drop(files.remove("targets/releases.json"))),
        ("stray-delegation", &|files| drop(files.insert("targets/a/b.json".into(), shop().releases(|_| ())))),
        ("no-targets", &|files| files.retain(|name, _| name == "root.json")),
    ];
    let mut works = vec![];
    for &(name, spoil) in cases {
        let mut repository = Repository::new(&server, name);
        let mut files = first(&repository, &|_| ());
        spoil(&mut files);
        if repository.publish(name, &files, &[]) {
            works.push(name);
        }
    }
    assert_eq!(works, ["good", "names", "custom-as-spelt", "no-delegated-file"]);
}

#[test]
fn clients_that_are_behind_do_what_is_predicted() {
    let Some(server) = Server::start() else { return };
    // Root 1 expires within seconds of being fetched; or it does not. Then the root key is rotated twice.
    for (name, short) in [("rotated", false), ("expired", true)] {
        let mut repository = Repository::new(&server, name);
        let signers: Vec<Signer> = (50..53).map(Signer::p256).collect();
        let keys: Vec<Key> = signers.iter().map(|signer| repository.certified(signer, -1, 4000)).collect();
        let soon = Utc::from_seconds(now().seconds() + 4).expect("an instant");
        let root = |repository: &Repository, at: usize| {
            let mut by = vec![(keys[at].id(), &signers[at])];
            if at > 0 {
                by.push((keys[at - 1].id(), &signers[at - 1]));
            }
            repository.root(at as u64 + 1, std::slice::from_ref(&keys[at]), &by, |root| {
                if short && at == 0 {
                    root["expires"] = json!(soon.to_string());
                }
            })
        };
        let mut files = repository.shop.files();
        files.insert("root.json".into(), root(&repository, 0));
        assert!(repository.publish("one", &files, &[]));
        assert!(server.lists(&repository.gun, &format!("{name}-old")));
        if short {
            std::thread::sleep(Duration::from_secs(5));
        }
        let second = Files::from([("root.json".into(), root(&repository, 1))]);
        assert!(repository.publish("two", &second, &[]));
        let third = Files::from([("root.json".into(), root(&repository, 2))]);
        let old = format!("{name}-old");
        assert!(repository.publish("three", &third, &[&old]));
        assert_eq!(server.lists(&repository.gun, &old), !short, "an expired root is not walked on from");
    }
}
