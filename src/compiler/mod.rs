//! Translates functions of a validated [`Module`] to machine code.
//!
//! [`Translator`](function::Translator) walks the operators of a body and emits Cranelift IR, one file
//! a family of operators; [`Emitter`](emit::Emitter) holds what bodies and trampolines share: memory
//! flags, calls of runtime functions, calls of host functions. The layout of everything that generated
//! code touches is in [`crate::runtime::vm`].

mod atomic;
mod branch_table;
mod builtins;
mod bulk;
mod call;
mod clauses;
mod control;
mod copies;
mod counters;
mod direct;
mod dispatch;
mod emit;
mod exception;
mod exits;
mod function;
mod guess;
mod host;
mod inline;
mod invariant;
mod isa;
mod lines;
mod local;
mod location;
mod memory;
mod numeric;
mod origin;
mod output;
mod reference;
mod repair;
mod schedule;
mod signature;
mod simd;
mod simd_float;
mod simd_integer;
mod simd_memory;
mod simd_relaxed;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod threaded;
mod tier;
mod trampoline;
mod variable;

pub use lines::LINE;
pub use signature::returns_in_memory;
pub use tier::{Calls, LoopHead, Tier};

use crate::module::{FuncType, Module};
use crate::runtime::{Trap, vm::VMOffsets};
use cranelift_codegen::isa::OwnedTargetIsa;
use isa::Effort;
use location::Locations;
use std::sync::OnceLock;
use tier::Tiering;

/// Machine code of one function, position-independent; its only relocations are calls of itself,
/// already resolved.
#[derive(Debug, Default)]
pub struct CompiledFunction {
    pub code: Vec<u8>,
    /// Alignment that the code wants, in bytes, and how far behind such an address it wants to begin.
    pub align: u32,
    pub shift: u32,
    /// Instructions that may trap, ascending by offset into `code`. Several of one offset: what is inlined, and then the
    /// calls that it is inlined in.
    pub traps: Vec<TrapSite>,
    /// Calls whose exceptions the function handles, ascending by return address.
    pub handlers: Vec<HandlerSite>,
}

/// A call inside a `try`. Numbers are offsets into the function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerSite {
    pub return_address: u32,
    /// Where the function goes on after an exception, with the exception in the first payload register.
    pub landing: u32,
    /// Distance from the stack pointer to the frame pointer there.
    pub frame: u32,
}

/// An instruction that may trap, or a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapSite {
    /// From the start of the function; for a call, of its last byte, where no instruction begins.
    pub offset: u32,
    /// `None` for a call.
    pub trap: Option<Trap>,
    /// Offset in the module's bytes of the instruction of wasm that this one belongs to; 0 in
    /// trampolines.
    pub wasm_offset: u32,
}

/// Compiles functions. One for the process; usable from many threads at once.
pub struct Compiler {
    isa: OwnedTargetIsa,
    /// The same, for functions that are optimised and [in order](schedule).
    ordered: OwnedTargetIsa,
    /// For functions of extreme size.
    large: OwnedTargetIsa,
    /// For [`Tier::Baseline`].
    baseline: OwnedTargetIsa,
    fingerprint: String,
}

/// Size of a body (bytes) and number of locals from which a function is compiled with less effort, so
/// that no module can keep a thread busy for minutes. Programs have functions of a tenth of that.
const LARGE_BODY: usize = 256 << 10;
const LARGE_LOCALS: usize = 4000;
/// Size of a body (bytes) from which a function is not compiled for good at all: a MiB took ten seconds and one GiB.
const HUGE_BODY: usize = 512 << 10;
/// The same for its product with the number of locals, as each of them may have another value wherever branches meet.
const HUGE_PRODUCT: usize = 128 << 20;

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler")
            .field("target", self.isa.triple())
            .finish()
    }
}

impl Compiler {
    /// The compiler of this process, or why there cannot be one.
    pub fn shared() -> Result<&'static Self, &'static str> {
        static SHARED: OnceLock<Result<Compiler, String>> = OnceLock::new();
        SHARED
            .get_or_init(Self::new)
            .as_ref()
            .map_err(String::as_str)
    }

