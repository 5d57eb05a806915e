//! What runs inside the namespaces: pcscd with vpcd's readers, and the cards.

use std::{
    fs,
    io::{self, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{card::Card, cert::Roots, control, loopback, setup::Setup, switches::Switches, vpcd};

/// vpcd's own port; nobody else is in this network namespace.
const PORT: u16 = 0x8c7b;
/// How many readers one driver of vpcd makes.
const READERS: usize = 2;
/// How the reader of a YubiKey calls itself: tools look for it.
const READER: &str = "Yubico YubiKey OTP+FIDO+CCID";
/// pcscd looks at its readers every 400 ms.
const LOOK: Duration = Duration::from_millis(500);
/// Where Debian installs vpcd's driver.
pub(crate) const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// The cards and their daemon.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) cards: Arc<Vec<Arc<Switches>>>,
    pub(crate) roots: Arc<Roots>,
    pub(crate) daemon: Arc<Daemon>,
}

/// pcscd.
pub(crate) struct Daemon {
    folder: PathBuf,
    child: Mutex<Option<Child>>,
}

/// Runs until standard input ends.
pub(crate) fn run(folder: &Path, setup: &Setup) -> io::Result<()> {
    loopback::up()?;
    configure(folder, setup.cards.len())?;
    let daemon = Arc::new(Daemon { folder: folder.to_owned(), child: Mutex::new(None) });
    daemon.start().map_err(io::Error::other)?;
    let roots = Arc::new(Roots::new());
    let cards = setup.cards.iter().zip(PORT..).map(|(card, port)| {
        let switches = Arc::new(Switches::new(setup.touch_limit));
        switches.insert(card.inserted);
        let held = Card::new(card.make.clone(), Arc::clone(&switches), Arc::clone(&roots));
        let (its, reader) = (Arc::clone(&switches), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        thread::spawn(move || vpcd::serve(held, &its, reader));
        switches
    });
    let rig = Rig { cards: Arc::new(cards.collect()), roots, daemon };
    for (number, card) in setup.cards.iter().enumerate().filter(|(_, card)| card.inserted) {
        rig.wait_until(number, card.inserted).map_err(io::Error::other)?;
    }
    for card in rig.cards.iter() {
        card.take_trace();
    }
    let listening = rig.clone();
    let place = folder.to_owned();
    thread::spawn(move || control::listen(&listening, &place));
    // Whoever started this holds the other end for as long as it lives.
    let _ = io::stdin().read_to_end(&mut vec![]);
    for card in rig.cards.iter() {
        card.end();
    }
    rig.daemon.stop().map_err(io::Error::other)
}

/// One definition of readers for each two cards. The driver counts its readers in variables of its own, so each definition
/// loads a copy of it.
fn configure(folder: &Path, cards: usize) -> io::Result<()> {
    fs::create_dir(folder.join("conf"))?;
    for pair in 0..cards.div_ceil(READERS) {
        let driver = folder.join(format!("driver-{pair}.so"));
        fs::copy(DRIVER, &driver)?;
        let port = usize::from(PORT) + pair * READERS;
        // Two definitions of one name would get readers of one name.
        let name = if pair == 0 { READER.to_owned() } else { format!("{READER} {}", pair + 1) };
        let text = format!(
            "FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {}\nCHANNELID 0x{port:X}\n",
            driver.display()
        );
        fs::write(folder.join("conf").join(format!("pair-{pair}")), text)?;
    }
    Ok(())
}

impl Daemon {
    pub(crate) fn start(&self) -> Result<(), String> {
        let text = |error: io::Error| error.to_string();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("pcscd.log")).map_err(text)?;
        // Built with polkit, the daemon refuses whoever has no session at this machine.
        let help = Command::new("pcscd").arg("--help").output().map_err(text)?;
        let polkit = String::from_utf8_lossy(&help.stdout).contains("--disable-polkit");
        let child = Command::new("pcscd")
            .arg("--foreground")
            .arg("--config")
            .arg(self.folder.join("conf"))
            .args(polkit.then_some("--disable-polkit"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(text)?)
            .stderr(log)
            .spawn()
            .map_err(text)?;
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let until = Instant::now() + Duration::from_secs(10);
        while pcsc::Context::establish(pcsc::Scope::System).is_err() {
            if Instant::now() > until {
                return Err("pcscd does not answer; see pcscd.log".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    pub(crate) fn stop(&self) -> Result<(), String> {
        let Some(mut child) = self.child.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let ended = child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string());
        // It had no time to clean up, and would take its own leavings for another daemon.
        for left in ["pcscd.comm", "pcscd.pid"] {
            let _ = fs::remove_file(self.folder.join("run").join(left));
        }
        ended.map(drop)
    }
}

impl Rig {
    /// Waits until pcscd itself sees the card, or its absence.
    pub(crate) fn wait_until(&self, card: usize, present: bool) -> Result<(), String> {
        let text = |error: pcsc::Error| error.to_string();
        let context = pcsc::Context::establish(pcsc::Scope::System).map_err(text)?;
        // Power-off has a grace period of about five seconds.
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let mut names: Vec<_> = context.list_readers_owned().map_err(text)?;
            names.sort();
            let mut states = match names.get(card) {
                Some(name) => vec![pcsc::ReaderState::new(name.clone(), pcsc::State::UNAWARE)],
                None => vec![],
            };
            let asked = context.get_status_change(Duration::ZERO, &mut states);
            let seen = states.first().map(|state| state.event_state());
            if asked.is_ok() && seen.is_some_and(|seen| seen.contains(pcsc::State::PRESENT) == present) {
                // After a command that failed it says "empty" before it has looked, and a card that is put in again before the next
                // look is never seen.
                thread::sleep(if present { Duration::ZERO } else { LOOK });
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("pcscd sees {names:?} and in it {seen:?}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
