//! Node-API, and nothing else: the engine for the facade in `lib/`.
//!
//! Two kinds of functions are exported. *Scratch* functions (`enter`, `resume`, `tableGet`, ...) take
//! no arguments and give no result: everything lies in the scratch memory, so a call costs what an
//! empty Node-API function costs. The others are called rarely and take values in the usual way.
//! Nothing is decided here: `lib/` does what the standard says and this does what it is told,
//! checking only what memory safety needs.

mod buffers;
mod callback;
mod calls;
mod carriers;
mod cells;
mod collection;
mod exceptions;
mod facade;
#[cfg(feature = "faults")]
mod faults;
mod images;
mod instances;
mod interrupts;
mod json;
mod limits;
mod modules;
mod objects;
mod realm;
mod rest;
mod shared;
mod stats;
mod streams;
mod trace;
mod values;
mod weak;

use crate::runtime::{Store, vm::SHARED_SIZE};
use callback::{Callback, Functions, arguments};
use interrupts::Environment;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use realm::Realm;
use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};
use std::time::Duration;

/// Called once for every environment that loads the addon: once a thread as a rule, and more often
/// where somebody loads it into several contexts of one thread. All of a thread share its store.
#[napi(module_exports)]
pub fn init(exports: Object, env: Env) -> Result<()> {
    let store = Store::current().map_err(|e| Error::from_reason(e.to_string()))?;
    Realm::opened();
    let data: *mut c_void = Box::into_raw(Box::new(Environment::new(env.raw()))).cast();
    // SAFETY: a live environment, in its own thread; the hook runs there, too.
    let status = unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(closed), data) };
    check_status!(status)?;
    // Where no signal can be had guests run uninterrupted.
    let _ = store.interrupt_every(Some(TICK));
    let scratch = buffers::external(env.raw(), store.scratch(), SHARED_SIZE, None)?;
    set(&env, &exports, c"scratch", scratch)?;
    set(
        &env,
        &exports,
        c"make",
        function(env.raw(), c"make", make, data)?,
    )
}

/// All functions for the facade, by file.
const FUNCTIONS: &[&Functions] = &[
    calls::FUNCTIONS,
    carriers::FUNCTIONS,
    collection::FUNCTIONS,
    exceptions::FUNCTIONS,
    facade::FUNCTIONS,
    #[cfg(feature = "faults")]
    faults::FUNCTIONS,
    images::FUNCTIONS,
    instances::FUNCTIONS,
    interrupts::FUNCTIONS,
    limits::FUNCTIONS,
    modules::FUNCTIONS,
    objects::FUNCTIONS,
    rest::FUNCTIONS,
    shared::FUNCTIONS,
    stats::FUNCTIONS,
    streams::FUNCTIONS,
    trace::FUNCTIONS,
];

/// (name): the function of that name. All of them at once would take a tenth of a start, and most programs need few.
unsafe extern "C" fn make(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let [value] = arguments(env, info);
    let (mut name, mut length) = ([0; 32], 0);
    // SAFETY: a value of the call, or nothing, which is refused; there is room for so many characters and a zero.
    unsafe {
        let room = name.len();
        sys::napi_get_value_string_latin1(env, value, name.as_mut_ptr(), room, &mut length);
    }
    let mut all = FUNCTIONS.iter().copied().flatten();
    // SAFETY: Node-API ends it with a zero.
    let wanted = unsafe { CStr::from_ptr(name.as_ptr()) };
    // SAFETY: made in `init`.
    let environment = unsafe { Environment::of_callback(env, info) };
    let data = environment.map_or(null(), std::ptr::from_ref);
    let made = match all.find(|(name, _)| *name == wanted) {
        Some((name, callback)) => function(env, name, *callback, data.cast_mut().cast()),
        None => Err(Error::from_reason(format!("there is no {wanted:?}"))),
    };
    made.unwrap_or_else(|error| {
        // SAFETY: a live environment in a callback of it.
        unsafe { JsError::from(error).throw_into(env) };
        null_mut()
    })
}

/// A function with the environment as data.
fn function(
    env: sys::napi_env,
    name: &CStr,
    callback: Callback,
    data: *mut c_void,
) -> Result<sys::napi_value> {
    let (length, mut function) = (name.count_bytes() as isize, null_mut());
    // SAFETY: a live environment; a name of that length; the data lives as long as the environment.
    let status = unsafe {
        let callback = Some(callback);
        sys::napi_create_function(env, name.as_ptr(), length, callback, data, &mut function)
    };
    check_status!(status)?;
    Ok(function)
}

/// How long a guest runs before V8 gets its turn.
const TICK: Duration = Duration::from_millis(5);

/// Runs when an environment ends.
extern "C" fn closed(data: *mut c_void) {
    // SAFETY: made in `init`; no function of the environment is called any more.
    let environment = unsafe { Box::from_raw(data.cast::<Environment>()) };
    buffers::forget(environment.env());
    shared::forget(environment.env());
    Realm::closed(environment.env());
}

fn set(env: &Env, object: &Object, name: &CStr, value: sys::napi_value) -> Result<()> {
    // SAFETY: a live environment and live values of it; the name is 0-terminated.
    let status =
        unsafe { sys::napi_set_named_property(env.raw(), object.raw(), name.as_ptr(), value) };
    check_status!(status)
}
