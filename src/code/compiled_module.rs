//! A module with its code, shared by all its instances and by all threads.

use super::arena::Arena;
use super::lookup::{CodeRange, Registration};
use crate::compiler::{CompiledFunction, Compiler, TrapSite};
use crate::module::{DecodeError, Module};
use crate::runtime::vm::{CodeSlot, VMOffsets};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Module as _, default_libcall_names};
use rayon::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why a module could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The bytes are malformed or invalid.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A function is beyond what the compiler can do.
    #[error("Compiling function #{index} failed: {message} @+{offset}")]
    Function {
        index: u32,
        message: String,
        offset: usize,
    },
    /// The code could not be placed.
    #[error("could not allocate memory for code: {0}")]
    Memory(String),
    /// This machine cannot run compiled code.
    #[error("{0}")]
    Machine(String),
}

/// A decoded module, its code and its code table.
pub struct CompiledModule {
    module: Module,
    offsets: VMOffsets,
    /// Code of the defined functions, then the host adapters, one a function import.
    code_table: Box<[CodeSlot]>,
    /// Entry trampolines by type index, null where no function of the type has a reference.
    entries: Box<[*const u8]>,
    // Unregistered before the code is unmapped: fields drop in this order.
    _registration: Registration,
    arena: Arena,
}

// SAFETY: `entries` points into the arena, which the module owns and nobody writes to any more.
unsafe impl Send for CompiledModule {}
// SAFETY: as above; the code table is atomic.
unsafe impl Sync for CompiledModule {}

/// A piece of code to compile, and which place it fills.
#[derive(Clone, Copy)]
enum Unit {
    /// Defined function, counted without imports.
    Function(u32),
    /// Adapter of a function import.
    HostAdapter(u32),
    /// Entry trampoline of a type.
    Entry(u32),
}

impl CompiledModule {
    /// Decodes, validates and compiles `bytes`, on all cores.
    pub fn new(bytes: Vec<u8>) -> Result<Arc<Self>, CompileError> {
        let compiler = Compiler::shared().map_err(|e| CompileError::Machine(e.to_string()))?;
        let module = Module::decode(bytes)?;
        let offsets = VMOffsets::new(&module);
        let units = units(&module);
        let compiled = units
            .par_iter()
            .map(|unit| compile(compiler, &module, &offsets, *unit))
            .collect::<Result<Vec<_>, _>>()?;
        Self::link(compiler, module, offsets, &units, &compiled).map(Arc::new)
    }

    /// Places the code and fills the code table.
    fn link(
        compiler: &Compiler,
        module: Module,
        offsets: VMOffsets,
        units: &[Unit],
        compiled: &[CompiledFunction],
    ) -> Result<Self, CompileError> {
        let memory = |e: &dyn std::fmt::Display| CompileError::Memory(e.to_string());
        let size = compiled
            .iter()
            .map(|c| c.code.len() + c.align as usize)
            .sum();
        let arena = Arena::new(size).map_err(|e| memory(&e))?;
        let addresses = place(compiler, &arena, compiled).map_err(|e| memory(&e))?;

        let defined = module.bodies.len();
        let slots = defined + module.imported_functions as usize;
        let code_table: Box<[CodeSlot]> = (0..slots).map(|_| CodeSlot::default()).collect();
        let mut entries = vec![std::ptr::null(); module.types.len()].into_boxed_slice();
        let mut traps = Vec::new();
        for ((unit, code), address) in units.iter().zip(compiled).zip(&addresses) {
            match *unit {
                Unit::Function(i) => {
                    code_table[i as usize].store(address.cast_mut(), Ordering::Release)
                }
                Unit::HostAdapter(i) => {
                    code_table[defined + i as usize].store(address.cast_mut(), Ordering::Release)
                }
                Unit::Entry(i) => entries[i as usize] = *address,
            }
            let base = (*address as usize - arena.start()) as u32;
            traps.extend(code.traps.iter().map(|t| TrapSite {
                offset: base + t.offset,
                ..*t
            }));
        }
        traps.sort_unstable_by_key(|t| t.offset);
        let range = CodeRange {
            start: arena.start(),
            end: arena.end(),
            traps,
        };
        let registration =
            Registration::new(range).ok_or_else(|| memory(&"no room to register it"))?;
        Ok(Self {
            module,
            offsets,
            code_table,
            entries,
            _registration: registration,
            arena,
        })
    }

    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Layout of the contexts of its instances.
    pub fn offsets(&self) -> &VMOffsets {
        &self.offsets
    }

    /// Bytes of address space that its code takes.
    pub fn code_size(&self) -> usize {
        self.arena.size()
    }

    /// First slot of the code table.
    pub fn code_table(&self) -> *const CodeSlot {
        self.code_table.as_ptr()
    }

    /// Slot of the function that has index `function`: its code, or its host adapter if it is imported.
    pub fn code_slot(&self, function: u32) -> *const CodeSlot {
        let imported = self.module.imported_functions;
        let slot = match function.checked_sub(imported) {
            Some(defined) => defined as usize,
            None => self.module.bodies.len() + function as usize,
        };
        &raw const self.code_table[slot]
    }

    /// Entry trampoline of type `ty`, null if no function of that type can be referred to.
    pub fn entry(&self, ty: u32) -> *const u8 {
        self.entries[ty as usize]
    }
}

/// All code that `module` needs.
fn units(module: &Module) -> Vec<Unit> {
    let imported = module.imported_functions;
    let mut units: Vec<Unit> = (0..module.bodies.len() as u32)
        .map(Unit::Function)
        .collect();
    let mut types: Vec<u32> = Vec::new();
    for &function in &module.func_refs {
        types.push(module.functions[function as usize]);
        if function < imported {
            units.push(Unit::HostAdapter(function));
        }
    }
    types.sort_unstable();
    types.dedup();
    units.extend(types.into_iter().map(Unit::Entry));
    units
}

fn compile(
    compiler: &Compiler,
    module: &Module,
    offsets: &VMOffsets,
    unit: Unit,
) -> Result<CompiledFunction, CompileError> {
    let (result, index, offset) = match unit {
        Unit::Function(i) => (
            compiler.function(module, offsets, i),
            module.imported_functions + i,
            module.bodies[i as usize].start,
        ),
        Unit::HostAdapter(i) => (compiler.host_adapter(module, offsets, i), i, 0),
        Unit::Entry(ty) => (compiler.entry(&module.types[ty as usize]), 0, 0),
    };
    result.map_err(|message| CompileError::Function {
        index,
        message,
        offset,
    })
}

/// Copies the code into the arena and makes it executable; addresses in order.
fn place(
    compiler: &Compiler,
    arena: &Arena,
    compiled: &[CompiledFunction],
) -> cranelift_module::ModuleResult<Vec<*const u8>> {
    let mut builder = JITBuilder::with_isa(compiler.target(), default_libcall_names());
    builder.memory_provider(Box::new(arena.provider()));
    let mut jit = JITModule::new(builder);
    let signature = jit.make_signature();
    let ids = compiled
        .iter()
        .map(|function| {
            let id = jit.declare_anonymous_function(&signature)?;
            jit.define_function_bytes(id, u64::from(function.align), &function.code, &[])?;
            Ok(id)
        })
        .collect::<cranelift_module::ModuleResult<Vec<FuncId>>>()?;
    jit.finalize_definitions()?;
    Ok(ids
        .into_iter()
        .map(|id| jit.get_finalized_function(id))
        .collect())
}
