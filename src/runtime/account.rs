//! What the memories and tables of a thread take, for hosts that show it or tell their collector.

use std::cell::Cell;

/// Counts of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Memories that somebody can still see.
    pub memories: usize,
    pub tables: usize,
    /// Bytes that can be read and written.
    pub bytes: usize,
    /// Bytes of address space that memories reserve, those that can be accessed included.
    pub reserved: usize,
}

thread_local! {
    static ACCOUNT: Cell<Account> = const {
        Cell::new(Account {
            memories: 0,
            tables: 0,
            bytes: 0,
            reserved: 0,
        })
    };
}

impl Account {
    /// The counts of this thread.
    pub fn current() -> Self {
        ACCOUNT.get()
    }

    /// Changes the counts of this thread.
    pub(super) fn update(change: impl FnOnce(&mut Self)) {
        let mut account = ACCOUNT.get();
        change(&mut account);
        ACCOUNT.set(account);
    }
}
