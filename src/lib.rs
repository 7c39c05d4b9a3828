//! wrt: WebAssembly for Node.js on an engine of its own.

pub mod arch;
#[cfg(not(test))]
mod binding;
pub mod code;
pub mod compiler;
pub mod module;
pub mod runtime;
