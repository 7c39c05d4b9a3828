//! Types of the operators that compute with numbers or access a memory.

use super::{ANY, F32, F64, I32, I64, Type};

/// Type and alignment of loads and stores, from `i32.load` on.
#[rustfmt::skip]
pub const ACCESSES: [(Type, u8); 23] = [
    (I32, 2), (I64, 3), (F32, 2), (F64, 3),
    (I32, 0), (I32, 0), (I32, 1), (I32, 1),
    (I64, 0), (I64, 0), (I64, 1), (I64, 1), (I64, 2), (I64, 2),
    (I32, 2), (I64, 3), (F32, 2), (F64, 3),
    (I32, 0), (I32, 1), (I64, 0), (I64, 1), (I64, 2),
];

/// An operator that makes a number of one or two.
#[derive(Clone, Copy)]
pub struct Numeric {
    pub operands: u8,
    pub from: Type,
    pub to: Type,
}

/// Those from `i32.eqz` (0x45) to `i64.extend32_s`.
pub const NUMERIC: [Numeric; 0x80] = {
    // The last opcode of each run of the same kind.
    const RUNS: [(usize, u8, Type, Type); 32] = [
        (0x45, 1, I32, I32), // eqz
        (0x4f, 2, I32, I32), // comparisons
        (0x50, 1, I64, I32),
        (0x5a, 2, I64, I32),
        (0x60, 2, F32, I32),
        (0x66, 2, F64, I32),
        (0x69, 1, I32, I32), // clz, ctz, popcnt
        (0x78, 2, I32, I32), // arithmetic
        (0x7b, 1, I64, I64),
        (0x8a, 2, I64, I64),
        (0x91, 1, F32, F32),
        (0x98, 2, F32, F32),
        (0x9f, 1, F64, F64),
        (0xa6, 2, F64, F64),
        (0xa7, 1, I64, I32), // i32.wrap_i64
        (0xa9, 1, F32, I32), // i32.trunc
        (0xab, 1, F64, I32),
        (0xad, 1, I32, I64), // i64.extend_i32
        (0xaf, 1, F32, I64), // i64.trunc
        (0xb1, 1, F64, I64),
        (0xb3, 1, I32, F32), // f32.convert
        (0xb5, 1, I64, F32),
        (0xb6, 1, F64, F32), // f32.demote_f64
        (0xb8, 1, I32, F64), // f64.convert
        (0xba, 1, I64, F64),
        (0xbb, 1, F32, F64), // f64.promote_f32
        (0xbc, 1, F32, I32), // reinterpret
        (0xbd, 1, F64, I64),
        (0xbe, 1, I32, F32),
        (0xbf, 1, I64, F64),
        (0xc1, 1, I32, I32), // extend8_s, extend16_s, extend32_s
        (0xc4, 1, I64, I64),
    ];
    let none = Numeric {
        operands: 0,
        from: ANY,
        to: ANY,
    };
    let mut table = [none; 0x80];
    let (mut opcode, mut run) = (0x45, 0);
    while opcode <= 0xc4 {
        let (last, operands, from, to) = RUNS[run];
        table[opcode - 0x45] = Numeric { operands, from, to };
        if opcode == last {
            run += 1;
        }
        opcode += 1;
    }
    table
};
