//! The courier against a TUF repository, and against servers that do not behave.
#![cfg(feature = "online")]

mod peers;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use officiant::{
    transfer::{Collection, Gun, Manifest},
    tuf::{Dialect, walk},
    utc::Utc,
};
use peers::http::{Response, Server};

fn courier(folder: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_officiant-courier"));
    let ended = command.args(args).current_dir(folder).env_remove("NOTARY_AUTH").output().expect("the courier starts");
    let text = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    (ended.status.code().unwrap_or(-1), text)
}

/// The files of a folder, as a static server gives them.
fn served(metadata: &Path) -> Server {
    let metadata = metadata.to_owned();
    Server::start(move |request| {
        let name = request.target.strip_prefix("/metadata/").unwrap_or_default().replace("%25", "%");
        match fs::read(metadata.join(name)) {
            Ok(bytes) => Response::new(200, bytes),
            Err(_) => Response::new(404, "no such file"),
        }
    })
}

#[test]
fn a_tuf_repository_is_collected_so_that_a_client_walks_the_folder() {
    for vector in ["python-tuf-ecdsa", "python-tuf-mixed", "tufjs-models"] {
        let Some(folder) = peers::recorded(&format!("tuf1/{vector}")) else { return };
        let metadata = folder.join("metadata");
        let server = served(&metadata);
        let place = tempfile::tempdir().expect("a folder");
        let url = format!("{}/metadata", server.url());
        let (code, said) = courier(place.path(), &["collect", "--tuf", &url, "--name", "lab/tuf", "-o", "c"]);
        assert_eq!(code, 0, "{vector}: {said}");
        let collected = place.path().join("c");
        let manifest = Manifest::parse(&fs::read(collected.join("MANIFEST")).expect("it")).expect("strict lines");
        let collection = Collection::open(manifest, b"lab/tuf\n").expect("a collection");
        let listing = collection.repository(&Gun::parse("lab/tuf").expect("a name")).expect("it was asked for");
        let files: BTreeMap<String, Vec<u8>> = listing
            .parts()
            .map(|(part, entry)| {
                let bytes = fs::read(collected.join(&entry.path)).expect("a listed file");
                let name = part.to_string();
                if name != "root.json" {
                    assert_eq!(bytes, fs::read(metadata.join(&name)).expect("it was served"), "{name}");
                }
                (name, bytes)
            })
            .collect();
        let now = Utc::parse("2026-11-22T15:00:00Z").expect("an instant");
        let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, now)
            .accepted()
            .unwrap_or_else(|refusal| panic!("{vector}: {refusal}"));
        let newest = listing.roots().last().expect("roots").0;
        assert_eq!(walk.root_version, newest, "{vector}");
        assert!(walk.steps.iter().any(|step| step.role.as_str() == "targets"), "{vector}");
    }
}

#[test]
fn what_passes_is_asked_again_and_what_does_not_is_said() {
    let place = tempfile::tempdir().expect("a folder");
    let busy = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.target.as_str() {
        "/busy/1.root.json" if busy.fetch_add(1, Ordering::SeqCst) == 0 => {
            Response::new(503, "busy").with("Retry-After", "0")
        }
        "/away/1.root.json" => Response::new(302, "").with("Location", "http://elsewhere.example/"),
        "/broken/1.root.json" => Response::new(500, "\u{1b}[31mbroken"),
        "/html/1.root.json" => Response::new(200, "<html>"),
        _ => Response::new(404, ""),
    });
    let collect =
        |page: &str| courier(place.path(), &["collect", "--tuf", &format!("{}/{page}", server.url()), "-o", page]);
    let (code, said) = collect("busy");
    assert!(code == 1 && said.contains("get root.json of"), "{said}");
    assert_eq!(server.seen().iter().filter(|request| request.target == "/busy/1.root.json").count(), 2, "asked again");
    let (code, said) = collect("away");
    assert!(code == 3 && said.contains("sends elsewhere, to http://elsewhere.example/"), "{said}");
    let (code, said) = collect("broken");
    assert!(code == 1 && said.contains("status 500: \\u{1b}[31mbroken"), "{said}");
    let (code, said) = collect("html");
    assert!(code == 1 && said.contains("line 1, column 1: expected value"), "{said}");
    let (code, said) = courier(place.path(), &["collect", "--tuf", "http://tuf.example/metadata", "-o", "x"]);
    assert!(code == 2 && said.contains("not protected by TLS"), "{said}");
    assert!(!place.path().join("x").exists());
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let place = tempfile::tempdir().expect("a folder");
    let server = Server::start(|_| Response::new(200, vec![b' '; 65 << 20]));
    let (code, said) = courier(place.path(), &["collect", "--server", &server.url(), "--gun", "lab/app", "-o", "c"]);
    assert!(code == 3 && said.contains("larger than request limit"), "{said}");
}

#[test]
fn every_flag_that_the_document_names_is_one_of_the_program() {
    let document = include_str!("../docs/COURIER.md");
    let place = tempfile::tempdir().expect("a folder");
    let help: String =
        ["collect", "publish", "complete", "watch"].map(|verb| courier(place.path(), &[verb, "--help"]).1).concat();
    let elsewhere = ["--release", "--features", "--bin", "--dialect", "--metadata", "--help"];
    let flags = document.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).filter(|word| word.starts_with("--"));
    let mut seen = 0;
    for flag in flags.filter(|flag| !elsewhere.contains(flag)) {
        assert!(help.contains(flag), "{flag}");
        seen += 1;
    }
    assert!(seen > 10);
}
