//! The modules of the process that are alive, by a number that their bytes give: one that travels to another
//! thread is found there, and bytes that were compiled before need not be again.

use super::CompiledModule;
use crate::module::Features;
use hashbrown::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

#[derive(Default)]
struct Registry {
    modules: HashMap<u64, Weak<CompiledModule>>,
    /// How many entries there may be before those of modules that are gone are removed.
    limit: usize,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut Registry) -> R) -> R {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    f(registry.get_or_insert_with(Registry::default))
}

/// Has a module found by the number of its bytes. The registry does not keep it alive.
pub fn add(module: &Arc<CompiledModule>) {
    let number = module.module().bytes.number();
    with(|registry| {
        if registry.modules.len() >= registry.limit {
            registry
                .modules
                .retain(|_, module| module.strong_count() > 0);
            registry.limit = 2 * registry.modules.len() + 64;
        }
        registry.modules.insert(number, Arc::downgrade(module));
    });
}

/// The module of a number if it is still there and has these bytes.
pub fn find(number: u64, bytes: &[u8]) -> Option<Arc<CompiledModule>> {
    let module = with(|registry| registry.modules.get(&number)?.upgrade())?;
    (module.module().bytes[..] == *bytes).then_some(module)
}

/// A module of these bytes and their number that was compiled with the features that are on now.
pub fn known(number: u64, bytes: &[u8]) -> Option<Arc<CompiledModule>> {
    find(number, bytes).filter(|module| module.module().features == Features::current())
}
