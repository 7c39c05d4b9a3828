//! A decoded and validated WebAssembly module, without its code.

mod bodies;
mod branch_hints;
mod bytes;
pub mod canonical;
mod convert;
mod data;
mod decode;
mod error;
mod features;
mod leaf;
mod names;
mod plain;
mod resources;
mod supported;
#[cfg(test)]
mod tests;
mod types;
mod validation;

pub use branch_hints::BranchHints;
pub use bytes::{Arriving, Bytes};
pub use decode::Decoder;
pub use error::DecodeError;
pub use features::Features;
pub use leaf::Leaf;
pub use plain::Code;
pub use types::*;

use canonical::CanonicalType;
use std::ops::Range;

/// Everything that a module's bytes say, apart from the translation of its functions.
#[derive(Debug, Default)]
pub struct Module {
    /// Function types in the order of the type section.
    pub types: Vec<CanonicalType>,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// Type index of every function, imported ones first.
    pub functions: Vec<u32>,
    /// How many of `functions` are imported.
    pub imported_functions: u32,
    pub tables: Vec<TableType>,
    pub imported_tables: u32,
    pub memories: Vec<MemoryType>,
    pub imported_memories: u32,
    pub globals: Vec<GlobalType>,
    pub imported_globals: u32,
    /// Type index of every tag, imported ones first.
    pub tags: Vec<u32>,
    /// How many of `tags` are imported.
    pub imported_tags: u32,
    /// Initial elements of the defined tables, in order.
    pub table_inits: Vec<ConstExpr>,
    /// Initial values of the defined globals, in order.
    pub global_inits: Vec<ConstExpr>,
    /// For every global, imported ones first: is it imported or exported, so that its value lies in a
    /// cell of its own instead of in the instance's context?
    pub global_in_cell: Vec<bool>,
    pub elements: Vec<ElementSegment>,
    pub data: Vec<DataSegment>,
    /// The start function.
    pub start: Option<u32>,
    /// Functions (by function index, ascending) that can become values: exported, the start function,
    /// in element segments, or named by `ref.func`. Only these have a `VMFuncRef`.
    pub func_refs: Vec<u32>,
    /// Custom sections in order: name and range of the contents in `bytes`.
    pub custom_sections: Vec<(String, Range<usize>)>,
    /// Range in `bytes` of each defined function's body.
    pub bodies: Vec<Range<usize>>,
    /// Which way conditional branches are likely to go.
    pub branch_hints: BranchHints,
    /// What was on when it was decoded.
    pub features: Features,
    /// The module's own copy of its bytes.
    pub bytes: Bytes,
}

impl Module {
    /// Position of function `index` in [`Module::func_refs`].
    pub fn func_ref_position(&self, index: u32) -> Option<u32> {
        self.func_refs.binary_search(&index).ok().map(|i| i as u32)
    }
    /// Type `index` of the type section; `None` if there is no such type.
    pub fn func_type(&self, index: u32) -> Option<&FuncType> {
        Some(self.types.get(index as usize)?.func())
    }
    /// Type of tag `index`; `None` if there is no such tag.
    pub fn tag_type(&self, index: u32) -> Option<&FuncType> {
        self.func_type(*self.tags.get(index as usize)?)
    }
    /// Type of function `index`.
    pub fn function_type(&self, index: u32) -> &FuncType {
        self.types[self.functions[index as usize] as usize].func()
    }
}
