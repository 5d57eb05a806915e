//! What is printed: read again from a picture of the page, and typed from its rows.

mod backup_support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use backup_support::{
    can_picture, cells, heading, in_memory, is_there, key, pictured, printed, rows_of, scanned, script, shares,
};
use officiant::{
    backup::{
        Identity, Share,
        paper::{MemoryFile, Paper, Printer, Sheets, sealed_html, sealed_text},
        seal,
    },
    rules::Rule,
    secret::Secret,
};

/// A picture of a page that is not there yet.
fn picture(html: &str, place: &Path) -> PathBuf {
    let page = place.join("page.html");
    fs::write(&page, html).unwrap();
    pictured(&page, place)
}

#[test]
fn a_share_is_decoded_from_a_picture_of_its_page() {
    let (_, trusted, _) = key();
    let split = shares(&Identity::fresh().unwrap(), 2, 3, &trusted);
    let share = &split.shares[1];
    let html = printed(&Paper::html(share, &heading()).unwrap());
    assert!(html.contains("Share 2 of 3") && html.contains("example/shop &lt;b&gt;&amp;") && !html.contains("<b>&"));
    assert!(!html.contains("http://") || html.matches("http").count() == 1, "only the name of SVG");
    let rows = rows_of(&html);
    assert_eq!(rows.join("\n") + "\n", backup_support::typed(share));
    if !can_picture() {
        return println!("skipped: chromium or zbarimg is not here");
    }
    let place = in_memory();
    let texts = scanned(&picture(&html, place.path()));
    assert_eq!(texts.len(), 1, "one code is on the page");
    let read = Share::read(&Secret::copied(texts[0].as_bytes()).unwrap()).unwrap();
    assert_eq!(read.commitment(), share.commitment());
    fs::write(place.path().join("a"), &texts[0]).unwrap();
    fs::write(place.path().join("b"), backup_support::typed(&split.shares[2])).unwrap();
    if !is_there("python3") {
        return println!("skipped: python3 is not here");
    }
    let output =
        Command::new("python3").arg(script()).args(["identity", "a", "b"]).current_dir(&place).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_page_for_a_line_printer_is_plain_and_is_typed_back() {
    let (_, trusted, _) = key();
    for share in shares(&Identity::fresh().unwrap(), 3, 5, &trusted).shares {
        let page = printed(&Paper::text(&share, &heading()).unwrap());
        assert!(page.ends_with('\u{c}') && page.is_ascii());
        let lines: Vec<&str> = page.split("\r\n").collect();
        assert!(lines.len() < 60, "{} lines", lines.len());
        assert!(lines.iter().all(|line| line.len() <= 76 && !line.contains('\n')), "{page}");
        assert!(page.contains("Z?rich"), "what no printer has is a question mark");
        let row = |line: &&str| line.strip_prefix("    ").and_then(|rest| rest.get(1..)).map(str::to_owned);
        let rows: Vec<String> = lines.iter().filter_map(row).collect();
        let read = Share::read(&Secret::copied(rows.join("\n").as_bytes()).unwrap()).unwrap();
        assert_eq!(read.commitment(), share.commitment());
        for word in ["SECRET", "officiant share read", "age-encryption.org", "2345678CFHJMPRVX", "contact"] {
            assert!(page.contains(word), "no {word}");
        }
    }
}

#[test]
fn a_share_goes_to_no_disk_no_terminal_and_over_nothing_that_is_there() {
    let (_, trusted, _) = key();
    let split = shares(&Identity::fresh().unwrap(), 2, 3, &trusted);
    let paper = Paper::text(&split.shares[0], &heading()).unwrap();
    let on_disk = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a-page-with-a-share");
    match MemoryFile::create(&on_disk).map(|_| ()) {
        Err(error) => assert!(error.to_string().contains("lies on a disk"), "{error}"),
        Ok(()) => println!("skipped: the target folder lies in memory"),
    }
    assert!(!on_disk.exists());
    let place = in_memory();
    let path = place.path().join("page");
    let mut file = MemoryFile::create(&path).unwrap();
    let refused = MemoryFile::create(&path).map(|_| ()).unwrap_err();
    assert_eq!(refused.refusal().map(|refusal| refusal.rule), Some(Rule::OutputFresh));
    paper.print(&mut file).unwrap();
    let other = place.path().join("link");
    fs::hard_link(&path, &other).unwrap();
    assert!(fs::read(&other).unwrap().len() > 1000);
    drop(file);
    assert!(!path.exists());
    assert!(fs::read(&other).unwrap().iter().all(|byte| *byte == 0), "it was overwritten before it was removed");
    let printer = Printer::open(&other).map(|_| ()).unwrap_err();
    assert!(printer.to_string().contains("no printer's device"), "{printer}");
    paper.print(&mut Printer::open(Path::new("/dev/null")).unwrap()).unwrap();
    let pty = portable_pty::native_pty_system().openpty(portable_pty::PtySize::default()).unwrap();
    let terminal = pty.master.tty_name().expect("a name");
    let printer = Printer::open(&terminal).map(|_| ()).unwrap_err();
    assert!(printer.to_string().contains("it is a terminal"), "{printer}");
}

#[test]
fn a_sealed_file_comes_back_from_its_codes_and_from_its_rows() {
    let (key, _, about) = key();
    let identity = Identity::fresh().unwrap();
    let sealed = seal(&key, &about, &identity).unwrap();
    let html = sealed_html(&sealed, "example/shop").unwrap();
    let rows: Vec<String> = cells(&html, "file").iter().map(|row| row[1..].join(" ")).collect();
    let typed = |rows: &[String]| Sheets::rows(sealed.bytes().len(), rows.iter().map(String::as_str));
    assert_eq!(typed(&rows).unwrap(), sealed.bytes());
    for number in 0..rows.len() {
        let mut bad = rows.clone();
        let other = if bad[number].starts_with('X') { "V" } else { "X" };
        bad[number].replace_range(0..1, other);
        assert_eq!(typed(&bad).unwrap_err().row(), number + 1);
    }
    assert_eq!(typed(&rows[1..]).unwrap_err().row(), 1);
    assert_eq!(typed(&rows[..rows.len() - 1]).unwrap_err().row(), rows.len());
    let text = sealed_text(&sealed, "example/shop").unwrap();
    assert!(text.is_ascii() && text.lines().all(|line| line.trim_end_matches(['\r', '\u{c}']).len() <= 76), "{text}");
    for row in &rows {
        assert!(text.contains(row), "{row}");
    }
    if !can_picture() {
        return println!("skipped: chromium or zbarimg is not here");
    }
    let place = in_memory();
    let codes = scanned(&picture(&html, place.path()));
    let mut sheets = Sheets::new();
    let mut whole = None;
    for code in codes.iter().rev() {
        assert!(whole.is_none());
        whole = sheets.code(code).unwrap();
    }
    assert_eq!(whole.expect("all codes").bytes(), sealed.bytes());
    let mut short = Sheets::new();
    for code in &codes[1..] {
        assert_eq!(short.code(code).unwrap(), None);
    }
    assert_eq!(short.missing().count(), 1);
    let first = short.missing().next().unwrap();
    let mut altered = codes.iter().find(|code| code.contains(&format!(":{first}/"))).unwrap().clone();
    let end = altered.len() - 1;
    let other = if altered.ends_with('0') { "1" } else { "0" };
    altered.replace_range(end.., other);
    assert!(short.clone().code(&altered).unwrap_err().to_string().contains("another SHA-256"));
    let twice = altered.replace(&format!(":{first}/"), &format!(":{}/", if first == 1 { 2 } else { 1 }));
    assert!(short.code(&twice).is_err());
    for other in [
        "",
        "OFFICIANT-FILE-1:",
        "OFFICIANT-FILE-1:1/4000000000:0123456789ABCDEF:00",
        "OFFICIANT-FILE-1:0/1:0123456789ABCDEF:00",
    ] {
        assert!(Sheets::new().code(other).is_err(), "{other}");
    }
    if !is_there("python3") {
        return println!("skipped: python3 is not here");
    }
    for (name, lines, arguments) in
        [("codes", &codes, vec!["file", "codes"]), ("rows", &rows, vec!["rows", "SIZE", "rows"])]
    {
        fs::write(place.path().join(name), lines.join("\n")).unwrap();
        let size = sealed.bytes().len().to_string();
        let arguments = arguments.into_iter().map(|one| if one == "SIZE" { size.as_str() } else { one });
        let output = Command::new("python3").arg(script()).args(arguments).current_dir(&place).output().unwrap();
        assert_eq!(output.stdout, sealed.bytes(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
