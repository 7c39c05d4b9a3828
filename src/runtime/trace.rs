//! The frames of a guest that a trap has ended.

use super::Store;
use crate::code::{Source, sources_at};

impl Store {
    /// Notes where a trap happens, for [`Store::frames`]; 0 if in no guest.
    pub(super) fn trapped_at(&self, pc: usize, fp: usize) {
        let vm = self.vm();
        // SAFETY: this store's; whatever guest there is stands still.
        unsafe {
            (&raw mut (*vm).trap_pc).write(pc);
            (&raw mut (*vm).trap_fp).write(fp);
        }
    }

    /// Calls `f` with the source of each frame that the last trap has ended, innermost first, until it says
    /// that it is enough. To be called before anything else runs on this thread's stack of guests; gives
    /// nothing the second time.
    pub fn frames(&self, mut f: impl FnMut(Source) -> bool) {
        let vm = self.vm();
        // SAFETY: this store's, and no guest runs now.
        let (mut pc, mut fp) = unsafe { ((*vm).trap_pc, (*vm).trap_fp) };
        self.trapped_at(0, 0);
        let stack = self.stack_range();
        // An activation's oldest frame has 0 for the one before it.
        while pc != 0 {
            // SAFETY: code that this thread has just run, or anything else, in which no code is found.
            if !unsafe { sources_at(pc, &mut f) } {
                return;
            }
            if fp % 8 != 0 || !stack.contains(&fp) || !stack.contains(&(fp + 8)) {
                return;
            }
            // SAFETY: two aligned words of the stack. They may be anything, and are taken for nothing more
            // than addresses to look up.
            let (next, back) = unsafe { (*(fp as *const usize), *((fp + 8) as *const usize)) };
            if next != 0 && next <= fp {
                return;
            }
            // In the call itself, not behind it.
            (pc, fp) = (back.wrapping_sub(1), next);
        }
    }
}
