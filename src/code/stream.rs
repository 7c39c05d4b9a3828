//! A module whose bytes arrive one after the other: a thread decodes and validates it meanwhile.

use super::compiled_module::{CompileError, CompiledModule};
use super::{Options, cache, figures};
use crate::module::{Arriving, Decoder};
use crate::runtime::fault::{self, Site};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Bytes that arrive, and the thread that takes them. It ends when this is dropped.
pub struct Stream {
    chunks: Sender<Box<[u8]>>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<(Arriving, Option<Decoder>)>,
}

impl Stream {
    pub fn new() -> io::Result<Self> {
        fault::check(Site::CompileThread)?;
        let (chunks, arriving) = channel();
        let ended = Arc::<AtomicBool>::default();
        let seen = ended.clone();
        let thread = thread::Builder::new().name("wrt-stream".into());
        Ok(Self {
            chunks,
            ended,
            thread: thread.spawn(move || receive(arriving, &seen))?,
        })
    }

    /// Takes a copy of the next bytes.
    pub fn push(&self, chunk: &[u8]) {
        // Nobody receives them if that thread has panicked, which `finish` will find.
        let _ = self.chunks.send(chunk.into());
    }

    /// The module, once its bytes are complete, with the code that the cache has for it.
    pub fn finish(self, options: Options) -> Result<Arc<CompiledModule>, CompileError> {
        self.ended.store(true, Ordering::Relaxed);
        drop(self.chunks);
        let received = self.thread.join();
        let (bytes, decoder) =
            received.map_err(|_| CompileError::Machine("internal error".into()))?;
        cache::module(bytes.complete(), options, |bytes| {
            // Where something is wrong, all of it is looked at again: the error is that which the bytes as a whole have.
            let start = Instant::now();
            let valid = decoder.and_then(|decoder| decoder.rest(&bytes).ok());
            let Some(module) = valid else {
                return CompiledModule::decode(bytes);
            };
            figures::DECODED.add(1, start);
            Ok(module.with_bytes(bytes))
        })
    }
}

/// All that arrives, and the module as far as it is decoded if nothing was wrong. When there is no more to wait for, the rest
/// is left to all cores.
fn receive(chunks: Receiver<Box<[u8]>>, ended: &AtomicBool) -> (Arriving, Option<Decoder>) {
    let mut bytes = Arriving::with_capacity(0);
    let mut decoder = Some(Decoder::new(true));
    for chunk in chunks {
        bytes.push(&chunk);
        if ended.load(Ordering::Relaxed) {
            continue;
        }
        decoder = decoder.and_then(|mut decoder| {
            decoder.advance(bytes.bytes()).ok()?;
            Some(decoder)
        });
    }
    (bytes, decoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<usize, String> {
        let stream = Stream::new().unwrap();
        pieces.for_each(|piece| stream.push(piece));
        described(stream.finish(Options::default()))
    }

    fn described(result: Result<Arc<CompiledModule>, CompileError>) -> Result<usize, String> {
        let module = result.map_err(|error| error.to_string())?;
        Ok(module.module().bodies.len() + module.module().bytes.len())
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let text = r#"(module (memory 1) (data (i32.const 1) "abc")
            (func (result i32) i32.const 1) (func (export "f") (drop (call 0))) (start 1))"#;
        let bytes = wat::parse_str(text).unwrap();
        let damaged = (0..bytes.len()).map(|at| {
            let mut copy = bytes.clone();
            copy[at] ^= 1 << (at % 8);
            copy
        });
        let cut = (0..=bytes.len()).map(|end| bytes[..end].to_vec());
        for bytes in damaged.chain(cut) {
            let whole = described(CompiledModule::new(&bytes, Options::default()));
            for size in [1, 3, 1000] {
                assert_eq!(stream(bytes.chunks(size)), whole, "{bytes:?}");
            }
        }
    }
}
