//! The facade as V8 has compiled it (`start/code.js`). Its file is read here, since Node takes many times as long to read one.

use memmap2::{Mmap, MmapOptions};
use napi::bindgen_prelude::*;
use napi::{Env, JsString};
use napi_derive::napi;
use std::fs::File;
use std::io;
use std::time::UNIX_EPOCH;

/// What tells the executable from another one of the same version: its size, and when it was changed, in ms. `None` where
/// that cannot be known, without /proc for one.
#[napi]
pub fn executable() -> Option<String> {
    let metadata = std::env::current_exe().and_then(|file| file.metadata());
    let metadata = metadata.ok()?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{}", metadata.len(), changed.as_millis()))
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
    // SAFETY: mapped until the buffer is gone. `start/code.js`, which alone has it, only lets V8 read it.
    let code =
        unsafe { ArrayBuffer::from_external(env, start, length, contents, |_, map| drop(map)) };
    Ok(Some((code?, source)))
}

/// All of a file. A copy of it would take a fresh page of memory for each page, and each of these a fault.
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the build replaces such files and never writes into one, as it is with the library itself.
    unsafe { MmapOptions::new().populate().map(file) }
}
