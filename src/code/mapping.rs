//! Memory that code runs in: pages mapped twice to be filled while code runs, or an image's file.

use super::lookup::CHUNK;
use crate::runtime::fault::{self, Site};
use region::{Allocation, Protection};
use std::fs::File;
use std::io;

/// Pages that can be executed and read, from a multiple of [`CHUNK`] on.
pub struct Executable {
    mapping: Allocation,
    start: usize,
    size: usize,
}

/// Where [`Executable`] pages can be written.
pub struct Writable {
    mapping: Allocation,
    size: usize,
    /// So many bytes have their pages, or take them one by one.
    ready: usize,
}

// SAFETY: a mapping belongs to no thread; whoever owns it may read and unmap it.
unsafe impl Send for Executable {}
// SAFETY: as above; it is never written through this.
unsafe impl Sync for Executable {}
// SAFETY: as above; whoever owns it may write to it.
unsafe impl Send for Writable {}

fn reserve(size: usize) -> io::Result<Allocation> {
    fault::check(Site::CodeReservation)?;
    region::alloc(size, Protection::NONE).map_err(io::Error::other)
}

impl Executable {
    /// Address space for `size` bytes, with nothing in it.
    fn reserve(size: usize) -> io::Result<Self> {
        let size = size.max(1).next_multiple_of(region::page::size());
        let mapping = reserve(size + CHUNK)?;
        let start = (mapping.as_ptr::<u8>() as usize).next_multiple_of(CHUNK);
        Ok(Self {
            mapping,
            start,
            size,
        })
    }

    /// The same fresh pages at two places.
    pub fn with_writable(size: usize) -> io::Result<(Self, Writable)> {
        let executable = Self::reserve(size)?;
        let mut writable = reserve(executable.size)?;
        let to_write = writable.as_mut_ptr::<u8>();
        fault::check(Site::CodePages)?;
        // SAFETY: both places are reserved for this mapping alone, `size` bytes each.
        unsafe { crate::arch::map_twice(to_write, executable.place(), executable.size) }?;
        let writable = Writable {
            size: executable.size,
            mapping: writable,
            ready: CHUNK,
        };
        Ok((executable, writable))
    }

    /// A file of `size` bytes, which must never change.
    pub fn of_file(file: &File, size: usize) -> io::Result<Self> {
        let executable = Self::reserve(size)?;
        fault::check(Site::ImagePages)?;
        // SAFETY: the place is reserved for this mapping alone.
        unsafe { crate::arch::map_executable(file, executable.place(), executable.size) }?;
        Ok(executable)
    }

    /// A copy of bytes.
    pub fn of_bytes(bytes: &[u8]) -> io::Result<Self> {
        let (executable, mut writable) = Self::with_writable(bytes.len())?;
        let to = writable.mapping.as_mut_ptr::<u8>();
        // SAFETY: the mapping is at least as long as the bytes and new, so it does not overlap them.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(executable)
    }

    fn place(&self) -> *mut u8 {
        let skipped = self.start - self.mapping.as_ptr::<u8>() as usize;
        self.mapping.as_ptr::<u8>().cast_mut().wrapping_add(skipped)
    }

    /// Address of the first byte.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Bytes that are mapped.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The first `len` bytes, of a mapping that nobody writes to any more.
    pub fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: mapped and readable while `self` lives.
        unsafe { std::slice::from_raw_parts(self.place(), len.min(self.size)) }
    }
}

impl Writable {
    /// Address of the first byte.
    pub fn start(&self) -> usize {
        self.mapping.as_ptr::<u8>() as usize
    }

    /// Has pages taken for the first `used` bytes, which are about to be written. After the first ones that is many at a
    /// time: a page that is taken alone is a fault where it is written and another where it is executed.
    pub fn prepare(&mut self, used: usize) {
        if used > self.ready && used <= self.size {
            let end = used.next_multiple_of(CHUNK).min(self.size);
            let pages = self.mapping.as_mut_ptr::<u8>().wrapping_add(self.ready);
            let size = end - self.ready;
            // SAFETY: pages of this mapping, whose contents stay. If the system will not, they come one by one.
            unsafe { libc::madvise(pages.cast(), size, libc::MADV_POPULATE_WRITE) };
            self.ready = end;
        }
    }
}
