//! A chain of a thousand roots, walked by everybody over the very same files: each root has three P-256 keys of which two must
//! sign, and replaces one key of the root before.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use officiant::tuf::{
    Dialect, Snapshot, Targets, Timestamp,
    json::Members,
    snapshot::MetaFile,
    walk::{Files, walk},
};
use rustix::time::ClockId;
use serde_json::{Value, json};

use crate::{
    measure::{self, Spent, used},
    place::Place,
    table::{self, Series, figure},
    tuf_support::{NOW, Signer, at, online, root, signed},
};

const ROOTS: usize = 1000;
/// How often one process walks a chain that it holds in memory.
const WALKS: usize = 3;
const FAR: &str = "2099-01-01T00:00:00Z";

/// Somebody who walks.
struct Walker {
    name: &'static str,
    /// What must be there for it to walk at all.
    needs: PathBuf,
    command: Command,
    /// Tells on standard output how long its walks took; otherwise the process is what is measured.
    tells: bool,
    time: Series,
    cpu: Series,
    peak_kib: u64,
}

impl Walker {
    fn new(name: &'static str, needs: &Path, command: Command, tells: bool) -> Self {
        let (time, cpu) = (Series::default(), Series::default());
        Self { name, needs: needs.to_owned(), command, tells, time, cpu, peak_kib: 0 }
    }

    fn walk(&mut self) {
        let spent = Spent::by(&mut self.command);
        self.peak_kib = self.peak_kib.max(spent.peak_kib);
        if !self.tells {
            self.time.add_time(spent.wall);
            self.cpu.add_time(spent.cpu);
            return;
        }
        let told: Value = serde_json::from_slice(&spent.stdout).expect("a line of JSON");
        assert_eq!(told["root"], ROOTS, "{} did not get to the end: {told}", self.name);
        for (figures, what) in [(&mut self.time, "ms"), (&mut self.cpu, "cpu")] {
            told[what].as_array().into_iter().flatten().filter_map(Value::as_f64).for_each(|ms| figures.add(ms));
        }
    }

    fn row(&self) -> Vec<String> {
        let mut row = vec![self.name.to_owned()];
        row.extend(self.time.cells());
        row.extend(self.cpu.cells());
        row.push(figure(self.peak_kib as f64 / 1024.0));
        row
    }
}

pub fn run(place: &Place, rounds: usize) {
    for (signers, title) in [("all", "all four officers sign each root"), ("fewest", "the two who stay sign each root")]
    {
        let folder = place.disk().join(format!("chain-{signers}"));
        Spent::by(place.myself("make-chain").arg(&folder).args([&ROOTS.to_string(), signers]));
        let floor = Spent::by(&mut Command::new("true")).peak_kib;
        let mut walkers = walkers(place, &folder);
        walkers.retain(|walker| {
            let there = walker.needs.exists();
            if !there {
                println!("not run: {} ({} is not there)", walker.name, walker.needs.display());
            }
            there
        });
        for _ in 0..rounds {
            walkers.iter_mut().for_each(Walker::walk);
        }
        let (told, whole): (Vec<_>, Vec<_>) = walkers.iter().partition(|walker| walker.tells);
        let rows = |walkers: Vec<&Walker>| walkers.into_iter().map(Walker::row).collect::<Vec<_>>();
        let figures = ["ms, minimum", "ms, median", "CPU ms, minimum", "CPU ms, median", "peak MiB"];
        let head = |first| std::iter::once(first).chain(figures).collect::<Vec<_>>();
        table::print(
            &format!("Chain of {ROOTS} roots, {title} ({rounds} rounds)"),
            &head("whole program, files from disk"),
            &rows(whole),
        );
        println!("Peaks below {} MiB cannot be told.", figure(floor as f64 / 1024.0));
        table::print(
            &format!("The same chain in memory ({rounds} processes, {WALKS} walks each)"),
            &head("in process"),
            &rows(told),
        );
    }
}

