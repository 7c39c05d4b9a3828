//! What JavaScript holds of the engine on one thread, by handle.

use super::callback::store;
use super::cells::{Cells, Kind};
use super::weak::Weak;
use crate::code::CompiledModule;
use crate::runtime::{Global, Instance, Memory, Store, Table, Tag, clear_spare};
use hashbrown::HashMap;
use napi::sys;
use slab::Slab;
use std::cell::RefCell;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::{self, Arc};

/// Objects by handle. A handle is a positive number, and an object has one handle however often it
/// is given out, so that the facade finds its cell again.
pub struct Handles<T> {
    objects: Slab<Rc<T>>,
    by_address: HashMap<*const T, u32>,
}

impl<T> Default for Handles<T> {
    fn default() -> Self {
        Self {
            objects: Slab::new(),
            by_address: HashMap::new(),
        }
    }
}

impl<T> Handles<T> {
    /// The object's handle, which it keeps until it is released.
    pub fn handle(&mut self, object: &Rc<T>) -> u32 {
        *self
            .by_address
            .entry(Rc::as_ptr(object))
            .or_insert_with(|| {
                // Handles fit an i32: each stands for an object of more than two bytes.
                self.objects.insert(object.clone()) as u32 + 1
            })
    }

    /// The handle of an object that has one.
    pub fn handle_of(&self, object: *const T) -> Option<u32> {
        self.by_address.get(&object).copied()
    }

    pub fn get(&self, handle: u32) -> Option<&Rc<T>> {
        self.objects.get((handle as usize).checked_sub(1)?)
    }

    /// Has this object a handle?
    pub fn has(&self, object: &Rc<T>) -> bool {
        self.by_address.contains_key(&Rc::as_ptr(object))
    }

    /// All objects with their handles.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Rc<T>)> {
        let objects = self.objects.iter();
        objects.map(|(key, object)| (key as u32 + 1, object))
    }

    /// Takes the handle back; what it named.
    fn release(&mut self, handle: u32) -> Option<Rc<T>> {
        let object = self.objects.try_remove((handle as usize).checked_sub(1)?)?;
        self.by_address.remove(&Rc::as_ptr(&object));
        Some(object)
    }
}

/// All that the environments of one thread hold.
#[derive(Default)]
pub struct Realm {
    pub modules: Slab<Arc<CompiledModule>>,
    pub instances: Slab<Box<Instance>>,
    pub memories: Handles<Memory>,
    pub tables: Handles<Table>,
    pub globals: Handles<Global>,
    pub cells: Cells,
    /// The buffer of the last small carrier, and its module, see `super::carriers`.
    pub last_carrier: Option<(sync::Weak<CompiledModule>, Weak)>,
    /// Bytes that modules and instances take.
    held: usize,
    environments: usize,
}

/// What was released and is yet to be dropped.
#[derive(Default)]
#[allow(
    clippy::vec_box,
    reason = "contexts point to their instances, which must not move"
)]
pub struct Dead {
    _instances: Vec<Box<Instance>>,
    _modules: Vec<Arc<CompiledModule>>,
    _memories: Vec<Rc<Memory>>,
    _tables: Vec<Rc<Table>>,
    _globals: Vec<Rc<Global>>,
    _tags: Vec<Rc<Tag>>,
}

thread_local! {
    // In a box: the addon's thread-local memory is static, and a process has little of that to share.
    static REALM: RefCell<Box<Realm>> = RefCell::default();
}

impl Realm {
    /// Runs `f` with this thread's realm. No JavaScript may run inside.
    pub fn with<R>(f: impl FnOnce(&mut Realm) -> R) -> R {
        REALM.with_borrow_mut(|realm| f(realm))
    }

    /// Adds a module; its handle.
    pub fn add_module(&mut self, module: Arc<CompiledModule>) -> u32 {
        self.held += module_size(&module);
        self.modules.insert(module) as u32 + 1
    }

    /// Adds an instance; its handle, which it knows.
    pub fn add_instance(&mut self, instance: Box<Instance>) -> u32 {
        self.held += instance_size(&instance);
        let entry = self.instances.vacant_entry();
        let handle = entry.key() as u32 + 1;
        instance.set_host_data(handle as usize);
        if instance.module().module().imported_functions > 0 {
            self.cells.add_hosts(instance.first_host_function(), handle);
        }
        entry.insert(instance);
        handle
    }

    /// Bytes that modules and instances take, apart from memories and tables.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Takes out all that has lost its cell.
    pub fn take_dead(&mut self, env: sys::napi_env) -> Dead {
        let mut dead = Dead::default();
        let mut cells = std::mem::take(&mut self.cells);
        let mut hosts = Vec::new();
        cells.sweep(env, |kind, handle| match kind {
            Kind::Module => {
                let module = self.modules.try_remove((handle as usize).wrapping_sub(1));
                dead._modules
                    .extend(module.inspect(|m| self.held -= module_size(m)));
            }
            Kind::Instance => {
                let instance = self.instances.try_remove((handle as usize).wrapping_sub(1));
                dead._instances.extend(instance.inspect(|i| {
                    self.held -= instance_size(i);
                    hosts.push((i.first_host_function(), handle));
                }));
            }
            Kind::Memory => dead._memories.extend(self.memories.release(handle)),
            Kind::Table => dead._tables.extend(self.tables.release(handle)),
            Kind::Global => dead._globals.extend(self.globals.release(handle)),
            Kind::Tag => dead._tags.extend(store().tags().release(handle)),
        });
        for (first, handle) in hosts {
            cells.remove_hosts(first, handle);
        }
        self.cells = cells;
        dead
    }

    /// An environment has loaded the addon.
    pub fn opened() {
        Self::with(|realm| realm.environments += 1);
    }

    /// Does the thread have one environment alone?
    pub fn is_only_environment() -> bool {
        Self::with(|realm| realm.environments == 1)
    }

    /// An environment has ended; with the last one of the thread, everything goes.
    pub fn closed(env: sys::napi_env) {
        let last = Self::with(|realm| {
            realm.cells.forget(env);
            let carrier = &mut realm.last_carrier;
            if let Some((_, buffer)) = carrier.take_if(|(_, buffer)| buffer.is_of(env)) {
                buffer.delete();
            }
            realm.environments -= 1;
            realm.environments == 0
        });
        if last {
            drop(REALM.take());
            clear_spare();
            // SAFETY: the last environment of the thread ends, so no JavaScript runs any more that could
            // resume a guest; the instances are dropped.
            unsafe { Store::close() };
        }
    }
}

/// A cell, for code of the environment that made it; null if there is none.
pub fn cell(env: sys::napi_env, kind: Kind, handle: Option<u32>) -> sys::napi_value {
    Realm::with(|realm| {
        handle
            .and_then(|handle| realm.cells.get(kind, handle))
            .filter(|cell| cell.is_of(env))
            .map_or(null_mut(), Weak::get)
    })
}

/// What V8 is told of a module and of an instance: what each takes, and something for the many small
/// things that go with it.
const SMALL_THINGS: usize = 512;
/// The same of a module: its first page of code, its tables, and what V8 has for its carrier.
const MODULE_THINGS: usize = 32 << 10;

/// Its code grows as its functions are called; what is told must be the same at the end as at the start.
fn module_size(module: &CompiledModule) -> usize {
    let bytes = module.module().bytes.len();
    let code = bytes;
    MODULE_THINGS + code + bytes
}

fn instance_size(instance: &Instance) -> usize {
    SMALL_THINGS + instance.module().offsets().size() as usize
}
