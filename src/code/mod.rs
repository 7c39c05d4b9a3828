//! Compiled code: where it lies, how it is reached, and what its addresses mean.

mod arena;
mod compiled_module;
mod lookup;
mod stubs;

pub use compiled_module::{CompileError, CompiledModule, Unit};
pub use lookup::trap_at;
