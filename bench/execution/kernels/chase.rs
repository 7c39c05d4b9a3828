//! Chasing pointers through a list that is larger than the caches near the core.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    const N: usize = 1 << 17;
    let mut next: Vec<(u32, u32)> = (0..N as u32).map(|i| (i, i)).collect();
    let mut x = seed | 1;
    // One cycle through all: Sattolo.
    for i in (1..N).rev() {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let k = ((u64::from(x) * i as u64) >> 32) as usize;
        let a = next[i].0;
        next[i].0 = next[k].0;
        next[k].0 = a;
    }
    let (mut at, mut sum) = (0, 0u32);
    for _ in 0..40_000_000 {
        let (to, value) = next[at];
        sum = sum.wrapping_add(value) ^ to;
        at = to as usize;
    }
    sum
}