    /// The description of the target that `JITModule` wants.
    pub(crate) fn target(&self) -> OwnedTargetIsa {
        self.isa.clone()
    }

    /// A text that tells this compiler's code from that of any other: the engine's build, the machine,
    /// and the settings.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A compiler for this machine, or why there cannot be one.
    pub fn new() -> Result<Self, String> {
        Self::with_verifier(cfg!(any(debug_assertions, test)))
    }

    /// Like [`Self::new`], but checks its own intermediate code even in release builds. For tests: it
    /// takes twice the time.
    pub fn verifying() -> Result<Self, String> {
        Self::with_verifier(true)
    }

    fn with_verifier(verify: bool) -> Result<Self, String> {
        let isa = isa::host(verify, Effort::Full)?;
        let ordered = isa::host(verify, Effort::Rest)?;
        let large = isa::host(verify, Effort::Bounded)?;
        let baseline = isa::host(verify, Effort::Low)?;
        let mut fingerprint = format!("wrt {}", env!("WRT_BUILD"));
        for isa in [&isa, &ordered, &large, &baseline] {
            fingerprint += &format!("\n{} {}", isa.triple(), isa.flags());
            for value in isa.isa_flags() {
                fingerprint += &format!(" {value}");
            }
        }
        Ok(Self {
            isa,
            ordered,
            large,
            baseline,
            fingerprint,
        })
    }

    /// Compiles function `defined` (counted without imports). `calls` says of such functions how they are called.
    pub fn function(
        &self,
        module: &Module,
        offsets: &VMOffsets,
        defined: u32,
        tier: Tier,
        calls: &dyn Fn(u32) -> Calls,
    ) -> Result<CompiledFunction, String> {
        let index = defined
            .checked_add(module.imported_functions)
            .ok_or("function index out of range")?;
        let (bytes, locals) = function::extent(module, index)?;
        let huge = bytes >= HUGE_BODY || bytes.saturating_mul(locals) >= HUGE_PRODUCT;
        let tier = match tier {
            Tier::Optimized if huge => Tier::Baseline,
            Tier::FromLoop(_) if huge => return Err("the function is too large".into()),
            tier => tier,
        };
        if tier == Tier::Baseline
            && let Ok(function) = direct::compile(module, offsets, defined)
        {
            return Ok(function);
        }
        let large = bytes >= LARGE_BODY || locals >= LARGE_LOCALS;
        let (isa, ordered) = match tier {
            Tier::Baseline => (&*self.baseline, None),
            Tier::Optimized | Tier::FromLoop(_) if large => (&*self.large, None),
            Tier::Optimized | Tier::FromLoop(_) => (&*self.isa, Some(&*self.ordered)),
        };
        output::compile(isa, ordered, &module.bytes, |context, frontend| {
            let tiering = Tiering::new(tier, calls);
            function::translate(isa, module, offsets, index, tiering, context, frontend)
        })
    }

    /// Compiles the trampoline `extern "sysv64" fn(*mut VMThread, *const VMFuncRef)` by which the
    /// host enters functions of type `ty`.
    pub fn entry(&self, ty: &FuncType) -> Result<CompiledFunction, String> {
        if let Ok(function) = direct::entry(ty) {
            return Ok(function);
        }
        output::compile(&*self.isa, None, &[], |context, frontend| {
            trampoline::entry(&*self.isa, ty, context, frontend)?;
            Ok(Locations::default())
        })
    }

    /// Compiles the function that stands for imported function `import` where it is used as a value
    /// and is a host function.
    pub fn host_adapter(
        &self,
        module: &Module,
        offsets: &VMOffsets,
        import: u32,
    ) -> Result<CompiledFunction, String> {
        if let Ok(function) = direct::host_adapter(module, offsets, import) {
            return Ok(function);
        }
        output::compile(&*self.isa, None, &[], |context, frontend| {
            trampoline::host_adapter(&*self.isa, module, offsets, import, context, frontend)?;
            Ok(Locations::default())
        })
    }
}
