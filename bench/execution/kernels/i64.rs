//! 64-bit integers: powers modulo a prime, greatest common divisors, bits.

fn power(mut base: u64, mut exponent: u64, modulus: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    result
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while a != 0 {
        let zeros = a.trailing_zeros();
        a >>= zeros;
        if a < b {
            (a, b) = (b, a);
        }
        a -= b;
    }
    b
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = u64::from(seed) | 0x9e37_79b9_7f4a_7c15;
    let mut sum = 0u64;
    for _ in 0..350_000 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum = sum.wrapping_add(power(x & 0x7fff_ffff, x >> 40, 2_147_483_647));
        sum ^= gcd(x | 1, x.rotate_left(21) | 1);
        sum = sum.rotate_left(x.count_ones()) ^ x.leading_zeros() as u64;
    }
    (sum ^ sum >> 32) as u32
}
