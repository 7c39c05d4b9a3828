//! Exceptions of a store, and how one finds its handler.
//!
//! An exception is a block of words at a fixed address: its tag, the reference by which guests name it, and
//! its values. A reference is a number with a tag in the high half, as an externref is, so what guests hold
//! is found in the same way: by looking at their stack, at tables and at globals. What nobody holds is freed
//! whenever enough were made.
//!
//! Generated code pays nothing while nothing is thrown. A call inside a `try` has a record that says where
//! its function goes on after an exception; the frames of a guest are a chain of frame pointers, which
//! ends at the activation's record.

use super::Tag;
use super::fault::{self, Site};
use super::references::extern_slot;
use super::store::Store;
use super::trap::Trap;
use super::vm::{
    EXCEPTION_PAYLOAD, EXN_TAG, EXTERN_TAG, SCRATCH_CODE, SCRATCH_FUNCTION, SCRATCH_STATE, State,
    UNCATCHABLE, VMContext, VMException, VMFuncRef,
};
use crate::arch;
use crate::code::handler_at;
use crate::module::ValType;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

/// Words before the values.
const HEADER: usize = EXCEPTION_PAYLOAD as usize / 8;
/// Words that a free place keeps at most.
const KEPT: usize = 16;
/// Exceptions that are made at least between two searches for those that nobody holds.
const SEARCH_AFTER: usize = 1024;

/// A place for an exception.
#[derive(Default)]
struct Exception {
    /// `None` if the place is free.
    tag: Option<Rc<Tag>>,
    /// The [`VMException`]. Few words are kept for the next exception.
    words: Vec<u64>,
    /// Slot of the JavaScript object that stands for it, 0 if there is none yet.
    object: u32,
}

impl Exception {
    fn values(&self) -> &[u64] {
        self.words.get(HEADER..).unwrap_or_default()
    }

    /// Frees the place.
    fn clear(&mut self) {
        self.tag = None;
        self.object = 0;
        self.words.clear();
        if self.words.capacity() > KEPT {
            self.words = Vec::new();
        }
    }
}

/// All exceptions of a store, by the low half of their references. Number 0 is null.
#[derive(Default)]
pub struct Exceptions {
    all: RefCell<Vec<Exception>>,
    free: RefCell<Vec<u32>>,
    /// How many may be made before the next search.
    allowance: Cell<usize>,
}

/// Where a thread goes on: in a handler, which finds the exception in `value`, or at the host's side, which
/// finds the thread there.
#[repr(C)]
#[derive(Debug)]
pub struct Landing {
    pub sp: usize,
    pub fp: usize,
    pub pc: usize,
    pub value: usize,
}

/// The number in a word that is a reference.
fn number(word: u64) -> Option<u32> {
    (word >> 32 == EXN_TAG as u64 >> 32 && word as u32 != 0).then_some(word as u32)
}

