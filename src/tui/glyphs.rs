//! Which glyphs the font of the Linux console has. Unsafe for one reason: the kernel tells by an ioctl that writes into memory of
//! ours, for which no safe call is to be had.
#![allow(unsafe_code, reason = "GIO_UNIMAP has no safe wrapper")]

use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, Updater, ioctl};

/// `GIO_UNIMAP` of linux/kd.h: the code points that the console's font has a glyph for.
const GIO_UNIMAP: Opcode = 0x4B66;

/// `struct unipair`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Pair {
    code_point: u16,
    _glyph: u16,
}

/// `struct unimapdesc`.
#[repr(C)]
struct Map {
    count: u16,
    pairs: *mut Pair,
}

/// Whether the font of the console at `terminal` has a glyph for every one of `wanted`. `None` where it is not a Linux console.
pub fn has(terminal: impl AsFd, wanted: &[char]) -> Option<bool> {
    let mut pairs = vec![Pair::default(); usize::from(u16::MAX)];
    let mut map = Map { count: u16::MAX, pairs: pairs.as_mut_ptr() };
    // SAFETY: the opcode's argument is a `struct unimapdesc`, which `Map` is; its pointer is to `count` pairs that outlive the
    // call, and the kernel writes at most `count` of them.
    let asked = unsafe { ioctl(terminal, Updater::<GIO_UNIMAP, Map>::new(&mut map)) };
    asked.ok()?;
    pairs.truncate(map.count.into());
    let known = |wanted: &char| pairs.iter().any(|pair| u32::from(pair.code_point) == u32::from(*wanted));
    Some(wanted.iter().all(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_tells_what_its_font_has() {
        use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt as _};

        let flags = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
        let console = OpenOptions::new().read(true).custom_flags(flags).open("/dev/tty1");
        let Some(letter) = console.as_ref().ok().and_then(|console| has(console, &['A'])) else {
            return println!("skipped: here is no Linux console, or it may not be opened");
        };
        assert!(letter, "every font has an A");
        assert_eq!(
            has(console.expect("it was opened"), &['A', '\u{fdd0}']),
            Some(false),
            "and none has what is no character"
        );
    }

    #[test]
    fn what_is_no_console_has_no_font() {
        assert_eq!(has(std::fs::File::open("/dev/null").unwrap(), &['▀']), None);
    }
}
