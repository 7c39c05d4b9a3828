//! Where in a module's bytes code comes from, through bodies that were inlined.
//!
//! A location of Cranelift's is one number: an offset in the module's bytes. A body that is inlined gets numbers of its own,
//! beyond all offsets, so that the number tells what it is inlined in, too.

use super::function::Result;
use cranelift_codegen::ir::SourceLoc;

/// No module has so many bytes.
const FIRST: u32 = 1 << 31;

/// An inlined body.
struct Place {
    /// Its first number.
    first: u32,
    /// Where it begins in the module's bytes.
    start: u32,
    /// The call in whose place it is, 0 if its caller is gone.
    call: u32,
}

/// The locations of a function's code.
#[derive(Default)]
pub(super) struct Locations {
    /// Ascending by number.
    places: Vec<Place>,
    next: u32,
}

impl Locations {
    /// Adds a body of `len` bytes at `start` that is inlined in place of `call`; what its locations are more than
    /// offsets.
    pub fn add(&mut self, start: u64, len: usize, call: SourceLoc) -> Result<u32> {
        let first = FIRST + self.next;
        let start = location(start, 0)?.bits();
        self.next = u32::try_from(len)
            .ok()
            .and_then(|len| self.next.checked_add(len))
            .filter(|next| *next < FIRST - 1)
            .ok_or("too much is inlined")?;
        let call = if call.is_default() { 0 } else { call.bits() };
        self.places.push(Place { first, start, call });
        Ok(first.wrapping_sub(start))
    }

    /// The offset that a location stands for, and then those of the calls that it is inlined in, innermost first.
    pub fn offsets(&self, location: SourceLoc) -> impl Iterator<Item = u32> {
        let mut next = (!location.is_default()).then_some(location.bits());
        std::iter::from_fn(move || {
            let number = next.take()?;
            if number < FIRST {
                return Some(number);
            }
            let after = self.places.partition_point(|place| place.first <= number);
            let place = &self.places[after.checked_sub(1)?];
            next = (place.call != 0).then_some(place.call);
            Some(place.start + (number - place.first))
        })
    }
}

/// The location of an offset, in a body whose locations are `shift` more than offsets.
pub(super) fn location(offset: u64, shift: u32) -> Result<SourceLoc> {
    let offset = u32::try_from(offset).ok().filter(|offset| *offset < FIRST);
    let offset = offset.ok_or("module too large")?;
    Ok(SourceLoc::new(offset.wrapping_add(shift)))
}
