//! Tables: one array that all instances and JavaScript share, and that `call_indirect` reads directly.

use super::account::Account;
use super::fault::{self, Site};
use super::limits::{Resource, Share};
use super::segments::index_within;
use super::slots::SharedSlot;
use super::vm::{EXTERN_ENTRY_SIZE, TABLE_ENTRY_SIZE, VMFuncRef, VMTable, VMTableEntry};
use crate::module::canonical::CanonicalType;
use crate::module::{TableType, ValType};
use std::alloc::{Layout, alloc_zeroed};
use std::cell::{Cell, OnceCell, UnsafeCell};

/// Most elements of a table, by the JavaScript API.
pub const MAX_ELEMENTS: u64 = 10_000_000;

/// A table of references. An element is one word to the outside: a `*const VMFuncRef` or an externref.
#[derive(Debug)]
pub struct Table {
    ty: TableType,
    definition: UnsafeCell<VMTable>,
    /// The elements, `words_each` words each; `definition` describes it.
    words: UnsafeCell<Vec<u64>>,
    /// May there be elements other than null? Not before a value is written, or a guest has the table.
    is_filled: Cell<bool>,
    /// The elements, as they count for the process.
    share: Share,
    /// Where JavaScript reads its length, once it has asked for it.
    length_slot: OnceCell<SharedSlot>,
    /// Keeps the type that `ty` names.
    _named: Option<CanonicalType>,
}

/// Words of an element.
fn words_each(element: ValType) -> usize {
    let bytes = if element.is_func() {
        TABLE_ENTRY_SIZE
    } else {
        EXTERN_ENTRY_SIZE
    };
    bytes as usize / 8
}

/// `len` zero words, taken from the system as they are touched; `None` if memory is out.
fn zeroed(len: usize) -> Option<Vec<u64>> {
    if len == 0 {
        return Some(Vec::new());
    }
    let layout = Layout::array::<u64>(len).ok()?;
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc_zeroed(layout) }.cast::<u64>();
    // SAFETY: allocated with this layout by the global allocator, and zero is a valid u64.
    (!start.is_null()).then(|| unsafe { Vec::from_raw_parts(start, len, len) })
}

impl Table {
    /// A table of `ty`'s minimum, all elements `init`; `None` if it is too large or memory is out.
    pub fn new(ty: TableType, init: u64) -> Option<Self> {
        let len = ty.limits.min;
        if len > MAX_ELEMENTS {
            return None;
        }
        fault::check(Site::TableElements).ok()?;
        let share = Share::new(Resource::TableElements, len as usize)?;
        let mut words = zeroed(len as usize * words_each(ty.element))?;
        let definition = VMTable {
            base: words.as_mut_ptr().cast(),
            length: len as usize,
        };
        let table = Self {
            ty,
            definition: UnsafeCell::new(definition),
            words: UnsafeCell::new(words),
            is_filled: Cell::new(false),
            share,
            length_slot: OnceCell::new(),
            _named: CanonicalType::of_value_type(ty.element),
        };
        Account::update(|account| {
            account.tables += 1;
            account.bytes += table.bytes();
        });
        if init != 0 {
            table.fill(0, init, len)?;
        }
        Some(table)
    }

