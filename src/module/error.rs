//! Why a module is refused, and where.

use std::ops::Range;

/// Why bytes are no valid module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} @+{offset}")]
pub struct DecodeError {
    pub message: String,
    /// Where in the bytes the error is.
    pub offset: usize,
}

pub(super) type Result<T> = std::result::Result<T, DecodeError>;

impl DecodeError {
    pub(super) fn new(message: impl Into<String>, offset: usize) -> Self {
        Self {
            message: message.into(),
            offset,
        }
    }
}

impl From<wasmparser::Error> for DecodeError {
    fn from(error: wasmparser::Error) -> Self {
        Self::new(error.message(), position(error.offset()))
    }
}

/// An offset of the parser as an index. Offsets never exceed the length of the bytes.
pub(super) fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

pub(super) fn positions(range: &Range<u64>) -> Range<usize> {
    position(range.start)..position(range.end)
}
