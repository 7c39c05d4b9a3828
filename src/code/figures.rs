//! What compiling costs this process: figures for users who want to know why a start is slow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A way in which code came to be.
#[derive(Debug)]
pub struct Figure {
    functions: AtomicU64,
    nanoseconds: AtomicU64,
}

/// Compiled by the guest's thread, at a first call.
pub static ON_DEMAND: Figure = Figure::new();
/// Compiled in the background before a call.
pub static AHEAD: Figure = Figure::new();
/// Compiled for good, in the background.
pub static IMPROVED: Figure = Figure::new();
/// Taken from images; the time is that of checking them.
pub static FROM_IMAGES: Figure = Figure::new();
/// Decoding and validating; here the number is that of modules.
pub static DECODED: Figure = Figure::new();

impl Figure {
    const fn new() -> Self {
        Self {
            functions: AtomicU64::new(0),
            nanoseconds: AtomicU64::new(0),
        }
    }

    /// Adds what took the time since `start`.
    pub fn add(&self, functions: usize, start: Instant) {
        let nanoseconds = start.elapsed().as_nanos() as u64;
        self.functions
            .fetch_add(functions as u64, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Number, and time of all threads together.
    pub fn get(&self) -> (u64, Duration) {
        let nanoseconds = self.nanoseconds.load(Ordering::Relaxed);
        (
            self.functions.load(Ordering::Relaxed),
            Duration::from_nanos(nanoseconds),
        )
    }
}
