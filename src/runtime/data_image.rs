//! Data segments as pages of a file in memory, which a new memory maps in place of a copy: pages that nobody writes to are
//! there once for all instances of a module.

use super::address_space::limit;
use super::fault::{self, Site};
use crate::arch;
use crate::module::{ConstExpr, DataSegment, Module, Place, SegmentMode};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Fewer bytes are copied in less time.
const LEAST: usize = 64 << 10;
/// Files at most, and their part of those that the process may have open: the others are the program's.
const MOST_FILES: usize = 128;
const PART_OF_FILES: usize = 8;

/// What all active data segments of a module make of its first memory.
#[derive(Debug)]
pub struct DataImage {
    id: u64,
    file: File,
    _descriptor: Descriptor,
    /// Whole pages of the memory. The file has no others.
    pages: Range<usize>,
}

impl DataImage {
    /// The image of a module whose active segments all have a constant place in a memory of its own and fit there; `None`
    /// also if it would not pay, or there is no file to be had.
    fn new(module: &Module) -> Option<Self> {
        let bytes = extent(module)?;
        let page = region::page::size();
        let pages = bytes.start / page * page..bytes.end.next_multiple_of(page);
        if limit(libc::RLIMIT_FSIZE).is_some_and(|most| most < pages.len()) {
            return None;
        }
        let descriptor = Descriptor::take()?;
        let mut contents = Vec::new();
        contents.try_reserve_exact(pages.len()).ok()?;
        contents.resize(pages.len(), 0);
        for (segment, place) in active(module) {
            // Those that have nothing may be elsewhere.
            if segment.bytes.is_empty() {
                continue;
            }
            let start = (constant(place)? as usize).checked_sub(pages.start)?;
            let bytes = module.bytes.get(segment.bytes.clone())?;
            contents
                .get_mut(start..)?
                .get_mut(..bytes.len())?
                .copy_from_slice(bytes);
        }
        static NEXT: AtomicU64 = AtomicU64::new(1);
        fault::check(Site::DataImage).ok()?;
        let file = arch::memory_file(c"wrt-data").ok()?;
        file.write_all_at(&contents, 0).ok()?;
        Some(Self {
            id: NEXT.fetch_add(1, Relaxed),
            file,
            _descriptor: descriptor,
            pages,
        })
    }

    /// Its number, by which the process knows it. It is not 0.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The bytes of the memory that it has, whole pages.
    pub fn pages(&self) -> Range<usize> {
        self.pages.clone()
    }

    /// Maps it into a memory that begins at `base`. After an error nothing may be there.
    ///
    /// # Safety
    /// These pages are a mapping that nobody uses; they are replaced.
    pub unsafe fn map(&self, base: *mut u8) -> io::Result<()> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_NORESERVE;
        let place = base.wrapping_add(self.pages.start).cast();
        let (len, file) = (self.pages.len(), self.file.as_raw_fd());
        // SAFETY: by the caller, the place may be replaced; what is written there stays out of the file.
        match unsafe { libc::mmap(place, len, protection, flags, file, 0) } {
            libc::MAP_FAILED => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

/// The right to one more file.
#[derive(Debug)]
struct Descriptor;

static DESCRIPTORS: AtomicUsize = AtomicUsize::new(0);

impl Descriptor {
    fn take() -> Option<Self> {
        let most = limit(libc::RLIMIT_NOFILE).map_or(MOST_FILES, |most| most / PART_OF_FILES);
        let taken = DESCRIPTORS.fetch_add(1, Relaxed);
        // Given back at once if it is one too many.
        let descriptor = Self;
        (taken < most.min(MOST_FILES)).then_some(descriptor)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        DESCRIPTORS.fetch_sub(1, Relaxed);
    }
}

/// The active segments.
fn active(module: &Module) -> impl Iterator<Item = (&DataSegment, &Place)> {
    module
        .data
        .iter()
        .filter_map(|segment| match &segment.mode {
            SegmentMode::Active(place) => Some((segment, place)),
            _ => None,
        })
}

/// An offset that is a constant.
fn constant(place: &Place) -> Option<u64> {
    match place.offset {
        ConstExpr::I32(offset) => Some(u64::from(offset as u32)),
        ConstExpr::I64(offset) => Some(offset as u64),
        _ => None,
    }
}

/// The bytes of the first memory from the start of the first segment to the end of the last one.
fn extent(module: &Module) -> Option<Range<usize>> {
    let memory = module.memories.first()?;
    if module.imported_memories > 0 || memory.shared {
        return None;
    }
    let size = memory.limits.min.checked_shl(memory.page_bits.into())?;
    let (mut start, mut end, mut sum) = (u64::MAX, 0, 0);
    for (segment, place) in active(module) {
        let first = constant(place)?;
        let behind = first.checked_add(segment.bytes.len() as u64)?;
        if place.index != 0 || behind > size {
            return None;
        }
        sum += segment.bytes.len();
        if !segment.bytes.is_empty() {
            (start, end) = (start.min(first), end.max(behind));
        }
    }
    let extent = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
    // Gaps take pages as well.
    (sum >= LEAST && extent.len() <= 2 * sum).then_some(extent)
}

/// The image of a module, once that is worth it.
#[derive(Debug, Default)]
pub struct LazyDataImage {
    instantiated: AtomicBool,
    image: OnceLock<Option<DataImage>>,
}

impl LazyDataImage {
    /// For one more instance of `module`. The first one copies the segments, which takes no longer than to make an image.
    pub(super) fn next(&self, module: &Module) -> Option<&DataImage> {
        let again = self.instantiated.swap(true, Relaxed);
        again
            .then(|| self.image.get_or_init(|| DataImage::new(module)).as_ref())
            .flatten()
    }

    /// The image, if it was made.
    pub(super) fn made(&self) -> Option<&DataImage> {
        self.image.get()?.as_ref()
    }
}
