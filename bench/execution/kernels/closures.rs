//! Indirect calls of one and the same target at each site: comparators and callbacks.

#[inline(never)]
fn apply(v: &mut [u32], f: &dyn Fn(u32) -> u32) {
    for x in v {
        *x = f(*x);
    }
}

#[inline(never)]
fn insertion(v: &mut [u32], less: fn(&u32, &u32) -> bool) {
    for i in 1..v.len() {
        let mut k = i;
        while k > 0 && less(&v[k], &v[k - 1]) {
            v.swap(k, k - 1);
            k -= 1;
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let key = seed ^ 0x5bd1_e995;
    let mut v: Vec<u32> = (0..4000).collect();
    for round in 0..16 {
        for _ in 0..500 {
            apply(&mut v, &move |x| {
                (x ^ key).wrapping_mul(0x9e37_79b1).rotate_left(11)
            });
        }
        insertion(
            &mut v[..3000],
            if round & 1 == 0 {
                |a, b| a < b
            } else {
                |a, b| a.swap_bytes() > b.swap_bytes()
            },
        );
    }
    v.iter().fold(0, |a: u32, b| a.rotate_left(3) ^ b)
}
