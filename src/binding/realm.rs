//! What JavaScript holds of the engine on one thread, by handle.

use super::buffers::Buffers;
use crate::code::CompiledModule;
use crate::runtime::{Global, Instance, Memory, Store, Table};
use hashbrown::HashMap;
use slab::Slab;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

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

    pub fn get(&self, handle: u32) -> Option<&Rc<T>> {
        self.objects.get((handle as usize).checked_sub(1)?)
    }

    pub fn release(&mut self, handle: u32) {
        if let Some(object) = (handle as usize)
            .checked_sub(1)
            .and_then(|key| self.objects.try_remove(key))
        {
            self.by_address.remove(&Rc::as_ptr(&object));
        }
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
    pub buffers: Buffers,
    environments: usize,
}

thread_local! {
    static REALM: RefCell<Realm> = RefCell::default();
}

impl Realm {
    /// Runs `f` with this thread's realm. No JavaScript may run inside.
    pub fn with<R>(f: impl FnOnce(&mut Realm) -> R) -> R {
        REALM.with_borrow_mut(f)
    }

    /// An environment has loaded the addon.
    pub fn opened() {
        Self::with(|realm| realm.environments += 1);
    }

    /// An environment has ended; with the last one of the thread, everything goes.
    pub fn closed() {
        let last = Self::with(|realm| {
            realm.environments -= 1;
            realm.environments == 0
        });
        if last {
            drop(REALM.take());
            // SAFETY: the last environment of the thread ends, so no JavaScript runs any more that could
            // resume a guest; the instances are dropped.
            unsafe { Store::close() };
        }
    }
}
