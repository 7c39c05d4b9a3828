//! Relaxed vector instructions: the standard lets the processor choose among a few results.
//!
//! | instruction | what it is here | deterministic |
//! |---|---|---|
//! | `i8x16.relaxed_swizzle` | `pshufb`: an index of 16 to 127 counts modulo 16 | 0 for each index above 15 |
//! | `i32x4.relaxed_trunc_f32x4_s`, `_f64x2_s_zero` | `cvttps2dq`, `cvttpd2dq`: -2^31 for NaN and what is out of range | saturated |
//! | `i32x4.relaxed_trunc_f32x4_u`, `_f64x2_u_zero` | saturated: x86 has no instruction for all processors | the same |
//! | `relaxed_madd`, `relaxed_nmadd` | one rounding where the processor has FMA and AVX, else two | two roundings |
//! | `relaxed_min`, `relaxed_max` | `minps` and so on with the operands exchanged: the first one if they are equal or one is NaN | as `min`, `max` |
//! | `relaxed_laneselect` of i8x16, i32x4, i64x2 | `pblendvb`, `blendvps`, `blendvpd`: the highest bit of a lane of the mask decides | as `v128.bitselect` |
//! | `i16x8.relaxed_laneselect` | as `v128.bitselect`: x86 has no instruction for lanes of 16 bits | the same |
//! | `i16x8.relaxed_q15mulr_s` | `pmulhrsw`: -2^15 for -2^15 times -2^15 | 2^15-1 for it |
//! | the dot products | `pmaddubsw`: the second operand unsigned, sums of 16 bits saturated | both signed, sums wrap |
//!
//! Both tiers of Cranelift and every call choose the same, as the standard demands.

use super::function::{Result, Translator};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_codegen::isa::TargetIsa;
use wasmparser::Operator as Op;

/// Which of the results that the standard allows an instruction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relaxed {
    /// Those of the standard's deterministic profile, the same on all processors.
    Deterministic,
    /// Those that this processor computes fastest. `fused`: it multiplies and adds with one rounding.
    Fast { fused: bool },
}

