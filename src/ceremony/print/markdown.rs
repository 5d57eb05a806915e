//! A document as Markdown, for a review where diffs are read.

use std::fmt::Write as _;

use super::document::{Block, Cell, Document, Line, Table};
use crate::text::shown_up_to;

/// `document` as Markdown.
pub fn render(document: &Document) -> String {
    let mut out = format!("# {}\n\n{}\n\n", escape(&document.title), escape(&document.running));
    let boxes: Vec<_> = document.boxes.iter().map(|name| format!("☐ {name}")).collect();
    let stamps: Vec<_> = document.stamps.iter().map(|stamp| format!("**{}**", escape(stamp))).collect();
    let marks = [stamps.join(" · "), boxes.join("   ")].into_iter().filter(|marks| !marks.is_empty());
    for marks in marks {
        let _ = writeln!(out, "{marks}\n");
    }
    for part in &document.blocks {
        block(&mut out, part);
    }
    out
}

/// Text that is no markup: every character that could begin some is escaped.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in shown_up_to(text, usize::MAX).chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn block(out: &mut String, block: &Block) {
    let _ = match block {
        Block::Heading(text) => writeln!(out, "## {}\n", escape(text)),
        Block::Subheading(text) => writeln!(out, "### {}\n", escape(text)),
        Block::Text(text) | Block::Small(text) | Block::Exact(text) => writeln!(out, "{}\n", escape(text)),
        Block::Alarm(text) => writeln!(out, "**{}**\n", escape(text)),
        Block::NewPage => writeln!(out, "---\n"),
        Block::List(items) => list(out, "- ", items),
        Block::Checklist(items) => list(out, "- ☐ ", items),
        Block::Facts(facts) => {
            for (name, value) in facts {
                let _ = writeln!(out, "- {}: {}", escape(name), escape(value));
            }
            writeln!(out)
        }
        Block::Table(of) => table(out, of),
        Block::Words(words) => {
            let numbered: Vec<_> =
                words.iter().enumerate().map(|(at, word)| format!("{} {}", at + 1, escape(word))).collect();
            for line in numbered.chunks(8) {
                let _ = writeln!(out, "    {}", line.join("  "));
            }
            writeln!(out)
        }
        Block::BlankWords(count) => {
            for line in blanks(*count) {
                let _ = writeln!(out, "    {line}");
            }
            writeln!(out)
        }
        Block::Fields(labels) => {
            for label in labels {
                let _ = writeln!(out, "- {}: {LINE}", escape(label));
            }
            writeln!(out)
        }
        Block::Space(label, lines) => {
            let _ = writeln!(out, "{}\n", escape(label));
            for _ in 0..*lines {
                let _ = writeln!(out, "    {}", "_".repeat(76));
            }
            writeln!(out)
        }
    };
}

/// A line to write on.
const LINE: &str = "……………………………";

fn blanks(count: usize) -> Vec<String> {
    let numbered: Vec<_> = (1..=count).map(|number| format!("{number:>2} ……………")).collect();
    numbered.chunks(8).map(|line| line.join(" ")).collect()
}

fn list(out: &mut String, mark: &str, items: &[String]) -> std::fmt::Result {
    for item in items {
        let _ = writeln!(out, "{mark}{}", escape(item));
    }
    writeln!(out)
}

fn table(out: &mut String, table: &Table) -> std::fmt::Result {
    let _ = writeln!(out, "| {} |", table.head.join(" | "));
    let _ = writeln!(out, "|{}", "---|".repeat(table.head.len()));
    for row in &table.rows {
        let cells: Vec<_> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    writeln!(out)
}

fn cell(lines: &Cell) -> String {
    let lines: Vec<_> = lines
        .iter()
        .map(|line| match line {
            Line::Plain(text) | Line::Exact(text) => escape(text),
            Line::Entry(number, text) => format!("{number} {}", escape(text)),
            Line::Strong(text) => format!("**{}**", escape(text)),
            Line::Expect(text) => format!("Expect: {}", escape(text)),
            Line::Field(label) => format!("{}: {LINE}", escape(label)),
            Line::BlankWords(label, count) => format!("{}<br>{}", escape(label), blanks(*count).join("<br>")),
        })
        .collect();
    lines.join("<br>")
}
