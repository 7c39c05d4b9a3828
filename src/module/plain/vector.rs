//! Instructions with vectors, and atomic ones.

use super::code::Code;
use super::{F32, F64, I32, I64, PlainBodies, Type, V128};

impl PlainBodies<'_> {
    /// What begins with 0xfd.
    pub fn vector(&mut self, code: &mut Code<'_>) -> Option<()> {
        let opcode = code.u32()?;
        match opcode {
            // v128.load …, v128.load64_zero
            0..=10 | 92 | 93 => {
                let alignment = match opcode {
                    0 => 4,
                    7 => 0,
                    8 => 1,
                    9 | 92 => 2,
                    _ => 3,
                };
                self.access(code, 0..=alignment)?;
                self.computes(&[I32], V128)
            }
            // v128.store
            11 => {
                self.access(code, 0..=4)?;
                self.pop_all(&[I32, V128])
            }
            // v128.const
            12 => {
                code.skip(16)?;
                self.computes(&[], V128)
            }
            // i8x16.shuffle
            13 => {
                for _ in 0..16 {
                    code.below(32)?;
                }
                self.computes(&[V128, V128], V128)
            }
            // splat
            15..=17 => self.computes(&[I32], V128),
            18 => self.computes(&[I64], V128),
            19 => self.computes(&[F32], V128),
            20 => self.computes(&[F64], V128),
            // extract_lane, replace_lane
            21..=34 => {
                let (lanes, ty, extracts) = match opcode {
                    21..=23 => (16, I32, opcode < 23),
                    24..=26 => (8, I32, opcode < 26),
                    27 | 28 => (4, I32, opcode == 27),
                    29 | 30 => (2, I64, opcode == 29),
                    31 | 32 => (4, F32, opcode == 31),
                    _ => (2, F64, opcode == 33),
                };
                code.below(lanes)?;
                match extracts {
                    true => self.computes(&[V128], ty),
                    false => self.computes(&[V128, ty], V128),
                }
            }
            // load_lane, store_lane
            84..=91 => {
                let alignment = (opcode - 84) as u8 % 4;
                self.access(code, 0..=alignment)?;
                code.below(16 >> alignment)?;
                self.pop_all(&[I32, V128])?;
                if opcode < 88 {
                    self.push(V128);
                }
                Some(())
            }
            // v128.bitselect
            82 => self.computes(&[V128, V128, V128], V128),
            // any_true, all_true, bitmask
            83 | 99 | 100 | 131 | 132 | 163 | 164 | 195 | 196 => self.computes(&[V128], I32),
            // shl, shr_s, shr_u
            107..=109 | 139..=141 | 171..=173 | 203..=205 => self.computes(&[V128, I32], V128),
            // Of one vector.
            77
            | 94..=98
            | 103..=106
            | 116
            | 117
            | 122
            | 124..=129
            | 135..=138
            | 148
            | 160
            | 161
            | 167..=170
            | 192
            | 193
            | 199..=202
            | 224
            | 225
            | 227
            | 236
            | 237
            | 239
            | 248..=255 => self.computes(&[V128], V128),
            // Of two.
            14
            | 35..=76
            | 78..=81
            | 101
            | 102
            | 110..=115
            | 118..=121
            | 123
            | 130
            | 133
            | 134
            | 142..=147
            | 149..=153
            | 155..=159
            | 174
            | 177
            | 181..=186
            | 188..=191
            | 206
            | 209
            | 213..=223
            | 228..=235
            | 240..=247 => self.computes(&[V128, V128], V128),
            _ => None,
        }
    }

    /// What begins with 0xfe.
    pub fn atomic(&mut self, code: &mut Code<'_>) -> Option<()> {
        let opcode = code.u32()?;
        if !self.module.atomics {
            return None;
        }
        match opcode {
            // memory.atomic.notify, memory.atomic.wait32, memory.atomic.wait64, atomic.fence
            0 => {
                self.access(code, 2..=2)?;
                self.computes(&[I32, I32], I32)
            }
            1 => {
                self.access(code, 2..=2)?;
                self.computes(&[I32, I32, I64], I32)
            }
            2 => {
                self.access(code, 3..=3)?;
                self.computes(&[I32, I64, I64], I32)
            }
            3 => code.below(1),
            // Load, store, six that compute, and cmpxchg; each of i32, i64, and parts of them.
            0x10..=0x4e => {
                let (kind, shape) = ((opcode - 0x10) / 7, (opcode - 0x10) % 7);
                let (ty, alignment): (Type, u8) = match shape {
                    0 => (I32, 2),
                    1 => (I64, 3),
                    2 => (I32, 0),
                    3 => (I32, 1),
                    4 => (I64, 0),
                    5 => (I64, 1),
                    _ => (I64, 2),
                };
                self.access(code, alignment..=alignment)?;
                match kind {
                    0 => self.computes(&[I32], ty),
                    1 => self.pop_all(&[I32, ty]),
                    2..=7 => self.computes(&[I32, ty], ty),
                    _ => self.computes(&[I32, ty, ty], ty),
                }
            }
            _ => None,
        }
    }
}
