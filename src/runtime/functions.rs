//! The function registry: functions by the numbers under which they cross to JavaScript.

use super::fault::{self, Site};
use super::vm::VMFuncRef;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Functions of a store by number. 0 is null. An instance registers its functions as one block.
#[derive(Debug, Default)]
pub struct FunctionRegistry {
    functions: RefCell<Vec<*const VMFuncRef>>,
    /// Start and length of `functions`, for the lookup at every call.
    start: Cell<*const *const VMFuncRef>,
    len: Cell<u32>,
    /// The same, or 0 while it is closed: then no function is entered.
    enterable: Cell<u32>,
    closed: Cell<bool>,
    /// Free blocks by length.
    free: RefCell<BTreeMap<u32, Vec<u32>>>,
}

impl FunctionRegistry {
    /// The function of this number; `None` for 0 and for numbers that nobody has.
    #[inline(always)]
    pub fn get(&self, number: u32) -> Option<*const VMFuncRef> {
        self.get_below(self.len.get(), number)
    }

    /// The same for the host's calls, which need not ask whether the store rests (see [`super::references`]).
    #[inline(always)]
    pub(super) fn get_enterable(&self, number: u32) -> Option<*const VMFuncRef> {
        self.get_below(self.enterable.get(), number)
    }

    /// Has the host find none that it could enter, or all again.
    pub(super) fn set_closed(&self, closed: bool) {
        self.closed.set(closed);
        self.enterable.set(if closed { 0 } else { self.len.get() });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    #[inline(always)]
    fn get_below(&self, len: u32, number: u32) -> Option<*const VMFuncRef> {
        if number >= len {
            return None;
        }
        // SAFETY: `start` and `len` describe `functions` as it is, and `len` is one of them or 0.
        let function = unsafe { *self.start.get().add(number as usize) };
        (!function.is_null()).then_some(function)
    }

    /// Takes `count` numbers; the first one. They name nothing until they are [`set`](Self::set).
    /// `None` if memory is out.
    pub(super) fn allocate(&self, count: u32) -> Option<u32> {
        if count == 0 {
            return Some(0);
        }
        if let Some(block) = self.free.borrow_mut().get_mut(&count).and_then(Vec::pop) {
            return Some(block);
        }
        fault::check(Site::FunctionNumbers).ok()?;
        let mut functions = self.functions.borrow_mut();
        let first = functions.len().max(1);
        let len = first + count as usize;
        // JavaScript sees the numbers as i32.
        if len > i32::MAX as usize || functions.try_reserve(count as usize + 1).is_err() {
            return None;
        }
        functions.resize(len, std::ptr::null());
        self.start.set(functions.as_ptr());
        self.len.set(len as u32);
        self.set_closed(self.closed.get());
        Some(first as u32)
    }

    /// Makes `number` name `function`.
    ///
    /// # Safety
    /// `number` is of a block that the caller allocated; `function` lives until the block is freed.
    pub(super) unsafe fn set(&self, number: u32, function: *const VMFuncRef) {
        self.functions.borrow_mut()[number as usize] = function;
    }

    /// Gives the block of `count` numbers from `first` back.
    pub(super) fn free(&self, first: u32, count: u32) {
        if count > 0 {
            let (first_, count_) = (first as usize, count as usize);
            self.functions.borrow_mut()[first_..first_ + count_].fill(std::ptr::null());
            self.free.borrow_mut().entry(count).or_default().push(first);
        }
    }
}
