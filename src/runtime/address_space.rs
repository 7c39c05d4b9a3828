//! Address space of the process: how it is had, and how much of it may be reserved.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes in reservations, and their number, in the whole process.
static RESERVED: AtomicUsize = AtomicUsize::new(0);
static RESERVATIONS: AtomicUsize = AtomicUsize::new(0);
/// How many there may be, by what the process had of mappings when that was last looked at.
static ALLOWED: AtomicUsize = AtomicUsize::new(MOST_RESERVATIONS);
/// How many are taken until it is looked at again, which takes 0.2 µs a mapping. Most programs have no more than the first ones.
static UNTIL_LOOK: AtomicUsize = AtomicUsize::new(256);

/// How much there may be, so that something is left for all others.
pub struct Budget {
    bytes: usize,
    reservations: usize,
    /// What the process may have of mappings, reservations or not.
    mappings: usize,
}

/// Of 128 TiB that a process has.
const MOST_BYTES: usize = 118 << 40;
const MOST_RESERVATIONS: usize = 20_000;

/// What the system allows the process of a resource; `None` if that is no limit.
pub fn limit(resource: libc::__rlimit_resource_t) -> Option<usize> {
    let mut limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: writes the structure, or fails and leaves it.
    unsafe { libc::getrlimit(resource, &mut limit) };
    (limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur as usize)
}

impl Budget {
    fn get() -> &'static Self {
        static BUDGET: OnceLock<Budget> = OnceLock::new();
        BUDGET.get_or_init(|| {
            let bytes = limit(libc::RLIMIT_AS).map_or(MOST_BYTES, |limit| limit / 4);
            let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
            let mappings = mappings.and_then(|text| text.trim().parse().ok());
            let mappings = mappings.unwrap_or(65_530);
            Self {
                bytes: bytes.min(MOST_BYTES),
                // A reservation takes two mappings, one of them accessible, and others want some, too.
                reservations: MOST_RESERVATIONS.min(mappings / 3),
                mappings,
            }
        })
    }

    /// Takes a reservation of `size` bytes from the budget: is it within?
    pub fn take(size: usize) -> bool {
        let budget = Self::get();
        let bytes = RESERVED.fetch_add(size, Relaxed) + size;
        let reservations = RESERVATIONS.fetch_add(1, Relaxed) + 1;
        if UNTIL_LOOK.fetch_sub(1, Relaxed) == 1 {
            budget.look(reservations);
        }
        let within = bytes <= budget.bytes && reservations <= budget.allowed();
        if !within {
            Self::give_back(size);
        }
        within
    }

    /// Takes what an image in a reservation adds, no more than two mappings: is half of the budget left?
    pub fn take_image() -> bool {
        let within = RESERVATIONS.fetch_add(1, Relaxed) < Self::get().allowed() / 2;
        if !within {
            Self::give_back(0);
        }
        within
    }

    fn allowed(&self) -> usize {
        self.reservations.min(ALLOWED.load(Relaxed))
    }

    /// Decides how many there may be in place of the `reservations` that there are. Others take mappings as well, and V8 ends
    /// the process where it gets none.
    fn look(&self, reservations: usize) {
        let most = self.mappings - self.mappings / 16;
        let taken = mappings().unwrap_or(2 * reservations);
        let room = most.saturating_sub(taken) / 3;
        ALLOWED.store(reservations + room, Relaxed);
        UNTIL_LOOK.store((room / 8).max(1_000), Relaxed);
    }

    /// Gives back what was taken; of an image's, that has no size.
    pub fn give_back(size: usize) {
        RESERVED.fetch_sub(size, Relaxed);
        RESERVATIONS.fetch_sub(1, Relaxed);
    }
}

/// Maps `size` bytes of zeros.
pub fn map(size: usize, protection: libc::c_int) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, wherever the system has room for it.
    let base = unsafe { libc::mmap(null_mut(), size, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(base.cast())
}

/// What Node needs of address space to go on: on Node 20 some 350 MiB, for heaps that V8 marks, stacks of threads, and 64 MiB
/// for each thread that asks the allocator. Without them V8 ends the process, even in its collector by a wrong access.
const NODE: usize = 352 << 20;

/// Would something be left for others, V8's heap, stacks of threads, and the allocator, if a guest had `more` bytes of the
/// addresses that are taken already? What these cannot have ends the process. So where the system limits that, a quarter is kept from guests.
pub fn has_room(more: usize) -> bool {
    // What is kept of addresses, and of what may be written.
    static ROOM: OnceLock<[Option<usize>; 2]> = OnceLock::new();
    let [addresses, data] = *ROOM.get_or_init(|| {
        let quarter = |resource| limit(resource).map(|limit| limit / 4);
        let addresses = quarter(libc::RLIMIT_AS).map(|room| room.max(NODE));
        [addresses, quarter(libc::RLIMIT_DATA)]
    });
    let can_map = |size: usize, protection| {
        let Ok(base) = map(size, protection) else {
            return false;
        };
        // SAFETY: just mapped.
        unsafe { libc::munmap(base.cast(), size) };
        true
    };
    addresses.is_none_or(|room| can_map(room, libc::PROT_NONE))
        && data.is_none_or(|room| {
            can_map(
                more.saturating_add(room),
                libc::PROT_READ | libc::PROT_WRITE,
            )
        })
}

/// How many mappings the process has.
fn mappings() -> Option<usize> {
    let mut maps = File::open("/proc/self/maps").ok()?;
    let mut buffer = [0; 4096];
    let mut lines = 0;
    loop {
        match maps.read(&mut buffer).ok()? {
            0 => return Some(lines),
            read => lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count(),
        }
    }
}

/// Bytes of address space that the process has taken.
pub fn size() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next()?.parse::<usize>().ok());
    pages.unwrap_or(0).saturating_mul(region::page::size())
}

