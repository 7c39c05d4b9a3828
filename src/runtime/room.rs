//! Room on the guests' stack for another activation.
//!
//! When JavaScript is ended (by a timeout of `vm`, say), activations that it was to resume stay suspended
//! for ever, and nobody says so. So where half of the stack is taken, the host is asked at each entry
//! which activation is the innermost that JavaScript still serves, and those above it are dropped.

use super::vm::State;
use super::{Store, Trap};
use std::ops::Range;

/// Bytes that must be free for a new activation, beyond what guests check themselves.
const LEAST: usize = 4096;

/// Lowest address at which an activation starts without a question to the host.
pub(super) fn threshold(stack: Range<usize>) -> usize {
    stack.start + stack.len() / 2
}

impl Store {
    /// A new activation would start below the threshold: it does not, for now.
    #[cold]
    pub(super) fn refuse_for_room(&self) {
        self.set_state(State::Trap, Trap::StackOverflow as i32);
        self.crowded.set(true);
        self.attention.set(true);
    }

    /// Was an activation refused since the last call? Then the host tries again with
    /// [`Store::enter_crowded`].
    pub fn take_crowded(&self) -> bool {
        self.crowded.take()
    }

    /// As [`Store::enter`], after dropping all activations above the one at depth `live`, the innermost that
    /// is going to be resumed. Refuses only where there is no room at all.
    pub fn enter_crowded(&self, live: u32) {
        // What the host holds is served by no JavaScript. It will not be entered, either.
        if !self.is_interrupted() {
            self.abandon(live.saturating_add(1));
        }
        let limit = self.stack_range().start + super::stack::RESERVE;
        let threshold = self.threshold.replace(limit + LEAST);
        self.enter(self.callee());
        self.threshold.set(threshold);
        self.crowded.set(false);
    }
}
