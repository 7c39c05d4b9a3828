//! The facade as V8 has compiled it: `tools/code.js` keeps that beside it. The file is read here, since Node takes many times
//! as long to read one.

use super::callback::Functions;
use memmap2::{Mmap, MmapOptions};
use napi::bindgen_prelude::*;
use napi::{Env, JsString, check_status, sys};
use napi_derive::napi;
use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io;
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

pub const FUNCTIONS: &Functions = &[
    (c"codeFile", code_file_c_callback),
    (c"readCode", read_code_c_callback),
];

/// The file in a directory for V8's code by this executable: its version, its size, and when it was changed, in ms, since
/// another one may be of the same version and built in another way. `None` where that cannot be known, without /proc for one.
#[napi(no_export)]
pub fn code_file(directory: String, version: String) -> Option<String> {
    let metadata = std::env::current_exe().and_then(|file| file.metadata());
    let metadata = metadata.ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let (size, changed) = (metadata.len(), changed.as_millis());
    Some(format!(
        "{directory}/facade-{version}-{size}-{changed}.code"
    ))
}

/// V8's code in that file and the source of which it was made, for the facade and for what it makes functions of
/// (`lib/script.js`). `None` if there is no such file, it was cut, or it was made at another place: V8's code names that, in
/// stacks too. Before them are the sizes of all but the last of the five parts, in four bytes each, since V8 copies code whose
/// start is not aligned; the place follows the facade's code.
#[napi(no_export)]
#[allow(clippy::type_complexity)]
pub fn read_code(
    env: &Env,
    directory: String,
    version: String,
) -> Result<Option<(ArrayBuffer<'_>, JsString<'_>, ArrayBuffer<'_>, JsString<'_>)>> {
    let file = code_file(directory.clone(), version);
    let contents = file.and_then(|file| map(&File::open(file).ok()?).ok());
    let Some(contents) = contents else {
        return Ok(None);
    };
    let contents = Arc::new(contents);
    let parts = split(&contents)
        .filter(|[_, place, .., source]| *place == directory.as_bytes() && !source.is_empty());
    let Some([code, _, shapes_code, shapes, source]) = parts else {
        return Ok(None);
    };
    Ok(Some((
        buffer(env, code, &contents)?,
        string(env, source, &contents)?,
        buffer(env, shapes_code, &contents)?,
        string(env, shapes, &contents)?,
    )))
}

/// The parts of a file.
fn split(contents: &[u8]) -> Option<[&[u8]; 5]> {
    let (sizes, mut rest) = contents.split_first_chunk::<16>()?;
    let mut parts = [&[][..]; 5];
    for (part, size) in parts.iter_mut().zip(sizes.chunks_exact(4)) {
        let size = u32::from_le_bytes(size.try_into().ok()?) as usize;
        (*part, rest) = rest.split_at_checked(size)?;
    }
    parts[4] = rest;
    Some(parts)
}

/// A buffer over a part of a file.
fn buffer<'a>(env: &'a Env, part: &[u8], contents: &Arc<Mmap>) -> Result<ArrayBuffer<'a>> {
    let (start, length) = (part.as_ptr().cast_mut(), part.len());
    // SAFETY: mapped until the buffer is gone. `start/index.js`, which alone has it, only lets V8 read it.
    unsafe { ArrayBuffer::from_external(env, start, length, contents.clone(), |_, map| drop(map)) }
}

type Finalize = unsafe extern "C" fn(sys::napi_env, *mut c_void, *mut c_void);
type CreateExternalString = unsafe extern "C" fn(
    sys::napi_env,
    *const c_char,
    usize,
    Finalize,
    *mut c_void,
    *mut sys::napi_value,
    *mut bool,
) -> sys::napi_status;

/// A string of the ASCII characters of a file, where they are. A copy would fill an eighth of V8's young generation, which
/// it then collects sooner. Node has the function from 18.18 and 20.4 on, but `napi` takes all of version 10 or none of it.
fn string<'a>(env: &'a Env, source: &[u8], contents: &Arc<Mmap>) -> Result<JsString<'a>> {
    // SAFETY: a name that ends in a zero.
    let create = unsafe {
        libc::dlsym(
            libc::RTLD_DEFAULT,
            c"node_api_create_external_string_latin1".as_ptr(),
        )
    };
    if create.is_null() {
        return env.create_string_latin1(source);
    }
    // SAFETY: the type that Node gives it in `node_api.h`.
    let create = unsafe { transmute::<*mut c_void, CreateExternalString>(create) };
    let hint = Arc::into_raw(contents.clone()).cast_mut().cast();
    let (mut string, mut copied) = (null_mut(), false);
    // SAFETY: a live environment; the characters are mapped until `finalize` is called.
    let status = unsafe {
        create(
            env.raw(),
            source.as_ptr().cast(),
            source.len(),
            finalize,
            hint,
            &mut string,
            &mut copied,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: not handed over.
        unsafe { finalize(env.raw(), null_mut(), hint) };
    }
    check_status!(status)?;
    // SAFETY: a string of this environment.
    unsafe { JsString::from_napi_value(env.raw(), string) }
}

unsafe extern "C" fn finalize(_: sys::napi_env, _: *mut c_void, hint: *mut c_void) {
    // SAFETY: made by `string`, and finalised once.
    drop(unsafe { Arc::from_raw(hint.cast::<Mmap>().cast_const()) });
}

/// All of a file. A copy of it would take a fresh page of memory for each page, and each of these a fault.
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the build replaces such files and never writes into one, as it is with the library itself.
    unsafe { MmapOptions::new().populate().map(file) }
}
