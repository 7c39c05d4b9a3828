//! Threads that help with work for a moment.

use super::fault::{self, Site};
use super::limits::{PROCESS, Resource};
use std::thread::{self, Scope};

/// Has threads of `scope` do `work` as well: as many as are of use, the machine has cores for, and `maxCompileThreads` allows.
/// Where none can be had, whoever asks has to do all of it. (A pool of threads that stay, such as rayon's, would panic there.)
pub fn help<'s>(
    scope: &'s Scope<'s, '_>,
    name: &str,
    useful: usize,
    work: impl Fn() + Copy + Send + 's,
) {
    if useful == 0 {
        return; // Asking for the number of cores reads files, which takes ten times as long as a small module.
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = useful
        .min(cores - 1)
        .min(PROCESS.most(Resource::CompileThreads));
    for _ in 0..threads {
        let thread = thread::Builder::new().name(name.into());
        if fault::check(Site::CompileThread).is_ok() {
            let _ = thread.spawn_scoped(scope, work);
        }
    }
}
