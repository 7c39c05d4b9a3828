//! Modules on their way to another thread, see `lib/carrier.js`.

use super::buffers;
use super::callback::Functions;
use super::modules::{Compiled, Outcome, compile_bytes, module, register};
use super::realm::Realm;
use super::weak::Weak;
use crate::code::{CompiledModule, registry};
use crate::module::Bytes;
use crate::runtime::crew;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::ptr::null_mut;
use std::sync::Arc;

pub const FUNCTIONS: &Functions = &[(c"carrier", carrier_c_callback), (c"open", open_c_callback)];

/// Bytes below which a buffer is copied.
const SMALL: usize = 64 << 10;

/// A new object of `class`, which is V8's class of modules, made of the carrier of a module's bytes. Throws what V8 throws.
#[napi(no_export, ts_return_type = "object")]
pub fn carrier(env: &Env, handle: u32, class: Object) -> Result<sys::napi_value> {
    let module = module(handle)?;
    registry::add(&module);
    let carrier = module.module().bytes.carrier();
    if carrier.len() < SMALL {
        return construct(env.raw(), class.raw(), small_buffer(env, &module, carrier)?);
    }
    of_bytes(env, &module.module().bytes, &class)
}

/// The same of a module's bytes, without a copy of them.
pub fn of_bytes(env: &Env, bytes: &Bytes, class: &Object) -> Result<sys::napi_value> {
    let carrier = bytes.carrier();
    let buffer = buffers::external(env.raw(), carrier.as_ptr().cast_mut(), carrier.len(), None)?;
    let result = construct(env.raw(), class.raw(), buffer);
    // V8 has its own copy, and nobody has seen the buffer.
    // SAFETY: a live buffer of a live environment.
    if unsafe { sys::napi_detach_arraybuffer(env.raw(), buffer) } != sys::Status::napi_ok {
        // Then it has the bytes for ever.
        std::mem::forget(bytes.clone());
    }
    result
}

/// What `compile` gives, in another thread if there is one, while V8 makes an object of `class` that carries the bytes. No
/// object is there if V8 throws: who makes one later will meet that.
pub fn meanwhile(
    env: &Env,
    bytes: &Bytes,
    class: Option<Object>,
    compile: impl Fn() -> Outcome + Sync,
) -> (Outcome, Option<sys::napi_value>) {
    let Some(class) = class else {
        return (compile(), None);
    };
    let make = || match of_bytes(env, bytes, &class) {
        Ok(object) => Some(object),
        Err(_) => {
            let mut error = null_mut();
            // SAFETY: a live environment. A failure means that nothing was thrown.
            unsafe { sys::napi_get_and_clear_last_exception(env.raw(), &mut error) };
            None
        }
    };
    let (object, outcome) = crew::each("wrt-compile", 1, &[()], |()| compile(), make);
    let outcome = outcome.into_iter().next().unwrap_or_else(compile);
    if let Ok(module) = &outcome {
        registry::add(module);
    }
    (outcome, object)
}

/// A buffer with a carrier's bytes: the last one again, if that is of the same module and V8 still has it. To make
/// one takes as long as all the rest when bytes that are known are compiled.
fn small_buffer(
    env: &Env,
    module: &Arc<CompiledModule>,
    carrier: &[u8],
) -> Result<sys::napi_value> {
    let raw = env.raw();
    let last = Realm::with(|realm| realm.last_carrier.take());
    if let Some((of, buffer)) = last {
        let found = match buffer.is_of(raw) && of.ptr_eq(&Arc::downgrade(module)) {
            true => buffer.get(),
            false => null_mut(),
        };
        if !found.is_null() {
            Realm::with(|realm| realm.last_carrier = Some((of, buffer)));
            return Ok(found);
        }
        buffer.delete();
    }
    let buffer = ArrayBuffer::copy_from(env, carrier)?.raw();
    let last = (Arc::downgrade(module), Weak::new(raw, buffer)?);
    Realm::with(|realm| realm.last_carrier = Some(last));
    Ok(buffer)
}

fn construct(
    env: sys::napi_env,
    class: sys::napi_value,
    argument: sys::napi_value,
) -> Result<sys::napi_value> {
    let mut object = null_mut();
    // SAFETY: a live environment and live values of it.
    check_status!(unsafe { sys::napi_new_instance(env, class, 1, &argument, &mut object) })?;
    Ok(object)
}

/// The module that a carrier's section stands for: the same one if it is still there, else it is
/// made again from the bytes. So a section that a stranger wrote can do no harm.
#[napi(no_export)]
pub fn open(section: &[u8]) -> Compiled {
    let Some((number, bytes)) = section.split_first_chunk() else {
        return Either::B("no module".to_owned());
    };
    let module = registry::find(u64::from_le_bytes(*number), bytes);
    register(module.map_or_else(|| compile_bytes(bytes.into()), Ok))
}
