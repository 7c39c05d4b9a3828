//! Processors and systems that wrt does not run on yet: everything compiles, and loading ends with the
//! error of [`check`]. What is missing elsewhere is the switch of stacks in generated code: Cranelift
//! lowers `stack_switch` for x86-64 on Linux alone.

use crate::runtime::Store;
use crate::runtime::vm::{VMContext, VMFuncRef, VMThread};

/// Says that wrt does not run here.
pub fn check() -> Result<(), &'static str> {
    Err("wrt runs on Linux x86-64 only, so far: this platform has no way to switch stacks yet")
}

pub fn current() -> *mut Store {
    std::ptr::null_mut()
}

pub fn set_current(_: *mut Store) {}

pub fn is_first_thread() -> bool {
    false
}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe fn enter(
    thread: *mut VMThread,
    _: *const VMFuncRef,
    _: *const u8,
    _: usize,
) -> *mut VMThread {
    thread
}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe fn enter_leaf(_: *mut VMThread, _: *const VMFuncRef, _: *const u8) {}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe fn resume(thread: *mut VMThread) -> *mut VMThread {
    thread
}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe extern "C" fn raise(_: *mut VMThread, _: i32, _: i32) {}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe extern "C" fn throw(_: *mut VMContext, _: u64, _: *const u64) {}

pub fn kept_registers() -> [u64; 6] {
    [0; 6]
}

pub fn prepare_interruption() {}

pub fn spare_signals() -> std::ops::RangeInclusive<libc::c_int> {
    1..=0
}

pub fn keep_errno(f: impl FnOnce()) {
    f();
}

#[derive(Debug)]
pub struct ThreadTimer;

impl ThreadTimer {
    pub fn new(_: libc::c_int, _: bool) -> Option<Self> {
        None
    }

    pub fn set(&self, _: std::time::Duration) {}
}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe extern "C" fn suspend(_: *mut VMThread) {}

pub const STUB_SIZE: usize = 32;

pub fn stub(_: u32, _: bool) -> [u8; STUB_SIZE] {
    [0; STUB_SIZE]
}

/// # Safety
/// Never called: [`check`] failed.
pub unsafe extern "C" fn call_on_stack(
    _: *mut libc::c_void,
    _: unsafe extern "C" fn(*mut libc::c_void),
    _: usize,
) {
}

/// # Safety
/// As on other platforms; nothing is mapped here.
pub unsafe fn map_twice(_: *mut u8, _: *mut u8, _: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// # Safety
/// As on other platforms; nothing is mapped here.
pub unsafe fn map_executable(_: &std::fs::File, _: *mut u8, _: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub fn memory_file(_: &std::ffi::CStr) -> std::io::Result<std::fs::File> {
    Err(std::io::ErrorKind::Unsupported.into())
}

pub struct SignalContext;

impl SignalContext {
    /// # Safety
    /// As on other platforms; nothing is read here.
    pub unsafe fn new(_: *mut libc::c_void) -> Self {
        Self
    }

    pub fn pc(&self) -> usize {
        0
    }

    pub fn fp(&self) -> usize {
        0
    }
    pub fn divert_to_host(&mut self, _: &VMThread) {}

    /// # Safety
    /// Never called: [`check`] failed.
    pub unsafe fn interrupt(&mut self, _: std::ops::Range<usize>) -> bool {
        false
    }
}
