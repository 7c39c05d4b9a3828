//! f64 matrices, multiplied in the plain way with bounds checks.

#[inline(never)]
fn multiply(a: &[f64], b: &[f64], c: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..n {
            let mut sum = 0.0;
            for k in 0..n {
                sum += a[i * n + k] * b[k * n + j];
            }
            c[i * n + j] = sum;
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 200;
    let mut a: Vec<f64> = (0..n * n)
        .map(|i| ((i * 7 + seed as usize) % 13) as f64)
        .collect();
    let b: Vec<f64> = (0..n * n).map(|i| ((i * 5) % 11) as f64 / 16.0).collect();
    let mut c = vec![0.0; n * n];
    let mut sum = 0.0;
    for _ in 0..40 {
        multiply(&a, &b, &mut c, n);
        sum += c[n + 1] + c[n * n - 1];
        a[3] += 1.0;
    }
    sum as u32
}
