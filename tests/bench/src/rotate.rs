//! The tagging key of many repositories of Docker Content Trust is replaced, end to end: a ceremony in production, through the
//! runner and the performer, with SoftHSM and a record on two media; a bare loop of `C_Sign` and a verification in software over
//! the very same payloads; and the stock client against a stock server, for a few repositories.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use officiant::{
    ceremony::{Pending, steps::Action},
    digest::Digest,
    keyfile::KeyFile,
    perform::record,
    secret::Secret,
    token::{
        Erase, KeyRequest, KeySelector, LastTry, PinEntry, Provision as _, Token as _, User,
        pkcs11::{self, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};
use rustix::time::ClockId;
use serde_json::{Value, json};

use crate::{
    ceremony_support::{DAY, People, Pinned, Room, quiet_machine},
    collection::{self, Software},
    measure::{Spent, used},
    peers::notary::{self, Client, Keys, Stack},
    place::Place,
    sign::Bare,
    support,
    table::{self, Series, figure},
};

/// How many repositories, and what part of the rounds is enough.
const SIZES: [(usize, usize); 4] = [(100, 1), (1_000, 1), (10_000, 3), (20_000, 3)];
/// The stock tool rotates in so many, once in a trust directory that has no more, and once in one that has as many as the ceremony: it reads
/// through all of its keys each time.
const OF_STOCK: usize = 50;
const IN_STOCK: usize = 1_000;
/// What of a ceremony is about each repository, in order.
const PHASES: [&str; 5] = ["import", "draft", "review", "sign", "export"];
/// Roll-call, keys, clocks and heads; and at last report, card and manifest.
const REST: [&str; 2] = ["rest", "finish"];

/// `only` asks for one size.
pub fn run(place: &Place, rounds: usize, only: Option<usize>) {
    let sizes = only.map_or_else(|| SIZES.to_vec(), |count| vec![(count, 1)]);
    let collections: BTreeMap<usize, PathBuf> = sizes
        .iter()
        .map(|(count, _)| {
            let folder = place.disk().join(format!("collection-{count}"));
            collection::make(&folder, *count);
            (*count, folder)
        })
        .collect();
    let mut of_one_thousand = None;
    for (kind, folder) in place.media() {
        let (mut rows, mut ratios) = (vec![], vec![]);
        for &(count, part) in &sizes {
            let rounds = (rounds / part).max(1);
            let told: Vec<Value> = (0..rounds).map(|_| held(place, folder, &collections[&count], count)).collect();
            let figures = Figures::of(&told);
            if kind == "on disk" && count == 1_000 {
                of_one_thousand = Some([&figures.without_import, &figures.all_five].map(|of| of[0].min()));
            }
            rows.push(figures.phases(count, rounds));
            ratios.push(figures.ratios(count));
        }
        let head = [
            "repositories (rounds)",
            "import, ms",
            "draft",
            "review",
            "sign",
            "export",
            "report and MANIFEST",
            "CPU ms of the first five, minimum",
            "peak MiB to the last bundle",
            "to the MANIFEST",
        ];
        table::print(&format!("Another tagging key, record {kind}: medians of the clock"), &head, &rows);
        let head = [
            "repositories",
            "bare loop, ms, minimum",
            "median",
            "CPU ms, minimum",
            "draft to export, ms, minimum",
            "median",
            "CPU ms, minimum",
            "of the bare loop: minima",
            "medians",
            "CPU",
            "with import: minima",
            "medians",
            "CPU",
            "µs a repository, all five, minimum",
        ];
        table::print(&format!("Beside a bare loop over the same payloads, record {kind}"), &head, &ratios);
    }
    match stock(place) {
        Some(stock) => {
            println!("`notary key rotate GUN targets` in {OF_STOCK} repositories, server on loopback:");
            for (there, each) in stock {
                let (median, min) = (figure(each.median()), figure(each.min()));
                println!("of {there} in the trust directory: {median} ms each by the median, {min} at least.");
                if let Some([draft_to_export, with_import]) = of_one_thousand {
                    println!(
                        "A ceremony of 1,000, without publishing, is {} times as fast from the drafts to the bundles, {} times with the import.",
                        figure(each.median() / (draft_to_export / 1e3)),
                        figure(each.median() / (with_import / 1e3))
                    );
                }
            }
            println!();
        }
        None => println!("not run: the stock client (notary, notary-server or openssl is not installed)\n"),
    }
}

/// What children told of one size: by the clock, and CPU time of all threads.
#[derive(Default)]
struct Figures {
    wall: BTreeMap<&'static str, Series>,
    all_five: [Series; 2],
    without_import: [Series; 2],
    bare: [Series; 2],
    peak_to_bundles: f64,
    peak: f64,
}

impl Figures {
    fn of(told: &[Value]) -> Self {
        let mut figures = Self::default();
        let number = |value: &Value| value.as_f64().expect("a number");
        for child in told {
            let of = |phase: &str| [0, 1].map(|which| number(&child["phases"][phase][which]));
            for phase in PHASES.into_iter().chain(REST) {
                figures.wall.entry(phase).or_default().add(of(phase)[0]);
            }
            for which in [0, 1] {
                let all = |phases: &[&str]| phases.iter().map(|phase| of(phase)[which]).sum();
                figures.all_five[which].add(all(&PHASES));
                figures.without_import[which].add(all(&PHASES[1..]));
                figures.bare[which].add(number(&child["bare"][which]));
            }
            figures.peak_to_bundles = figures.peak_to_bundles.max(number(&child["peak-to-bundles-kib"]) / 1024.0);
            figures.peak = figures.peak.max(number(&child["peak-kib"]) / 1024.0);
        }
        figures
    }

    fn phases(&self, count: usize, rounds: usize) -> Vec<String> {
        let mut row = vec![format!("{count} ({rounds})")];
        row.extend(PHASES.iter().chain(&["finish"]).map(|phase| figure(self.wall[phase].median())));
        row.extend([self.all_five[1].min(), self.peak_to_bundles, self.peak].map(figure));
        row
    }

    fn ratios(&self, count: usize) -> Vec<String> {
        let mut row = vec![count.to_string()];
        for [wall, cpu] in [&self.bare, &self.without_import] {
            row.extend(wall.cells());
            row.push(figure(cpu.min()));
        }
        for [wall, cpu] in [&self.without_import, &self.all_five] {
            let [bare, bare_cpu] = &self.bare;
            let ratios = [wall.min() / bare.min(), wall.median() / bare.median(), cpu.min() / bare_cpu.min()];
            row.extend(ratios.map(figure));
        }
        row.push(figure(self.all_five[0].min() * 1e3 / count as f64));
        row
    }
}

/// One ceremony in a process of its own, and the bare loop in the same process.
fn held(place: &Place, folder: &Path, collection: &Path, count: usize) -> Value {
    // What is there stays until the end: a file system looks longer for room where much was deleted a moment ago.
    let folder = tempfile::tempdir_in(folder).expect("a folder").keep();
    let rehearsal = Rehearsal::prepare(&folder.join("tokens"), None).expect("SoftHSM is installed");
    let (name, value) = rehearsal.environment();
    let mut child = place.myself("rotate-in-process");
    // The ceremony waits for its own files, and not for what this program made before.
    rustix::fs::sync();
    let told = Spent::by(child.arg(&folder).arg(collection).arg(count.to_string()).env(name, value)).stdout;
    serde_json::from_slice(&told).expect("a line of JSON")
}

/// The child: holds the ceremony, and signs the same payloads again in a bare loop.
pub fn in_process(folder: &Path, collection: &Path, count: usize) {
    officiant::preflight::harden().expect("this process can be hardened");
    let rehearsal = Rehearsal::again(&folder.join("tokens"), None).expect("the parent prepared it");
    with_offline_key(&rehearsal);
    pkcs11::close_all();
    let inputs = folder.join("inputs");
    fs::create_dir(&inputs).expect("a folder");
    std::os::unix::fs::symlink(collection, inputs.join("collection")).expect("a link");
    let text = script(&rehearsal, collection, count);
    let probe = quiet_machine(&folder.join("machine"));
    let trust = Trust::injected(|_| None);
    let mut room = Room::run_in(folder, Pinned::at(DAY), text.as_bytes(), &inputs, people(), trust, probe);

    let mut phases: BTreeMap<&str, [f64; 2]> = PHASES.iter().chain(&REST).map(|phase| (*phase, [0.0; 2])).collect();
    let mut timed = |phase: &'static str, room: &mut Room, act: &dyn Fn(&mut Room)| {
        let (begun, before) = (Instant::now(), used(ClockId::ProcessCPUTime));
        act(room);
        let spent = phases.get_mut(phase).expect("a phase");
        spent[0] += begun.elapsed().as_secs_f64() * 1e3;
        spent[1] += (used(ClockId::ProcessCPUTime) - before) * 1e3;
    };
    while !matches!(room.ceremony().pending(), Pending::Finished(_)) {
        let phase = phase(&room);
        timed(phase, &mut room, &|room| room.turn().unwrap_or_else(|error| panic!("{}: {error:?}", room.position())));
    }
    let peak_to_bundles = peak_kib();
    timed("finish", &mut room, &|room| record::finish(&room.runner).expect("the record is finished"));
    let peak = peak_kib();
    let written = fs::read_dir(folder.join("a/publish/repositories")).expect("bundles").count();
    assert_eq!(written, count, "a bundle for each");
    drop(room);
    pkcs11::close_all();
    rustix::fs::sync();

    let payloads = payloads(&folder.join("a/payloads"));
    let ways = [("root-1", support::USER_PIN), ("tag-2", USER_PIN)];
    let mut tokens: Vec<(Pkcs11Token, Bare)> = ways
        .iter()
        .map(|(label, pin)| {
            let mut token = open(&rehearsal, label);
            token.login(User::User, PinEntry::Typed(&support::pin(pin)), LastTry::Keep).expect("log in");
            let public = token.public_keys().expect("its keys")[0].public.clone().expect("a key");
            let key = token.find_key(&KeySelector::Public(public)).expect("the key is there");
            let bare = Bare::of(&token, &key);
            (token, bare)
        })
        .collect();
    let (begun, before) = (Instant::now(), used(ClockId::ProcessCPUTime));
    let signed: usize = tokens.iter_mut().zip(&payloads).map(|((_, bare), payloads)| bare.sign_all(payloads)).sum();
    let bare = [begun.elapsed().as_secs_f64() * 1e3, (used(ClockId::ProcessCPUTime) - before) * 1e3];
    assert_eq!(signed, 2 * count, "a root and targets for each");
    println!("{}", json!({"phases": phases, "bare": bare, "peak-kib": peak, "peak-to-bundles-kib": peak_to_bundles}));
}

