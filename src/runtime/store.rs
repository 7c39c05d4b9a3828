//! The store: all that belongs to the wasm of one JavaScript thread.

use super::activation::Record;
use super::exceptions::Exceptions;
use super::fault::{self, Site};
use super::functions::FunctionRegistry;
use super::interrupt::Interruption;
use super::on_demand::OnDemand;
use super::references::{References, extern_slot};
use super::request::Requests;
use super::slots::SharedSlots;
use super::stack::{self, GuestStack};
use super::vm::*;
use super::{Memory, Table, Tag, Tags, Trap, signals};
use crate::arch;
use crate::module::{FuncType, ValType};
use region::{Allocation, Protection};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ops::Range;
use std::rc::Rc;

/// The store of one thread. Its first field is what generated code sees; the scratch memory follows it.
#[repr(C)]
pub struct Store {
    pub(super) vm: UnsafeCell<VMThread>,
    /// Whether a guest runs on the guests' stack: it can suspend. Signal handlers read it.
    pub(super) running: Cell<bool>,
    /// Number of activations, the running one included.
    pub(super) depth: Cell<u32>,
    /// Record of the innermost activation.
    pub(super) record: Cell<*mut Record>,
    stack: GuestStack,
    /// One past its highest address.
    pub(super) stack_top: usize,
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
    pub(super) refused: Cell<bool>,
    /// Lowest address at which an activation may start, see [`super::room`].
    pub(super) threshold: Cell<usize>,
    pub(super) crowded: Cell<bool>,
    interruption: Interruption,
    requests: Requests,
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
        let stack = GuestStack::new(stack::size(), Site::GuestStack)?;
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
            refused: Cell::new(false),
            threshold: Cell::new(threshold),
            crowded: Cell::new(false),
            interruption: Interruption::default(),
            requests: Requests::default(),
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

    pub(super) fn requests(&self) -> &Requests {
        &self.requests
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

    pub fn references(&self) -> &References {
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

    pub fn word(&self, offset: i32) -> i32 {
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
        self.mark_suspended(&mut mark) + self.references.mark(mark)
    }

    /// The same without tables and globals.
    pub fn mark_suspended(&self, mut mark: impl FnMut(u32)) -> usize {
        let mut looked_at = 0;
        let mut sp = self.stack_top;
        if self.depth.get() > 0 {
            // SAFETY: `vm` is this store's, and no guest runs now.
            sp = unsafe { (*self.vm.get()).guest.sp };
            looked_at += (self.stack_top - sp) / 8;
            for address in (sp.next_multiple_of(8)..self.stack_top).step_by(8) {
                // SAFETY: between the innermost suspended frame and the stack's top, all mapped.
                let word = unsafe { (address as *const u64).read() };
                extern_slot(word).into_iter().for_each(&mut mark);
            }
        }
        // What exceptions that nobody holds hold is not held.
        if !self.exceptions.is_empty() {
            self.sweep_exceptions(sp..self.stack_top, Vec::new());
            self.exceptions.mark_references(&mut mark);
        }
        looked_at
    }

    /// Has the store rest, which has so many holders of externrefs with so many words: the host wakes it before it enters
    /// or resumes a guest.
    pub fn rest(&self, holders: usize, words: usize) {
        self.functions.set_closed(true);
        self.references.set_rested(holders, words);
    }

    pub fn wake(&self) {
        self.functions.set_closed(false);
    }

    pub fn is_resting(&self) -> bool {
        self.functions.is_closed()
    }

    /// Do guests run that wait for the host?
    pub fn is_idle(&self) -> bool {
        self.depth.get() == 0
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
}
