//! Linear memories.
//!
//! A memory is a reservation of address space with an accessible prefix. The base never moves: growth
//! makes more of the reservation accessible, so pointers in generated code and in ArrayBuffers stay
//! valid. The reservation covers every address that a 32-bit index and a constant offset below 2 GiB
//! can make, so such accesses need no check: beyond the prefix they fault, and the fault is the trap.

use super::mapping::Mapping;
use super::vm::VMMemory;
use crate::module::{Limits, MemoryType};
use std::cell::UnsafeCell;
use std::io;
use std::rc::Rc;

/// Bytes of a page of WebAssembly.
pub const PAGE: usize = 1 << 16;
/// Most pages of a 32-bit memory.
pub const MAX_PAGES: u32 = 1 << 16;
/// 4 GiB of index, 2 GiB of constant offset, and a page for accesses that straddle the end.
const RESERVATION: usize = (6 << 30) + PAGE;

/// A linear memory, shared by all instances that import it and by JavaScript.
pub struct Memory {
    definition: UnsafeCell<VMMemory>,
    limits: Limits,
    mapping: Rc<Mapping>,
}

impl Memory {
    /// A zero-filled memory of `ty`'s minimum; an error if the address space or the memory is out.
    pub fn new(ty: MemoryType) -> io::Result<Self> {
        let limits = ty.limits;
        let mapping = Mapping::new(RESERVATION)?;
        let base = mapping.base();
        let length = limits.min.min(MAX_PAGES) as usize * PAGE;
        mapping.extend(length)?;
        Ok(Self {
            definition: UnsafeCell::new(VMMemory { base, length }),
            limits,
            mapping: Rc::new(mapping),
        })
    }

    /// Where it lies: for those that show its bytes after it is gone.
    pub fn mapping(&self) -> &Rc<Mapping> {
        &self.mapping
    }

    /// First byte. Valid while the memory lives.
    pub fn base(&self) -> *mut u8 {
        self.mapping.base()
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: written by `grow` alone, on the thread that owns the memory.
        unsafe { (*self.definition.get()).length }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in pages.
    pub fn pages(&self) -> u32 {
        (self.len() / PAGE) as u32
    }

    /// The declared maximum, in pages.
    pub fn maximum(&self) -> Option<u32> {
        self.limits.max
    }

    /// Grows by `delta` pages in place; the size before in pages, or `None` if the maximum or the
    /// system forbids it.
    pub fn grow(&self, delta: u32) -> Option<u32> {
        let before = self.pages();
        let after = before.checked_add(delta)?;
        if after > self.limits.max.unwrap_or(MAX_PAGES).min(MAX_PAGES) {
            return None;
        }
        if delta > 0 {
            self.mapping.extend(after as usize * PAGE).ok()?;
            // SAFETY: only the owning thread is here, and no reference to the definition lives.
            unsafe { (*self.definition.get()).length = after as usize * PAGE };
        }
        Some(before)
    }

    pub(super) fn definition(&self) -> *mut VMMemory {
        self.definition.get()
    }

    /// The range `start..start + len` if it is inside.
    fn range(&self, start: u32, len: u32) -> Option<*mut u8> {
        let end = start as usize + len as usize;
        (end <= self.len()).then(|| self.base().wrapping_add(start as usize))
    }

    /// `memory.fill`; `None` if out of bounds, and then nothing is written.
    pub fn fill(&self, to: u32, value: u8, len: u32) -> Option<()> {
        let to = self.range(to, len)?;
        // SAFETY: inside the accessible prefix.
        unsafe { to.write_bytes(value, len as usize) };
        Some(())
    }

    /// `memory.copy` from `source`; `None` if out of bounds, and then nothing is written.
    pub fn copy(&self, to: u32, source: &Memory, from: u32, len: u32) -> Option<()> {
        let (to, from) = (self.range(to, len)?, source.range(from, len)?);
        // SAFETY: both inside accessible prefixes; they may overlap.
        unsafe { to.copy_from(from, len as usize) };
        Some(())
    }

    /// `memory.init` with `bytes[from..from + len]`; `None` if out of bounds, and then nothing is written.
    pub fn init(&self, to: u32, bytes: &[u8], from: u32, len: u32) -> Option<()> {
        let bytes = bytes.get(from as usize..from as usize + len as usize)?;
        let to = self.range(to, len)?;
        // SAFETY: the target is inside the accessible prefix; a module's bytes are not guest memory.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Some(())
    }
}
