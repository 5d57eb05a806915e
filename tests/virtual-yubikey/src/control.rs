//! How a test talks to the cards: lines over a Unix socket in the folder of the rig.
//!
//! A request is one line; the answer is any number of lines and then `ok`, or `error` and why.
//!
//! ```text
//! 0 insert | 0 eject              puts card 0 in or pulls it, and waits until the reader has noticed
//! 0 pull                          pulls it and waits for nobody
//! 0 touch auto | manual | never   who touches
//! 0 press                         touches once
//! 0 touched                       -> "blinking 3": whether it blinks (or is "dark"), and how often it was touched
//! 0 fault 87 2 eject-after        from the third GENERAL AUTHENTICATE on, once: eject-before, eject-after, cut, flip,
//!                                 status 6F00, answer 01019000, delay 100
//! 0 clear-faults
//! 0 trace                         -> "power on", "power off", "COMMAND ANSWER" in hexadecimal, since the last time
//! roots                           -> the two test roots, then the certificates between, as DER in hexadecimal
//! pcscd stop | pcscd start
//! ```

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    rig::Rig,
    switches::{Fault, Harm, Seen, Touch},
};

/// The socket in the folder of the rig.
pub(crate) const SOCKET: &str = "control";

/// The test's end.
#[derive(Clone, Debug)]
pub struct Control {
    socket: PathBuf,
}

impl Control {
    /// The cards of the rig in `folder`.
    pub fn of(folder: &Path) -> Self {
        Self { socket: folder.join(SOCKET) }
    }

    /// Sends one request and gives the lines of its answer.
    ///
    /// # Panics
    /// Where the rig is gone or says no.
    pub fn ask(&self, request: &str) -> Vec<String> {
        self.try_ask(request).unwrap_or_else(|why| panic!("virtual YubiKey, {request}: {why}"))
    }

    pub(crate) fn try_ask(&self, request: &str) -> Result<Vec<String>, String> {
        let text = |error: io::Error| error.to_string();
        let mut stream = UnixStream::connect(&self.socket).map_err(text)?;
        stream.write_all(format!("{request}\n").as_bytes()).map_err(text)?;
        let mut lines = vec![];
        for line in BufReader::new(stream).lines() {
            let line = line.map_err(text)?;
            if line == "ok" {
                return Ok(lines);
            }
            if let Some(why) = line.strip_prefix("error ") {
                return Err(why.to_owned());
            }
            lines.push(line);
        }
        Err("no answer".into())
    }

    /// Puts a card in.
    pub fn insert(&self, card: usize) {
        self.ask(&format!("{card} insert"));
    }

    /// Pulls a card, and waits until that was noticed.
    pub fn eject(&self, card: usize) {
        self.ask(&format!("{card} eject"));
    }

    /// Says who touches a card: `auto`, `manual` or `never`.
    pub fn touch(&self, card: usize, who: &str) {
        self.ask(&format!("{card} touch {who}"));
    }

    /// Waits until a card blinks, and touches it.
    pub fn press(&self, card: usize) {
        while !self.blinks(card) {
            thread::sleep(Duration::from_millis(5));
        }
        self.ask(&format!("{card} press"));
    }

    /// Whether a card blinks.
    pub fn blinks(&self, card: usize) -> bool {
        self.ask(&format!("{card} touched"))[0].starts_with("blinking")
    }

    /// How often a card was touched while it blinked.
    pub fn touches(&self, card: usize) -> usize {
        let line = self.ask(&format!("{card} touched"));
        line[0].split(' ').nth(1).and_then(|count| count.parse().ok()).expect("a count")
    }

    /// Lets something go wrong at an instruction after `skip` unharmed ones; see the top of this module.
    pub fn fault(&self, card: usize, ins: u8, skip: usize, harm: &str) {
        self.ask(&format!("{card} fault {ins:02X} {skip} {harm}"));
    }

    /// What happened on the contacts of a card since the last time.
    pub fn trace(&self, card: usize) -> Trace {
        let lines = self.ask(&format!("{card} trace"));
        Trace(lines.iter().map(|line| seen(line).expect("a line of a trace")).collect())
    }

    /// The test roots of both generations, and the certificates between them and the cards, in DER.
    pub fn roots(&self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut all: Vec<_> = self.ask("roots").iter().map(|line| from_hex(line).expect("hexadecimal")).collect();
        let between = all.split_off(2);
        (all, between)
    }
}

/// What happened on the contacts of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(pub Vec<Seen>);

impl Trace {
    /// The commands in order.
    pub fn commands(&self) -> Vec<&[u8]> {
        self.exchanges().map(|(command, _)| command).collect()
    }

