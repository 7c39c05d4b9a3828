//! Address space of the process: how it is had, and how much of it may be reserved.

use std::io;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes in reservations, and their number, in the whole process.
static RESERVED: AtomicUsize = AtomicUsize::new(0);
static RESERVATIONS: AtomicUsize = AtomicUsize::new(0);

/// How much of both there may be, so that something is left for all others.
pub struct Budget {
    bytes: usize,
    reservations: usize,
}

/// Of 128 TiB that a process has.
const MOST_BYTES: usize = 118 << 40;
const MOST_RESERVATIONS: usize = 20_000;

impl Budget {
    fn get() -> &'static Self {
        static BUDGET: OnceLock<Budget> = OnceLock::new();
        BUDGET.get_or_init(|| {
            let mut limit = libc::rlimit {
                rlim_cur: libc::RLIM_INFINITY,
                rlim_max: libc::RLIM_INFINITY,
            };
            // SAFETY: writes the structure, or fails and leaves it.
            unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) };
            let bytes = match limit.rlim_cur {
                libc::RLIM_INFINITY => MOST_BYTES,
                limit => (limit / 4) as usize,
            };
            // A reservation takes two mappings, one of them accessible.
            let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
            let mappings = mappings.and_then(|text| text.trim().parse().ok());
            Self {
                bytes: bytes.min(MOST_BYTES),
                reservations: MOST_RESERVATIONS.min(mappings.unwrap_or(65_530) / 3),
            }
        })
    }

    /// Takes a reservation of `size` bytes from the budget: is it within?
    pub fn take(size: usize) -> bool {
        let budget = Self::get();
        let bytes = RESERVED.fetch_add(size, Relaxed) + size;
        let reservations = RESERVATIONS.fetch_add(1, Relaxed) + 1;
        let within = bytes <= budget.bytes && reservations <= budget.reservations;
        if !within {
            Self::give_back(size);
        }
        within
    }

    /// Gives back what was taken.
    pub fn give_back(size: usize) {
        RESERVED.fetch_sub(size, Relaxed);
        RESERVATIONS.fetch_sub(1, Relaxed);
    }
}

/// Maps `size` bytes of zeros.
pub fn map(size: usize, protection: libc::c_int) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, wherever the system has room for it.
    let base = unsafe { libc::mmap(null_mut(), size, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(base.cast())
}

/// Bytes of address space that the process has taken.
pub fn size() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
    pages.unwrap_or(0).saturating_mul(region::page::size())
}

/// Are all addresses from `start` to `end` taken, and those from `accessible` on out of everybody's reach?
pub fn is_reserved(start: usize, accessible: usize, end: usize) -> bool {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else {
        return false;
    };
    let mut at = start;
    for line in maps.lines() {
        let mut words = line.split(' ');
        let range = words.next().and_then(|range| range.split_once('-'));
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let Some((from, to)) = range.and_then(|(a, b)| Some((number(a)?, number(b)?))) else {
            return false;
        };
        if to <= at {
            continue;
        }
        let is_closed = words.next().is_some_and(|access| access.starts_with("---"));
        if from > at || (to > accessible && !is_closed) {
            return false;
        }
        at = to;
        if at >= end {
            return true;
        }
    }
    false
}
