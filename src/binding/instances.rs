//! Instantiation, and the functions of instances.

use super::callback::{Functions, number, store};
use super::cells::Kind;
use super::collection::with_retry;
use super::modules::signature;
use super::realm::{Realm, cell};
use crate::module::ImportKind;
use crate::runtime::vm::State;
use crate::runtime::{ExportValue, ImportValue, Instance, InstantiateError};
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;

pub const FUNCTIONS: &Functions = &[
    (c"functionCell", function_cell),
    (c"hostCell", host_cell),
    (c"instantiate", instantiate_c_callback),
    (c"functionIndex", function_index_c_callback),
    (c"functionType", function_type_c_callback),
    (c"functionSignature", function_signature_c_callback),
];

/// Numbers before those of the exports in the answer of [`instantiate`].
const HEADER: usize = 4;

/// Instantiates a module. `numbers` has one for every import: a function's number or 0 for a host
/// function, or a handle; then handles of the shared memories that the module defines. In their place come [instance, first host function, start function or 0,
/// number of its first function, a handle for every export that is no function]. The result is null, or an error text if memory is out. If an active segment does not fit, the state
/// word is `Trap`, slot 0 holds the segment, slot 1 says whether it is an element segment, and slots 2-4
/// hold its offset, and as f64 its length and the size of the memory or table.
#[napi(no_export)]
pub fn instantiate(env: Env, module: u32, mut numbers: Int32ArraySlice) -> Result<Option<String>> {
    let refused = || Error::from_reason("no such module or import");
    let (module, values, shared) = Realm::with(|realm| {
        let module = realm
            .modules
            .get((module as usize).wrapping_sub(1))?
            .clone();
        let values = module
            .module()
            .imports
            .iter()
            .zip(numbers.iter())
            .map(|(import, &number)| {
                let handle = number as u32;
                Some(match import.kind {
                    ImportKind::Function(_) if number == 0 => ImportValue::HostFunction,
                    ImportKind::Function(_) => ImportValue::Function(handle),
                    ImportKind::Table(_) => ImportValue::Table(realm.tables.get(handle)?.clone()),
                    ImportKind::Memory(_) => {
                        ImportValue::Memory(realm.memories.get(handle)?.clone())
                    }
                    ImportKind::Global(_) => {
                        ImportValue::Global(realm.globals.get(handle)?.clone())
                    }
                    ImportKind::Tag(_) => ImportValue::Tag(store().tags().get(handle)?),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        let m = module.module();
        let defined = m.memories.iter().skip(m.imported_memories as usize);
        let handles = numbers.iter().skip(m.imports.len());
        let shared = defined
            .filter(|ty| ty.shared)
            .zip(handles)
            .map(|(_, handle)| realm.memories.get(*handle as u32).cloned())
            .collect::<Option<Vec<_>>>()?;
        Some((module, values, shared))
    })
    .ok_or_else(refused)?;
    let store = store();
    // Segments change tables, see `changeable_table`.
    if store.is_interrupted() {
        return Err(Error::from_reason("a guest is interrupted"));
    }
    let made = with_retry(env.raw(), || {
        match Instance::new(store, module.clone(), &values, &shared) {
            // Not for want of memory: no use in trying again.
            Err(error @ InstantiateError::Import(_)) => Ok(Err(error)),
            result => result.map(Ok),
        }
    });
    let instance = match made {
        Ok(Ok(instance)) => instance,
        Ok(Err(error)) => return Err(Error::from_reason(error.to_string())),
        Err(error) => return Ok(Some(error.to_string())),
    };
    match instance.apply_segments() {
        Ok(()) => store.set_state(State::Done, 0),
        Err(failure) => {
            store.set_slot(0, u64::from(failure.segment));
            store.set_slot(1, u64::from(failure.is_element));
            store.set_slot(2, failure.offset);
            store.set_slot(3, (failure.length as f64).to_bits());
            store.set_slot(4, (failure.size as f64).to_bits());
            store.set_state(State::Trap, failure.trap as i32);
        }
    }
    // SAFETY: the facade's own array, which nothing else touches during this call.
    let answer = unsafe { numbers.as_mut() };
    Realm::with(|realm| {
        let exports = (0..instance.module().module().exports.len()).map(|i| {
            instance.export(i).map_or(0, |export| match export {
                ExportValue::Function(_) => 0,
                ExportValue::Table(table) => realm.tables.handle(&table),
                ExportValue::Memory(memory) => realm.memories.handle(&memory),
                ExportValue::Global(global) => realm.globals.handle(&global),
                ExportValue::Tag(tag) => store.tags().number(&tag),
            })
        });
        for (place, number) in answer.iter_mut().skip(HEADER).zip(exports) {
            *place = number as i32;
        }
        let head = [
            0,
            instance.first_host_function(),
            instance.start_function().unwrap_or(0),
            instance.first_function(),
        ];
        for (place, number) in answer.iter_mut().zip(head) {
            *place = number as i32;
        }
        let handle = realm.add_instance(instance);
        if let Some(place) = answer.first_mut() {
            *place = handle as i32;
        }
    });
    Ok(None)
}

/// The instance that a registered function belongs to, and the function's index there.
fn locate<'a>(number: u32) -> Result<(&'a Instance, u32)> {
    store()
        .functions()
        .get(number)
        // SAFETY: registered in this store.
        .and_then(|f| unsafe { Instance::of_function(f) })
        .ok_or_else(|| Error::from_reason("no such function"))
}

/// Handle of the instance that function `number` belongs to.
fn owner(number: u32) -> Option<u32> {
    let (instance, _) = locate(number).ok()?;
    Some(instance.host_data() as u32)
}

/// Index of function `number` in its module: the name of its function object.
#[napi(no_export)]
pub fn function_index(number: u32) -> Result<u32> {
    locate(number).map(|(_, index)| index)
}

/// Number of the type of function `number`.
#[napi(no_export)]
pub fn function_type(number: u32) -> Result<u32> {
    let function = store().functions().get(number);
    let function = function.ok_or_else(|| Error::from_reason("no such function"))?;
    // SAFETY: registered functions are live.
    Ok(unsafe { (*function).type_id })
}

/// Type of function `number`, as in `describe`.
#[napi(no_export)]
pub fn function_signature(number: u32) -> Result<String> {
    locate(number)
        .map(|(instance, index)| signature(instance.module().module().function_type(index)))
}

/// Argument: a function's number. The cell of its instance, undefined if there is none.
unsafe extern "C" fn function_cell(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    cell(env, Kind::Instance, owner(number(env, info)))
}

/// Argument: a host function's number. The cell of the instance that imports it, undefined if there is none.
unsafe extern "C" fn host_cell(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let host = number(env, info);
    let instance = Realm::with(|realm| realm.cells.host(host));
    cell(env, Kind::Instance, instance)
}
