//! Where a function should begin, so that none of its short loops has a line more of the cache of instructions than it needs.
//!
//! A loop of some 30 bytes takes two cycles a round where it crosses from one line to the next, and else one. Cranelift aligns
//! no loops, but each place of the function in a line puts other ones across. A large function, whose loops want different
//! places, is left where it comes: which of them matters is not known.

use cranelift_codegen::binemit::CodeOffset;

/// Bytes of a line.
pub const LINE: u32 = 64;
/// Size of loops (bytes) beyond which a line more does not count.
const SHORT: u32 = 2 * LINE;
/// Distance of the places that are tried first.
const STEP: usize = 8;

/// Bytes by which the function should begin behind the start of a line; `None` if it does not matter, or no place is right for
/// all loops. `starts` are those of its basic blocks.
pub fn place(code: &[u8], starts: &[CodeOffset]) -> Option<u32> {
    let mut starts = starts.to_vec();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).copied().chain([code.len() as u32]);
    // What is around another loop has more to do, and seldom begins anew.
    let mut last_head = 0;
    let loops: Vec<(u32, u32)> = ends
        .flat_map(|end| branches_back(code, end))
        .filter(|(head, end)| end - head <= SHORT && starts.binary_search(head).is_ok())
        .filter(|(head, _)| {
            last_head = last_head.max(*head);
            *head == last_head
        })
        .collect();
    let lines = |head: u32, end: u32| (end - 1) / LINE - head / LINE;
    let suits = |place: &u32| {
        loops
            .iter()
            .all(|(head, end)| lines(place + head, place + end) == lines(0, end - head))
    };
    let places = || (0..LINE).step_by(STEP).chain(0..LINE);
    (!loops.is_empty()).then(|| places().find(suits))?
}

/// The loops that the branches at the end of a block close: each from its head to behind the branch. There may be a
/// conditional branch, an unconditional one, or both, in this order.
fn branches_back(code: &[u8], end: u32) -> impl Iterator<Item = (u32, u32)> {
    let jump = branch(code, end, &[0xe9]);
    let before = if jump.is_some() { end - 5 } else { end };
    let conditional = (0x80..=0x8f).find_map(|condition| branch(code, before, &[0x0f, condition]));
    let back = |target: Option<i64>, end: u32| {
        let head = u32::try_from(target?).ok()?;
        (head < end).then_some((head, end))
    };
    [back(conditional, before), back(jump, end)]
        .into_iter()
        .flatten()
}

/// The target of a branch with this opcode that ends at `end`.
fn branch(code: &[u8], end: u32, opcode: &[u8]) -> Option<i64> {
    let before = code.get(..end as usize)?;
    let (rest, distance) = before.split_last_chunk::<4>()?;
    rest.ends_with(opcode)
        .then(|| i64::from(end) + i64::from(i32::from_le_bytes(*distance)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code of `size` bytes with loops, each from its head to behind a branch of the given opcode; and starts of its blocks.
    fn code(size: usize, loops: &[(u32, u32, &[u8])]) -> (Vec<u8>, Vec<CodeOffset>) {
        let mut code = vec![0x90; size];
        let mut starts = vec![0];
        for &(head, end, opcode) in loops {
            let branch = [opcode, &(head as i32 - end as i32).to_le_bytes()].concat();
            code[end as usize - branch.len()..end as usize].copy_from_slice(&branch);
            starts.extend([head, end]);
        }
        starts.sort_unstable();
        starts.dedup();
        (code, starts)
    }

    #[test]
    fn a_short_loop_lies_in_one_line() {
        for opcode in [&[0x0f, 0x82][..], &[0xe9]] {
            let (code, starts) = code(100, &[(40, 80, opcode)]);
            assert_eq!(place(&code, &starts), Some(24));
        }
    }

    #[test]
    fn a_loop_that_fills_a_line_has_one_whatever_is_around_it() {
        let less: &[u8] = &[0x0f, 0x82];
        let (code, starts) = code(100, &[(11, 75, less), (8, 85, less)]);
        assert_eq!(place(&code, &starts), Some(53));
    }

    #[test]
    fn a_longer_one_has_as_few_lines_as_it_can() {
        let less: &[u8] = &[0x0f, 0x82];
        let (first, starts) = code(200, &[(6, 126, less), (80, 100, less)]);
        assert_eq!(place(&first, &starts), Some(0));
        let (code, starts) = code(200, &[(9, 135, less)]);
        assert_eq!(place(&code, &starts), Some(56));
    }

    #[test]
    fn other_functions_have_no_place() {
        let (far, starts) = code(1000, &[(100, 900, &[0xe9])]);
        assert_eq!(place(&far, &starts), None);
        let (forward, starts) = (vec![0xe9, 0, 0, 0, 0, 0x90], vec![0, 5]);
        assert_eq!(place(&forward, &starts), None);
        assert_eq!(place(&[], &[]), None);
        // No place is right for both.
        let (both, starts) = code(200, &[(0, 60, &[0xe9]), (100, 160, &[0xe9])]);
        assert_eq!(place(&both, &starts), None);
        // What looks like a branch to where no block begins.
        let (code, _) = code(100, &[(40, 80, &[0xe9])]);
        assert_eq!(place(&code, &[0, 80]), None);
    }
}
