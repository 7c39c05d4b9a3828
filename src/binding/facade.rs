//! The facade as V8 has compiled it (`lib/code.js`). Its file is read here, since Node takes many times as long to read one.

use memmap2::{Mmap, MmapOptions};
use napi::bindgen_prelude::*;
use napi::{Env, JsString};
use napi_derive::napi;
use std::fs::File;
use std::io;
use std::time::UNIX_EPOCH;

/// What tells the executable from another one of the same version: its size, and when it was changed, in ms.
#[napi]
pub fn executable() -> Result<String> {
    let described = || {
        let metadata = std::env::current_exe()?.metadata()?;
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH);
        let changed = changed.map_err(io::Error::other)?.as_millis();
        Ok(format!("{}-{changed}", metadata.len()))
    };
    described().map_err(|e: io::Error| Error::from_reason(e.to_string()))
}

/// V8's code in a file, and the source of which it was made. `None` if there is no such file, or it was cut. Before them is
/// the size of the code, in eight bytes, since V8 copies code whose start is not aligned.
#[napi]
pub fn read_code(env: &Env, file: String) -> Result<Option<(ArrayBuffer<'_>, JsString<'_>)>> {
    let Ok(contents) = File::open(file).and_then(|file| map(&file)) else {
        return Ok(None);
    };
    let parts = contents.split_first_chunk().and_then(|(length, rest)| {
        let (code, source) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        (!source.is_empty()).then_some((code, source))
    });
    let Some((code, source)) = parts else {
        return Ok(None);
    };
    let source = env.create_string_latin1(source)?;
    let (start, length) = (code.as_ptr().cast_mut(), code.len());
    // SAFETY: mapped until the buffer is gone. `lib/start.js`, which alone has it, only lets V8 read it.
    let code =
        unsafe { ArrayBuffer::from_external(env, start, length, contents, |_, map| drop(map)) };
    Ok(Some((code?, source)))
}

/// All of a file. A copy of it would take a fresh page of memory for each page, and each of these a fault.
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the build replaces such files and never writes into one, as it is with the library itself.
    unsafe { MmapOptions::new().populate().map(file) }
}
