//! Bytes of a large array: the sieve of Eratosthenes.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 4_000_000 + (seed & 1) as usize;
    let mut sum = 0u32;
    for _ in 0..8 {
        let mut composite = vec![false; n];
        let mut i = 2;
        while i * i < n {
            if !composite[i] {
                let mut k = i * i;
                while k < n {
                    composite[k] = true;
                    k += i;
                }
            }
            i += 1;
        }
        sum = sum.wrapping_mul(3) + composite[2..].iter().filter(|c| !**c).count() as u32;
    }
    sum
}
