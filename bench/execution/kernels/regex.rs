//! A backtracking matcher of patterns: calls, branches, slices.

fn here(pattern: &[u8], text: &[u8]) -> Option<usize> {
    match pattern {
        [] => Some(0),
        [c, b'*', rest @ ..] => star(*c, rest, text),
        [b'.', rest @ ..] if !text.is_empty() => here(rest, &text[1..]).map(|n| n + 1),
        [c, rest @ ..] if text.first() == Some(c) => here(rest, &text[1..]).map(|n| n + 1),
        _ => None,
    }
}

fn star(c: u8, rest: &[u8], text: &[u8]) -> Option<usize> {
    let mut longest = text
        .iter()
        .take_while(|t| **t == c || c == b'.')
        .take(24)
        .count();
    loop {
        if let Some(n) = here(rest, &text[longest..]) {
            return Some(longest + n);
        }
        longest = longest.checked_sub(1)?;
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let text: Vec<u8> = (0..100_000)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + (x >> 30) as u8
        })
        .collect();
    let mut sum = 0u32;
    for pattern in [
        "a*b*c*d",
        "ab.*cd.*a",
        "a.b.c",
        "a*a*a*b",
        ".*d.*cab",
        "dcba",
    ] {
        for i in 0..text.len() {
            if let Some(n) = here(pattern.as_bytes(), &text[i..]) {
                sum = sum.wrapping_mul(31).wrapping_add(n as u32);
            }
        }
    }
    sum
}
