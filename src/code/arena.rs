//! Memory for code, which is added to while other threads run what is there already.
//!
//! The same pages are mapped twice: once to be written and once to be executed. No address is ever
//! both, and adding a function changes no protection.

use super::lookup::{CHUNK, CodeRange, PlacedFunction, Registration};
use crate::compiler::CompiledFunction;
use crate::compiler::Compiler;
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{Module as _, ModuleError, ModuleResult, default_libcall_names};
use region::{Allocation, Protection};
use std::io;

/// Alignment of every function, at least.
pub const ALIGN: usize = 32;

/// One mapping of code, filled from its start through Cranelift's `JITModule`.
pub struct Arena {
    jit: JITModule,
    /// From where code is written to where it is executed.
    distance: usize,
    // Unregistered before the code is unmapped: fields drop in this order.
    registration: Registration,
    /// Never read: keeps the code mapped.
    _mapping: DoubleMapping,
}

impl Arena {
    /// An arena with room for `size` bytes of code.
    pub fn new(compiler: &Compiler, size: usize) -> io::Result<Self> {
        let size = size.max(1).next_multiple_of(CHUNK);
        let mapping = DoubleMapping::new(size)?;
        let start = mapping.executable();
        let registration = Registration::new(CodeRange::new(start..start + size, size / ALIGN))
            .ok_or_else(|| io::Error::other("no room to register it"))?;
        let mut builder = JITBuilder::with_isa(compiler.target(), default_libcall_names());
        builder.memory_provider(Box::new(Provider {
            next: mapping.writable(),
            end: mapping.writable() + size,
        }));
        Ok(Self {
            jit: JITModule::new(builder),
            distance: start.wrapping_sub(mapping.writable()),
            registration,
            _mapping: mapping,
        })
    }

    /// Copies a function in and makes it findable; where it lies. `None` if there is no room.
    pub fn place(
        &mut self,
        function: &CompiledFunction,
    ) -> Result<Option<*const u8>, Box<ModuleError>> {
        let signature = self.jit.make_signature();
        let id = self.jit.declare_anonymous_function(&signature)?;
        let align = u64::from(function.align).max(ALIGN as u64);
        match self
            .jit
            .define_function_bytes(id, align, &function.code, &[])
        {
            Err(ModuleError::Allocation { .. }) => return Ok(None),
            other => other?,
        }
        self.jit.finalize_definitions()?;
        let address = self
            .jit
            .get_finalized_function(id)
            .wrapping_add(self.distance);
        self.registration.add(PlacedFunction {
            code: address as usize..address as usize + function.code.len(),
            traps: function.traps.clone().into_boxed_slice(),
        });
        Ok(Some(address))
    }
}

/// Hands out writable addresses, from the first to the last.
struct Provider {
    next: usize,
    end: usize,
}

impl JITMemoryProvider for Provider {
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
        // The arena frees its mapping itself.
    }

    fn finalize(&mut self, _: BranchProtection) -> ModuleResult<()> {
        Ok(())
    }
}

/// The same pages at two places.
struct DoubleMapping {
    writable: Allocation,
    executable: Allocation,
    /// Start of the executable part, a multiple of [`CHUNK`].
    start: usize,
}

// SAFETY: a mapping belongs to no thread; whoever owns it may write to it and unmap it.
unsafe impl Send for DoubleMapping {}

impl DoubleMapping {
    /// `size` is a multiple of the page size.
    fn new(size: usize) -> io::Result<Self> {
        let reserve = |size| region::alloc(size, Protection::NONE).map_err(io::Error::other);
        let mut writable = reserve(size)?;
        let mut executable = reserve(size + CHUNK)?;
        let start = (executable.as_ptr::<u8>() as usize).next_multiple_of(CHUNK);
        let skipped = start - executable.as_ptr::<u8>() as usize;
        let to_write = writable.as_mut_ptr::<u8>();
        let to_execute = executable.as_mut_ptr::<u8>().wrapping_add(skipped);
        // SAFETY: both places are reserved for this mapping alone, `size` bytes at least.
        unsafe { crate::arch::map_twice(to_write, to_execute, size) }?;
        Ok(Self {
            writable,
            executable,
            start,
        })
    }

    /// Where the pages can be written.
    fn writable(&self) -> usize {
        self.writable.as_ptr::<u8>() as usize
    }

    /// Where the pages can be executed.
    fn executable(&self) -> usize {
        debug_assert!(self.start >= self.executable.as_ptr::<u8>() as usize);
        self.start
    }
}
