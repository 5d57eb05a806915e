//! Shows a parcel as frames: what is carried and its words first, then one code after the other until somebody says that the other
//! side has them all. Nothing here is asked and nothing can be confirmed.

use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{Frame, buffer::Buffer, layout::Rect, text::Line};

use super::widget::{Drawing, draw};
use crate::{
    fault::{Error, Fault},
    qr::{
        Symbol,
        symbol::{QUIET_LEAST, VERSION_MAX, VERSION_USUAL, letters, modules},
    },
    readback,
    rules::Refusal,
    transfer::{compressed, parcel::Parcel, ur::Stream},
    tui::{
        paint,
        terminal::{self, Screen},
    },
};

/// Frames a second that can be chosen.
pub const SPEEDS: [u32; 8] = [1, 2, 3, 4, 5, 8, 10, 15];
/// Frames a second where nobody asks for others.
pub const SPEED_USUAL: u32 = 5;
/// Columns beside the code.
const PANEL: u16 = 31;

/// What is wanted of the codes.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The largest version.
    pub version: u8,
    /// Frames a second, one of [`SPEEDS`] or near one.
    pub speed: u32,
    /// How they are drawn.
    pub drawing: Drawing,
}

/// What is on the screen.
#[derive(Clone, Debug)]
pub struct Show {
    files: Vec<String>,
    words: Vec<String>,
    message: Vec<u8>,
    wanted: Wanted,
    /// The version of the codes that are shown.
    version: u8,
    stream: Stream,
    /// Which frame is shown, from 1.
    number: u32,
    speed: usize,
    paused: bool,
    words_first: bool,
    notice: Option<String>,
    size: (u16, u16),
}

/// What a key does beyond what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The frame was changed by hand or by its size: the time for the next one begins anew.
    Restart,
    /// Ends.
    Leave,
}

impl Wanted {
    /// What is usual, drawn as this terminal can.
    pub fn usual() -> Self {
        Self { version: VERSION_USUAL, speed: SPEED_USUAL, drawing: Drawing::detect() }
    }
}

impl Show {
    /// A parcel, for a terminal of this many columns and rows.
    ///
    /// # Errors
    /// `FRAME-WITHIN-LIMITS` where it needs more frames than there may be, even in the largest code that fits.
    pub fn new(parcel: &Parcel, wanted: Wanted, size: (u16, u16)) -> Result<Self, Refusal> {
        let message = compressed::compress(&parcel.to_bytes())?;
        let fitting = wanted.drawing.version_within(code_area(size), wanted.version).unwrap_or(wanted.version.min(5));
        let (version, stream) = cut(&message, fitting, wanted.version)?;
        let nearest = SPEEDS.iter().enumerate().min_by_key(|(_, speed)| speed.abs_diff(wanted.speed));
        Ok(Self {
            files: parcel.files().map(|file| format!("{} ({} bytes)", file.name, file.bytes.len())).collect(),
            words: readback::words(parcel.digest().as_bytes()),
            message,
            wanted,
            version,
            stream,
            number: 1,
            speed: nearest.map_or(0, |(index, _)| index),
            paused: false,
            words_first: true,
            notice: None,
            size,
        })
    }

    /// How long a frame stands; `None` while nothing moves.
    pub fn interval(&self) -> Option<Duration> {
        let moves = !self.paused && !self.words_first && self.stream.count() > 1;
        moves.then(|| Duration::from_secs(1) / SPEEDS[self.speed])
    }

    /// The next frame.
    pub fn advance(&mut self) {
        self.number += 1;
    }

    /// The terminal has another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.size = size;
    }

    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Effect {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return Effect::Leave,
            KeyCode::Char(_) if control => return Effect::None,
            KeyCode::Esc | KeyCode::Char('q') => return Effect::Leave,
            KeyCode::Enter if self.words_first => {
                self.words_first = false;
                return Effect::Restart;
            }
            _ if self.words_first => return Effect::None,
            KeyCode::Char('w') => self.words_first = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('n') | KeyCode::Right => return self.step(self.number + 1),
            KeyCode::Char('p') | KeyCode::Left => return self.step(self.number - 1),
            KeyCode::Char('r') => return self.step(1),
            KeyCode::Up | KeyCode::Char('>') => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            KeyCode::Down | KeyCode::Char('<') => self.speed = self.speed.saturating_sub(1),
            KeyCode::Char('+') => return self.cut_again(self.version + 1),
            KeyCode::Char('-') => return self.cut_again(self.version - 1),
            _ => {}
        }
        Effect::None
    }

    fn step(&mut self, number: u32) -> Effect {
        self.paused = true;
        self.number = number.max(1);
        self.notice = None;
        Effect::Restart
    }

    /// Another size means other fragments: what the other side has read so far does not fit them.
    fn cut_again(&mut self, version: u8) -> Effect {
        if !(1..=VERSION_MAX).contains(&version) {
            return Effect::None;
        }
        if self.wanted.drawing.quiet_within(version, code_area(self.size)).is_none() {
            self.notice = Some("A larger code does not fit this terminal.".into());
            return Effect::None;
        }
        match Stream::new(self.message.clone(), letters(version)) {
            Ok(stream) => {
                (self.stream, self.version, self.number) = (stream, version, 1);
                self.notice = Some("The size has changed. The other side must start over.".into());
                Effect::Restart
            }
            Err(refusal) => {
                self.notice = Some(refusal.what);
                Effect::None
            }
        }
    }

    /// The code that is shown.
    fn symbol(&self) -> Result<Symbol, Fault> {
        Symbol::new(&self.stream.frame(self.number), self.version)
    }
}

