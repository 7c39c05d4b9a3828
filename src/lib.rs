//! wrt: WebAssembly for Node.js on an engine of its own.

pub mod compiler;
pub mod module;
pub mod runtime;
