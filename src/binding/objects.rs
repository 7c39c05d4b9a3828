//! Memories, tables and globals: scratch functions. Slots are listed with each.

use super::buffers;
use super::callback::{Functions, store};
use super::collection::{settle, with_retry};
use super::realm::Realm;
use super::values::{from_word, to_word, value_type};
use crate::module::{AddressType, GlobalType, Limits, MemoryType, PAGE_BITS, TableType, ValType};
use crate::runtime::vm::{State, VMGlobal, slot_of_shared};
use crate::runtime::{Global, Memory, Store, Table, Trap, new_global, new_table};
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ptr::null_mut;
use std::rc::Rc;

pub const FUNCTIONS: &Functions = &[
    (c"memoryNew", memory_new),
    (c"memorySize", memory_size),
    (c"memoryGrow", memory_grow),
    (c"tableNew", table_new),
    (c"tableSize", table_size),
    (c"tableGet", table_get),
    (c"tableSet", table_set),
    (c"tableGrow", table_grow),
    (c"globalNew", global_new),
    (c"globalGet", global_get),
    (c"globalSet", global_set),
    (c"memoryBuffer", memory_buffer_c_callback),
    (c"markReferences", mark_references_c_callback),
];

fn word(store: &Store, k: usize) -> u32 {
    store.slot(k) as u32
}

/// The type of addresses from a slot: 0 for i32, 1 for i64.
fn address(store: &Store, k: usize) -> AddressType {
    match word(store, k) {
        0 => AddressType::I32,
        _ => AddressType::I64,
    }
}

/// Limits from three slots: minimum, whether there is a maximum, maximum.
fn limits(store: &Store, k: usize) -> Limits {
    Limits {
        min: store.slot(k),
        max: (word(store, k + 1) != 0).then(|| store.slot(k + 2)),
    }
}

/// A size before growth; -1 for `None`.
fn or_minus_one(result: Option<u64>) -> u64 {
    result.unwrap_or(u64::MAX)
}

/// (address type; initial; has a maximum; maximum) -> handle, or 0 if it cannot be had
#[allow(
    clippy::arc_with_non_send_sync,
    reason = "the engine counts all its objects in one way"
)]
unsafe extern "C" fn memory_new(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let ty = MemoryType {
        address: address(store, 0),
        page_bits: PAGE_BITS,
        limits: limits(store, 1),
        shared: false,
    };
    let memory = with_retry(env, || Memory::new(ty));
    let handle = memory.map_or(0, |memory| {
        Realm::with(|r| r.memories.handle(&Rc::new(memory)))
    });
    store.set_slot(0, u64::from(handle));
    null_mut()
}

fn memory(store: &Store) -> Option<Rc<Memory>> {
    Realm::with(|r| r.memories.get(word(store, 0)).cloned())
}

/// (handle) -> pages
unsafe extern "C" fn memory_size(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    store.set_slot(0, memory(store).map_or(0, |memory| memory.pages()));
    null_mut()
}

/// (handle, delta) -> pages before, or -1
unsafe extern "C" fn memory_grow(
    env: sys::napi_env,
    _: sys::napi_callback_info,
) -> sys::napi_value {
    let store = store();
    // A guest that was interrupted may be about to use the base that it has read.
    let memory = memory(store).filter(|memory| !(memory.moves() && store.is_interrupted()));
    let before = memory.and_then(|memory| {
        let before = memory.grow(store.slot(1))?;
        buffers::detach(env, &memory);
        store.count_growth();
        settle(env);
        Some(before)
    });
    store.set_slot(0, or_minus_one(before));
    null_mut()
}

/// A new ArrayBuffer over all of a memory; the one before is detached.
#[napi(no_export)]
pub fn memory_buffer(env: Env, handle: u32) -> Result<Unknown<'static>> {
    let memory = Realm::with(|r| r.memories.get(handle).cloned())
        .ok_or_else(|| Error::from_reason("no such memory"))?;
    let buffer = buffers::renew(env.raw(), &memory)?;
    // SAFETY: a value of this environment, made in this call.
    Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), buffer) })
}

/// (element type; address type; initial; has a maximum; maximum; value) -> handle, or 0 if it cannot be had
unsafe extern "C" fn table_new(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let element = value_type(word(store, 0)).unwrap_or(ValType::FUNCREF);
    let ty = TableType {
        element,
        address: address(store, 1),
        limits: limits(store, 2),
    };
    let value = to_word(store, element, store.slot(5));
    let table = with_retry(env, || new_table(store, ty, value).ok_or(()));
    let handle = table.map_or(0, |table| Realm::with(|r| r.tables.handle(&table)));
    store.set_slot(0, u64::from(handle));
    null_mut()
}

