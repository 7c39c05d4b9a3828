//! The data that generated code and the runtime share.
//!
//! Every structure here is `repr(C)`, and generated code reaches its fields by the offsets in this
//! file alone. All of it is found from one pointer, the *context* ([`VMContext`]) that each guest
//! function takes as its first parameter, so compiled code holds no address of the process.
//!
//! ```text
//! VMContext ──► VMThread ─ 2048 bytes on: the scratch memory that JavaScript sees
//!    │ code_table ──► one code pointer a function (shared by all instances of the module)
//!    │ memories[i] { base, *VMMemory }      tables[i] *VMTable      type_ids[i] u32
//!    │ imported_functions[i] VMImportedFunction                     global_cells[i] *VMGlobal
//!    └ globals[i] VMGlobal (those not exported)                     func_refs[i] VMFuncRef
//!    │                                                             tags[i] *Tag
//! ```

use super::Tag;
use crate::module::Module;
use std::sync::atomic::AtomicUsize;

/// Code of one function as the code table holds it: generated code loads it at every call, so one
/// atomic store replaces the function everywhere. A stub stands for what is not compiled yet.
pub type CodeSlot = std::sync::atomic::AtomicPtr<u8>;

/// An execution context as Cranelift's `stack_switch` stores and loads it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMControl {
    pub sp: usize,
    pub fp: usize,
    pub pc: usize,
}

/// What generated code knows of the thread that runs it. The scratch memory follows at
/// [`SCRATCH_OFFSET`]; JavaScript sees the scratch memory but nothing of this structure.
#[repr(C)]
#[derive(Debug)]
pub struct VMThread {
    /// Where the innermost suspended activation goes on. Offset [`THREAD_GUEST`].
    pub guest: VMControl,
    /// Where the caller (`enter` or `resume`) goes on. Offset [`THREAD_HOST`].
    pub host: VMControl,
    /// Lowest stack address that guest frames may use; contexts have a copy, for all prologues.
    pub stack_limit: usize,
    /// An address in the instruction that trapped last, 0 if that was in no guest. Offset [`THREAD_TRAP_PC`].
    pub trap_pc: usize,
    /// Frame pointer there. Offset [`THREAD_TRAP_FP`].
    pub trap_fp: usize,
}

pub const THREAD_GUEST: i32 = 0;
pub const THREAD_HOST: i32 = 24;
pub const THREAD_TRAP_PC: i32 = 56;
pub const THREAD_TRAP_FP: i32 = 64;

/// Distance from a [`VMThread`] to the scratch memory of its thread. Not a page: processors first compare the lower 12 bits
/// of addresses, and would have the state word wait for what was just stored in the thread.
pub const SCRATCH_OFFSET: i32 = 2048;
/// Bytes of scratch memory.
pub const SCRATCH_SIZE: usize = 16384;
/// Slots of 16 bytes that follow it, see `super::slots`. Pages are taken as they are used.
pub const SHARED_SLOTS: u32 = 32768;
/// The number of a shared slot as one of [`SCRATCH_SLOTS`].
pub fn slot_of_shared(index: u32) -> u32 {
    (SCRATCH_SIZE as u32 - (SCRATCH_SLOTS - SCRATCH_OFFSET) as u32) / 8 + 2 * index
}
/// Bytes of both, which JavaScript sees.
pub const SHARED_SIZE: usize = SCRATCH_SIZE + 16 * SHARED_SLOTS as usize;
/// Offsets from the [`VMThread`] of the words that cross with every call (see [`State`]).
pub const SCRATCH_STATE: i32 = SCRATCH_OFFSET;
pub const SCRATCH_FUNCTION: i32 = SCRATCH_OFFSET + 4;
pub const SCRATCH_DEPTH: i32 = SCRATCH_OFFSET + 8;
pub const SCRATCH_CODE: i32 = SCRATCH_OFFSET + 12;
/// Counts growths of memories on this thread, so that JavaScript sees that a buffer is stale.
pub const SCRATCH_GROWTHS: i32 = SCRATCH_OFFSET + 16;
/// Number of deadlines that calls on this thread have to meet.
pub const SCRATCH_DEADLINES: i32 = SCRATCH_OFFSET + 20;
/// Slot `k` of arguments and results is at `SCRATCH_SLOTS + 8 * k`. A v128 takes two slots.
pub const SCRATCH_SLOTS: i32 = SCRATCH_OFFSET + 64;

