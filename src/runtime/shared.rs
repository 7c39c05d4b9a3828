//! Shared memories of the host: the host has the bytes, makes the memory grow, and says so here. All threads that
//! have such a memory read its length from one place.

use super::address_space::is_reserved;
use super::limits::{Resource, Share};
use super::memory::{max_pages, reservation};
use super::vm::VMMemory;
use crate::module::{Features, MemoryType, PAGE_BITS};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// A shared memory, as the process knows it.
pub struct SharedMemory {
    definition: VMMemory,
    ty: MemoryType,
    guarded: bool,
    /// The bytes, as they count for the process.
    share: Share,
}

// SAFETY: the base never changes, the length is atomic, and a share's amount, too. What is at the base is the guests'
// business.
unsafe impl Send for SharedMemory {}
// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

/// Memories by the address of their first byte: it names a memory in the process as long as anybody has it. The type
/// stays for those that are on their way from one thread to another, when nobody may have them.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

type Known = HashMap<usize, (MemoryType, Weak<SharedMemory>)>;

impl SharedMemory {
    /// A memory that the host has just made; `None` if it is beyond a limit. The host says whether it takes
    /// as many addresses as [`SharedMemory::GUARDED`] for each.
    ///
    /// # Safety
    /// There are `length` bytes at `base`, and up to `ty`'s maximum once the host says so. They stay while
    /// somebody has the memory.
    pub unsafe fn new(
        base: *mut u8,
        length: usize,
        ty: MemoryType,
        guarded: bool,
    ) -> Option<Arc<Self>> {
        let memory = Self::make(base, length, ty, guarded)?;
        let known = (ty, Arc::downgrade(&memory));
        let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(base.addr(), known);
        Some(memory)
    }

    /// The memory at `base`, which a thread got from another one; `None` if none was made there, or it is beyond
    /// a limit.
    ///
    /// # Safety
    /// As for [`SharedMemory::new`], if there is one.
    pub unsafe fn find(base: *mut u8, length: usize, guarded: bool) -> Option<Arc<Self>> {
        let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let (ty, memory) = all.get_mut(&base.addr())?;
        if let Some(memory) = memory.upgrade() {
            memory.grown(length);
            return Some(memory);
        }
        let made = Self::make(base, length, *ty, guarded)?;
        *memory = Arc::downgrade(&made);
        Some(made)
    }

    fn make(base: *mut u8, length: usize, ty: MemoryType, guarded: bool) -> Option<Arc<Self>> {
        let start = base.addr();
        let most = (max_pages(&ty) << ty.page_bits) as usize;
        let guarded = guarded
            && !Features::current().bounds_checks
            && ty.page_bits == PAGE_BITS
            && is_reserved(start, start + most, start + reservation(&ty));
        Some(Arc::new(Self {
            definition: VMMemory {
                base,
                length: AtomicUsize::new(length),
            },
            ty,
            guarded,
            share: Share::new(Resource::MemoryBytes, length)?,
        }))
    }

    /// Bytes of address space that a host takes for each memory if it leaves room for all that an index of 32 bits and
    /// a constant offset below 2 GiB can name.
    pub const GUARDED: usize = 8 << 30;

    pub fn ty(&self) -> MemoryType {
        self.ty
    }

    /// Is there address space behind it for all that an access without a check can name?
    pub(super) fn is_guarded(&self) -> bool {
        self.guarded
    }

    pub(super) fn definition(&self) -> *mut VMMemory {
        (&raw const self.definition).cast_mut()
    }

    /// Takes `delta` pages more of what the limits allow, before the host has it grow.
    pub fn take(&self, delta: u64) -> bool {
        let bytes = usize::try_from(delta).ok();
        let bytes = bytes.and_then(|delta| delta.checked_mul(1 << self.ty.page_bits));
        bytes.is_some_and(|bytes| self.share.extend(bytes))
    }

    /// Gives that back if it did not grow.
    pub fn give_back(&self, delta: u64) {
        self.share.release((delta as usize) << self.ty.page_bits);
    }

    /// The host has made it `length` bytes long, or somebody else longer.
    pub fn grown(&self, length: usize) {
        self.definition.length.fetch_max(length, Ordering::SeqCst);
    }
}
