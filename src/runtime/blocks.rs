//! Small pieces of address space, cut from large ones: a mapping each would exhaust what the system allows a process
//! (65,530 mappings by default).

use super::address_space::map;
use std::io;
use std::sync::{Mutex, PoisonError};

/// Sizes of blocks: from 64 KiB on, doubled each.
const SMALLEST: usize = 64 << 10;
const CLASSES: usize = 5;
/// What is taken from the system at once, if it has that much.
const SLAB: usize = 16 << 20;

/// The blocks of a size.
struct Class {
    free: Vec<usize>,
    /// What is left of the last slab.
    next: usize,
    end: usize,
}

static POOL: Mutex<[Class; CLASSES]> = Mutex::new(
    [const {
        Class {
            free: Vec::new(),
            next: 0,
            end: 0,
        }
    }; CLASSES],
);

/// The size of the block that has room for `size` bytes, and its class; `None` if it is no matter of blocks.
fn class_of(size: usize) -> Option<(usize, usize)> {
    (0..CLASSES)
        .map(|class| (SMALLEST << class, class))
        .find(|(block, _)| size <= *block)
}

/// A block of zeros for `size` bytes, and its size; `None` if it is no matter of blocks.
pub fn take(size: usize) -> Option<io::Result<(*mut u8, usize)>> {
    let (block, class) = class_of(size)?;
    // The pool is whole between any two of its operations.
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let class = &mut pool[class];
    if let Some(start) = class.free.pop() {
        return Some(Ok((std::ptr::with_exposed_provenance_mut(start), block)));
    }
    if class.next == class.end {
        let mut size = SLAB;
        let start = loop {
            match map(size, libc::PROT_READ | libc::PROT_WRITE) {
                Ok(start) => break start,
                Err(_) if size > block => size /= 2,
                Err(error) => return Some(Err(error)),
            }
        };
        // SAFETY: a mapping of ours; the advice, which may be refused, is that touching a block must not fill others.
        unsafe { libc::madvise(start.cast(), size, libc::MADV_NOHUGEPAGE) };
        class.next = start.expose_provenance();
        class.end = class.next + size;
    }
    let start = class.next;
    class.next += block;
    Some(Ok((std::ptr::with_exposed_provenance_mut(start), block)))
}

/// Gives back a block that [`take`] has handed out, of this size.
///
/// # Safety
/// Nobody uses it any more.
pub unsafe fn give_back(start: *mut u8, block: usize) {
    let Some((_, class)) = class_of(block) else {
        return;
    };
    // SAFETY: pages of a block that nobody uses. They read as zeros afterwards.
    if unsafe { libc::madvise(start.cast(), block, libc::MADV_DONTNEED) } != 0 {
        // Never for such pages. It would be lost, which is safe.
        return;
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    pool[class].free.push(start.expose_provenance());
}
