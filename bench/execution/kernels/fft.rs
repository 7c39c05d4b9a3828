//! f64 with strides: fast Fourier transforms.

fn transform(re: &mut [f64], im: &mut [f64], sines: &[f64]) {
    let n = re.len();
    let mut k = 0;
    for i in 1..n {
        let mut bit = n >> 1;
        while k & bit != 0 {
            k ^= bit;
            bit >>= 1;
        }
        k ^= bit;
        if i < k {
            re.swap(i, k);
            im.swap(i, k);
        }
    }
    let mut length = 2;
    while length <= n {
        let step = n / length;
        for start in (0..n).step_by(length) {
            for i in 0..length / 2 {
                let (c, s) = (sines[i * step + n / 4], sines[i * step]);
                let (a, b) = (start + i, start + i + length / 2);
                let (r, m) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c);
                (re[b], im[b]) = (re[a] - r, im[a] - m);
                (re[a], im[a]) = (re[a] + r, im[a] + m);
            }
        }
        length *= 2;
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 1 << 13;
    // By recurrence, so that no library's sine matters.
    let (c, s) = (
        (1.0 - 4.0 / (n as f64 * n as f64) * 9.8696 / 2.0),
        2.0 * 3.14159 / n as f64,
    );
    let (mut x, mut y) = (1.0, 0.0);
    let sines: Vec<f64> = (0..n * 5 / 4)
        .map(|_| {
            let sine = y;
            (x, y) = (x * c - y * s, x * s + y * c);
            sine
        })
        .collect();
    let mut re: Vec<f64> = (0..n)
        .map(|i| ((i * 7 + seed as usize) % 31) as f64)
        .collect();
    let mut im = vec![0.0; n];
    for _ in 0..220 {
        transform(&mut re, &mut im, &sines);
        for (r, i) in re.iter_mut().zip(&mut im) {
            *r *= 0.011;
            *i *= -0.011;
        }
    }
    re.iter().zip(&im).fold(0, |sum, (r, i)| {
        sum ^ (r.to_bits() >> 20) as u32 ^ (i.to_bits() >> 24) as u32
    })
}
