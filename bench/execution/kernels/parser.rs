//! A recursive-descent parser and evaluator of expressions.

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }
    fn space(&mut self) {
        while self.peek() == b' ' {
            self.at += 1;
        }
    }
    fn sum(&mut self) -> i64 {
        let mut value = self.product();
        loop {
            self.space();
            match self.peek() {
                b'+' => {
                    self.at += 1;
                    value = value.wrapping_add(self.product());
                }
                b'-' => {
                    self.at += 1;
                    value = value.wrapping_sub(self.product());
                }
                _ => return value,
            }
        }
    }
    fn product(&mut self) -> i64 {
        let mut value = self.atom();
        loop {
            self.space();
            match self.peek() {
                b'*' => {
                    self.at += 1;
                    value = value.wrapping_mul(self.atom());
                }
                b'%' => {
                    self.at += 1;
                    let by = self.atom();
                    value %= if by == 0 || by == -1 { 1 } else { by };
                }
                _ => return value,
            }
        }
    }
    fn atom(&mut self) -> i64 {
        self.space();
        match self.peek() {
            b'(' => {
                self.at += 1;
                self.depth += 1;
                let value = self.sum();
                self.space();
                self.at += 1;
                value
            }
            b'-' => {
                self.at += 1;
                -self.atom()
            }
            b'a'..=b'z' => {
                let mut hash = 5381i64;
                while self.peek().is_ascii_lowercase() {
                    hash = hash * 33 + i64::from(self.peek());
                    self.at += 1;
                    hash &= 0xffff;
                }
                hash
            }
            _ => {
                let mut value = 0i64;
                while self.peek().is_ascii_digit() {
                    value = value * 10 + i64::from(self.peek() - b'0');
                    self.at += 1;
                }
                value
            }
        }
    }
}

fn write(out: &mut Vec<u8>, x: &mut u32, depth: u32) {
    *x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    match (*x >> 20) % if depth > 0 { 8 } else { 2 } {
        0 => out.extend_from_slice((*x >> 12).to_string().as_bytes()),
        1 => out.extend_from_slice([&b"alpha"[..], b"be", b"gamma", b"d"][(*x >> 28) as usize & 3]),
        2 | 3 => {
            out.push(b'(');
            write(out, x, depth - 1);
            out.push(b')');
        }
        4 => {
            out.push(b'-');
            write(out, x, depth - 1);
        }
        n => {
            write(out, x, depth - 1);
            out.extend_from_slice([&b" + "[..], b" * ", b" % "][n as usize - 5]);
            write(out, x, depth - 1);
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut text = Vec::new();
    let mut x = seed;
    while text.len() < 200_000 {
        write(&mut text, &mut x, 20);
        text.extend_from_slice(b" - ");
    }
    let mut sum = 0i64;
    for _ in 0..150 {
        let mut parser = Parser {
            text: &text,
            at: 0,
            depth: 0,
        };
        sum = sum.wrapping_mul(3).wrapping_add(parser.sum()) ^ i64::from(parser.depth);
    }
    (sum ^ sum >> 32) as u32
}
