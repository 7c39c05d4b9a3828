//! The memory of an instance's context, which generated code reads and writes.

use super::fault::{self, Site};
use std::alloc::{Layout, alloc_zeroed, dealloc};

/// The memory of a [`VMContext`](super::vm::VMContext).
#[derive(Debug)]
pub(super) struct Context {
    start: *mut u8,
    layout: Layout,
}

impl Context {
    /// Zeroed memory for a context of `size` bytes; `None` if memory is out.
    pub fn new(size: u32) -> Option<Self> {
        let layout = Layout::from_size_align(size as usize, 16).ok()?;
        fault::check(Site::InstanceContext).ok()?;
        // SAFETY: never empty, since a context has a head.
        let start = unsafe { alloc_zeroed(layout) };
        (!start.is_null()).then_some(Self { start, layout })
    }

    /// The place at `offset`.
    pub fn at<T>(&self, offset: i32) -> *mut T {
        debug_assert!(offset as usize + size_of::<T>() <= self.layout.size());
        self.start.wrapping_add(offset as usize).cast()
    }

    /// Writes to the place at `offset`.
    ///
    /// # Safety
    /// `offset` is that of a `T` in the context's layout.
    pub unsafe fn write<T>(&self, offset: i32, value: T) {
        // SAFETY: by the caller; the context is zeroed memory of the layout's size and 16-byte aligned.
        unsafe { self.at::<T>(offset).write(value) }
    }

    /// Its addresses.
    pub fn range(&self) -> std::ops::Range<*const u8> {
        let start = self.start.cast_const();
        start..start.wrapping_add(self.layout.size())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.start, self.layout) };
    }
}
