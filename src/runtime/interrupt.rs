//! Interruption of guests that run long: every few milliseconds of processor time they come back to the
//! host, which does what it has to (V8 ends scripts then, stops in the debugger, looks at deadlines) and
//! resumes them. Generated code has no part in it.
//!
//! A timer of the thread sends a signal. Its handler interrupts the guest where it is, between any two
//! instructions, if that is in generated code and the state word says `Run`. A runtime function cannot be
//! stopped anywhere, so the handler leaves a mark, and the function suspends when it is done.
//!
//! No timer runs while no guest does: it is started by the first activation and stops itself when it
//! met no guest for some rounds.

use super::fault::{self, Site};
use super::vm::{SCRATCH_DEADLINES, VMContext};
use super::{Outcome, Store, signals};
use crate::arch::{self, SignalContext, ThreadTimer};
use crate::code::is_code;
use libc::{c_int, c_void};
use std::cell::{Cell, OnceCell};
use std::io;
use std::ptr::null;
use std::sync::atomic::{Ordering, compiler_fence};
use std::time::Duration;

/// Rounds without a guest after which the timer is stopped.
const IDLE_ROUNDS: u32 = 10;
/// Timers of processor time are no finer than the system's own clock tick; shorter intervals, which are
/// for tests, are of real time.
const FINEST_CPU_INTERVAL: Duration = Duration::from_millis(1);

/// What a store knows of interruption. The signal handler reads and writes it.
#[derive(Debug)]
pub(super) struct Interruption {
    /// A guest may run as things are: the timer runs, or is not wanted, and no guest is interrupted.
    ready: Cell<bool>,
    /// The guest is to be interrupted as soon as possible.
    pending: Cell<bool>,
    /// The host holds a guest that is interrupted.
    interrupted: Cell<bool>,
    /// Rounds that met no guest.
    idle: Cell<u32>,
    /// How long guests run until they are interrupted, if they are.
    interval: Cell<Option<Duration>>,
    /// Made when it is first needed.
    timer: OnceCell<ThreadTimer>,
    /// The same for intervals by the clock.
    fine_timer: OnceCell<ThreadTimer>,
    host_data: Cell<*const c_void>,
}

impl Default for Interruption {
    fn default() -> Self {
        Self {
            ready: Cell::new(true),
            pending: Cell::new(false),
            interrupted: Cell::new(false),
            idle: Cell::new(0),
            interval: Cell::new(None),
            timer: OnceCell::new(),
            fine_timer: OnceCell::new(),
            host_data: Cell::new(null()),
        }
    }
}

impl Interruption {
    /// May a guest run at once? To be asked after the handler was told that one runs: from then on it does
    /// not stop the timer.
    #[inline(always)]
    pub fn ready(&self) -> bool {
        compiler_fence(Ordering::SeqCst);
        self.ready.get()
    }

    /// Makes ready, if a guest may run at all.
    #[cold]
    pub fn prepare(&self) -> bool {
        if self.interrupted.get() {
            return false;
        }
        self.idle.set(0);
        // The handler may stop the timer only when it meets no guest, so the order does not matter.
        self.ready.set(true);
        if let Some(interval) = self.interval.get() {
            match self.timer_for(interval) {
                Some(timer) => timer.set(interval),
                // The guest runs without. Whoever runs next asks again: there may be one then.
                None => self.ready.set(false),
            }
        }
        true
    }

    /// The timer for such intervals; `None` if it cannot be had, as where a user has as many as the system allows.
    fn timer_for(&self, interval: Duration) -> Option<&ThreadTimer> {
        let fine = interval < FINEST_CPU_INTERVAL;
        let place = if fine { &self.fine_timer } else { &self.timer };
        if place.get().is_none() {
            fault::check(Site::Timer).ok()?;
            place
                .set(ThreadTimer::new(signals::tick_signal()?, fine)?)
                .ok()?;
        }
        place.get()
    }

    /// Stops the timers. Callable from the signal handler.
    fn stop(&self) {
        for timer in [self.timer.get(), self.fine_timer.get()]
            .into_iter()
            .flatten()
        {
            timer.set(Duration::ZERO);
        }
    }
}

impl Store {
    /// From now on guests of this thread are interrupted after each `interval` that they run: then
    /// [`Outcome::Interrupted`](super::Outcome) has to be expected. `None` ends that.
    pub fn interrupt_every(&self, interval: Option<Duration>) -> io::Result<()> {
        let this = self.interruption();
        this.stop();
        this.interval.set(interval);
        this.pending.set(false);
        this.ready.set(false);
        if interval.is_some() {
            arch::prepare_interruption();
            signals::install_tick(handler)?;
        }
        Ok(())
    }

    /// Are guests that run long interrupted, if that is wanted?
    pub fn can_interrupt(&self) -> bool {
        let this = self.interruption();
        let can = |interval| this.timer_for(interval).is_some();
        this.interval.get().is_none_or(can)
    }

