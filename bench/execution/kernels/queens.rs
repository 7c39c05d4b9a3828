//! Backtracking on bits: queens.

fn place(all: u32, columns: u32, left: u32, right: u32) -> u32 {
    if columns == all {
        return 1;
    }
    let mut free = all & !(columns | left | right);
    let mut count = 0;
    while free != 0 {
        let bit = free & free.wrapping_neg();
        free ^= bit;
        count += place(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    count
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    (0..2)
        .map(|i| place((1 << (12 + i)) - 1, 0, 0, 0))
        .sum::<u32>()
        ^ seed
}
