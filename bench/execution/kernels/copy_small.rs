//! memory.copy and memory.fill of few bytes, of lengths that are not known before.

#[inline(never)]
fn copy(to: &mut [u8], from: &[u8]) {
    to.copy_from_slice(from);
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut data: Vec<u8> = (0..1 << 16).map(|i: u32| (i ^ seed) as u8).collect();
    let mut x = seed | 1;
    for _ in 0..8_000_000 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (length, from, to) = (
            (x >> 27) as usize,
            (x >> 8) as usize & 0x7fff,
            (x >> 12) as usize & 0x7fff,
        );
        let (low, high) = data.split_at_mut(1 << 15);
        copy(
            &mut high[to.min(0x7fe0)..][..length],
            &low[from.min(0x7fe0)..][..length],
        );
        low[to.min(0x7fe0)..][..length & 15].fill(length as u8);
    }
    data.iter().fold(0, |sum: u32, b| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*b))
    })
}
