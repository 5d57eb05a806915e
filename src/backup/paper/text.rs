//! The page of a share for a line printer.

use std::fmt::Write as _;

use super::{
    Heading,
    words::{ascii, grouped, how_to_read, set, what_this_is, wrapped},
};
use crate::{
    backup::{ROWS, Share, filling::composed},
    fault::Fault,
    secret::Secret,
};

const WIDTH: usize = 76;
const ROOM: usize = 8 << 10;

pub(super) fn page(share: &Share, heading: &Heading) -> Result<Secret, Fault> {
    let label = share.label();
    composed(ROOM, |out| {
        let line = "=".repeat(WIDTH);
        write!(out, "{line}\r\nSHARE {} OF {}", label.index, label.scheme.count())?;
        write!(out, "   any {} open the backup   SECRET\r\n{line}\r\n", label.scheme.threshold())?;
        write!(out, "set        {}\r\n", set(&label.set))?;
        write!(out, "key        {}...\r\n", grouped(&label.keyid))?;
        for (name, what) in [
            ("root of", &heading.repository),
            ("ceremony", &heading.ceremony),
            ("made", &heading.made.to_string()),
            ("kept by", &heading.custodian),
            ("contact", &heading.contact),
        ] {
            for (at, part) in wrapped(&ascii(what), WIDTH - 11).iter().enumerate() {
                write!(out, "{:<11}{part}\r\n", if at == 0 { name } else { "" })?;
            }
        }
        out.push(b"\r\n")?;
        for row in 1..=ROWS {
            write!(out, "    {row}    ")?;
            share.write_row(out, row, "  ")?;
            out.push(b"\r\n")?;
        }
        out.push(b"\r\n")?;
        for paragraph in what_this_is(label).iter().chain(&how_to_read(label)) {
            for part in wrapped(paragraph, WIDTH) {
                write!(out, "{part}\r\n")?;
            }
            out.push(b"\r\n")?;
        }
        out.push(b"\x0c")
    })
}
