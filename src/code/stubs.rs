//! What the code table holds for functions that are not compiled yet: stubs that know the number of
//! their slot and have the runtime compile it ([`crate::runtime::compile_slot`]). The context of the
//! call says of which module, so all modules share the stubs. They are made when a module needs more
//! of them than any before, and live for ever.

use crate::arch::{self, STUB_SIZE};
use region::Protection;
use std::sync::Mutex;

/// Bytes of stubs that are made at once.
const CHUNK: usize = 64 << 10;
/// Stubs in a chunk.
const COUNT: usize = CHUNK / STUB_SIZE;

/// Addresses of the chunks.
static CHUNKS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// The stubs of slots 0 to `count`, in order; an error if memory is out.
pub fn stubs(count: usize) -> region::Result<impl Iterator<Item = *mut u8>> {
    // The list is whole after each step, so that a panic elsewhere did it no harm.
    let mut chunks = CHUNKS.lock().unwrap_or_else(|e| e.into_inner());
    while chunks.len() * COUNT < count {
        let first = (chunks.len() * COUNT) as u32;
        chunks.push(chunk(first)?);
    }
    let chunks = chunks[..count.div_ceil(COUNT)].to_vec();
    Ok((0..count).map(move |i| (chunks[i / COUNT] + i % COUNT * STUB_SIZE) as *mut u8))
}

/// A chunk of stubs from that of slot `first` on.
fn chunk(first: u32) -> region::Result<usize> {
    let mut mapping = region::alloc(CHUNK, Protection::READ_WRITE)?;
    let start = mapping.as_mut_ptr::<u8>();
    for i in 0..COUNT {
        let stub = arch::stub(first + i as u32);
        // SAFETY: inside the mapping, which is ours alone.
        unsafe {
            start
                .add(i * STUB_SIZE)
                .cast::<[u8; STUB_SIZE]>()
                .write(stub)
        };
    }
    // SAFETY: our own mapping, in which nothing runs yet.
    unsafe { region::protect(start, CHUNK, Protection::READ_EXECUTE) }?;
    std::mem::forget(mapping);
    Ok(start as usize)
}
