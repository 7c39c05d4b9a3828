//! Instances: a module's code with a context to run in.

use super::context::Context;
use super::limits::{Resource, Share};
use super::store::Store;
use super::vm::*;
use super::{Global, ImportValue, Memory, Table, Tag, builtins};
use crate::code::CompiledModule;
use crate::module::{ExportKind, GlobalType, ValType};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

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
    pub(super) context: Context,
    pub(super) memories: Vec<Rc<Memory>>,
    pub(super) tables: Vec<Rc<Table>>,
    /// By global index; `None` for those that lie in the context.
    pub(super) globals: Vec<Option<Rc<Global>>>,
    tags: Vec<Rc<Tag>>,
    /// First number of its functions in the registry.
    first_function: u32,
    /// First number of its host functions.
    pub(super) first_host_function: u32,
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
    ///
    /// `shared` are the shared memories that the module defines, in their order, where the host makes them.
    pub fn new(
        store: &Store,
        module: Arc<CompiledModule>,
        imports: &[ImportValue],
        shared: &[Rc<Memory>],
    ) -> Result<Box<Self>, InstantiateError> {
        let memories = Self::memories(&module, imports, shared)?;
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

    fn store(&self) -> &Store {
        // SAFETY: the store outlives its instances, by the contract of `Store::close`.
        unsafe { &*self.store }
    }

    pub fn module(&self) -> &Arc<CompiledModule> {
        &self.module
    }

    pub(super) fn offsets(&self) -> &VMOffsets {
        self.module.offsets()
    }

    pub(super) fn vmctx(&self) -> *mut VMContext {
        self.context.at(0)
    }

    /// First number of its functions that can be values: others have the next ones, by position in the module's list.
    pub fn first_function(&self) -> u32 {
        self.first_function
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
            for (i, ty) in self.module.module().types.iter().enumerate() {
                self.context
                    .write(self.offsets().type_id(i as u32), ty.id().number());
            }
        }
    }

    pub(super) fn add_tag(&mut self, tag: Rc<Tag>) {
        let at = self.offsets().tag(self.tags.len() as u32);
        // SAFETY: the place of this tag in the layout.
        unsafe { self.context.write(at, Rc::as_ptr(&tag)) };
        self.tags.push(tag);
    }

    fn define_tags(&mut self) {
        let module = self.module.clone();
        let module = module.module();
        for &ty in module.tags.iter().skip(module.imported_tags as usize) {
            let ty = module.types[ty as usize].clone();
            self.add_tag(Tag::of_type(ty.func().clone(), ty));
        }
    }

    pub(super) fn tag(&self, i: u32) -> &Rc<Tag> {
        &self.tags[i as usize]
    }

    pub(super) fn add_table(&mut self, table: Rc<Table>) {
        let at = self.offsets().table(self.tables.len() as u32);
        // SAFETY: the place of this table in the layout.
        unsafe { self.context.write(at, table.definition()) };
        self.tables.push(table);
    }

    pub(super) fn add_memory(&mut self, memory: Rc<Memory>) {
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

    pub(super) fn add_global(&mut self, global: Option<Rc<Global>>) {
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
                type_id: module.types[ty as usize].id().number(),
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
    pub(super) fn func_ref(&self, index: u32) -> *const VMFuncRef {
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

    pub(super) fn memory(&self, i: u32) -> &Rc<Memory> {
        &self.memories[i as usize]
    }

    pub(super) fn table(&self, i: u32) -> &Rc<Table> {
        &self.tables[i as usize]
    }

    pub(super) fn owner(&self) -> &Store {
        self.store()
    }

    /// Its tables, imported ones too.
    pub fn tables(&self) -> &[Rc<Table>] {
        &self.tables
    }

    /// Calls `f` with type and value of each global of a reference type that it has for itself.
    pub fn visit_globals(&self, mut f: impl FnMut(ValType, u64)) {
        let module = self.module.module();
        let own = module.imported_globals as usize..;
        for i in own.take_while(|i| *i < module.globals.len()) {
            let ty = module.globals[i].value;
            if ty.is_reference() && !module.global_in_cell[i] {
                // SAFETY: the place of this global in the layout; no guest runs now.
                f(ty, unsafe {
                    *self.context.at(self.offsets().global(i as u32))
                });
            }
        }
    }

    /// What the host has set with [`Instance::set_host_data`] of the instance that a function belongs to.
    ///
    /// # Safety
    /// `func_ref` is registered in a store.
    pub unsafe fn host_data_of(func_ref: *const VMFuncRef) -> usize {
        // SAFETY: registered functions are live, and so are their contexts and instances.
        unsafe { (*(*(*func_ref).vmctx).instance.cast::<Instance>()).host_data() }
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
