//! Interrupted guests: JavaScript gets its turn, and may end them.

use super::callback::{Functions, arguments, call, store};
use super::realm::Realm;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::cell::Cell;
use std::ptr::null_mut;
use std::time::Duration;

pub const FUNCTIONS: &Functions = &[
    (c"onInterrupt", on_interrupt),
    (c"onCrowded", on_crowded),
    (c"onEnterResting", on_enter_resting),
    (c"onRequest", on_request),
    (c"within", within),
    (c"interruptEvery", interrupt_every_c_callback),
    (c"canInterrupt", can_interrupt_c_callback),
];

/// What belongs to one environment; all functions that it exports have its address.
pub struct Environment {
    env: sys::napi_env,
    /// A reference to the function that [`poll`] calls; null until one is needed.
    poll: Cell<sys::napi_ref>,
    /// A reference to the function that [`Environment::innermost`] calls; null until there is one.
    innermost: Cell<sys::napi_ref>,
    /// The same for [`Environment::wake`].
    wake: Cell<sys::napi_ref>,
    /// A reference to the function that serves requests of guests; null until there is one.
    pub request: Cell<sys::napi_ref>,
}

impl Environment {
    pub fn new(env: sys::napi_env) -> Self {
        Self {
            env,
            poll: Cell::new(null_mut()),
            innermost: Cell::new(null_mut()),
            wake: Cell::new(null_mut()),
            request: Cell::new(null_mut()),
        }
    }

    pub fn env(&self) -> sys::napi_env {
        self.env
    }

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

/// What looks at a deadline that calls on this thread have to meet. It lies in a frame of [`within`], which
/// also keeps the handles; the store knows the innermost. (Storage of the thread is scarce in an addon.)
struct Deadline {
    env: sys::napi_env,
    check: sys::napi_value,
    outer: *const Deadline,
}

/// (function): what is to be called when a guest is interrupted, instead of an empty function. For
/// measurements.
unsafe extern "C" fn on_interrupt(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    keep(env, info, |environment| &environment.poll)
}

/// (function): tells the depth of the innermost activation that JavaScript serves, 0 for none.
unsafe extern "C" fn on_crowded(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    keep(env, info, |environment| &environment.innermost)
}

/// (function): wakes the store if this environment has it rest.
unsafe extern "C" fn on_enter_resting(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    keep(env, info, |environment| &environment.wake)
}

/// (function): does what a guest asks for, see `lib/shared.js`.
unsafe extern "C" fn on_request(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    keep(env, info, |environment| &environment.request)
}

/// Keeps the function that is the first argument of a running callback in `place`.
fn keep(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    place: fn(&Environment) -> &Cell<sys::napi_ref>,
) -> sys::napi_value {
    let mut reference = null_mut();
    // SAFETY: a running callback, whose functions all have the address of their environment; the old
    // reference is used nowhere any more.
    unsafe {
        let Some(environment) = Environment::of_callback(env, info) else {
            return null_mut();
        };
        let [function] = arguments(env, info);
        sys::napi_create_reference(env, function, 1, &mut reference);
        let old = place(environment).replace(reference);
        if !old.is_null() {
            sys::napi_delete_reference(env, old);
        }
    }
    null_mut()
}

impl Environment {
    /// The depth of the innermost activation that JavaScript serves; the greatest number if that cannot be
    /// known, as when other environments of the thread serve some.
    pub fn innermost(&self, env: sys::napi_env) -> u32 {
        let mut depth = u32::MAX;
        if Realm::is_only_environment() {
            self.ask(env, &self.innermost, |value| {
                // SAFETY: a live environment, and what the function returned.
                unsafe { sys::napi_get_value_uint32(env, value, &mut depth) };
            });
        }
        depth
    }

    /// Wakes the store, if this environment has it rest. False if that could not be done.
    pub fn wake(&self, env: sys::napi_env) -> bool {
        self.ask(env, &self.wake, |_| {})
    }

    /// Calls the function in `place`; false if there is none, if there was no room on V8's stack, or if V8 is about to end
    /// what runs.
    fn ask(
        &self,
        env: sys::napi_env,
        place: &Cell<sys::napi_ref>,
        answered: impl FnOnce(sys::napi_value),
    ) -> bool {
        let (mut scope, mut function) = (null_mut(), null_mut());
        if place.get().is_null() {
            return false;
        }
        // SAFETY: a live environment on its thread; the reference is one of its own.
        unsafe {
            sys::napi_open_handle_scope(env, &mut scope);
            sys::napi_get_reference_value(env, place.get(), &mut function);
            let result = call(env, function);
            match result {
                Ok(value) => answered(value),
                Err(_) => _ = forgive(env),
            }
            sys::napi_close_handle_scope(env, scope);
            result.is_ok()
        }
    }

