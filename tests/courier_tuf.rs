//! The courier against a TUF repository, and against servers that do not behave.
#![cfg(feature = "online")]

mod peers;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
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
fn a_tuf_repository_is_collected_so_that_a_client_walks_the_folder_or_skipped() {
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
fn what_ends_in_a_tuf_repository_is_told_with_an_exit_code_for_cron_or_skipped() {
    let Some(folder) = peers::recorded("tuf1/python-tuf-ecdsa") else { return };
    let metadata = folder.join("metadata");
    let server = served(&metadata);
    let place = tempfile::tempdir().expect("a folder");
    let url = format!("{}/metadata", server.url());
    let watch = |args: &[&str]| courier(place.path(), &[&["watch", "--tuf", &url, "--name", "lab/tuf"], args].concat());
    let (code, said) = watch(&["--days", "36500", "--json"]);
    assert_eq!(code, 1, "{said}");
    let told: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let mut whats: Vec<&str> =
        told["deadlines"].as_array().expect("a list").iter().map(|one| one["what"].as_str().expect("text")).collect();
    whats.sort_unstable();
    let newest = (1..).take_while(|version| metadata.join(format!("{version}.root.json")).exists()).last();
    assert!(whats.contains(&format!("root {}", newest.expect("a root")).as_str()), "{whats:?}");
    assert_eq!(whats.iter().filter(|what| what.starts_with("root ")).count(), 1, "only the newest: {whats:?}");
    assert!(whats.iter().any(|what| what.starts_with("targets ")), "{whats:?}");
    let (soon, failed) = (told["near"].as_u64(), told["failed"].as_array().expect("a list").len());
    assert!(soon >= Some(2) && failed == 0, "{told}");
    assert!(said.contains("lab/tuf"));
    // Nobody is woken up for what ends later, and somebody is where it cannot be looked at.
    let ended = told["deadlines"].as_array().expect("a list").iter().any(|one| one["nearness"] == "ended");
    let (code, said) = watch(&["--days", "0"]);
    assert_eq!(code, i32::from(ended), "{said}");
    let absent = format!("{}/elsewhere", server.url());
    let (code, said) = courier(place.path(), &["watch", "--tuf", &absent, "--name", "lab/tuf"]);
    assert!(code == 3 && said.contains("1 could not be looked at"), "{said}");
}

#[test]
fn many_repositories_are_fetched_some_at_once_and_told_in_the_order_of_the_inventory() {
    let place = tempfile::tempdir().expect("a folder");
    let (busy, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, highest) = (busy.clone(), most.clone());
    let fails = Arc::new(AtomicUsize::new(1));
    let failing = fails.clone();
    // A server that knows none of them yet, makes their keys, takes its time, and fails for one.
    let server = Server::start(move |request| {
        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let number: usize = request.target.split(&['-', '/'][..]).find_map(|part| part.parse().ok()).unwrap_or(0);
        std::thread::sleep(std::time::Duration::from_millis(if number.is_multiple_of(5) { 40 } else { 5 }));
        now.fetch_sub(1, Ordering::SeqCst);
        match request.target.as_str() {
            target if target.contains("app-0017/") && failing.load(Ordering::SeqCst) == 1 => {
                Response::new(500, "broken")
            }
            target if target.ends_with(".key") => {
                Response::new(200, r#"{"keytype":"ed25519","keyval":{"public":"UA==","private":null}}"#)
            }
            _ => Response::new(404, "{}"),
        }
    });
    let guns: Vec<String> = (0..40).map(|number| format!("lab/app-{number:04}")).collect();
    fs::write(place.path().join("guns.txt"), guns.join("\n") + "\n").expect("a file");
    let collect = |more: &[&str]| {
        let args = ["collect", "--server", &server.url(), "--inventory", "guns.txt", "-o", "c"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_officiant-courier"));
        let ended = command.args([&args[..], more].concat()).current_dir(place.path()).env_remove("NOTARY_AUTH");
        let ended = ended.output().expect("the courier starts");
        let told: Vec<(String, String)> = String::from_utf8_lossy(&ended.stderr)
            .lines()
            .filter_map(|line| {
                Some((line.split_whitespace().next()?.to_owned(), line.split_whitespace().nth(1)?.to_owned()))
            })
            .filter(|(_, gun)| gun.starts_with("lab/"))
            .collect();
        (ended.status.code(), told, String::from_utf8_lossy(&ended.stdout).into_owned())
    };
    let (code, told, said) = collect(&["--jobs", "6"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(told.iter().map(|(_, gun)| gun.clone()).collect::<Vec<_>>(), guns, "in the order of the inventory");
    for (word, gun) in &told {
        assert_eq!(word, if gun == "lab/app-0017" { "failed" } else { "collected" }, "{gun}");
    }
    assert!(said.contains("39 collected, 1 failed"), "{said}");
    let at_once = most.load(Ordering::SeqCst);
    assert!((2..=6).contains(&at_once), "{at_once} requests at once");
    // The same again: nothing twice, and what failed.
    fails.store(0, Ordering::SeqCst);
    let asked = server.seen().len();
    let (code, told, said) = collect(&["--jobs", "1"]);
    assert_eq!((code, told.len()), (Some(0), 40), "{said}");
    assert_eq!(told.iter().filter(|(word, _)| word == "kept").count(), 39);
    assert_eq!(server.seen().len() - asked, 3, "a root that is not there, and two keys");
    let manifest = fs::read_to_string(place.path().join("c/MANIFEST")).expect("a manifest");
    assert_eq!(manifest.lines().count(), 81);
}

#[test]
fn there_is_a_manual_page_for_each_verb() {
    let place = tempfile::tempdir().expect("a folder");
    let (code, page) = courier(place.path(), &["man"]);
    assert!(code == 0 && page.contains(".TH officiant-courier 1"), "{page}");
    let (code, said) = courier(place.path(), &["man", "--out", "."]);
    assert_eq!(code, 0, "{said}");
    for verb in ["", "-collect", "-publish", "-complete", "-watch", "-man"] {
        let page = fs::read_to_string(place.path().join(format!("officiant-courier{verb}.1"))).expect("a page");
        assert!(page.contains(&format!(".TH officiant-courier{verb} 1")), "{verb}: {page}");
        let usage = format!("officiant\\-courier{}", verb.replacen('-', " ", 1));
        assert!(page.contains(&usage), "{verb}: {usage}: {page}");
    }
    let (code, said) = courier(place.path(), &["man", "--out", "."]);
    assert!(code == 1 && said.contains("OUTPUT-FRESH"), "{said}");
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
    let help: String = ["collect", "publish", "complete", "watch", "man"]
        .map(|verb| courier(place.path(), &[verb, "--help"]).1)
        .concat();
    let elsewhere = ["--release", "--features", "--bin", "--dialect", "--metadata", "--help"];
    let flags = document.split(|c: char| !(c.is_ascii_lowercase() || c == '-')).filter(|word| word.starts_with("--"));
    let mut seen = 0;
    for flag in flags.filter(|flag| !elsewhere.contains(flag)) {
        assert!(help.contains(flag), "{flag}");
        seen += 1;
    }
    assert!(seen > 10);
}
