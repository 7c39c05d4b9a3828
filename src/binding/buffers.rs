//! ArrayBuffers over memories.
//!
//! A buffer shows a memory's mapping and keeps it mapped; whether it is attached does not matter to
//! the engine. Growth detaches it.
//!
//! The finaliser of a buffer runs when the event loop turns, which may be long after the buffer was
//! collected. Until then its mapping must stay, since only the finaliser proves that nobody has the
//! bytes any more (`ArrayBuffer.prototype.transfer.call` gets past the facade's guards). But once the
//! weak reference is empty nobody ought to have them, so their pages are given back.

use super::callback::with_scope;
use super::weak::Weak;
use crate::runtime::{Mapping, Memory};
use hashbrown::HashMap;
use napi::{Error, Result, check_status, sys};
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::rc::{self, Rc};

struct Shown {
    buffer: Weak,
    memory: rc::Weak<Memory>,
    mapping: rc::Weak<Mapping>,
}

type Buffers = HashMap<*const Mapping, Shown>;

thread_local! {
    /// The latest buffer of each mapping that has had one; those before it were detached. In a box, see `Realm`.
    static BUFFERS: RefCell<Box<Buffers>> = RefCell::default();
}

/// Takes the buffers out that `gone` says are of no more use.
fn remove(mut gone: impl FnMut(&mut Shown) -> bool) {
    BUFFERS.with_borrow_mut(|buffers| {
        buffers
            .extract_if(|_, shown| gone(shown))
            .for_each(|(_, shown)| shown.buffer.delete());
    });
}

/// Makes a buffer over the whole of `memory` and detaches the one before.
pub fn renew(env: sys::napi_env, memory: &Rc<Memory>) -> Result<sys::napi_value> {
    detach(env, memory);
    let mapping = memory.mapping();
    let mapping = mapping.ok_or_else(|| Error::from_reason("the memory is the host's"))?;
    let buffer = external(env, memory.base(), memory.len(), Some(mapping.clone()))?;
    let shown = Shown {
        buffer: Weak::new(env, buffer)?,
        memory: Rc::downgrade(memory),
        mapping: Rc::downgrade(&mapping),
    };
    let former = BUFFERS.with_borrow_mut(|buffers| buffers.insert(Rc::as_ptr(&mapping), shown));
    if let Some(former) = former {
        former.buffer.delete();
    }
    Ok(buffer)
}

/// Detaches the buffer of `memory`, if it has one, also where the memory was before it moved.
pub fn detach(env: sys::napi_env, memory: &Rc<Memory>) {
    if let Some(mapping) = memory.mapping() {
        detach_over(env, &mapping);
    }
    for mapping in memory.take_former() {
        if detach_over(env, &mapping) {
            let shown = BUFFERS.with_borrow_mut(|buffers| buffers.remove(&Rc::as_ptr(&mapping)));
            if let Some(shown) = shown {
                shown.buffer.delete();
            }
            mapping.discard();
        }
    }
}

/// Gives back what memories that are gone leave to their buffers: the address space that buffers do
/// not show, and the pages once the buffers are gone, too.
pub fn sweep(env: sys::napi_env) {
    let gone = |shown: &mut Shown| {
        if shown.memory.strong_count() > 0 {
            return false;
        }
        let Some(mapping) = shown.mapping.upgrade() else {
            return true;
        };
        let collected = shown.buffer.get().is_null();
        if collected {
            mapping.discard();
        } else {
            mapping.trim();
        }
        collected
    };
    with_scope(env, || remove(gone));
}

/// Forgets what belongs to an environment that ends.
pub fn forget(env: sys::napi_env) {
    remove(|shown| shown.buffer.is_of(env));
}

/// Detaches the buffer over a mapping, if there is one of this environment: was there?
fn detach_over(env: sys::napi_env, mapping: &Rc<Mapping>) -> bool {
    let buffer = BUFFERS.with_borrow(|buffers| {
        let shown = buffers.get(&Rc::as_ptr(mapping))?;
        Some(shown.buffer.get()).filter(|_| shown.buffer.is_of(env))
    });
    let Some(buffer) = buffer.filter(|buffer| !buffer.is_null()) else {
        return false;
    };
    // SAFETY: a live buffer of a live environment. A failure leaves it with a part of the memory,
    // which stays mapped.
    unsafe { sys::napi_detach_arraybuffer(env, buffer) == sys::Status::napi_ok }
}

/// An ArrayBuffer over `length` bytes at `start`, which `keep` keeps alive until the buffer is finalised.
pub fn external(
    env: sys::napi_env,
    start: *mut u8,
    length: usize,
    keep: Option<Rc<Mapping>>,
) -> Result<sys::napi_value> {
    let hint = keep.map_or(null_mut(), |mapping| {
        Rc::into_raw(mapping).cast_mut().cast()
    });
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
        // SAFETY: made by `external` from an `Rc`, and finalised once, on the thread that made it.
        drop(unsafe { Rc::from_raw(hint.cast::<Mapping>().cast_const()) });
    }
}
