//! What all wasm of the process may take at most. There is no limit until the host sets one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Something of which there is only so much.
#[derive(Debug)]
pub struct Resource {
    name: &'static str,
    used: AtomicUsize,
    most: AtomicUsize,
}

impl Resource {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            used: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
        }
    }

    /// Has `amount` counted, if that is allowed.
    fn take(&self, amount: usize) -> bool {
        let add = |used: usize| {
            let sum = used.checked_add(amount)?;
            (amount == 0 || sum <= self.most.load(Relaxed)).then_some(sum)
        };
        self.used.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    /// The most that may be used.
    pub fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Sets the limit. What is used already may be more; then nothing more is given out until it is less.
    pub fn limit(&self, most: usize) {
        self.most.store(most, Relaxed);
    }
}

/// Bytes of memories that can be accessed.
pub static MEMORY_BYTES: Resource = Resource::new("maxMemoryBytes");
/// Elements of tables.
pub static TABLE_ELEMENTS: Resource = Resource::new("maxTableElements");
pub static INSTANCES: Resource = Resource::new("maxInstances");
/// Bytes of machine code.
pub static CODE_BYTES: Resource = Resource::new("maxCodeBytes");
/// Threads that compile or validate at the same time, besides those that wait for the result.
pub static COMPILE_THREADS: Resource = Resource::new("maxCompileThreads");

/// All of them.
static RESOURCES: [&Resource; 5] = [
    &MEMORY_BYTES,
    &TABLE_ELEMENTS,
    &INSTANCES,
    &CODE_BYTES,
    &COMPILE_THREADS,
];

/// Their names and limits.
pub fn list() -> impl Iterator<Item = (&'static str, usize)> {
    RESOURCES.iter().map(|r| (r.name, r.most()))
}

/// The resource of this name.
pub fn find(name: &str) -> Option<&'static Resource> {
    RESOURCES.into_iter().find(|r| r.name == name)
}

/// What somebody has taken of a resource; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: &'static Resource,
    amount: AtomicUsize,
}

impl Share {
    /// `amount` of a resource; `None` if that is more than is left.
    pub fn new(of: &'static Resource, amount: usize) -> Option<Self> {
        // Not made if it is not given: dropping it would give it back.
        of.take(amount).then(|| Self {
            of,
            amount: AtomicUsize::new(amount),
        })
    }

    /// Nothing of a resource yet.
    pub fn none(of: &'static Resource) -> Self {
        Self {
            of,
            amount: AtomicUsize::new(0),
        }
    }

    /// Takes `amount` more, if that is allowed.
    pub fn extend(&self, amount: usize) -> bool {
        let taken = self.of.take(amount);
        if taken {
            self.amount.fetch_add(amount, Relaxed);
        }
        taken
    }

    /// Gives `amount` of it back.
    pub fn release(&self, amount: usize) {
        let left = self.amount.load(Relaxed).saturating_sub(amount);
        let amount = self.amount.swap(left, Relaxed) - left;
        self.of.used.fetch_sub(amount, Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release(usize::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_and_given_back() {
        static CAKES: Resource = Resource::new("cakes");
        CAKES.limit(10);
        let share = Share::new(&CAKES, 6).unwrap();
        assert!(Share::new(&CAKES, 5).is_none());
        assert!(share.extend(4) && !share.extend(1));
        share.release(9);
        drop(Share::new(&CAKES, 9).unwrap());
        CAKES.limit(0);
        assert!(Share::new(&CAKES, 1).is_none() && Share::new(&CAKES, 0).is_some());
        drop(share);
        assert!(Share::new(&CAKES, usize::MAX).is_none());
    }
}
