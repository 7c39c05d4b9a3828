//! Imports: what they are given, and whether it fits.

use super::instance::InstantiateError;
use super::store::Store;
use super::vm::*;
use super::{Global, Instance, Memory, Table, Tag};
use crate::code::CompiledModule;
use crate::module::canonical::is_subtype;
use crate::module::{ImportKind, Limits};
use std::rc::Rc;

/// What an import is given.
#[derive(Clone)]
pub enum ImportValue {
    /// A function of the store, by its number.
    Function(u32),
    /// A function of the host.
    HostFunction,
    Table(Rc<Table>),
    Memory(Rc<Memory>),
    Global(Rc<Global>),
    Tag(Rc<Tag>),
}

impl Instance {
    /// All memories, the imported ones as they are given: [`Instance::link`] looks at their types. Shared ones are those
    /// that the host has made.
    pub(super) fn memories(
        module: &CompiledModule,
        imports: &[ImportValue],
        shared: &[Rc<Memory>],
    ) -> Result<Vec<Rc<Memory>>, InstantiateError> {
        let m = module.module();
        let mut memories: Vec<Rc<Memory>> = imports
            .iter()
            .filter_map(|import| match import {
                ImportValue::Memory(memory) => Some(memory.clone()),
                _ => None,
            })
            .collect();
        // Else there is an import of another kind in the place of a memory or the other way round.
        memories.truncate(m.imported_memories as usize);
        let mut shared = shared.iter();
        // It is of the first one, if that is the module's own.
        let mut image = module.data_image.next(m);
        for ty in m.memories.iter().skip(m.imported_memories as usize) {
            if ty.shared
                && let Some(memory) = shared.next()
            {
                if memory.ty() != *ty {
                    return Err(InstantiateError::Memory);
                }
                memories.push(memory.clone());
                continue;
            }
            let memory =
                Memory::with_image(*ty, image.take()).map_err(|_| InstantiateError::Memory)?;
            memories.push(Rc::new(memory));
        }
        Ok(memories)
    }

    /// Writes the imports into the context, checking each once more: memory safety rests on it.
    pub(super) fn link(
        &mut self,
        store: &Store,
        imports: &[ImportValue],
    ) -> Result<(), InstantiateError> {
        let module = self.module.clone();
        let module = module.module();
        if imports.len() != module.imports.len() {
            return Err(InstantiateError::Import(imports.len()));
        }
        let mut functions = 0;
        for (i, (import, value)) in module.imports.iter().zip(imports).enumerate() {
            let mismatch = InstantiateError::Import(i);
            match (import.kind, value) {
                (ImportKind::Function(ty), ImportValue::Function(number)) => {
                    let func_ref = store.functions().get(*number).ok_or(mismatch)?;
                    // SAFETY: registered functions are live.
                    let f = unsafe { &*func_ref };
                    if !is_subtype(f.type_id, module.types[ty as usize].id().number()) {
                        return Err(InstantiateError::Import(i));
                    }
                    self.import_function(functions, f.code, f.vmctx, func_ref, 0);
                    functions += 1;
                }
                (ImportKind::Function(_), ImportValue::HostFunction) => {
                    let own = match module.func_ref_position(functions) {
                        Some(position) => self.context.at(self.offsets().func_ref(position)),
                        None => std::ptr::null_mut(),
                    };
                    let host = self.first_host_function + functions;
                    let code = self.module.code_slot(functions);
                    self.import_function(functions, code, self.vmctx(), own, host);
                    functions += 1;
                }
                (ImportKind::Table(ty), ImportValue::Table(table)) => {
                    let fits = table.ty().element == ty.element
                        && table.ty().address == ty.address
                        && limits_match(table.len(), table.ty().limits.max, ty.limits);
                    if !fits {
                        return Err(mismatch);
                    }
                    self.add_table(table.clone());
                }
                (ImportKind::Memory(ty), ImportValue::Memory(memory)) => {
                    let actual = memory.ty();
                    let fits = actual.address == ty.address
                        && actual.page_bits == ty.page_bits
                        && actual.shared == ty.shared
                        && limits_match(memory.pages(), actual.limits.max, ty.limits);
                    if !fits {
                        return Err(mismatch);
                    }
                    self.add_memory(memory.clone());
                }
                (ImportKind::Global(ty), ImportValue::Global(global)) => {
                    let found = global.ty();
                    // What is written by one must be right for the other, too.
                    let fits = found.mutable == ty.mutable
                        && match ty.mutable {
                            true => found.value == ty.value,
                            false => found.value.matches(ty.value),
                        };
                    if !fits {
                        return Err(mismatch);
                    }
                    self.add_global(Some(global.clone()));
                }
                (ImportKind::Tag(ty), ImportValue::Tag(tag)) => {
                    if tag.type_id() != module.types[ty as usize].id() {
                        return Err(mismatch);
                    }
                    self.add_tag(tag.clone());
                }
                _ => return Err(mismatch),
            }
        }
        Ok(())
    }

    fn import_function(
        &self,
        index: u32,
        code: *const CodeSlot,
        vmctx: *mut VMContext,
        func_ref: *const VMFuncRef,
        host: u32,
    ) {
        let import = VMImportedFunction {
            code,
            vmctx,
            func_ref,
            host,
        };
        // SAFETY: the place of import `index` in the layout.
        unsafe {
            self.context
                .write(self.offsets().imported_function(index), import)
        };
    }
}

/// Does an object of current size `size` and maximum `max` match the declared limits?
fn limits_match(size: u64, max: Option<u64>, declared: Limits) -> bool {
    size >= declared.min
        && declared
            .max
            .is_none_or(|declared| max.is_some_and(|max| max <= declared))
}
