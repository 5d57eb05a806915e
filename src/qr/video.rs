//! Pictures one after the other in a file: JPEG pictures (MJPEG, alone or in an AVI) and Y4M. Only what pure Rust reads without a
//! codec; everything else has to be made into pictures first.

use image::GrayImage;

use super::picture::{Kind, each_of};

/// The most pixels along a side of a Y4M frame.
const SIDE_MAX: usize = 8192;

/// Hands every picture of a file to `look`, until it returns false. `None` for what is not read; otherwise how many pictures could
/// not be decoded.
pub fn each_picture(bytes: &[u8], look: &mut dyn FnMut(GrayImage) -> bool) -> Option<usize> {
    match Kind::of(bytes) {
        Kind::NotRead | Kind::Unknown => None,
        Kind::Jpeg => Some(jpegs(bytes, look)),
        Kind::Y4m => Some(y4m(bytes, look)),
        kind => Some(usize::from(!each_of(kind, bytes, look))),
    }
}

fn jpegs(bytes: &[u8], look: &mut dyn FnMut(GrayImage) -> bool) -> usize {
    let (mut rest, mut bad, mut more) = (bytes, 0, true);
    while more && let Some(at) = rest.windows(3).position(|three| three == [0xff, 0xd8, 0xff]) {
        let Some(length) = jpeg_length(&rest[at..]) else {
            // Cut short, or no picture after all.
            bad += 1;
            rest = &rest[at + 2..];
            continue;
        };
        let decoded = each_of(Kind::Jpeg, &rest[at..at + length], &mut |picture| {
            more = look(picture);
            more
        });
        bad += usize::from(!decoded);
        rest = &rest[at + length..];
    }
    bad
}

/// The length of the JPEG that `bytes` begin with: over its segments, which may hold a small picture of their own, to its end.
fn jpeg_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        let marker = bytes.get(at..at + 2)?;
        match marker {
            [0xff, 0xff] => at += 1,
            [0xff, 0xd9] => return Some(at + 2),
            [0xff, 0x01 | 0xd0..=0xd7] => at += 2,
            [0xff, kind] => {
                let length = bytes.get(at + 2..at + 4)?;
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                if *kind == 0xda {
                    // Inside a scan, 0xff stands only before 0 and restarts.
                    at += bytes
                        .get(at..)?
                        .windows(2)
                        .position(|two| two[0] == 0xff && !matches!(two[1], 0 | 0xd0..=0xd7))?;
                }
            }
            _ => return None,
        }
    }
}

fn y4m(bytes: &[u8], look: &mut dyn FnMut(GrayImage) -> bool) -> usize {
    let Some((head, mut rest)) = line(bytes) else { return 1 };
    let Some((width, height, frame)) = y4m_frame(head) else { return 1 };
    while let Some((head, after)) = line(rest) {
        let Some(plane) = after.get(..width * height).filter(|_| head.starts_with(b"FRAME")) else { return 1 };
        let picture = u32::try_from(width).ok().zip(u32::try_from(height).ok());
        let picture = picture.and_then(|(width, height)| GrayImage::from_raw(width, height, plane.to_vec()));
        if !picture.is_some_and(&mut *look) {
            break;
        }
        rest = after.get(frame..).unwrap_or_default();
    }
    0
}

/// Width, height and the bytes of a whole frame.
fn y4m_frame(head: &[u8]) -> Option<(usize, usize, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let value = |letter: char| head.split(' ').skip(1).find_map(|field| field.strip_prefix(letter));
    let side = |letter| value(letter)?.parse::<usize>().ok().filter(|side| (1..=SIDE_MAX).contains(side));
    let (width, height) = (side('W')?, side('H')?);
    let luma = width * height;
    let half = |side: usize| side.div_ceil(2);
    let colour = match value('C').unwrap_or("420") {
        "mono" => 0,
        "444" => 2 * luma,
        "422" => 2 * half(width) * height,
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => 2 * half(width) * half(height),
        _ => return None,
    };
    Some((width, height, luma + colour))
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    const LINE_MAX: usize = 1024;
    let end = bytes.iter().take(LINE_MAX).position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Luma};
    use proptest::prelude::*;

    use super::*;

    fn jpeg(grey: u8) -> Vec<u8> {
        let mut bytes = Cursor::new(vec![]);
        GrayImage::from_pixel(16, 16, Luma([grey])).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    fn greys(bytes: &[u8]) -> (Option<usize>, Vec<u8>) {
        let mut seen = vec![];
        let bad = each_picture(bytes, &mut |picture| {
            seen.push(picture.get_pixel(3, 3).0[0]);
            true
        });
        (bad, seen)
    }

    #[test]
    fn jpegs_follow_one_another_bare_or_in_an_avi() {
        let stream = [jpeg(10), jpeg(200)].concat();
        assert_eq!(greys(&stream), (Some(0), vec![10, 200]));
        let avi =
            [&b"RIFF\0\0\0\0AVI LIST\0\0\0\0movi00dc\0\0\0\0"[..], &jpeg(10), b"\x0000dc\0\0\0\0", &jpeg(200)].concat();
        assert_eq!(greys(&avi), (Some(0), vec![10, 200]));
        let torn = &stream[..stream.len() - 20];
        assert_eq!(greys(torn), (Some(1), vec![10]));
    }

    #[test]
    fn a_small_picture_inside_a_photograph_is_no_frame() {
        let (outer, inner) = (jpeg(10), jpeg(200));
        let mut segment = vec![0xff, 0xe1];
        segment.extend_from_slice(&u16::try_from(inner.len() + 2).unwrap().to_be_bytes());
        segment.extend_from_slice(&inner);
        let photograph = [&outer[..2], &segment, &outer[2..]].concat();
        assert_eq!(greys(&photograph), (Some(0), vec![10]));
    }

    #[test]
    fn y4m_of_every_usual_layout() {
        for (layout, colour) in
            [("C420jpeg", 2 * 8 * 8), ("C422", 2 * 8 * 16), ("C444", 2 * 256), ("Cmono", 0), ("F30:1", 128)]
        {
            let mut file = format!("YUV4MPEG2 W16 H16 {layout}\n").into_bytes();
            for grey in [10, 200] {
                file.extend_from_slice(b"FRAME\n");
                file.extend_from_slice(&[grey; 256]);
                file.extend_from_slice(&vec![128; colour]);
            }
            assert_eq!(greys(&file), (Some(0), vec![10, 200]), "{layout}");
        }
        assert_eq!(greys(b"YUV4MPEG2 W99999999 H16\nFRAME\n"), (Some(1), vec![]));
        assert_eq!(greys(b"YUV4MPEG2 W16 H16\nFRAME\nshort"), (Some(1), vec![]));
    }

    #[test]
    fn what_is_not_read_is_told_apart() {
        assert_eq!(greys(b"\0\0\0\x18ftypmp42").0, None);
        assert_eq!(greys(b"text").0, None);
        assert_eq!(Kind::of(b"\0\0\0\x18ftypheic"), Kind::NotRead);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn any_bytes_after_a_head_are_borne(kind in 0_usize..5, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let heads: [&[u8]; 5] = [b"\xff\xd8\xff", b"YUV4MPEG2 W16 H16\nFRAME\n", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF0000AVI "];
            each_picture(&[heads[kind], &bytes].concat(), &mut |_| true);
        }
    }
}
