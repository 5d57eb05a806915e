//! Memory that is not swapped out, not dumped, not given to a child, and wiped before it goes. The one place with `unsafe`
//! memory calls: each is about a mapping that [`LockedBytes`] alone owns.
#![allow(unsafe_code)]

use std::{io, ptr::NonNull, slice};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize as _;

use crate::fault::Fault;

/// The largest secret that is typed, in bytes. It fits one page everywhere, so that sixteen secrets fit the smallest usual memlock
/// limit.
pub const LOCKED_MAX: usize = 4096;

/// Bytes in a locked mapping of their own. The capacity is fixed: growing would leave copies behind.
pub(crate) struct LockedBytes {
    start: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the mapping is owned by this value alone and reached only through `&self` and `&mut self`.
unsafe impl Send for LockedBytes {}

impl LockedBytes {
    /// An empty buffer that holds up to `capacity` bytes, which is not 0.
    pub(crate) fn with_room(capacity: usize) -> Result<Self, Fault> {
        let fault = |cause: io::Error| {
            Fault::machine(
                "lock memory for a secret",
                format!("{cause}. Raise the limit of locked memory (ulimit -l) to at least 64 KiB"),
            )
        };
        // SAFETY: a fresh private mapping; nothing else refers to it.
        let start = unsafe {
            mmap_anonymous(std::ptr::null_mut(), capacity, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        let start = start.map_err(|e| fault(e.into()))?;
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(|| fault(io::ErrorKind::OutOfMemory.into()))?;
        let buffer = Self { start, capacity, length: 0 };
        // SAFETY: address and length are those of the mapping above; dropping `buffer` on an error unmaps it.
        unsafe {
            mlock(start.as_ptr().cast(), capacity).map_err(|e| fault(e.into()))?;
            madvise(start.as_ptr().cast(), capacity, Advice::LinuxDontDump).map_err(|e| fault(e.into()))?;
            madvise(start.as_ptr().cast(), capacity, Advice::LinuxWipeOnFork).map_err(|e| fault(e.into()))?;
        }
        Ok(buffer)
    }

    /// The bytes that are held.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is readable, initialised (anonymous memory is zero) and `length <= capacity`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// The bytes that are held, to be changed in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` is the only way here.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }

    /// The room after the held bytes.
    pub(crate) fn spare_mut(&mut self) -> &mut [u8] {
        // SAFETY: inside the mapping, since `length <= capacity`.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr().add(self.length), self.capacity - self.length) }
    }

    /// Counts the first `count` spare bytes as held; as many as there are.
    pub(crate) fn grow(&mut self, count: usize) {
        self.length = self.length.saturating_add(count).min(self.capacity);
    }

    /// Forgets everything after the first `length` bytes, wiping it.
    pub(crate) fn truncate(&mut self, length: usize) {
        if length < self.length {
            self.bytes_mut()[length..].zeroize();
            self.length = length;
        }
    }
}

impl Drop for LockedBytes {
    fn drop(&mut self) {
        self.length = self.capacity;
        self.bytes_mut().zeroize();
        // SAFETY: the mapping is ours and nothing refers to it any more. Unmapping also unlocks; it cannot fail on a whole mapping.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.capacity) };
    }
}

/// Does `work` further down the stack, and wipes that part of it afterwards: also what the frames of `work` itself held, and every
/// place through which a secret was moved in them. What it returns must be no secret, or hold it in locked memory.
pub(crate) fn apart<R>(work: impl FnOnce() -> R) -> R {
    #[inline(never)]
    fn below<R>(work: impl FnOnce() -> R) -> R {
        work()
    }
    let done = below(work);
    wipe_stack();
    done
}

/// Overwrites what computing with a secret left below the caller on the stack: the crates wipe their values, not the places that
/// those passed through. Best effort, since nobody promises where a compiler keeps a copy.
#[inline(never)]
pub(crate) fn wipe_stack() {
    let mut room = [0u64; 8 << 10];
    room.zeroize();
    std::hint::black_box(&room);
}
