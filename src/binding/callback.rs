//! What all functions need that JavaScript calls.

use crate::arch;
use crate::runtime::Store;
use napi::sys;
use std::ffi::CStr;
use std::ptr::null_mut;

/// A function as Node-API has it.
pub type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;
/// Functions to export, by name.
pub type Functions = [(&'static CStr, Callback)];

/// This thread's store. Scratch functions are reached through exports of an environment that made it.
#[inline(always)]
pub fn store<'a>() -> &'a Store {
    // SAFETY: made in `init` and alive while an environment of the thread is.
    unsafe { &*arch::current() }
}

/// The first arguments of a running callback.
pub fn arguments<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> [sys::napi_value; N] {
    let (mut count, mut values) = (N, [null_mut(); N]);
    // SAFETY: a running callback; there is room for so many arguments.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            values.as_mut_ptr(),
            null_mut(),
            null_mut(),
        );
    }
    values
}

/// The first argument of a running callback as a number, 0 if it is none.
pub fn number(env: sys::napi_env, info: sys::napi_callback_info) -> u32 {
    let [value] = arguments(env, info);
    let mut number = 0;
    // SAFETY: a live environment and a value of the call.
    unsafe { sys::napi_get_value_uint32(env, value, &mut number) };
    number
}

/// Calls a function without receiver and arguments; its result, or the status.
pub fn call(
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

/// Runs `f`, and drops the handles that it makes.
pub fn with_scope<R>(env: sys::napi_env, f: impl FnOnce() -> R) -> R {
    let mut scope = null_mut();
    // SAFETY: a live environment, in a callback of it; no handle made by `f` leaves the scope.
    unsafe {
        let opened = sys::napi_open_handle_scope(env, &mut scope) == sys::Status::napi_ok;
        let result = f();
        if opened {
            sys::napi_close_handle_scope(env, scope);
        }
        result
    }
}
