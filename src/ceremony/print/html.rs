//! A document as one self-contained HTML file with print styles. No script, no font, no address of anything outside.

use super::document::{Block, Cell, Document, Layout, Line, Table};
use crate::text::shown_up_to;

/// The look of every document: black on white, so that it survives a photocopier.
const STYLE: &str = include_str!("style.css");

/// `document` as HTML.
pub fn render(document: &Document) -> String {
    let mut html = Html::default();
    html.put("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.put("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    html.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>");
    html.say(&document.title);
    html.put("</title><style>\n").put(STYLE).put("</style></head><body>\n");
    if let Some(word) = document.watermark {
        html.wrap("<div class=\"watermark\" aria-hidden=\"true\">", word, "</div>\n");
    }
    foot(&mut html, document);
    // A table's head and foot come back on every printed page: the running head, and room for the fixed foot.
    html.put("<table class=\"pages\"><thead><tr><td>");
    running_head(&mut html, document);
    html.put("</td></tr></thead><tfoot><tr><td>");
    if !document.foot_words.is_empty() {
        html.put("<div class=\"room\"></div>");
    }
    html.put("</td></tr></tfoot><tbody><tr><td>\n");
    html.wrap("<h1>", &document.title, "</h1>\n");
    for part in &document.blocks {
        block(&mut html, part);
    }
    html.put("</td></tr></tbody></table></body></html>\n");
    html.0
}

/// Markup comes from this program alone (`&'static str`); every other text is escaped. There is no third way in.
#[derive(Default)]
struct Html(String);

impl Html {
    fn put(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    fn say(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escape(text));
        self
    }

    fn wrap(&mut self, open: &'static str, text: &str, close: &'static str) -> &mut Self {
        self.put(open).say(text).put(close)
    }
}

/// Text that can neither be markup nor paint: the one escape of all HTML here.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in shown_up_to(text, usize::MAX).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn running_head(html: &mut Html, document: &Document) {
    html.put("<div class=\"head\"><span>").say(&document.title).put(" · ").say(&document.running).put("</span>");
    html.put("<span class=\"boxes\">");
    for stamp in &document.stamps {
        html.wrap("<b class=\"stamp\">", stamp, "</b> ");
    }
    for name in &document.boxes {
        html.wrap("<span class=\"box\"></span>", name, " ");
    }
    html.put("</span></div>");
}

fn foot(html: &mut Html, document: &Document) {
    if document.foot_words.is_empty() {
        return;
    }
    html.put("<div class=\"foot\">").wrap("<div>", &document.foot, "</div>");
    words(html, &document.foot_words);
    html.put("</div>\n");
}

fn words(html: &mut Html, words: &[String]) {
    if words.is_empty() {
        return;
    }
    html.put("<ol class=\"words\">");
    for word in words {
        html.wrap("<li>", word, "</li>");
    }
    html.put("</ol>\n");
}

fn blank_words(html: &mut Html, count: usize) {
    html.put("<ol class=\"blanks\">");
    for _ in 0..count {
        html.put("<li></li>");
    }
    html.put("</ol>\n");
}

fn block(html: &mut Html, block: &Block) {
    match block {
        Block::Heading(text) => html.wrap("<h2>", text, "</h2>\n"),
        Block::Subheading(text) => html.wrap("<h3>", text, "</h3>\n"),
        Block::Text(text) => html.wrap("<p>", text, "</p>\n"),
        Block::Small(text) => html.wrap("<p class=\"small\">", text, "</p>\n"),
        Block::Alarm(text) => html.wrap("<p class=\"alarm\">", text, "</p>\n"),
        Block::Exact(text) => html.wrap("<p class=\"exact\">", text, "</p>\n"),
        Block::NewPage => html.put("<div class=\"page\"></div>\n"),
        Block::List(items) => list(html, "<ul>", items),
        Block::Checklist(items) => list(html, "<ul class=\"check\">", items),
        Block::Facts(facts) => {
            html.put("<table class=\"facts\">");
            for (name, value) in facts {
                html.wrap("<tr><th scope=\"row\">", name, "</th>").wrap("<td>", value, "</td></tr>\n");
            }
            html.put("</table>\n")
        }
        Block::Table(of) => {
            table(html, of);
            html
        }
        Block::Words(of) => {
            words(html, of);
            html
        }
        Block::BlankWords(count) => {
            blank_words(html, *count);
            html
        }
        Block::Fields(labels) => {
            for label in labels {
                field(html, label);
            }
            html
        }
        Block::Space(label, lines) => {
            html.wrap("<div class=\"space\"><span>", label, "</span>");
            for _ in 0..*lines {
                html.put("<div></div>");
            }
            html.put("</div>\n")
        }
    };
}

fn list<'a>(html: &'a mut Html, open: &'static str, items: &[String]) -> &'a mut Html {
    html.put(open);
    for item in items {
        html.wrap("<li>", item, "</li>");
    }
    html.put("</ul>\n")
}

fn field(html: &mut Html, label: &str) {
    html.wrap("<div class=\"field\"><span>", label, "</span><i></i></div>");
}

fn table(html: &mut Html, table: &Table) {
    html.put(match table.layout {
        Layout::Plain => "<table class=\"plain\">",
        Layout::Form => "<table class=\"form\">",
        Layout::Steps => "<table class=\"steps\">",
        Layout::Annotated => "<table class=\"plain annotated\">",
    });
    html.put("<thead><tr>");
    for title in &table.head {
        html.wrap("<th scope=\"col\">", title, "</th>");
    }
    html.put("</tr></thead><tbody>\n");
    for row in &table.rows {
        html.put("<tr>");
        for of in row {
            cell(html, of);
        }
        html.put("</tr>\n");
    }
    html.put("</tbody></table>\n");
}

fn cell(html: &mut Html, lines: &Cell) {
    html.put("<td>");
    for line in lines {
        match line {
            Line::Plain(text) => {
                html.wrap("<p>", text, "</p>");
            }
            Line::Strong(text) => {
                html.wrap("<p class=\"title\">", text, "</p>");
            }
            Line::Expect(text) => {
                html.wrap("<p class=\"expect\"><span>Expect</span> ", text, "</p>");
            }
            Line::Exact(text) => {
                html.wrap("<p class=\"exact\">", text, "</p>");
            }
            Line::Entry(number, text) => {
                html.put("<p class=\"entry\">").wrap("<span>", &number.to_string(), "</span> ").say(text).put("</p>");
            }
            Line::Field(label) => field(html, label),
            Line::BlankWords(label, count) => {
                html.wrap("<p class=\"label\">", label, "</p>");
                blank_words(html, *count);
            }
        }
    }
    html.put("</td>");
}
