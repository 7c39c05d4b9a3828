//! Linear memories.
//!
//! A memory is a reservation of address space with an accessible prefix. The base does not move: growth
//! makes more of the reservation accessible, so pointers in generated code and in ArrayBuffers stay
//! valid. The reservation covers every address that a 32-bit index and a constant offset below 2 GiB
//! can make, so such accesses need no check: beyond the prefix they fault, and the fault is the trap.
//! Indices of 64 bits are compared with the length, and only what the offset adds may fault.
//!
//! Where addresses are short, a memory has none but its own, and moves when it grows. The instances that use it
//! run code which checks every access.
//!
//! Shared memories are the host's, see [`super::shared`].

use super::data_image::DataImage;
use super::mapping::Mapping;
use super::segments::{index_within, part};
use super::shared::SharedMemory;
use super::vm::VMMemory;
use crate::module::{AddressType, Features, MemoryType, PAGE_BITS};
use std::cell::{RefCell, UnsafeCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of a usual page of WebAssembly.
pub const PAGE: usize = 1 << PAGE_BITS;
/// Most bytes of a memory with addresses of 64 bits.
const MAX_BYTES: u64 = 16 << 30;
/// 2 GiB of constant offset, and a page for accesses that straddle the end.
const BEYOND: usize = (2 << 30) + PAGE;

/// A linear memory, shared by all instances that import it and by JavaScript.
pub struct Memory {
    ty: MemoryType,
    place: Place,
}

enum Place {
    Own(OwnPlace),
    OfHost(Arc<SharedMemory>),
}

struct OwnPlace {
    definition: UnsafeCell<VMMemory>,
    mapping: RefCell<Rc<Mapping>>,
    /// Where it was before it moved, if buffers still show that.
    former: RefCell<Vec<Rc<Mapping>>>,
    moves: bool,
}

/// Most pages of a memory of this type.
pub(super) fn max_pages(ty: &MemoryType) -> u64 {
    let most = match ty.address {
        // Its number must be one of 32 bits.
        AddressType::I32 => ((1 << 32) >> ty.page_bits).min(u64::from(u32::MAX)),
        AddressType::I64 => MAX_BYTES >> ty.page_bits,
    };
    ty.limits.max.map_or(most, |max| max.min(most))
}

/// Bytes to reserve for a memory of this type.
pub(super) fn reservation(ty: &MemoryType) -> usize {
    match (ty.address, ty.page_bits) {
        // Whatever its maximum, for an index can be anything.
        (AddressType::I32, PAGE_BITS) => (4 << 30) + BEYOND,
        (AddressType::I64, PAGE_BITS) => (max_pages(ty) << ty.page_bits) as usize + BEYOND,
        // Each access is checked.
        _ => accessible((max_pages(ty) << ty.page_bits) as usize),
    }
}

/// Bytes that must be accessible for a length: pages of the machine.
fn accessible(length: usize) -> usize {
    length.next_multiple_of(PAGE)
}

impl Memory {
    /// A zero-filled memory of `ty`'s minimum; an error if the address space or the memory is out.
    pub fn new(ty: MemoryType) -> io::Result<Self> {
        Self::with_image(ty, None)
    }

    /// The same, filled with an image instead if that is possible.
    pub(super) fn with_image(ty: MemoryType, image: Option<&DataImage>) -> io::Result<Self> {
        if ty.limits.min > max_pages(&ty) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let length = (ty.limits.min << ty.page_bits) as usize;
        let size = accessible(length);
        let reserved = match Features::current().bounds_checks {
            false => image
                .and_then(|image| Mapping::with_image(reservation(&ty), size, image).ok())
                .map_or_else(|| Mapping::reserved(reservation(&ty), size), Ok),
            true => Err(io::ErrorKind::OutOfMemory.into()),
        };
        let (mapping, moves) = match reserved {
            Ok(mapping) => (mapping, false),
            Err(_) => (Mapping::plain(size, size)?, true),
        };
        let base = mapping.base();
        let length = AtomicUsize::new(length);
        let place = OwnPlace {
            definition: UnsafeCell::new(VMMemory { base, length }),
            mapping: RefCell::new(Rc::new(mapping)),
            former: RefCell::default(),
            moves,
        };
        let place = Place::Own(place);
        Ok(Self { ty, place })
    }

    /// A memory of the host's, as this thread has it.
    pub fn of_host(memory: Arc<SharedMemory>) -> Self {
        Self {
            ty: memory.ty(),
            place: Place::OfHost(memory),
        }
    }

    /// The host's memory, if it is one: then the host has it grow.
    pub fn host(&self) -> Option<&Arc<SharedMemory>> {
        match &self.place {
            Place::Own(_) => None,
            Place::OfHost(memory) => Some(memory),
        }
    }

    fn own(&self) -> Option<&OwnPlace> {
        match &self.place {
            Place::Own(place) => Some(place),
            Place::OfHost(_) => None,
        }
    }

    /// Does its base change when it grows, or is nothing known of what is behind it? Then accesses must be checked.
    pub fn moves(&self) -> bool {
        match &self.place {
            Place::Own(place) => place.moves,
            Place::OfHost(memory) => !memory.is_guarded(),
        }
    }

    /// Was it made with an image?
    pub(super) fn has_image(&self) -> bool {
        self.own()
            .is_some_and(|place| place.mapping.borrow().has_image())
    }

    /// The type it was made with; [`Memory::pages`] is its current size.
    pub fn ty(&self) -> MemoryType {
        self.ty
    }

    /// Where it lies, unless it is the host's: for those that show its bytes after it is gone.
    pub fn mapping(&self) -> Option<Rc<Mapping>> {
        Some(self.own()?.mapping.borrow().clone())
    }

    /// First byte. Valid until the memory grows or is gone.
    pub fn base(&self) -> *mut u8 {
        // SAFETY: written by `move_to` alone, on the thread that owns the memory.
        unsafe { (*self.definition()).base }
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        // SAFETY: alive as long as the memory; the length is atomic.
        unsafe { &(*self.definition()).length }.load(Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in pages.
    pub fn pages(&self) -> u64 {
        self.len() as u64 >> self.ty.page_bits
    }

    /// Grows by `delta` pages in place; the size before in pages, or `None` if the maximum or the
    /// system forbids it, or if only the host could.
    pub fn grow(&self, delta: u64) -> Option<u64> {
        let place = self.own()?;
        let before = self.pages();
        let after = before.checked_add(delta)?;
        if after > max_pages(&self.ty) {
            return None;
        }
        if delta > 0 {
            let length = (after << self.ty.page_bits) as usize;
            let extended = place.mapping.borrow().extend(accessible(length));
            if extended.is_err() {
                self.move_to(place, accessible(length))?;
            }
            // SAFETY: alive as long as the memory.
            unsafe { &(*place.definition.get()).length }.store(length, Relaxed);
        }
        Some(before)
    }

    /// Moves to a mapping of at least `size` bytes. Buffers over the former one keep that.
    fn move_to(&self, place: &OwnPlace, size: usize) -> Option<()> {
        if !place.moves {
            return None;
        }
        // Room to grow, so that a memory which grows by single pages is not copied every time.
        let most = accessible((max_pages(&self.ty) << self.ty.page_bits) as usize);
        let roomy = (2 * self.len()).clamp(size, most.max(size));
        let former = place.mapping.borrow().clone();
        let mapping = former.larger(roomy, size);
        let mapping = mapping.or_else(|_| former.larger(size, size)).ok()?;
        // SAFETY: all bytes of the memory, to a new mapping that has more; nobody else uses the definition now.
        unsafe {
            mapping
                .base()
                .copy_from_nonoverlapping(self.base(), self.len());
            (*place.definition.get()).base = mapping.base();
        }
        place.mapping.replace(Rc::new(mapping));
        if Rc::strong_count(&former) > 1 {
            place.former.borrow_mut().push(former);
        }
        Some(())
    }

    /// Where it was since the last call, if buffers still show that: for the host to detach them.
    pub fn take_former(&self) -> Vec<Rc<Mapping>> {
        self.own()
            .map(|place| place.former.take())
            .unwrap_or_default()
    }

    pub(super) fn definition(&self) -> *mut VMMemory {
        match &self.place {
            Place::Own(place) => place.definition.get(),
            Place::OfHost(memory) => memory.definition(),
        }
    }

    /// The range `start..start + len` if it is inside.
    fn range(&self, start: u64, len: u64) -> Option<*mut u8> {
        let start = index_within(start, len, self.len() as u64)?;
        Some(self.base().wrapping_add(start))
    }

    /// `memory.fill`; `None` if out of bounds, and then nothing is written.
    pub fn fill(&self, to: u64, value: u8, len: u64) -> Option<()> {
        let to = self.range(to, len)?;
        // SAFETY: inside the accessible prefix.
        unsafe { to.write_bytes(value, len as usize) };
        Some(())
    }

    /// `memory.copy` from `source`; `None` if out of bounds, and then nothing is written.
    pub fn copy(&self, to: u64, source: &Memory, from: u64, len: u64) -> Option<()> {
        let (to, from) = (self.range(to, len)?, source.range(from, len)?);
        // SAFETY: both inside accessible prefixes; they may overlap.
        unsafe { to.copy_from(from, len as usize) };
        Some(())
    }

    /// `memory.init` with `bytes[from..from + len]`; `None` if out of bounds, and then nothing is written.
    pub fn init(&self, to: u64, bytes: &[u8], from: u64, len: u64) -> Option<()> {
        let bytes = part(bytes, from, len)?;
        let to = self.range(to, len)?;
        // SAFETY: the target is inside the accessible prefix; a module's bytes are not guest memory.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Some(())
    }
}
