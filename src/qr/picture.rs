//! Codes in pictures. A picture comes from outside like anything else: its size is looked at before its pixels are.

use std::{
    cell::Cell,
    io::Cursor,
    panic::{self, UnwindSafe},
};

use image::{
    AnimationDecoder as _, GrayImage, ImageDecoder as _, ImageReader, Limits,
    codecs::{gif::GifDecoder, png::PngDecoder},
    imageops::{FilterType, resize},
};
use rxing::BarcodeFormat;

/// The most pixels along a side.
const SIDE_MAX: u32 = 16_384;
/// The most memory for the pixels of one picture, in bytes.
const PIXELS_MAX: u64 = 512 << 20;
/// Above this side a picture is made smaller first: it is faster, and modules of many pixels are found better so.
const SIDE_USUAL: u32 = 1600;

/// What the first bytes of a file say that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PNG, animated or not.
    Png,
    /// GIF, animated or not.
    Gif,
    /// JPEG pictures, one or one after the other (MJPEG), bare or in an AVI.
    Jpeg,
    /// YUV4MPEG2: frames without compression.
    Y4m,
    /// An MP4, MOV, HEIC, Matroska or WebM file, which is not read.
    NotRead,
    /// Something else.
    Unknown,
}

impl Kind {
    /// Looks at the first bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            [b'G', b'I', b'F', b'8', ..] => Self::Gif,
            [0xff, 0xd8, ..] => Self::Jpeg,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Self::Jpeg,
            [b'Y', b'U', b'V', b'4', b'M', b'P', b'E', b'G', b'2', ..] => Self::Y4m,
            [_, _, _, _, b'f', b't', b'y', b'p', ..] | [0x1a, 0x45, 0xdf, 0xa3, ..] => Self::NotRead,
            _ => Self::Unknown,
        }
    }
}

/// Hands every picture of a PNG, GIF or single JPEG to `look`, until it returns false. Whether it could be read to its end.
pub fn each_of(kind: Kind, bytes: &[u8], look: &mut dyn FnMut(GrayImage) -> bool) -> bool {
    let animated = |frames: image::Frames<'_>, look: &mut dyn FnMut(GrayImage) -> bool| {
        for frame in frames {
            let Ok(frame) = frame else { return false };
            if !look(image::DynamicImage::ImageRgba8(frame.into_buffer()).into_luma8()) {
                break;
            }
        }
        true
    };
    match kind {
        Kind::Gif => match GifDecoder::new(Cursor::new(bytes)) {
            Ok(mut decoder) => decoder.set_limits(limits()).is_ok() && animated(decoder.into_frames(), look),
            Err(_) => false,
        },
        Kind::Png => match PngDecoder::with_limits(Cursor::new(bytes), limits()) {
            Ok(decoder) if decoder.is_apng().unwrap_or(false) => {
                decoder.apng().is_ok_and(|decoder| animated(decoder.into_frames(), look))
            }
            _ => still(bytes, look),
        },
        Kind::Jpeg => still(&with_usual_tables(bytes), look),
        _ => still(bytes, look),
    }
}

/// A JPEG that says of itself that it is a picture of a video, whose Huffman tables may be left out since they are always the same: a
/// webcam leaves them out, and the decoder takes the usual ones for those that are missing where it reads this segment.
fn with_usual_tables(jpeg: &[u8]) -> Vec<u8> {
    const SEGMENT: &[u8] = b"\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";
    let (begin, rest) = jpeg.split_at(jpeg.len().min(2));
    [begin, SEGMENT, rest].concat()
}

fn still(bytes: &[u8], look: &mut dyn FnMut(GrayImage) -> bool) -> bool {
    let Ok(mut reader) = ImageReader::new(Cursor::new(bytes)).with_guessed_format() else { return false };
    reader.limits(limits());
    match reader.decode() {
        Ok(picture) => {
            look(picture.into_luma8());
            true
        }
        Err(_) => false,
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(PIXELS_MAX);
    limits
}

/// The text of the code in a picture, where one is found.
pub fn text_in(picture: &GrayImage) -> Option<String> {
    let longest = picture.width().max(picture.height());
    let smaller = |most: u32| {
        let side = |length: u32| ((u64::from(length) * u64::from(most) / u64::from(longest)) as u32).max(1);
        resize(picture, side(picture.width()), side(picture.height()), FilterType::Triangle)
    };
    if longest > SIDE_USUAL {
        return read(smaller(SIDE_USUAL)).or_else(|| read(picture.clone()));
    }
    // Modules of many pixels are sometimes overlooked.
    read(picture.clone()).or_else(|| (longest > 200).then(|| read(smaller(longest / 2)))?)
}

fn read(picture: GrayImage) -> Option<String> {
    let (width, height) = picture.dimensions();
    // The reader is not ours, and a strange picture must not end the reading of all others.
    let found =
        caught(|| rxing::helpers::detect_in_luma(picture.into_raw(), width, height, Some(BarcodeFormat::QR_CODE)));
    found?.ok().map(|found| found.getText().to_owned())
}

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught, and so is nothing that ends the program: whoever gives a terminal back asks.
pub fn is_caught() -> bool {
    CATCHING.get()
}

fn caught<T>(read: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    CATCHING.set(true);
    let done = panic::catch_unwind(read);
    CATCHING.set(false);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qr::{Symbol, paper};

    fn picture(text: &str) -> Vec<u8> {
        paper::png(&Symbol::new(text, 5).unwrap()).unwrap()
    }

    #[test]
    fn a_picture_that_this_program_wrote_is_read_at_every_size() {
        let text = "UR:COMPRESSED/1-9/".to_owned() + &"AEADAO".repeat(20);
        let png = picture(&text);
        let mut seen = 0;
        assert!(each_of(Kind::of(&png), &png, &mut |picture| {
            for side in [120, 360, 720, 2400] {
                let picture = resize(&picture, side, side, FilterType::Triangle);
                assert_eq!(text_in(&picture).as_ref(), Some(&text), "{side} pixels");
                seen += 1;
            }
            true
        }));
        assert_eq!(seen, 4);
    }

    #[test]
    fn a_panic_of_the_reader_is_one_picture_without_a_code_and_is_told_from_one_that_ends_the_program() {
        assert_eq!(caught(is_caught), Some(true));
        assert_eq!(caught(|| -> bool { panic!("a strange picture") }), None);
        assert!(!is_caught(), "the next panic is the program's own");
    }

    #[test]
    fn a_picture_that_is_none_or_too_large_is_no_picture() {
        let mut large = picture("A");
        // The width in the head of the PNG, with its checksum left wrong.
        large[16..20].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
        for bytes in
            [&large[..], &picture("A")[..100], b"", b"\xff\xd8\xff\xe0nothing", b"GIF89a", &[0x89, b'P', b'N', b'G']]
        {
            assert!(!each_of(Kind::of(bytes), bytes, &mut |_| panic!("it was looked at")));
        }
        assert_eq!(text_in(&GrayImage::from_pixel(640, 480, image::Luma([77]))), None);
    }
}
