//! Translates functions of a validated [`Module`] to machine code.

use crate::module::{FuncType, Module};
use crate::runtime::{Trap, vm::VMOffsets};

/// Machine code of one function, position-independent; its only relocations are calls of itself,
/// already resolved.
#[derive(Debug, Default)]
pub struct CompiledFunction {
    pub code: Vec<u8>,
    /// Alignment that the code wants, in bytes.
    pub align: u32,
    /// Instructions that may trap, ascending by offset into `code`.
    pub traps: Vec<TrapSite>,
}

/// An instruction that may trap.
#[derive(Clone, Copy, Debug)]
pub struct TrapSite {
    pub offset: u32,
    pub trap: Trap,
    pub wasm_offset: u32,
}

/// Compiles functions. One for the process; usable from many threads at once.
pub struct Compiler {}

impl Compiler {
    /// A compiler for this machine, or why there cannot be one.
    pub fn shared() -> Result<&'static Self, &'static str> {
        todo!()
    }
    pub fn jit_isa(&self) -> cranelift_codegen::isa::OwnedTargetIsa {
        todo!()
    }
    pub fn new() -> Result<Self, String> {
        todo!()
    }

    /// Compiles defined function `index` (counted without imports).
    pub fn function(
        &self,
        module: &Module,
        offsets: &VMOffsets,
        index: u32,
    ) -> Result<CompiledFunction, String> {
        todo!()
    }

    /// Compiles the trampoline `extern "sysv64" fn(*mut VMThread, *const VMFuncRef)` by which the
    /// host enters functions of type `ty`.
    pub fn entry(&self, ty: &FuncType) -> Result<CompiledFunction, String> {
        todo!()
    }

    /// Compiles the function that stands for imported function `import` where it is used as a value and is a host function.
    pub fn host_adapter(
        &self,
        module: &Module,
        offsets: &VMOffsets,
        import: u32,
    ) -> Result<CompiledFunction, String> {
        todo!()
    }
}
