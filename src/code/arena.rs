//! Memory for code, which is added to while other threads run what is there already.
//!
//! The same pages are mapped twice: once to be written and once to be executed. No address is ever
//! both, and adding a function changes no protection.

use super::lookup::{CodeRange, PlacedFunction, Registration};
use super::mapping::{Executable, Writable};
use crate::compiler::CompiledFunction;
use crate::compiler::Compiler;
use crate::runtime::limits::{Resource, Share};
use cranelift_jit::{BranchProtection, JITBuilder, JITMemoryKind, JITMemoryProvider, JITModule};
use cranelift_module::{Module as _, ModuleError, ModuleResult, default_libcall_names};
use std::borrow::Cow;
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
    executable: Executable,
    /// The bytes of its functions, as they count for the process.
    share: Share,
    /// What `jit` writes to, and how many bytes of it have code.
    writable: Writable,
    filled: usize,
}

impl Arena {
    /// An arena with room for `size` bytes of code.
    pub fn new(compiler: &Compiler, size: usize) -> io::Result<Self> {
        let size = size.max(1).next_multiple_of(region::page::size());
        let share = Share::new(Resource::CodeBytes, 0).ok_or(io::ErrorKind::OutOfMemory)?;
        let (executable, writable) = Executable::with_writable(size)?;
        let start = executable.start();
        let registration = CodeRange::new(start..start + size, size / ALIGN)
            .and_then(Registration::new)
            .ok_or_else(|| io::Error::other("no room to register it"))?;
        let mut builder = JITBuilder::with_isa(compiler.target(), default_libcall_names());
        builder.memory_provider(Box::new(Provider {
            next: writable.start(),
            end: writable.start() + size,
        }));
        Ok(Self {
            jit: JITModule::new(builder),
            distance: start.wrapping_sub(writable.start()),
            registration,
            executable,
            share,
            writable,
            filled: 0,
        })
    }

    /// Says which module the code belongs to.
    pub fn set_module(&self, number: u32) {
        self.registration.set_module(number);
    }

    /// Bytes of address space that it takes.
    pub fn size(&self) -> usize {
        2 * self.executable.size()
    }

    /// Copies a function in and makes it findable; where it lies. `None` if there is no room.
    pub fn place(
        &mut self,
        function: &CompiledFunction,
    ) -> Result<Option<*const u8>, Box<ModuleError>> {
        if !self.share.extend(function.code.len()) {
            let source = io::Error::other("the limit of code is reached");
            return Err(Box::new(ModuleError::Allocation { err: source }));
        }
        let signature = self.jit.make_signature();
        let id = self.jit.declare_anonymous_function(&signature)?;
        let align = u64::from(function.align).max(ALIGN as u64);
        let code = match function.shift as usize {
            0 => Cow::Borrowed(&*function.code),
            shift => Cow::Owned([&vec![0xcc; shift], &*function.code].concat()),
        };
        let end = self.filled.next_multiple_of(align as usize) + code.len();
        self.writable.prepare(end);
        match self.jit.define_function_bytes(id, align, &code, &[]) {
            Err(ModuleError::Allocation { .. }) => {
                self.share.release(function.code.len());
                return Ok(None);
            }
            other => other?,
        }
        self.jit.finalize_definitions()?;
        self.filled = end;
        let address = self
            .jit
            .get_finalized_function(id)
            .wrapping_add(self.distance + function.shift as usize);
        self.registration.add(PlacedFunction {
            code: address as usize..address as usize + function.code.len(),
            traps: function.traps.clone().into_boxed_slice(),
            handlers: function.handlers.clone().into_boxed_slice(),
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
