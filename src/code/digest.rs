//! A hash of many bytes that all cores work at.

use crate::runtime::crew;

/// Bytes that a thread takes at a time.
const PIECE: usize = 256 << 10;
/// Pieces that are worth a thread: it takes longer to hash them than to start one.
const WORTH_A_THREAD: usize = 4;

/// The hash of the hashes of all pieces.
pub fn digest(bytes: &[u8]) -> blake3::Hash {
    let pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
    let useful = pieces.len() / WORTH_A_THREAD;
    let (_, hashes) = crew::each(
        "wrt-hash",
        useful,
        &pieces,
        |piece| blake3::hash(piece),
        || (),
    );
    let mut all = blake3::Hasher::new();
    for hash in hashes {
        all.update(hash.as_bytes());
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