/// The state word of the boundary.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The guest runs and may be diverted. Stored by generated code only, never by JavaScript.
    Run = 0,
    /// Suspended: the guest wants host function `FUNCTION` with the arguments in the slots.
    Call = 1,
    /// Suspended by an interruption.
    Interrupted = 2,
    /// Ended: the results are in the slots.
    Done = 3,
    /// Ended by trap `CODE`.
    Trap = 4,
    /// Ended because the host function that it called threw.
    Rethrow = 5,
    /// JavaScript's answer to `Call`: the results are in the slots.
    Ok = 6,
    /// JavaScript's answer to `Call`: it threw.
    Threw = 7,
    /// Ended by exception `CODE`, whose tag and values are in scratch memory.
    Exception = 8,
}

/// With `Threw`, `CODE` says by this that no guest may catch it.
pub const UNCATCHABLE: i32 = 1;

/// A linear memory as generated code sees it.
#[repr(C)]
#[derive(Debug)]
pub struct VMMemory {
    /// It never moves, unless all accesses are checked ([`VMOffsets::memories_move`]).
    pub base: *mut u8,
    /// Current size in bytes; it only grows. Other threads may have it grow if the memory is shared.
    pub length: AtomicUsize,
}
pub const MEMORY_BASE: i32 = 0;
pub const MEMORY_LENGTH: i32 = 8;

/// A table: `length` elements of [`VMTableEntry`] (funcref) or of 8 bytes (externref) at `base`.
/// Both change when the table grows, unless its minimum equals its maximum.
#[repr(C)]
#[derive(Debug)]
pub struct VMTable {
    pub base: *mut u8,
    pub length: usize,
}
pub const TABLE_BASE: i32 = 0;
pub const TABLE_LENGTH: i32 = 8;

/// A global's value: 16 bytes for every type.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default)]
pub struct VMGlobal {
    pub bytes: [u8; 16],
}

/// A function as a reference: what funcref values point to. The guest's null funcref is 0.
#[repr(C)]
#[derive(Debug)]
pub struct VMFuncRef {
    /// Canonical type of the function in this process, never 0.
    pub type_id: u32,
    /// Number of this function in the thread's function registry: how JavaScript names it. Never 0.
    pub index: u32,
    pub code: *const CodeSlot,
    /// The context that the function takes as its first parameter.
    pub vmctx: *mut VMContext,
    /// The entry trampoline of its signature, `extern "sysv64" fn(*mut VMThread, *const VMFuncRef)`;
    /// null until the host first calls the function. [`LEAF`] or [`LEAF`] and [`SURE`] may be added.
    pub entry: CodeSlot,
}
/// Added to the address of an entry trampoline, a multiple of 4, for functions that run on the host's stack.
pub const LEAF: usize = 1;
/// Added as well, for leaves that cannot trap.
pub const SURE: usize = 2;

/// An element of a funcref table: the first 24 bytes of its [`VMFuncRef`] and a pointer to it. All
/// zero is null, and no function has type 0, so the signature check of `call_indirect` catches it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct VMTableEntry {
    pub type_id: u32,
    pub index: u32,
    pub code: *const CodeSlot,
    pub vmctx: *mut VMContext,
    pub func_ref: *const VMFuncRef,
}
pub const ENTRY_TYPE_ID: i32 = 0;
pub const ENTRY_INDEX: i32 = 4;
pub const ENTRY_CODE: i32 = 8;
pub const ENTRY_VMCTX: i32 = 16;
pub const ENTRY_FUNC_REF: i32 = 24;
pub const FUNC_REF_ENTRY: i32 = 24;
pub const TABLE_ENTRY_SIZE: i64 = 32;
pub const EXTERN_ENTRY_SIZE: i64 = 8;

/// An imported function. `host` is 0 for a function of wasm, which is called directly; else it is
/// the number by which JavaScript knows the host function, and the guest suspends to have it called.
#[repr(C)]
#[derive(Debug)]
pub struct VMImportedFunction {
    pub code: *const CodeSlot,
    pub vmctx: *mut VMContext,
    pub func_ref: *const VMFuncRef,
    pub host: u32,
}
pub const IMPORT_CODE: i32 = 0;
pub const IMPORT_VMCTX: i32 = 8;
pub const IMPORT_FUNC_REF: i32 = 16;
pub const IMPORT_HOST: i32 = 24;

