//! Where things are: the programs, a folder to work in, and what machine this is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Everything that the parts have in common.
pub struct Place {
    /// The target folder; `peers` below it is filled by tests/run, `bench/tough` by tests/bench/run.
    pub target: PathBuf,
    /// The checkout.
    pub sources: PathBuf,
    disk: TempDir,
    memory: Option<TempDir>,
}

impl Place {
    pub fn new() -> Self {
        let program = std::env::current_exe().expect("this program knows where it is");
        // TARGET/release/officiant-bench
        let target = program.ancestors().nth(2).expect("it lies in a target folder").to_owned();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/bench").to_owned();
        fs::create_dir_all(target.join("bench")).expect("a folder to work in");
        // A record lies on media of its own. Where much was deleted on a disk a moment ago (by a compiler, say), ext4 looks long for room.
        let disk = std::env::var_os("OFFICIANT_BENCH_DISK").map_or_else(|| target.join("bench"), PathBuf::from);
        let disk = TempDir::new_in(disk).expect("a folder to work in");
        // Where a folder in memory is to be had, what the disk costs can be told from what the program costs.
        let memory = TempDir::new_in("/dev/shm").ok();
        Self { target, sources, disk, memory }
    }

    /// The program that was built beside this one.
    pub fn officiant(&self) -> PathBuf {
        std::env::current_exe().expect("this program knows where it is").with_file_name("officiant")
    }

    /// A part of this program that runs in a process of its own.
    pub fn myself(&self, part: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program knows where it is"));
        command.arg(part);
        command
    }

    /// A folder on the disk.
    pub fn disk(&self) -> &Path {
        self.disk.path()
    }

    /// Kinds of folders to write a record to.
    pub fn media(&self) -> Vec<(&'static str, &Path)> {
        let memory = self.memory.as_ref().map(|folder| ("in memory", folder.path()));
        std::iter::once(("on disk", self.disk())).chain(memory).collect()
    }

    /// Machine and versions.
    pub fn facts(&self) -> String {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0);
        let python = self.target.join("peers/python/bin/python");
        let versions = "import sys, tuf, cryptography as c; print(f'python-tuf {tuf.__version__} (cryptography {c.__version__}, Python {sys.version.split()[0]})')";
        let facts = [
            format!("cpu        {} ({cores} cores)", model.trim_start_matches(['\t', ':', ' '])),
            format!("memory     {} MiB", kib / 1024),
            format!("kernel     {}", said("uname", &["-sr"])),
            format!("disk       {}", said("findmnt", &["-no", "FSTYPE,SOURCE", "-T", &self.disk().to_string_lossy()])),
            format!("date       {}", said("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
            format!("rustc      {}", said("rustc", &["--version"])),
            format!(
                "officiant  {} at commit {}",
                said(&self.officiant().to_string_lossy(), &["--version"]),
                said("git", &["-C", &self.sources.to_string_lossy(), "describe", "--always", "--dirty", "--abbrev=10"])
            ),
            format!("soft token SoftHSM {}", said("softhsm2-util", &["--version"])),
            format!("peers      {}", said(&python.to_string_lossy(), &["-c", versions])),
            format!("           tuf-js {} (Node {})", self.tuf_js(), said("node", &["--version"])),
            "           tough 0.24.0, optimised as a release".to_owned(),
        ];
        facts.join("\n")
    }

    /// How busy the machine is with other things.
    pub fn load(&self) -> String {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let three: Vec<&str> = load.split(' ').take(3).collect();
        format!("load average {} at {}", three.join(" "), said("date", &["-u", "+%H:%M:%S UTC"]))
    }

    fn tuf_js(&self) -> String {
        let text =
            fs::read_to_string(self.target.join("peers/js/node_modules/tuf-js/package.json")).unwrap_or_default();
        let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        package["version"].as_str().unwrap_or("not installed").to_owned()
    }
}

/// The first line of what a program says, or that there is none.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().map_or("not installed".to_owned(), |line| line.trim().to_owned())
}
