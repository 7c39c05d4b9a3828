//! The store: all that belongs to the wasm of one JavaScript thread, and the activations that run there.
//!
//! An *activation* is one call from the host into the guest. Activations nest on one guest stack: when
//! a guest suspends to have a host function called, and that function calls a guest, the new
//! activation starts below the frames of the suspended one.
//!
//! ```text
//! stack.top   ┌──────────────┐
//!             │ Record 1     │  context of the activation suspended before it (none)
//!             │ frames of 1  │  ◄── Record 2 keeps {sp, fp, pc} of activation 1
//!             │ Record 2     │
//!             │ frames of 2  │  ◄── vm.guest, while 2 is suspended
//! stack.limit └──────────────┘
//! ```

use super::exceptions::Exceptions;
use super::fault::{self, Site};
use super::functions::FunctionRegistry;
use super::interrupt::Interruption;
use super::on_demand::OnDemand;
use super::references::References;
use super::slots::SharedSlots;
use super::stack::{self, GuestStack};
use super::vm::*;
use super::{Memory, Table, Tag, Tags, Trap, signals};
use crate::arch;
use crate::module::{FuncType, ValType};
use region::{Allocation, Protection};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// What came of running a guest, as a host in Rust sees it (JavaScript reads the state word).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Ended; the results are in the slots.
    Returned,
    /// Suspended: wants host function `function` called with the arguments in the slots. `depth` names
    /// the activation to [`Store::resume_at`].
    CallHost { function: u32, depth: u32 },
    /// Suspended by an interruption.
    Interrupted { depth: u32 },
    /// Ended by a trap.
    Trapped(Trap),
    /// Ended by an exception.
    Threw,
    /// The host named a function or an activation that does not exist.
    Refused,
}

/// Trap code for what only a broken host does: it names a function or an activation that is not there.
pub const CODE_REFUSED: i32 = 0;
/// Trap code for a call while the host holds an interrupted guest. Only a debugger runs JavaScript then.
pub const CODE_INTERRUPTED: i32 = 13;

/// A function to be entered, and the address of its entry trampoline as it was found.
#[derive(Clone, Copy)]
pub struct Callee {
    func_ref: NonNull<VMFuncRef>,
    entry: *mut u8,
}

/// Lies at the start of an activation and keeps the context of the one suspended above it.
#[repr(C, align(64))]
struct Record {
    guest: VMControl,
    previous: *mut Record,
}

/// Copies word by word: the words were stored one by one just before, and a wider load would have to
/// wait for all of them (it cost a third of a call).
///
/// # Safety
/// `from` is valid for reads and `to` for writes.
#[inline(always)]
unsafe fn copy_control(from: *const VMControl, to: *mut VMControl) {
    // SAFETY: by the caller.
    unsafe {
        (&raw mut (*to).sp).write_volatile((&raw const (*from).sp).read_volatile());
        (&raw mut (*to).fp).write_volatile((&raw const (*from).fp).read_volatile());
        (&raw mut (*to).pc).write_volatile((&raw const (*from).pc).read_volatile());
    }
}

/// The store of one thread. Its first field is what generated code sees; the scratch memory follows it.
#[repr(C)]
pub struct Store {
    vm: UnsafeCell<VMThread>,
    /// Whether a guest runs on the guests' stack: it can suspend. Signal handlers read it.
    running: Cell<bool>,
    /// Number of activations, the running one included.
    depth: Cell<u32>,
    /// Record of the innermost activation.
    record: Cell<*mut Record>,
    stack: GuestStack,
    /// One past its highest address.
    stack_top: usize,
    functions: FunctionRegistry,
    references: References,
    shared_slots: SharedSlots,
    exceptions: Exceptions,
    tags: Tags,
    /// The tag of values that JavaScript throws.
    js_tag: Rc<Tag>,
    /// Memories that grew since the host last asked.
    grown: RefCell<Vec<Rc<Memory>>>,
    pub(super) attention: Cell<bool>,
    /// Lowest address at which an activation may start, see [`super::room`].
    pub(super) threshold: Cell<usize>,
    pub(super) crowded: Cell<bool>,
    interruption: Interruption,
    next_host_function: Cell<u32>,
    on_demand: OnDemand,
    _signals: signals::AlternateStack,
    /// The mapping itself.
    mapping: Option<Allocation>,
}

const _: () = assert!(size_of::<Store>() <= SCRATCH_OFFSET as usize);

