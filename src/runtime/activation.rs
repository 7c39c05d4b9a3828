//! Activations: entering guests and resuming them.
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

use super::vm::*;
use super::{Store, Trap};
use crate::arch;
use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
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

/// An entry trampoline. It returns null, which is what the host's function returns that enters a leaf by it.
type Entry = unsafe extern "sysv64" fn(*mut VMThread, *const VMFuncRef) -> *mut c_void;

/// A function to be entered, and the address of its entry trampoline as it was found.
#[derive(Clone, Copy)]
pub struct Callee {
    func_ref: NonNull<VMFuncRef>,
    entry: *mut u8,
}

/// A function that neither calls anything nor loops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    CanTrap,
    Sure,
}

/// Lies at the start of an activation and keeps the context of the one suspended above it.
#[repr(C, align(64))]
pub(super) struct Record {
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

impl Store {
    /// The function that the scratch memory names, if there is one.
    #[inline(always)]
    pub fn callee(&self) -> Option<Callee> {
        let number = self.word(SCRATCH_FUNCTION) as u32;
        Self::callee_of(self.functions().get_enterable(number)?)
    }

    #[inline(always)]
    fn callee_of(func_ref: *const VMFuncRef) -> Option<Callee> {
        let func_ref = NonNull::new(func_ref.cast_mut())?;
        // SAFETY: a registered function is live.
        let entry = unsafe { func_ref.as_ref() }.entry.load(Ordering::Relaxed);
        Some(Callee { func_ref, entry })
    }

    /// What a function is known for, if it may be entered as a leaf.
    #[inline(always)]
    pub fn leaf(&self, callee: Callee) -> Option<Leaf> {
        if self.is_interrupted() {
            return None;
        }
        let entry = callee.entry.addr();
        if entry & SURE != 0 {
            Some(Leaf::Sure)
        } else {
            (entry & LEAF != 0).then_some(Leaf::CanTrap)
        }
    }

    /// Runs a function with the arguments in scratch memory for which [`Store::leaf`] has just given this; null.
    ///
    /// A leaf runs on the stack of the caller: no activation, since it cannot suspend.
    #[inline(always)]
    pub fn enter_leaf(&self, callee: Callee, leaf: Leaf) -> *mut c_void {
        let entry = callee.entry.cast_const();
        let (vm, func_ref) = (self.vm.get(), callee.func_ref.as_ptr());
        // SAFETY: a live function with its entry trampoline, marked as a leaf; no guest runs now. A leaf does not
        // suspend, since `running` is not set; and one that is sure returns, so it is called as any function.
        unsafe {
            match leaf {
                Leaf::Sure => {
                    let entry = entry.wrapping_sub(LEAF + SURE);
                    return std::mem::transmute::<*const u8, Entry>(entry)(vm, func_ref);
                }
                Leaf::CanTrap => arch::enter_leaf(vm, func_ref, entry.wrapping_sub(LEAF)),
            }
        }
        null_mut()
    }

    /// Starts what [`Store::callee`] found, with the arguments in scratch memory. Returns when it has ended or
    /// suspended; the state word says which.
    #[inline(always)]
    pub fn enter(&self, callee: Option<Callee>) {
        let Some(mut callee) = callee else {
            return self.refuse();
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
            match self.leaf(callee) {
                Some(leaf) => _ = self.enter_leaf(callee, leaf),
                None => self.set_state(State::Trap, CODE_INTERRUPTED),
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

    /// There is no such function, or the store rests: then the host is asked to wake it.
    #[cold]
    fn refuse(&self) {
        self.set_state(State::Trap, CODE_REFUSED);
        if self.is_resting() {
            self.refused.set(true);
            self.attention.set(true);
        }
    }

    /// Was a function not entered since the last call because the store rests? Then the host tries again with
    /// [`Store::enter_awake`].
    pub fn take_refused(&self) -> bool {
        self.refused.take()
    }

    /// As [`Store::enter`], of a store that is awake as far as the function is concerned. If it could not be woken, the
    /// host's stack had no room.
    pub fn enter_awake(&self, is_awake: bool) {
        if !is_awake {
            return self.set_state(State::Trap, Trap::StackOverflow as i32);
        }
        let number = self.word(SCRATCH_FUNCTION) as u32;
        self.enter(self.functions().get(number).and_then(Self::callee_of));
        self.refused.set(false);
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
        if self.interruption().ready() || self.interruption().prepare() {
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
