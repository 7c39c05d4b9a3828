//! From an address in compiled code to what is known of it, readable from a signal handler: no lock,
//! no allocation.
//!
//! A two-level table maps every 64 KiB of the 47-bit address space to the [`CodeRange`] there. Arenas
//! of code start at multiples of 64 KiB, so no two share an entry. In a range the functions are found
//! by binary search.

use crate::compiler::{HandlerSite, TrapSite};
use crate::runtime::Trap;
use crate::runtime::fault::{self, Site};
use std::alloc::{Layout, alloc_zeroed};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// Alignment of code arenas, and the reach of one entry of the table.
pub const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 16;
const LEAF_BITS: u32 = 16;
const ROOT: usize = 1 << (47 - CHUNK_BITS - LEAF_BITS);
const LEAF: usize = 1 << LEAF_BITS;

type Leaf = [AtomicPtr<CodeRange>; LEAF];

static TABLE: [AtomicPtr<Leaf>; ROOT] = [const { AtomicPtr::new(std::ptr::null_mut()) }; ROOT];

/// Was there ever code that handles exceptions?
static HANDLERS: AtomicBool = AtomicBool::new(false);

/// Was there ever code in this process that handles exceptions? If not, nothing that is thrown can be caught by
/// a guest, since a frame that could has such code.
pub fn has_handlers() -> bool {
    HANDLERS.load(Ordering::Relaxed)
}

/// A function at its place.
#[derive(Debug)]
pub struct PlacedFunction {
    /// Its addresses.
    pub code: Range<usize>,
    /// Ascending by offset from the function's start.
    pub traps: Box<[TrapSite]>,
    /// Ascending by the call's return address.
    pub handlers: Box<[HandlerSite]>,
}

impl PlacedFunction {
    /// What is known of the instruction at `pc`.
    fn sites(&self, pc: usize) -> &[TrapSite] {
        let offset = (pc - self.code.start) as u32;
        let start = self.traps.partition_point(|site| site.offset < offset);
        let end = start
            + self.traps[start..]
                .iter()
                .take_while(|site| site.offset == offset)
                .count();
        &self.traps[start..end]
    }
}

/// A mapping of code. Functions are added in the order of their addresses, and stay.
#[derive(Debug)]
pub struct CodeRange {
    addresses: Range<usize>,
    /// Number of the module that it belongs to.
    module: AtomicU32,
    /// The first `len` are set, each before `len` counts it.
    functions: Box<[AtomicPtr<PlacedFunction>]>,
    len: AtomicUsize,
}

impl CodeRange {
    /// A range with room for `capacity` functions; `None` if memory is out.
    pub fn new(addresses: Range<usize>, capacity: usize) -> Option<Self> {
        let capacity = capacity.max(1);
        let layout = Layout::array::<AtomicPtr<PlacedFunction>>(capacity).ok()?;
        // Zeroed pages that nobody touches cost nothing.
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(layout) }.cast::<AtomicPtr<PlacedFunction>>();
        if start.is_null() {
            return None;
        }
        let functions = std::ptr::slice_from_raw_parts_mut(start, capacity);
        Some(Self {
            addresses,
            module: AtomicU32::new(0),
            // SAFETY: allocated with the layout of such a slice, and a null pointer is all zero.
            functions: unsafe { Box::from_raw(functions) },
            len: AtomicUsize::new(0),
        })
    }

    /// The function that contains `pc`.
    fn find(&self, pc: usize) -> Option<&PlacedFunction> {
        let functions = &self.functions[..self.len.load(Ordering::Acquire)];
        // SAFETY: set, since `len` counts them, and freed only with the range.
        let get = |f: &AtomicPtr<PlacedFunction>| unsafe { &*f.load(Ordering::Relaxed) };
        let after = functions.partition_point(|f| get(f).code.start <= pc);
        let found = get(functions.get(after.checked_sub(1)?)?);
        found.code.contains(&pc).then_some(found)
    }
}

