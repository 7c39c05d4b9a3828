//! The timer of a thread, and its signal.

use libc::{c_int, timer_t, timespec};
use std::mem::{MaybeUninit, zeroed};
use std::ops::RangeInclusive;
use std::ptr::null_mut;
use std::time::Duration;

/// Signals that timers may use: real-time signals, which scripts cannot take, without the first ones,
/// which other software likes best.
pub fn spare_signals() -> RangeInclusive<c_int> {
    libc::SIGRTMIN() + 5..=libc::SIGRTMAX()
}

/// Calls `f` in a signal handler: the interrupted code may be about to read `errno`.
pub fn keep_errno(f: impl FnOnce()) {
    // SAFETY: this thread's own.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { errno.read() };
    f();
    // SAFETY: as above.
    unsafe { errno.write(before) };
}

/// Signals the thread that made it, again and again.
#[derive(Debug)]
pub struct ThreadTimer(timer_t);

impl ThreadTimer {
    /// A timer that counts the processor time of this thread, or the time of the clock. It is stopped.
    pub fn new(signal: c_int, by_clock: bool) -> Option<Self> {
        let clock = if by_clock {
            libc::CLOCK_MONOTONIC
        } else {
            libc::CLOCK_THREAD_CPUTIME_ID
        };
        // SAFETY: all zero is a valid `sigevent`.
        let mut event: libc::sigevent = unsafe { zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal;
        // SAFETY: has no preconditions.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = MaybeUninit::uninit();
        // SAFETY: both pointers are valid; the timer is written if the call succeeds.
        unsafe {
            (libc::timer_create(clock, &mut event, timer.as_mut_ptr()) == 0)
                .then(|| Self(timer.assume_init()))
        }
    }

    /// Signals after each `interval` from now on; never, if that is zero. Callable from a signal handler.
    pub fn set(&self, interval: Duration) {
        let interval = timespec {
            tv_sec: interval.as_secs() as libc::time_t,
            tv_nsec: interval.subsec_nanos().into(),
        };
        let setting = libc::itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        // SAFETY: a timer that `new` made; the setting is valid.
        unsafe { libc::timer_settime(self.0, 0, &setting, null_mut()) };
    }
}

impl Drop for ThreadTimer {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and nobody else deletes it.
        unsafe { libc::timer_delete(self.0) };
    }
}