/// High half of every externref in the guest; the low half is a slot number, 0 meaning null. So a
/// reference is null when its low half is 0 (zero-filled memory counts too), and references in
/// frames of suspended activations are found by their tag.
pub const EXTERN_TAG: i64 = 0x57a7_e5e1 << 32;

/// An exception. Its values follow, 8 bytes each, a v128 16.
#[repr(C)]
#[derive(Debug)]
pub struct VMException {
    /// Its tag, known by its address.
    pub tag: *const Tag,
    /// What names it in the guest: [`EXN_TAG`] and a number. The null reference is 0.
    pub reference: u64,
}
pub const EXCEPTION_TAG: i32 = 0;
pub const EXCEPTION_REFERENCE: i32 = 8;
pub const EXCEPTION_PAYLOAD: i32 = 16;
/// High half of every exnref but null.
pub const EXN_TAG: i64 = 0x57a7_e5e2 << 32;

/// The head of an instance's context. The arrays whose offsets [`VMOffsets`] computes follow.
#[repr(C)]
#[derive(Debug)]
pub struct VMContext {
    pub thread: *mut VMThread,
    /// Table of runtime functions, see [`Builtin`].
    pub builtins: *const *const u8,
    /// Code of the functions: defined ones first, then one host adapter a function import.
    pub code_table: *const CodeSlot,
    /// The `Instance` that this context belongs to.
    pub instance: *mut u8,
    /// A counter for each defined function, shared by all instances of the module and all threads.
    pub counters: *const Counter,
    /// The thread's.
    pub stack_limit: usize,
}
pub const VMCTX_THREAD: i32 = 0;
pub const VMCTX_BUILTINS: i32 = 8;
pub const VMCTX_CODE_TABLE: i32 = 16;
pub const VMCTX_INSTANCE: i32 = 24;
pub const VMCTX_COUNTERS: i32 = 32;
pub const VMCTX_STACK_LIMIT: i32 = 40;
const VMCTX_HEADER: u32 = 48;

/// How often a function ran: code of the first tier adds to it, and calls [`Builtin::Hot`] when it is no
/// longer negative. Threads add without regard for each other.
pub type Counter = std::sync::atomic::AtomicI32;
/// What a call adds to the counter, and what a round of a loop adds.
pub const CALL_WEIGHT: i32 = 8;
pub const LOOP_WEIGHT: i32 = 1;

/// Runtime functions that generated code calls through `VMContext::builtins`, all of the C calling
/// convention. "trap" results are 0 or the number of a [`crate::runtime::Trap`]. Pointers are i64.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// `(vmctx, memory: i32, delta: i64) -> i64`: pages before, or -1.
    MemoryGrow = 0,
    /// `(vmctx, dst_memory: i32, src_memory: i32, dst: i64, src: i64, len: i64) -> trap: i32`
    MemoryCopy,
    /// `(vmctx, memory: i32, dst: i64, value: i64, len: i64) -> trap: i32`
    MemoryFill,
    /// `(vmctx, memory: i32, segment: i32, dst: i64, src: i64, len: i64) -> trap: i32`
    MemoryInit,
    /// `(vmctx, segment: i32)`
    DataDrop,
    /// `(vmctx, table: i32, delta: i64, init: i64) -> i64`: length before, or -1.
    TableGrow,
    /// `(vmctx, table: i32, dst: i64, value: i64, len: i64) -> trap: i32`
    TableFill,
    /// `(vmctx, dst_table: i32, src_table: i32, dst: i64, src: i64, len: i64) -> trap: i32`
    TableCopy,
    /// `(vmctx, table: i32, segment: i32, dst: i64, src: i64, len: i64) -> trap: i32`
    TableInit,
    /// `(vmctx, segment: i32)`
    ElemDrop,
    /// `(vmctx, function: i32, loop: i32) -> code: i64`: the function's count is reached, in this loop or
    /// at its start (-1); code that goes on there ([`crate::compiler::Tier::FromLoop`]), or null.
    Hot,
    /// `(thread, index: i32) -> func_ref: i64`: the function that JavaScript names, 0 for 0.
    FuncRef,
    /// `(thread, state: i32, code: i32)`: ends the activation; never returns.
    Raise,
    /// `(vmctx, tag: i32, values: i64) -> exception: i64`: a new exception with the values at this address, 8 bytes
    /// each, a v128 16.
    NewException,
    /// `(vmctx) -> exception: i64`: what the host threw, 0 if no guest may catch it.
    HostException,
    /// `(vmctx, what: i64, values: i64)`, of the convention of guests: throws the exception that `what` names, with 0 what
    /// the host threw; if `values` is not 0, a new one of the tag `what`, as [`Self::NewException`] makes it. Never
    /// returns.
    Throw,
    /// `(sub: i32, of: i32) -> i32`: is the canonical type `sub` a subtype of `of`?
    IsSubtype,
    /// `(to: i64, from: i64, count: i64)`: `memmove`, of few bytes.
    Move,
    /// `(to: i64, byte: i64, count: i64)`: `memset`, of few bytes.
    Set,
    /// `(vmctx, memory: i32, address: i64, count: i64) -> i64`: number of threads that were woken; below 0, a trap's
    /// number negated.
    AtomicNotify,
    /// `(vmctx, memory: i32, address: i64, expected: i64, timeout: i64) -> i64`: 0 if it was woken, 1 if another value was
    /// there, 2 if the time was over; below 0 as above. Of 32 bits.
    AtomicWait32,
    /// The same, of 64 bits.
    AtomicWait64,
}
/// Number of [`Builtin`]s.
pub const BUILTINS: usize = 22;

