//! f32x4: a matrix product in blocks of four columns.
//! features: simd128

use std::arch::wasm32::*;

#[inline(never)]
fn multiply(a: &[f32], b: &[f32], c: &mut [f32], n: usize) {
    for i in 0..n {
        for j in (0..n).step_by(8) {
            let (mut low, mut high) = (f32x4_splat(0.0), f32x4_splat(0.0));
            for k in 0..n {
                let x = f32x4_splat(a[i * n + k]);
                let row = &b[k * n + j..][..8];
                // SAFETY: eight values are there.
                unsafe {
                    low = f32x4_add(low, f32x4_mul(x, v128_load(row.as_ptr().cast())));
                    high = f32x4_add(high, f32x4_mul(x, v128_load(row[4..].as_ptr().cast())));
                }
            }
            let place = &mut c[i * n + j..][..8];
            // SAFETY: as above.
            unsafe {
                v128_store(place.as_mut_ptr().cast(), low);
                v128_store(place[4..].as_mut_ptr().cast(), high);
            }
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 256;
    let mut a: Vec<f32> = (0..n * n)
        .map(|i| ((i * 7 + seed as usize) % 13) as f32)
        .collect();
    let b: Vec<f32> = (0..n * n).map(|i| ((i * 5) % 11) as f32 / 16.0).collect();
    let mut c = vec![0.0; n * n];
    let mut sum = 0.0;
    for _ in 0..80 {
        multiply(&a, &b, &mut c, n);
        sum += c[n + 1] + c[n * n - 1];
        a[3] += 1.0;
    }
    sum as u32
}