    /// The function that is called when a guest is interrupted.
    fn function(
        &self,
        env: sys::napi_env,
    ) -> std::result::Result<sys::napi_value, sys::napi_status> {
        let (mut text, mut function) = (null_mut(), null_mut());
        let mut reference = self.poll.get();
        // SAFETY: a live environment on its thread; the reference is one of its own.
        unsafe {
            if !reference.is_null() {
                sys::napi_get_reference_value(env, reference, &mut function);
                return Ok(function);
            }
            let empty = c"(() => {})";
            let length = empty.count_bytes() as isize;
            sys::napi_create_string_utf8(env, empty.as_ptr(), length, &mut text);
            match sys::napi_run_script(env, text, &mut function) {
                sys::Status::napi_ok => {}
                status => return Err(status),
            }
            sys::napi_create_reference(env, function, 1, &mut reference);
        }
        self.poll.set(reference);
        Ok(function)
    }
}

/// JavaScript's turn: V8 acts on terminations, on timeouts, and on the debugger when a function is called.
/// Then deadlines are looked at. False if the guest is not to be resumed; then an exception is pending, or
/// V8 is about to end what runs.
pub fn poll(env: sys::napi_env, environment: Option<&Environment>) -> bool {
    let Some(environment) = environment else {
        return true;
    };
    let mut scope = null_mut();
    // SAFETY: a live environment on its thread. A guest may be interrupted without end, so handles must go
    // before the callback does.
    unsafe {
        sys::napi_open_handle_scope(env, &mut scope);
        let called = environment.function(env).and_then(|f| call(env, f));
        let resume = match called {
            Ok(_) => look_at_deadlines(env),
            Err(status) => status == sys::Status::napi_pending_exception && forgive(env),
        };
        sys::napi_close_handle_scope(env, scope);
        resume
    }
}

/// False if one has passed, or could not be looked at: then an exception is pending.
pub fn look_at_deadlines(env: sys::napi_env) -> bool {
    let mut next = store().host_data().cast::<Deadline>();
    // SAFETY: null, or in a frame that is there as long as the store names it.
    while let Some(deadline) = unsafe { next.as_ref() } {
        next = deadline.outer;
        let owner = deadline.env;
        if call(owner, deadline.check).is_ok() {
            continue;
        }
        if owner != env {
            let mut error = null_mut();
            // SAFETY: live environments on their thread, the first with an exception, perhaps.
            unsafe {
                if sys::napi_get_and_clear_last_exception(owner, &mut error) == sys::Status::napi_ok
                {
                    sys::napi_throw(env, error);
                }
            }
        }
        return false;
    }
    true
}

/// There was no room to call a function that did not even begin: the guest has to do without, this time.
/// Takes the exception back if that was it; terminations have none.
pub fn forgive(env: sys::napi_env) -> bool {
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
#[napi(no_export)]
pub fn interrupt_every(microseconds: u32) -> Result<()> {
    let interval = Duration::from_micros(microseconds.into());
    let wanted = (microseconds > 0).then_some(interval);
    store()
        .interrupt_every(wanted)
        .map_err(|e| Error::from_reason(e.to_string()))
}

/// Are guests of this thread that run long interrupted, if that is wanted? Not if the system has no timer for it.
#[napi(no_export)]
pub fn can_interrupt() -> bool {
    store().can_interrupt()
}

/// (function, check): calls the function. `check` is called when a guest is interrupted in the meantime, and
/// may throw. That is over when the call is, however it ends: a `finally` of JavaScript would not run
/// when V8 ends a script.
unsafe extern "C" fn within(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let [function, check] = arguments(env, info);
    let (outer, count) = (store.host_data(), store.deadlines());
    let deadline = Deadline {
        env,
        check,
        outer: outer.cast(),
    };
    store.set_deadlines(count + 1, (&raw const deadline).cast());
    let result = call(env, function);
    store.set_deadlines(count, outer);
    // The exception, if it was one, is pending.
    result.unwrap_or(null_mut())
}
