//! Threads that make code better while guests run.

use super::CompiledModule;
use crate::runtime::crew::cores;
use crate::runtime::fault::{self, Site};
use crate::runtime::limits::{PROCESS, Resource};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, Once, Weak};
use std::thread;

/// A function (counted without imports) to be compiled for good. Jobs of modules that are gone are dropped.
pub struct Job {
    pub module: Weak<CompiledModule>,
    pub function: u32,
    pub aim: Aim,
}

/// What a function is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To run faster when it is called.
    Improve,
    /// To go on faster from this loop.
    ImproveFromLoop(u32),
}

static JOBS: Mutex<VecDeque<Job>> = Mutex::new(VecDeque::new());
static ARRIVED: Condvar = Condvar::new();

/// Jobs that are looked at for the most urgent one.
const CHOICE: usize = 256;

/// What these threads take from the guests' share of a busy machine: little.
#[cfg(unix)]
const NICE: libc::c_int = 5;
/// More threads would wait for each other's memory traffic rather than compile.
const MAX_THREADS: usize = 8;

/// Has `job` done some time soon.
pub fn enqueue(job: Job) {
    static STARTED: Once = Once::new();
    // Where no thread can be had, guests go on with the code that they have.
    STARTED.call_once(|| {
        for number in 0..cores().saturating_sub(1).clamp(1, MAX_THREADS) {
            let thread = thread::Builder::new().name("wrt-compile".into());
            if fault::check(Site::CompileThread).is_ok() {
                let _ = thread.spawn(move || work(number));
            }
        }
    });
    // The queue is whole between any two of its operations.
    JOBS.lock()
        .unwrap_or_else(|e| e.into_inner())
        .push_back(job);
    // All, because one alone may be beyond the limit.
    ARRIVED.notify_all();
}

/// Lets threads look at their limit again.
pub fn limit_changed() {
    ARRIVED.notify_all();
}

/// Takes the job that is worth most, of those that have waited longest.
fn most_urgent(jobs: &mut VecDeque<Job>) -> Option<Job> {
    let mut best = None;
    for (at, job) in jobs.iter().take(CHOICE).enumerate() {
        // Of a module that is gone: soon done.
        let Some(module) = job.module.upgrade() else {
            return jobs.remove(at);
        };
        let (worth, cost) = module.urgency(job.function);
        if best.is_none_or(|(_, most, least)| worth * least > most * cost) {
            best = Some((at, worth, cost));
        }
    }
    jobs.remove(best?.0)
}

/// Lets guests go before this thread.
fn lower_priority() {
    #[cfg(unix)]
    // SAFETY: changes the priority of this thread; a failure leaves it as it was.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// What each thread does for ever. Those whose `number` is beyond the limit wait.
fn work(number: usize) {
    lower_priority();
    loop {
        let mut jobs = JOBS.lock().unwrap_or_else(|e| e.into_inner());
        let job = loop {
            let allowed = number < PROCESS.most(Resource::CompileThreads);
            match allowed.then(|| most_urgent(&mut jobs)).flatten() {
                Some(job) => break job,
                None => jobs = ARRIVED.wait(jobs).unwrap_or_else(|e| e.into_inner()),
            }
        };
        drop(jobs);
        if let Some(module) = job.module.upgrade() {
            module.work(job.function, job.aim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::compiled_module::Progress;
    use super::super::options::Options;
    use super::*;
    use crate::module::Bytes;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    #[test]
    fn the_most_urgent_job_is_next() {
        let long = "(drop (i32.const 1))".repeat(200);
        let text = format!("(module (func {long}) (func) (func {long}) (func {long}))");
        let make = || {
            let module = CompiledModule::decode(Bytes::from(wat::parse_str(&text).unwrap()));
            CompiledModule::of(module.unwrap(), Options::default()).unwrap()
        };
        let module = make();
        let reached = |function: usize, more: u8| {
            let progress = Progress::Improving as u8 + more;
            module.progress[function].store(progress, Ordering::Relaxed);
        };
        (0..4).for_each(|function| reached(function, 0));
        reached(2, 30);
        let job = |function, module: &Arc<CompiledModule>| Job {
            module: Arc::downgrade(module),
            function,
            aim: Aim::Improve,
        };
        let mut jobs: VecDeque<Job> = (0..4).map(|function| job(function, &module)).collect();
        jobs.push_back(job(9, &make()));
        let order = std::iter::from_fn(|| most_urgent(&mut jobs)).map(|job| job.function);
        // Gone; often reached; short; then as they came.
        assert_eq!(order.collect::<Vec<_>>(), [9, 2, 1, 0, 3]);
    }
}
