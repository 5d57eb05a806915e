//! What a camera gives, as a grey picture: of a QR code only the brightness counts. Bytes in, a picture out; no device is seen here.

use image::GrayImage;

use super::picture::{Kind, each_of};

/// The most pixels along a side.
const SIDE_MAX: u32 = 8192;

/// How a picture lies in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JPEG.
    Jpeg,
    /// The brightness of every pixel first, and behind it the colours, which are not looked at.
    BrightnessFirst,
    /// Two bytes a pixel, the brightness in the first.
    BrightnessEven,
    /// Two bytes a pixel, the brightness in the second.
    BrightnessOdd,
}

/// The formats that are read, by the four letters of Video4Linux, the best first: a camera gives larger pictures more often a second
/// where it compresses them.
pub const FORMATS: [([u8; 4], Encoding); 9] = [
    (*b"MJPG", Encoding::Jpeg),
    (*b"JPEG", Encoding::Jpeg),
    (*b"NV12", Encoding::BrightnessFirst),
    (*b"NV21", Encoding::BrightnessFirst),
    (*b"YU12", Encoding::BrightnessFirst),
    (*b"YV12", Encoding::BrightnessFirst),
    (*b"YUYV", Encoding::BrightnessEven),
    (*b"UYVY", Encoding::BrightnessOdd),
    (*b"GREY", Encoding::BrightnessFirst),
];

/// Size and encoding of the pictures of a camera, as its driver states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    encoding: Encoding,
    width: u32,
    height: u32,
    /// Bytes from the beginning of a row to that of the next.
    stride: usize,
}

impl Layout {
    /// A layout; a `stride` of 0 stands for rows without a gap. `None` where the format is not read, or the numbers do not fit each
    /// other.
    pub fn new(format: [u8; 4], width: u32, height: u32, stride: u32) -> Option<Self> {
        let (_, encoding) = FORMATS.into_iter().find(|(known, _)| *known == format)?;
        let in_row = width as usize * encoding.bytes_of_a_pixel();
        let stride = if stride == 0 { in_row } else { stride as usize };
        let fits = (1..=SIDE_MAX).contains(&width) && (1..=SIDE_MAX).contains(&height);
        (fits && (encoding == Encoding::Jpeg || stride >= in_row)).then_some(Self { encoding, width, height, stride })
    }

    /// The picture in `bytes`; `None` where they are too few or damaged, as the first ones of a camera may be.
    pub fn picture(&self, bytes: &[u8]) -> Option<GrayImage> {
        let (step, offset) = match self.encoding {
            Encoding::Jpeg => return jpeg(bytes),
            Encoding::BrightnessFirst => (1, 0),
            Encoding::BrightnessEven => (2, 0),
            Encoding::BrightnessOdd => (2, 1),
        };
        let in_row = self.width as usize * step;
        let mut pixels = Vec::with_capacity(self.width as usize * self.height as usize);
        for row in 0..self.height as usize {
            let from = row * self.stride;
            pixels.extend(bytes.get(from..from + in_row)?.iter().skip(offset).step_by(step));
        }
        GrayImage::from_raw(self.width, self.height, pixels)
    }
}

impl Encoding {
    fn bytes_of_a_pixel(self) -> usize {
        match self {
            Self::Jpeg | Self::BrightnessFirst => 1,
            Self::BrightnessEven | Self::BrightnessOdd => 2,
        }
    }
}

fn jpeg(bytes: &[u8]) -> Option<GrayImage> {
    let mut seen = None;
    each_of(Kind::Jpeg, bytes, &mut |picture| {
        seen = Some(picture);
        false
    });
    seen
}

/// A picture is taken for dark where its brightest parts are below this, of 255.
const DARK: u8 = 70;

