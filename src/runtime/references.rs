//! Where externrefs are held outside of guests' frames: needed to tell which slots are still in use.

use super::vm::{EXTERN_TAG, VMGlobal};
use super::{Global, Table};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::{Rc, Weak};

/// All holders of externrefs in a store.
#[derive(Debug, Default)]
pub struct References {
    tables: RefCell<Vec<Weak<Table>>>,
    globals: RefCell<Vec<Weak<Global>>>,
    /// Globals that lie in contexts of instances.
    inline: RefCell<BTreeSet<*const VMGlobal>>,
}

impl References {
    pub fn add_table(&self, table: &Rc<Table>) {
        add(&mut self.tables.borrow_mut(), table);
    }

    pub fn add_global(&self, global: &Rc<Global>) {
        add(&mut self.globals.borrow_mut(), global);
    }

    /// Adds a global in a context; it must be removed before it is freed.
    pub fn add_inline(&self, global: *const VMGlobal) {
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
        self.visit(|word| {
            if word >> 32 == EXTERN_TAG as u64 >> 32 && word as u32 != 0 {
                mark(word as u32);
            }
        })
    }

    /// Calls `f` with every reference that is held; how many.
    pub fn visit(&self, mut f: impl FnMut(u64)) -> usize {
        let mut looked_at = 0;
        let mut visit = |word: u64| {
            looked_at += 1;
            f(word);
        };
        for table in self.tables.borrow().iter().filter_map(Weak::upgrade) {
            (0..table.len())
                .filter_map(|i| table.get(i))
                .for_each(&mut visit);
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
