//! A switch with many cases over unpredictable input: a tokeniser's state machine.

#[inline(never)]
fn step(state: u32, byte: u8, counts: &mut [u32; 8]) -> u32 {
    match byte {
        0..=8 => state ^ 1,
        b'\n' | 13 => {
            counts[0] += 1;
            0
        }
        b' ' | b'\t' => state & !3,
        b'a'..=b'f' => {
            counts[1] += 1;
            state | 1
        }
        b'g'..=b'z' => state | 3,
        b'A'..=b'Z' => {
            counts[2] += 1;
            state + 5
        }
        b'0' => state << 1 | 8,
        b'1'..=b'9' => {
            counts[3] += 1;
            (state >> 1) + u32::from(byte)
        }
        b'"' => state ^ 0x55,
        b'\'' => state ^ 0x33,
        b'(' => state + 1,
        b')' => state.wrapping_sub(1),
        b'[' => state.rotate_left(3),
        b']' => state.rotate_right(3),
        b'{' => state.wrapping_mul(3),
        b'}' => state / 3,
        b'+' => state.wrapping_add(77),
        b'-' => state.wrapping_sub(77),
        b'*' => state.wrapping_mul(7),
        b'/' => {
            counts[4] += 1;
            state / 7
        }
        b'<' => state << 2,
        b'>' => state >> 2,
        b'=' => !state,
        b'!' => state.count_ones(),
        b'&' => state & 0xff00ff,
        b'|' => state | 0x00ff00,
        b'^' => state ^ 0x0ff0,
        b'%' => state % 101,
        b';' => {
            counts[5] += 1;
            1
        }
        b',' => state + 2,
        b'.' => state + 3,
        b':' => state.swap_bytes(),
        128..=191 => state | 0x8000,
        192..=223 => {
            counts[6] += 1;
            state ^ 0x2000
        }
        224..=255 => state.leading_zeros(),
        _ => {
            counts[7] += 1;
            state
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let text: Vec<u8> = (0..1 << 16)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8 & if x & 0x10000 == 0 { 127 } else { 255 }
        })
        .collect();
    let mut counts = [0; 8];
    let mut state = 0;
    for _ in 0..600 {
        for byte in &text {
            state = step(state, *byte, &mut counts);
        }
    }
    counts.iter().fold(state, |a, b| a.wrapping_mul(31) ^ b)
}
