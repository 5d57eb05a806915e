//! The house, held by a test: which room uses which, what the pure rooms may see, and where the few things live that live in one
//! place only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Used by everyone: names of rules, digests, instants, text for people, what the world can answer.
const BASE: [&str; 8] = ["rules", "digest", "utc", "text", "fault", "device", "machine", "custody"];

/// What a room may use besides itself and the base.
const TABLE: [(&str, &[&str]); 32] = [
    ("rules", &[]),
    ("digest", &[]),
    ("utc", &[]),
    ("text", &[]),
    ("fault", &[]),
    // A token says what its key is.
    ("device", &["tuf"]),
    ("machine", &[]),
    // A set of shares says which key it is of.
    ("custody", &["tuf"]),
    ("locked", &[]),
    ("secret", &["locked"]),
    ("readback", &[]),
    ("tuf", &["readback"]),
    ("ceremony", &["tuf", "readback", "transfer"]),
    ("transcript", &["ceremony"]),
    ("report", &["ceremony", "transcript", "tuf", "readback"]),
    ("audit", &["ceremony", "transcript", "tuf", "readback"]),
    ("transfer", &["tuf"]),
    ("files", &[]),
    ("qr", &["transfer", "files"]),
    ("preflight", &["files"]),
    ("keyfile", &["secret", "locked", "tuf", "files"]),
    ("backup", &["secret", "locked", "tuf", "files", "keyfile"]),
    // A key from a file is put on it.
    ("token", &["secret", "tuf", "readback", "files", "keyfile"]),
    ("runner", &["ceremony", "transcript", "files", "readback", "transfer", "tuf"]),
    // It finishes a record, whose pages the report makes, for the runner that holds it; it reads pictures of codes.
    (
        "perform",
        &[
            "ceremony",
            "tuf",
            "secret",
            "locked",
            "token",
            "backup",
            "files",
            "keyfile",
            "preflight",
            "transfer",
            "readback",
            "runner",
            "report",
            "qr",
        ],
    ),
    (
        "cli",
        &[
            "runner",
            "perform",
            "ceremony",
            "transcript",
            "tuf",
            "secret",
            "token",
            "backup",
            "files",
            "keyfile",
            "preflight",
            "readback",
            "audit",
            "tui",
            "report",
            "transfer",
            "qr",
            "program",
        ],
    ),
    (
        "tui",
        &[
            "runner",
            "perform",
            "ceremony",
            "secret",
            "readback",
            "cli",
            "token",
            "files",
            "preflight",
            "tuf",
            "transfer",
            "qr",
            "program",
        ],
    ),
    ("main", &["cli", "tui", "preflight"]),
    ("program", &[]),
    ("lib", &[]),
    // Online: it holds no key and asks for no secret of a ceremony.
    ("courier", &["tuf", "transfer", "files", "preflight", "program"]),
    ("bin", &["courier"]),
];

/// Rooms that see no file, clock, terminal, environment or randomness.
const PURE: [&str; 14] = [
    "rules",
    "digest",
    "utc",
    "text",
    "device",
    "machine",
    "custody",
    "readback",
    "tuf",
    "ceremony",
    "transcript",
    "report",
    "audit",
    "transfer",
];

const WORLD: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "SystemTime",
    "Instant::now",
    "getrandom",
    "rand::",
    "rustix",
    "cryptoki",
];

/// What a pure room may see all the same, and why.
const COMPUTES: [(&str, &str, &str); 1] =
    [("tuf/parallel.rs", "std::thread", "signatures are verified on every core; the answer is the same on one")];

/// Modules that may be unsafe, each with its reason at its top.
const UNSAFE: [&str; 3] = ["locked.rs", "token/pkcs11/raw.rs", "tui/glyphs.rs"];

/// Files that are longer than a few pages, and why.
const LONG: [(&str, &str); 1] =
    [("ceremony/event.rs", "one variant an event, each documented: the format of the transcript on one page")];
const LINES_MAX: usize = 500;

struct File {
    name: String,
    room: String,
    /// Without the tests at its end and without comments.
    code: String,
    lines: usize,
}

