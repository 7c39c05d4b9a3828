//! The few lines that depend on the processor: switching between the host's stack and the guest's,
//! ending an activation, finding the current thread, and reading a signal's context.
//!
//! Every architecture has one file with the same interface:
//!
//! - `check() -> Result<(), &'static str>`: can wrt run here?
//! - `current() / set_current(..)`: the [`Store`](crate::runtime::Store) of this OS thread, safe to
//!   call from a signal handler; `is_first_thread()`: is this the OS thread with which the process ends?
//! - `enter(..)`, `resume(..)`: go to the guest's stack and come back;
//! - `raise`: the runtime function by which a guest ends its own activation;
//! - `throw`: the runtime function by which a guest throws; `kept_registers`;
//! - `stub`: what calls of functions that are not compiled yet meet;
//! - `call_on_stack`: runs a function of ours on another stack;
//! - `map_twice`: memory that is writable at one address and executable at another; `map_executable`: a file
//!   that is executable; `memory_file`: a file without a place on disk;
//! - `suspend`: gives the thread to the host and comes back when it resumes; `prepare_interruption`;
//! - `ThreadTimer`, `spare_signals`, `keep_errno`: signals to the own thread, and handlers of them;
//! - `SignalContext`: pc of the interrupted code, diversion to the host, and interruption.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod x86_64_linux;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use x86_64_linux::*;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod unsupported;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub use unsupported::*;
