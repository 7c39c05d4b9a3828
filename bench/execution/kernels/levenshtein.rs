//! Dynamic programming: edit distances.

#[inline(never)]
fn distance(a: &[u8], b: &[u8], row: &mut Vec<u32>) -> u32 {
    row.clear();
    row.extend(0..=b.len() as u32);
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i as u32;
        row[0] = i as u32 + 1;
        for k in 0..b.len() {
            let above = row[k + 1];
            row[k + 1] = (diagonal + u32::from(*x != b[k])).min(above.min(row[k]) + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let mut word = |length: u32| -> Vec<u8> {
        (0..length)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (x >> 29) as u8
            })
            .collect()
    };
    let words: Vec<Vec<u8>> = (0..60).map(|i| word(150 + i)).collect();
    let mut row = Vec::new();
    let mut sum = 0u32;
    for a in &words {
        for b in &words {
            sum = sum.wrapping_mul(31).wrapping_add(distance(a, b, &mut row));
        }
    }
    sum
}