impl Drop for CodeRange {
    fn drop(&mut self) {
        let len = *self.len.get_mut();
        for function in &mut self.functions[..len] {
            // SAFETY: made from a box by `Registration::add`, and the range goes away.
            drop(unsafe { Box::from_raw(*function.get_mut()) });
        }
    }
}

/// Keeps a [`CodeRange`] findable while it lives.
#[derive(Debug)]
pub struct Registration(Box<CodeRange>);

impl Registration {
    /// Registers `range`, whose start is a multiple of [`CHUNK`]. `None` if memory is out, or if the
    /// address is beyond what the table covers.
    pub fn new(range: CodeRange) -> Option<Self> {
        fault::check(Site::CodeRegistration).ok()?;
        let range = Box::new(range);
        for chunk in chunks(&range) {
            leaf(chunk)?;
        }
        let this = Self(range);
        this.store(&raw const *this.0 as *mut CodeRange);
        Some(this)
    }

    /// Says which module the code belongs to.
    pub fn set_module(&self, number: u32) {
        self.0.module.store(number, Ordering::Relaxed);
    }

    /// Makes a function findable that lies above those added before.
    pub fn add(&mut self, function: PlacedFunction) {
        if !function.handlers.is_empty() {
            HANDLERS.store(true, Ordering::Relaxed);
        }
        // Nobody else adds: this one is borrowed mutably.
        let len = self.0.len.load(Ordering::Relaxed);
        // Room for a function every few bytes: the slot is there.
        if let Some(slot) = self.0.functions.get(len) {
            slot.store(Box::into_raw(Box::new(function)), Ordering::Relaxed);
            self.0.len.store(len + 1, Ordering::Release);
        }
    }

    fn store(&self, value: *mut CodeRange) {
        for chunk in chunks(&self.0) {
            if let Some(leaf) = leaf(chunk) {
                leaf[chunk % LEAF].store(value, Ordering::Release);
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.store(std::ptr::null_mut());
    }
}

fn chunks(range: &CodeRange) -> Range<usize> {
    range.addresses.start >> CHUNK_BITS..range.addresses.end.div_ceil(CHUNK)
}

/// The part of the table that holds `chunk`, made when first needed and never freed.
fn leaf(chunk: usize) -> Option<&'static Leaf> {
    let slot = TABLE.get(chunk / LEAF)?;
    let mut found = slot.load(Ordering::Acquire);
    if found.is_null() {
        // SAFETY: the layout is not empty, and all zero is a valid array of null pointers.
        let fresh = unsafe { alloc_zeroed(Layout::new::<Leaf>()) }.cast::<Leaf>();
        if fresh.is_null() {
            return None;
        }
        match slot.compare_exchange(
            std::ptr::null_mut(),
            fresh,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => found = fresh,
            Err(other) => {
                // SAFETY: just allocated with this layout, and nobody else has seen it.
                unsafe { std::alloc::dealloc(fresh.cast(), Layout::new::<Leaf>()) };
                found = other;
            }
        }
    }
    // SAFETY: leaves are initialised before they are published and live for ever.
    Some(unsafe { &*found })
}

/// The function whose code contains `pc`.
///
/// # Safety
/// If `pc` is in compiled code, that code is kept mapped while the result is used.
pub unsafe fn function_at<'a>(pc: usize) -> Option<&'a PlacedFunction> {
    // SAFETY: by the caller.
    unsafe { range_and_function(pc) }.map(|(_, function)| function)
}

/// # Safety
/// As for [`function_at`].
unsafe fn range_and_function<'a>(pc: usize) -> Option<(&'a CodeRange, &'a PlacedFunction)> {
    let chunk = pc >> CHUNK_BITS;
    let leaf = TABLE.get(chunk / LEAF)?.load(Ordering::Acquire);
    // SAFETY: null, or a leaf, which lives for ever.
    let range = unsafe { leaf.as_ref() }?[chunk % LEAF].load(Ordering::Acquire);
    // SAFETY: null, or registered: by the caller, its code stays mapped, and so it stays registered.
    let range = unsafe { range.as_ref() }?;
    Some((range, range.find(pc)?))
}

