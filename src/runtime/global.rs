//! Globals that instances and JavaScript share.

use super::vm::VMGlobal;
use crate::module::GlobalType;
use std::cell::UnsafeCell;

/// A global in a cell of its own.
#[derive(Debug)]
pub struct Global {
    ty: GlobalType,
    cell: UnsafeCell<VMGlobal>,
}

impl Global {
    /// A global whose value is `bits` (the low bytes count), or 16 bytes of a v128.
    pub fn new(ty: GlobalType, value: VMGlobal) -> Self {
        Self {
            ty,
            cell: UnsafeCell::new(value),
        }
    }

    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    pub(super) fn cell(&self) -> *mut VMGlobal {
        self.cell.get()
    }

    /// The value of anything but a v128, whose low half this is.
    pub fn get(&self) -> u64 {
        // SAFETY: only the owning thread is here, and no guest runs.
        unsafe { self.cell.get().cast::<u64>().read() }
    }

    /// Sets the low half of the value.
    pub fn set(&self, bits: u64) {
        // SAFETY: as in `get`.
        unsafe { self.cell.get().cast::<u64>().write(bits) }
    }
}

impl From<u64> for VMGlobal {
    fn from(bits: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&bits.to_ne_bytes());
        Self { bytes }
    }
}
