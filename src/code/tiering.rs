//! When a function is compiled for good, and how running code changes over.

use super::background::{Aim, Job, enqueue};
use super::compiled_module::{CompiledModule, Progress};
use super::figures;
use crate::compiler::{Calls, CompiledFunction, LoopHead, Tier};
use crate::module::Module;
use crate::runtime::vm::{CALL_WEIGHT, Counter};
use hashbrown::HashMap;
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;
use wasmparser::BinaryReader;

/// The greatest number that a function which is to be improved has for its progress.
const MOST_REACHED: u8 = Progress::Improved as u8 - 1;

/// Bytes of a body that take as long to compile as all that any function takes.
const OVERHEAD: usize = 50;

/// Calls from which a function is worth to be copied into its callers.
const HOT: i32 = 30;

/// Rounds of loops for which an outer loop is waited for.
const PATIENCE: u32 = 1000;

/// Loops in which functions change over.
#[derive(Default)]
pub(super) struct Loops {
    /// By function and loop: code of [`Tier::FromLoop`], 0 while it is being compiled.
    codes: HashMap<(u32, u32), usize>,
    /// Functions in which an outer loop is waited for: how many rounds more, and the outermost loop so far.
    waits: HashMap<u32, (u32, LoopHead)>,
}

impl Loops {
    /// Is a loop to be waited for that is around this one? Where a function begins in an inner loop there are two ways into
    /// those around it, and Cranelift does less for such loops.
    fn waits(&mut self, function: u32, head: LoopHead) -> bool {
        let (left, best) = self.waits.entry(function).or_insert((PATIENCE, head));
        if head.depth <= best.depth {
            *best = head;
        }
        *left = left.saturating_sub(1);
        *left > 0 && best.depth > 0
    }
}

impl CompiledModule {
    /// First of the counters that code of the first tier adds to.
    pub fn counters(&self) -> *const Counter {
        self.counters.as_ptr()
    }

    /// Called by code of the first tier when the count of function `index` (imported ones included) is
    /// reached, in a loop or at the function's start. Code that goes on in that loop, if there is any.
    pub(crate) fn reached(self: &Arc<Self>, index: u32, at_loop: Option<LoopHead>) -> *const u8 {
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
            (Err(seen), Some(head)) if seen == Progress::Improved as u8 => {
                let mut loops = self.loops.lock().unwrap_or_else(|e| e.into_inner());
                let code = loops.codes.get(&(function, head.number)).copied();
                if let Some(code @ 1..) = code {
                    loops.waits.remove(&function);
                    return code as *const u8;
                }
                if self.options.in_background && loops.waits(function, head) {
                    // The next round asks again.
                    self.counters[function as usize].store(-1, Ordering::Relaxed);
                    return null();
                }
                let best = loops.waits.remove(&function).map_or(head, |(_, best)| best);
                if loops.codes.contains_key(&(function, best.number)) {
                    return null();
                }
                loops.codes.insert((function, best.number), 0);
                drop(loops);
                improve(Aim::ImproveFromLoop(best.number));
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

    /// How a function (counted without imports) is called. Where there is no first tier nobody counts.
    pub(super) fn calls(&self, function: u32) -> Calls {
        let progress = self.progress[function as usize].load(Ordering::Relaxed);
        let least = HOT * CALL_WEIGHT - self.options.threshold;
        if self.options.first == Tier::Optimized {
            return Calls::OftenFromOnePlace;
        }
        let is_hot = progress >= Progress::Improving as u8
            || self.counters[function as usize].load(Ordering::Relaxed) >= least;
        match self.callers[function as usize].load(Ordering::Relaxed) {
            _ if !is_hot => Calls::Rare,
            1 => Calls::OftenFromOnePlace,
            _ => Calls::Often,
        }
    }

    /// Notes which functions code of the first tier calls.
    pub(super) fn count_callers(&self, code: &CompiledFunction) {
        let module = self.module();
        for site in code.traps.iter().filter(|site| site.trap.is_none()) {
            let Some(defined) = called_at(module, site.wasm_offset)
                .and_then(|index| index.checked_sub(module.imported_functions))
            else {
                continue;
            };
            if let Some(callers) = self.callers.get(defined as usize) {
                let one_more = |callers: u8| callers.checked_add(1);
                let _ = callers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
            }
        }
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
                loops.codes.insert((function, number), code as usize);
            }
            Aim::Improve => {
                self.add_effort(start);
                self.code_table[function as usize].store(code.cast_mut(), Ordering::Release);
                self.progress[function as usize].store(Progress::Improved as u8, Ordering::Release);
            }
        }
    }
}

