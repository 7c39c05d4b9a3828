//! u8x16 and u16x8: an image is blurred along its rows.
//! features: simd128

use std::arch::wasm32::*;

#[inline(never)]
fn blur(from: &[u8], to: &mut [u8]) {
    for i in (1..from.len() - 17).step_by(16) {
        // SAFETY: a byte before and seventeen after are there.
        unsafe {
            let at = from.as_ptr().add(i);
            let (left, here, right) = (
                v128_load(at.sub(1).cast()),
                v128_load(at.cast()),
                v128_load(at.add(1).cast()),
            );
            let low = u16x8_add(
                u16x8_add(u16x8_extend_low_u8x16(left), u16x8_extend_low_u8x16(right)),
                u16x8_shl(u16x8_extend_low_u8x16(here), 1),
            );
            let high = u16x8_add(
                u16x8_add(
                    u16x8_extend_high_u8x16(left),
                    u16x8_extend_high_u8x16(right),
                ),
                u16x8_shl(u16x8_extend_high_u8x16(here), 1),
            );
            let mean = u8x16_narrow_i16x8(u16x8_shr(low, 2), u16x8_shr(high, 2));
            v128_store(to.as_mut_ptr().add(i).cast(), u8x16_avgr(mean, here));
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut a: Vec<u8> = (0..1 << 16)
        .map(|i: u32| (i.wrapping_mul(i ^ seed) >> 3) as u8)
        .collect();
    let mut b = a.clone();
    for _ in 0..10_000 {
        blur(&a, &mut b);
        std::mem::swap(&mut a, &mut b);
        a[77] = a[77].wrapping_add(91);
    }
    a.iter().fold(0, |sum: u32, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    })
}