/// Where the arrays of a module's [`VMContext`] lie. Computed from the module alone. And of the two forms of
/// its code, the one that it is for.
#[derive(Clone, Debug, Default)]
pub struct VMOffsets {
    memories_move: bool,
    memories: u32,
    tables: u32,
    imported_functions: u32,
    global_cells: u32,
    type_ids: u32,
    globals: u32,
    func_refs: u32,
    tags: u32,
    size: u32,
}

impl VMOffsets {
    /// Lays out the context of instances of `module`.
    pub fn new(module: &Module) -> Self {
        let mut at = VMCTX_HEADER;
        let mut take = |count: usize, size: u32, align: u32| {
            at = at.next_multiple_of(align);
            let start = at;
            // At most a million entities of at most 32 bytes each: far below u32::MAX.
            at += count as u32 * size;
            start
        };
        let memories = take(module.memories.len(), 16, 8);
        let tables = take(module.tables.len(), 8, 8);
        let imported_functions = take(module.imported_functions as usize, 32, 8);
        let global_cells = take(module.globals.len(), 8, 8);
        let type_ids = take(module.types.len(), 4, 4);
        let globals = take(module.globals.len(), 16, 16);
        let func_refs = take(module.func_refs.len(), 32, 8);
        let tags = take(module.tags.len(), 8, 8);
        Self {
            memories_move: false,
            memories,
            tables,
            imported_functions,
            global_cells,
            type_ids,
            globals,
            func_refs,
            tags,
            size: at,
        }
    }

