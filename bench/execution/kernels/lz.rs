//! Compression of the LZ kind, and back.

fn compress(input: &[u8], out: &mut Vec<u8>) {
    let mut heads = vec![0usize; 1 << 14];
    let (mut i, mut literals) = (0, 0);
    while i + 4 < input.len() {
        let word = u32::from_le_bytes([input[i], input[i + 1], input[i + 2], input[i + 3]]);
        let slot = (word.wrapping_mul(2_654_435_761) >> 18) as usize;
        let at = std::mem::replace(&mut heads[slot], i + 1);
        if at > 0 && i + 1 - at < 65_536 && input[at - 1..at + 3] == input[i..i + 4] {
            let at = at - 1;
            let mut length = 4;
            while length < 255
                && i + length < input.len()
                && input[at + length] == input[i + length]
            {
                length += 1;
            }
            flush(&input[literals..i], out);
            out.push(length as u8);
            out.extend_from_slice(&((i - at) as u16).to_le_bytes());
            i += length;
            literals = i;
        } else {
            i += 1;
        }
    }
    flush(&input[literals..], out);
}

fn flush(literals: &[u8], out: &mut Vec<u8>) {
    for part in literals.chunks(255) {
        out.push(0);
        out.push(part.len() as u8);
        out.extend_from_slice(part);
    }
}

fn expand(input: &[u8], out: &mut Vec<u8>) {
    let mut i = 0;
    while i < input.len() {
        let length = input[i] as usize;
        if length == 0 {
            let n = input[i + 1] as usize;
            out.extend_from_slice(&input[i + 2..i + 2 + n]);
            i += 2 + n;
        } else {
            let distance = usize::from(u16::from_le_bytes([input[i + 1], input[i + 2]]));
            for _ in 0..length {
                out.push(out[out.len() - distance]);
            }
            i += 3;
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let words = [
        "memory",
        "table ",
        "global",
        " the ",
        "of",
        "a ",
        "function",
        "\n",
        "instance ",
        "and ",
    ];
    let mut x = seed | 1;
    let mut text = Vec::new();
    while text.len() < 400_000 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(x >> 24) as usize % words.len()].as_bytes());
        if x & 0xf0000 == 0 {
            text.push((x >> 8) as u8);
        }
    }
    let mut sum = 0u32;
    for _ in 0..50 {
        let (mut packed, mut back) = (Vec::new(), Vec::new());
        compress(&text, &mut packed);
        expand(&packed, &mut back);
        assert!(back == text);
        sum = sum.wrapping_mul(31).wrapping_add(packed.len() as u32);
        text[(sum % 400_000) as usize] ^= 1;
    }
    sum
}
