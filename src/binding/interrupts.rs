//! Interrupted guests: JavaScript gets its turn, and may end them.

use super::calls::store;
use crate::runtime::Store;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::cell::Cell;
use std::ffi::CStr;
use std::ptr::null_mut;
use std::time::Duration;

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

pub const FUNCTIONS: &[(&CStr, Callback)] = &[(c"onInterrupt", on_interrupt), (c"within", within)];

/// What belongs to one environment; all functions that it exports have its address.
#[derive(Default)]
pub struct Environment {
    /// A reference to the function that [`poll`] calls, or null.
    poll: Cell<sys::napi_ref>,
}

impl Environment {
    /// The environment of a running callback.
    ///
    /// # Safety
    /// The arguments are those of a callback that was made with the address of an environment that lives.
    pub unsafe fn of_callback<'a>(
        env: sys::napi_env,
        info: sys::napi_callback_info,
    ) -> Option<&'a Environment> {
        let mut data = null_mut();
        // SAFETY: a running callback; what is null is not wanted.
        unsafe {
            sys::napi_get_cb_info(env, info, null_mut(), null_mut(), null_mut(), &mut data);
            data.cast::<Environment>().as_ref()
        }
    }
}

/// The only argument of a running callback.
fn argument(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let (mut count, mut value) = (1, null_mut());
    // SAFETY: a running callback; there is room for one argument.
    unsafe { sys::napi_get_cb_info(env, info, &mut count, &mut value, null_mut(), null_mut()) };
    value
}

/// (function): what is to be called when a guest is interrupted.
unsafe extern "C" fn on_interrupt(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut reference = null_mut();
    // SAFETY: a running callback, whose functions all have the address of their environment; the old
    // reference is used nowhere any more.
    unsafe {
        let Some(environment) = Environment::of_callback(env, info) else {
            return null_mut();
        };
        sys::napi_create_reference(env, argument(env, info), 1, &mut reference);
        let old = environment.poll.replace(reference);
        if !old.is_null() {
            sys::napi_delete_reference(env, old);
        }
    }
    null_mut()
}

/// Calls a function without receiver and arguments; its result, or the status.
fn call(
    env: sys::napi_env,
    function: sys::napi_value,
) -> std::result::Result<sys::napi_value, sys::napi_status> {
    let (mut undefined, mut result) = (null_mut(), null_mut());
    // SAFETY: a live environment on its thread; `function` is a value of it.
    let status = unsafe {
        sys::napi_get_undefined(env, &mut undefined);
        let none = std::ptr::null();
        sys::napi_call_function(env, undefined, function, 0, none, &mut result)
    };
    match status {
        sys::Status::napi_ok => Ok(result),
        status => Err(status),
    }
}

/// Calls what `onInterrupt` was given: V8 acts on terminations, on timeouts, and on the debugger when a
/// function is called. False if the guest is not to be resumed; then an exception is pending, or V8 is
/// about to end what runs.
pub fn poll(env: sys::napi_env, environment: Option<&Environment>, store: &Store) -> bool {
    let reference = environment.map_or(null_mut(), |environment| environment.poll.get());
    if reference.is_null() {
        return true;
    }
    let (mut scope, mut function) = (null_mut(), null_mut());
    store.set_polled(false);
    // SAFETY: a live environment on its thread; the reference is one of its own. A guest may be
    // interrupted without end, so handles must go before the callback does.
    unsafe {
        sys::napi_open_handle_scope(env, &mut scope);
        sys::napi_get_reference_value(env, reference, &mut function);
        let resume = match call(env, function) {
            Ok(_) => true,
            // It ran, so what it threw is meant.
            Err(_) if store.polled() => false,
            Err(status) => status == sys::Status::napi_pending_exception && forgive(env),
        };
        sys::napi_close_handle_scope(env, scope);
        resume
    }
}

/// There was no room to call a function that did not even begin: the guest has to do without, this time.
/// Takes the exception back if that was it; terminations have none.
fn forgive(env: sys::napi_env) -> bool {
    let (mut error, mut is_error) = (null_mut(), false);
    // SAFETY: a live environment with an exception.
    unsafe {
        let taken = sys::napi_get_and_clear_last_exception(env, &mut error);
        taken == sys::Status::napi_ok
            && sys::napi_is_error(env, error, &mut is_error) == sys::Status::napi_ok
            && is_error
    }
}

/// How often guests of this thread are interrupted, in µs; 0 for never.
#[napi]
pub fn interrupt_every(microseconds: u32) -> Result<()> {
    let interval = Duration::from_micros(microseconds.into());
    let wanted = (microseconds > 0).then_some(interval);
    store()
        .interrupt_every(wanted)
        .map_err(|e| Error::from_reason(e.to_string()))
}

/// (function): calls it with one more deadline in force, and takes that back however it ends; a `finally`
/// of JavaScript would not run when V8 ends a script.
unsafe extern "C" fn within(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let before = store.deadlines();
    store.set_deadlines(before + 1);
    let result = call(env, argument(env, info));
    store.set_deadlines(before);
    // The exception, if it was one, is pending.
    result.unwrap_or(null_mut())
}
