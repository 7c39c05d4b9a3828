//! Address space with an accessible prefix: what memories lie in.

use super::account::Account;
use super::address_space::{Budget, has_room, map};
use super::blocks;
use super::data_image::DataImage;
use super::fault::{self, Site};
use super::limits::{Resource, Share};
use super::spare::{self, Shape};
use std::cell::Cell;
use std::io;

/// A piece of address space. It can outlive its memory: whoever shows its bytes keeps it mapped.
#[derive(Debug)]
pub struct Mapping {
    base: *mut u8,
    reserved: Cell<usize>,
    accessible: Cell<usize>,
    /// The accessible bytes, as they count for the process.
    share: Share,
    discarded: Cell<bool>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A reservation of this shape at first, of which the prefix is accessible: that of a new memory, and as much from
    /// the start if another memory had it before.
    Reservation { shape: Shape, opened: usize },
    /// All of it can be used, though only the prefix is.
    Plain,
    /// The same, cut from something larger.
    Block,
}

impl Mapping {
    /// Reserves `size` bytes of which the first `accessible` can be used; both multiples of the page size.
    pub fn reserved(size: usize, accessible: usize) -> io::Result<Self> {
        fault::check(Site::MemoryReservation)?;
        let shape = Shape {
            size,
            accessible,
            image: 0,
        };
        match spare::take(shape) {
            Some(base) => Self::of_shape(base, shape, accessible),
            None => Self::of_shape(Self::reserve(size)?, shape, 0),
        }
    }

    /// The same with an image of a part of the accessible bytes.
    pub fn with_image(size: usize, accessible: usize, image: &DataImage) -> io::Result<Self> {
        fault::check(Site::DataImage)?;
        let shape = Shape {
            size,
            accessible,
            image: image.id(),
        };
        if let Some(base) = spare::take(shape) {
            return Self::of_shape(base, shape, accessible);
        }
        let mut mapping = Self::reserved(size, accessible)?;
        if image.pages().end > accessible || !Budget::take_image() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // SAFETY: accessible pages of the new mapping, by the comparison above.
        if let Err(error) = unsafe { image.map(mapping.base) } {
            // Pages may be missing, so nobody shall have it again: it is unmapped.
            mapping.kind = Kind::Plain;
            shape.give_back();
            return Err(error);
        }
        let opened = accessible;
        mapping.kind = Kind::Reservation { shape, opened };
        Ok(mapping)
    }

    fn of_shape(base: *mut u8, shape: Shape, opened: usize) -> io::Result<Self> {
        let kind = Kind::Reservation { shape, opened };
        let share = Share::none(Resource::MemoryBytes);
        Self::new(base, shape.size, shape.accessible, kind, share)
    }

    /// Was it made with an image?
    pub fn has_image(&self) -> bool {
        matches!(self.kind, Kind::Reservation { shape, .. } if shape.image != 0)
    }

