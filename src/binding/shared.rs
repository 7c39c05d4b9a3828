//! Shared memories: V8's own, whose bytes the engine uses (`lib/shared.js`), and what guests ask JavaScript to do with
//! them.

use super::callback::{Functions, store, with_scope};
use super::cells::Kind;
use super::collection::with_retry;
use super::interrupts::{Environment, forgive, look_at_deadlines};
use super::realm::{Realm, cell};
use crate::module::{AddressType, Limits, MemoryType, PAGE_BITS};
use crate::runtime::{Action, Memory, Request, SharedMemory, Trap, address_space, failure};
use napi::bindgen_prelude::*;
use napi::{JsValue, check_status, sys};
use napi_derive::napi;
use std::cell::RefCell;
use std::ptr::null_mut;
use std::rc::{self, Rc};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub const FUNCTIONS: &Functions = &[
    (c"sharedMemoryTake", take),
    (c"sharedMemoryGiveBack", give_back),
    (c"sharedMemoryGrown", grown),
    (c"newNativeMemory", new_native_memory_c_callback),
    (c"sharedMemory", shared_memory_c_callback),
    (c"openSharedMemory", open_shared_memory_c_callback),
];

/// What keeps the bytes of a memory: a reference to a buffer over them, which is none of the memory's own.
struct Kept {
    memory: rc::Weak<Memory>,
    env: sys::napi_env,
    reference: sys::napi_ref,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// How many shared memories this thread has.
pub fn count() -> usize {
    KEPT.with_borrow(Vec::len)
}

/// Lets the bytes of memories go that are gone.
pub fn sweep() {
    remove(|kept| kept.memory.strong_count() == 0);
}

/// Forgets what belongs to an environment that ends: nobody can reach its instances any more.
pub fn forget(env: sys::napi_env) {
    remove(|kept| kept.env == env);
}

fn remove(gone: impl Fn(&Kept) -> bool) {
    KEPT.with_borrow_mut(|all| {
        all.retain(|kept| {
            let gone = gone(kept);
            if gone {
                // SAFETY: a reference of an environment that has not ended, deleted once.
                unsafe { sys::napi_delete_reference(kept.env, kept.reference) };
            }
            !gone
        });
    });
}

/// Does V8 take addresses behind its memories that nobody else can have? That is the same for all memories of the process,
/// and seen when one is made: with others at the same time it may be seen later.
static GUARDED: AtomicBool = AtomicBool::new(false);

/// A new memory of V8's; undefined if it cannot be had.
#[napi(no_export, ts_return_type = "object | undefined")]
pub fn new_native_memory(env: &Env, class: Object, descriptor: Object) -> sys::napi_value {
    let known = GUARDED.load(Relaxed);
    let before = if known { 0 } else { address_space() };
    let env = env.raw();
    let made = with_retry(env, || {
        let (mut object, argument) = (null_mut(), descriptor.raw());
        // SAFETY: a live environment and live values of it.
        unsafe {
            match sys::napi_new_instance(env, class.raw(), 1, &argument, &mut object) {
                sys::Status::napi_ok => Ok(object),
                _ => Err(sys::napi_get_and_clear_last_exception(env, &mut object)),
            }
        }
    });
    if !known && address_space() >= before.saturating_add(SharedMemory::GUARDED) {
        GUARDED.store(true, Relaxed);
    }
    made.unwrap_or(null_mut())
}

/// Where the bytes of a view are, and how many.
fn bytes_of(env: sys::napi_env, view: sys::napi_value) -> Result<(*mut u8, usize)> {
    let (mut length, mut data) = (0, null_mut());
    // SAFETY: a live environment and a value of it; what is null is not wanted.
    check_status!(unsafe {
        sys::napi_get_typedarray_info(
            env,
            view,
            null_mut(),
            &mut length,
            &mut data,
            null_mut(),
            null_mut(),
        )
    })?;
    Ok((data.cast(), length))
}

/// This thread's handle of a memory, whose bytes stay as long as it has that, by `copy`.
#[allow(
    clippy::arc_with_non_send_sync,
    reason = "the engine counts all its objects in one way"
)]
fn handle(env: sys::napi_env, copy: sys::napi_value, memory: Arc<SharedMemory>) -> Result<u32> {
    let memory = Rc::new(Memory::of_host(memory));
    let mut reference = null_mut();
    // SAFETY: a live environment and an object of it.
    check_status!(unsafe { sys::napi_create_reference(env, copy, 1, &mut reference) })?;
    KEPT.with_borrow_mut(|all| {
        all.push(Kept {
            memory: Rc::downgrade(&memory),
            env,
            reference,
        });
    });
    Ok(Realm::with(|realm| realm.memories.handle(&memory)))
}

/// The bytes of a view, if `copy` is one of the same: programs have a say in how buffers are cloned.
fn same_bytes(
    env: sys::napi_env,
    view: &Object,
    copy: &Object,
) -> Result<Option<(*mut u8, usize)>> {
    let bytes = bytes_of(env, view.raw())?;
    let (base, _) = bytes_of(env, copy.raw())?;
    Ok((base == bytes.0).then_some(bytes))
}