fn files() -> Vec<File> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = vec![];
    walk(&source, &mut paths);
    let mut files: Vec<File> = paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&source).expect("below src").to_string_lossy().into_owned();
            let room = name.split('/').next().expect("a part").trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            File { room, lines: text.lines().count(), code: code_of(&text), name }
        })
        // A room of tests beside its module.
        .filter(|file| !file.name.split('/').any(|part| part == "tests" || part == "tests.rs"))
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(files.len() > 50, "the source was found");
    files
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn code_of(text: &str) -> String {
    let before_tests = text.split("\n#[cfg(test)]\nmod tests").next().expect("a beginning");
    let code = before_tests.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

/// The rooms that `use crate::…` and paths `crate::…` name, and `use officiant::…` in the program.
fn rooms_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for prefix in ["crate::", "officiant::"] {
        for (at, _) in code.match_indices(prefix) {
            let after = &code[at + prefix.len()..];
            if let Some(list) = after.strip_prefix('{') {
                let mut depth = 0;
                let mut word = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => drop(used.insert(first_part(&std::mem::take(&mut word)))),
                        c if depth == 0 => word.push(c),
                        _ => {}
                    }
                }
                used.insert(first_part(&word));
            } else {
                used.insert(first_part(after));
            }
        }
    }
    used.remove("");
    used
}

