//! The runtime functions that generated code calls. They run on the guest's stack, in the reserve that
//! the guest's own checks leave, and never unwind: a failure is their result.

use super::Trap;
use super::exceptions::{host_exception, new_exception};
use super::instance::Instance;
use super::memory::Memory;
use super::request::{Action, Request, failure};
use super::store::Store;
use super::vm::{BUILTINS, Builtin, VMContext, VMFuncRef, VMThread};
use crate::arch;
use crate::compiler::LoopHead;
use crate::module::canonical;
use std::rc::Rc;

/// A function pointer in a static.
#[repr(transparent)]
pub struct Function(#[allow(dead_code, reason = "read by generated code")] *const ());

// SAFETY: addresses of functions, never written.
unsafe impl Sync for Function {}

/// The table that [`VMContext::builtins`] points to.
pub static TABLE: [Function; BUILTINS] = {
    let mut table = [const { Function(std::ptr::null()) }; BUILTINS];
    table[Builtin::MemoryGrow as usize] = Function(memory_grow as *const ());
    table[Builtin::MemoryCopy as usize] = Function(memory_copy as *const ());
    table[Builtin::MemoryFill as usize] = Function(memory_fill as *const ());
    table[Builtin::MemoryInit as usize] = Function(memory_init as *const ());
    table[Builtin::DataDrop as usize] = Function(data_drop as *const ());
    table[Builtin::TableGrow as usize] = Function(table_grow as *const ());
    table[Builtin::TableFill as usize] = Function(table_fill as *const ());
    table[Builtin::TableCopy as usize] = Function(table_copy as *const ());
    table[Builtin::TableInit as usize] = Function(table_init as *const ());
    table[Builtin::ElemDrop as usize] = Function(elem_drop as *const ());
    table[Builtin::Hot as usize] = Function(hot as *const ());
    table[Builtin::FuncRef as usize] = Function(func_ref as *const ());
    table[Builtin::Raise as usize] = Function(arch::raise as *const ());
    table[Builtin::NewException as usize] = Function(new_exception as *const ());
    table[Builtin::HostException as usize] = Function(host_exception as *const ());
    table[Builtin::Throw as usize] = Function(arch::throw as *const ());
    table[Builtin::IsSubtype as usize] = Function(is_subtype as *const ());
    table[Builtin::Move as usize] = Function(libc::memmove as *const ());
    table[Builtin::Set as usize] = Function(libc::memset as *const ());
    table[Builtin::AtomicNotify as usize] = Function(atomic_notify as *const ());
    table[Builtin::AtomicWait32 as usize] = Function(atomic_wait::<false> as *const ());
    table[Builtin::AtomicWait64 as usize] = Function(atomic_wait::<true> as *const ());
    table
};

/// The instance of a context.
///
/// # Safety
/// `vmctx` is the context of a live instance: generated code passes its own.
pub(super) unsafe fn instance<'a>(vmctx: *mut VMContext) -> &'a Instance {
    // SAFETY: by the caller; an instance writes its own address into its context.
    unsafe { &*(*vmctx).instance.cast() }
}

/// The result of an operation that traps if it is `None`.
fn or_trap(done: Option<()>, trap: Trap) -> i32 {
    match done {
        Some(()) => 0,
        None => trap as i32,
    }
}

/// The end of a runtime function: the guest goes on with `result`, unless it is to be interrupted before.
/// A plain loop around short runtime functions would otherwise be interrupted only by chance.
fn finish<R>(vmctx: *mut VMContext, result: R) -> R {
    // SAFETY: called last by the functions below, with the caller's own context; they hold nothing any
    // more.
    unsafe { Store::checkpoint(vmctx) };
    result
}

/// Bytes that are filled or copied between two moments at which the guest can be interrupted: some 100 µs.
const CHUNK: u64 = 1 << 20;

/// Calls `step` with the offset and length of each part of `len` bytes, the last part first if `backwards`.
///
/// # Safety
/// As for [`Store::checkpoint`]; `step` leaves nothing to be dropped.
unsafe fn in_chunks(
    vmctx: *mut VMContext,
    len: u64,
    backwards: bool,
    step: impl Fn(u64, u64) -> Option<()>,
) -> Option<()> {
    let chunks = len.div_ceil(CHUNK);
    for i in 0..chunks {
        let start = if backwards { chunks - 1 - i } else { i } * CHUNK;
        step(start, CHUNK.min(len - start))?;
        // SAFETY: by the caller.
        unsafe { Store::checkpoint(vmctx) };
    }
    Some(())
}

/// Do `len` bytes from `start` on lie in the memory?
fn inside(memory: &Memory, start: u64, len: u64) -> Option<()> {
    let end = start.checked_add(len)?;
    (end <= memory.len() as u64).then_some(())
}

// In all of these, the context is the caller's own, and indices of memories, tables and segments were
// validated.

unsafe extern "C" fn memory_grow(vmctx: *mut VMContext, memory: u32, delta: u64) -> i64 {
    // SAFETY: the caller's context.
    let instance = unsafe { instance(vmctx) };
    let memory = instance.memory(memory);
    if memory.host().is_some() {
        // SAFETY: the caller's context; what is borrowed belongs to the instance.
        return unsafe { ask(vmctx, memory, Action::Grow { delta }) };
    }
    let result = match memory.grow(delta) {
        Some(before) => {
            instance.owner().note_growth(memory.clone());
            before as i64
        }
        None => -1,
    };
    finish(vmctx, result)
}

/// Asks the host to do something with a memory.
///
/// # Safety
/// As for [`Store::checkpoint`].
unsafe fn ask(vmctx: *mut VMContext, memory: &Rc<Memory>, action: Action) -> i64 {
    let memory = Rc::as_ptr(memory);
    // SAFETY: by the caller.
    unsafe { Store::ask(vmctx, Request { memory, action }) }
}

/// The same, if other threads can have the memory; `alone` if not.
///
/// # Safety
/// As for [`Store::checkpoint`].
unsafe fn ask_of_shared(vmctx: *mut VMContext, memory: u32, alone: i64, action: Action) -> i64 {
    // SAFETY: the caller's context.
    let memory = unsafe { instance(vmctx) }.memory(memory);
    if memory.host().is_none() {
        return alone;
    }
    // SAFETY: by the caller; what is borrowed belongs to the instance.
    unsafe { ask(vmctx, memory, action) }
}

unsafe extern "C" fn atomic_notify(
    vmctx: *mut VMContext,
    memory: u32,
    address: u64,
    count: u64,
) -> i64 {
    let count = count as u32;
    // SAFETY: the caller's context. Where no other thread can be, nobody waits.
    unsafe { ask_of_shared(vmctx, memory, 0, Action::Notify { address, count }) }
}

/// `memory.atomic.wait32`, or with `WIDE` `wait64`.
unsafe extern "C" fn atomic_wait<const WIDE: bool>(
    vmctx: *mut VMContext,
    memory: u32,
    address: u64,
    expected: i64,
    timeout: i64,
) -> i64 {
    let action = Action::Wait {
        address,
        expected,
        wide: WIDE,
        timeout,
    };
    // SAFETY: the caller's context.
    unsafe { ask_of_shared(vmctx, memory, failure(Trap::Wait), action) }
}

unsafe extern "C" fn memory_copy(
    vmctx: *mut VMContext,
    to_memory: u32,
    from_memory: u32,
    to: u64,
    from: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let instance = unsafe { instance(vmctx) };
    let (target, source) = (instance.memory(to_memory), instance.memory(from_memory));
    let inside = inside(target, to, len).and_then(|()| inside(source, from, len));
    // SAFETY: the caller's context; what is borrowed belongs to the instance.
    let done = inside.and_then(|()| unsafe {
        in_chunks(vmctx, len, to > from, |at, len| {
            target.copy(to + at, source, from + at, len)
        })
    });
    or_trap(done, Trap::MemoryOutOfBounds)
}

unsafe extern "C" fn memory_fill(
    vmctx: *mut VMContext,
    memory: u32,
    to: u64,
    value: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let memory = unsafe { instance(vmctx) }.memory(memory);
    // SAFETY: the caller's context; what is borrowed belongs to the instance.
    let done = inside(memory, to, len).and_then(|()| unsafe {
        in_chunks(vmctx, len, false, |at, len| {
            memory.fill(to + at, value as u8, len)
        })
    });
    or_trap(done, Trap::MemoryOutOfBounds)
}

unsafe extern "C" fn memory_init(
    vmctx: *mut VMContext,
    memory: u32,
    segment: u32,
    to: u64,
    from: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let instance = unsafe { instance(vmctx) };
    let done = instance.memory_init(memory, segment, to, from, len);
    finish(vmctx, or_trap(done, Trap::MemoryOutOfBounds))
}

unsafe extern "C" fn data_drop(vmctx: *mut VMContext, segment: u32) {
    // SAFETY: the caller's context.
    unsafe { instance(vmctx) }.drop_data(segment);
}

unsafe extern "C" fn table_grow(vmctx: *mut VMContext, table: u32, delta: u64, init: u64) -> i64 {
    // SAFETY: the caller's context.
    let table = unsafe { instance(vmctx) }.table(table);
    let result = table.grow(delta, init).map_or(-1, |before| before as i64);
    finish(vmctx, result)
}

unsafe extern "C" fn table_fill(
    vmctx: *mut VMContext,
    table: u32,
    to: u64,
    value: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let table = unsafe { instance(vmctx) }.table(table);
    let done = table.fill(to, value, len);
    finish(vmctx, or_trap(done, Trap::TableOutOfBounds))
}

unsafe extern "C" fn table_copy(
    vmctx: *mut VMContext,
    to_table: u32,
    from_table: u32,
    to: u64,
    from: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let instance = unsafe { instance(vmctx) };
    let (target, source) = (instance.table(to_table), instance.table(from_table));
    or_trap(target.copy(to, source, from, len), Trap::TableOutOfBounds)
}

unsafe extern "C" fn table_init(
    vmctx: *mut VMContext,
    table: u32,
    segment: u32,
    to: u64,
    from: u64,
    len: u64,
) -> i32 {
    // SAFETY: the caller's context.
    let instance = unsafe { instance(vmctx) };
    let result = match instance.table_init(table, segment, to, from, len) {
        Ok(()) => 0,
        Err(trap) => trap as i32,
    };
    finish(vmctx, result)
}

unsafe extern "C" fn elem_drop(vmctx: *mut VMContext, segment: u32) {
    // SAFETY: the caller's context.
    unsafe { instance(vmctx) }.drop_element(segment);
}

unsafe extern "C" fn hot(
    vmctx: *mut VMContext,
    function: u32,
    number: i32,
    depth: u32,
) -> *const u8 {
    // SAFETY: the caller's context.
    let module = unsafe { instance(vmctx) }.module();
    let number = u32::try_from(number).ok();
    module.reached(function, number.map(|number| LoopHead { number, depth }))
}

extern "C" fn is_subtype(sub: u32, of: u32) -> u32 {
    u32::from(canonical::is_subtype(sub, of))
}

unsafe extern "C" fn func_ref(thread: *mut VMThread, number: u32) -> *const VMFuncRef {
    // SAFETY: a store starts with its `VMThread`.
    let store = unsafe { &*thread.cast::<Store>() };
    store.functions().get(number).unwrap_or(std::ptr::null())
}
