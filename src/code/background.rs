//! Threads that compile while guests run.

use super::CompiledModule;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, Once, Weak};
use std::thread;

/// A function (counted without imports) to be compiled. Jobs of modules that are gone are dropped.
pub struct Job {
    pub module: Weak<CompiledModule>,
    pub function: u32,
    pub aim: Aim,
}

/// What a function is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// So that it is there when it is called.
    Ahead,
    /// To run faster.
    Improve,
    /// To go on faster from this loop.
    ImproveFromLoop(u32),
}

struct Queue {
    /// The last one first: it belongs to what runs now.
    ahead: Vec<Job>,
    /// The first one first.
    improve: VecDeque<Job>,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    ahead: Vec::new(),
    improve: VecDeque::new(),
});
static ARRIVED: Condvar = Condvar::new();

/// What these threads take from the guests' share of a busy machine: little.
#[cfg(unix)]
const NICE: libc::c_int = 5;
/// More threads would wait for each other's memory traffic rather than compile.
const MAX_THREADS: usize = 8;
/// Jobs ahead that are kept; the oldest are the least likely to be of use.
const MAX_AHEAD: usize = 4096;

/// Has `jobs` done some time soon, the first of them first.
pub fn enqueue(jobs: impl DoubleEndedIterator<Item = Job>) {
    static STARTED: Once = Once::new();
    // Where no thread can be had, guests compile what they call, and go on with the code that they have.
    STARTED.call_once(|| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores.saturating_sub(1).clamp(1, MAX_THREADS) {
            let _ = thread::Builder::new()
                .name("wrt-compile".into())
                .spawn(work);
        }
    });
    // The queue is whole between any two of its operations.
    let mut queue = QUEUE.lock().unwrap_or_else(|e| e.into_inner());
    for job in jobs.rev() {
        match job.aim {
            Aim::Ahead => queue.ahead.push(job),
            Aim::Improve | Aim::ImproveFromLoop(_) => queue.improve.push_back(job),
        }
    }
    let excess = queue.ahead.len().saturating_sub(MAX_AHEAD);
    queue.ahead.drain(..excess);
    drop(queue);
    ARRIVED.notify_all();
}

/// What each thread does for ever.
fn work() {
    #[cfg(unix)]
    // SAFETY: changes the priority of this thread; a failure leaves it as it was.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
    loop {
        let mut queue = QUEUE.lock().unwrap_or_else(|e| e.into_inner());
        let job = loop {
            // Hot code first: it costs at every round.
            match queue.improve.pop_front().or_else(|| queue.ahead.pop()) {
                Some(job) => break job,
                None => queue = ARRIVED.wait(queue).unwrap_or_else(|e| e.into_inner()),
            }
        };
        drop(queue);
        if let Some(module) = job.module.upgrade() {
            module.work(job.function, job.aim);
        }
    }
}
