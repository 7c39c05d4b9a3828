//! Faults of guests become traps.
//!
//! One handler for the process, installed once and never removed; what was there before is called
//! for every fault that is not a guest's (V8 has a handler of its own for its own wasm).

use super::fault::{self, Site};
use crate::arch::{self, SignalContext};
use crate::code::trap_at;
use libc::{SA_NODEFER, SA_ONSTACK, SA_SIGINFO, c_int, c_void, sigaction, siginfo_t, stack_t};
use region::{Allocation, Protection};
use std::io;
use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL];
/// Room for the handlers, ours and those that we call.
const STACK: usize = 256 << 10;

/// The handlers before ours, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[sigaction; SIGNALS.len()]> = OnceLock::new();

/// The stack on which handlers run on this thread, if we made one.
pub struct AlternateStack(Option<Allocation>);

/// Installs the handlers, if they are not, and gives this thread an alternate stack, if it has none
/// that is large enough.
pub fn install() -> io::Result<AlternateStack> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    INSTALLED
        .get_or_init(install_handlers)
        .map_err(io::Error::from_raw_os_error)?;
    AlternateStack::new()
}

fn install_handlers() -> Result<(), i32> {
    let last_error = || io::Error::last_os_error().raw_os_error().unwrap_or(0);
    // SAFETY: all zero is a valid `sigaction`.
    let mut previous: [sigaction; SIGNALS.len()] = unsafe { zeroed() };
    for (signal, old) in SIGNALS.into_iter().zip(&mut previous) {
        // SAFETY: a query; both pointers are valid or null.
        if unsafe { sigaction(signal, null(), old) } != 0 {
            return Err(last_error());
        }
    }
    // Before the first handler can run.
    let _ = PREVIOUS.set(previous);
    for signal in SIGNALS {
        // SAFETY: all zero is a valid `sigaction`, and an empty mask.
        let mut action: sigaction = unsafe { zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        // SAFETY: the handler has the signature of SA_SIGINFO and stays for ever: the image is never
        // unloaded, since napi-rs pins it.
        if unsafe { sigaction(signal, &action, null_mut()) } != 0 {
            return Err(last_error());
        }
    }
    Ok(())
}

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// The signal of timers, once there is one.
static TICK: OnceLock<Option<c_int>> = OnceLock::new();

/// The signal that [`install_tick`] found.
pub fn tick_signal() -> Option<c_int> {
    TICK.get().copied().flatten()
}

/// Installs the handler of the timers' signal in the process, if it is not, and lets this thread receive
/// the signal. It is one that nobody else has taken.
pub fn install_tick(handler: Handler) -> io::Result<()> {
    let signal = TICK.get_or_init(|| arch::spare_signals().find(is_free));
    let Some(signal) = *signal else {
        return Err(io::Error::other("no signal is free"));
    };
    // SAFETY: all zero is a valid `sigaction`, and an empty mask.
    let mut action: sigaction = unsafe { zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    // Without SA_RESTART other parts of the process would see interrupted system calls.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the handler has the signature of SA_SIGINFO and stays for ever, as the image does.
    if unsafe { sigaction(signal, &action, null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all zero is a valid set; the calls change this thread's mask only.
    unsafe {
        let mut set: libc::sigset_t = zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, null_mut());
    }
    Ok(())
}

fn is_free(signal: &c_int) -> bool {
    // SAFETY: all zero is a valid `sigaction`; a query.
    unsafe {
        let mut now: sigaction = zeroed();
        sigaction(*signal, null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_DFL
    }
}

impl AlternateStack {
    fn new() -> io::Result<Self> {
        // SAFETY: all zero is a valid `stack_t`; a query.
        let mut old: stack_t = unsafe { zeroed() };
        // SAFETY: as above.
        if unsafe { libc::sigaltstack(null(), &mut old) } != 0 {
            return Err(io::Error::last_os_error());
        }
        if old.ss_flags & libc::SS_DISABLE == 0 && old.ss_size >= STACK / 4 {
            return Ok(Self(None));
        }
        fault::check(Site::SignalStack)?;
        let mut mapping = region::alloc(STACK, Protection::READ_WRITE).map_err(io::Error::other)?;
        let new = stack_t {
            ss_sp: mapping.as_mut_ptr(),
            ss_flags: 0,
            ss_size: mapping.len(),
        };
        // SAFETY: the mapping stays until `drop`, which takes the stack back first.
        if unsafe { libc::sigaltstack(&new, null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(Some(mapping)))
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        if let Some(mapping) = &self.0 {
            // SAFETY: all zero is a valid `stack_t`.
            let mut now: stack_t = unsafe { zeroed() };
            // SAFETY: a query, then a disabling of our own stack only, on the thread that set it.
            unsafe {
                libc::sigaltstack(null(), &mut now);
                if now.ss_sp.cast_const() == mapping.as_ptr::<c_void>() {
                    now.ss_flags = libc::SS_DISABLE;
                    libc::sigaltstack(&now, null_mut());
                }
            }
        }
    }
}

extern "C" fn handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's arguments of a SA_SIGINFO handler.
    unsafe {
        if !trap(info, context) {
            delegate(signal, info, context);
        }
    }
}

/// Ends the guest's activation if the fault is a trap of it.
///
/// # Safety
/// The arguments are those of a running handler.
unsafe fn trap(info: *const siginfo_t, context: *mut c_void) -> bool {
    // SAFETY: null, or this thread's store, which lives while it is current.
    let Some(store) = (unsafe { arch::current().as_ref() }) else {
        return false;
    };
    // si_code <= 0 means that somebody sent the signal: no fault.
    // SAFETY: `info` is the kernel's.
    if unsafe { (*info).si_code } <= 0 {
        return false;
    }
    // SAFETY: `context` is the kernel's.
    let mut context = unsafe { SignalContext::new(context) };
    // Nothing but a guest is in our code. A pc there that has no record is a bug, and must crash.
    let Some(trap) = trap_at(context.pc()) else {
        return false;
    };
    let thread = store.trap_in_handler(trap, &context);
    context.divert_to_host(thread);
    true
}

/// Does what would have happened without us.
///
/// # Safety
/// The arguments are those of a running handler.
unsafe fn delegate(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let previous = SIGNALS
        .iter()
        .position(|s| *s == signal)
        .zip(PREVIOUS.get());
    let Some((i, all)) = previous else { return };
    let old = &all[i];
    match old.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The faulting instruction runs again and meets the old disposition. A signal that somebody
            // sent would be lost, so it is raised again; it waits until the handler returns.
            // SAFETY: `old` is a disposition that the system gave; `info` is the kernel's.
            unsafe {
                sigaction(signal, old, null_mut());
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
        }
        // SAFETY: handlers of the process, called as the kernel would have called them.
        address => unsafe {
            if old.sa_flags & SA_SIGINFO != 0 {
                let f: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    std::mem::transmute(address);
                f(signal, info, context);
            } else {
                let f: extern "C" fn(c_int) = std::mem::transmute(address);
                f(signal);
            }
        },
    }
}
