//! Conway's game of life, a byte a cell.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let (w, h) = (256usize, 256usize);
    let mut x = seed | 1;
    let mut cells: Vec<u8> = (0..w * h)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 30 == 0) as u8
        })
        .collect();
    let mut next = cells.clone();
    for _ in 0..600 {
        for y in 0..h {
            let (up, down) = ((y + h - 1) % h * w, (y + 1) % h * w);
            for x in 0..w {
                let (left, right) = ((x + w - 1) % w, (x + 1) % w);
                let n = cells[up + left]
                    + cells[up + x]
                    + cells[up + right]
                    + cells[y * w + left]
                    + cells[y * w + right]
                    + cells[down + left]
                    + cells[down + x]
                    + cells[down + right];
                next[y * w + x] = (n == 3 || n == 2 && cells[y * w + x] == 1) as u8;
            }
        }
        std::mem::swap(&mut cells, &mut next);
    }
    cells.iter().enumerate().fold(0, |sum: u32, (i, c)| {
        sum.wrapping_mul(3).wrapping_add(u32::from(*c) * i as u32)
    })
}
