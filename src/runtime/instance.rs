//! Instances: a module's code with a context to run in.

use super::context::Context;
use super::limits::{Resource, Share};
use super::store::Store;
use super::vm::*;
use super::{Global, Memory, Table, Tag, builtins};
use crate::code::CompiledModule;
use crate::module::canonical::is_subtype;
use crate::module::{
    AddressType, ConstExpr, ConstOp, ExportKind, GlobalType, ImportKind, Limits, ValType,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

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

/// What an export gives.
#[derive(Clone)]
pub enum ExportValue {
    /// A function of the store, by its number.
    Function(u32),
    Table(Rc<Table>),
    Memory(Rc<Memory>),
    Global(Rc<Global>),
    Tag(Rc<Tag>),
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub enum InstantiateError {
    /// Import number `.0` is not what the module wants. The facade checks first, by the standard.
    #[error("import #{0} does not match")]
    Import(usize),
    #[error("could not allocate memory")]
    Memory,
    #[error("could not allocate a table")]
    Table,
    #[error("could not allocate an instance")]
    Context,
}

/// An instance of a module. It owns its context and keeps its memories, tables and globals; functions
/// that it imports, and that its tables hold, are kept alive by the host (see `lib/lifetime.js`).
pub struct Instance {
    store: *const Store,
    pub(super) module: Arc<CompiledModule>,
    context: Context,
    pub(super) memories: Vec<Rc<Memory>>,
    pub(super) tables: Vec<Rc<Table>>,
    /// By global index; `None` for those that lie in the context.
    globals: Vec<Option<Rc<Global>>>,
    tags: Vec<Rc<Tag>>,
    /// First number of its functions in the registry.
    first_function: u32,
    /// First number of its host functions.
    first_host_function: u32,
    pub(super) dropped_data: RefCell<Vec<bool>>,
    pub(super) dropped_elements: RefCell<Vec<bool>>,
    /// Counts it for the process.
    _share: Share,
    /// Whatever the host wants to find here.
    host_data: Cell<usize>,
}

impl Instance {
    /// Instantiates `module`: all but the start function. Segments are applied by
    /// [`Instance::apply_segments`] afterwards, for an instance whose segments trap half-way must live on.
    pub fn new(
        store: &Store,
        module: Arc<CompiledModule>,
        imports: &[ImportValue],
    ) -> Result<Box<Self>, InstantiateError> {
        let memories = Self::memories(&module, imports)?;
        let module = match memories.iter().any(|memory| memory.moves()) {
            false => module,
            true => module
                .with_moving_memories()
                .map_err(|_| InstantiateError::Context)?,
        };
        let m = module.module();
        let share = Share::new(Resource::Instances, 1).ok_or(InstantiateError::Context)?;
        let context = Context::new(module.offsets().size()).ok_or(InstantiateError::Context)?;
        let first_function = store
            .functions()
            .allocate(m.func_refs.len() as u32)
            .ok_or(InstantiateError::Context)?;
        let mut instance = Box::new(Self {
            store,
            context,
            memories: Vec::with_capacity(m.memories.len()),
            tables: Vec::with_capacity(m.tables.len()),
            globals: Vec::with_capacity(m.globals.len()),
            tags: Vec::with_capacity(m.tags.len()),
            first_function,
            first_host_function: store.number_host_functions(m.imported_functions),
            dropped_data: RefCell::new(vec![false; m.data.len()]),
            dropped_elements: RefCell::new(vec![false; m.elements.len()]),
            _share: share,
            host_data: Cell::new(0),
            module,
        });
        instance.write_head(store);
        instance.link(store, imports)?;
        instance.define_tags();
        instance.define_functions(store);
        instance.define_tables(store)?;
        let defined = memories.into_iter().skip(instance.memories.len());
        defined.for_each(|memory| instance.add_memory(memory));
        instance.define_globals(store);
        Ok(instance)
    }

    /// All memories, the imported ones as they are given: [`Instance::link`] looks at their types.
    fn memories(
        module: &CompiledModule,
        imports: &[ImportValue],
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
        for ty in m.memories.iter().skip(m.imported_memories as usize) {
            let memory = Memory::new(*ty).map_err(|_| InstantiateError::Memory)?;
            memories.push(Rc::new(memory));
        }
        Ok(memories)
    }

    fn store(&self) -> &Store {
        // SAFETY: the store outlives its instances, by the contract of `Store::close`.
        unsafe { &*self.store }
    }

    pub fn module(&self) -> &Arc<CompiledModule> {
        &self.module
    }

    fn offsets(&self) -> &VMOffsets {
        self.module.offsets()
    }

    fn vmctx(&self) -> *mut VMContext {
        self.context.at(0)
    }

    /// First number of its function imports, where they are host functions.
    pub fn first_host_function(&self) -> u32 {
        self.first_host_function
    }

    fn write_head(&self, store: &Store) {
        let head = VMContext {
            thread: store.vm(),
            builtins: builtins::TABLE.as_ptr().cast(),
            code_table: self.module.code_table(),
            instance: (&raw const *self).cast_mut().cast(),
            counters: self.module.counters(),
            // SAFETY: a store starts with its `VMThread`, whose limit never changes.
            stack_limit: unsafe { (*store.vm()).stack_limit },
        };
        // SAFETY: the head is at offset 0, and the array of type ids where the layout says.
        unsafe {
            self.context.write(0, head);
            for (i, ty) in self.module.module().canonical_types.iter().enumerate() {
                self.context
                    .write(self.offsets().type_id(i as u32), ty.id().number());
            }
        }
    }

    /// Writes the imports into the context, checking each once more: memory safety rests on it.
    fn link(&mut self, store: &Store, imports: &[ImportValue]) -> Result<(), InstantiateError> {
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
                    if !is_subtype(f.type_id, module.canonical_types[ty as usize].id().number()) {
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
                    if tag.type_id() != module.canonical_types[ty as usize].id() {
                        return Err(mismatch);
                    }
                    self.add_tag(tag.clone());
                }
                _ => return Err(mismatch),
            }
        }
        Ok(())
    }

    fn add_tag(&mut self, tag: Rc<Tag>) {
        let at = self.offsets().tag(self.tags.len() as u32);
        // SAFETY: the place of this tag in the layout.
        unsafe { self.context.write(at, Rc::as_ptr(&tag)) };
        self.tags.push(tag);
    }

    fn define_tags(&mut self) {
        let module = self.module.clone();
        let module = module.module();
        for &ty in module.tags.iter().skip(module.imported_tags as usize) {
            let canonical = module.canonical_types[ty as usize].clone();
            self.add_tag(Tag::of_type(module.types[ty as usize].clone(), canonical));
        }
    }

    pub(super) fn tag(&self, i: u32) -> &Rc<Tag> {
        &self.tags[i as usize]
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

    fn add_table(&mut self, table: Rc<Table>) {
        let at = self.offsets().table(self.tables.len() as u32);
        // SAFETY: the place of this table in the layout.
        unsafe { self.context.write(at, table.definition()) };
        self.tables.push(table);
    }

    fn add_memory(&mut self, memory: Rc<Memory>) {
        let i = self.memories.len() as u32;
        // SAFETY: the places of this memory in the layout.
        unsafe {
            self.context
                .write(self.offsets().memory_base(i), memory.base());
            self.context
                .write(self.offsets().memory(i), memory.definition());
        }
        self.memories.push(memory);
    }

    fn add_global(&mut self, global: Option<Rc<Global>>) {
        if let Some(global) = &global {
            let at = self.offsets().global_cell(self.globals.len() as u32);
            // SAFETY: the place of this global's cell in the layout.
            unsafe { self.context.write(at, global.cell()) };
        }
        self.globals.push(global);
    }

    /// Makes the references of all functions that can become values, and registers them.
    fn define_functions(&self, store: &Store) {
        let module = self.module.module();
        for (position, &function) in module.func_refs.iter().enumerate() {
            // An imported function of wasm keeps the reference that it has.
            if function < module.imported_functions && self.imported(function).host == 0 {
                continue;
            }
            let ty = module.functions[function as usize];
            let number = self.first_function + position as u32;
            let func_ref = VMFuncRef {
                type_id: module.canonical_types[ty as usize].id().number(),
                index: number,
                code: self.module.code_slot(function),
                vmctx: self.vmctx(),
                entry: CodeSlot::new(std::ptr::null_mut()),
            };
            let at = self.offsets().func_ref(position as u32);
            // SAFETY: the place of this reference in the layout; it lives as long as its number, which
            // `drop` gives back.
            unsafe {
                self.context.write(at, func_ref);
                store.functions().set(number, self.context.at(at));
            }
        }
    }

    fn imported(&self, function: u32) -> &VMImportedFunction {
        // SAFETY: written by `link` for every function import.
        unsafe { &*self.context.at(self.offsets().imported_function(function)) }
    }

    /// The reference of function `index`, which `module.func_refs` contains.
    fn func_ref(&self, index: u32) -> *const VMFuncRef {
        let module = self.module.module();
        if index < module.imported_functions {
            return self.imported(index).func_ref;
        }
        match module.func_ref_position(index) {
            Some(position) => self
                .context
                .at::<VMFuncRef>(self.offsets().func_ref(position)),
            None => std::ptr::null(),
        }
    }

    fn define_tables(&mut self, store: &Store) -> Result<(), InstantiateError> {
        let module = self.module.clone();
        let module = module.module();
        let first = module.imported_tables as usize;
        for (ty, init) in module.tables.iter().skip(first).zip(&module.table_inits) {
            let init = self.evaluate_word(init);
            let table = Rc::new(Table::new(*ty, init).ok_or(InstantiateError::Table)?);
            if ty.element.is_traced() {
                store.references().add_table(&table);
            }
            self.add_table(table);
        }
        Ok(())
    }

    fn define_globals(&mut self, store: &Store) {
        let module = self.module.clone();
        let module = module.module();
        let first = module.imported_globals as usize;
        for (ty, init) in module.globals.iter().skip(first).zip(&module.global_inits) {
            let i = self.globals.len();
            let value = self.evaluate(init);
            if module.global_in_cell[i] {
                let global = new_global(store, *ty, value);
                self.add_global(Some(global));
            } else {
                let at = self.offsets().global(i as u32);
                // SAFETY: the place of this global in the layout.
                unsafe { self.context.write(at, value) };
                if ty.value.is_traced() {
                    store.references().add_inline(self.context.at(at));
                }
                self.add_global(None);
            }
        }
    }

    fn evaluate(&self, expression: &ConstExpr) -> VMGlobal {
        match *expression {
            ConstExpr::Extended(ref list) => self.evaluate_extended(list),
            ConstExpr::I32(v) => VMGlobal::from(u64::from(v as u32)),
            ConstExpr::I64(v) => VMGlobal::from(v as u64),
            ConstExpr::F32(v) => VMGlobal::from(u64::from(v)),
            ConstExpr::F64(v) => VMGlobal::from(v),
            ConstExpr::V128(bytes) => VMGlobal { bytes },
            ConstExpr::RefNull => VMGlobal::default(),
            ConstExpr::RefFunc(f) => VMGlobal::from(self.func_ref(f) as u64),
            ConstExpr::GlobalGet(i) => {
                let at = match &self.globals[i as usize] {
                    Some(global) => global.cell(),
                    None => self.context.at(self.offsets().global(i)),
                };
                // SAFETY: a global of this instance, defined before this one by validation.
                unsafe { at.read() }
            }
        }
    }

    fn evaluate_extended(&self, list: &[ConstOp]) -> VMGlobal {
        let mut stack = Vec::new();
        for op in list {
            let value = match op {
                ConstOp::Push(expression) => self.evaluate(expression),
                ConstOp::I32(binary) | ConstOp::I64(binary) => {
                    // Validation saw that there are two of this type.
                    let (b, a) = (stack.pop(), stack.pop());
                    let [a, b] = [a, b].map(|value| word(value.unwrap_or_default()));
                    let value = binary.apply(a, b);
                    VMGlobal::from(match op {
                        ConstOp::I64(_) => value,
                        _ => u64::from(value as u32),
                    })
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or_default()
    }

    /// One word of a constant expression: an i32, or a reference.
    pub(super) fn evaluate_word(&self, expression: &ConstExpr) -> u64 {
        word(self.evaluate(expression))
    }

    /// A constant expression that is an index of this type.
    pub(super) fn evaluate_address(&self, expression: &ConstExpr, ty: AddressType) -> u64 {
        match ty {
            AddressType::I32 => u64::from(self.evaluate_word(expression) as u32),
            AddressType::I64 => self.evaluate_word(expression),
        }
    }

    pub(super) fn memory(&self, i: u32) -> &Rc<Memory> {
        &self.memories[i as usize]
    }

    pub(super) fn table(&self, i: u32) -> &Rc<Table> {
        &self.tables[i as usize]
    }

    pub(super) fn owner(&self) -> &Store {
        self.store()
    }

    /// What the host last set with [`Instance::set_host_data`].
    pub fn host_data(&self) -> usize {
        self.host_data.get()
    }

    /// Leaves a word of the host's here, such as its name for the instance.
    pub fn set_host_data(&self, data: usize) {
        self.host_data.set(data);
    }

    /// The number of function `index`, which is exported or the start function.
    pub fn function(&self, index: u32) -> u32 {
        // SAFETY: null, or the reference of a live function.
        unsafe { self.func_ref(index).as_ref() }.map_or(0, |f| f.index)
    }

    /// The number of the start function, if there is one.
    pub fn start_function(&self) -> Option<u32> {
        self.module.module().start.map(|f| self.function(f))
    }

    /// What export number `i` gives.
    pub fn export(&self, i: usize) -> Option<ExportValue> {
        Some(match self.module.module().exports.get(i)?.kind {
            ExportKind::Function(f) => ExportValue::Function(self.function(f)),
            ExportKind::Table(t) => ExportValue::Table(self.tables[t as usize].clone()),
            ExportKind::Memory(m) => ExportValue::Memory(self.memories[m as usize].clone()),
            ExportKind::Global(g) => ExportValue::Global(self.globals[g as usize].clone()?),
            ExportKind::Tag(t) => ExportValue::Tag(self.tags[t as usize].clone()),
        })
    }

    /// The instance that a function of a store belongs to, and the function's index in its module.
    ///
    /// # Safety
    /// `func_ref` is registered in a store.
    pub unsafe fn of_function<'a>(func_ref: *const VMFuncRef) -> Option<(&'a Instance, u32)> {
        // SAFETY: registered functions are live, and so are their contexts and instances.
        let instance = unsafe { &*(*(*func_ref).vmctx).instance.cast::<Instance>() };
        // SAFETY: as above.
        let position = unsafe { (*func_ref).index }.checked_sub(instance.first_function)?;
        let index = *instance.module.module().func_refs.get(position as usize)?;
        Some((instance, index))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let store = self.store();
        let count = self.module.module().func_refs.len() as u32;
        store.functions().free(self.first_function, count);
        store.references().remove_inline(self.context.range());
    }
}

/// The first word of a value: all of it but for a v128.
fn word(value: VMGlobal) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = value.bytes;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// A global in a cell, known to the store if it holds an externref.
pub fn new_global(store: &Store, ty: GlobalType, value: VMGlobal) -> Rc<Global> {
    let is_number = matches!(
        ty.value,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
    );
    let slot = is_number.then(|| store.shared_slots().take()).flatten();
    let global = Rc::new(Global::new(ty, value, slot));
    if ty.value.is_traced() {
        store.references().add_global(&global);
    }
    global
}

/// A table known to the store if it holds externrefs; `None` if memory is out.
pub fn new_table(store: &Store, ty: crate::module::TableType, init: u64) -> Option<Rc<Table>> {
    let table = Rc::new(Table::new(ty, init)?);
    if ty.element.is_traced() {
        store.references().add_table(&table);
    }
    Some(table)
}

/// Does an object of current size `size` and maximum `max` match the declared limits?
fn limits_match(size: u64, max: Option<u64>, declared: Limits) -> bool {
    size >= declared.min
        && declared
            .max
            .is_none_or(|declared| max.is_some_and(|max| max <= declared))
}