/// Is there compiled code at `pc`? Callable as [`trap_at`] is.
pub fn is_code(pc: usize) -> bool {
    // SAFETY: as in `trap_at`.
    unsafe { function_at(pc) }.is_some()
}

/// The trap that the instruction at `pc` raises when it faults; `None` if `pc` is not in compiled code
/// or is no instruction that may fault there. Callable from a signal handler on a thread that runs
/// the code at `pc`, which keeps it alive.
pub fn trap_at(pc: usize) -> Option<Trap> {
    // SAFETY: the caller's thread runs code of the range, so its module lives.
    let function = unsafe { function_at(pc) }?;
    function.sites(pc).first()?.trap
}

/// Where in a module an instruction of compiled code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Number of the module.
    pub module: u32,
    /// Of the instruction of wasm, in the module's bytes.
    pub offset: u32,
}

/// Calls `f` with the source of the trapping instruction at `pc`, or of the call whose last byte is there, and then those
/// of the calls that it is inlined in, until it says that it is enough. With none if that is not code of a function of wasm.
/// Whether it wants more.
///
/// # Safety
/// As for [`function_at`].
pub unsafe fn sources_at(pc: usize, mut f: impl FnMut(Source) -> bool) -> bool {
    // SAFETY: by the caller.
    let Some((range, function)) = (unsafe { range_and_function(pc) }) else {
        return true;
    };
    let mut sites = function.sites(pc);
    if sites.is_empty() {
        // At least the function is known.
        sites = function.traps.get(..1).unwrap_or_default();
    }
    sites
        .iter()
        .filter(|site| site.wasm_offset != 0)
        .all(|site| {
            f(Source {
                module: range.module.load(Ordering::Relaxed),
                offset: site.wasm_offset,
            })
        })
}

/// Where an exception that comes out of the call with this return address goes on, and how far the stack pointer
/// is below the frame pointer there; `None` if its function has no handler there. For the thread that runs
/// the code, which keeps it alive.
pub fn handler_at(return_address: usize) -> Option<(usize, u32)> {
    // SAFETY: the caller's thread runs code of the range, so its module lives.
    let function = unsafe { function_at(return_address) }?;
    let offset = (return_address - function.code.start) as u32;
    let found = function
        .handlers
        .binary_search_by_key(&offset, |site| site.return_address);
    let site = function.handlers.get(found.ok()?)?;
    Some((function.code.start + site.landing as usize, site.frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_registered_and_only_that() {
        let start = 0x3456_7800_0000;
        let site = |offset, trap| TrapSite {
            offset,
            trap: Some(trap),
            wasm_offset: 0,
        };
        let function = |from: usize, to: usize, traps: &[TrapSite]| PlacedFunction {
            code: start + from..start + to,
            traps: traps.into(),
            handlers: Box::default(),
        };
        let end = start + 3 * CHUNK - 5;
        let mut registration = CodeRange::new(start..end, 8)
            .and_then(Registration::new)
            .unwrap();
        assert_eq!(trap_at(start + 4), None);
        registration.add(function(0, 64, &[site(4, Trap::Unreachable)]));
        registration.add(function(
            96,
            2 * CHUNK + 9,
            &[site(2 * CHUNK as u32 - 96, Trap::DivideByZero)],
        ));
        assert_eq!(trap_at(start + 4), Some(Trap::Unreachable));
        assert_eq!(trap_at(start + 2 * CHUNK), Some(Trap::DivideByZero));
        assert_eq!(trap_at(start + 5), None);
        assert_eq!(trap_at(start + 68), None);
        assert_eq!(trap_at(start + 96 + 4), None);
        assert_eq!(trap_at(start + 2 * CHUNK + 9), None);
        assert_eq!(trap_at(start - CHUNK + 4), None);
        assert_eq!(trap_at(usize::MAX), None);
        drop(registration);
        assert_eq!(trap_at(start + 4), None);
    }
}
