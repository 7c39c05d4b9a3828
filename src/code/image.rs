//! A module's code as bytes, which another process can run.
//!
//! ```text
//! 0    magic, version, counts, where the code begins, length of the whole
//! 32   key: what the code is for
//! 64   checksum of everything else
//! 80   number of handlers
//! 88   functions, ascending by place; then their traps; then their handlers of exceptions
//!      code, from the start of a page on
//! ```
//! An image is native code and runs as it is: it is to be trusted as an addon is. What is checked is that it
//! is whole and made for these bytes by this engine on such a machine.

use super::arena::ALIGN;
use super::digest::digest;
use super::figures;
use super::lookup::{CodeRange, PlacedFunction, Registration, function_at};
use super::mapping::Executable;
use crate::compiler::{Compiler, HandlerSite, LINE, TrapSite};
use crate::module::Features;
use crate::runtime::Trap;
use crate::runtime::limits::{Resource, Share};
use std::ops::Range;
use std::time::Instant;
use twox_hash::XxHash3_128;

const MAGIC: [u8; 8] = *b"wrtimage";
const VERSION: u32 = 5;
const HEADER: usize = 88;
const CHECKSUM: Range<usize> = 64..80;
const PAGE: usize = 4096;

/// What code depends on, as a hash: bytes of the module, features that are on, engine, machine, settings.
pub type Key = [u8; 32];

/// Why an image is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("it is no image of code")]
    Foreign,
    #[error(
        "it was made by another version of wrt, on another kind of machine, or from other bytes"
    )]
    Mismatch,
    #[error("it is damaged")]
    Damaged,
    #[error("it could not be mapped")]
    Memory,
}

/// The key of the code that `compiler` makes of `wasm` where `features` are on.
pub fn key(compiler: &Compiler, features: Features, wasm: &[u8]) -> Key {
    let engine = blake3::hash(compiler.fingerprint().as_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(engine.as_bytes());
    hasher.update(&features.fingerprint());
    hasher.update(digest(wasm).as_bytes());
    hasher.finalize().into()
}

/// One function of an image.
struct Record {
    /// Number of the unit in its module.
    unit: u32,
    improved: bool,
    /// From the start of the code.
    code: Range<u32>,
    traps: Range<u32>,
    handlers: Range<u32>,
}

const RECORD: usize = 32;
const TRAP: usize = 12;
const HANDLER: usize = 12;

/// Code of an image, mapped and findable.
pub struct Image {
    /// Unit number, whether it is the last tier's, and where it lies.
    pub functions: Vec<(u32, bool, usize)>,
    // Unregistered before the code is unmapped: fields drop in this order.
    registration: Registration,
    mapping: Executable,
    /// Counts its bytes for the process.
    _share: Share,
}

impl Image {
    /// Takes the image that fills `mapping` up to `len` bytes.
    pub fn new(mapping: Executable, len: usize, key: &Key) -> Result<Self, ImageError> {
        let began = Instant::now();
        let bytes = mapping.bytes(len);
        let (code_start, records, traps, all_handlers) = check(bytes, key)?;
        let start = mapping.start();
        let share = Share::new(Resource::CodeBytes, len).ok_or(ImageError::Memory)?;
        let range = CodeRange::new(start..start + mapping.size(), records.len());
        let registration = range.and_then(Registration::new);
        let mut registration = registration.ok_or(ImageError::Memory)?;
        let mut functions = Vec::with_capacity(records.len());
        for record in records {
            let code = start + code_start + record.code.start as usize
                ..start + code_start + record.code.end as usize;
            functions.push((record.unit, record.improved, code.start));
            let traps = &traps[record.traps.start as usize..record.traps.end as usize];
            let handlers = record.handlers.start as usize..record.handlers.end as usize;
            let handlers = &all_handlers[handlers];
            registration.add(PlacedFunction {
                code,
                traps: traps.into(),
                handlers: handlers.into(),
            });
        }
        figures::FROM_IMAGES.add(functions.len(), began);
        Ok(Self {
            functions,
            registration,
            mapping,
            _share: share,
        })
    }

    /// Says which module the code belongs to.
    pub fn set_module(&self, number: u32) {
        self.registration.set_module(number);
    }

    /// Bytes of address space that it takes.
    pub fn size(&self) -> usize {
        self.mapping.size()
    }
}

/// Reads numbers one after the other; zeros beyond the end, which `check` has excluded.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn u32(&mut self) -> u32 {
        let Some((first, rest)) = self.0.split_first_chunk() else {
            return 0;
        };
        self.0 = rest;
        u32::from_le_bytes(*first)
    }
}