/// The smallest version from `fitting` on, up to `most`, whose codes are not too many; a message that is one small code gets a
/// small one.
fn cut(message: &[u8], fitting: u8, most: u8) -> Result<(u8, Stream), Refusal> {
    let mut version = fitting;
    let stream = loop {
        match Stream::new(message.to_vec(), letters(version)) {
            Err(_) if version < most => version += 1,
            cut => break cut?,
        }
    };
    let needed = crate::qr::symbol::version_for(stream.frame(1).len());
    let version = if stream.count() == 1 { needed.unwrap_or(version).min(version) } else { version };
    Ok((version, stream))
}

/// Where the code goes.
fn code_area(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0.saturating_sub(PANEL + 1), size.1)
}

/// Takes the terminal over and shows a parcel until somebody leaves. The terminal is as it was afterwards.
///
/// # Errors
/// As [`run_on`].
pub fn run(parcel: &Parcel, wanted: Wanted) -> Result<(), Error> {
    run_on(&mut Screen::take()?, parcel, wanted)
}

/// The same on a screen that is taken already.
///
/// # Errors
/// `FRAME-WITHIN-LIMITS`; a fault where the terminal fails or a signal tells the program to end.
pub fn run_on(screen: &mut Screen, parcel: &Parcel, wanted: Wanted) -> Result<(), Error> {
    let size = crossterm::terminal::size().map_err(|cause| Fault::machine("ask for the terminal's size", cause))?;
    let mut show = Show::new(parcel, wanted, size)?;
    let console = terminal::is_console();
    let mut since = Instant::now();
    loop {
        let symbol = show.symbol()?;
        screen.draw(|frame| {
            show.resize((frame.area().width, frame.area().height));
            view(&show, &symbol, frame);
            if console {
                paint::simplify(frame.buffer_mut());
            }
        })?;
        if wait(&mut show, &mut since, screen)? {
            return Ok(());
        }
    }
}

/// Waits for a key or the next frame. Whether somebody left.
fn wait(show: &mut Show, since: &mut Instant, screen: &Screen) -> Result<bool, Error> {
    loop {
        if let Some(signal) = screen.told_to_end() {
            return Err(Fault::machine("show QR codes", format!("the program was told to end ({signal})")).into());
        }
        let left = show.interval().map(|interval| interval.saturating_sub(since.elapsed()));
        if left == Some(Duration::ZERO) {
            *since = Instant::now();
            show.advance();
            return Ok(false);
        }
        let most = Duration::from_millis(100);
        if !terminal::event_within(left.unwrap_or(most).min(most))? {
            continue;
        }
        match event::read().map_err(|cause| Fault::machine("read from the terminal", cause))? {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                match show.key(key) {
                    Effect::Leave => return Ok(true),
                    Effect::Restart => *since = Instant::now(),
                    Effect::None => {}
                }
                return Ok(false);
            }
            Event::Resize(columns, rows) => {
                show.resize((columns, rows));
                return Ok(false);
            }
            _ => {}
        }
    }
}

/// Draws it.
fn view(show: &Show, symbol: &Symbol, frame: &mut Frame<'_>) {
    let area = frame.area();
    let whole = usize::from(area.width.max(1));
    if show.words_first {
        return put(frame.buffer_mut(), area, &words_page(show, whole.min(76)));
    }
    let Some(code) = draw(symbol, show.wanted.drawing, code_area((area.width, area.height)), frame.buffer_mut()) else {
        let (columns, rows) = show.wanted.drawing.cells(modules(show.version) + 2 * QUIET_LEAST);
        let text = format!(
            "This code needs {}x{rows}, this terminal is {}x{}. Make it larger, or - for smaller codes. q leaves.",
            columns + usize::from(PANEL) + 1,
            area.width,
            area.height
        );
        return put(frame.buffer_mut(), area, &paint::wrap(&text, whole, paint::BAD));
    };
    let panel = Rect { x: code.right() + 1, width: area.right().saturating_sub(code.right() + 1), ..area };
    put(frame.buffer_mut(), panel, &panel_lines(show, usize::from(panel.width), usize::from(panel.height)));
}

