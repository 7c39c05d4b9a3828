//! Reservations that memories have left, for the next ones that want the same: a program that makes instances again and
//! again then takes no more address space than at first, and the system has less to do.
//!
//! What lies here from one collection of the host to the next was not wanted, and is given back to the system.

use super::address_space::Budget;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// What a reservation is like when nobody has written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Its bytes.
    pub size: usize,
    /// How many of them are accessible. The rest never was, or is not any more.
    pub accessible: usize,
    /// Number of the [`DataImage`](super::data_image::DataImage) that is mapped in it, 0 for none.
    pub image: u64,
}

impl Shape {
    /// Gives back what one of them takes of the budget.
    pub fn give_back(self) {
        Budget::give_back(self.size);
        if self.image != 0 {
            Budget::give_back(0);
        }
    }
}

/// Reservations of one shape, the latest last.
#[derive(Default)]
struct Spares {
    bases: Vec<usize>,
    /// How many of them have lain there since [`retire`].
    idle: usize,
}

static SPARES: LazyLock<Mutex<HashMap<Shape, Spares>>> = LazyLock::new(Mutex::default);

fn with<R>(f: impl FnOnce(&mut HashMap<Shape, Spares>) -> R) -> R {
    // They are whole between any two operations.
    f(&mut SPARES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A reservation of this shape, the accessible bytes of which can be read and written; they are those of the image, or zero.
/// The others fault. It is within the budget.
pub fn take(shape: Shape) -> Option<*mut u8> {
    with(|spares| {
        let spares = spares.get_mut(&shape)?;
        let base = spares.bases.pop()?;
        spares.idle = spares.idle.min(spares.bases.len());
        Some(std::ptr::with_exposed_provenance_mut(base))
    })
}

/// Takes a whole reservation back, `accessible` bytes of which can be used, so that it has its shape the next time.
///
/// # Safety
/// A reservation that was made with this shape and is within the budget, and nobody refers to it any more.
pub unsafe fn give_back(base: *mut u8, shape: Shape, accessible: usize) {
    let keep = shape.accessible.min(accessible);
    let beyond = base.wrapping_add(keep).cast();
    // SAFETY: pages of the reservation, which nobody uses. They read as they did at
    // first afterwards.
    let is_clean = unsafe {
        libc::madvise(base.cast(), accessible, libc::MADV_DONTNEED) == 0
            && (keep == accessible
                || libc::mprotect(beyond, accessible - keep, libc::PROT_NONE) == 0)
    };
    if !is_clean {
        // SAFETY: as the caller says.
        return unsafe { unmap(base.expose_provenance(), shape) };
    }
    with(|spares| {
        let shape = Shape {
            accessible: keep,
            ..shape
        };
        let spares = spares.entry(shape).or_default();
        spares.bases.push(base.expose_provenance());
    });
}

/// Gives those back to the system that have lain here since the last call.
pub fn retire() {
    with(|all| {
        all.retain(|shape, spares| {
            for base in spares.bases.drain(..spares.idle) {
                // SAFETY: it was here, so nobody uses it.
                unsafe { unmap(base, *shape) };
            }
            spares.idle = spares.bases.len();
            spares.idle > 0
        });
    });
}

/// Gives all of them back to the system.
pub fn clear() {
    retire();
    retire();
}

/// # Safety
/// A reservation that is within the budget, and nobody refers to it any more.
unsafe fn unmap(base: usize, shape: Shape) {
    // SAFETY: as the caller says.
    unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(base), shape.size) };
    shape.give_back();
}

#[cfg(test)]
mod tests {
    use super::super::mapping::Mapping;

    const PAGE: usize = 65_536;
    /// A size that no memory has: other tests run at the same time.
    const SIZE: usize = 37 * PAGE;

    #[test]
    fn what_was_left_is_used_again_as_if_it_were_new() {
        let mapping = Mapping::reserved(SIZE, PAGE).unwrap();
        mapping.extend(5 * PAGE).unwrap();
        let base = mapping.base();
        // SAFETY: accessible bytes of the mapping.
        unsafe { base.write_bytes(1, 5 * PAGE) };
        drop(mapping);
        let mapping = Mapping::reserved(SIZE, PAGE).unwrap();
        assert_eq!(mapping.base(), base);
        for size in [1, 5, 6] {
            mapping.extend(size * PAGE).unwrap();
            // SAFETY: as above.
            let bytes = unsafe { std::slice::from_raw_parts(base, size * PAGE) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            assert!(!is_readable(base.wrapping_add(size * PAGE)));
        }
        // One that was cut short is not whole any more.
        mapping.trim();
        drop(mapping);
        let [one, two] = [PAGE, 2 * PAGE].map(|size| Mapping::reserved(SIZE, size).unwrap());
        assert!(is_readable(one.base()) && !is_readable(one.base().wrapping_add(PAGE)));
        assert!(is_readable(two.base().wrapping_add(PAGE)));
    }

    /// Can the system read a byte there?
    fn is_readable(at: *const u8) -> bool {
        // SAFETY: an address that the system looks at for itself.
        unsafe { libc::access(at.cast(), libc::F_OK) };
        std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
    }
}
