//! Where externrefs are held outside of guests' frames: needed to tell which slots are still in use.
//!
//! What a table or global holds may lead back to it, by way of JavaScript. So that JavaScript's collector sees such
//! cycles, the store *rests* at times: no guest runs, and the host has each value where that holder's cell is,
//! not in the slot. Whoever wants to enter a guest has the host wake the store first.

use super::vm::{EXTERN_TAG, VMGlobal};
use super::{Global, Table};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};

/// All holders of externrefs in a store.
#[derive(Debug, Default)]
pub struct References {
    tables: RefCell<Vec<Weak<Table>>>,
    globals: RefCell<Vec<Weak<Global>>>,
    /// Globals that lie in contexts of instances.
    inline: RefCell<BTreeSet<*const VMGlobal>>,
    /// Holders that were added since the store last rested, and since the last collection while it did.
    added: Cell<usize>,
    uncollected: Cell<usize>,
    /// Holders, and words in them, when it last rested.
    rested: Cell<(usize, usize)>,
}

/// Holders that are added at least before a collection is made for their sake.
const COLLECT_AFTER: usize = 1024;

/// What should be done for what has been added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Nothing = 0,
    /// To rest as soon as the thread is idle.
    Rest = 1,
    /// To rest, to collect and to wake at once, if there is anything that can rest.
    Collection = 2,
    /// To do that in any case.
    Overdue = 3,
}

/// The slot in a word that is an externref.
pub fn extern_slot(word: u64) -> Option<u32> {
    (word >> 32 == EXTERN_TAG as u64 >> 32 && word as u32 != 0).then_some(word as u32)
}

impl References {
    pub fn add_table(&self, table: &Rc<Table>) {
        self.count();
        add(&mut self.tables.borrow_mut(), table);
    }

    pub fn add_global(&self, global: &Rc<Global>) {
        self.count();
        add(&mut self.globals.borrow_mut(), global);
    }

    fn count(&self) {
        self.added.set(self.added.get() + 1);
        self.uncollected.set(self.uncollected.get() + 1);
    }

    /// What is due. In proportion to what there was: so all that is ever looked through is in proportion to what was
    /// made.
    pub fn due(&self) -> Due {
        let (holders, words) = self.rested.get();
        if self.uncollected.get() > holders.max(COLLECT_AFTER) {
            self.uncollected.set(0);
            Due::Collection
        } else if self.added.get() > words / 32 {
            Due::Rest
        } else {
            Due::Nothing
        }
    }

    /// The store rests, and has so many holders with so many words.
    pub(super) fn set_rested(&self, holders: usize, words: usize) {
        self.added.set(0);
        self.rested.set((holders, words));
    }

    /// There was a collection while the store rested.
    pub fn set_collected(&self) {
        self.uncollected.set(0);
    }

    /// Adds a global in a context; it must be removed before it is freed.
    pub fn add_inline(&self, global: *const VMGlobal) {
        self.count();
        self.inline.borrow_mut().insert(global);
    }

    /// Removes the globals of a context that is about to be freed.
    pub fn remove_inline(&self, context: std::ops::Range<*const u8>) {
        let mut inline = self.inline.borrow_mut();
        let range = context.start.cast::<VMGlobal>()..context.end.cast::<VMGlobal>();
        // As a rule there is none, and thousands of instances may be freed at once.
        while let Some(&global) = inline.range(range.clone()).next() {
            inline.remove(&global);
        }
    }

    /// Calls `mark` with every slot that is held. How many words it has looked at.
    pub fn mark(&self, mut mark: impl FnMut(u32)) -> usize {
        self.visit(|word| extern_slot(word).into_iter().for_each(&mut mark))
    }

    /// Calls `f` with every reference that is held; how many.
    pub fn visit(&self, mut f: impl FnMut(u64)) -> usize {
        let mut looked_at = 0;
        let mut visit = |word: u64| {
            looked_at += 1;
            f(word);
        };
        for table in self.tables.borrow().iter().filter_map(Weak::upgrade) {
            table.visit(&mut visit);
        }
        for global in self.globals.borrow().iter().filter_map(Weak::upgrade) {
            visit(global.get());
        }
        for &global in self.inline.borrow().iter() {
            // SAFETY: live, since it is removed before its context is freed; no guest runs now.
            visit(unsafe { global.cast::<u64>().read() });
        }
        looked_at
    }
}

/// Adds a holder, dropping dead ones whenever the list would have to grow.
fn add<T>(list: &mut Vec<Weak<T>>, item: &Rc<T>) {
    if list.len() == list.capacity() {
        list.retain(|w| w.strong_count() > 0);
    }
    list.push(Rc::downgrade(item));
}
