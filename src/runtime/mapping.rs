//! Reservations of address space with an accessible prefix: what memories lie in.

use super::account::Account;
use super::fault::{self, Site};
use super::limits::{MEMORY_BYTES, Share};
use std::cell::Cell;
use std::io;
use std::ptr::null_mut;

/// A reservation. It can outlive its memory: whoever shows its bytes keeps it mapped.
#[derive(Debug)]
pub struct Mapping {
    base: *mut u8,
    reserved: Cell<usize>,
    accessible: Cell<usize>,
    /// The accessible bytes, as they count for the process.
    share: Share,
    discarded: Cell<bool>,
}

impl Mapping {
    /// Reserves `size` bytes, a multiple of the page size; none of them is accessible.
    pub fn new(size: usize) -> io::Result<Self> {
        fault::check(Site::MemoryReservation)?;
        let share = Share::new(&MEMORY_BYTES, 0).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, wherever the system has room for it.
        let base = unsafe { libc::mmap(null_mut(), size, libc::PROT_NONE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Account::update(|account| {
            account.memories += 1;
            account.reserved += size;
        });
        Ok(Self {
            base: base.cast(),
            reserved: Cell::new(size),
            accessible: Cell::new(0),
            share,
            discarded: Cell::new(false),
        })
    }

    /// First byte. Valid while the mapping lives.
    pub fn base(&self) -> *mut u8 {
        self.base
    }

    /// Makes the first `size` bytes accessible, a multiple of the page size; new ones are zero.
    pub fn extend(&self, size: usize) -> io::Result<()> {
        let before = self.accessible.get();
        if size > self.reserved.get() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if size <= before {
            return Ok(());
        }
        fault::check(Site::MemoryPages)?;
        if !self.share.extend(size - before) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let start = self.base.wrapping_add(before).cast();
        // SAFETY: pages of this mapping, by the check above.
        if unsafe { libc::mprotect(start, size - before, protection) } != 0 {
            let error = io::Error::last_os_error();
            self.share.release(size - before);
            return Err(error);
        }
        self.accessible.set(size);
        Account::update(|account| account.bytes += size - before);
        Ok(())
    }

    /// Gives the address space behind the accessible prefix back. Nothing of it may be used any more: no
    /// guest can reach the memory, and none will grow it.
    pub fn trim(&self) {
        let (reserved, accessible) = (self.reserved.get(), self.accessible.get());
        let tail = self.base.wrapping_add(accessible).cast();
        // SAFETY: the end of this mapping, which nobody uses by the above. A failure leaves it as it is.
        if reserved > accessible && unsafe { libc::munmap(tail, reserved - accessible) } == 0 {
            self.reserved.set(accessible);
            Account::update(|account| account.reserved -= reserved - accessible);
        }
    }

    /// Gives back all that can be given back while the accessible prefix stays mapped: for a host that
    /// believes that nobody reads it any more but has yet to be told so. Whoever does reads zeros.
    pub fn discard(&self) {
        self.trim();
        if self.discarded.replace(true) {
            return;
        }
        let accessible = self.accessible.get();
        if accessible > 0 {
            // SAFETY: a part of this mapping, which keeps its protection. A failure leaves it as it is.
            unsafe { libc::madvise(self.base.cast(), accessible, libc::MADV_DONTNEED) };
        }
        self.share.release(accessible);
        Account::update(|account| {
            account.memories -= 1;
            account.bytes -= accessible;
        });
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.discarded.get() {
            Account::update(|account| {
                account.memories -= 1;
                account.bytes -= self.accessible.get();
            });
        }
        let reserved = self.reserved.get();
        if reserved > 0 {
            // SAFETY: what is left of the mapping, and nobody refers to it any more.
            unsafe { libc::munmap(self.base.cast(), reserved) };
            Account::update(|account| account.reserved -= reserved);
        }
    }
}
