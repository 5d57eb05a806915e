//! Codes as pictures: one SVG, a page to print, PNG files.

use std::io::Cursor;

use image::{GrayImage, ImageFormat, Luma};

use super::{Symbol, symbol::QUIET};
use crate::{fault::Fault, text::shown};

/// Pixels along a module of a PNG.
const PIXELS: usize = 8;

/// One code as SVG, with its quiet zone.
pub fn svg(symbol: &Symbol) -> String {
    let side = symbol.width() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..side {
        let mut x = 0;
        while x < side {
            let run = (x..side).take_while(|x| symbol.is_dark(*x, y, QUIET)).count();
            if run > 0 {
                path.push_str(&format!("M{x} {y}h{run}v1h-{run}z"));
            }
            x += run.max(1);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path d=\"{path}\"/></svg>\n"
    )
}

/// One code as a PNG in grey, with its quiet zone.
///
/// # Errors
/// A fault where it cannot be encoded.
pub fn png(symbol: &Symbol) -> Result<Vec<u8>, Fault> {
    let side = (symbol.width() + 2 * QUIET) * PIXELS;
    let length = u32::try_from(side).unwrap_or(u32::MAX);
    let picture = GrayImage::from_fn(length, length, |x, y| {
        let dark = symbol.is_dark(x as usize / PIXELS, y as usize / PIXELS, QUIET);
        Luma([if dark { 0 } else { 255 }])
    });
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|cause| Fault::machine("write a PNG", cause))?;
    Ok(bytes.into_inner())
}

/// What a printed page says beside its codes.
pub struct Page<'a> {
    /// What `sha256sum` prints of the files.
    pub manifest: &'a str,
    /// The digest of the manifest in words.
    pub words: &'a [String],
    /// Every code, in order.
    pub symbols: &'a [Symbol],
}

/// A page that prints on A4 and Letter: the files, the words of their digest, and the codes in order. It needs nothing beside itself.
pub fn page(page: &Page<'_>) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let files: String = page.manifest.lines().map(|line| format!("{}\n", escaped(&shown(line)))).collect();
    let words: String = page.words.iter().map(|word| format!("<li>{}</li>", escaped(word))).collect();
    let count = page.symbols.len();
    let codes: String = (1..)
        .zip(page.symbols)
        .map(|(number, symbol)| {
            format!("<figure>{}<figcaption>{number} of {count}</figcaption></figure>\n", svg(symbol))
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>QR codes</title>\n<style>{STYLE}</style>\n\
         <h1>Files as QR codes</h1>\n<pre>{files}</pre>\n<p>Words of their digest:</p>\n<ol>{words}</ol>\n\
         <p>Read all {count} codes, in any order. Then compare the words.</p>\n{codes}</html>\n"
    )
}

const STYLE: &str = "body{font:11pt sans-serif;margin:1cm;color:#000;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
ol{columns:4}figure{display:inline-block;width:85mm;margin:2mm;break-inside:avoid;text-align:center}svg{width:100%}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_every_code_and_no_name_writes_into_it() {
        let symbols = [Symbol::new("ONE", 1).unwrap(), Symbol::new("TWO", 1).unwrap()];
        let words = ["aardvark".to_owned()];
        let html = page(&Page { manifest: "ab  <script>.json\n", words: &words, symbols: &symbols });
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(html.contains("2 of 2") && html.contains("<li>aardvark</li>"));
        assert!(html.contains("&lt;script>") && !html.contains("<script>"));
    }

    #[test]
    fn a_png_is_as_large_as_its_modules() {
        let png = png(&Symbol::new("ONE", 1).unwrap()).unwrap();
        let picture = image::load_from_memory(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (29 * 8, 29 * 8));
    }
}