/// The function that the instruction at an offset of the module's bytes calls, if it calls one that it names.
fn called_at(module: &Module, offset: u32) -> Option<u32> {
    const CALL: u8 = 0x10;
    let bytes = module.bytes.get(offset as usize..)?;
    let (CALL, index) = (*bytes.first()?, bytes.get(1..)?) else {
        return None;
    };
    BinaryReader::new(index, 0).read_var_u32().ok()
}

#[cfg(test)]
mod tests {
    use super::super::compiled_module::Progress;
    use super::super::options::Options;
    use super::super::{CompiledModule, Unit};
    use super::PATIENCE;
    use crate::compiler::LoopHead;
    use crate::module::Bytes;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::thread;

    #[test]
    fn calls_in_functions_of_the_first_tier_are_counted() {
        let text = "(module (import \"m\" \"f\" (func)) (func $once) (func $twice)
            (func (call 0) (call $once) (call $twice) (call $twice) (return_call $once))
            (func (call $once)))";
        let module = CompiledModule::new(
            Bytes::from(wat::parse_str(text).unwrap()),
            Options::default(),
        );
        let module = module.unwrap();
        let counts = || [0, 1, 2, 3].map(|f: usize| module.callers[f].load(Ordering::Relaxed));
        assert_eq!(counts(), [0; 4]);
        module.code(Unit::Function(2)).unwrap();
        assert_eq!(counts(), [1, 2, 0, 0]);
        module.code(Unit::Function(3)).unwrap();
        assert_eq!(counts(), [2, 2, 0, 0]);
    }

    #[test]
    fn a_function_changes_over_in_an_outer_loop_that_comes_soon() {
        let text = "(module (func (param i32) (loop (loop (br_if 0 (local.get 0))) (br_if 0 (local.get 0)))))";
        let module = || {
            let bytes = Bytes::from(wat::parse_str(text).unwrap());
            let module = Arc::new(CompiledModule::new(bytes, Options::default()).unwrap());
            module.code(Unit::Function(0)).unwrap();
            assert!(module.reached(0, None).is_null());
            while module.progress[0].load(Ordering::Acquire) != Progress::Improved as u8 {
                thread::yield_now();
            }
            module
        };
        let (outer, inner) = (
            LoopHead {
                number: 0,
                depth: 0,
            },
            LoopHead {
                number: 1,
                depth: 1,
            },
        );
        let asks_again = |module: &CompiledModule| module.counters[0].load(Ordering::Relaxed) == -1;
        let until_there = |module: &CompiledModule, number| {
            while module.loops.lock().unwrap().codes[&(0, number)] == 0 {
                thread::yield_now();
            }
        };

        let module_of_both = module();
        assert!(module_of_both.reached(0, Some(inner)).is_null());
        assert!(asks_again(&module_of_both));
        assert!(module_of_both.reached(0, Some(outer)).is_null());
        assert!(!asks_again(&module_of_both));
        until_there(&module_of_both, 0);
        assert!(module_of_both.reached(0, Some(inner)).is_null());
        assert!(asks_again(&module_of_both));
        assert!(!module_of_both.reached(0, Some(outer)).is_null());

        // If it does not come, the inner one has to do.
        let module_of_one = module();
        for _ in 0..PATIENCE {
            assert!(module_of_one.reached(0, Some(inner)).is_null());
        }
        assert!(!asks_again(&module_of_one));
        until_there(&module_of_one, 1);
        assert!(!module_of_one.reached(0, Some(inner)).is_null());
    }
}
