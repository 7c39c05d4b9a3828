//! f64 in registers, a loop that cannot be vectorised.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let size = 700;
    let mut sum = seed;
    for y in 0..size {
        for x in 0..size {
            let (cr, ci) = (
                3.0 * f64::from(x) / f64::from(size) - 2.0,
                2.0 * f64::from(y) / f64::from(size) - 1.0,
            );
            let (mut r, mut i, mut n) = (0.0, 0.0, 0u32);
            while n < 300 && r * r + i * i < 4.0 {
                (r, i) = (r * r - i * i + cr, 2.0 * r * i + ci);
                n += 1;
            }
            sum = sum.wrapping_mul(31).wrapping_add(n);
        }
    }
    sum
}