impl Exceptions {
    /// How many there are.
    pub fn len(&self) -> usize {
        let all = self.all.borrow().len().max(1) - 1;
        all - self.free.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get<T>(&self, number: u32, f: impl FnOnce(&mut Exception) -> T) -> Option<T> {
        let mut all = self.all.borrow_mut();
        let exception = all.get_mut(number as usize)?;
        exception.tag.is_some().then(|| f(exception))
    }

    /// The block of an exception.
    fn data(&self, number: u32) -> Option<*const VMException> {
        self.get(number, |exception| exception.words.as_ptr().cast())
    }

    /// Is it time to look for those that nobody holds?
    fn is_due(&self) -> bool {
        self.free.borrow().is_empty() && self.allowance.get() == 0
    }

    /// Makes an exception of a tag with these values; its number. `None` if memory is out.
    fn add(&self, tag: Rc<Tag>, values: &[u64], object: u32) -> Option<u32> {
        fault::check(Site::Exception).ok()?;
        let mut all = self.all.borrow_mut();
        let number = match self.free.borrow().last() {
            Some(number) => *number,
            None => u32::try_from(all.len().max(1)).ok()?,
        };
        while all.len() <= number as usize {
            all.try_reserve(1).ok()?;
            all.push(Exception::default());
        }
        let place = &mut all[number as usize];
        let size = HEADER + values.len();
        place.words.try_reserve_exact(size).ok()?;
        place.words.push(Rc::as_ptr(&tag) as u64);
        place.words.push(u64::from(number) | EXN_TAG as u64);
        place.words.extend_from_slice(values);
        place.tag = Some(tag);
        place.object = object;
        if self.free.borrow_mut().pop().is_none() {
            self.allowance.set(self.allowance.get().saturating_sub(1));
        }
        Some(number)
    }

    /// Frees all that are not reachable from `roots`.
    fn sweep(&self, mut roots: Vec<u32>, looked_at: usize) {
        let mut all = self.all.borrow_mut();
        let mut marked = vec![false; all.len()];
        while let Some(number) = roots.pop() {
            let Some(exception) = all.get(number as usize) else {
                continue;
            };
            if !std::mem::replace(&mut marked[number as usize], true) {
                let values = exception.values();
                roots.extend(values.iter().filter_map(|word| self::number(*word)));
            }
        }
        let mut free = self.free.borrow_mut();
        free.clear();
        let mut live = 0;
        for (number, exception) in all.iter_mut().enumerate().skip(1).rev() {
            if marked[number] && exception.tag.is_some() {
                live += 1;
            } else {
                exception.clear();
                free.push(number as u32);
            }
        }
        let wanted = SEARCH_AFTER.max(live).max(looked_at / 32);
        self.allowance.set(wanted.saturating_sub(free.len()));
    }

    /// Calls `mark` with the slots of externrefs and objects that exceptions hold.
    pub(super) fn mark_references(&self, mut mark: impl FnMut(u32)) {
        for exception in self.all.borrow().iter() {
            if exception.object != 0 {
                mark(exception.object);
            }
            for word in exception.values() {
                extern_slot(*word).into_iter().for_each(&mut mark);
            }
        }
    }
}

impl Store {
    /// Frees the exceptions that nobody holds. `stack` is that of the guests; `roots` are held by others.
    pub(super) fn sweep_exceptions(&self, stack: Range<usize>, mut roots: Vec<u32>) {
        let start = stack.start.next_multiple_of(8);
        for address in (start..stack.end).step_by(8) {
            // SAFETY: between the innermost frame and the stack's top, all mapped.
            roots.extend(number(unsafe { (address as *const u64).read() }));
        }
        let others = self.references().visit(|word| roots.extend(number(word)));
        let looked_at = (stack.end - stack.start) / 8 + others;
        self.exceptions().sweep(roots, looked_at);
    }

    /// Makes an exception for a guest that runs.
    fn new_exception(
        &self,
        tag: Rc<Tag>,
        values: &[u64],
        object: u32,
    ) -> Option<*const VMException> {
        if self.exceptions().is_due() {
            // References may be in registers that callees keep: here they are on the stack.
            let registers = arch::kept_registers();
            let stack = (&raw const registers).addr()..self.stack_range().end;
            let values = values.iter().filter_map(|word| number(*word));
            self.sweep_exceptions(stack, values.collect());
        }
        let number = self.exceptions().add(tag, values, object)?;
        self.exceptions().data(number)
    }

    /// Calls `f` with the tag, the values and the slot of the object of the exception that scratch memory describes: its
    /// tag's number in `FUNCTION`, or 0 for a value of JavaScript whose slot is in slot 0; then the slot of its object and
    /// its values.
    fn described<R>(&self, f: impl FnOnce(Rc<Tag>, &[u64], u32) -> R) -> R {
        let object = self.slot(0) as u32;
        match self.tags().get(self.word(SCRATCH_FUNCTION) as u32) {
            None => {
                let value = u64::from(object) | EXTERN_TAG as u64;
                f(self.js_tag().clone(), &[value], 0)
            }
            Some(tag) => {
                let values = self.load_values(1, tag.params());
                f(tag, &values, object)
            }
        }
    }

    /// May a guest catch what the host threw?
    fn is_catchable(&self) -> bool {
        self.word(SCRATCH_CODE) != UNCATCHABLE
    }

    /// What the host threw.
    fn host_exception(&self) -> Option<*const VMException> {
        self.described(|tag, values, object| self.new_exception(tag, values, object))
    }

    /// Makes the exception that scratch memory describes, to be a value of another; its number, 0 if memory is out. None
    /// is freed meanwhile: nobody holds these yet.
    pub fn make_exception(&self) -> u32 {
        self.described(|tag, values, object| self.exceptions().add(tag, values, object))
            .unwrap_or(0)
    }

