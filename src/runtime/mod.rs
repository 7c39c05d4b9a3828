//! What runs compiled modules: threads, instances, memories, tables, globals, traps.

mod trap;
pub mod vm;

pub use trap::Trap;
