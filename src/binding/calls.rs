//! Entering and resuming guests.

use super::buffers;
use super::callback::{Functions, store};
use super::collection::settle;
use super::interrupts::{self, Environment};
use super::shared;
use crate::runtime::{Callee, Leaf, Store};
use napi::sys;
use std::hint::black_box;
use std::ptr::null_mut;

/// What is exported; V8's profiler shows guests under the name `wasm`.
pub const FUNCTIONS: &Functions = &[
    (c"empty", empty),
    (c"reclaim", reclaim),
    (c"resume", resume),
    (c"enter", enter),
];

/// Does nothing: the floor that calls are measured against.
unsafe extern "C" fn empty(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    null_mut()
}

unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let callee = store.callee();
    // The last thing in each case is a call that returns null, too, so this is left by a jump and has no frame. Where the
    // compiler knew what is returned, it would return that itself.
    if let Some(callee) = callee
        && let Some(leaf) = store.leaf(callee)
    {
        return match leaf {
            Leaf::Sure => store.enter_leaf(callee, Leaf::Sure).cast(),
            Leaf::CanTrap => enter_leaf(callee),
        };
    }
    enter_guest(env, info, callee)
}

/// A leaf that can trap, apart since registers are saved for it.
#[inline(never)]
fn enter_leaf(callee: Callee) -> sys::napi_value {
    black_box(store().enter_leaf(callee, Leaf::CanTrap)).cast()
}

/// Apart from leaves, which do without its frame. (Were it a function of Rust, what calls it would have a frame to end the
/// process if this unwound; it ends it itself.)
#[allow(improper_ctypes_definitions, reason = "nobody but Rust calls it")]
#[inline(never)]
extern "C" fn enter_guest(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    callee: Option<Callee>,
) -> sys::napi_value {
    let store = store();
    store.enter(callee);
    if store.wants_attention() {
        attend(env, info, store);
    }
    black_box(null_mut())
}

unsafe extern "C" fn resume(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    store.resume();
    if store.wants_attention() {
        attend(env, info, store);
    }
    null_mut()
}

/// Before JavaScript goes on: wakes the store or makes room if the guest could not be entered, detaches the buffers of memories
/// that the guest has grown, and if the guest was interrupted or asks for something, lets JavaScript do what it has to and
/// resumes the guest.
#[cold]
#[inline(never)]
fn attend(env: sys::napi_env, info: sys::napi_callback_info, store: &Store) {
    // SAFETY: `env` and `info` are those of the running callback, one of `FUNCTIONS`.
    let environment = unsafe { Environment::of_callback(env, info) };
    if store.take_refused() {
        store.enter_awake(environment.is_none_or(|e| e.wake(env)));
    }
    if store.take_crowded() {
        store.enter_crowded(environment.map_or(u32::MAX, |e| e.innermost(env)));
    }
    loop {
        let interrupted = store.interrupted();
        for memory in store.take_grown() {
            buffers::detach(env, &memory);
        }
        let Some(depth) = interrupted else { break };
        let request = store.take_request();
        let resume = store.while_interrupted(|| match &request {
            None => interrupts::poll(env, environment),
            Some(request) => shared::serve(env, environment, request),
        });
        if !resume {
            store.abandon(depth);
            break;
        }
        store.resume_interrupted(depth);
    }
    settle(env);
}

unsafe extern "C" fn reclaim(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    store().reclaim();
    null_mut()
}