fn table(store: &Store) -> Option<Rc<Table>> {
    Realm::with(|r| r.tables.get(word(store, 0)).cloned())
}

/// A guest that was interrupted may be about to use what it has read of a table. (It takes a debugger to
/// get here then.)
fn changeable_table(store: &Store) -> Option<Rc<Table>> {
    table(store).filter(|_| !store.is_interrupted())
}

/// (handle) -> length, and the slot where it is from now on, or 0
unsafe extern "C" fn table_size(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let table = table(store);
    let slot = table.as_ref().and_then(|table| store.share_length(table));
    store.set_slot(0, table.map_or(0, |table| table.len()));
    store.set_slot(1, slot.map_or(0, |slot| slot_of_shared(slot).into()));
    null_mut()
}

/// Leaves `Done` in the state word, or the trap of a table access out of bounds.
fn done_or_out_of_bounds(store: &Store, done: Option<()>) {
    match done {
        Some(()) => store.set_state(State::Done, 0),
        None => store.set_state(State::Trap, Trap::TableOutOfBounds as i32),
    }
}

/// (handle, index) -> value; see the state word
unsafe extern "C" fn table_get(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let done = table(store).and_then(|table| {
        let value = table.get(store.slot(1))?;
        store.set_slot(0, from_word(table.ty().element, value));
        Some(())
    });
    done_or_out_of_bounds(store, done);
    null_mut()
}

/// (handle, index, value); see the state word
unsafe extern "C" fn table_set(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let done = changeable_table(store).and_then(|table| {
        table.set(
            store.slot(1),
            to_word(store, table.ty().element, store.slot(2)),
        )
    });
    done_or_out_of_bounds(store, done);
    null_mut()
}

/// (handle, delta, value) -> length before, or -1
unsafe extern "C" fn table_grow(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let before = changeable_table(store).and_then(|table| {
        table.grow(
            store.slot(1),
            to_word(store, table.ty().element, store.slot(2)),
        )
    });
    settle(env);
    store.set_slot(0, or_minus_one(before));
    null_mut()
}

/// (type, mutable, value) -> handle
unsafe extern "C" fn global_new(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let value = value_type(word(store, 0)).unwrap_or(ValType::I32);
    let ty = GlobalType {
        value,
        mutable: word(store, 1) != 0,
    };
    let bits = if value == ValType::V128 {
        0
    } else {
        to_word(store, value, store.slot(2))
    };
    let global = new_global(store, ty, VMGlobal::from(bits));
    store.set_slot(0, u64::from(Realm::with(|r| r.globals.handle(&global))));
    null_mut()
}

/// Leaves in slot 0 the slot where the facade finds the global's value from now on, without a call; 1 if
/// there is none.
fn tell_slot(store: &Store, global: &Global) {
    let slot = global.shared_slot().map_or(1, slot_of_shared);
    store.set_slot(0, u64::from(slot));
}

/// (handle) -> its slot, value in slot 1
unsafe extern "C" fn global_get(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    if let Some(global) = Realm::with(|r| r.globals.get(word(store, 0)).cloned()) {
        store.set_slot(1, from_word(global.ty().value, global.get()));
        tell_slot(store, &global);
    }
    null_mut()
}

/// (handle, value) -> its slot
unsafe extern "C" fn global_set(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    if let Some(global) = Realm::with(|r| r.globals.get(word(store, 0)).cloned()) {
        global.set(to_word(store, global.ty().value, store.slot(1)));
        tell_slot(store, &global);
    }
    null_mut()
}

/// Sets the bit of every externref slot that the engine still holds; how many words it has looked at.
#[napi(no_export)]
pub fn mark_references(mut bitmap: Uint32Array) -> u32 {
    // SAFETY: the facade's own array, which nothing else touches during this call.
    let words = unsafe { bitmap.as_mut() };
    // A guest that was interrupted may hold a slot's number in any form.
    if store().is_interrupted() {
        words.fill(u32::MAX);
        return words.len() as u32;
    }
    let looked_at = store().mark_references(|slot| {
        if let Some(word) = words.get_mut(slot as usize / 32) {
            *word |= 1 << (slot % 32);
        }
    });
    looked_at as u32
}