/// Are all addresses from `start` to `end` taken, and those from `accessible` on out of everybody's reach?
pub fn is_reserved(start: usize, accessible: usize, end: usize) -> bool {
    const MAPS: &str = "/proc/self/maps";
    // Kept open: that takes as long as the answers.
    static ASKED: OnceLock<Option<File>> = OnceLock::new();
    let Some(maps) = ASKED.get_or_init(|| File::open(MAPS).ok()) else {
        return false;
    };
    let goes_on = |first: Option<Mapped>, next: &dyn Fn(usize) -> Option<Mapped>| {
        let mut part = first;
        while let Some(Mapped { end: at, .. }) =
            part.filter(|part| part.end <= accessible || part.is_closed)
        {
            if at >= end {
                return true;
            }
            part = next(at);
        }
        false
    };
    match Mapped::ask(maps, start) {
        // Where the system answers no questions, all that is mapped has to be read, which takes long where that is much.
        Err(error) if error.raw_os_error() != Some(libc::ENOENT) => {
            let all = File::open(MAPS).ok().and_then(Mapped::read);
            all.is_some_and(|all| {
                let at = |at| {
                    let after = all.partition_point(|part| part.end <= at);
                    all.get(after).filter(|part| part.start <= at).copied()
                };
                goes_on(at(start), &at)
            })
        }
        first => goes_on(first.ok(), &|at| Mapped::ask(maps, at).ok()),
    }
}

/// Some addresses that are taken.
#[derive(Clone, Copy)]
struct Mapped {
    start: usize,
    end: usize,
    /// Can nobody read or write there?
    is_closed: bool,
}

impl Mapped {
    /// Those that `at` is one of: an error if it is not taken, or (another one) if the system does not tell, as before
    /// Linux 6.11.
    fn ask(maps: &File, at: usize) -> io::Result<Self> {
        /// `struct procmap_query`: the words and half words after those that are named are not wanted.
        #[repr(C)]
        #[derive(Default)]
        struct Query {
            size: u64,
            flags: u64,
            at: u64,
            start: u64,
            end: u64,
            access: u64,
            others: [u64; 7],
        }
        /// `PROCMAP_QUERY`, which is `_IOWR('f', 17, struct procmap_query)`.
        const ASK: libc::Ioctl =
            3 << 30 | (size_of::<Query>() as libc::Ioctl) << 16 | (b'f' as libc::Ioctl) << 8 | 17;
        /// Reading, writing and executing.
        const ACCESS: u64 = 7;
        let mut query = Query {
            size: size_of::<Query>() as u64,
            at: at as u64,
            ..Query::default()
        };
        // SAFETY: an open file; the system writes into the structure, whose size it knows.
        if unsafe { libc::ioctl(maps.as_raw_fd(), ASK, &mut query) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: query.start as usize,
            end: query.end as usize,
            is_closed: query.access & ACCESS == 0,
        })
    }

    /// All that is taken, in order.
    fn read(mut maps: File) -> Option<Vec<Self>> {
        let mut text = String::new();
        maps.read_to_string(&mut text).ok()?;
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let part = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (start, end) = range.split_once('-')?;
            Some(Self {
                start: number(start)?,
                end: number(end)?,
                is_closed: rest.starts_with("---"),
            })
        };
        text.lines().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_known_in_both_ways() {
        const PAGE: usize = 4096;
        let base = map(8 * PAGE, libc::PROT_NONE).unwrap();
        // SAFETY: pages of a mapping that is this test's own.
        unsafe {
            let open = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(base.cast(), 2 * PAGE, open), 0);
            let hole = base.wrapping_add(6 * PAGE).cast();
            assert_eq!(libc::munmap(hole, PAGE), 0);
        }
        let start = base.addr();
        let at = |page: usize| start + page * PAGE;
        assert!(is_reserved(start, at(2), at(6)));
        assert!(is_reserved(at(2), at(2), at(6)));
        assert!(!is_reserved(start, at(1), at(6)), "accessible");
        assert!(!is_reserved(start, at(2), at(7)), "a hole");
        let maps = || File::open("/proc/self/maps").unwrap();
        let all = Mapped::read(maps()).unwrap();
        for page in [0, 1, 2, 5, 7] {
            let one = all
                .iter()
                .find(|part| (part.start..part.end).contains(&at(page)));
            let one = one.unwrap();
            assert_eq!(one.is_closed, page >= 2);
            match Mapped::ask(&maps(), at(page)) {
                Ok(same) => {
                    assert_eq!((same.start, same.end), (one.start, one.end));
                    assert_eq!(same.is_closed, one.is_closed);
                }
                Err(error) => assert_eq!(error.raw_os_error(), Some(libc::ENOTTY)),
            }
        }
    }
}
