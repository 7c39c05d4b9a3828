//! Modules on their way to another thread, see `lib/carrier.js`.

use super::modules::{Compiled, compile_bytes, module, register};
use crate::code::registry;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Name of the custom section in a carrier.
const SECTION: &[u8] = b"wrt";

/// Bytes below which a buffer is copied.
const SMALL: usize = 64 << 10;

/// The bytes of a module that has nothing but a custom section, with the number and the bytes of the
/// module of this handle.
#[napi]
pub fn carrier(env: &Env, handle: u32) -> Result<ArrayBuffer<'_>> {
    let module = module(handle)?;
    let number = registry::add(&module).to_le_bytes();
    let bytes = &module.module().bytes;
    let size = 1 + SECTION.len() + number.len() + bytes.len();
    let size = u32::try_from(size).map_err(|e| Error::from_reason(e.to_string()))?;
    let mut carrier = Vec::with_capacity(size as usize + 16);
    carrier.extend_from_slice(b"\0asm\x01\0\0\0\0");
    leb128(&mut carrier, size);
    carrier.push(SECTION.len() as u8);
    carrier.extend_from_slice(SECTION);
    carrier.extend_from_slice(&number);
    carrier.extend_from_slice(bytes);
    // V8 reads it once; a small one is cheaper copied than given a finaliser.
    match carrier.len() < SMALL {
        true => ArrayBuffer::copy_from(env, carrier),
        false => ArrayBuffer::from_data(env, carrier),
    }
}

fn leb128(to: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The module that a carrier's section stands for: the same one if it is still there, else it is
/// made again from the bytes. So a section that a stranger wrote can do no harm.
#[napi]
pub fn open(section: &[u8]) -> Compiled {
    let Some((number, bytes)) = section.split_first_chunk() else {
        return Either::B("no module".to_owned());
    };
    let module = registry::find(u64::from_le_bytes(*number), bytes);
    register(module.map_or_else(|| compile_bytes(bytes.to_vec()), Ok))
}
