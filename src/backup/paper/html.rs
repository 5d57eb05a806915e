//! The page of a share for a printer of pages.

use std::fmt::{self, Write};

use qrcode::EcLevel;

use super::{
    Heading, qr, qr_text,
    words::{grouped, how_to_read, set, what_this_is},
};
use crate::{
    backup::{ROWS, Share, filling::composed},
    fault::Fault,
    secret::Secret,
    text::shown,
};

const ROOM: usize = 40 << 10;

pub(super) const STYLE: &str = "\
@page{size:A4;margin:14mm}\
body{font:10pt/1.35 sans-serif;color:#000;background:#fff;margin:0 auto;max-width:182mm}\
h1{font-size:17pt;margin:0 0 1mm}h1 small{font-size:10pt;font-weight:normal}\
table{border-collapse:collapse}th{text-align:left;font-weight:normal;padding:0 5mm 0 0;vertical-align:top}\
.rows{font:14pt/1.7 monospace;margin:4mm 0}.rows td{padding:0 3.2mm;white-space:pre}.rows td:first-child{font-size:9pt}\
.rows td:last-child{border-left:1px solid #000}\
.side{display:flex;justify-content:space-between;align-items:center;gap:4mm}\
.secret{border:2px solid #000;padding:1mm 3mm;display:inline-block;font-weight:bold}\
section,figure{break-inside:avoid}figure{margin:0;display:inline-block;text-align:center;font-size:8pt}\
.file{font:8.5pt/1.45 monospace}.file td{padding:0 1.4mm}";

pub(super) fn page(share: &Share, heading: &Heading) -> Result<Secret, Fault> {
    let label = share.label();
    let code = qr_text(share)?;
    composed(ROOM, |out| {
        begin(out, &format!("Share {} of set {}", label.index, set(&label.set)))?;
        write!(
            out,
            "<p class=secret>SECRET: keep it, and do not copy it</p><h1>Share {} of {} ",
            label.index,
            label.scheme.count()
        )?;
        write!(
            out,
            "<small>any {} of them open the backup</small></h1><div class=side><table>",
            label.scheme.threshold()
        )?;
        let key = format!("{}…", grouped(&label.keyid));
        table(
            out,
            &[
                ("set", &set(&label.set)),
                ("key", &key),
                ("root of", &heading.repository),
                ("ceremony", &heading.ceremony),
                ("made", &heading.made.to_string()),
                ("kept by", &heading.custodian),
                ("contact", &heading.contact),
            ],
        )?;
        out.write_str("</table>")?;
        qr::svg(out, code.expose(), EcLevel::Q, 58)?;
        out.write_str("</div><table class=rows>")?;
        for row in 1..=ROWS {
            write!(out, "<tr><td>{row}</td><td>")?;
            share.write_row(out, row, "</td><td>")?;
            out.write_str("</td></tr>\n")?;
        }
        out.write_str("</table>")?;
        for (title, paragraphs) in [("What this is", what_this_is(label)), ("How it is read", how_to_read(label))] {
            write!(out, "<section><b>{title}</b>")?;
            for paragraph in &paragraphs {
                write!(out, "<p>{}</p>", escaped(paragraph))?;
            }
            out.write_str("</section>\n")?;
        }
        out.write_str("</body></html>\n")
    })
}

pub(super) fn begin(out: &mut impl Write, title: &str) -> fmt::Result {
    writeln!(
        out,
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{}</title><style>{STYLE}</style></head><body>",
        escaped(title)
    )
}

pub(super) fn table(out: &mut impl Write, rows: &[(&str, &str)]) -> fmt::Result {
    rows.iter().try_for_each(|(name, what)| write!(out, "<tr><th>{name}</th><td>{}</td></tr>", escaped(&shown(what))))
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
