//! Calls: three arguments, nested.

#[inline(never)]
fn tak(x: i32, y: i32, z: i32) -> i32 {
    if y >= x {
        z
    } else {
        tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    (0..14)
        .map(|i| tak(18 + i % 2, 12, 6 + (seed >> 31) as i32) as u32)
        .sum::<u32>()
        + tak(24, 16, 8) as u32
}
