//! Long integers: products of 32-bit limbs with carries.

#[inline(never)]
fn multiply(a: &[u32], b: &[u32], out: &mut [u32]) {
    out.fill(0);
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0u64;
        for (y, o) in b.iter().zip(&mut out[i..]) {
            let t = u64::from(*x) * u64::from(*y) + u64::from(*o) + carry;
            *o = t as u32;
            carry = t >> 32;
        }
        out[i + b.len()] = carry as u32;
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 128;
    let mut a: Vec<u32> = (0..n as u32)
        .map(|i| i.wrapping_mul(2_654_435_761) ^ seed)
        .collect();
    let b: Vec<u32> = (0..n as u32)
        .map(|i| i.wrapping_mul(0x9e37_79b9) | 1)
        .collect();
    let mut out = vec![0; 2 * n];
    for _ in 0..14_000 {
        multiply(&a, &b, &mut out);
        a.copy_from_slice(&out[n / 2..n / 2 + n]);
    }
    out.iter().fold(0, |x, y| x ^ y)
}
