//! When a function is compiled for good, and how running code changes over.

use super::background::{Aim, Job, enqueue};
use super::compiled_module::{CompiledModule, Progress};
use super::figures;
use crate::compiler::Tier;
use crate::runtime::vm::{CALL_WEIGHT, Counter};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

/// The greatest number that a function which is to be improved has for its progress.
const MOST_REACHED: u8 = Progress::Improved as u8 - 1;

/// Bytes of a body that take as long to compile as all that any function takes.
const OVERHEAD: usize = 50;

/// Calls from which a function is worth to be copied into its callers.
const HOT: i32 = 30;

impl CompiledModule {
    /// First of the counters that code of the first tier adds to.
    pub fn counters(&self) -> *const Counter {
        self.counters.as_ptr()
    }

    /// Called by code of the first tier when the count of function `index` (imported ones included) is
    /// reached, in a loop or at the function's start. Code that goes on in that loop, if there is any.
    pub(crate) fn reached(self: &Arc<Self>, index: u32, at_loop: Option<u32>) -> *const u8 {
        let Some(function) = index.checked_sub(self.module().imported_functions) else {
            return null();
        };
        self.counters[function as usize].store(-self.options.threshold, Ordering::Relaxed);
        let improve = |aim| {
            if !self.options.in_background {
                // On a stack that has room for the compiler.
                thread::scope(|scope| drop(scope.spawn(|| self.work(function, aim))));
                return;
            }
            enqueue(Job {
                module: Arc::downgrade(self),
                function,
                aim,
            });
        };
        let seen = self.progress[function as usize].compare_exchange(
            Progress::Compiled as u8,
            Progress::Improving as u8,
            Ordering::Relaxed,
            Ordering::Acquire,
        );
        match (seen, at_loop) {
            (Ok(_), _) => improve(Aim::Improve),
            // Whoever calls it gets the better code, but this activation stays in its loop.
            (Err(seen), Some(number)) if seen == Progress::Improved as u8 => {
                let mut loops = self.loops.lock().unwrap_or_else(|e| e.into_inner());
                if let Some(code) = loops.get(&(function, number)) {
                    return *code as *const u8;
                }
                loops.insert((function, number), 0);
                drop(loops);
                improve(Aim::ImproveFromLoop(number));
            }
            (Err(seen), _) if (Progress::Improving as u8..MOST_REACHED).contains(&seen) => {
                // It fails if another thread was faster, which is as well.
                let next = seen + 1;
                let progress = &self.progress[function as usize];
                let _ = progress.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed);
            }
            _ => {}
        }
        null()
    }

    /// How soon a function (counted without imports) is wanted: how often its count was reached, and the bytes for which a
    /// compiler has that. Time that guests lose is in proportion to the first, and time that it takes to the second.
    pub(super) fn urgency(&self, function: u32) -> (u64, u64) {
        let progress = self.progress[function as usize].load(Ordering::Relaxed);
        let reached = progress.saturating_sub(Progress::Improving as u8) + 1;
        let size = self.module().bodies[function as usize].len() + OVERHEAD;
        (u64::from(reached), size as u64)
    }

    /// Is a function (counted without imports) called often? Where there is no first tier nobody counts.
    pub(super) fn is_hot(&self, function: u32) -> bool {
        let progress = self.progress[function as usize].load(Ordering::Relaxed);
        let least = HOT * CALL_WEIGHT - self.options.threshold;
        self.options.first == Tier::Optimized
            || progress >= Progress::Improving as u8
            || self.counters[function as usize].load(Ordering::Relaxed) >= least
    }

    /// Does a job. At a failure guests go on with the code that they have.
    pub(super) fn work(&self, function: u32, aim: Aim) {
        let tier = match aim {
            Aim::Improve => Tier::Optimized,
            Aim::ImproveFromLoop(number) => Tier::FromLoop(number),
        };
        let start = Instant::now();
        let code = self.compile_function(function, tier);
        let Ok(code) = code.and_then(|code| self.place(&code)) else {
            return;
        };
        figures::IMPROVED.add(1, start);
        match aim {
            Aim::ImproveFromLoop(number) => {
                let mut loops = self.loops.lock().unwrap_or_else(|e| e.into_inner());
                loops.insert((function, number), code as usize);
            }
            Aim::Improve => {
                self.add_effort(start);
                self.code_table[function as usize].store(code.cast_mut(), Ordering::Release);
                self.progress[function as usize].store(Progress::Improved as u8, Ordering::Release);
            }
        }
    }
}