/// The PIN that the new tagging key's token gets.
const USER_PIN: &str = "44-bench-user";

fn people() -> People {
    let text = format!(
        "format = 1\n[words]\nsam = \"harbour\"\n[pins.root-1]\nuser = \"{}\"\nso = \"{}\"\n[pins.tag-2]\nuser = \"{USER_PIN}\"\nso = \"79-bench-so-3\"\n",
        support::USER_PIN,
        support::SO_PIN,
    );
    toml::from_str(&text).expect("an answers file")
}

fn script(rehearsal: &Rehearsal, collection: &Path, count: usize) -> String {
    let module = rehearsal.module.canonicalize().expect("the module");
    let digest = |path: &Path| Digest::of(&fs::read(path).expect("a file")).to_string();
    include_str!("rotate.toml")
        .replace("@MODULE@", &module.to_string_lossy())
        .replace("@MODULE-SHA256@", &digest(&module))
        .replace("@ROOT@", Software::offline().bare().canonical_id().as_str())
        .replace("@MANIFEST@", &digest(&collection.join("MANIFEST")))
        .replace("@REPOSITORIES@", &count.to_string())
}

/// A token on which the offline key has been for years.
fn with_offline_key(rehearsal: &Rehearsal) {
    let mut token = support::prepared(rehearsal, "root-1");
    support::login(&mut token);
    let pem = Secret::copied(Software::offline().pem().as_bytes()).expect("memory can be locked");
    let key = KeyFile::parse(pem).and_then(|file| file.open(0, None)).unwrap_or_else(|_| panic!("a key file"));
    let request =
        KeyRequest { algorithm: officiant::token::KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() };
    token.import_key(&key, &request).expect("the token takes a key");
    let _ = Erase::NothingThere;
}

