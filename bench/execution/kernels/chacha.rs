//! Cryptography with sixteen live words: ChaCha20.

#[inline(always)]
fn quarter(s: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(16);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(12);
    s[a] = s[a].wrapping_add(s[b]);
    s[d] = (s[d] ^ s[a]).rotate_left(8);
    s[c] = s[c].wrapping_add(s[d]);
    s[b] = (s[b] ^ s[c]).rotate_left(7);
}

#[inline(never)]
fn block(input: &[u32; 16], out: &mut [u8]) {
    let mut s = *input;
    for _ in 0..10 {
        quarter(&mut s, 0, 4, 8, 12);
        quarter(&mut s, 1, 5, 9, 13);
        quarter(&mut s, 2, 6, 10, 14);
        quarter(&mut s, 3, 7, 11, 15);
        quarter(&mut s, 0, 5, 10, 15);
        quarter(&mut s, 1, 6, 11, 12);
        quarter(&mut s, 2, 7, 8, 13);
        quarter(&mut s, 3, 4, 9, 14);
    }
    for i in 0..16 {
        let word = s[i].wrapping_add(input[i]).to_le_bytes();
        for (o, w) in out[4 * i..4 * i + 4].iter_mut().zip(word) {
            *o ^= w;
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut input: [u32; 16] = std::array::from_fn(|i| (i as u32).wrapping_mul(0x9e37_79b9) ^ seed);
    let mut data = vec![0u8; 1 << 14];
    for _ in 0..5000 {
        for chunk in data.chunks_exact_mut(64) {
            input[12] = input[12].wrapping_add(1);
            block(&input, chunk);
        }
    }
    data.iter().fold(0, |sum: u32, b| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*b))
    })
}
