//! What wasm may take at most: all of the process, and what is made within calls for which the host has set
//! limits of their own. There is none until the host sets one.

use std::cell::RefCell;
use std::iter::{once, successors};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Something of which there is only so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of memories that can be accessed.
    MemoryBytes,
    /// Elements of tables.
    TableElements,
    Instances,
    /// Bytes of machine code.
    CodeBytes,
    /// Threads that compile or validate at the same time, besides those that wait for the result.
    CompileThreads,
}

use Resource::*;

/// All of them, with the names of their limits.
pub const RESOURCES: [(Resource, &str); 5] = [
    (MemoryBytes, "maxMemoryBytes"),
    (TableElements, "maxTableElements"),
    (Instances, "maxInstances"),
    (CodeBytes, "maxCodeBytes"),
    (CompileThreads, "maxCompileThreads"),
];

/// The resource whose limit has this name.
pub fn find(name: &str) -> Option<Resource> {
    let found = RESOURCES.into_iter().find(|(_, n)| *n == name);
    found.map(|(resource, _)| resource)
}

/// How much of each resource is used, and may be.
#[derive(Debug)]
pub struct Limits {
    used: [AtomicUsize; RESOURCES.len()],
    most: [AtomicUsize; RESOURCES.len()],
    /// Limits that hold as well, besides those of the process.
    outer: Option<Arc<Limits>>,
}

/// Those of the process.
pub static PROCESS: Limits = Limits::new(None);

thread_local! {
    /// Those for what is made next on this thread.
    static CURRENT: RefCell<Option<Arc<Limits>>> = const { RefCell::new(None) };
}

impl Limits {
    /// No limits, within others.
    pub const fn new(outer: Option<Arc<Limits>>) -> Self {
        Self {
            used: [const { AtomicUsize::new(0) }; RESOURCES.len()],
            most: [const { AtomicUsize::new(usize::MAX) }; RESOURCES.len()],
            outer,
        }
    }

    /// The most that may be used.
    pub fn most(&self, resource: Resource) -> usize {
        self.most[resource as usize].load(Relaxed)
    }

    /// Sets the limit. What is used already may be more; then nothing more is given out until it is less.
    pub fn set(&self, resource: Resource, most: usize) {
        self.most[resource as usize].store(most, Relaxed);
    }

    /// From now on `limits` hold for what is made on this thread, besides those of the process.
    pub fn make_current(limits: Option<Arc<Limits>>) {
        CURRENT.set(limits);
    }

    /// Has `amount` counted, if that is allowed.
    fn take(&self, resource: Resource, amount: usize) -> bool {
        let add = |used: usize| {
            let sum = used.checked_add(amount)?;
            (amount == 0 || sum <= self.most(resource)).then_some(sum)
        };
        let used = &self.used[resource as usize];
        used.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    fn give_back(&self, resource: Resource, amount: usize) {
        self.used[resource as usize].fetch_sub(amount, Relaxed);
    }
}

/// What somebody has taken of a resource; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Resource,
    amount: AtomicUsize,
    within: Option<Arc<Limits>>,
}

impl Share {
    /// `amount` of a resource; `None` if that is more than is left.
    pub fn new(of: Resource, amount: usize) -> Option<Self> {
        let share = Self::none(of);
        share.extend(amount).then_some(share)
    }

    /// Nothing of a resource yet.
    pub fn none(of: Resource) -> Self {
        Self {
            of,
            amount: AtomicUsize::new(0),
            within: CURRENT.with_borrow(Option::clone),
        }
    }

    /// Nothing yet, under the same limits.
    pub fn sibling(&self) -> Self {
        Self {
            of: self.of,
            amount: AtomicUsize::new(0),
            within: self.within.clone(),
        }
    }

    /// All limits that hold for it.
    fn limits(&self) -> impl Iterator<Item = &Limits> {
        successors(self.within.as_deref(), |limits| limits.outer.as_deref()).chain(once(&PROCESS))
    }

    /// Takes `amount` more, if that is allowed.
    pub fn extend(&self, amount: usize) -> bool {
        let refused = self
            .limits()
            .position(|limits| !limits.take(self.of, amount));
        if let Some(asked) = refused {
            self.limits()
                .take(asked)
                .for_each(|limits| limits.give_back(self.of, amount));
            return false;
        }
        self.amount.fetch_add(amount, Relaxed);
        true
    }

    /// What this one has is from now on that of `other`, a sibling.
    pub fn move_to(&self, other: &Share) {
        other
            .amount
            .fetch_add(self.amount.swap(0, Relaxed), Relaxed);
    }

    /// Gives `amount` of it back.
    pub fn release(&self, amount: usize) {
        let left = self.amount.load(Relaxed).saturating_sub(amount);
        let amount = self.amount.swap(left, Relaxed) - left;
        self.limits()
            .for_each(|limits| limits.give_back(self.of, amount));
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
        let outer = Arc::new(Limits::new(None));
        outer.set(Instances, 10);
        let inner = Arc::new(Limits::new(Some(outer.clone())));
        Limits::make_current(Some(inner.clone()));
        let share = Share::new(Instances, 6).unwrap();
        assert!(Share::new(Instances, 5).is_none());
        assert!(share.extend(4) && !share.extend(1));
        share.release(9);
        drop(Share::new(Instances, 9).unwrap());
        inner.set(Instances, 3);
        assert!(share.extend(2) && !share.extend(1));
        // Siblings stand for one another.
        let sibling = share.sibling();
        share.move_to(&sibling);
        share.release(usize::MAX);
        assert!(!share.extend(1));
        sibling.move_to(&share);
        drop(sibling);
        // Others are not counted there, but share the outer ones.
        Limits::make_current(Some(outer.clone()));
        let other = Share::new(Instances, 7).unwrap();
        assert!(Share::new(Instances, 1).is_none() && Share::new(Instances, 0).is_some());
        drop((share, other));
        outer.set(Instances, usize::MAX);
        Limits::make_current(None);
        for limits in [&inner, &outer] {
            assert_eq!(limits.used[Instances as usize].load(Relaxed), 0);
        }
    }

    #[test]
    fn names_stand_where_their_resources_do() {
        for (k, (resource, name)) in RESOURCES.into_iter().enumerate() {
            assert!(resource as usize == k && find(name) == Some(resource));
        }
    }
}
