//! Searching strings: byte by byte, Horspool's way, and the library's.

fn naive(text: &[u8], word: &[u8]) -> usize {
    text.windows(word.len()).filter(|w| *w == word).count()
}

fn horspool(text: &[u8], word: &[u8]) -> usize {
    let mut skip = [word.len(); 256];
    for (i, byte) in word[..word.len() - 1].iter().enumerate() {
        skip[*byte as usize] = word.len() - 1 - i;
    }
    let (mut at, mut count) = (0, 0);
    while at + word.len() <= text.len() {
        let mut k = word.len();
        while k > 0 && text[at + k - 1] == word[k - 1] {
            k -= 1;
        }
        count += usize::from(k == 0);
        at += skip[text[at + word.len() - 1] as usize];
    }
    count
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut x = seed | 1;
    let text: String = (0..1 << 20)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (x >> 29) as u8)
        })
        .collect();
    let mut sum = 0;
    for word in ["abcab", "hgfedc", "aaaaaa", "deadbeef", "facade", "cafebab"] {
        for _ in 0..3 {
            sum = sum * 3
                + naive(text.as_bytes(), word.as_bytes())
                + horspool(text.as_bytes(), word.as_bytes());
            sum += text.matches(word).count();
        }
    }
    sum as u32
}
