//! What function bodies are validated against.

use std::sync::Arc;
use wasmparser::types::CoreTypeId;
use wasmparser::{
    FuncType, GlobalType, HeapType, MemoryType, RefType, SubType, TableType, ValType,
    ValidatorResources, WasmModuleResources,
};

/// What the validator knows, and what it was not shown.
pub(super) struct Resources {
    pub validator: ValidatorResources,
    /// Functions that may be named by `ref.func`, ascending.
    pub declared: Arc<[u32]>,
    /// Types of all element segments, where the validator does not know them.
    pub elements: Option<Arc<[RefType]>>,
}

impl WasmModuleResources for Resources {
    fn is_function_referenced(&self, index: u32) -> bool {
        self.declared.binary_search(&index).is_ok()
    }
    fn element_count(&self) -> u32 {
        match &self.elements {
            Some(elements) => elements.len() as u32,
            None => self.validator.element_count(),
        }
    }
    fn element_type_at(&self, at: u32) -> Option<RefType> {
        let Some(elements) = &self.elements else {
            return self.validator.element_type_at(at);
        };
        let mut ty = *elements.get(at as usize)?;
        self.validator.check_ref_type(&mut ty, 0).ok()?;
        Some(ty)
    }

    fn table_at(&self, at: u32) -> Option<TableType> {
        self.validator.table_at(at)
    }
    fn memory_at(&self, at: u32) -> Option<MemoryType> {
        self.validator.memory_at(at)
    }
    fn tag_at(&self, at: u32) -> Option<&FuncType> {
        self.validator.tag_at(at)
    }
    fn global_at(&self, at: u32) -> Option<GlobalType> {
        self.validator.global_at(at)
    }
    fn sub_type_at(&self, at: u32) -> Option<&SubType> {
        self.validator.sub_type_at(at)
    }
    fn sub_type_at_id(&self, id: CoreTypeId) -> &SubType {
        self.validator.sub_type_at_id(id)
    }
    fn type_id_of_function(&self, at: u32) -> Option<CoreTypeId> {
        self.validator.type_id_of_function(at)
    }
    fn type_index_of_function(&self, at: u32) -> Option<u32> {
        self.validator.type_index_of_function(at)
    }
    fn check_heap_type(&self, ty: &mut HeapType, offset: u64) -> wasmparser::Result<()> {
        self.validator.check_heap_type(ty, offset)
    }
    fn top_type(&self, ty: &HeapType) -> HeapType {
        self.validator.top_type(ty)
    }
    fn is_subtype(&self, a: ValType, b: ValType) -> bool {
        self.validator.is_subtype(a, b)
    }
    fn is_shared(&self, ty: RefType) -> bool {
        self.validator.is_shared(ty)
    }
    fn data_count(&self) -> Option<u32> {
        self.validator.data_count()
    }
    fn has_function_exact_type(&self, at: u32) -> bool {
        self.validator.has_function_exact_type(at)
    }
}
