//! ArrayBuffers over memories.
//!
//! A buffer shows a memory's mapping and keeps it mapped; whether it is attached does not matter to
//! the engine. Growth detaches it.

use super::realm::Realm;
use crate::runtime::Memory;
use hashbrown::HashMap;
use napi::{Result, check_status, sys};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::rc::Rc;

/// The current buffer of each memory that has one.
#[derive(Default)]
pub struct Buffers(HashMap<*const Memory, Current>);

/// A weak reference to a buffer, and the environment that it belongs to.
struct Current {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Buffers {
    /// Makes a buffer over the whole of `memory` and detaches the one before.
    pub fn renew(env: sys::napi_env, memory: &Rc<Memory>) -> Result<sys::napi_value> {
        Self::detach(env, memory);
        let buffer = external(env, memory.base(), memory.len(), Some(memory.clone()))?;
        let mut reference = null_mut();
        // SAFETY: a live environment and a live object of it. A count of 0 makes the reference weak.
        check_status!(unsafe { sys::napi_create_reference(env, buffer, 0, &mut reference) })?;
        let current = Current { env, reference };
        Realm::with(|realm| realm.buffers.0.insert(Rc::as_ptr(memory), current));
        Ok(buffer)
    }

    /// Detaches the buffer of `memory`, if it has one.
    pub fn detach(env: sys::napi_env, memory: &Rc<Memory>) {
        let current = Realm::with(|realm| realm.buffers.0.remove(&Rc::as_ptr(memory)));
        let Some(current) = current.filter(|current| current.env == env) else {
            return;
        };
        let mut buffer = null_mut();
        // SAFETY: a live reference of a live environment, deleted once; its value is null if collected.
        // A failure to detach leaves a buffer that shows a part of the memory, which stays mapped.
        unsafe {
            sys::napi_get_reference_value(env, current.reference, &mut buffer);
            if !buffer.is_null() {
                sys::napi_detach_arraybuffer(env, buffer);
            }
            sys::napi_delete_reference(env, current.reference);
        }
    }
}

/// An ArrayBuffer over `length` bytes at `start`, which `keep` keeps alive until the buffer is collected.
pub fn external(
    env: sys::napi_env,
    start: *mut u8,
    length: usize,
    keep: Option<Rc<Memory>>,
) -> Result<sys::napi_value> {
    let hint = keep.map_or(null_mut(), |memory| Rc::into_raw(memory).cast_mut().cast());
    let mut buffer = null_mut();
    // SAFETY: a live environment; `start` is valid for `length` bytes while `keep` is.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env,
            start.cast(),
            length,
            Some(finalize),
            hint,
            &mut buffer,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: not handed over.
        unsafe { finalize(env, start.cast(), hint) };
    }
    check_status!(status)?;
    Ok(buffer)
}

unsafe extern "C" fn finalize(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
    if !hint.is_null() {
        // SAFETY: made by `external` from an `Rc`, and finalised once.
        drop(unsafe { Rc::from_raw(hint.cast::<Memory>().cast_const()) });
    }
}
