//! A whole genesis, as `officiant rehearse` goes through it with an answers file, from its start to its MANIFEST.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use crate::{
    measure::Spent,
    place::Place,
    table::{self, Series, figure},
};

const SYNCS: &str = "fsync,fdatasync,sync_file_range,syncfs,sync";

pub fn run(place: &Place, rounds: usize) {
    let mut media: Vec<_> = place
        .media()
        .into_iter()
        .map(|(kind, folder)| (kind, folder, Series::default(), Series::default(), 0))
        .collect();
    for round in 0..rounds {
        for (_, folder, wall, cpu, peak) in &mut media {
            let record = folder.join(format!("genesis-{round}"));
            let spent = Spent::by(&mut rehearse(place, &record));
            assert!(record.join("MANIFEST").is_file(), "a genesis ends with a MANIFEST");
            wall.add_time(spent.wall);
            cpu.add_time(spent.cpu);
            *peak = spent.peak_kib.max(*peak);
        }
    }
    let rows: Vec<_> = media
        .iter()
        .map(|(kind, _, wall, cpu, peak)| {
            let mut row = vec![format!("both copies of the record {kind}")];
            row.extend(wall.cells().into_iter().chain(cpu.cells()));
            row.push(figure(*peak as f64 / 1024.0));
            row
        })
        .collect();
    let head =
        ["genesis with three officers", "ms, minimum", "ms, median", "CPU ms, minimum", "CPU ms, median", "peak MiB"];
    table::print(&format!("Genesis ({rounds} rounds)"), &head, &rows);
    counted(place);
}

fn rehearse(place: &Place, record: &Path) -> Command {
    let script = place.sources.join("ceremony-scripts/genesis.toml");
    let mut command = Command::new(place.officiant());
    command.arg("rehearse").arg(&script).arg("--answers").arg(script.with_extension("answers.toml"));
    command.arg("--record").arg(record).current_dir(place.disk()).env_remove("SOFTHSM2_CONF");
    command
}

/// How often the disk is waited for, counted by strace in a run of its own.
fn counted(place: &Place) {
    let (record, log) = (place.disk().join("counted"), place.disk().join("strace"));
    let plain = rehearse(place, &record);
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-y", "-e", &format!("trace={SYNCS}"), "-o"])
        .arg(&log)
        .arg(plain.get_program())
        .args(plain.get_args());
    traced.current_dir(place.disk()).env_remove("SOFTHSM2_CONF");
    if !matches!(traced.output(), Ok(output) if output.status.success()) {
        println!("fsyncs were not counted: strace is not installed, or may not trace here\n");
        return;
    }
    let entries = fs::read_to_string(record.join("transcript.jsonl")).expect("a transcript").lines().count();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let text = fs::read_to_string(&log).expect("what strace saw");
    for line in text.lines().filter(|line| line.contains("sync(")) {
        let file = line.split('<').nth(1).and_then(|rest| rest.split('>').next()).unwrap_or("");
        let kind = match file {
            _ if file.ends_with("transcript.jsonl") => "of the two transcripts",
            _ if file.contains("/rehearsal/") => "by the soft tokens and throw-away keys",
            _ => "of other files and folders",
        };
        *counts.entry(kind).or_default() += 1;
    }
    let kinds: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("{} fsyncs ({}) for {entries} entries.\n", counts.values().sum::<usize>(), kinds.join(", "));
}
