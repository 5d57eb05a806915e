//! What is seen. Pure: cells from a model, and how far the middle can be scrolled.
//!
//! From the top: the frame, three lines that are always visible, a rule, what is shown ([`Laid::top`] and the middle, which
//! scrolls), what is asked ([`Laid::bottom`], with the line that is typed as its last), and the keys. From
//! [`WIDE`] columns on the whole script stands beside it.

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect},
    text::Line,
};

use super::{
    model::{Asking, Model, Overlay, Screen},
    paint, prompts, words,
};
use crate::readback;

/// The smallest terminal: columns and rows.
pub const SMALLEST: (u16, u16) = (80, 24);
/// From this many columns on the script stands beside the question.
pub const WIDE: u16 = 120;
/// Columns of the script beside the question.
const SIDE: u16 = 44;
/// Rows of a step's title, with the gap below it.
const TITLE: usize = 2;
/// Rows of the lines that are always visible, with the rule below them.
const HEADER: u16 = 4;

/// The parts of the screen below the header.
pub struct Laid {
    /// What is never scrolled: the step's words, the tally.
    pub top: Vec<Line<'static>>,
    /// What is scrolled where it does not fit.
    pub middle: Vec<Line<'static>>,
    /// How many rows the middle has.
    pub rows: usize,
    /// What is asked; the last line is the one that is typed.
    pub bottom: Vec<Line<'static>>,
    /// Whether the cursor stands at the end of the last line.
    pub cursor: bool,
}

/// Draws a model.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = words::too_small(SMALLEST, (area.width, area.height));
        put(frame.buffer_mut(), area, &paint::wrap(&text, usize::from(area.width.max(1)), paint::BAD));
        return;
    }
    let status = &model.status;
    draw_frame(frame.buffer_mut(), area, status.rehearsal);
    let inner = Rect::new(2, 1, area.width - 4, area.height - 2);
    draw_header(model, frame.buffer_mut(), inner);
    let body = Rect { y: inner.y + HEADER, height: inner.height - HEADER - 1, ..inner };
    let keys = Rect { y: body.bottom(), height: 1, ..inner };
    put(frame.buffer_mut(), keys, &[prompts::keys(model)]);

    if area.width >= WIDE {
        let side = Rect { x: body.right() - SIDE, width: SIDE, ..body };
        for y in side.top()..side.bottom() {
            frame.buffer_mut().set_string(side.x - 2, y, "│", paint::DIM);
        }
        put(
            frame.buffer_mut(),
            side,
            &prompts::outline::around_now(status, usize::from(SIDE), usize::from(side.height)),
        );
    }

    let laid = lay(model);
    let body = Rect { width: u16::try_from(body_width(model)).unwrap_or(body.width), ..body };
    let mut y = body.y;
    let mut place = |lines: &[Line<'static>], frame: &mut Frame<'_>| {
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(body.bottom().saturating_sub(y));
        put(frame.buffer_mut(), Rect { y, height: rows, ..body }, lines);
        y += rows;
    };
    place(&laid.top, frame);
    place(&in_sight(model, &laid), frame);
    let bottom_rows = u16::try_from(laid.bottom.len()).unwrap_or(body.height).min(body.height);
    let bottom = Rect { y: body.bottom() - bottom_rows, height: bottom_rows, ..body };
    put(frame.buffer_mut(), bottom, &laid.bottom);
    if laid.cursor {
        let end = laid.bottom.last().map(Line::width).unwrap_or_default();
        let x = bottom.x + u16::try_from(end).unwrap_or(0).min(body.width.saturating_sub(1));
        frame.set_cursor_position(Position::new(x, bottom.bottom().saturating_sub(1)));
    }
    if model.console {
        paint::simplify(frame.buffer_mut());
    }
}

fn put(buffer: &mut Buffer, area: Rect, lines: &[Line<'static>]) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        buffer.set_line(area.x, y, line, area.width);
    }
}

/// Where the step's words, the scene and the question go.
fn lay(model: &Model) -> Laid {
    let (width, height) = (body_width(model), body_height(model));
    if let Some(overlay) = model.overlay {
        let bottom = if overlay == Overlay::Asides { prompts::asides::bottom(model, width) } else { vec![] };
        let rows = height.saturating_sub(bottom.len());
        let middle = match overlay {
            Overlay::Help => prompts::help::lines(model, width),
            Overlay::Script => prompts::outline::lines(&model.status, width).0,
            Overlay::Step => prompts::step::lines(model.status.prose.as_ref(), width),
            Overlay::Asides => prompts::asides::lines(width),
        };
        return Laid { top: vec![], middle, rows, cursor: !bottom.is_empty(), bottom };
    }

    let bottom = prompts::input::lines(model, width);
    let room = height.saturating_sub(bottom.len() + 1);
    let mut tally = model.status.tally.as_ref().map(|tally| prompts::tally::lines(tally, width)).unwrap_or_default();
    if !tally.is_empty() {
        tally.push(paint::gap());
    }
    // Words that are written down or read back are seen whole; a review sheet is scrolled anyhow.
    let review = model.asking().is_some_and(Asking::is_review);
    if !review && prompts::lines(model, width, 0).len() + TITLE + tally.len() > room {
        tally.clear();
    }
    let room = room.saturating_sub(tally.len());
    let mut middle = prompts::lines(model, width, room);
    let mut top = match &model.screen {
        Screen::Asking(_) | Screen::Working(_) | Screen::Secret { .. } | Screen::Touch { .. } => {
            let spare = room.saturating_sub(middle.len() + 1);
            prompts::step::lines_within(model.status.prose.as_ref(), width, spare.max(1))
        }
        Screen::Blocked(_) | Screen::Stopped { .. } | Screen::Closed { .. } => vec![],
    };
    if !top.is_empty() {
        top.push(paint::gap());
        middle = prompts::lines(model, width, room.saturating_sub(top.len()));
    }
    if !review && top.len() + middle.len() > room && middle.len() <= room {
        top.clear();
    }
    top.extend(tally);
    let rows = height.saturating_sub(top.len() + bottom.len() + 1);
    let cursor = !matches!(model.screen, Screen::Working(_) | Screen::Touch { .. });
    Laid { top, middle, rows, bottom, cursor }
}