impl Relaxed {
    pub fn new(isa: &dyn TargetIsa, deterministic: bool) -> Self {
        if deterministic {
            return Self::Deterministic;
        }
        let has = |name| {
            let flags = isa.isa_flags();
            flags
                .iter()
                .any(|f| f.name == name && f.as_bool() == Some(true))
        };
        // Without both, Cranelift would call the C library's function.
        Self::Fast {
            fused: has("has_fma") && has("has_avx"),
        }
    }
}

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn simd_relaxed(&mut self, operator: &Op<'_>) -> Result<bool> {
        let fast = self.relaxed != Relaxed::Deterministic;
        match operator {
            Op::I8x16RelaxedSwizzle if fast => {
                self.vector_binary(I8X16, |i, x, y| i.x86_pshufb(x, y))
            }
            Op::I8x16RelaxedSwizzle => self.vector_binary(I8X16, |i, x, y| i.swizzle(x, y)),
            Op::I32x4RelaxedTruncF32x4S if fast => {
                self.vector_unary(F32X4, |i, x| i.x86_cvtt2dq(I32X4, x))
            }
            Op::I32x4RelaxedTruncF32x4S => self.simd_float(&Op::I32x4TruncSatF32x4S),
            Op::I32x4RelaxedTruncF32x4U => self.simd_float(&Op::I32x4TruncSatF32x4U),
            Op::I32x4RelaxedTruncF64x2SZero if fast => {
                let x = self.pop_vector(F64X2)?;
                let wide = self.ins().x86_cvtt2dq(I64X2, x);
                let zero = self.v128_const([0; 16], I64X2);
                let result = self.ins().snarrow(wide, zero);
                self.push(result);
                Ok(true)
            }
            Op::I32x4RelaxedTruncF64x2SZero => self.simd_float(&Op::I32x4TruncSatF64x2SZero),
            Op::I32x4RelaxedTruncF64x2UZero => self.simd_float(&Op::I32x4TruncSatF64x2UZero),
            Op::F32x4RelaxedMadd => self.multiply_add(F32X4, false),
            Op::F32x4RelaxedNmadd => self.multiply_add(F32X4, true),
            Op::F64x2RelaxedMadd => self.multiply_add(F64X2, false),
            Op::F64x2RelaxedNmadd => self.multiply_add(F64X2, true),
            Op::F32x4RelaxedMin if fast => self.simd_float(&Op::F32x4PMin),
            Op::F32x4RelaxedMin => self.simd_float(&Op::F32x4Min),
            Op::F32x4RelaxedMax if fast => self.simd_float(&Op::F32x4PMax),
            Op::F32x4RelaxedMax => self.simd_float(&Op::F32x4Max),
            Op::F64x2RelaxedMin if fast => self.simd_float(&Op::F64x2PMin),
            Op::F64x2RelaxedMin => self.simd_float(&Op::F64x2Min),
            Op::F64x2RelaxedMax if fast => self.simd_float(&Op::F64x2PMax),
            Op::F64x2RelaxedMax => self.simd_float(&Op::F64x2Max),
            Op::I8x16RelaxedLaneselect => self.select_lanes(I8X16, fast),
            Op::I16x8RelaxedLaneselect => self.select_lanes(I16X8, false),
            Op::I32x4RelaxedLaneselect => self.select_lanes(I32X4, fast),
            Op::I64x2RelaxedLaneselect => self.select_lanes(I64X2, fast),
            Op::I16x8RelaxedQ15mulrS if fast => {
                self.vector_binary(I16X8, |i, x, y| i.x86_pmulhrsw(x, y))
            }
            Op::I16x8RelaxedQ15mulrS => self.simd_integer(&Op::I16x8Q15MulrSatS),
            Op::I16x8RelaxedDotI8x16I7x16S => {
                let result = self.dot_product()?;
                self.push(result);
                Ok(true)
            }
            Op::I32x4RelaxedDotI8x16I7x16AddS => {
                let addend = self.pop_vector(I32X4)?;
                let products = self.dot_product()?;
                let low = self.ins().swiden_low(products);
                let high = self.ins().swiden_high(products);
                let sum = self.ins().iadd_pairwise(low, high);
                let result = self.ins().iadd(sum, addend);
                self.push(result);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// `x * y + z`, or `-(x * y) + z`.
    fn multiply_add(&mut self, ty: Type, negated: bool) -> Result<bool> {
        let z = self.pop_vector(ty)?;
        let y = self.pop_vector(ty)?;
        let mut x = self.pop_vector(ty)?;
        if negated {
            x = self.ins().fneg(x);
        }
        let result = if self.relaxed == (Relaxed::Fast { fused: true }) {
            self.ins().fma(x, y, z)
        } else {
            let product = self.ins().fmul(x, y);
            self.ins().fadd(product, z)
        };
        self.push(result);
        Ok(true)
    }

    /// Lanes of one of two vectors: by the highest bit of each lane of a mask, or bit by bit.
    fn select_lanes(&mut self, ty: Type, by_highest_bit: bool) -> Result<bool> {
        let mask = self.pop_vector(ty)?;
        self.vector_binary(ty, |i, x, y| {
            if by_highest_bit {
                i.blendv(mask, x, y)
            } else {
                i.bitselect(mask, x, y)
            }
        })
    }

    /// Products of bytes, added in pairs.
    fn dot_product(&mut self) -> Result<Value> {
        let y = self.pop_vector(I8X16)?;
        let x = self.pop_vector(I8X16)?;
        if self.relaxed != Relaxed::Deterministic {
            return Ok(self.ins().x86_pmaddubsw(x, y));
        }
        let [x_low, y_low] = [x, y].map(|v| self.ins().swiden_low(v));
        let [x_high, y_high] = [x, y].map(|v| self.ins().swiden_high(v));
        let low = self.ins().imul(x_low, y_low);
        let high = self.ins().imul(x_high, y_high);
        Ok(self.ins().iadd_pairwise(low, high))
    }
}
