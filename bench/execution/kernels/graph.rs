//! Shortest paths over a binary heap: the library's collections.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let n = 20_000;
    let mut x = seed | 1;
    let mut next = |below: u32| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(x) * u64::from(below)) >> 32) as u32
    };
    let edges: Vec<Vec<(u32, u32)>> = (0..n)
        .map(|_| (0..5).map(|_| (next(n), next(100) + 1)).collect())
        .collect();
    let mut sum = 0u32;
    for source in 0..30 {
        let mut best = vec![u32::MAX; n as usize];
        let mut heap = BinaryHeap::from([Reverse((0, source))]);
        best[source as usize] = 0;
        while let Some(Reverse((far, at))) = heap.pop() {
            if far > best[at as usize] {
                continue;
            }
            for &(to, length) in &edges[at as usize] {
                let far = far + length;
                if far < best[to as usize] {
                    best[to as usize] = far;
                    heap.push(Reverse((far, to)));
                }
            }
        }
        sum = best
            .iter()
            .fold(sum, |a, b| a.wrapping_mul(31).wrapping_add(*b));
    }
    sum
}