/// Where the code begins, the functions, their traps, and their handlers.
type Contents = (usize, Vec<Record>, Vec<TrapSite>, Vec<HandlerSite>);

fn check(bytes: &[u8], key: &Key) -> Result<Contents, ImageError> {
    if bytes.len() < HEADER || bytes[..8] != MAGIC {
        return Err(ImageError::Foreign);
    }
    let mut header = Reader(&bytes[8..32]);
    let version = header.u32();
    let [functions, traps, code_start, low, high] = std::array::from_fn(|_| header.u32());
    if version != VERSION || bytes[32..64] != *key {
        return Err(ImageError::Mismatch);
    }
    let damaged = ImageError::Damaged;
    if u64::from(low) | u64::from(high) << 32 != bytes.len() as u64
        || checksum(bytes) != bytes[CHECKSUM]
    {
        return Err(damaged);
    }
    // Nothing below can fail but by a bug of the writer; yet no index rests on that.
    let (functions, traps, code_start) = (functions as usize, traps as usize, code_start as usize);
    let handlers = Reader(&bytes[CHECKSUM.end..HEADER]).u32() as usize;
    let tables = HEADER + functions * RECORD + traps * TRAP + handlers * HANDLER;
    if tables > code_start || code_start > bytes.len() {
        return Err(damaged);
    }
    let code_len = bytes.len() - code_start;
    let mut reader = Reader(&bytes[HEADER..tables]);
    let mut records = Vec::with_capacity(functions);
    let mut end = 0;
    for _ in 0..functions {
        let [unit, improved] = std::array::from_fn(|_| reader.u32());
        let mut range = || {
            let start = reader.u32();
            let end = start.checked_add(reader.u32()).ok_or(damaged)?;
            Ok(start..end)
        };
        let (code, its, its_handlers) = (range()?, range()?, range()?);
        if code.start < end
            || code.end as usize > code_len
            || its.end as usize > traps
            || its_handlers.end as usize > handlers
        {
            return Err(damaged);
        }
        end = code.end;
        records.push(Record {
            unit,
            improved: improved != 0,
            code,
            traps: its,
            handlers: its_handlers,
        });
    }
    let traps = (0..traps).map(|_| {
        let [offset, trap, wasm_offset] = std::array::from_fn(|_| reader.u32());
        Some(TrapSite {
            offset,
            trap: match u8::try_from(trap).ok()? {
                0 => None,
                code => Some(Trap::from_code(code)?),
            },
            wasm_offset,
        })
    });
    let traps = traps.collect::<Option<Vec<_>>>().ok_or(damaged)?;
    let handlers = (0..handlers).map(|_| HandlerSite {
        return_address: reader.u32(),
        landing: reader.u32(),
        frame: reader.u32(),
    });
    let handlers = handlers.collect();
    Ok((code_start, records, traps, handlers))
}

/// Finds damage. Nobody is kept from making an image with the right one, so it need not be hard to make one.
fn checksum(bytes: &[u8]) -> [u8; 16] {
    let mut hasher = XxHash3_128::new();
    hasher.write(&bytes[..CHECKSUM.start]);
    hasher.write(&bytes[CHECKSUM.end..]);
    hasher.finish_128().to_le_bytes()
}