    /// The type it was made with; [`Table::len`] is its current size.
    pub fn ty(&self) -> TableType {
        self.ty
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        // SAFETY: only the owning thread is here, and no reference to the definition lives.
        unsafe { (*self.definition.get()).length as u64 }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the shared slot where its length is from now on, if there is one: `slot`, or the one that it has.
    pub(super) fn share_length(&self, slot: impl FnOnce() -> Option<SharedSlot>) -> Option<u32> {
        if self.length_slot.get().is_none() {
            let _ = self.length_slot.set(slot()?);
        }
        self.show_length();
        self.length_slot.get().map(SharedSlot::index)
    }

    fn show_length(&self) {
        if let Some(slot) = self.length_slot.get() {
            // SAFETY: 16 bytes, aligned, which are this table's.
            unsafe { slot.place().cast::<u64>().write(self.len()) };
        }
    }

    /// Size in bytes.
    fn bytes(&self) -> usize {
        self.len() as usize * words_each(self.ty.element) * 8
    }

    /// For an instance, whose guests write elements by it.
    pub(super) fn definition(&self) -> *mut VMTable {
        self.is_filled.set(true);
        self.definition.get()
    }

    /// Where element `i` lies, if there is one.
    fn element(&self, i: u64) -> Option<*mut u64> {
        // SAFETY: only the owning thread is here, and no reference to the definition lives.
        let base = unsafe { (*self.definition.get()).base }.cast::<u64>();
        let i = index_within(i, 1, self.len())?;
        Some(base.wrapping_add(i * words_each(self.ty.element)))
    }

    /// Element `i`; `None` if out of bounds.
    pub fn get(&self, i: u64) -> Option<u64> {
        let element = self.element(i)?;
        // SAFETY: in bounds; a funcref element is a `VMTableEntry`, any other one word.
        Some(unsafe {
            if self.ty.element.is_func() {
                (*element.cast::<VMTableEntry>()).func_ref as u64
            } else {
                *element
            }
        })
    }

    /// Calls `f` with every element, unless all are null: to look at many takes their pages from the system.
    pub fn visit(&self, f: impl FnMut(u64)) {
        if !self.is_filled.get() {
            return;
        }
        (0..self.len()).filter_map(|i| self.get(i)).for_each(f);
    }

    /// Sets element `i`; `None` if out of bounds.
    pub fn set(&self, i: u64, value: u64) -> Option<()> {
        let element = self.element(i)?;
        if value != 0 {
            self.is_filled.set(true);
        }
        // SAFETY: in bounds; a funcref value is null or a live `VMFuncRef`.
        unsafe {
            if self.ty.element.is_func() {
                element
                    .cast::<VMTableEntry>()
                    .write(entry(value as *const VMFuncRef));
            } else {
                element.write(value);
            }
        }
        Some(())
    }

    /// `table.fill`; `None` if out of bounds, and then nothing is written.
    pub fn fill(&self, to: u64, value: u64, len: u64) -> Option<()> {
        let end = to.checked_add(len).filter(|end| *end <= self.len())?;
        (to..end).try_for_each(|i| self.set(i, value))
    }

    /// `table.copy` from `source`; `None` if out of bounds, and then nothing is written.
    pub fn copy(&self, to: u64, source: &Table, from: u64, len: u64) -> Option<()> {
        to.checked_add(len).filter(|end| *end <= self.len())?;
        from.checked_add(len).filter(|end| *end <= source.len())?;
        if let (Some(to), Some(from)) = (self.element(to), source.element(from)) {
            self.is_filled.set(true);
            // SAFETY: both ranges are in bounds, of the same element type by validation.
            unsafe { to.copy_from(from, len as usize * words_each(self.ty.element)) };
        }
        Some(())
    }

    /// Grows by `delta` elements of value `init`; the size before, or `None` if the maximum, the
    /// implementation's limit or memory forbids it.
    pub fn grow(&self, delta: u64, init: u64) -> Option<u64> {
        let before = self.len();
        let after = before.checked_add(delta)?;
        if after > self.ty.limits.max.unwrap_or(MAX_ELEMENTS).min(MAX_ELEMENTS) {
            return None;
        }
        if delta == 0 {
            return Some(before);
        }
        fault::check(Site::TableGrowth).ok()?;
        if !self.share.extend(delta as usize) {
            return None;
        }
        // SAFETY: only the owning thread is here, and no other reference to the words lives.
        let words = unsafe { &mut *self.words.get() };
        let len = after as usize * words_each(self.ty.element);
        if len > words.capacity() {
            // Doubling by hand, so that a failure at twice the size can still try the size itself.
            let double = words.capacity().saturating_mul(2);
            if words
                .try_reserve_exact(double.max(len) - words.len())
                .is_err()
            {
                let enough = words.try_reserve_exact(len - words.len());
                if enough.is_err() {
                    self.share.release(delta as usize);
                    return None;
                }
            }
        }
        words.resize(len, 0);
        let definition = VMTable {
            base: words.as_mut_ptr().cast(),
            length: after as usize,
        };
        // SAFETY: as above.
        unsafe { *self.definition.get() = definition };
        self.show_length();
        Account::update(|account| {
            account.bytes += delta as usize * words_each(self.ty.element) * 8
        });
        if init != 0 {
            self.fill(before, init, delta)?;
        }
        Some(before)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        Account::update(|account| {
            account.tables -= 1;
            account.bytes -= self.bytes();
        });
    }
}

/// The element for a function; all zero for null.
fn entry(func_ref: *const VMFuncRef) -> VMTableEntry {
    // SAFETY: null or live, by the callers of `set`.
    match unsafe { func_ref.as_ref() } {
        None => VMTableEntry {
            type_id: 0,
            index: 0,
            code: std::ptr::null(),
            vmctx: std::ptr::null_mut(),
            func_ref: std::ptr::null(),
        },
        Some(f) => VMTableEntry {
            type_id: f.type_id,
            index: f.index,
            code: f.code,
            vmctx: f.vmctx,
            func_ref,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{AddressType, Limits};

    #[test]
    fn only_tables_that_may_hold_something_are_looked_through() {
        let make = |init| {
            let ty = TableType {
                element: ValType::EXTERNREF,
                address: AddressType::I32,
                limits: Limits { min: 3, max: None },
            };
            Table::new(ty, init).unwrap()
        };
        let seen = |table: &Table| {
            let mut seen = Vec::new();
            table.visit(|word| seen.push(word));
            seen
        };
        let table = make(0);
        table.set(1, 0).unwrap();
        assert_eq!(table.grow(1, 0), Some(3));
        assert_eq!(seen(&table), []);
        assert_eq!(seen(&make(7)), [7, 7, 7]);
        let grown = make(0);
        grown.grow(1, 7).unwrap();
        assert_eq!(seen(&grown), [0, 0, 0, 7]);
        table.copy(0, &grown, 2, 2).unwrap();
        assert_eq!(seen(&table), [0, 7, 0, 0]);
        let set = make(0);
        set.set(2, 7).unwrap();
        assert_eq!(seen(&set), [0, 0, 7]);
        let of_guest = make(0);
        of_guest.definition();
        assert_eq!(seen(&of_guest), [0, 0, 0]);
    }
}
