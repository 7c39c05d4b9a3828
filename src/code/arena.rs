//! Memory for the code of one module: one mapping, filled through Cranelift's `JITModule`, writable
//! first and executable afterwards, never both.

use super::lookup::CHUNK;
use cranelift_jit::{BranchProtection, JITMemoryKind, JITMemoryProvider};
use cranelift_module::{ModuleError, ModuleResult};
use region::{Allocation, Protection};
use std::io;

/// A mapping that starts at a multiple of [`CHUNK`].
pub struct Arena {
    mapping: Allocation,
    start: usize,
    size: usize,
}

impl Arena {
    /// An arena of `size` bytes, inaccessible until it is filled.
    pub fn new(size: usize) -> region::Result<Self> {
        let size = size.max(1).next_multiple_of(region::page::size());
        let mapping = region::alloc(size + CHUNK, Protection::READ_WRITE)?;
        let start = (mapping.as_ptr::<u8>() as usize).next_multiple_of(CHUNK);
        Ok(Self {
            mapping,
            start,
            size,
        })
    }

    pub fn start(&self) -> usize {
        self.start
    }

    pub fn end(&self) -> usize {
        self.start + self.size
    }

    /// Bytes that it takes, alignment included.
    pub fn size(&self) -> usize {
        self.mapping.len()
    }

    /// What `JITModule` allocates from. It must not outlive the arena.
    pub fn provider(&self) -> ArenaProvider {
        debug_assert!(self.end() <= self.mapping.as_ptr::<u8>() as usize + self.mapping.len());
        ArenaProvider {
            start: self.start,
            next: self.start,
            end: self.end(),
        }
    }
}

/// Hands out an [`Arena`] from its start on.
pub struct ArenaProvider {
    start: usize,
    next: usize,
    end: usize,
}

impl JITMemoryProvider for ArenaProvider {
    fn allocate(&mut self, size: usize, align: u64, kind: JITMemoryKind) -> io::Result<*mut u8> {
        // Guest code refers to nothing outside itself, so there is no data to place.
        if !matches!(kind, JITMemoryKind::Executable) {
            return Err(io::Error::other("code arenas hold code only"));
        }
        let at = self.next.next_multiple_of(align.max(1) as usize);
        match at.checked_add(size) {
            Some(end) if end <= self.end => {
                self.next = end;
                Ok(at as *mut u8)
            }
            _ => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    unsafe fn free_memory(&mut self) {
        // The arena frees itself.
    }

    fn finalize(&mut self, _: BranchProtection) -> ModuleResult<()> {
        // SAFETY: start..end is the arena, which only this module's code occupies; no code runs there yet.
        unsafe {
            region::protect(
                self.start as *const u8,
                self.end - self.start,
                Protection::READ_EXECUTE,
            )
        }
        .map_err(|e| ModuleError::Allocation {
            err: io::Error::other(e),
        })
    }
}
