//! A module's own copy of its bytes.

use hashbrown::DefaultHashBuilder;
use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// Bytes of a module, and a number that they give. They lie in a *carrier*, so that they can travel without being
/// copied: an empty module with one custom section, which has the number and them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Bytes {
    carrier: Arc<Vec<u8>>,
}

/// What is before the bytes: magic, version, number and size of the section, its name, the number of the bytes.
const HEADER: usize = NUMBER + 8;
const NUMBER: usize = NAME + 1 + SECTION.len();
const NAME: usize = SIZE + 5;
const SIZE: usize = 9;
/// Name of the custom section in a carrier, see `lib/carrier.js`.
const SECTION: &[u8] = b"wrt";

impl Bytes {
    /// The number of such bytes: a hash. Who finds two modules of the same number gains nothing, as bytes are compared.
    pub fn number_of(bytes: &[u8]) -> u64 {
        static HASHER: OnceLock<DefaultHashBuilder> = OnceLock::new();
        HASHER
            .get_or_init(DefaultHashBuilder::default)
            .hash_one(bytes)
    }

    pub fn number(&self) -> u64 {
        let number = self.carrier.get(NUMBER..HEADER);
        number
            .and_then(|number| number.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    }

    /// A copy of bytes of this number.
    pub fn new(bytes: &[u8], number: u64) -> Self {
        let mut copy = Arriving::with_capacity(bytes.len());
        copy.push(bytes);
        copy.with_number(number)
    }

    /// The module that carries them.
    pub fn carrier(&self) -> &[u8] {
        &self.carrier
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.carrier.get(HEADER..).unwrap_or_default()
    }
}

impl<T: AsRef<[u8]>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        let bytes = bytes.as_ref();
        Self::new(bytes, Self::number_of(bytes))
    }
}

/// Bytes of which more may come.
#[derive(Debug)]
pub struct Arriving {
    carrier: Vec<u8>,
}

impl Arriving {
    pub fn with_capacity(capacity: usize) -> Self {
        let mut carrier = Vec::with_capacity(HEADER + capacity);
        carrier.resize(HEADER, 0);
        Self { carrier }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.carrier.extend_from_slice(bytes);
    }

    /// Those that are there.
    pub fn bytes(&self) -> &[u8] {
        &self.carrier[HEADER..]
    }

    /// There are no more.
    pub fn complete(self) -> Bytes {
        let number = Bytes::number_of(self.bytes());
        self.with_number(number)
    }

    fn with_number(mut self, number: u64) -> Bytes {
        let (header, bytes) = self.carrier.split_at_mut(HEADER);
        header[..SIZE].copy_from_slice(b"\0asm\x01\0\0\0\0");
        let mut size = HEADER - NAME + bytes.len();
        for (i, byte) in header[SIZE..NAME].iter_mut().enumerate() {
            // In five bytes, whatever it is. Modules of more than a gibibyte are refused.
            *byte = (size & 0x7f) as u8 | if i < 4 { 0x80 } else { 0 };
            size >>= 7;
        }
        header[NAME] = SECTION.len() as u8;
        header[NAME + 1..NUMBER].copy_from_slice(SECTION);
        header[NUMBER..].copy_from_slice(&number.to_le_bytes());
        Bytes {
            carrier: self.carrier.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;

    #[test]
    fn a_carrier_is_a_module_that_has_the_bytes() {
        for len in [0, 1, 100, 1 << 14, 3 << 21] {
            let inner: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let bytes = Bytes::from(&inner);
            assert_eq!(bytes[..], inner);
            let module = Module::decode(bytes.carrier()).unwrap();
            let (name, range) = &module.custom_sections[0];
            assert_eq!(name, "wrt");
            let (number, contents) = module.bytes[range.clone()].split_first_chunk().unwrap();
            assert_eq!(u64::from_le_bytes(*number), bytes.number());
            assert_eq!(contents, inner);
        }
        assert_eq!(Bytes::default()[..], []);
    }
}