fn put(buffer: &mut Buffer, area: Rect, lines: &[Line<'static>]) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        buffer.set_line(area.x, y, line, area.width);
    }
}

fn words_page(show: &Show, width: usize) -> Vec<Line<'static>> {
    const FILES_SHOWN: usize = 3;
    let mut lines = vec![paint::line("What will be shown as QR codes", paint::BOLD)];
    for file in show.files.iter().take(FILES_SHOWN) {
        lines.push(paint::line(paint::cut(&format!("  {file}"), width), paint::PLAIN));
    }
    if show.files.len() > FILES_SHOWN {
        lines.push(paint::line(format!("  and {} more", show.files.len() - FILES_SHOWN), paint::PLAIN));
    }
    lines.push(paint::line("The words of its digest; the other side shows the same at the end:", paint::BOLD));
    let words: Vec<_> = show.words.iter().map(|word| (word.to_uppercase(), paint::WORD)).collect();
    lines.extend(crate::tui::prompts::grid::lines(&words, width, 8));
    let advice = "Turn the screen to full brightness and keep reflections off it. Hold the camera so that the code fills most of \
                  its picture.";
    lines.extend(paint::wrap(advice, width, paint::PLAIN));
    if show.wanted.drawing == Drawing::Spaces {
        let font = "This screen draws codes with coloured spaces, which are larger: less fits. A console font with half blocks \
                    shows more: leave, setfont FullGreek-Terminus16, and begin again.";
        lines.extend(paint::wrap(font, width, paint::WARN));
    }
    lines.push(paint::gap());
    lines.push(paint::line("Enter shows the codes. q leaves.", paint::BOLD));
    lines
}

fn panel_lines(show: &Show, width: usize, rows: usize) -> Vec<Line<'static>> {
    let count = show.stream.count();
    let mut lines = vec![];
    if count == 1 {
        lines.push(paint::line("One code: it is everything", paint::BOLD));
    } else {
        let what = if show.number <= count {
            format!("Frame {} of {count}", show.number)
        } else {
            format!("Frame {}", show.number)
        };
        lines.push(paint::line(what, paint::BOLD));
        let filled = (show.number.min(count) as usize * width.min(28)).div_ceil(count as usize);
        lines.push(paint::spans([
            ("#".repeat(filled).as_str(), paint::GOOD),
            ("·".repeat(width.min(28) - filled).as_str(), paint::DIM),
        ]));
        let pace = if show.paused { "paused".to_owned() } else { format!("{} a second", SPEEDS[show.speed]) };
        lines.push(paint::line(format!("size {}, {pace}", show.version), paint::PLAIN));
        let all = format!("all {count} once: {} s", count.div_ceil(SPEEDS[show.speed]));
        lines.push(paint::line(if show.number <= count { all } else { "all were shown; going on".into() }, paint::DIM));
    }
    if let Some(notice) = &show.notice {
        lines.extend(paint::wrap(notice, width, paint::WARN));
    }
    let keys: [(&str, &str); 7] = [
        ("Space", "pause"),
        ("n p", "next, previous"),
        ("r", "from the first"),
        ("+ -", "larger, smaller"),
        ("< >", "slower, faster"),
        ("w", "all words"),
        ("q", "leave"),
    ];
    for (key, does) in if count == 1 { &keys[3..] } else { &keys[..] } {
        lines.push(paint::spans([(format!("{key:<6}").as_str(), paint::WORD), (does, paint::PLAIN)]));
    }
    // As many words as there is room for, two in a line.
    let room = rows.saturating_sub(lines.len() + 1).min(show.words.len() / 2);
    if room > 0 {
        lines.push(paint::line("Words of the digest:", paint::BOLD));
    }
    for (index, pair) in show.words.chunks(2).take(room).enumerate() {
        let pair = pair.iter().map(|word| format!("{:<12}", word.to_uppercase())).collect::<String>();
        lines.push(paint::spans([
            (format!("{:>2} ", 2 * index + 1).as_str(), paint::DIM),
            (pair.as_str(), paint::WORD),
        ]));
    }
    lines
}

#[cfg(test)]
mod tests;