fn body_width(model: &Model) -> usize {
    let side = if model.size.0 >= WIDE { SIDE + 3 } else { 0 };
    usize::from(model.size.0.max(SMALLEST.0) - 4 - side)
}

fn body_height(model: &Model) -> usize {
    usize::from(model.size.1.max(SMALLEST.1) - 2 - HEADER - 1)
}

/// Whether anything but the smallness of the terminal can be seen.
pub fn fits_terminal(model: &Model) -> bool {
    model.size.0 >= SMALLEST.0 && model.size.1 >= SMALLEST.1
}

/// How many rows of the middle are in sight.
pub fn rows_in_sight(model: &Model) -> usize {
    let laid = lay(model);
    if laid.middle.len() > laid.rows { laid.rows.saturating_sub(1) } else { laid.rows }
}

/// How many rows the middle can be scrolled.
pub fn last_scroll(model: &Model) -> usize {
    let laid = lay(model);
    if laid.middle.len() <= laid.rows { 0 } else { laid.middle.len() - laid.rows.saturating_sub(1) }
}

/// Where the whole script is scrolled to, so that the present step stands in the middle.
pub fn scroll_to_now(model: &Model) -> usize {
    let (_, now) = prompts::outline::lines(&model.status, body_width(model));
    now.saturating_sub(body_height(model) / 2).min(last_scroll(model))
}

fn in_sight(model: &Model, laid: &Laid) -> Vec<Line<'static>> {
    let whole = laid.middle.len();
    if whole <= laid.rows {
        return laid.middle.clone();
    }
    let rows = laid.rows.saturating_sub(1);
    let first = model.scroll.min(whole - rows);
    let mut lines = laid.middle[first..first + rows].to_vec();
    lines.push(paint::line(words::rows_of(first + 1, first + rows, whole), paint::WARN));
    lines
}

fn draw_frame(buffer: &mut Buffer, area: Rect, rehearsal: bool) {
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    if rehearsal {
        let stripe = words::REHEARSAL_STRIPE.repeat(usize::from(area.width) / words::REHEARSAL_STRIPE.len() + 1);
        for y in [area.y, bottom] {
            buffer.set_stringn(area.x, y, &stripe, usize::from(area.width), paint::REHEARSAL);
        }
        for y in area.y + 1..bottom {
            buffer.set_string(area.x, y, " ", paint::REHEARSAL);
            buffer.set_string(right, y, " ", paint::REHEARSAL);
        }
        return;
    }
    let rule = "─".repeat(usize::from(area.width - 2));
    for (y, left_corner, right_corner) in [(area.y, "┌", "┐"), (bottom, "└", "┘")] {
        buffer.set_string(area.x, y, format!("{left_corner}{rule}{right_corner}"), paint::DIM);
    }
    for y in area.y + 1..bottom {
        buffer.set_string(area.x, y, "│", paint::DIM);
        buffer.set_string(right, y, "│", paint::DIM);
    }
}

fn draw_header(model: &Model, buffer: &mut Buffer, inner: Rect) {
    let status = &model.status;
    let width = usize::from(inner.width);
    let clock = words::clock(model.now);
    let stamp = if status.rehearsal { paint::REHEARSAL } else { paint::PRODUCTION };
    let mut left = vec![paint::span(format!(" {} ", status.stamp), stamp), paint::span(" ", paint::PLAIN)];
    if status.single_control {
        left.push(paint::span(format!(" {} ", words::SINGLE_CONTROL), paint::SINGLE_CONTROL));
        left.push(paint::span(" ", paint::PLAIN));
    }
    let used = Line::from(left.clone()).width();
    let act = words::act(status.act, status.last_act, &status.act_title);
    left.push(paint::span(paint::cut(&act, width.saturating_sub(used + clock.len() + 1)), paint::BOLD));

    let head = readback::words(&status.head.as_bytes()[..2]).join(" ");
    let head = words::head(&status.head.to_string()[..8], &head);
    let step = words::step(&status.number, status.step, status.steps);
    let who = words::to_act(&status.who);
    let lines = [
        Line::from(left),
        paint::line(paint::cut(&step, width.saturating_sub(head.len() + 1)), paint::PLAIN),
        paint::line(paint::cut(&who, width), paint::BOLD),
        paint::line("─".repeat(width), paint::DIM),
    ];
    put(buffer, inner, &lines);
    for (row, text) in [(0, clock), (1, head)] {
        let columns = u16::try_from(paint::columns(&text)).unwrap_or(inner.width).min(inner.width);
        buffer.set_string(inner.right() - columns, inner.y + row, &text, paint::PLAIN);
    }
}