fn first_part(path: &str) -> String {
    path.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn no_room_uses_another_that_the_table_does_not_give_it() {
    let table: BTreeMap<&str, &[&str]> = TABLE.into_iter().collect();
    let mut wrong = vec![];
    for file in files() {
        let Some(allowed) = table.get(file.room.as_str()) else {
            wrong.push(format!("{}: the room {} is not in the table", file.name, file.room));
            continue;
        };
        for used in rooms_used(&file.code) {
            let ok = used == file.room || BASE.contains(&used.as_str()) || allowed.contains(&used.as_str());
            if !ok && table.contains_key(used.as_str()) {
                wrong.push(format!("{} uses {used}", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pure_rooms_see_no_file_clock_terminal_environment_or_randomness() {
    let mut wrong = vec![];
    for file in files().iter().filter(|file| PURE.contains(&file.room.as_str())) {
        for world in WORLD.iter().filter(|world| file.code.contains(**world)) {
            let allowed = COMPUTES.iter().any(|(name, what, _)| *name == file.name && what == world);
            if !allowed {
                wrong.push(format!("{} sees {world}", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_dialect_is_told_apart_in_its_own_folder_only() {
    let told = |code: &str| {
        let arms = ["Tuf1", "Notary"].iter().any(|name| {
            code.contains(&format!("Dialect::{name} =>"))
                || code.contains(&format!("matches!(dialect, Dialect::{name}"))
        });
        arms || ["== Dialect::", "!= Dialect::", "match self.dialect", "match dialect"]
            .iter()
            .any(|way| code.contains(way))
    };
    let wrong: Vec<_> = files()
        .into_iter()
        .filter(|file| !file.name.starts_with("tuf/dialect") && told(&file.code))
        .map(|file| file.name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn unsafe_code_lives_in_its_named_modules() {
    for file in files() {
        let has =
            file.code.contains("unsafe {") || file.code.contains("unsafe fn") || file.code.contains("unsafe impl");
        assert!(!has || UNSAFE.contains(&file.name.as_str()), "{} is unsafe", file.name);
    }
}

#[test]
fn the_proof_that_bytes_were_read_back_is_made_from_the_state_and_for_throw_away_keys_only() {
    let makes = |proof: &str| -> Vec<String> {
        files().into_iter().filter(|file| file.code.contains(proof)).map(|file| file.name).collect()
    };
    assert_eq!(makes("Reviewed::new("), ["ceremony/state.rs", "perform/rehearsal.rs"]);
    assert_eq!(makes("ManifestRead::new("), ["ceremony/repositories/batch.rs"]);
}

#[test]
fn trust_other_than_the_shipped_one_is_made_in_no_shipped_file() {
    for file in files() {
        assert!(!file.code.contains("Trust::injected("), "{} injects trust", file.name);
    }
}

#[test]
fn a_network_is_spoken_to_by_the_courier_alone() {
    let network = ["ureq", "std::net", "TcpStream", "UdpSocket", "UnixStream"];
    for file in files().iter().filter(|file| file.room != "courier") {
        for word in network {
            assert!(!file.code.contains(word), "{} sees {word}", file.name);
        }
    }
}

#[test]
fn every_file_can_be_read_in_one_go() {
    for file in files() {
        let listed = LONG.iter().any(|(name, _)| *name == file.name);
        assert!(file.lines <= LINES_MAX || listed, "{} has {} lines", file.name, file.lines);
        assert!(file.lines > LINES_MAX || !listed, "{} is short enough now: take it off the list", file.name);
    }
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    for file in files() {
        assert!(!file.code.contains(".unwrap()"), "{} unwraps", file.name);
    }
}

#[test]
fn no_type_that_holds_a_secret_can_be_shown_copied_or_serialised() {
    let secret = files().into_iter().filter(|file| {
        ["keyfile/", "backup/"].iter().any(|room| file.name.starts_with(room))
            || ["secret.rs", "locked.rs"].contains(&file.name.as_str())
    });
    let mut seen = 0;
    for file in secret {
        let holders = [
            "Secret",
            "Entry",
            "LockedBytes",
            "WordProof",
            "$name",
            "KeyFile",
            "PrivateKey",
            "Kek",
            "Identity",
            "Opened",
            "Share",
            "Split",
            "Gathering",
            "Typing",
            "Paper",
        ];
        let mut derives = String::new();
        for line in file.code.lines() {
            let line = line.trim();
            if line.starts_with("#[derive") {
                derives = line.to_owned();
            } else if let Some(rest) = line.strip_prefix("pub struct ").or(line.strip_prefix("pub(crate) struct ")) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect();
                if holders.contains(&name.as_str()) {
                    seen += 1;
                    for bad in ["Debug", "Clone", "Serialize", "Display"] {
                        assert!(!derives.contains(bad), "{name} derives {bad}");
                        assert!(!file.code.contains(&format!("{bad} for {name}")) || bad == "Debug", "{name} is {bad}");
                    }
                }
                derives.clear();
            } else if !line.is_empty() && !line.starts_with("#[") {
                derives.clear();
            }
        }
    }
    assert!(seen >= 14, "the secrets were found: {seen}");
}

#[test]
fn a_whole_share_is_put_on_paper_alone_and_its_code_is_drawn_for_a_page_alone() {
    for file in files() {
        let in_room = |names: &[&str]| names.contains(&file.name.as_str());
        let says = |word: &str| file.code.contains(word);
        assert!(!says("fn qr_text") || in_room(&["backup/paper.rs"]), "{} has the text of a code", file.name);
        assert!(
            !says("qr_text(") || in_room(&["backup/paper.rs", "backup/paper/html.rs", "backup/encrypted.rs"]),
            "{} draws a share",
            file.name
        );
        assert!(!says("write_row(") || file.name.starts_with("backup/"), "{} writes rows of a share", file.name);
        assert!(
            !says("impl PaperSink for") || in_room(&["backup/paper/sink.rs"]),
            "{} is a place for shares",
            file.name
        );
        assert!(
            !(file.room == "tui" || file.room == "cli") || !says("Paper::"),
            "{} has a page with a share",
            file.name
        );
    }
}

#[test]
fn everything_that_is_freed_is_wiped() {
    let allocators: Vec<_> = files().into_iter().filter(|file| file.code.contains("global_allocator")).collect();
    let [only] = allocators.as_slice() else { panic!("one allocator") };
    assert!(only.name == "lib.rs" && only.code.contains("zeroizing_alloc::ZeroAlloc<std::alloc::System>"));
}

#[test]
fn only_a_script_that_declares_single_control_may_have_a_backup_that_one_person_opens() {
    // Whoever seals with a passphrase alone is listed here, and has looked at the declaration.
    let called = files().into_iter().filter(|file| {
        file.code.contains("SingleControl::declared_in_the_script(") || file.code.contains("seal_alone(")
    });
    let called: Vec<_> = called.filter(|file| file.name != "backup/seal.rs").collect();
    let [only] = called.as_slice() else { panic!("one place") };
    assert!(only.name == "perform/backup/copy.rs" && only.code.contains("declares.one_person_opens()?;"));
}