    fn reserve(size: usize) -> io::Result<*mut u8> {
        if !Budget::take(size) {
            // Those of other shapes may have taken it.
            spare::clear();
            if !Budget::take(size) {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
        }
        map(size, libc::PROT_NONE).inspect_err(|_| Budget::give_back(size))
    }

    /// The same without inaccessible addresses behind it: no more than have room for `size` bytes, if possible.
    pub fn plain(size: usize, accessible: usize) -> io::Result<Self> {
        Self::plain_with(size, accessible, Share::none(Resource::MemoryBytes))
    }

    /// A plain one that takes the place of this one, which outgrew its size. What was counted for this one is counted
    /// for that: a memory counts once, wherever buffers still show where it was.
    pub fn larger(&self, size: usize, accessible: usize) -> io::Result<Self> {
        let mapping = Self::plain_with(size, 0, self.share.sibling())?;
        let before = self.accessible.get();
        self.share.move_to(&mapping.share);
        mapping.show(before);
        let extended = mapping.extend(accessible);
        if extended.is_err() {
            mapping.share.move_to(&self.share);
        }
        extended.map(|()| mapping)
    }

    fn plain_with(size: usize, accessible: usize, share: Share) -> io::Result<Self> {
        if let Some(block) = blocks::take(size) {
            let (base, size) = block?;
            return Self::new(base, size, accessible, Kind::Block, share);
        }
        let base = map(size, libc::PROT_READ | libc::PROT_WRITE)?;
        Self::new(base, size, accessible, Kind::Plain, share)
    }

    fn new(
        base: *mut u8,
        size: usize,
        accessible: usize,
        kind: Kind,
        share: Share,
    ) -> io::Result<Self> {
        Account::update(|account| {
            account.memories += 1;
            account.reserved += size;
        });
        let mapping = Self {
            base,
            reserved: Cell::new(size),
            accessible: Cell::new(0),
            share,
            discarded: Cell::new(false),
            kind,
        };
        mapping.extend(accessible)?;
        Ok(mapping)
    }

    /// First byte. Valid while the mapping lives.
    pub fn base(&self) -> *mut u8 {
        self.base
    }

    /// Makes the first `size` bytes accessible, a multiple of the page size; new ones are zero.
    pub fn extend(&self, size: usize) -> io::Result<()> {
        let before = self.accessible.get();
        if size > self.reserved.get() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if size <= before {
            return Ok(());
        }
        fault::check(Site::MemoryPages)?;
        let closed = match self.kind {
            Kind::Reservation { opened, .. } => before.max(opened).min(size),
            Kind::Plain | Kind::Block => size,
        };
        if !has_room(size - closed) || !self.share.extend(size - before) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.open(closed, size - closed)
            .inspect_err(|_| self.share.release(size - before))?;
        self.show(size);
        Ok(())
    }

    /// Lets `len` bytes of it be read and written.
    fn open(&self, start: usize, len: usize) -> io::Result<()> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let start = self.base.wrapping_add(start).cast();
        // SAFETY: pages of this mapping, as the caller has seen to.
        if len > 0 && unsafe { libc::mprotect(start, len, protection) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// The first `size` bytes are accessible now.
    fn show(&self, size: usize) {
        let before = self.accessible.replace(size);
        Account::update(|account| account.bytes += size - before);
    }

    /// Gives the address space behind the accessible prefix back. Nothing of it may be used any more: no
    /// guest can reach the memory, and none will grow it.
    pub fn trim(&self) {
        if let Kind::Block = self.kind {
            return;
        }
        let (reserved, accessible) = (self.reserved.get(), self.accessible.get());
        let tail = self.base.wrapping_add(accessible).cast();
        // SAFETY: the end of this mapping, which nobody uses by the above. A failure leaves it as it is.
        if reserved > accessible && unsafe { libc::munmap(tail, reserved - accessible) } == 0 {
            self.reserved.set(accessible);
            Account::update(|account| account.reserved -= reserved - accessible);
        }
    }

    /// Gives back all that can be given back while the accessible prefix stays mapped: for a host that
    /// believes that nobody reads it any more but has yet to be told so. Whoever does reads zeros, or what an image has.
    pub fn discard(&self) {
        self.trim();
        if self.discarded.replace(true) {
            return;
        }
        let accessible = self.accessible.get();
        if accessible > 0 {
            // SAFETY: a part of this mapping, which keeps its protection. A failure leaves it as it is.
            unsafe { libc::madvise(self.base.cast(), accessible, libc::MADV_DONTNEED) };
        }
        self.share.release(accessible);
        Account::update(|account| {
            account.memories -= 1;
            account.bytes -= accessible;
        });
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.discarded.get() {
            Account::update(|account| {
                account.memories -= 1;
                account.bytes -= self.accessible.get();
            });
        }
        let reserved = self.reserved.get();
        Account::update(|account| account.reserved -= reserved);
        // SAFETY: what is left of the mapping, of its size and kind, and nobody refers to it any more.
        unsafe {
            match self.kind {
                Kind::Block => return blocks::give_back(self.base, reserved),
                Kind::Reservation { shape, opened } if reserved == shape.size => {
                    let accessible = self.accessible.get().max(opened);
                    return spare::give_back(self.base, shape, accessible);
                }
                _ if reserved > 0 => libc::munmap(self.base.cast(), reserved),
                _ => 0,
            };
        }
        if let Kind::Reservation { shape, .. } = self.kind {
            shape.give_back();
        }
    }
}
