//! `page`: the page that carries files between a ceremony's screen and this machine's camera. It is built from `src/courier/page` with
//! npm and kept nowhere in the sources; this program knows its SHA-256, and writes that page or none.

use std::{borrow::Cow, path::Path};

use super::{
    args::Page,
    outcome::{Exit, Stop, product},
};
use crate::{
    digest::Digest,
    fault::Fault,
    files,
    rules::{Refusal, Rule},
};

/// The file that the build of the page makes, and that is looked for beside this program.
const FILE: &str = "courier.html";
/// The largest that is read, in bytes.
const PAGE_MAX: u64 = 8 << 20;
/// The SHA-256 of the page that belongs to these sources.
const SHA256: &str = include_str!("page/sha256");

/// The page inside of this program.
#[cfg(feature = "page")]
const BUILT_IN: Option<&[u8]> = Some(include_bytes!(env!("OFFICIANT_COURIER_PAGE")));
/// This program was built without the page.
#[cfg(not(feature = "page"))]
const BUILT_IN: Option<&[u8]> = None;

/// Does it.
///
/// # Errors
/// `BYTES-MATCH-HASH` where the page beside this program is another; `OUTPUT-FRESH`; a fault where there is none.
pub fn page(args: &Page) -> Result<Exit, Stop> {
    let page = found()?;
    let digest = Digest::of(&page);
    if Some(digest) != Digest::from_hex(SHA256.trim()) {
        let what = format!("The page here has SHA-256 {digest}; {} belongs to this program.", SHA256.trim());
        let remedy = "Build it from the sources of this version: src/courier/page/build.";
        return Err(Refusal::new(Rule::BytesMatchHash, what, remedy).into());
    }
    files::write_new(&args.output, &page)?;
    product(&format!("{digest}  {}\n", files::name(&args.output)))?;
    Ok(Exit::Done)
}

fn found() -> Result<Cow<'static, [u8]>, Fault> {
    if let Some(page) = BUILT_IN {
        return Ok(Cow::Borrowed(page));
    }
    let doing = "find the courier page";
    let program = std::env::current_exe().map_err(|error| Fault::machine(doing, error))?;
    let beside = program.parent().unwrap_or(Path::new(".")).join(FILE);
    if !beside.exists() {
        let cause = format!(
            "this program was built without it, and there is no {}; src/courier/page/build makes it",
            files::name(&beside)
        );
        return Err(Fault::machine(doing, cause));
    }
    files::read(&beside, PAGE_MAX).map(Cow::Owned)
}
