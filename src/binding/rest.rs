//! A store that rests: the values in tables and globals are with their cells (`lib/rest.js`).

use super::callback::{Functions, arguments, store};
use super::cells::{Cells, Kind};
use super::realm::Realm;
use super::weak::Weak;
use crate::runtime::extern_slot;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::collections::BTreeSet;
use std::ptr::null_mut;

pub const FUNCTIONS: &Functions = &[(c"wake", wake)];

/// What of the values of externrefs a cell stands for: those in the table or global, or in all that an instance
/// has for itself.
struct Holder {
    kind: Kind,
    handle: u32,
    slots: BTreeSet<u32>,
}

/// Calls the function that it gets with each word of a holder.
type Visit<'a> = &'a dyn Fn(&mut dyn FnMut(u64));

/// Calls `f` with each holder that holds something; how many words were looked at.
fn holders(realm: &Realm, mut f: impl FnMut(Holder)) -> usize {
    let mut words = 0;
    let mut give = |kind, handle, visit: Visit| {
        let mut slots = BTreeSet::new();
        visit(&mut |word| {
            words += 1;
            slots.extend(extern_slot(word));
        });
        if !slots.is_empty() {
            f(Holder {
                kind,
                handle,
                slots,
            });
        }
    };
    for (handle, table) in realm.tables.iter() {
        give(Kind::Table, handle, &|f| table.visit_references(f));
    }
    for (handle, global) in realm.globals.iter() {
        if global.ty().value.is_traced() {
            give(Kind::Global, handle, &|f| f(global.get()));
        }
    }
    for (key, instance) in realm.instances.iter() {
        give(Kind::Instance, key as u32 + 1, &|f| {
            instance.visit_references(&mut *f);
            // Those that have cells of their own have come.
            let own = instance.tables().iter().filter(|t| !realm.tables.has(t));
            own.for_each(|table| table.visit_references(&mut *f));
        });
    }
    words
}

/// The holder's cell, if it is of this environment and alive.
fn cell(cells: &Cells, env: sys::napi_env, holder: &Holder) -> Option<sys::napi_value> {
    let cell = cells.get(holder.kind, holder.handle)?;
    let cell = cell.is_of(env).then(|| Weak::get(cell))?;
    (!cell.is_null()).then_some(cell)
}

/// Puts the cells of all holders into the array `cells`, and returns for each of them the number of slots that it alone
/// or others like it hold, and the slots. Null if that cannot be now.
///
/// The store rests from then on, so `wake` must come before any guest is resumed. With `idle`, none may wait for that.
#[napi]
pub fn rest(env: Env, cells: Array, idle: bool) -> Result<Option<Int32Array>> {
    let store = store();
    if store.is_interrupted() || store.is_resting() || idle && !store.is_idle() {
        return Ok(None);
    }
    let (cells, env) = (cells.raw(), env.raw());
    // Also what is held by something without a cell, such as an exported table of an instance in the making.
    let mut roots = BTreeSet::new();
    store.mark_suspended(|slot| {
        roots.insert(slot);
    });
    let (mut held, mut words) = (Vec::new(), 0);
    Realm::with(|realm| {
        words = holders(realm, |holder| match cell(&realm.cells, env, &holder) {
            Some(cell) => held.push((cell, holder.slots)),
            None => roots.extend(holder.slots),
        });
    });
    let mut numbers = Vec::new();
    for (i, (cell, slots)) in held.iter().enumerate() {
        // SAFETY: a live environment, an array and an object of it.
        unsafe { sys::napi_set_element(env, cells, i as u32, *cell) };
        let at = numbers.len();
        numbers.push(0);
        numbers.extend(slots.difference(&roots).map(|slot| *slot as i32));
        numbers[at] = (numbers.len() - at - 1) as i32;
    }
    store.rest(held.len(), words);
    Ok(Some(numbers.into()))
}

/// (array): guests may run again, once the values are where they were. Puts the cells of all holders into the array.
unsafe extern "C" fn wake(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [cells] = arguments(env, info);
    store().wake();
    Realm::with(|realm| {
        let mut count = 0;
        holders(realm, |holder| {
            let Some(cell) = cell(&realm.cells, env, &holder) else {
                return;
            };
            // SAFETY: a live environment, an array and an object of it.
            unsafe { sys::napi_set_element(env, cells, count, cell) };
            count += 1;
        });
    });
    null_mut()
}