/// The handle of a memory that V8 has just made, of which the view shows all bytes, and the copy, too; 0 if it is beyond a
/// limit.
#[napi(no_export)]
pub fn shared_memory(
    env: &Env,
    view: Object,
    copy: Object,
    is_64: bool,
    maximum: f64,
) -> Result<u32> {
    let Some((base, length)) = same_bytes(env.raw(), &view, &copy)? else {
        return Ok(0);
    };
    let ty = MemoryType {
        address: match is_64 {
            false => AddressType::I32,
            true => AddressType::I64,
        },
        page_bits: PAGE_BITS,
        limits: Limits {
            min: length as u64 >> PAGE_BITS,
            max: Some(maximum as u64),
        },
        shared: true,
    };
    // SAFETY: bytes of a buffer that `handle` keeps; V8 gives a memory's place to nobody while there is one over it.
    let memory = unsafe { SharedMemory::new(base, length, ty, GUARDED.load(Relaxed)) };
    memory.map_or(Ok(0), |memory| handle(env.raw(), copy.raw(), memory))
}

/// The same of a memory that came from another thread: its handle, whether its addresses have 64 bits, and its maximum.
/// Null if none was made there.
#[napi(no_export)]
pub fn open_shared_memory(env: &Env, view: Object, copy: Object) -> Result<Option<Vec<f64>>> {
    let Some((base, length)) = same_bytes(env.raw(), &view, &copy)? else {
        return Ok(None);
    };
    // SAFETY: as above.
    let Some(memory) = (unsafe { SharedMemory::find(base, length, GUARDED.load(Relaxed)) }) else {
        return Ok(None);
    };
    let ty = memory.ty();
    let is_64 = f64::from(ty.address == AddressType::I64);
    let maximum = ty.limits.max.unwrap_or(0) as f64;
    let handle = handle(env.raw(), copy.raw(), memory)?;
    Ok(Some(vec![f64::from(handle), is_64, maximum]))
}

/// The memory whose handle is in slot 0.
fn named() -> Option<Arc<SharedMemory>> {
    let handle = store().slot(0) as u32;
    Realm::with(|realm| realm.memories.get(handle)?.host().cloned())
}

/// (handle, delta) -> may it grow by that?
unsafe extern "C" fn take(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    let may = named().is_some_and(|memory| memory.take(store().slot(1)));
    store().set_slot(0, may.into());
    null_mut()
}

/// (handle, delta): it did not grow by what was taken.
unsafe extern "C" fn give_back(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    if let Some(memory) = named() {
        memory.give_back(store().slot(1));
    }
    null_mut()
}

/// (handle, pages): it has so many now, or more.
unsafe extern "C" fn grown(_: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    if let Some(memory) = named() {
        memory.grown((store().slot(1) << PAGE_BITS) as usize);
    }
    null_mut()
}

/// Has JavaScript do what a guest asks for. False if the guest is not to be resumed: then an exception is pending, or
/// V8 is about to end what runs.
pub fn serve(env: sys::napi_env, environment: Option<&Environment>, request: &Request) -> bool {
    let handle = Realm::with(|realm| realm.memories.handle_of(request.memory));
    let reference = environment.map_or(null_mut(), |e| e.request.get());
    with_scope(env, || {
        let cell = cell(env, Kind::Memory, handle);
        if cell.is_null() || reference.is_null() {
            // Of an environment that has ended.
            store().set_answer(match request.action {
                Action::Grow { .. } => -1,
                Action::Notify { .. } => 0,
                Action::Wait { .. } => failure(Trap::Wait),
            });
            return true;
        }
        match call(env, reference, cell, request.action) {
            Ok(answer) => {
                store().set_answer(answer);
                look_at_deadlines(env)
            }
            Err(sys::Status::napi_pending_exception) if forgive(env) => {
                store().set_answer(match request.action {
                    Action::Grow { .. } => -1,
                    _ => failure(Trap::StackOverflow),
                });
                true
            }
            Err(_) => false,
        }
    })
}

/// What the function of JavaScript answers: `(action, cell, address or delta, value or count, timeout in ms)`.
fn call(
    env: sys::napi_env,
    reference: sys::napi_ref,
    cell: sys::napi_value,
    action: Action,
) -> std::result::Result<i64, sys::napi_status> {
    let (number, at, value, timeout) = match action {
        Action::Grow { delta } => (0, delta, 0, 0),
        Action::Notify { address, count } => (1, address, i64::from(count), 0),
        Action::Wait {
            address,
            expected,
            wide,
            timeout,
        } => (2 + u32::from(wide), address, expected, timeout),
    };
    let timeout = match timeout {
        ..0 => f64::INFINITY,
        nanoseconds => nanoseconds as f64 / 1e6,
    };
    let mut function = null_mut();
    let mut arguments = [null_mut(), cell, null_mut(), null_mut(), null_mut()];
    let (mut undefined, mut result, mut answer) = (null_mut(), null_mut(), 0.0);
    // SAFETY: a live environment on its thread, with values and a reference of its own.
    let status = unsafe {
        sys::napi_get_reference_value(env, reference, &mut function);
        sys::napi_get_undefined(env, &mut undefined);
        sys::napi_create_uint32(env, number, &mut arguments[0]);
        sys::napi_create_double(env, at as f64, &mut arguments[2]);
        match number {
            3 => sys::napi_create_bigint_int64(env, value, &mut arguments[3]),
            _ => sys::napi_create_double(env, value as f64, &mut arguments[3]),
        };
        sys::napi_create_double(env, timeout, &mut arguments[4]);
        let count = arguments.len();
        let arguments = arguments.as_ptr();
        match sys::napi_call_function(env, undefined, function, count, arguments, &mut result) {
            sys::Status::napi_ok => sys::napi_get_value_double(env, result, &mut answer),
            status => status,
        }
    };
    match status {
        sys::Status::napi_ok => Ok(answer as i64),
        status => Err(status),
    }
}
