//! Faults on demand: each place of the runtime where something may not be had asks here first, so that tests can
//! have it fail. Without the feature `faults` it never does, and costs nothing.

/// A place where something may not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The stack that a thread's guests run on.
    GuestStack,
    /// A thread's store and its scratch memory.
    Store,
    /// A thread's stack for signal handlers.
    SignalStack,
    /// The timer that interrupts a thread's guests.
    Timer,
    /// The stack for compiling at the first call.
    CompilerStack,
    /// Address space of a memory.
    MemoryReservation,
    /// Pages of a memory, at first or when it grows.
    MemoryPages,
    /// A file of data segments, and its pages in a memory.
    DataImage,
    /// Elements of a new table.
    TableElements,
    /// More elements of a table.
    TableGrowth,
    /// The context of an instance.
    InstanceContext,
    /// An exception and its values.
    Exception,
    /// Numbers for functions of an instance.
    FunctionNumbers,
    /// Address space of an arena of code, or of an image.
    CodeReservation,
    /// Pages of an arena of code.
    CodePages,
    /// An image's file, mapped.
    ImagePages,
    /// What finds functions by their addresses.
    CodeRegistration,
    /// A thread that compiles in the background.
    CompileThread,
}

#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn check(_: Site) -> std::io::Result<()> {
    Ok(())
}

#[cfg(feature = "faults")]
pub use armed::{NAMES, check, inject, met};

#[cfg(feature = "faults")]
mod armed {
    use super::Site;
    use std::io;
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

    /// In the order of [`Site`].
    pub const NAMES: [&str; 18] = [
        "GuestStack",
        "Store",
        "SignalStack",
        "Timer",
        "CompilerStack",
        "MemoryReservation",
        "MemoryPages",
        "DataImage",
        "TableElements",
        "TableGrowth",
        "InstanceContext",
        "Exception",
        "FunctionNumbers",
        "CodeReservation",
        "CodePages",
        "ImagePages",
        "CodeRegistration",
        "CompileThread",
    ];

    /// How often each site was met.
    static MET: [AtomicUsize; NAMES.len()] = [const { AtomicUsize::new(0) }; NAMES.len()];
    /// How often each one still succeeds before it fails; negative if it does not fail.
    static UNTIL: [AtomicI64; NAMES.len()] = [const { AtomicI64::new(i64::MIN) }; NAMES.len()];
    /// How often it then fails in a row.
    static TIMES: [AtomicI64; NAMES.len()] = [const { AtomicI64::new(0) }; NAMES.len()];

    /// Does `site` have what it wants?
    pub fn check(site: Site) -> io::Result<()> {
        let site = site as usize;
        MET[site].fetch_add(1, Relaxed);
        let until = UNTIL[site].load(Relaxed);
        if until == i64::MIN {
            return Ok(());
        }
        UNTIL[site].store(until - 1, Relaxed);
        if until > 0 || -until >= TIMES[site].load(Relaxed) {
            return Ok(());
        }
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    }

    /// Has a site fail `times` times in a row after it has succeeded `after` times.
    pub fn inject(site: usize, after: i64, times: i64) {
        if let (Some(until), Some(count)) = (UNTIL.get(site), TIMES.get(site)) {
            count.store(times, Relaxed);
            until.store(if times > 0 { after } else { i64::MIN }, Relaxed);
        }
    }

    /// How often a site was met so far.
    pub fn met(site: usize) -> usize {
        MET.get(site).map_or(0, |met| met.load(Relaxed))
    }
}
