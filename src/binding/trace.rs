//! The frames of a guest that a trap has ended, for the `stack` of errors.

use super::callback::{Functions, store};
use super::realm::Realm;
use napi::sys;
use napi_derive::napi;
use std::ptr::null_mut;
use std::sync::Arc;

pub const FUNCTIONS: &Functions = &[
    (c"frames", frames),
    (c"describeFrame", describe_frame_c_callback),
];

/// More frames do not cross, a slot each.
const MOST: u32 = 200;

/// Scratch: how many frames are wanted in slot 0. Then there: how many there are, and from slot 1 a module's
/// number and an offset in its bytes for each, innermost first.
unsafe extern "C" fn frames(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let wanted = (store.slot(0) as u32).min(MOST);
    let mut count = 0;
    store.frames(|source| {
        if count < wanted {
            count += 1;
            let words = u64::from(source.module) | u64::from(source.offset) << 32;
            store.set_slot(count as usize, words);
        }
        count < wanted
    });
    store.set_slot(0, count.into());
    null_mut()
}

/// What [`frames`] has named.
#[napi(object)]
pub struct Frame {
    pub index: u32,
    pub name: Option<String>,
    pub module_name: Option<String>,
    /// Tells modules apart.
    pub hash: u32,
}

/// `null` once the module is gone.
#[napi(no_export)]
pub fn describe_frame(number: u32, offset: u32) -> Option<Frame> {
    let compiled = Realm::with(|realm| {
        let mut modules = realm.modules.iter().map(|(_, module)| module);
        modules.find(|m| m.is_source(number)).map(Arc::clone)
    })?;
    let module = compiled.module();
    let index = module.function_at(offset)?;
    Some(Frame {
        index,
        name: module.function_name(index).map(str::to_owned),
        module_name: module.module_name().map(str::to_owned),
        hash: compiled
            .key()
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes)),
    })
}
