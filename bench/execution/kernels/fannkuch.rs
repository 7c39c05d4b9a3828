//! Permutations of a small array.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 9 + (seed >> 31) as usize;
    let (mut flips, mut checksum) = (0u32, 0u32);
    for _ in 0..12 {
        let mut p: [u8; 16] = std::array::from_fn(|i| i as u8);
        let mut count = [0usize; 16];
        let mut r = n;
        let mut even = true;
        'all: loop {
            while r != 1 {
                count[r - 1] = r;
                r -= 1;
            }
            let mut q = p;
            let mut f = 0;
            while q[0] != 0 {
                let k = q[0] as usize;
                q[..=k & 15].reverse();
                f += 1;
            }
            flips = flips.max(f);
            checksum = if even {
                checksum.wrapping_add(f)
            } else {
                checksum.wrapping_sub(f)
            };
            even = !even;
            loop {
                if r == n {
                    break 'all;
                }
                let first = p[0];
                p.copy_within(1..=r, 0);
                p[r] = first;
                count[r] -= 1;
                if count[r] > 0 {
                    break;
                }
                r += 1;
            }
        }
    }
    checksum.wrapping_mul(64) + flips
}
