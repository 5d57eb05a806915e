//! Starts the rig in namespaces of its own, and ends it.
//!
//! The program starts itself again inside: a test program cannot count on any other being built. Inside is a network namespace,
//! since vpcd listens on every interface, and a mount namespace, since pcscd's folder is compiled in.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{control::Control, rig, setup::Setup};

/// Tells the program that it is the one inside: the folder, then the setup, one word a line.
const INSIDE: &str = "VIRTUAL_YUBIKEY_INSIDE";
/// How libpcsclite finds its daemon.
const SOCKET_NAME: &str = "PCSCLITE_CSOCK_NAME";

/// Serves the cards where this process is the one that [`VirtualYubiKeys::start`] started, and then ends it; does nothing
/// otherwise. Whoever calls `start` calls this first.
pub fn serve_if_inside() {
    let Some(words) = env::var_os(INSIDE) else { return };
    let words = words.to_string_lossy();
    let mut words = words.lines();
    let folder = PathBuf::from(words.next().unwrap_or_default());
    let served = Setup::from_words(words).and_then(|setup| rig::run(&folder, &setup).map_err(|e| e.to_string()));
    if let Err(why) = &served {
        eprintln!("virtual YubiKey: {why}");
    }
    std::process::exit(i32::from(served.is_err()));
}

/// Why this machine cannot run virtual YubiKeys.
#[derive(Debug)]
pub struct Unable(pub String);

/// Virtual YubiKeys with a daemon of their own. Dropping this ends them.
pub struct VirtualYubiKeys {
    folder: PathBuf,
    child: Child,
    /// Its end is the sign to stop.
    stdin: Option<ChildStdin>,
}

/// Ways into the namespaces: as root, and as anybody where the kernel lets people have namespaces of their own.
const WAYS: [&[&str]; 2] = [&["-n", "-m"], &["-U", "-r", "-n", "-m"]];

/// The daemon's folder is compiled in; what else is in /run stays outside.
const MOUNTS: &str =
    "mount -t tmpfs tmpfs /run && mkdir /run/pcscd && mount --bind \"$1\" /run/pcscd && shift && exec \"$@\"";

impl VirtualYubiKeys {
    /// Starts cards in the new folder `folder`. `arguments` bring this very program to [`serve_if_inside`].
    ///
    /// # Errors
    /// Where pcscd, vpcd or namespaces are missing: a test then says that it was skipped.
    ///
    /// # Panics
    /// Where all that is there and the cards do not come up.
    pub fn start(folder: &Path, setup: &Setup, arguments: &[&str]) -> Result<Self, Unable> {
        if !Path::new(rig::DRIVER).is_file() {
            return Err(Unable("vsmartcard-vpcd is not installed".into()));
        }
        if Command::new("pcscd").arg("--version").output().is_err() {
            return Err(Unable("pcscd is not installed".into()));
        }
        let works = |way: &&&[&str]| {
            let tried = Command::new("unshare").args(**way).args(["mount", "-t", "tmpfs", "tmpfs", "/run"]).output();
            tried.is_ok_and(|tried| tried.status.success())
        };
        let way = WAYS.iter().find(works).ok_or_else(|| Unable("no namespaces can be made".into()))?;

        fs::create_dir_all(folder.join("run")).expect("a folder for the daemon's socket");
        let folder = folder.canonicalize().expect("the folder was just made");
        let words = std::iter::once(folder.display().to_string()).chain(setup.to_words());
        // A process namespace: whatever happens to this one, nothing is left of the other.
        let mut child = Command::new("unshare")
            .args(*way)
            .args(["--pid", "--fork", "--kill-child", "sh", "-c", MOUNTS, "sh"])
            .arg(folder.join("run"))
            .arg(env::current_exe().expect("this program"))
            .args(arguments)
            .env(INSIDE, words.collect::<Vec<_>>().join("\n"))
            .env_remove(SOCKET_NAME)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare was just run");
        let stdin = child.stdin.take();
        let mut rig = Self { folder, child, stdin };
        rig.wait();
        Ok(rig)
    }

    fn wait(&mut self) {
        let until = Instant::now() + Duration::from_secs(20);
        // The socket is there when the cards are.
        while !self.folder.join(crate::control::SOCKET).exists() {
            let ended = self.child.try_wait().expect("it is our child").is_some();
            if ended || Instant::now() > until {
                let mut said = String::new();
                if ended && let Some(mut stderr) = self.child.stderr.take() {
                    let _ = stderr.read_to_string(&mut said);
                }
                let log = fs::read_to_string(self.folder.join("pcscd.log")).unwrap_or_default();
                panic!("the virtual YubiKeys did not come up.\n{said}\n{log}");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What a program must have in its environment to see these YubiKeys and no others.
    pub fn environment(&self) -> (&'static str, OsString) {
        (SOCKET_NAME, self.folder.join("run/pcscd.comm").into_os_string())
    }

    /// The folder of the rig, by which [`Control::of`] finds it from another process.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The switches.
    pub fn control(&self) -> Control {
        Control::of(&self.folder)
    }
}

impl Drop for VirtualYubiKeys {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let until = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}
