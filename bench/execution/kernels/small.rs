//! Many small functions that the compiler was told not to inline.

#[derive(Clone, Copy)]
struct P(i32, i32);

#[inline(never)]
fn x(p: &P) -> i32 {
    p.0
}
#[inline(never)]
fn y(p: &P) -> i32 {
    p.1
}
#[inline(never)]
fn max(a: i32, b: i32) -> i32 {
    if a > b { a } else { b }
}
#[inline(never)]
fn abs(a: i32) -> i32 {
    if a < 0 { -a } else { a }
}
#[inline(never)]
fn distance(a: &P, b: &P) -> i32 {
    max(abs(x(a) - x(b)), abs(y(a) - y(b)))
}
#[inline(never)]
fn set(p: &mut P, x: i32, y: i32) {
    p.0 = x;
    p.1 = y;
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut points = [P(0, 0); 256];
    let mut sum = seed as i32;
    for round in 0..120_000 {
        for i in 0..255 {
            let d = distance(&points[i], &points[i + 1]);
            sum = sum.wrapping_add(d);
        }
        let at = (round & 255) as usize;
        set(&mut points[at], sum & 1023, (sum >> 7) & 1023);
    }
    sum as u32
}
