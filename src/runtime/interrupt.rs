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

use super::vm::{SCRATCH_DEADLINES, SCRATCH_POLLED, VMContext};
use super::{Outcome, Store, signals};
use crate::arch::{self, SignalContext};
use crate::code::is_code;
use libc::{c_int, c_void};
use std::cell::Cell;
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::ptr::null_mut;
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
    timer: Cell<Timer>,
}

#[derive(Clone, Copy, Debug)]
enum Timer {
    /// Not wanted, or not to be had.
    None,
    /// Wanted, but not made.
    Wanted(Duration),
    Made(libc::timer_t, Duration),
}

impl Default for Interruption {
    fn default() -> Self {
        Self {
            ready: Cell::new(true),
            pending: Cell::new(false),
            interrupted: Cell::new(false),
            idle: Cell::new(0),
            timer: Cell::new(Timer::None),
        }
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        if let Timer::Made(timer, _) = self.timer.get() {
            // SAFETY: made by `make`, and deleted nowhere else. A signal that is on its way finds no store.
            unsafe { libc::timer_delete(timer) };
        }
    }
}

impl Interruption {
    /// To be called when nothing stands between this call and the guest but the handler's knowledge that a
    /// guest runs: from then on the timer is not stopped.
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
        match self.timer.get() {
            Timer::None => {}
            Timer::Wanted(interval) => {
                let timer = make(interval).map_or(Timer::None, |t| Timer::Made(t, interval));
                self.timer.set(timer);
                self.start(interval);
            }
            Timer::Made(_, interval) => self.start(interval),
        }
        true
    }

    /// Sets the timer to `interval`, or stops it.
    fn start(&self, interval: Duration) {
        let Timer::Made(timer, _) = self.timer.get() else {
            return;
        };
        let interval = libc::timespec {
            tv_sec: interval.as_secs() as libc::time_t,
            tv_nsec: interval.subsec_nanos().into(),
        };
        let setting = libc::itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        // SAFETY: a timer that `make` made; the setting is valid. Allowed in signal handlers.
        unsafe { libc::timer_settime(timer, 0, &setting, null_mut()) };
    }
}

/// A timer that signals this thread.
fn make(interval: Duration) -> Option<libc::timer_t> {
    let clock = if interval < FINEST_CPU_INTERVAL {
        libc::CLOCK_MONOTONIC
    } else {
        libc::CLOCK_THREAD_CPUTIME_ID
    };
    // SAFETY: all zero is a valid `sigevent`.
    let mut event: libc::sigevent = unsafe { zeroed() };
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_signo = signals::tick_signal()?;
    // SAFETY: has no preconditions.
    event.sigev_notify_thread_id = unsafe { libc::gettid() };
    let mut timer = MaybeUninit::uninit();
    // SAFETY: both pointers are valid; the timer is written if the call succeeds.
    unsafe {
        (libc::timer_create(clock, &mut event, timer.as_mut_ptr()) == 0)
            .then(|| timer.assume_init())
    }
}

impl Store {
    /// From now on guests of this thread are interrupted after each `interval` that they run: then
    /// [`Outcome::Interrupted`](super::Outcome) has to be expected. `None` ends that.
    pub fn interrupt_every(&self, interval: Option<Duration>) -> io::Result<()> {
        let this = self.interruption();
        if interval.is_some() {
            arch::prepare_interruption();
            signals::install_tick(handler)?;
        }
        this.start(Duration::ZERO);
        if let Timer::Made(timer, _) = this.timer.get() {
            this.timer.set(Timer::None);
            // SAFETY: made by `make`, and used nowhere any more.
            unsafe { libc::timer_delete(timer) };
        }
        this.timer.set(interval.map_or(Timer::None, Timer::Wanted));
        this.pending.set(false);
        this.ready.set(false);
        Ok(())
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

    /// Has the facade seen the interruption?
    pub fn polled(&self) -> bool {
        self.word(SCRATCH_POLLED) != 0
    }

    pub fn set_polled(&self, polled: bool) {
        self.set_word(SCRATCH_POLLED, polled.into());
    }

    /// Number of deadlines that the facade watches.
    pub fn deadlines(&self) -> i32 {
        self.word(SCRATCH_DEADLINES)
    }

    pub fn set_deadlines(&self, count: i32) {
        self.set_word(SCRATCH_DEADLINES, count);
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
                this.start(Duration::ZERO);
                this.ready.set(false);
            }
            return false;
        }
        this.idle.set(0);
        // On the way in or out: in other states the scratch memory is in use.
        if !self.may_be_interrupted() {
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
    // SAFETY: `errno` of this thread, which the interrupted code may be about to read.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above; null, or this thread's store, which lives while it is current.
    unsafe {
        let before = errno.read();
        if let Some(store) = arch::current().as_ref() {
            store.tick(context);
        }
        errno.write(before);
    }
}