    /// Where an exception that leaves the frame `fp` at `pc` is handled: the nearest frame with a record.
    fn find_handler(pc: usize, fp: usize) -> Option<Landing> {
        let (mut pc, mut fp) = (pc, fp);
        // The entry trampoline's frame, the last one, has 0 for its caller's.
        while fp != 0 {
            if let Some((landing, size)) = handler_at(pc) {
                return Some(Landing {
                    sp: fp - size as usize,
                    fp,
                    pc: landing,
                    value: 0,
                });
            }
            // SAFETY: frames of guests and trampolines keep the chain, see `arch::throw`.
            unsafe {
                pc = (fp as *const usize).add(1).read();
                fp = (fp as *const usize).read();
            }
        }
        None
    }

    /// Where the thread goes on when exception `reference` leaves frame `fp` at `pc`; with 0, what the host
    /// threw.
    fn throw(&self, reference: u64, pc: usize, fp: usize) -> Landing {
        let from_host = reference == 0;
        let catchable = !from_host || self.is_catchable();
        if catchable && let Some(landing) = Self::find_handler(pc, fp) {
            let data = match from_host {
                true => self.host_exception(),
                false => number(reference).and_then(|number| self.exceptions().data(number)),
            };
            // The guest may be interrupted from here on: all has been read.
            self.set_word(SCRATCH_STATE, State::Run as i32);
            return match data {
                Some(data) => Landing {
                    value: data.addr(),
                    ..landing
                },
                None => self.out_of_memory(),
            };
        }
        match from_host {
            // The host knows what it threw.
            true => self.set_state(State::Rethrow, 0),
            false => self.leave_with(reference as u32),
        }
        self.host_side()
    }

    fn out_of_memory(&self) -> Landing {
        self.set_state(State::Trap, Trap::OutOfMemory as i32);
        self.host_side()
    }

    fn host_side(&self) -> Landing {
        // SAFETY: the thread runs a guest, so the host's side is set.
        let host = unsafe { (*self.vm()).host };
        Landing {
            sp: host.sp,
            fp: host.fp,
            pc: host.pc,
            value: self.vm().addr(),
        }
    }

    /// Where the thread goes on when a new exception leaves frame `fp` at `pc`. One that nobody catches is never made: the
    /// host is told of its tag and values.
    fn throw_new(&self, tag: Rc<Tag>, values: &[u64], pc: usize, fp: usize) -> Landing {
        let Some(landing) = Self::find_handler(pc, fp) else {
            self.set_state(State::Exception, 0);
            self.describe(&tag, values, 0);
            return self.host_side();
        };
        match self.new_exception(tag, values, 0) {
            Some(data) => Landing {
                value: data.addr(),
                ..landing
            },
            None => self.out_of_memory(),
        }
    }

    /// Tells the host of an exception that nobody caught, and of its number.
    fn leave_with(&self, number: u32) {
        self.set_state(State::Exception, number as i32);
        self.describe_exception(number);
    }

    /// Describes an exception to the host, but for its number.
    pub fn describe_exception(&self, number: u32) {
        self.exceptions().get(number, |exception| {
            if let Some(tag) = &exception.tag {
                self.describe(tag, exception.values(), exception.object);
            }
        });
    }

    /// Describes an exception to the host: its tag's number in `FUNCTION`, the slot of its object, and its values.
    fn describe(&self, tag: &Rc<Tag>, values: &[u64], object: u32) {
        self.set_word(SCRATCH_FUNCTION, self.tags().number(tag) as i32);
        self.set_slot(0, u64::from(object));
        self.store_values(1, tag.params(), values);
    }

    /// The values that the host left in the slots from `first` on, as the guest's words.
    fn load_values(&self, first: usize, types: &[ValType]) -> Vec<u64> {
        let mut next = first..;
        let mut slot = || next.next().map_or(0, |k| self.slot(k));
        let mut words = Vec::new();
        for ty in types {
            let word = slot();
            words.push(match ty {
                ty if ty.is_func() => self
                    .functions()
                    .get(word as u32)
                    .map_or(0, |function| function as u64),
                ty if ty.is_extern() => u64::from(word as u32) | EXTERN_TAG as u64,
                ty if ty.is_exception() && word as u32 != 0 => {
                    u64::from(word as u32) | EXN_TAG as u64
                }
                _ => word,
            });
            if *ty == ValType::V128 {
                words.push(slot());
            }
        }
        words
    }

