//! The modules of the process, by number: one that travels to another thread is found there.

use super::CompiledModule;
use hashbrown::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

#[derive(Default)]
struct Registry {
    modules: HashMap<u64, Weak<CompiledModule>>,
    /// How many entries there may be before those of modules that are gone are removed.
    limit: usize,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn with<R>(f: impl FnOnce(&mut Registry) -> R) -> R {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    f(registry.get_or_insert_with(Registry::default))
}

/// Gives a module a number. The registry does not keep it alive.
pub fn add(module: &Arc<CompiledModule>) -> u64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    with(|registry| {
        if registry.modules.len() >= registry.limit {
            registry
                .modules
                .retain(|_, module| module.strong_count() > 0);
            registry.limit = 2 * registry.modules.len() + 64;
        }
        registry.modules.insert(number, Arc::downgrade(module));
    });
    number
}

/// The module of a number if it is still there and has these bytes.
pub fn find(number: u64, bytes: &[u8]) -> Option<Arc<CompiledModule>> {
    let module = with(|registry| registry.modules.get(&number)?.upgrade())?;
    (module.module().bytes == bytes).then_some(module)
}
