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

/// Stubs of one kind.
pub struct Stubs {
    /// Of functions that return in memory?
    returns_in_memory: bool,
    /// Addresses of the chunks.
    chunks: Mutex<Vec<usize>>,
}

/// For functions whose results are in registers.
pub static USUAL: Stubs = Stubs {
    returns_in_memory: false,
    chunks: Mutex::new(Vec::new()),
};
/// For those with more results.
pub static IN_MEMORY: Stubs = Stubs {
    returns_in_memory: true,
    chunks: Mutex::new(Vec::new()),
};

impl Stubs {
    /// The stub of a slot; an error if memory is out.
    pub fn get(&self, slot: usize) -> region::Result<*mut u8> {
        // The list is whole after each step, so that a panic elsewhere did it no harm.
        let mut chunks = self.chunks.lock().unwrap_or_else(|e| e.into_inner());
        while chunks.len() <= slot / COUNT {
            let first = (chunks.len() * COUNT) as u32;
            chunks.push(self.chunk(first)?);
        }
        Ok((chunks[slot / COUNT] + slot % COUNT * STUB_SIZE) as *mut u8)
    }

    /// A chunk of stubs from that of slot `first` on.
    fn chunk(&self, first: u32) -> region::Result<usize> {
        let mut mapping = region::alloc(CHUNK, Protection::READ_WRITE)?;
        let start = mapping.as_mut_ptr::<u8>();
        for i in 0..COUNT {
            let stub = arch::stub(first + i as u32, self.returns_in_memory);
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
}
