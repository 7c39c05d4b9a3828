//! What the tests of WebAssembly 2.0 want to be refused and 3.0 allows.

/// Is the assertion at this line of a file, which names this mistake, one of them?
pub fn superseded(file: &str, line: usize, message: &str) -> bool {
    match message {
        // A zero byte is the index of a memory now.
        "multiple memories" | "multiple tables" | "zero byte expected" => true,
        // Limits of memories may have 64 bits.
        _ => file.starts_with("binary-leb128") && [217, 225].contains(&line),
    }
}
