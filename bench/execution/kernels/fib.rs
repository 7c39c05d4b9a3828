//! Calls: doubly recursive.

#[inline(never)]
fn fib(n: u32) -> u32 {
    if n < 2 {
        n
    } else {
        fib(n - 1).wrapping_add(fib(n - 2))
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    fib(37 + (seed >> 31))
}