    /// Leaves values in the slots from `first` on, as the host sees them.
    fn store_values(&self, first: usize, types: &[ValType], words: &[u64]) {
        let (mut next, mut words) = (first.., words.iter().copied());
        let mut put = |value: u64| {
            next.next()
                .into_iter()
                .for_each(|k| self.set_slot(k, value));
        };
        for ty in types {
            let word = words.next().unwrap_or(0);
            put(match ty {
                // SAFETY: null, or the reference of a live function.
                ty if ty.is_func() => unsafe { (word as *const VMFuncRef).as_ref() }
                    .map_or(0, |function| u64::from(function.index)),
                ty if ty.is_extern() || ty.is_exception() => u64::from(word as u32),
                _ => word,
            });
            if *ty == ValType::V128 {
                put(words.next().unwrap_or(0));
            }
        }
    }

    /// Has the JavaScript object in this slot stand for an exception.
    pub fn set_exception_object(&self, number: u32, slot: u32) {
        self.exceptions()
            .get(number, |exception| exception.object = slot);
    }
}

/// A tag of the caller's module, and the values at `values`.
///
/// # Safety
/// The caller's context and a tag of its module; `values` are as many words as the tag has.
unsafe fn tag_and_values<'a>(
    vmctx: *mut VMContext,
    tag: u32,
    values: *const u64,
) -> (Rc<Tag>, &'a [u64]) {
    // SAFETY: the caller's context.
    let instance = unsafe { super::builtins::instance(vmctx) };
    let tag = instance.tag(tag).clone();
    // SAFETY: by the caller.
    let words = unsafe { std::slice::from_raw_parts(values, tag.words()) };
    (tag, words)
}

/// What [`Builtin::NewException`](super::vm::Builtin) does.
///
/// # Safety
/// As [`tag_and_values`].
pub(super) unsafe extern "C" fn new_exception(
    vmctx: *mut VMContext,
    tag: u32,
    values: *const u64,
) -> *const VMException {
    // SAFETY: the caller's context; nothing is held.
    unsafe { Store::checkpoint(vmctx) };
    // SAFETY: by the caller.
    let (tag, words) = unsafe { tag_and_values(vmctx, tag, values) };
    // SAFETY: a live context; a store starts with its `VMThread`.
    let store = unsafe { &*(*vmctx).thread.cast::<Store>() };
    let made = store.new_exception(tag, words, 0);
    made.unwrap_or_else(|| {
        // SAFETY: in an activation of this thread; nothing is held that has to be dropped.
        unsafe { arch::raise(store.vm(), State::Trap as i32, Trap::OutOfMemory as i32) };
        std::ptr::null()
    })
}

/// What [`Builtin::HostException`](super::vm::Builtin) does.
///
/// # Safety
/// Called by generated code that a host function's answer says has thrown.
pub(super) unsafe extern "C" fn host_exception(vmctx: *mut VMContext) -> *const VMException {
    // SAFETY: a live context; a store starts with its `VMThread`.
    let store = unsafe { &*(*vmctx).thread.cast::<Store>() };
    let thrown = match store.is_catchable() {
        true => store.host_exception(),
        false => None,
    };
    if thrown.is_some() {
        // The guest may be interrupted from here on: all has been read.
        store.set_word(SCRATCH_STATE, State::Run as i32);
    }
    // If memory is out, to throw it fails as well.
    thrown.unwrap_or(std::ptr::null())
}

/// What [`arch::throw`] calls: where to go on, in `landing`. `pc` is the caller's return address, `fp` its frame
/// pointer.
///
/// # Safety
/// Called by generated code through `arch::throw` alone.
pub unsafe extern "sysv64" fn throw(
    vmctx: *mut VMContext,
    what: u64,
    values: *const u64,
    landing: *mut Landing,
    pc: usize,
    fp: usize,
) {
    // SAFETY: a live context; a store starts with its `VMThread`.
    let store = unsafe { &*(*vmctx).thread.cast::<Store>() };
    let found = if values.is_null() {
        store.throw(what, pc, fp)
    } else {
        // SAFETY: the caller's context; nothing is held.
        unsafe { Store::checkpoint(vmctx) };
        // SAFETY: so says the generated code.
        let (tag, values) = unsafe { tag_and_values(vmctx, what as u32, values) };
        store.throw_new(tag, values, pc, fp)
    };
    // SAFETY: room on the caller's stack.
    unsafe { landing.write(found) };
}
