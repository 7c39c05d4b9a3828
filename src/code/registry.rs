//! The modules of the process that are alive, by a number that their bytes give: one that travels to another
//! thread is found there, and bytes that were compiled before need not be again.

use super::CompiledModule;
use crate::module::Features;
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

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

/// A hash of the bytes. Who finds two modules of the same number gains nothing: bytes are compared.
fn number(bytes: &[u8]) -> u64 {
    static HASHER: OnceLock<DefaultHashBuilder> = OnceLock::new();
    HASHER
        .get_or_init(DefaultHashBuilder::default)
        .hash_one(bytes)
}

/// The number of a module, by which it is found from now on. The registry does not keep it alive.
pub fn add(module: &Arc<CompiledModule>) -> u64 {
    // Bytes can be many, and a module is registered once more whenever it gets a carrier.
    let number = || number(&module.module().bytes);
    let number = *module.number.get_or_init(number);
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

/// A module of these bytes that was compiled with the features that are on now.
pub fn known(bytes: &[u8]) -> Option<Arc<CompiledModule>> {
    find(number(bytes), bytes).filter(|module| module.module().features == Features::current())
}
