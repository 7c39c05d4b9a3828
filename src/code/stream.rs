//! A module whose bytes arrive one after the other: a thread decodes and validates it meanwhile.

use super::compiled_module::{CompileError, CompiledModule};
use super::{Options, figures, registry};
use crate::module::{Arriving, Decoder, Module};
use crate::runtime::fault::{self, Site};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Bytes that arrive, and the thread that takes them. It ends when this is dropped.
pub struct Stream {
    chunks: Sender<Box<[u8]>>,
    thread: JoinHandle<(Arriving, Option<Decoder>)>,
}

impl Stream {
    pub fn new() -> io::Result<Self> {
        fault::check(Site::CompileThread)?;
        let (chunks, arriving) = channel();
        let thread = thread::Builder::new().name("wrt-stream".into());
        Ok(Self {
            chunks,
            thread: thread.spawn(|| receive(arriving))?,
        })
    }

    /// Takes a copy of the next bytes.
    pub fn push(&self, chunk: &[u8]) {
        // Nobody receives them if that thread has panicked, which `finish` will find.
        let _ = self.chunks.send(chunk.into());
    }

    /// The module, once its bytes are complete.
    pub fn finish(self, options: Options) -> Result<Arc<CompiledModule>, CompileError> {
        let start = Instant::now();
        drop(self.chunks);
        let received = self.thread.join();
        let (bytes, decoder) =
            received.map_err(|_| CompileError::Machine("internal error".into()))?;
        let bytes = bytes.complete();
        // Where something is wrong, all of it is looked at again: the error is that which the bytes as a whole have.
        let valid = decoder.and_then(|decoder| decoder.rest(&bytes).ok());
        let module = match valid {
            Some(module) => CompiledModule::of(module.with_bytes(bytes), options)?,
            None => CompiledModule::of(Module::decode(bytes)?, options)?,
        };
        figures::DECODED.add(1, start);
        registry::add(&module);
        Ok(module)
    }
}

/// All that arrives, and the module as far as it is decoded if nothing was wrong.
fn receive(chunks: Receiver<Box<[u8]>>) -> (Arriving, Option<Decoder>) {
    let mut bytes = Arriving::with_capacity(0);
    let mut decoder = Some(Decoder::new(true));
    for chunk in chunks {
        bytes.push(&chunk);
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
