//! Keys that this program writes, in the hands of the stock client, against the stock server on loopback: the client opens them,
//! signs with them, and the server takes what it signed.

mod keyfile_support;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use keyfile_support::passphrase;
use officiant::keyfile::{Headers, PrivateKey, write};
use serde_json::Value;

const GUN: &str = "lab/app";
const WITH: &str = "right horse";

/// The server, ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn server(home: &Path) -> Option<(Server, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let configuration = format!(
        r#"{{"server":{{"http_addr":"127.0.0.1:{port}"}},"trust_service":{{"type":"local","hostname":"","port":"","key_algorithm":"ecdsa"}},"logging":{{"level":"error"}},"storage":{{"backend":"memory"}}}}"#
    );
    fs::write(home.join("server.json"), configuration).expect("a file");
    let child = Command::new("notary-server")
        .args(["-config", "server.json"])
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let server = Server(child);
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some((server, port));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("notary-server does not answer");
}

fn notary(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("notary");
    command.args(["-c", "client.json"]).args(arguments).current_dir(home).env("HOME", home).stdin(Stdio::null());
    for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
        command.env(format!("NOTARY_{role}_PASSPHRASE"), WITH);
    }
    let done = command.output().expect("notary");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{arguments:?}: {said}");
    done
}

fn hand_out(home: &Path, file: &str, headers: &Headers) -> String {
    let key = PrivateKey::generate_p256().expect("a key");
    fs::write(home.join(file), write(&key, headers, &passphrase(WITH)).expect("a file")).expect("a file");
    key.public().canonical_id().expect("an id").as_str().to_owned()
}

#[test]
fn the_stock_client_signs_with_a_root_key_and_a_tagging_key_that_this_program_wrote_or_skipped() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    if Command::new("notary").arg("version").output().is_err() {
        return println!("skipped: notary is not here");
    }
    let Some((_server, port)) = server(home) else { return println!("skipped: notary-server is not here") };
    let client = format!(r#"{{"trust_dir":"trust","remote_server":{{"url":"http://127.0.0.1:{port}"}}}}"#);
    fs::write(home.join("client.json"), client).unwrap();
    let root = hand_out(home, "root.key", &Headers::new("root", None).unwrap());
    let tagging = hand_out(home, "tagging.key", &Headers::new("targets", Some(GUN)).unwrap());
    notary(home, &["key", "import", "root.key"]);
    let made = notary(home, &["init", "-p", GUN]);
    assert!(String::from_utf8_lossy(&made.stdout).contains(&root), "it uses our root key");
    notary(home, &["key", "rotate", GUN, "targets", "--key", "tagging.key"]);
    notary(home, &["add", GUN, "v1", "server.json"]);
    notary(home, &["publish", GUN]);
    // A client that never saw the repository takes it.
    let fresh = notary(home, &["-d", "fresh", "list", GUN]);
    assert!(String::from_utf8_lossy(&fresh.stdout).contains("v1"));
    let read = |role: &str| -> Value {
        serde_json::from_slice(&fs::read(home.join(format!("fresh/tuf/{GUN}/metadata/{role}.json"))).unwrap()).unwrap()
    };
    assert_eq!(read("root")["signed"]["roles"]["targets"]["keyids"], Value::from(vec![tagging.as_str()]));
    assert_eq!(read("targets")["signatures"][0]["keyid"], Value::from(tagging.as_str()));
}
