//! Slots of scratch memory, after those of arguments and results, in which numbers lie that JavaScript
//! reads and writes without a call: values of globals, lengths of tables.

use super::vm::SHARED_SLOTS;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Which slots are free.
#[derive(Debug, Default)]
struct Free {
    given_back: RefCell<Vec<u32>>,
    /// How many were ever taken.
    taken: Cell<u32>,
}

/// The shared slots of a store.
#[derive(Debug)]
pub(super) struct SharedSlots {
    start: *mut u8,
    free: Rc<Free>,
}

/// A slot of 16 bytes, aligned; it is given back when this is dropped.
#[derive(Debug)]
pub struct SharedSlot {
    start: *mut u8,
    index: u32,
    free: Rc<Free>,
}

impl SharedSlots {
    /// Shares the memory from `start` on, [`SHARED_SLOTS`] times 16 bytes.
    pub fn new(start: *mut u8) -> Self {
        Self {
            start,
            free: Rc::default(),
        }
    }

    /// Takes a slot; `None` if all are taken.
    pub fn take(&self) -> Option<SharedSlot> {
        let index = self.free.given_back.borrow_mut().pop().or_else(|| {
            let index = self.free.taken.get();
            let taken = (index < SHARED_SLOTS).then_some(index)?;
            self.free.taken.set(index + 1);
            Some(taken)
        })?;
        Some(SharedSlot {
            start: self.start,
            index,
            free: self.free.clone(),
        })
    }
}

impl SharedSlot {
    /// Where it lies. It stays valid while the store is.
    pub fn place(&self) -> *mut u8 {
        self.start.wrapping_add(16 * self.index as usize)
    }

    /// Its number among the shared slots.
    pub fn index(&self) -> u32 {
        self.index
    }
}

impl Drop for SharedSlot {
    fn drop(&mut self) {
        self.free.given_back.borrow_mut().push(self.index);
    }
}
