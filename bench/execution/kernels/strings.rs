//! Allocation of strings and vectors of many sizes; formatting.

use std::collections::BTreeMap;
use std::fmt::Write;

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut sum = 0u32;
    for round in 0..14 {
        let mut map = BTreeMap::new();
        for i in 0..20_000u32 {
            let n = (i ^ seed).wrapping_mul(2_654_435_761).wrapping_add(round) >> 8;
            let mut key = String::new();
            let _ = write!(key, "{n}-{:x}", n >> 5);
            map.entry(key).or_insert_with(Vec::new).push(i);
        }
        for (key, list) in &map {
            sum = sum
                .wrapping_mul(31)
                .wrapping_add(key.len() as u32 + list[0]);
        }
    }
    sum
}
