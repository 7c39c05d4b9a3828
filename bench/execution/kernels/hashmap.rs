//! The library's hash map, with its SipHash.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut sum = 0u32;
    for round in 0..5 {
        let mut map: HashMap<u32, u32, BuildHasherDefault<DefaultHasher>> = HashMap::default();
        let mut key = seed ^ round;
        for i in 0..200_000u32 {
            key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *map.entry(key >> 13).or_insert(i) ^= i;
        }
        for i in 0..500_000u32 {
            if let Some(value) = map.get(&i) {
                sum = sum.rotate_left(1) ^ value;
            }
        }
        sum = sum.wrapping_add(map.len() as u32);
    }
    sum
}
