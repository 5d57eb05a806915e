//! Tag, length, value: as cards and certificates write it.

/// One value behind `tag`. The length is in the shortest form.
pub fn tlv(tag: &[u8], value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut bytes = tag.to_vec();
    match value.len() {
        short @ 0..=0x7f => bytes.push(short as u8),
        one @ 0x80..=0xff => bytes.extend([0x81, one as u8]),
        two => bytes.extend([0x82, (two >> 8) as u8, two as u8]),
    }
    bytes.extend_from_slice(value);
    bytes
}

/// The first value of `bytes` and what follows it; one byte of tag, since a card's own templates have no other.
pub fn first(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), &rest[2..]),
        _ => return None,
    };
    (rest.len() >= length).then(|| (tag, &rest[..length], &rest[length..]))
}

/// Every value of `bytes` in order; `None` where they are not values to the end.
pub fn all(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut values = vec![];
    while !bytes.is_empty() {
        let (tag, value, rest) = first(bytes)?;
        values.push((tag, value));
        bytes = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_one_two_and_three_bytes_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 3000] {
            let value = vec![7; length];
            let bytes = [tlv(&[0x81], &value), vec![1, 0]].concat();
            assert_eq!(first(&bytes), Some((0x81, value.as_slice(), &[1, 0][..])));
            assert_eq!(all(&bytes).map(|all| all.len()), Some(2));
        }
        assert_eq!(first(&[0x81, 5, 0]), None);
        assert_eq!(all(&[1, 0, 9]), None);
    }
}
