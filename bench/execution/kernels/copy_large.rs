//! memory.copy and memory.fill of many pages.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut data: Vec<u8> = (0..1 << 20).map(|i: u32| (i ^ seed) as u8).collect();
    for round in 0..6000 {
        let shift = 1 + round % 100;
        data.copy_within(shift..400_000, 0);
        data.copy_within(0..300_000, 500_000 + shift);
        data[900_000..].fill(round as u8);
    }
    data.iter().fold(0, |sum: u32, b| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*b))
    })
}
