//! From starting the program to its first whole screen in a terminal of 80x24.

use std::{
    io::Read as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    measure::Spent,
    place::Place,
    pty,
    table::{self, Series, figure},
};

/// What the program writes at the end of each frame (synchronised output).
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";

struct Screen {
    name: String,
    /// Arguments for the round of this number.
    arguments: Box<dyn Fn(usize) -> Vec<String>>,
    time: Series,
    cpu: Series,
    peak: Series,
}

impl Screen {
    fn new(name: &str, arguments: impl Fn(usize) -> Vec<String> + 'static) -> Self {
        let [time, cpu, peak] = [(); 3].map(|()| Series::default());
        Self { name: name.into(), arguments: Box::new(arguments), time, cpu, peak }
    }
}

pub fn run(place: &Place, rounds: usize) {
    let rounds = rounds * 5;
    let officiant = place.officiant();
    let mut screens = vec![Screen::new("home screen", |_| vec![])];
    for (kind, folder) in place.media() {
        let folder = folder.to_owned();
        screens.push(Screen::new(&format!("first screen of a rehearsal, record {kind}"), move |round| {
            let record = folder.join(format!("start-{round}"));
            ["rehearse", "--record", &record.to_string_lossy()].map(str::to_owned).to_vec()
        }));
    }
    let (mut nothing, mut version) = (Series::default(), Series::default());
    for round in 0..rounds {
        nothing.add_time(Spent::by(&mut Command::new("true")).wall);
        version.add_time(Spent::by(Command::new(&officiant).arg("--version")).wall);
        for screen in &mut screens {
            let Some(first) = first_screen(&officiant, &(screen.arguments)(round), place.disk()) else { continue };
            screen.time.add_time(first.time);
            screen.cpu.add(first.cpu_ms);
            screen.peak.add(first.peak_kib / 1024.0);
        }
    }
    let row = |name: &str, time: &Series, cpu: &Series, peak: &Series| {
        let [least, middle] = time.cells();
        let cpu = if cpu.min().is_finite() { figure(cpu.median()) } else { String::new() };
        let peak = if peak.max() > 0.0 { figure(peak.max()) } else { String::new() };
        vec![name.to_owned(), least, middle, cpu, peak]
    };
    let none = Series::default();
    let mut rows = vec![
        row("`true`, to its end (what a process costs here)", &nothing, &none, &none),
        row("`officiant --version`, to its end", &version, &none, &none),
    ];
    for screen in &screens {
        if screen.time.min().is_finite() {
            rows.push(row(&screen.name, &screen.time, &screen.cpu, &screen.peak));
        } else {
            rows.push(vec![format!("{}: there was none", screen.name)]);
        }
    }
    let head = ["from start to", "ms, minimum", "ms, median", "CPU ms, median", "peak MiB"];
    table::print(&format!("Start ({rounds} rounds)"), &head, &rows);
}

struct First {
    time: Duration,
    cpu_ms: f64,
    peak_kib: f64,
}

/// Starts the program in a terminal and ends it at its first whole screen. `None` where it ended before.
fn first_screen(officiant: &Path, arguments: &[String], folder: &Path) -> Option<First> {
    let mut command = Command::new(officiant);
    command.args(arguments).current_dir(folder).env("TERM", "xterm-256color").env_remove("SOFTHSM2_CONF");
    let begun = Instant::now();
    let (mut child, mut output) = pty::start(command, 80, 24);
    let (mut written, mut buffer) = (vec![], [0; 8192]);
    let first = loop {
        let count = output.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            break None;
        }
        written.extend_from_slice(&buffer[..count]);
        if written.windows(FRAME_ENDS.len()).any(|bytes| bytes == FRAME_ENDS) {
            let time = begun.elapsed();
            let process = child.id();
            break Some(First { time, cpu_ms: cpu_ms(process), peak_kib: peak_kib(process) });
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    first
}

/// What a running process has used so far on all cores, in milliseconds.
fn cpu_ms(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e6
}

/// The most memory that a running program has held since it was loaded.
fn peak_kib(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}