    /// The commands with their answers.
    pub fn exchanges(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().filter_map(|seen| match seen {
            Seen::Exchange { command, answer } => Some((command.as_slice(), answer.as_slice())),
            Seen::Power(_) => None,
        })
    }

    /// The instruction bytes in order; a chained command counts once for each of its parts.
    pub fn instructions(&self) -> Vec<u8> {
        self.commands().into_iter().filter_map(|command| command.get(1).copied()).collect()
    }

    /// How many commands of an instruction carried data, the last parts of chains only.
    pub fn count(&self, ins: u8) -> usize {
        self.commands().into_iter().filter(|command| command.starts_with(&[0, ins]) && command.len() > 5).count()
    }
}

/// Answers requests until the program ends.
pub(crate) fn listen(rig: &Rig, folder: &Path) -> io::Result<()> {
    let listener = UnixListener::bind(folder.join(SOCKET))?;
    for stream in listener.incoming() {
        let stream = stream?;
        let rig = rig.clone();
        thread::spawn(move || serve(&rig, stream));
    }
    Ok(())
}

fn serve(rig: &Rig, mut stream: UnixStream) -> io::Result<()> {
    let mut request = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut request)?;
    let words: Vec<&str> = request.split_whitespace().collect();
    let mut answer = match obey(rig, &words) {
        Ok(lines) => lines.iter().map(|line| format!("{line}\n")).collect::<String>() + "ok",
        Err(why) => format!("error {why}"),
    };
    answer.push('\n');
    stream.write_all(answer.as_bytes())
}

fn obey(rig: &Rig, words: &[&str]) -> Result<Vec<String>, String> {
    match words {
        ["roots"] => Ok(rig.roots.certificates().iter().map(|der| hex(der)).collect()),
        ["pcscd", "stop"] => rig.daemon.stop().map(|()| vec![]),
        ["pcscd", "start"] => rig.daemon.start().map(|()| vec![]),
        [card, words @ ..] => {
            let number: usize = card.parse().map_err(|_| format!("\"{card}\" is no card"))?;
            let switches = rig.cards.get(number).ok_or_else(|| format!("there is no card {number}"))?;
            match words {
                ["insert"] => {
                    switches.insert(true);
                    return rig.wait_until(number, true).map(|()| vec![]);
                }
                ["eject"] => {
                    switches.insert(false);
                    return rig.wait_until(number, false).map(|()| vec![]);
                }
                ["pull"] => switches.insert(false),
                ["touch", "auto"] => switches.touch(Touch::Auto),
                ["touch", "manual"] => switches.touch(Touch::Manual),
                ["touch", "never"] => switches.touch(Touch::Never),
                ["press"] => switches.press(),
                ["touched"] => {
                    let (blinking, touches) = switches.touched();
                    return Ok(vec![format!("{} {touches}", if blinking { "blinking" } else { "dark" })]);
                }
                ["fault", ins, skip, harm @ ..] => {
                    let ins = u8::from_str_radix(ins, 16).map_err(|e| e.to_string())?;
                    let skip = skip.parse().map_err(|_| "how many pass first")?;
                    switches.add_fault(Fault { ins, skip, harm: harm_of(harm)? });
                }
                ["clear-faults"] => switches.clear_faults(),
                ["trace"] => return Ok(switches.take_trace().iter().map(line_of).collect()),
                _ => return Err("no such request".into()),
            }
            Ok(vec![])
        }
        [] => Err("no request".into()),
    }
}

fn harm_of(words: &[&str]) -> Result<Harm, String> {
    match words {
        ["eject-before"] => Ok(Harm::EjectBefore),
        ["eject-after"] => Ok(Harm::EjectAfter),
        ["cut"] => Ok(Harm::Cut),
        ["flip"] => Ok(Harm::Flip),
        ["status", status] => u16::from_str_radix(status, 16).map(Harm::Status).map_err(|e| e.to_string()),
        ["answer", bytes] => from_hex(bytes).map(Harm::Answer).ok_or_else(|| "bytes in hexadecimal".into()),
        ["delay", ms] => ms.parse().map(|ms| Harm::Delay(Duration::from_millis(ms))).map_err(|_| "ms".into()),
        _ => Err("no such harm".into()),
    }
}

fn line_of(seen: &Seen) -> String {
    match seen {
        Seen::Power(true) => "power on".into(),
        Seen::Power(false) => "power off".into(),
        Seen::Exchange { command, answer } => format!("{} {}", hex(command), hex(answer)),
    }
}

fn seen(line: &str) -> Option<Seen> {
    match line {
        "power on" => Some(Seen::Power(true)),
        "power off" => Some(Seen::Power(false)),
        exchange => {
            let (command, answer) = exchange.split_once(' ')?;
            Some(Seen::Exchange { command: from_hex(command)?, answer: from_hex(answer)? })
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
