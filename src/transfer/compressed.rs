//! The message: BCR-2023-001, `[crc32, size, deflate, digest]`. The bytes that come out are the bytes that went in.

use miniz_oxide::{
    deflate::core::{
        CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
    },
    inflate::decompress_to_vec_with_limit,
};

use super::ur::{
    cbor::{Reader, Writer},
    crc::crc32,
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
};

/// The most bytes that a message may have after it was inflated.
pub const INFLATED_MAX: usize = 4 << 20;
/// The tag of a digest (BCR-2021-002).
const DIGEST: u64 = 40_001;
/// As small as it gets: it is done once, and every byte costs time before a camera.
const LEVEL: i32 = 9;

/// The message that carries `payload`, with its SHA-256.
///
/// # Errors
/// `FRAME-WITHIN-LIMITS` where the payload is larger than [`INFLATED_MAX`].
pub fn compress(payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    if payload.len() > INFLATED_MAX {
        let what = format!("The files have {} bytes together; {INFLATED_MAX} can be carried at a time.", payload.len());
        return Err(Refusal::new(Rule::FrameWithinLimits, what, "Carry fewer files at a time."));
    }
    let deflated = deflate(payload);
    // Where deflate does not help, the paper wants the bytes as they are: both lengths then agree.
    let data = if deflated.len() < payload.len() { deflated.as_slice() } else { payload };
    let message = Writer::default().array(4).number(crc32(payload).into()).number(payload.len() as u64).bytes(data);
    Ok(message.tag(DIGEST).bytes(Digest::of(payload).as_bytes()).finish())
}

/// Raw deflate, in the shorter of two ways. Digests in hexadecimal are full of short strings that occur somewhere before, and pointing
/// far back costs more than the letters do: metadata with many digests gets a seventh shorter where short matches are left alone.
fn deflate(payload: &[u8]) -> Vec<u8> {
    let by = |strategy: CompressionStrategy| {
        // Negative: without the head and checksum of zlib.
        let flags = create_comp_flags_from_zip_params(LEVEL, -15, strategy.into());
        let mut deflated = vec![];
        compress_to_output(&mut CompressorOxide::new(flags), payload, TDEFLFlush::Finish, |bytes| {
            deflated.extend_from_slice(bytes);
            true
        });
        deflated
    };
    let (usual, filtered) = (by(CompressionStrategy::Default), by(CompressionStrategy::Filtered));
    if filtered.len() < usual.len() { filtered } else { usual }
}

/// The payload of a message, whose size, CRC-32 and SHA-256 (where it has one) were compared.
///
/// # Errors
/// `FRAME-WITHIN-LIMITS` where it declares more than [`INFLATED_MAX`], `PARCEL-INTACT` where it is not what it says.
pub fn inflate(message: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (checksum, size, data, digest) = parts(message).ok_or_else(|| damaged("is not made as it should be"))?;
    if size > INFLATED_MAX {
        let what = format!("The message says that it has {size} bytes; {INFLATED_MAX} are the most that is taken.");
        return Err(Refusal::new(Rule::FrameWithinLimits, what, "It was not made by this program. Ask who shows it."));
    }
    let payload = if data.len() == size {
        data.to_vec()
    } else {
        decompress_to_vec_with_limit(data, size).map_err(|_| damaged("does not inflate to the size that it names"))?
    };
    if payload.len() != size {
        return Err(damaged("does not inflate to the size that it names"));
    }
    if u64::from(crc32(&payload)) != checksum {
        return Err(damaged("does not have the checksum that it names"));
    }
    if digest.is_some_and(|digest| digest != Digest::of(&payload).as_bytes()) {
        return Err(damaged("does not have the SHA-256 that it names"));
    }
    Ok(payload)
}

type Parts<'a> = (u64, usize, &'a [u8], Option<&'a [u8]>);

fn parts(message: &[u8]) -> Option<Parts<'_>> {
    let mut reader = Reader(message);
    let items = reader.array()?;
    let checksum = reader.number()?;
    let size = usize::try_from(reader.number()?).ok()?;
    let data = reader.bytes()?;
    let digest = match items {
        3 => None,
        4 if reader.tag()? == DIGEST => Some(reader.bytes()?),
        _ => return None,
    };
    reader.end()?;
    Some((checksum, size, data, digest))
}

fn damaged(how: &str) -> Refusal {
    let what = format!("The message was read to its end, but {how}.");
    Refusal::new(Rule::ParcelIntact, what, "Nothing was taken. Look at what is being shown, and read it once more.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(checksum: u32, size: u64, data: &[u8], digest: &[u8]) -> Vec<u8> {
        Writer::default().array(4).number(checksum.into()).number(size).bytes(data).tag(DIGEST).bytes(digest).finish()
    }

    #[test]
    fn exact_bytes_come_back() {
        for payload in [&b""[..], b"x", b"{\n  \"a\": 1\n}\n", &[7; 100_000], &(0..=255).collect::<Vec<u8>>()] {
            let message = compress(payload).unwrap();
            assert!(message.len() < payload.len() + 60);
            assert_eq!(inflate(&message).unwrap(), payload);
        }
        assert!(compress(&vec![0; INFLATED_MAX + 1]).is_err());
    }

    #[test]
    fn metadata_full_of_digests_and_metadata_full_of_words_are_both_as_short_as_they_get() {
        use miniz_oxide::deflate::compress_to_vec;

        let digests: String = (0..300_u32).map(|n| format!("  \"{}\",\n", Digest::of(&n.to_be_bytes()))).collect();
        let words = "the same sentence again and again, with another number: ".repeat(300);
        let (usual, ours) =
            (|text: &str| compress_to_vec(text.as_bytes(), 9).len(), |text: &str| deflate(text.as_bytes()).len());
        assert!(usual(&digests) - ours(&digests) > digests.len() / 50, "{} {}", usual(&digests), ours(&digests));
        assert!(ours(&words) <= usual(&words));
        for payload in [digests, words] {
            assert_eq!(inflate(&compress(payload.as_bytes()).unwrap()).unwrap(), payload.as_bytes());
        }
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let payload = [7; 1000];
        let (crc, deflated, digest) = (crc32(&payload), deflate(&payload), Digest::of(&payload));
        assert_eq!(inflate(&written(crc, 1000, &deflated, digest.as_bytes())).unwrap(), payload);
        for (message, rule) in [
            (written(crc, 999, &deflated, digest.as_bytes()), Rule::ParcelIntact),
            (written(crc, 1001, &deflated, digest.as_bytes()), Rule::ParcelIntact),
            (written(crc ^ 1, 1000, &deflated, digest.as_bytes()), Rule::ParcelIntact),
            (written(crc, 1000, &deflated, &[0; 32]), Rule::ParcelIntact),
            (written(crc, 1000, &deflated, b""), Rule::ParcelIntact),
            (written(crc, u64::MAX, &deflated, digest.as_bytes()), Rule::FrameWithinLimits),
            (written(crc, 1 << 30, &deflated, digest.as_bytes()), Rule::FrameWithinLimits),
            (b"".to_vec(), Rule::ParcelIntact),
            ([written(crc, 1000, &deflated, digest.as_bytes()), vec![0]].concat(), Rule::ParcelIntact),
        ] {
            assert_eq!(inflate(&message).unwrap_err().rule, rule);
        }
    }

    #[test]
    fn a_bomb_is_cut_off_at_the_size_that_it_declares() {
        let bomb = deflate(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let refused = inflate(&written(0, 1000, &bomb, &[0; 32])).unwrap_err();
        assert_eq!(refused.rule, Rule::ParcelIntact);
    }
}
