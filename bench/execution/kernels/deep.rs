//! Deep recursion: a chain of frames with some state in each.

#[inline(never)]
fn walk(depth: u32, a: u64, b: u64) -> u64 {
    if depth == 0 {
        return a ^ b;
    }
    let below = walk(
        depth - 1,
        b.rotate_left(7) ^ a,
        a.wrapping_add(u64::from(depth)),
    );
    below.wrapping_mul(31) ^ a ^ (b << 1)
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut sum = u64::from(seed);
    for i in 0..8000 {
        sum = sum.wrapping_add(walk(10_000, sum, i));
    }
    (sum ^ sum >> 32) as u32
}
