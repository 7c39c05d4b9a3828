//! What runs compiled modules: stores, instances, memories, tables, globals, traps.

mod account;
mod builtins;
mod context;
pub mod fault;
mod functions;
mod global;
mod instance;
mod interrupt;
pub mod limits;
mod mapping;
mod memory;
mod on_demand;
mod references;
mod room;
mod segments;
mod signals;
mod signature;
mod stack;
mod store;
mod table;
mod trap;
pub mod vm;

pub use account::Account;
pub use functions::FunctionRegistry;
pub use global::Global;
pub use instance::{ExportValue, ImportValue, Instance, InstantiateError, new_global, new_table};
pub use mapping::Mapping;
pub use memory::{Memory, PAGE};
pub use on_demand::compile_slot;
pub use segments::SegmentTrap;
pub use store::{CODE_REFUSED, Outcome, Store, StoreError};
pub use table::{MAX_ELEMENTS, Table};
pub use trap::Trap;
