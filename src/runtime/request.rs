//! What a runtime function asks the host to do for shared memories: the guest that called it is suspended meanwhile, as
//! when it is interrupted.

use super::vm::{SCRATCH_STATE, State, VMContext};
use super::{Memory, Store, Trap};
use crate::arch;
use std::cell::Cell;

/// What is to be done with a memory of the host's ([`Memory::host`]).
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Answer: pages before, or -1.
    Grow { delta: u64 },
    /// Answer: number of threads that were woken.
    Notify { address: u64, count: u32 },
    /// Answer: 0 if it was woken, 1 if another value was there, 2 if the time was over. The timeout is in ns, none
    /// below 0. All answers may be [`failure`].
    Wait {
        address: u64,
        expected: i64,
        wide: bool,
        timeout: i64,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// A memory of the instance that asks.
    pub memory: *const Memory,
    pub action: Action,
}

/// The request of a thread, and the answer.
#[derive(Default)]
pub(super) struct Requests {
    asked: Cell<Option<Request>>,
    answer: Cell<i64>,
}

/// The answer that ends the guest.
pub fn failure(trap: Trap) -> i64 {
    -(trap as i64)
}

impl Store {
    /// Has the host do something, and returns its answer.
    ///
    /// # Safety
    /// As for [`Store::checkpoint`].
    pub(super) unsafe fn ask(vmctx: *mut VMContext, request: Request) -> i64 {
        // SAFETY: a live context; a store starts with its `VMThread`.
        let store = unsafe { &*(*vmctx).thread.cast::<Store>() };
        debug_assert!(store.word(SCRATCH_STATE) == State::Run as i32);
        store.requests().asked.set(Some(request));
        // SAFETY: by the caller: a guest called the runtime function, so the state is `Run`.
        unsafe { arch::suspend(store.vm()) };
        store.requests().answer.get()
    }

    /// What the guest that is suspended has asked for, unless it was interrupted.
    pub fn take_request(&self) -> Option<Request> {
        self.requests().asked.take()
    }

    /// The answer, before the guest is resumed.
    pub fn set_answer(&self, answer: i64) {
        self.requests().answer.set(answer);
    }
}
