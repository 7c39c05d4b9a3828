//! Threads that help with work for a moment.

use super::fault::{self, Site};
use super::limits::{PROCESS, Resource};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, Scope};

/// Cores that this process may use, as it was when it was first asked: the answer is in files, and to read them takes as
/// long as to validate ten kilobytes.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Has threads of `scope` do `work` as well: as many as are of use, the machine has cores for, and `maxCompileThreads` allows.
/// Where none can be had, whoever asks has to do all of it. (A pool of threads that stay, such as rayon's, would panic there.)
pub fn help<'s>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    useful: usize,
    work: impl Fn() + Copy + Send + 's,
) {
    if useful == 0 {
        return;
    }
    let threads = useful
        .min(cores() - 1)
        .min(PROCESS.most(Resource::CompileThreads));
    for _ in 0..threads {
        let thread = thread::Builder::new().name(name.into());
        if fault::check(Site::CompileThread).is_ok() {
            let _ = thread.spawn_scoped(scope, work);
        }
    }
}

/// What `make` gives for each item, in order: threads that help take one after the other, and this one as well when it is
/// through with `meanwhile`.
pub fn each<I: Sync, O: Send + Sync, R>(
    name: &str,
    useful: usize,
    items: &[I],
    make: impl Fn(&I) -> O + Sync,
    meanwhile: impl FnOnce() -> R,
) -> (R, Vec<O>) {
    let made: Vec<OnceLock<O>> = items.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((place, item)) = {
            let place = next.fetch_add(1, Relaxed);
            made.get(place).zip(items.get(place))
        } {
            place.get_or_init(|| make(item));
        }
    };
    let result = thread::scope(|scope| {
        help(scope, name, useful, work);
        let result = meanwhile();
        work();
        result
    });
    let made = made.into_iter().zip(items);
    let made = made.map(|(made, item)| made.into_inner().unwrap_or_else(|| make(item)));
    (result, made.collect())
}