    /// The depth of the activation that the last run left interrupted, if it did.
    pub fn interrupted(&self) -> Option<u32> {
        match self.outcome() {
            Outcome::Interrupted { depth } => Some(depth),
            _ => None,
        }
    }

    /// Resumes an interrupted activation.
    pub fn resume_interrupted(&self, depth: u32) {
        self.resume_at(depth, false);
    }

    /// Number of deadlines that the facade has to look at.
    pub fn deadlines(&self) -> i32 {
        self.word(SCRATCH_DEADLINES)
    }

    /// What the host last left with [`Store::set_deadlines`], null at first.
    pub fn host_data(&self) -> *const c_void {
        self.interruption().host_data.get()
    }

    /// Tells the facade how many deadlines it has to look at, and keeps a word of the host's with that.
    pub fn set_deadlines(&self, count: i32, host_data: *const c_void) {
        self.set_word(SCRATCH_DEADLINES, count);
        self.interruption().host_data.set(host_data);
    }

    /// Does the host hold an interrupted guest? Then nothing may happen that a guest expects only when it
    /// calls something: no guest may run, no table may change, no slot of a reference may be taken for
    /// free.
    pub fn is_interrupted(&self) -> bool {
        self.interruption().interrupted.get()
    }

    /// Calls `f`, the host's business, while a guest is interrupted.
    pub fn while_interrupted<R>(&self, f: impl FnOnce() -> R) -> R {
        let this = self.interruption();
        this.interrupted.set(true);
        this.ready.set(false);
        let result = f();
        this.interrupted.set(false);
        result
    }

    /// What the handler of the timer's signal does: interrupts the guest that runs here, if that can be.
    ///
    /// # Safety
    /// Called by a signal handler on the thread of this store, with the handler's third argument.
    pub unsafe fn tick(&self, context: *mut c_void) -> bool {
        let this = self.interruption();
        if !self.is_running() {
            this.idle.set(this.idle.get().saturating_add(1));
            if this.idle.get() == IDLE_ROUNDS {
                this.stop();
                this.ready.set(false);
            }
            return false;
        }
        this.idle.set(0);
        // In other states, on the way in or out, the scratch memory is in use. A signal may come late, when
        // none is wanted any more.
        if !self.may_be_interrupted() || this.interval.get().is_none() {
            return false;
        }
        // SAFETY: by the caller.
        let mut context = unsafe { SignalContext::new(context) };
        // SAFETY: code of guests runs on the guests' stack only.
        let done = is_code(context.pc()) && unsafe { context.interrupt(self.stack_range()) };
        this.pending.set(!done);
        done
    }

    /// Suspends the guest that called a runtime function, if it was to be interrupted in the meantime.
    ///
    /// # Safety
    /// Called by a runtime function that a guest called with its context, which holds nothing that must
    /// be dropped: the host may end the activation here.
    #[inline(always)]
    pub(super) unsafe fn checkpoint(vmctx: *mut VMContext) {
        // SAFETY: a live context; a store starts with its `VMThread`.
        let store = unsafe { &*(*vmctx).thread.cast::<Store>() };
        if store.interruption().pending.get() && store.may_be_interrupted() {
            store.interruption().pending.set(false);
            // SAFETY: by the caller, and the state is `Run`.
            unsafe { arch::suspend(store.vm()) };
        }
    }
}

extern "C" fn handler(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    arch::keep_errno(|| {
        // SAFETY: null, or this thread's store, which lives while it is current.
        if let Some(store) = unsafe { arch::current().as_ref() } {
            // SAFETY: the kernel's argument.
            unsafe { store.tick(context) };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_timer_stops_when_there_is_nothing_to_interrupt() {
        let store = Store::current().expect("a store");
        let this = store.interruption();
        assert!(this.ready(), "nothing is wanted");
        let interval = Duration::from_micros(200);
        store.interrupt_every(Some(interval)).expect("timers");
        for _ in 0..3 {
            assert!(!this.ready());
            // A guest is about to run.
            assert!(this.prepare());
            assert!(this.ready());
            let start = Instant::now();
            while this.ready() {
                assert!(start.elapsed() < Duration::from_secs(20), "it goes on");
                std::hint::spin_loop();
            }
            assert!(start.elapsed() > interval * (IDLE_ROUNDS - 2));
        }
        // And it stays so: no round is counted any more.
        let idle = this.idle.get();
        std::thread::sleep(10 * interval);
        assert!(this.idle.get() <= idle + 1);
        store.while_interrupted(|| {
            assert!(store.is_interrupted());
            assert!(!this.prepare(), "no guest may run");
        });
        assert!(this.prepare());
        store.interrupt_every(None).expect("no timers");
        assert!(this.prepare() && this.ready());
    }
}