/// Whether a picture is so dark that no code can be seen in it, however bright the screen is that should be there.
pub fn is_dark(picture: &GrayImage) -> bool {
    // A few pixels that glow are no screen.
    const GLOWING: usize = 200;
    picture.iter().filter(|pixel| **pixel >= DARK).count() < (picture.len() / GLOWING).max(1)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Luma, imageops::overlay};

    use super::*;
    use crate::qr::{Symbol, paper, picture::text_in};

    const WIDTH: u32 = 640;
    const HEIGHT: u32 = 480;

    fn text() -> String {
        "UR:COMPRESSED/1-9/".to_owned() + &"AEADAOAX".repeat(16)
    }

    /// A code on a grey table, as a camera would see it.
    fn scene() -> GrayImage {
        let png = paper::png(&Symbol::new(&text(), 6).unwrap()).unwrap();
        let code = image::load_from_memory(&png).unwrap().into_luma8();
        let mut scene = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120]));
        overlay(&mut scene, &code, 100, 40);
        scene
    }

    /// What a driver would hand over: rows `stride` bytes apart, and what follows the brightness.
    fn bytes_of(scene: &GrayImage, encoding: Encoding, stride: usize, behind: usize) -> Vec<u8> {
        let mut bytes = vec![];
        for row in scene.rows() {
            let begun = bytes.len();
            for Luma([grey]) in row {
                match encoding {
                    Encoding::BrightnessEven => bytes.extend_from_slice(&[*grey, 128]),
                    Encoding::BrightnessOdd => bytes.extend_from_slice(&[128, *grey]),
                    _ => bytes.push(*grey),
                }
            }
            bytes.resize(begun + stride, 0x55);
        }
        bytes.resize(bytes.len() + behind, 128);
        bytes
    }

    #[test]
    fn a_code_is_read_out_of_every_format_with_rows_close_or_apart() {
        let scene = scene();
        let (pixels, mut seen) = ((WIDTH * HEIGHT) as usize, 0);
        for (format, encoding) in FORMATS.into_iter().filter(|(_, encoding)| *encoding != Encoding::Jpeg) {
            let in_row = WIDTH as usize * encoding.bytes_of_a_pixel();
            for stride in [in_row, in_row + 64] {
                let behind = if encoding == Encoding::BrightnessFirst && &format != b"GREY" { pixels / 2 } else { 0 };
                let bytes = bytes_of(&scene, encoding, stride, behind);
                let layout = Layout::new(format, WIDTH, HEIGHT, stride as u32).unwrap();
                let picture = layout.picture(&bytes).unwrap();
                assert_eq!(picture, scene, "{}", String::from_utf8_lossy(&format));
                assert_eq!(text_in(&picture), Some(text()));
                seen += 1;
                // The driver handed over less than a picture.
                assert_eq!(layout.picture(&bytes[..in_row * 400]), None);
            }
        }
        assert_eq!(seen, 14);
    }

    fn as_jpeg(scene: &GrayImage) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        image::DynamicImage::ImageLuma8(scene.clone()).into_rgb8().write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    /// The same without the Huffman tables, which a camera leaves out since they are always the same.
    fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let (mut kept, mut at) = (jpeg[..2].to_vec(), 2);
        loop {
            let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            match jpeg[at + 1] {
                0xc4 => {}
                0xda => return [&kept, &jpeg[at..]].concat(),
                _ => kept.extend_from_slice(&jpeg[at..at + length]),
            }
            at += length;
        }
    }

    #[test]
    fn a_code_is_read_out_of_the_jpeg_of_a_camera_with_and_without_its_tables() {
        let whole = as_jpeg(&scene());
        let layout = Layout::new(*b"MJPG", WIDTH, HEIGHT, 0).unwrap();
        let bare = without_tables(&whole);
        assert!(bare.len() < whole.len());
        for bytes in [whole.clone(), [whole.clone(), vec![0; 4096]].concat(), bare] {
            assert_eq!(text_in(&layout.picture(&bytes).expect("a picture")), Some(text()));
        }
        for damaged in [&whole[..300], &[0xff, 0xd8, 0xff], b"", &[0; 4096]] {
            assert_eq!(layout.picture(damaged), None);
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_no_layout() {
        for (format, width, height, stride) in [
            (*b"H264", 640, 480, 0),
            (*b"GREY", 0, 480, 0),
            (*b"GREY", 640, 0, 0),
            (*b"GREY", u32::MAX, u32::MAX, 0),
            (*b"YUYV", 640, 480, 1279),
        ] {
            assert_eq!(Layout::new(format, width, height, stride), None);
        }
        let small = Layout::new(*b"GREY", 2, 2, u32::MAX).unwrap();
        assert_eq!(small.picture(&[1; 64]), None, "its rows are further apart than there are bytes");
    }

    #[test]
    fn a_covered_lens_is_dark_and_a_dim_screen_is_not() {
        assert!(is_dark(&GrayImage::from_pixel(WIDTH, HEIGHT, Luma([16]))));
        let mut dim = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([16]));
        dim.put_pixel(3, 3, Luma([255]));
        assert!(is_dark(&dim), "one pixel glows");
        overlay(&mut dim, &GrayImage::from_pixel(80, 80, Luma([90])), 100, 100);
        assert!(!is_dark(&dim) && !is_dark(&scene()));
    }
}
