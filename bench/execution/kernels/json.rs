//! Scanning text like JSON: strings with escapes, numbers, nesting.

#[inline(never)]
fn scan(text: &[u8]) -> (u32, f64) {
    let (mut i, mut depth, mut strings, mut numbers, mut deepest) = (0, 0u32, 0u32, 0.0, 0);
    while i < text.len() {
        match text[i] {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth -= 1,
            b'"' => {
                i += 1;
                let mut hash = 0u32;
                while text[i] != b'"' {
                    if text[i] == b'\\' {
                        i += 1;
                    }
                    hash = hash.wrapping_mul(31).wrapping_add(u32::from(text[i]));
                    i += 1;
                }
                strings ^= hash;
            }
            b'-' | b'0'..=b'9' => {
                let negative = text[i] == b'-';
                i += usize::from(negative);
                let mut value = 0.0;
                while text[i].is_ascii_digit() {
                    value = value * 10.0 + f64::from(text[i] - b'0');
                    i += 1;
                }
                if text[i] == b'.' {
                    let mut scale = 0.1;
                    i += 1;
                    while text[i].is_ascii_digit() {
                        value += scale * f64::from(text[i] - b'0');
                        scale *= 0.1;
                        i += 1;
                    }
                }
                numbers += if negative { -value } else { value };
                continue;
            }
            b't' | b'n' => i += 3,
            b'f' => i += 4,
            _ => {}
        }
        i += 1;
    }
    (strings ^ deepest << 24, numbers)
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut text = String::from("[");
    for i in 0..3000u32 {
        let n = i.wrapping_mul(2_654_435_761) ^ seed;
        text += &format!(
            "{{\"id\": {i}, \"name\": \"na\\\"me {n:x}\", \"ok\": {}, \"at\": [{}.{}, -{}], \"none\": null}},\n",
            n & 1 == 0,
            n >> 20,
            n & 1023,
            n >> 24
        );
    }
    text += "0]";
    let mut sum = 0;
    for _ in 0..400 {
        let (strings, numbers) = scan(text.as_bytes());
        sum = u32::rotate_left(sum, 1) ^ strings ^ numbers as u32;
    }
    sum
}
