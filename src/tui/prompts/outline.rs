//! The whole script: what is done, now and next.

use ratatui::text::Line;

use crate::{
    ceremony::outline::Progress,
    tui::{model::Status, paint},
};

/// The whole script, and the number of the line that is now.
pub fn lines(status: &Status, width: usize) -> (Vec<Line<'static>>, usize) {
    let mut lines = paint::wrap(&status.title, width, paint::BOLD);
    let mut now = 0;
    for act in &status.outline {
        let title = format!("Act {}  {}", act.number, act.title);
        let style = match act.end {
            Progress::Done => paint::DIM,
            _ => paint::BOLD,
        };
        lines.push(paint::line(paint::cut(&title, width), style));
        let end = ("end", "the head is read", act.end);
        let steps = act.steps.iter().map(|step| (step.number.as_str(), step.title.as_str(), step.progress));
        for (number, title, progress) in steps.chain([end]) {
            let (mark, style) = match progress {
                Progress::Done => ("x", paint::GOOD),
                Progress::Now => (">", paint::HERE),
                Progress::Next => (" ", paint::PLAIN),
            };
            if progress == Progress::Now {
                now = lines.len();
            }
            // The end of an act is a line of its own only while it is read.
            if number == "end" && progress != Progress::Now {
                continue;
            }
            lines.push(paint::line(paint::cut(&format!(" {mark} {number:<4} {title}"), width), style));
        }
    }
    (lines, now)
}

/// As many lines as `rows`, with the present step among them.
pub fn around_now(status: &Status, width: usize, rows: usize) -> Vec<Line<'static>> {
    let (lines, now) = lines(status, width);
    let first = now.saturating_sub(rows / 2).min(lines.len().saturating_sub(rows));
    lines.into_iter().skip(first).take(rows).collect()
}
