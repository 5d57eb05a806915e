//! Takes the terminal over, and gives it back however the program ends: by itself, by a panic, or by a signal.

use std::{
    io::{self, Stdout},
    mem::ManuallyDrop,
    panic,
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor::Show,
    event::{Event, KeyCode, KeyEventKind, KeyModifiers},
    execute,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use crate::{fault::Fault, program, qr::picture::is_caught, secret::Secret};

/// Whether the terminal is ours now; the panic hook asks.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is ours. Dropping it gives it back.
pub struct Screen {
    /// Never dropped: its drop complains on standard error where the terminal is gone, and would panic there.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    signal: Arc<AtomicUsize>,
    registered: Vec<signal_hook::SigId>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Where standard input and output are no terminal.
    pub fn take() -> Result<Self, Fault> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // A picture that the reader of codes stumbles over ends nothing.
                if !is_caught() {
                    give_back();
                    before(info);
                }
            }));
        });
        let signal = Arc::new(AtomicUsize::new(0));
        let mut registered = vec![];
        for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let id =
                signal_hook::flag::register_usize(number, Arc::clone(&signal), usize::try_from(number).unwrap_or(1));
            registered.push(id.map_err(|e| Fault::machine("watch for signals", e))?);
        }
        TAKEN.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen))
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match taken {
            Ok(terminal) => Ok(Self { terminal: ManuallyDrop::new(terminal), signal, registered }),
            Err(e) => {
                give_back();
                Err(Fault::machine("take the terminal over", e))
            }
        }
    }

    /// Draws.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&mut self, view: impl FnOnce(&mut ratatui::Frame<'_>)) -> Result<(), Fault> {
        // A terminal that knows how shows a frame whole or not at all; every other ignores this.
        let drawn = execute!(io::stdout(), BeginSynchronizedUpdate)
            .and_then(|()| self.terminal.draw(view).map(|_| ()))
            .and_then(|()| execute!(io::stdout(), EndSynchronizedUpdate));
        drawn.map_err(|e| Fault::machine("draw on the terminal", e))
    }

    /// Shows a row of a share, alone, until Enter is pressed; whether it was, and not Esc or Ctrl-C. What is drawn does not go through the
    /// buffers of the screen, which would keep it.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn cover(&mut self, says: &str, text: &Secret) -> Result<bool, Fault> {
        let failed = |e: io::Error| Fault::machine("show a row on the terminal", e);
        let mut terminal = std::fs::OpenOptions::new().write(true).open("/dev/tty").map_err(failed)?;
        program::covered(&mut terminal, says, text.expose()).map_err(failed)?;
        let copied = loop {
            if self.told_to_end().is_some() {
                break false;
            }
            if !event_within(Duration::from_millis(100))? {
                continue;
            }
            let Event::Key(key) = crossterm::event::read().map_err(failed)? else { continue };
            match key.code {
                _ if key.kind == KeyEventKind::Release => {}
                KeyCode::Enter => break true,
                KeyCode::Esc => break false,
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => break false,
                _ => {}
            }
        };
        io::Write::write_all(&mut terminal, program::CLEARED.as_bytes()).map_err(failed)?;
        self.terminal.clear().map_err(failed)?;
        Ok(copied)
    }

    /// The name of the signal that told the program to end, if one did.
    pub fn told_to_end(&self) -> Option<&'static str> {
        match i32::try_from(self.signal.load(Ordering::SeqCst)) {
            Ok(0) | Err(_) => None,
            Ok(SIGHUP) => Some("SIGHUP"),
            Ok(SIGINT) => Some("SIGINT"),
            Ok(SIGQUIT) => Some("SIGQUIT"),
            Ok(_) => Some("SIGTERM"),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        for id in self.registered.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

/// Leaves the terminal as it was. Does nothing where it is not ours; a terminal that is gone cannot be mended.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Whether an event is there, waiting for it at most `wait`. Asked instead of [`crossterm::event::poll`], which never returns once
/// the terminal is gone.
///
/// # Errors
/// A fault where the terminal is gone or cannot be read.
pub fn event_within(wait: Duration) -> Result<bool, Fault> {
    let fault = |e: io::Error| Fault::machine("read from the terminal", e);
    let stdin = io::stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    match rustix::event::poll(&mut terminal, Some(&timeout)) {
        // A signal came, perhaps of another size: crossterm tells.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(fault(error.into())),
    }
    if terminal[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(Fault::machine("read from the terminal", "it is gone; the record is safe: resume"));
    }
    crossterm::event::poll(Duration::ZERO).map_err(fault)
}

/// Whether this is the Linux console, whose fonts have few glyphs.
pub fn is_console() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "linux")
}

/// The keyboard layout that Debian's settings name, `de` or `ch (fr)`.
pub fn keyboard_layout() -> Option<String> {
    let text = crate::files::read(std::path::Path::new("/etc/default/keyboard"), 64 * 1024).ok()?;
    layout_of(&String::from_utf8(text).ok()?)
}

fn layout_of(text: &str) -> Option<String> {
    let value = |name: &str| {
        let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
        let value = line.trim().trim_matches('"').to_owned();
        (!value.is_empty()).then_some(value)
    };
    let layout = value("XKBLAYOUT")?;
    Some(value("XKBVARIANT").map_or(layout.clone(), |variant| format!("{layout} ({variant})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyboard_layout_is_read_as_debian_writes_it() {
        assert_eq!(layout_of("XKBMODEL=\"pc105\"\nXKBLAYOUT=\"de\"\nXKBVARIANT=\"\"\n").as_deref(), Some("de"));
        assert_eq!(layout_of("XKBLAYOUT=ch\nXKBVARIANT=\"fr\"\n").as_deref(), Some("ch (fr)"));
        assert_eq!(layout_of("# nothing\n"), None);
    }
}
