//! Stacks of our own: the one that guests run on, and the compiler's.

use super::fault::{self, Site};
use region::{Allocation, Protection};
use std::sync::OnceLock;

/// Bytes that guest frames may use on a thread. For tests, `WRT_GUEST_STACK` says how many.
pub fn size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = std::env::var("WRT_GUEST_STACK").ok();
        let size = size.and_then(|size| size.parse().ok());
        size.map_or(8 << 20, |size: usize| {
            size.clamp(64 << 10, 1 << 30)
                .next_multiple_of(region::page::size())
        })
    })
}
/// What is kept below them for signal handlers that run on the current stack (libuv's do) and for
/// runtime functions.
pub const RESERVE: usize = 64 << 10;

/// A stack with an inaccessible page below it. Pages are taken as they are used.
pub struct GuestStack {
    mapping: Allocation,
}

impl GuestStack {
    /// A stack for `size` bytes of frames.
    pub fn new(size: usize, site: Site) -> region::Result<Self> {
        fault::check(site).map_err(|_| region::Error::SystemCall(libc::ENOMEM))?;
        let page = region::page::size();
        let mut mapping = region::alloc(page + RESERVE + size, Protection::NONE)?;
        let low = mapping.as_mut_ptr::<u8>().wrapping_add(page);
        // SAFETY: the pages after the first of a mapping that is ours alone.
        unsafe { region::protect(low, RESERVE + size, Protection::READ_WRITE) }?;
        Ok(Self { mapping })
    }

    /// Lowest address that may be written.
    pub fn start(&self) -> usize {
        self.mapping.as_ptr::<u8>() as usize + region::page::size()
    }

    /// Lowest address that guest frames may reach.
    pub fn limit(&self) -> usize {
        self.start() + RESERVE
    }

    /// One past the highest address.
    pub fn top(&self) -> usize {
        self.mapping.as_ptr::<u8>() as usize + self.mapping.len()
    }
}