fn walkers(place: &Place, folder: &Path) -> Vec<Walker> {
    let (first, peers) = (folder.join("1.root.json"), place.target.join("peers"));
    let own = place.sources.join("tests/bench/peers");

    let mut officiant = Command::new(place.officiant());
    officiant.args(["verify", "--trusted"]).arg(&first).arg("--metadata").arg(folder);
    let mut myself = place.myself("walk-in-process");
    myself.arg(folder);

    let program = place.target.join("bench/tough/release/tough-walk");
    let mut tough = Command::new(&program);
    tough.arg("--root").arg(&first).arg("--metadata").arg(folder).args(["--expect", &ROOTS.to_string()]);

    let python = peers.join("python/bin/python");
    let with_python = |how: &str| {
        let mut command = Command::new(&python);
        command.arg(own.join("python_tuf.py")).arg(how).arg(folder).arg(WALKS.to_string());
        command
    };
    let modules = peers.join("js/node_modules");
    let with_node = |how: &str| {
        let mut command = Command::new("node");
        command
            .arg(own.join("tuf_js.mjs"))
            .arg(how)
            .arg(folder)
            .arg(WALKS.to_string())
            .env("OFFICIANT_NODE_MODULES", &modules);
        command
    };
    vec![
        Walker::new("officiant verify", &place.officiant(), officiant, false),
        Walker::new("tough", &program, tough, false),
        Walker::new("python-tuf, Updater", &python, with_python("updater"), false),
        Walker::new("tuf-js, Updater", &modules, with_node("updater"), false),
        Walker::new("officiant, walk", &place.officiant(), myself, true),
        Walker::new("python-tuf, TrustedMetadataSet", &python, with_python("memory"), true),
        Walker::new("tuf-js, TrustedMetadataStore", &modules, with_node("memory"), true),
    ]
}

/// Writes the chain into the new folder `folder`, with what makes it a whole repository.
pub fn make(folder: &Path, roots: usize, all_sign: bool) {
    fs::create_dir(folder).expect("a new folder");
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.join(name), bytes).expect("a file");
    let signers: Vec<Signer> = (0..roots as u32 + 3).map(Signer::p256).collect();
    for n in 1..=roots {
        let (leaves, b, c, comes) = (&signers[n - 1], &signers[n], &signers[n + 1], &signers[n + 2]);
        let mut root = root(n as u64, 2, &[b, c, comes]);
        root.expires = at(FAR);
        let by: &[&Signer] = if all_sign { &[leaves, b, c, comes] } else { &[b, c] };
        write(&format!("{n}.root.json"), signed(&root, by));
    }
    let (spec_version, expires, extra) = (Some("1.0.31".to_owned()), at(FAR), Members::new());
    let meta = || MetaFile { version: Some(1), length: None, hashes: None, extra: Members::new() };
    let names = [("targets.json".to_owned(), meta())].into();
    let targets = Targets {
        spec_version: spec_version.clone(),
        version: 1,
        expires,
        targets: Default::default(),
        delegations: None,
        extra: extra.clone(),
    };
    let snapshot =
        Snapshot { spec_version: spec_version.clone(), version: 1, expires, meta: names, extra: extra.clone() };
    let timestamp = Timestamp { spec_version, version: 1, expires, snapshot: meta(), extra };
    write("1.targets.json", signed(&targets, &[&online()]));
    write("1.snapshot.json", signed(&snapshot, &[&online()]));
    write("timestamp.json", signed(&timestamp, &[&online()]));
}

/// Walks the roots of `folder` in memory, as the scripts in `peers` do, and tells how long it took.
pub fn walk_in_process(folder: &Path) {
    let mut files = Files::new();
    for n in 1..=ROOTS {
        let name = format!("{n}.root.json");
        let bytes = fs::read(folder.join(&name)).expect("a root");
        files.insert(name, bytes);
    }
    let (mut ms, mut cpu, mut reached) = (vec![], vec![], 0);
    for _ in 0..WALKS {
        let (begun, used) = (Instant::now(), used(ClockId::ProcessCPUTime));
        let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, at(NOW));
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
        cpu.push((measure::used(ClockId::ProcessCPUTime) - used) * 1e3);
        reached = walk.accepted().expect("the chain holds").root_version;
    }
    println!("{}", json!({"root": reached, "ms": ms, "cpu": cpu}));
}
