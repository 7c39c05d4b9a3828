//! V8's collections: it is told what the engine holds, and what it has freed is released.
//!
//! V8 does not see what engine objects take, so it is told, and collects when that becomes much.

use super::buffers;
use super::callback::{Functions, arguments, store};
use super::cells::{KINDS, Kind};
use super::realm::{Dead, Realm};
use super::shared;
use super::weak::Weak;
use crate::runtime::{Account, Due, clear_spare, retire_spare};
use napi::sys;
use std::ptr::null_mut;

pub const FUNCTIONS: &Functions = &[
    (c"watch", watch),
    (c"sweep", sweep_now),
    (c"collect", collect_now),
];

/// What V8 is told of a memory apart from its bytes, so that reservations do not pile up, either.
const RESERVATION_COST: usize = 32 << 10;
/// The same of a shared one, which takes more addresses and is gone only after one more collection.
const SHARED_COST: usize = 256 << 10;
/// More than any heap: V8 collects at once when it is told of that much.
const PRESSURE: i64 = 1 << 40;

fn tell(env: sys::napi_env, change: i64) {
    let mut total = 0;
    if change != 0 {
        // SAFETY: a live environment. V8 may collect in this call; the realm is not borrowed.
        unsafe { sys::napi_adjust_external_memory(env, change, &mut total) };
    }
}

/// What V8 should know that the engine holds.
fn held(realm: &Realm) -> usize {
    let account = Account::current();
    // Half of it: few programs touch all that they could, and each collection takes milliseconds.
    let reservations = account.memories * RESERVATION_COST + shared::count() * SHARED_COST;
    account.bytes / 2 + reservations + realm.held()
}

/// Tells V8 how much the engine holds by now, if that has changed by much.
pub fn settle(env: sys::napi_env) {
    if tell_held(env) {
        collect(env);
    }
}

/// The same; whether V8 must collect now.
fn tell_held(env: sys::napi_env) -> bool {
    let (change, is_overdue) = Realm::with(|realm| {
        let held = held(realm);
        (realm.cells.untold(held), realm.cells.is_overdue())
    });
    tell(env, change);
    is_overdue
}

/// Releases what has lost its cell.
fn sweep(env: sys::napi_env) {
    let dead: Dead = Realm::with(|realm| realm.take_dead(env));
    // Dropped where the realm is not borrowed; buffers outlive their memories, so they come after.
    drop(dead);
    buffers::sweep(env);
    shared::sweep();
    retire_spare();
    Realm::with(|realm| {
        // Before `settle`, which would find it overdue for ever.
        let held = held(realm);
        realm.cells.set_swept(held);
    });
    settle(env);
}

/// Makes V8 collect now, and releases what that has freed: for when something could not be had, or is overdue.
fn collect(env: sys::napi_env) {
    let (swept, before) = Realm::with(|realm| (realm.cells.swept(), held(realm)));
    collect_once(env);
    // If V8 was marking already, which begins at half of what is overdue, this has only ended that: whatever it had seen
    // by then was taken for alive.
    if Realm::with(|realm| held(realm)) > usize::midpoint(swept, before) {
        collect_once(env);
    }
}

fn collect_once(env: sys::napi_env) {
    tell(env, PRESSURE);
    tell(env, -PRESSURE);
    let store = store();
    if store.is_resting() {
        store.references().set_collected();
    }
    sweep(env);
}

/// `attempt`, and once more after a collection if it fails. A collection that was already under way
/// takes what has died since for alive, hence two.
pub fn with_retry<T, E>(
    env: sys::napi_env,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    for _ in 0..2 {
        if let Ok(result) = attempt() {
            return Ok(result);
        }
        collect(env);
        clear_spare();
    }
    attempt()
}

/// Slots (kind, handle), argument: the cell. What the handle names is released when the cell is gone.
unsafe extern "C" fn watch(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let (kind, handle) = (store.slot(0) as u32, store.slot(1) as u32);
    let Some(kind) = KINDS.get(kind as usize) else {
        return null_mut();
    };
    let [cell] = arguments(env, info);
    let Ok(cell) = Weak::new(env, cell) else {
        // Never, for an object. It would be kept for ever, which is safe.
        return null_mut();
    };
    Realm::with(|realm| realm.cells.add(*kind, handle, cell));
    let mut due = match kind {
        // No call is under way that has slots which nobody sees.
        Kind::Instance | Kind::Table | Kind::Global => store.references().due(),
        _ => Due::Nothing,
    };
    if tell_held(env) {
        // The host has the store rest first.
        match kind {
            Kind::Instance | Kind::Table | Kind::Global => due = Due::Overdue,
            _ => collect(env),
        }
    }
    if Realm::with(|realm| realm.cells.has_collected(env)) {
        sweep(env);
    }
    store.set_slot(0, due as u64);
    null_mut()
}

unsafe extern "C" fn collect_now(
    env: sys::napi_env,
    _: sys::napi_callback_info,
) -> sys::napi_value {
    collect(env);
    null_mut()
}

unsafe extern "C" fn sweep_now(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    sweep(env);
    null_mut()
}
