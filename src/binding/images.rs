//! Code that outlives the process: images and the cache of them.

use super::callback::Functions;
use super::modules::{Compiled, module, options, register};
use crate::arch;
use crate::code::cache::{self, Occasion};
use crate::code::{CacheStatus, CompiledModule};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub const FUNCTIONS: &Functions = &[
    (c"serialize", serialize_c_callback),
    (c"deserialize", deserialize_c_callback),
    (c"enableCache", enable_cache_c_callback),
    (c"cacheStatus", cache_status_c_callback),
    (c"flushCache", flush_cache_c_callback),
];

/// All code that a module has, as an image.
#[napi(no_export)]
pub fn serialize(env: &Env, handle: u32) -> Result<ArrayBuffer<'_>> {
    let module = module(handle)?;
    let image = module.to_image();
    let (bytes, _) = image.ok_or_else(|| Error::from_reason("the code is too large"))?;
    ArrayBuffer::from_data(env, bytes)
}

/// A module of these bytes with the code of an image.
#[napi(no_export)]
pub fn deserialize(image: &[u8], bytes: &[u8]) -> Compiled {
    // A panic would be a bug of ours; it ends this operation, not the process.
    let result = catch_unwind(AssertUnwindSafe(|| {
        CompiledModule::from_image(image, bytes, options()).map_err(|e| e.to_string())
    }));
    register(result.unwrap_or_else(|_| Err("internal error".to_owned())))
}

/// Uses a directory as cache; its canonical name.
#[napi(no_export)]
pub fn enable_cache(directory: String) -> Result<String> {
    let directory = cache::enable(Path::new(&directory));
    let directory = directory.map_err(|e| Error::from_reason(e.to_string()))?;
    Ok(directory.to_string_lossy().into_owned())
}

/// What the cache had for a module: `off`, `hit`, `miss`, or the reason why its image was refused.
#[napi(no_export)]
pub fn cache_status(handle: u32) -> Result<String> {
    Ok(match module(handle)?.cache_status() {
        CacheStatus::Off => "off".to_owned(),
        CacheStatus::Hit => "hit".to_owned(),
        CacheStatus::Miss => "miss".to_owned(),
        CacheStatus::Refused(reason) => format!("refused: {reason}"),
    })
}

/// Writes what the cache does not have, or at the end of a thread what is worth it; how many images. With the end of the
/// first thread nothing is written in the background any more: the process ends.
#[napi(no_export)]
pub fn flush_cache(at_end: bool) -> Result<u32> {
    if at_end && arch::is_first_thread() {
        cache::stop_writing_in_background();
    }
    let occasion = if at_end {
        Occasion::AtEnd
    } else {
        Occasion::Asked
    };
    let count = cache::flush(occasion).map_err(|e| Error::from_reason(e.to_string()))?;
    Ok(count as u32)
}