/// Why a store could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Platform(&'static str),
    #[error("could not allocate memory for the guest stack: {0}")]
    Memory(#[from] region::Error),
    #[error("could not install signal handlers: {0}")]
    Signals(std::io::Error),
}

impl Store {
    /// The store of this thread, made at the first call. It lives until [`Store::close`].
    pub fn current() -> Result<&'static Store, StoreError> {
        // SAFETY: null, or set below to a store that lives until `close`.
        if let Some(store) = unsafe { arch::current().as_ref() } {
            return Ok(store);
        }
        arch::check().map_err(StoreError::Platform)?;
        let signals = signals::install().map_err(StoreError::Signals)?;
        let stack = GuestStack::new(stack::SIZE, Site::GuestStack)?;
        fault::check(Site::Store).map_err(|_| region::Error::SystemCall(libc::ENOMEM))?;
        let mut mapping = region::alloc(
            SCRATCH_OFFSET as usize + SHARED_SIZE,
            Protection::READ_WRITE,
        )?;
        let place = mapping.as_mut_ptr::<Store>();
        let shared = mapping
            .as_mut_ptr::<u8>()
            .wrapping_add(SCRATCH_OFFSET as usize + SCRATCH_SIZE);
        let none = VMControl {
            sp: 0,
            fp: 0,
            pc: 0,
        };
        let threshold = super::room::threshold(stack.limit()..stack.top());
        let store = Store {
            vm: UnsafeCell::new(VMThread {
                guest: none,
                host: none,
                stack_limit: stack.limit(),
                trap_pc: 0,
                trap_fp: 0,
            }),
            running: Cell::new(false),
            depth: Cell::new(0),
            record: Cell::new(std::ptr::null_mut()),
            stack_top: stack.top(),
            stack,
            functions: FunctionRegistry::default(),
            references: References::default(),
            shared_slots: SharedSlots::new(shared),
            exceptions: Exceptions::default(),
            tags: Tags::default(),
            js_tag: Tag::new(FuncType {
                params: [ValType::EXTERNREF].into(),
                results: [].into(),
            }),
            grown: RefCell::default(),
            attention: Cell::new(false),
            threshold: Cell::new(threshold),
            crowded: Cell::new(false),
            interruption: Interruption::default(),
            next_host_function: Cell::new(1),
            on_demand: OnDemand::default(),
            _signals: signals,
            mapping: Some(mapping),
        };
        // SAFETY: the mapping is writable, page-aligned, large enough, and owned by the store itself.
        unsafe { place.write(store) };
        let _ = place.expose_provenance();
        arch::set_current(place);
        // SAFETY: just written.
        Ok(unsafe { &*place })
    }

    /// Frees the store of this thread, if there is one.
    ///
    /// # Safety
    /// No guest of it is suspended or runs, no instance of it is used again, and no reference to it remains.
    pub unsafe fn close() {
        let store = arch::current();
        if !store.is_null() {
            arch::set_current(std::ptr::null_mut());
            // SAFETY: made by `current`; the mapping is taken out first, since it holds the structure.
            unsafe {
                let mapping = (*store).mapping.take();
                store.drop_in_place();
                drop(mapping);
            }
        }
    }

    /// The scratch memory with the shared slots, [`SHARED_SIZE`] bytes.
    pub fn scratch(&self) -> *mut u8 {
        self.at(SCRATCH_OFFSET)
    }

    pub(crate) fn vm(&self) -> *mut VMThread {
        self.vm.get()
    }

    /// Functions by the numbers that JavaScript knows them by.
    pub fn functions(&self) -> &FunctionRegistry {
        &self.functions
    }

    pub(super) fn on_demand(&self) -> &OnDemand {
        &self.on_demand
    }

    pub(super) fn interruption(&self) -> &Interruption {
        &self.interruption
    }

    /// Can the running guest be interrupted, and does the state word let it?
    pub(super) fn may_be_interrupted(&self) -> bool {
        self.running.get() && self.word(SCRATCH_STATE) == State::Run as i32
    }

    /// All addresses of the stack of guests.
    pub(super) fn stack_range(&self) -> Range<usize> {
        self.stack.start()..self.stack_top
    }

    pub(super) fn shared_slots(&self) -> &SharedSlots {
        &self.shared_slots
    }

    /// The number of the shared slot where JavaScript finds the length of `table` from now on, if one is free.
    pub fn share_length(&self, table: &Table) -> Option<u32> {
        table.share_length(|| self.shared_slots.take())
    }

    /// Tags by the numbers that JavaScript knows them by.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The tag of values that JavaScript throws.
    pub fn js_tag(&self) -> &Rc<Tag> {
        &self.js_tag
    }

    pub fn exceptions(&self) -> &Exceptions {
        &self.exceptions
    }

    pub(super) fn references(&self) -> &References {
        &self.references
    }

    /// Takes numbers for `count` host functions; the first one.
    pub fn number_host_functions(&self, count: u32) -> u32 {
        // JavaScript sees the numbers as i32. After two billion those of long-dead functions come round.
        let first = match self.next_host_function.get().checked_add(count) {
            Some(next) if next <= i32::MAX as u32 => next - count,
            _ => 1,
        };
        self.next_host_function.set(first + count);
        first
    }

    fn at(&self, offset: i32) -> *mut u8 {
        // This structure is the head of a mapping whose pointer `current` exposed.
        let address = (&raw const *self).addr() + offset as usize;
        std::ptr::with_exposed_provenance_mut(address)
    }

    pub(super) fn word(&self, offset: i32) -> i32 {
        // SAFETY: aligned and inside the scratch memory, which only this thread and its guests touch.
        unsafe { self.at(offset).cast::<i32>().read() }
    }

    pub(super) fn set_word(&self, offset: i32, value: i32) {
        // SAFETY: as in `word`.
        unsafe { self.at(offset).cast::<i32>().write(value) }
    }

    /// Sets the state word and the trap code that go with it.
    pub fn set_state(&self, state: State, code: i32) {
        self.trapped_at(0, 0);
        self.set_word(SCRATCH_STATE, state as i32);
        self.set_word(SCRATCH_CODE, code);
    }

    /// The function that the scratch memory names, if there is one.
    #[inline(always)]
    pub fn callee(&self) -> Option<Callee> {
        let number = self.word(SCRATCH_FUNCTION) as u32;
        let func_ref = NonNull::new(self.functions.get(number)?.cast_mut())?;
        // SAFETY: a registered function is live.
        let entry = unsafe { func_ref.as_ref() }.entry.load(Ordering::Relaxed);
        Some(Callee { func_ref, entry })
    }

    /// Runs a function that is known for a leaf, with the arguments in scratch memory; does nothing with any other.
    ///
    /// A leaf runs on the stack of the caller: no activation, since it cannot suspend.
    #[inline(always)]
    pub fn enter_leaf(&self, callee: Callee) -> bool {
        let entry = callee.entry.cast_const();
        if entry.addr() & LEAF == 0 || self.is_interrupted() {
            return false;
        }
        // SAFETY: a live function with its entry trampoline, marked as a leaf; no guest runs now. A leaf does not
        // suspend, since `running` is not set.
        unsafe {
            arch::enter_leaf(
                self.vm.get(),
                callee.func_ref.as_ptr(),
                entry.wrapping_sub(LEAF),
            )
        };
        true
    }

    /// Starts what [`Store::callee`] found, with the arguments in scratch memory. Returns when it has ended or
    /// suspended; the state word says which.
    #[inline(always)]
    pub fn enter(&self, callee: Option<Callee>) {
        let Some(mut callee) = callee else {
            return self.set_state(State::Trap, CODE_REFUSED);
        };
        let func_ref = callee.func_ref.as_ptr().cast_const();
        if callee.entry.is_null() {
            // SAFETY: registered in this store.
            callee.entry = unsafe { self.prepare_entry(func_ref) }.cast_mut();
            if callee.entry.is_null() {
                return self.set_state(State::Trap, Trap::NotCompiled as i32);
            }
        }
        let entry = callee.entry.cast_const();
        if entry.addr() & LEAF != 0 {
            if !self.enter_leaf(callee) {
                self.set_state(State::Trap, CODE_INTERRUPTED);
            }
            return;
        }
        let vm = self.vm.get();
        let previous = self.record.get();
        // SAFETY: `vm` is this store's, and no guest runs now.
        let sp = unsafe { (*vm).guest.sp };
        let top = if previous.is_null() {
            self.stack_top
        } else {
            sp
        };
        let record = (top - size_of::<Record>()) & !(align_of::<Record>() - 1);
        if record < self.threshold.get() {
            return self.refuse_for_room();
        }
        let record = record as *mut Record;
        if !self.begin() {
            return self.set_state(State::Trap, CODE_INTERRUPTED);
        }
        // SAFETY: the record lies in the stack, below all frames in use, by the check above.
        unsafe {
            (&raw mut (*record).previous).write(previous);
            if !previous.is_null() {
                copy_control(&raw const (*vm).guest, &raw mut (*record).guest);
            }
        }
        self.record.set(record);
        self.depth.set(self.depth.get() + 1);
        // SAFETY: a registered function is live with its entry, and the stack has room below the record.
        unsafe { Self::after(arch::enter(vm, func_ref, entry, record as usize - 16)) };
    }

    /// Can leaves run on the host's stack? Their prologues compare with the limit of the guests' stack.
    pub(super) fn runs_leaves(&self) -> bool {
        let here = 0u8;
        (&raw const here).addr() > self.stack_top
    }

    /// A guest is about to run. False if that must not be: the host holds one that is interrupted.
    #[inline(always)]
    fn begin(&self) -> bool {
        self.running.set(true);
        if self.interruption.ready() || self.interruption.prepare() {
            return true;
        }
        self.running.set(false);
        false
    }

    /// Resumes the activation whose depth the scratch memory names, dropping those above it, with the
    /// host's answer there. Returns as [`Store::enter`] does.
    #[inline(always)]
    pub fn resume(&self) {
        let depth = self.word(SCRATCH_DEPTH) as u32;
        if depth == 0 || depth > self.depth.get() {
            return self.set_state(State::Trap, CODE_REFUSED);
        }
        while self.depth.get() > depth {
            self.pop();
        }
        if !self.begin() {
            return self.set_state(State::Trap, CODE_INTERRUPTED);
        }
        // SAFETY: the activation is suspended, since it is the innermost one and no guest runs.
        unsafe { Self::after(arch::resume(self.vm.get())) };
    }

    /// Back from the guest.
    ///
    /// # Safety
    /// `vm` is the start of a store.
    #[inline(always)]
    unsafe fn after(vm: *mut VMThread) {
        // Not `self`, which the compiler keeps on the host's stack: see `arch`.
        // SAFETY: by the caller.
        let this = unsafe { &*vm.cast::<Self>() };
        this.running.set(false);
        let state = this.word(SCRATCH_STATE);
        if state == State::Call as i32 {
            this.set_word(SCRATCH_DEPTH, this.depth.get() as i32);
        } else if state == State::Interrupted as i32 {
            this.set_word(SCRATCH_DEPTH, this.depth.get() as i32);
            this.attention.set(true);
        } else {
            this.pop();
        }
    }

    /// Drops the innermost activation.
    #[inline(always)]
    fn pop(&self) {
        let record = self.record.get();
        // SAFETY: called with at least one activation, whose record is intact at its start; `vm` is this
        // store's, and no guest runs now.
        let previous = unsafe {
            let previous = (*record).previous;
            if !previous.is_null() {
                copy_control(&raw const (*record).guest, &raw mut (*self.vm.get()).guest);
            }
            previous
        };
        self.record.set(previous);
        self.depth.set(self.depth.get() - 1);
    }

    /// Ends the activation at `depth`, which is suspended, and all above it.
    pub fn abandon(&self, depth: u32) {
        while self.depth.get() >= depth.max(1) {
            self.pop();
        }
    }

    /// Drops all activations. For a thread that is idle: those that a termination left behind are all
    /// that there can be.
    pub fn reclaim(&self) {
        self.abandon(1);
    }

    /// Called by the signal handler while a guest runs: ends its activation, or the leaf, with `trap` and gives the host's
    /// context.
    pub(super) fn trap_in_handler(&self, trap: Trap, context: &arch::SignalContext) -> &VMThread {
        self.set_state(State::Trap, trap as i32);
        self.trapped_at(context.pc(), context.fp());
        // SAFETY: the guest that owns it is stopped in the signal handler.
        unsafe { &*self.vm.get() }
    }

    /// Does a guest run on this thread that can suspend?
    pub(super) fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Counts a growth of a memory, so that the facade looks at its buffers again.
    pub fn count_growth(&self) {
        self.set_word(SCRATCH_GROWTHS, self.word(SCRATCH_GROWTHS).wrapping_add(1));
    }

    /// Notes that a guest grew `memory`, so that the host renews what it shows of it.
    pub fn note_growth(&self, memory: Rc<Memory>) {
        self.count_growth();
        self.grown.borrow_mut().push(memory);
        self.attention.set(true);
    }

    /// Is there something that the host has to do when a guest has come back, before anything else: were
    /// memories grown, or was the guest interrupted?
    #[inline(always)]
    pub fn wants_attention(&self) -> bool {
        self.attention.get()
    }

    /// The memories that grew since the last call. Then nothing wants attention any more.
    pub fn take_grown(&self) -> Vec<Rc<Memory>> {
        self.attention.set(false);
        self.grown.take()
    }

    /// Calls `mark` with every externref slot that the engine holds: in frames of suspended guests,
    /// in tables and in globals. How many words it has looked at. Must not be called between the
    /// conversion of a call's references and the call.
    pub fn mark_references(&self, mut mark: impl FnMut(u32)) -> usize {
        let mut looked_at = 0;
        let mut sp = self.stack_top;
        if self.depth.get() > 0 {
            // SAFETY: `vm` is this store's, and no guest runs now.
            sp = unsafe { (*self.vm.get()).guest.sp };
            looked_at += (self.stack_top - sp) / 8;
            for address in (sp.next_multiple_of(8)..self.stack_top).step_by(8) {
                // SAFETY: between the innermost suspended frame and the stack's top, all mapped.
                let word = unsafe { (address as *const i64).read() };
                if word >> 32 == EXTERN_TAG >> 32 && word as u32 != 0 {
                    mark(word as u32);
                }
            }
        }
        // What exceptions that nobody holds hold is not held.
        if !self.exceptions.is_empty() {
            self.sweep_exceptions(sp..self.stack_top, Vec::new());
            self.exceptions.mark_references(&mut mark);
        }
        looked_at + self.references.mark(mark)
    }

    /// Slot `k` of the arguments and results.
    pub fn slot(&self, k: usize) -> u64 {
        assert!(SCRATCH_SLOTS as usize + 8 * k + 8 <= SCRATCH_OFFSET as usize + SCRATCH_SIZE);
        // SAFETY: inside the scratch memory, by the check; slots are 8-byte aligned.
        unsafe { self.at(SCRATCH_SLOTS).cast::<u64>().add(k).read() }
    }

    /// Sets slot `k` of the arguments and results.
    pub fn set_slot(&self, k: usize, value: u64) {
        assert!(SCRATCH_SLOTS as usize + 8 * k + 8 <= SCRATCH_OFFSET as usize + SCRATCH_SIZE);
        // SAFETY: as in `slot`.
        unsafe { self.at(SCRATCH_SLOTS).cast::<u64>().add(k).write(value) }
    }

    /// Starts function number `function` with the arguments in the slots: for hosts in Rust.
    pub fn start(&self, function: u32) -> Outcome {
        self.set_word(SCRATCH_FUNCTION, function as i32);
        self.set_word(SCRATCH_STATE, State::Ok as i32);
        self.enter(self.callee());
        if self.take_crowded() {
            self.enter_crowded(self.depth.get());
        }
        self.outcome()
    }

    /// Resumes the activation at `depth` with the results in the slots, or with the news that the
    /// host function threw something that nobody may catch: for hosts in Rust.
    pub fn resume_at(&self, depth: u32, threw: bool) -> Outcome {
        self.set_word(SCRATCH_DEPTH, depth as i32);
        self.set_word(
            SCRATCH_STATE,
            if threw { State::Threw } else { State::Ok } as i32,
        );
        self.set_word(SCRATCH_CODE, UNCATCHABLE);
        self.resume();
        self.outcome()
    }

    pub(super) fn outcome(&self) -> Outcome {
        let depth = self.depth.get();
        let is = |state: State| self.word(SCRATCH_STATE) == state as i32;
        if is(State::Done) {
            Outcome::Returned
        } else if is(State::Call) {
            Outcome::CallHost {
                function: self.word(SCRATCH_FUNCTION) as u32,
                depth,
            }
        } else if is(State::Interrupted) {
            Outcome::Interrupted { depth }
        } else if is(State::Rethrow) || is(State::Exception) {
            Outcome::Threw
        } else {
            match Trap::from_code(self.word(SCRATCH_CODE) as u8) {
                Some(trap) => Outcome::Trapped(trap),
                None => Outcome::Refused,
            }
        }
    }
}
