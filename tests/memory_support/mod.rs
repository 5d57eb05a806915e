//! Looks for secrets in all of this process's own memory.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
};

/// Whether `bytes` hold the secret that `turned` is, turned by one bit in each byte: to look for it does not find the test.
pub fn holds(bytes: &[u8], turned: &[u8]) -> bool {
    let first = turned[0] ^ 0x80;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        let rest = &bytes[from + at..];
        if rest.len() >= turned.len() && rest.iter().zip(turned).all(|(byte, turned)| byte ^ 0x80 == *turned) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// Shows `look` each readable and writable region, a part at a time, with its line in the map of this process. Parts overlap by
/// 128 bytes, so that what lies across two reads is found by the second.
pub fn walk(mut look: impl FnMut(&[u8], &str)) {
    let memory = File::open("/proc/self/mem").expect("our own memory");
    let maps = fs::read_to_string("/proc/self/maps").expect("our own maps");
    let mut page = vec![0; 1 << 20];
    for line in maps.lines() {
        let mut parts = line.split_whitespace();
        let (Some(range), Some(rights)) = (parts.next(), parts.next()) else { continue };
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').expect("a range");
        let parse = |text: &str| u64::from_str_radix(text, 16).expect("an address");
        let (mut at, end) = (parse(start), parse(end));
        while at < end {
            let wanted = usize::try_from(end - at).expect("an address").min(page.len());
            let Ok(count) = memory.read_at(&mut page[..wanted], at) else { break };
            if count == 0 {
                break;
            }
            look(&page[..count], line);
            page[..count].fill(0);
            at += if count > 256 && at + (count as u64) < end { count as u64 - 128 } else { count as u64 };
        }
    }
}