    /// The same, for code that works with all memories: it finds their base with each access, and checks each
    /// access, since there may be no inaccessible addresses behind them.
    pub fn with_moving_memories(mut self) -> Self {
        self.memories_move = true;
        self
    }
    pub fn memories_move(&self) -> bool {
        self.memories_move
    }
    /// Bytes of the whole context.
    pub fn size(&self) -> u32 {
        self.size
    }
    /// Memory `i`'s base address; a pointer to its [`VMMemory`] is 8 bytes on.
    pub fn memory_base(&self, i: u32) -> i32 {
        (self.memories + 16 * i) as i32
    }
    /// Pointer to memory `i`'s [`VMMemory`].
    pub fn memory(&self, i: u32) -> i32 {
        (self.memories + 16 * i + 8) as i32
    }
    /// Pointer to table `i`'s [`VMTable`].
    pub fn table(&self, i: u32) -> i32 {
        (self.tables + 8 * i) as i32
    }
    /// [`VMImportedFunction`] of import `i`.
    pub fn imported_function(&self, i: u32) -> i32 {
        (self.imported_functions + 32 * i) as i32
    }
    /// Pointer to the [`VMGlobal`] of global `i`, where the global is imported or exported.
    pub fn global_cell(&self, i: u32) -> i32 {
        (self.global_cells + 8 * i) as i32
    }
    /// The [`VMGlobal`] of global `i` itself, where it is neither imported nor exported.
    pub fn global(&self, i: u32) -> i32 {
        (self.globals + 16 * i) as i32
    }
    /// Canonical id (u32) of the module's type `i`.
    pub fn type_id(&self, i: u32) -> i32 {
        (self.type_ids + 4 * i) as i32
    }
    /// Address of tag `i`.
    pub fn tag(&self, i: u32) -> i32 {
        (self.tags + 8 * i) as i32
    }
    /// [`VMFuncRef`] number `i`, where `i` is an index into [`Module::func_refs`].
    pub fn func_ref(&self, i: u32) -> i32 {
        (self.func_refs + 32 * i) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn offsets_match_the_structures() {
        assert_eq!(THREAD_GUEST as usize, offset_of!(VMThread, guest));
        assert_eq!(THREAD_HOST as usize, offset_of!(VMThread, host));
        assert_eq!(
            VMCTX_STACK_LIMIT as usize,
            offset_of!(VMContext, stack_limit)
        );
        assert_eq!(MEMORY_BASE as usize, offset_of!(VMMemory, base));
        assert_eq!(THREAD_TRAP_PC as usize, offset_of!(VMThread, trap_pc));
        assert_eq!(THREAD_TRAP_FP as usize, offset_of!(VMThread, trap_fp));
        assert_eq!(MEMORY_LENGTH as usize, offset_of!(VMMemory, length));
        assert_eq!(TABLE_BASE as usize, offset_of!(VMTable, base));
        assert_eq!(TABLE_LENGTH as usize, offset_of!(VMTable, length));
        assert_eq!(ENTRY_TYPE_ID as usize, offset_of!(VMTableEntry, type_id));
        assert_eq!(ENTRY_INDEX as usize, offset_of!(VMTableEntry, index));
        assert_eq!(ENTRY_CODE as usize, offset_of!(VMTableEntry, code));
        assert_eq!(ENTRY_VMCTX as usize, offset_of!(VMTableEntry, vmctx));
        assert_eq!(ENTRY_FUNC_REF as usize, offset_of!(VMTableEntry, func_ref));
        assert_eq!(TABLE_ENTRY_SIZE as usize, size_of::<VMTableEntry>());
        assert_eq!(
            offset_of!(VMFuncRef, index),
            offset_of!(VMTableEntry, index)
        );
        assert_eq!(offset_of!(VMFuncRef, code), offset_of!(VMTableEntry, code));
        assert_eq!(
            offset_of!(VMFuncRef, vmctx),
            offset_of!(VMTableEntry, vmctx)
        );
        assert_eq!(FUNC_REF_ENTRY as usize, offset_of!(VMFuncRef, entry));
        assert_eq!(32, size_of::<VMFuncRef>());
        assert_eq!(IMPORT_CODE as usize, offset_of!(VMImportedFunction, code));
        assert_eq!(IMPORT_VMCTX as usize, offset_of!(VMImportedFunction, vmctx));
        assert_eq!(
            IMPORT_FUNC_REF as usize,
            offset_of!(VMImportedFunction, func_ref)
        );
        assert_eq!(IMPORT_HOST as usize, offset_of!(VMImportedFunction, host));
        assert_eq!(32, size_of::<VMImportedFunction>());
        assert_eq!(EXCEPTION_TAG as usize, offset_of!(VMException, tag));
        assert_eq!(
            EXCEPTION_REFERENCE as usize,
            offset_of!(VMException, reference)
        );
        assert_eq!(EXCEPTION_PAYLOAD as usize, size_of::<VMException>());
        assert_eq!(VMCTX_THREAD as usize, offset_of!(VMContext, thread));
        assert_eq!(VMCTX_BUILTINS as usize, offset_of!(VMContext, builtins));
        assert_eq!(VMCTX_CODE_TABLE as usize, offset_of!(VMContext, code_table));
        assert_eq!(VMCTX_INSTANCE as usize, offset_of!(VMContext, instance));
        assert_eq!(VMCTX_COUNTERS as usize, offset_of!(VMContext, counters));
        assert_eq!(VMCTX_HEADER as usize, size_of::<VMContext>());
    }
}