/// An image with this key of functions of one module that lives: number of the unit, whether it is the last tier's, and
/// address; and how many there are. `None` if it would be too large.
///
/// # Safety
/// The functions' code stays where it is during the call.
pub unsafe fn write(
    key: &Key,
    all: impl Iterator<Item = (usize, bool, usize)>,
) -> Option<(Vec<u8>, usize)> {
    let mut records: Vec<u8> = Vec::new();
    let mut traps: Vec<u8> = Vec::new();
    let mut handlers: Vec<u8> = Vec::new();
    let mut code: Vec<u8> = Vec::new();
    let (mut functions, mut trap_count, mut handler_count) = (0, 0, 0);
    let put = |to: &mut Vec<u8>, values: &[usize]| {
        values.iter().try_for_each(|value| {
            to.extend(u32::try_from(*value).ok()?.to_le_bytes());
            Some(())
        })
    };
    for (number, improved, address) in all {
        // SAFETY: by the caller.
        let Some(function) = (unsafe { function_at(address) }) else {
            continue;
        };
        // What the last tier made may be where it is in its line for a reason.
        let line = if improved { LINE as usize } else { ALIGN };
        let start = code.len().next_multiple_of(line) + address % line;
        code.resize(start, 0xcc);
        let (start, len) = (code.len(), function.code.len());
        let (count, its_handlers) = (function.traps.len(), function.handlers.len());
        put(
            &mut records,
            &[
                number,
                usize::from(improved),
                start,
                len,
                trap_count,
                count,
                handler_count,
                its_handlers,
            ],
        )?;
        for site in &function.handlers {
            let words = [site.return_address, site.landing, site.frame];
            put(&mut handlers, &words.map(|word| word as usize))?;
        }
        for site in &function.traps {
            let words = [
                site.offset,
                site.trap.map_or(0, |trap| trap as u32),
                site.wasm_offset,
            ];
            put(&mut traps, &words.map(|word| word as usize))?;
        }
        // SAFETY: mapped readable, and never written again.
        code.extend(unsafe { std::slice::from_raw_parts(address as *const u8, len) });
        functions += 1;
        trap_count += count;
        handler_count += its_handlers;
    }
    let tables = HEADER + records.len() + traps.len() + handlers.len();
    let code_start = tables.next_multiple_of(PAGE);
    let len = code_start + code.len();
    let mut image = Vec::with_capacity(len);
    image.extend(MAGIC);
    put(
        &mut image,
        &[VERSION as usize, functions, trap_count, code_start],
    )?;
    image.extend((len as u64).to_le_bytes());
    image.extend(key);
    image.resize(CHECKSUM.end, 0);
    put(&mut image, &[handler_count, 0])?;
    image.append(&mut records);
    image.append(&mut traps);
    image.append(&mut handlers);
    image.resize(code_start, 0);
    image.append(&mut code);
    seal(&mut image);
    Some((image, functions))
}

/// Gives an image the checksum of what it has. Bytes that are too few for one stay as they are.
pub fn seal(image: &mut [u8]) {
    if image.len() >= HEADER {
        let sum = checksum(image);
        image[CHECKSUM].copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CompileError, CompiledModule, Options};
    use super::*;
    use crate::module::Bytes;

    #[test]
    fn damage_is_found_unless_the_checksum_is_made_anew() {
        let bytes = wat::parse_str("(module (func (result i32) (i32.const 1)))").unwrap();
        let read = |image: &[u8]| {
            CompiledModule::from_image(image, Bytes::from(bytes.clone()), Options::default())
        };
        let module = CompiledModule::new(bytes.clone(), Options::default()).unwrap();
        module.compile_all().unwrap();
        let (image, _) = module.to_image().unwrap();
        assert!(read(&image).is_ok());
        // The last byte is of code, which nobody reads yet.
        for at in [8, CHECKSUM.start, CHECKSUM.end, image.len() - 1] {
            let mut changed = image.clone();
            changed[at] ^= 1;
            let refused = match at {
                8 => ImageError::Mismatch,
                _ => ImageError::Damaged,
            };
            assert!(matches!(read(&changed), Err(CompileError::Image(e)) if e == refused));
        }
        let mut forged = image.clone();
        *forged.last_mut().unwrap() ^= 1;
        seal(&mut forged);
        assert!(read(&forged).is_ok());
    }
}
