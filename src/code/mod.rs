//! Compiled code: where it lies, how it is reached, and what its addresses mean.

mod arena;
mod background;
mod compiled_module;
mod lookup;
mod stubs;
mod tiering;

pub use compiled_module::{CompileError, CompiledModule, Unit};
pub use lookup::trap_at;
pub use tiering::Options;
