//! Globals that instances and JavaScript share.

use super::slots::SharedSlot;
use super::vm::VMGlobal;
use crate::module::GlobalType;
use crate::module::canonical::CanonicalType;
use std::cell::UnsafeCell;

/// A global in a cell of its own.
#[derive(Debug)]
pub struct Global {
    ty: GlobalType,
    cell: Cell,
    /// Keeps the type that `ty` names.
    _named: Option<CanonicalType>,
}

#[derive(Debug)]
enum Cell {
    /// Where JavaScript reads and writes it, too.
    Shared(SharedSlot),
    Own(Box<UnsafeCell<VMGlobal>>),
}

impl Global {
    /// A global whose value is `bits` (the low bytes count), or 16 bytes of a v128. Only a number may lie
    /// in a shared slot.
    pub(super) fn new(ty: GlobalType, value: VMGlobal, slot: Option<SharedSlot>) -> Self {
        let cell = match slot {
            Some(slot) => {
                // SAFETY: 16 bytes, aligned, which nobody else has taken.
                unsafe { slot.place().cast::<VMGlobal>().write(value) };
                Cell::Shared(slot)
            }
            None => Cell::Own(Box::new(UnsafeCell::new(value))),
        };
        Self {
            ty,
            cell,
            _named: CanonicalType::of_value_type(ty.value),
        }
    }

    /// The number of its shared slot, if it lies in one.
    pub fn shared_slot(&self) -> Option<u32> {
        match &self.cell {
            Cell::Shared(slot) => Some(slot.index()),
            Cell::Own(_) => None,
        }
    }

    pub fn ty(&self) -> GlobalType {
        self.ty
    }

    pub(super) fn cell(&self) -> *mut VMGlobal {
        match &self.cell {
            Cell::Shared(slot) => slot.place().cast(),
            Cell::Own(cell) => cell.get(),
        }
    }

    /// The value of anything but a v128, whose low half this is.
    pub fn get(&self) -> u64 {
        // SAFETY: only the owning thread is here, and no guest runs.
        unsafe { self.cell().cast::<u64>().read() }
    }

    /// Sets the low half of the value.
    pub fn set(&self, bits: u64) {
        // SAFETY: as in `get`.
        unsafe { self.cell().cast::<u64>().write(bits) }
    }
}

impl From<u64> for VMGlobal {
    fn from(bits: u64) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&bits.to_ne_bytes());
        Self { bytes }
    }
}
