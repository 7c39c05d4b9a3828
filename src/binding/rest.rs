//! A store that rests: what tables and globals hold is known to their cells (`lib/rest.js`).

use super::callback::{Functions, arguments, store};
use super::cells::{Cells, Kind};
use super::realm::Realm;
use super::weak::Weak;
use crate::module::ValType;
use crate::runtime::vm::VMFuncRef;
use crate::runtime::{Instance, extern_slot};
use hashbrown::HashSet;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ptr::null_mut;

pub const FUNCTIONS: &Functions = &[(c"wake", wake), (c"rest", rest_c_callback)];

/// What a cell stands for: a table, a global, or an instance with all that it has for itself.
struct Holder {
    kind: Kind,
    handle: u32,
    /// Slots of the externrefs that it holds.
    slots: Vec<u32>,
    /// Handles of the instances whose functions it holds.
    owners: Vec<u32>,
}

impl Holder {
    fn new(kind: Kind, handle: u32) -> Self {
        Self {
            kind,
            handle,
            slots: Vec::new(),
            owners: Vec::new(),
        }
    }

    fn add(&mut self, ty: ValType, word: u64) {
        if !ty.is_func() {
            // A table is often filled with one value.
            self.slots
                .extend(extern_slot(word).filter(|slot| self.slots.last() != Some(slot)));
        } else if word != 0 {
            // SAFETY: a reference of a function that the store knows.
            let owner = unsafe { Instance::host_data_of(word as *const VMFuncRef) } as u32;
            if self.owners.last() != Some(&owner) {
                self.owners.push(owner);
            }
        }
    }

    /// The holder's cell, if it is of this environment and alive.
    fn cell(&self, cells: &Cells, env: sys::napi_env) -> Option<sys::napi_value> {
        let cell = cells.get(self.kind, self.handle)?;
        let cell = cell.is_of(env).then(|| Weak::get(cell))?;
        (!cell.is_null()).then_some(cell)
    }
}

/// Calls `f` with each holder, instances first; how many words were looked at.
fn holders(realm: &Realm, mut f: impl FnMut(Holder)) -> usize {
    let mut words = 0;
    for (key, instance) in realm.instances.iter() {
        let mut holder = Holder::new(Kind::Instance, key as u32 + 1);
        instance.visit_globals(|ty, word| holder.add(ty, word));
        for table in instance.tables() {
            // Those that have cells of their own come later.
            if !realm.tables.has(table) {
                words += table.len() as usize;
                table.visit(|word| holder.add(table.ty().element, word));
            }
        }
        f(holder);
    }
    for (handle, table) in realm.tables.iter() {
        let mut holder = Holder::new(Kind::Table, handle);
        words += table.len() as usize;
        table.visit(|word| holder.add(table.ty().element, word));
        f(holder);
    }
    for (handle, global) in realm.globals.iter() {
        let ty = global.ty().value;
        if ty.is_reference() {
            let mut holder = Holder::new(Kind::Global, handle);
            holder.add(ty, global.get());
            f(holder);
        }
    }
    words
}

/// Has the store rest, unless that cannot be now (then the result is null). It must be woken before a guest is resumed;
/// with `idle`, none may be waiting for that.
///
/// Puts the cells of all holders into the array `cells`. The numbers that are returned say whether it is known which
/// functions are held, and then for each cell: how many slots are held by it, or by others with cells, alone; those
/// slots; how many instances have functions that it holds; and where their cells are in the array.
#[napi(no_export)]
pub fn rest(env: Env, cells: Array, idle: bool) -> Result<Option<Int32Array>> {
    let store = store();
    // The calls of other environments would have to ask each time.
    let is_alone = Realm::is_only_environment();
    if !is_alone || store.is_interrupted() || store.is_resting() || idle && !store.is_idle() {
        return Ok(None);
    }
    let (array, env) = (cells.raw(), env.raw());
    // Also what is held by something without a cell, such as an exported table of an instance in the making.
    let mut roots = HashSet::new();
    store.mark_suspended(|slot| {
        roots.insert(slot);
    });
    // The functions of frames and exceptions cannot be told from numbers.
    let knows_functions = store.is_idle() && store.exceptions().is_empty();
    let mut holding = Vec::new();
    // Where the cell of each instance is.
    let mut places = Vec::new();
    let words = Realm::with(|realm| {
        holders(realm, |holder| match holder.cell(&realm.cells, env) {
            Some(cell) => {
                let place = holding.len() as u32;
                // SAFETY: a live environment, an array and an object of it.
                unsafe { sys::napi_set_element(env, array, place, cell) };
                if holder.kind == Kind::Instance {
                    places.resize(places.len().max(holder.handle as usize + 1), None);
                    places[holder.handle as usize] = Some(place as i32);
                }
                holding.push(holder);
            }
            None => roots.extend(holder.slots),
        })
    });
    let mut numbers = vec![i32::from(knows_functions)];
    for holder in &mut holding {
        holder.slots.sort_unstable();
        holder.slots.dedup();
        holder.slots.retain(|slot| !roots.contains(slot));
        numbers.push(holder.slots.len() as i32);
        numbers.extend(holder.slots.iter().map(|slot| *slot as i32));
        holder.owners.sort_unstable();
        holder.owners.dedup();
        let owners = holder.owners.iter();
        let at = numbers.len();
        numbers.push(0);
        numbers.extend(owners.filter_map(|owner| places.get(*owner as usize).copied().flatten()));
        numbers[at] = (numbers.len() - at - 1) as i32;
    }
    store.rest(holding.len(), words);
    Ok(Some(numbers.into()))
}

/// (array): guests may run again, once all is as it was. Puts the cells of all holders into the array.
unsafe extern "C" fn wake(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [array] = arguments(env, info);
    store().wake();
    Realm::with(|realm| {
        // What they hold is of no interest here.
        let instances = realm.instances.iter();
        let instances = instances.map(|(key, _)| Holder::new(Kind::Instance, key as u32 + 1));
        let tables = realm.tables.iter();
        let tables = tables.map(|(handle, _)| Holder::new(Kind::Table, handle));
        let globals = realm.globals.iter();
        let globals = globals.filter(|(_, global)| global.ty().value.is_reference());
        let globals = globals.map(|(handle, _)| Holder::new(Kind::Global, handle));
        let all = instances.chain(tables).chain(globals);
        let cells = all.filter_map(|holder| holder.cell(&realm.cells, env));
        for (place, cell) in cells.enumerate() {
            // SAFETY: a live environment, an array and an object of it.
            unsafe { sys::napi_set_element(env, array, place as u32, cell) };
        }
    });
    null_mut()
}