fn open(rehearsal: &Rehearsal, label: &str) -> Pkcs11Token {
    let uri = support::module_uri(rehearsal);
    let of = |label: &str| TokenUri { label: Some(label.to_owned()), ..uri.clone() };
    pkcs11::open(&of(label), Trust::shipped()).unwrap_or_else(|error| panic!("{label}: {error:?}"))
}

fn phase(room: &Room) -> &'static str {
    match room.ceremony().step().map(|step| &step.action) {
        Some(Action::ImportRepositories(_) | Action::JudgeTags(_)) => "import",
        Some(Action::DraftRepositories(_)) => "draft",
        Some(Action::Review(_)) => "review",
        Some(Action::SignRepositories(_)) => "sign",
        Some(Action::ExportRepositories(_)) => "export",
        _ => "rest",
    }
}

/// The payloads of roots and of targets, in the order of their digests, which is no order at all.
fn payloads(folder: &Path) -> [Vec<Arc<[u8]>>; 2] {
    let mut of = [vec![], vec![]];
    for entry in fs::read_dir(folder).expect("payloads") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("a payload");
        let root = bytes.starts_with(b"{\"_type\":\"Root\"");
        of[usize::from(!root)].push(Arc::from(bytes));
    }
    of
}

/// The most memory that this process has held, in KiB.
fn peak_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How long the stock client takes for each of a few repositories, in milliseconds, by how many its trust directory has. The server is on
/// loopback and keeps everything in memory.
fn stock(place: &Place) -> Option<Vec<(usize, Series)>> {
    if !notary::installed() {
        return None;
    }
    let folder = place.disk().join("stock");
    fs::create_dir(&folder).expect("a folder");
    let stack = Stack::start(&folder, Keys::Local);
    let client = Client::new(&stack, &folder.join("client"));
    let gun = |number: usize| format!("docker.io/bench/repository-{number:05}");
    let mut there = 0;
    let measured = [OF_STOCK, IN_STOCK].map(|many| {
        for number in there..many {
            client.does(&["init", "-p", &gun(number)]);
        }
        there = many;
        let mut each = Series::default();
        for number in (0..many).step_by(many / OF_STOCK) {
            let begun = Instant::now();
            client.does(&["key", "rotate", &gun(number), "targets"]);
            each.add_time(begun.elapsed());
        }
        (many, each)
    });
    Some(measured.into())
}
