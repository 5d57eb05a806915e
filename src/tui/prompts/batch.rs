//! The review sheet of a batch, and other long lists: what is rare first, and every repository on a line.

use ratatui::text::Line;

use super::grid;
use crate::{
    ceremony::repositories::sheet::{BatchSheet, repositories},
    readback,
    text::shown,
    tui::paint,
};

pub(super) fn lines(sheet: &BatchSheet, width: usize) -> Vec<Line<'static>> {
    let head = format!(
        "{}, {} documents, {} payloads, dated {}",
        repositories(sheet.repositories),
        sheet.documents,
        sheet.payloads,
        sheet.date
    );
    let mut lines = paint::wrap(&head, width, paint::BOLD);
    for share in &sheet.shares {
        lines.extend(paint::item("signs", paint::DIM, share, width, paint::PLAIN));
    }
    if !sheet.left_out.is_empty() {
        heading(&mut lines, &format!("Left out, and as before: {}", repositories(sheet.left_out.len())));
        for line in &sheet.left_out {
            lines.extend(paint::item("-", paint::BAD, &shown(line), width, paint::PLAIN));
        }
    }
    for (index, group) in sheet.groups.iter().enumerate() {
        let what = if sheet.groups.len() == 1 { "All alike".to_owned() } else { format!("Way {}", index + 1) };
        heading(&mut lines, &format!("{what}: {}", repositories(group.repositories.len())));
        for word in &group.words {
            let style = if word.starts_with("NOTE") { paint::WORD } else { paint::PLAIN };
            lines.extend(paint::item("-", paint::DIM, word, width, style));
        }
        for repository in &group.repositories {
            lines.extend(paint::item("   ", paint::PLAIN, &shown(repository), width, paint::DIM));
        }
    }
    if let Some(digest) = sheet.digest {
        heading(&mut lines, "The list of payloads");
        let words: Vec<_> =
            readback::words(digest.as_bytes()).into_iter().map(|word| (word.to_uppercase(), paint::WORD)).collect();
        lines.extend(grid::lines(&words, width, 0));
        lines.extend(grid::hex(&digest.to_string(), width));
    }
    lines
}

pub(super) fn list(title: &str, items: &[String], ask: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = paint::wrap(title, width, paint::BOLD);
    lines.push(paint::gap());
    for item in items {
        lines.extend(paint::item("-", paint::DIM, &shown(item), width, paint::PLAIN));
    }
    lines.push(paint::gap());
    lines.extend(paint::wrap(ask, width, paint::PLAIN));
    lines
}

fn heading(lines: &mut Vec<Line<'static>>, text: &str) {
    lines.push(paint::gap());
    lines.push(paint::line(text, paint::BOLD));
}
