//! A hash of many bytes that all cores work at.

use crate::runtime::crew;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// Bytes that a thread takes at a time.
const PIECE: usize = 256 << 10;
/// Pieces that are worth a thread: it takes longer to hash them than to start one.
const WORTH_A_THREAD: usize = 4;

/// The hash of the hashes of all pieces.
pub fn digest(bytes: &[u8]) -> blake3::Hash {
    let pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
    let hashes: Vec<OnceLock<blake3::Hash>> = vec![OnceLock::new(); pieces.len()];
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let place = next.fetch_add(1, Relaxed);
            let Some((hash, piece)) = hashes.get(place).zip(pieces.get(place)) else {
                return;
            };
            hash.get_or_init(|| blake3::hash(piece));
        }
    };
    thread::scope(|scope| {
        crew::help(scope, "wrt-hash", pieces.len() / WORTH_A_THREAD, work);
        work();
    });
    let mut all = blake3::Hasher::new();
    for (hash, piece) in hashes.iter().zip(&pieces) {
        all.update(hash.get_or_init(|| blake3::hash(piece)).as_bytes());
    }
    all.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_and_the_length_count() {
        let mut bytes: Vec<u8> = (0..5 * PIECE + 77).map(|i| (i % 251) as u8).collect();
        let whole = digest(&bytes);
        assert_eq!(digest(&bytes), whole);
        for place in [0, PIECE - 1, PIECE, 3 * PIECE + 1, bytes.len() - 1] {
            bytes[place] ^= 1;
            assert_ne!(digest(&bytes), whole);
            bytes[place] ^= 1;
        }
        assert_ne!(digest(&bytes[1..]), whole);
        assert_ne!(digest(&bytes[..bytes.len() - 1]), whole);
        bytes.push(0);
        assert_ne!(digest(&bytes), whole);
        bytes.pop();
        assert_eq!(digest(&bytes), whole);
        // Pieces that change places.
        bytes.rotate_left(PIECE);
        assert_ne!(digest(&bytes), whole);
    }
}
