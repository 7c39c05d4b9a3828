//! Canonical numbers of function types, the same in all modules and threads, so that a signature check
//! is one compare.

use crate::module::FuncType;
use hashbrown::HashMap;
use std::sync::{Mutex, PoisonError};

static IDS: Mutex<Option<HashMap<FuncType, u32>>> = Mutex::new(None);

/// The id of `ty` in this process; never 0. Types are few, so they are kept for ever.
pub fn type_id(ty: &FuncType) -> u32 {
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let ids = ids.get_or_insert_default();
    if let Some(&id) = ids.get(ty) {
        return id;
    }
    let id = ids.len() as u32 + 1;
    ids.insert(ty.clone(), id);
    id
}
