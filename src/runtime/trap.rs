//! The traps of the standard.

/// Why a guest was stopped. The numbers cross to JavaScript (`lib/errors.js`), so they stay.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `unreachable` was executed.
    Unreachable = 1,
    /// A memory access or bulk memory operation went out of bounds.
    MemoryOutOfBounds = 2,
    /// A table access, bulk table operation or index of `call_indirect` went out of bounds.
    TableOutOfBounds = 3,
    /// `call_indirect` met null or a function of another type.
    IndirectCall = 4,
    DivideByZero = 5,
    RemainderByZero = 6,
    /// A signed division whose result does not fit.
    IntegerOverflow = 7,
    /// A float to integer conversion of a NaN or a number out of range.
    BadConversion = 8,
    /// The guest stack is used up.
    StackOverflow = 9,
    /// There was no memory for an exception.
    OutOfMemory = 10,
    /// A function could not be compiled when it was called; the store says why.
    NotCompiled = 11,
    /// `table.init` went out of the bounds of its segment, or the segment was dropped.
    ElementOutOfBounds = 12,
    /// `throw_ref` of null.
    ThrowNull = 15,
    /// A reference that must not be null was.
    NullReference = 16,
    /// `ref.cast` of what has another type.
    Cast = 17,
    /// An atomic access at an address that is no multiple of its size.
    Unaligned = 18,
    /// `memory.atomic.wait` at a memory that is not shared.
    Wait = 19,
}

impl Trap {
    /// The trap of this number.
    pub fn from_code(code: u8) -> Option<Self> {
        use Trap::*;
        [
            Unreachable,
            MemoryOutOfBounds,
            TableOutOfBounds,
            IndirectCall,
            DivideByZero,
            RemainderByZero,
            IntegerOverflow,
            BadConversion,
            StackOverflow,
            OutOfMemory,
            NotCompiled,
            ElementOutOfBounds,
            ThrowNull,
            NullReference,
            Cast,
            Unaligned,
            Wait,
        ]
        .into_iter()
        .find(|t| *t as u8 == code)
    }
}
