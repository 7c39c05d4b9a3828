//! Compiled code: where it lies, how it is reached, and what its addresses mean.

mod arena;
mod background;
pub mod cache;
mod cache_status;
mod compiled_module;
mod digest;
pub mod figures;
mod image;
mod lookup;
mod mapping;
mod options;
pub mod registry;
mod serialize;
mod stream;
mod stubs;
mod tiering;

pub use background::limit_changed;
pub use cache_status::CacheStatus;
pub use compiled_module::{CompileError, CompiledModule, Unit};
pub use image::{Image, ImageError, seal};
pub use lookup::{Source, handler_at, has_handlers, is_code, sources_at, trap_at};
pub use options::Options;
pub use stream::Stream;
