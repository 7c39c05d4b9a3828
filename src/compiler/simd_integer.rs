//! Arithmetic and comparisons of vectors of integers.

use super::function::{Result, Translator};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator as Op;

/// Which half of a vector is widened, and how.
#[derive(Clone, Copy)]
enum Half {
    LowSigned,
    HighSigned,
    LowUnsigned,
    HighUnsigned,
}

impl Half {
    fn widen(self, ins: FuncInstBuilder<'_, '_>, x: Value) -> Value {
        match self {
            Self::LowSigned => ins.swiden_low(x),
            Self::HighSigned => ins.swiden_high(x),
            Self::LowUnsigned => ins.uwiden_low(x),
            Self::HighUnsigned => ins.uwiden_high(x),
        }
    }
}

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn simd_integer(&mut self, operator: &Op<'_>) -> Result<bool> {
        Ok(self.vector_comparison(operator)?
            || self.vector_arithmetic(operator)?
            || self.vector_shift(operator)?
            || self.vector_widening(operator)?)
    }

    fn vector_comparison(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I8x16Eq => self.compare_lanes(I8X16, IntCC::Equal),
            Op::I8x16Ne => self.compare_lanes(I8X16, IntCC::NotEqual),
            Op::I8x16LtS => self.compare_lanes(I8X16, IntCC::SignedLessThan),
            Op::I8x16LtU => self.compare_lanes(I8X16, IntCC::UnsignedLessThan),
            Op::I8x16GtS => self.compare_lanes(I8X16, IntCC::SignedGreaterThan),
            Op::I8x16GtU => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThan),
            Op::I8x16LeS => self.compare_lanes(I8X16, IntCC::SignedLessThanOrEqual),
            Op::I8x16LeU => self.compare_lanes(I8X16, IntCC::UnsignedLessThanOrEqual),
            Op::I8x16GeS => self.compare_lanes(I8X16, IntCC::SignedGreaterThanOrEqual),
            Op::I8x16GeU => self.compare_lanes(I8X16, IntCC::UnsignedGreaterThanOrEqual),
            Op::I16x8Eq => self.compare_lanes(I16X8, IntCC::Equal),
            Op::I16x8Ne => self.compare_lanes(I16X8, IntCC::NotEqual),
            Op::I16x8LtS => self.compare_lanes(I16X8, IntCC::SignedLessThan),
            Op::I16x8LtU => self.compare_lanes(I16X8, IntCC::UnsignedLessThan),
            Op::I16x8GtS => self.compare_lanes(I16X8, IntCC::SignedGreaterThan),
            Op::I16x8GtU => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThan),
            Op::I16x8LeS => self.compare_lanes(I16X8, IntCC::SignedLessThanOrEqual),
            Op::I16x8LeU => self.compare_lanes(I16X8, IntCC::UnsignedLessThanOrEqual),
            Op::I16x8GeS => self.compare_lanes(I16X8, IntCC::SignedGreaterThanOrEqual),
            Op::I16x8GeU => self.compare_lanes(I16X8, IntCC::UnsignedGreaterThanOrEqual),
            Op::I32x4Eq => self.compare_lanes(I32X4, IntCC::Equal),
            Op::I32x4Ne => self.compare_lanes(I32X4, IntCC::NotEqual),
            Op::I32x4LtS => self.compare_lanes(I32X4, IntCC::SignedLessThan),
            Op::I32x4LtU => self.compare_lanes(I32X4, IntCC::UnsignedLessThan),
            Op::I32x4GtS => self.compare_lanes(I32X4, IntCC::SignedGreaterThan),
            Op::I32x4GtU => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThan),
            Op::I32x4LeS => self.compare_lanes(I32X4, IntCC::SignedLessThanOrEqual),
            Op::I32x4LeU => self.compare_lanes(I32X4, IntCC::UnsignedLessThanOrEqual),
            Op::I32x4GeS => self.compare_lanes(I32X4, IntCC::SignedGreaterThanOrEqual),
            Op::I32x4GeU => self.compare_lanes(I32X4, IntCC::UnsignedGreaterThanOrEqual),
            Op::I64x2Eq => self.compare_lanes(I64X2, IntCC::Equal),
            Op::I64x2Ne => self.compare_lanes(I64X2, IntCC::NotEqual),
            Op::I64x2LtS => self.compare_lanes(I64X2, IntCC::SignedLessThan),
            Op::I64x2GtS => self.compare_lanes(I64X2, IntCC::SignedGreaterThan),
            Op::I64x2LeS => self.compare_lanes(I64X2, IntCC::SignedLessThanOrEqual),
            Op::I64x2GeS => self.compare_lanes(I64X2, IntCC::SignedGreaterThanOrEqual),
            _ => Ok(false),
        }
    }

    fn compare_lanes(&mut self, ty: Type, condition: IntCC) -> Result<bool> {
        self.vector_binary(ty, |i, x, y| i.icmp(condition, x, y))
    }

    fn vector_arithmetic(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I8x16Abs => self.vector_unary(I8X16, |i, x| i.iabs(x)),
            Op::I8x16Neg => self.vector_unary(I8X16, |i, x| i.ineg(x)),
            Op::I8x16Popcnt => self.vector_unary(I8X16, |i, x| i.popcnt(x)),
            Op::I8x16Add => self.vector_binary(I8X16, |i, x, y| i.iadd(x, y)),
            Op::I8x16Sub => self.vector_binary(I8X16, |i, x, y| i.isub(x, y)),
            Op::I8x16AddSatS => self.vector_binary(I8X16, |i, x, y| i.sadd_sat(x, y)),
            Op::I8x16AddSatU => self.vector_binary(I8X16, |i, x, y| i.uadd_sat(x, y)),
            Op::I8x16SubSatS => self.vector_binary(I8X16, |i, x, y| i.ssub_sat(x, y)),
            Op::I8x16SubSatU => self.vector_binary(I8X16, |i, x, y| i.usub_sat(x, y)),
            Op::I8x16AvgrU => self.vector_binary(I8X16, |i, x, y| i.avg_round(x, y)),
            Op::I8x16MinS => self.vector_binary(I8X16, |i, x, y| i.smin(x, y)),
            Op::I8x16MinU => self.vector_binary(I8X16, |i, x, y| i.umin(x, y)),
            Op::I8x16MaxS => self.vector_binary(I8X16, |i, x, y| i.smax(x, y)),
            Op::I8x16MaxU => self.vector_binary(I8X16, |i, x, y| i.umax(x, y)),
            Op::I16x8Abs => self.vector_unary(I16X8, |i, x| i.iabs(x)),
            Op::I16x8Neg => self.vector_unary(I16X8, |i, x| i.ineg(x)),
            Op::I16x8Add => self.vector_binary(I16X8, |i, x, y| i.iadd(x, y)),
            Op::I16x8Sub => self.vector_binary(I16X8, |i, x, y| i.isub(x, y)),
            Op::I16x8Mul => self.vector_binary(I16X8, |i, x, y| i.imul(x, y)),
            Op::I16x8AddSatS => self.vector_binary(I16X8, |i, x, y| i.sadd_sat(x, y)),
            Op::I16x8AddSatU => self.vector_binary(I16X8, |i, x, y| i.uadd_sat(x, y)),
            Op::I16x8SubSatS => self.vector_binary(I16X8, |i, x, y| i.ssub_sat(x, y)),
            Op::I16x8SubSatU => self.vector_binary(I16X8, |i, x, y| i.usub_sat(x, y)),
            Op::I16x8AvgrU => self.vector_binary(I16X8, |i, x, y| i.avg_round(x, y)),
            Op::I16x8MinS => self.vector_binary(I16X8, |i, x, y| i.smin(x, y)),
            Op::I16x8MinU => self.vector_binary(I16X8, |i, x, y| i.umin(x, y)),
            Op::I16x8MaxS => self.vector_binary(I16X8, |i, x, y| i.smax(x, y)),
            Op::I16x8MaxU => self.vector_binary(I16X8, |i, x, y| i.umax(x, y)),
            Op::I16x8Q15MulrSatS => self.vector_binary(I16X8, |i, x, y| i.sqmul_round_sat(x, y)),
            Op::I32x4Abs => self.vector_unary(I32X4, |i, x| i.iabs(x)),
            Op::I32x4Neg => self.vector_unary(I32X4, |i, x| i.ineg(x)),
            Op::I32x4Add => self.vector_binary(I32X4, |i, x, y| i.iadd(x, y)),
            Op::I32x4Sub => self.vector_binary(I32X4, |i, x, y| i.isub(x, y)),
            Op::I32x4Mul => self.vector_binary(I32X4, |i, x, y| i.imul(x, y)),
            Op::I32x4MinS => self.vector_binary(I32X4, |i, x, y| i.smin(x, y)),
            Op::I32x4MinU => self.vector_binary(I32X4, |i, x, y| i.umin(x, y)),
            Op::I32x4MaxS => self.vector_binary(I32X4, |i, x, y| i.smax(x, y)),
            Op::I32x4MaxU => self.vector_binary(I32X4, |i, x, y| i.umax(x, y)),
            Op::I64x2Abs => self.vector_unary(I64X2, |i, x| i.iabs(x)),
            Op::I64x2Neg => self.vector_unary(I64X2, |i, x| i.ineg(x)),
            Op::I64x2Add => self.vector_binary(I64X2, |i, x, y| i.iadd(x, y)),
            Op::I64x2Sub => self.vector_binary(I64X2, |i, x, y| i.isub(x, y)),
            Op::I64x2Mul => self.vector_binary(I64X2, |i, x, y| i.imul(x, y)),
            Op::I32x4DotI16x8S => {
                let y = self.pop_vector(I16X8)?;
                let x = self.pop_vector(I16X8)?;
                let low = self.multiply_widened(Half::LowSigned, x, y);
                let high = self.multiply_widened(Half::HighSigned, x, y);
                let sum = self.ins().iadd_pairwise(low, high);
                self.push(sum);
                Ok(true)
            }
            Op::I8x16NarrowI16x8S => self.vector_binary(I16X8, |i, x, y| i.snarrow(x, y)),
            Op::I8x16NarrowI16x8U => self.vector_binary(I16X8, |i, x, y| i.unarrow(x, y)),
            Op::I16x8NarrowI32x4S => self.vector_binary(I32X4, |i, x, y| i.snarrow(x, y)),
            Op::I16x8NarrowI32x4U => self.vector_binary(I32X4, |i, x, y| i.unarrow(x, y)),
            _ => Ok(false),
        }
    }

    fn vector_shift(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I8x16Shl => self.shift(I8X16, |i, x, n| i.ishl(x, n)),
            Op::I8x16ShrS => self.shift(I8X16, |i, x, n| i.sshr(x, n)),
            Op::I8x16ShrU => self.shift(I8X16, |i, x, n| i.ushr(x, n)),
            Op::I16x8Shl => self.shift(I16X8, |i, x, n| i.ishl(x, n)),
            Op::I16x8ShrS => self.shift(I16X8, |i, x, n| i.sshr(x, n)),
            Op::I16x8ShrU => self.shift(I16X8, |i, x, n| i.ushr(x, n)),
            Op::I32x4Shl => self.shift(I32X4, |i, x, n| i.ishl(x, n)),
            Op::I32x4ShrS => self.shift(I32X4, |i, x, n| i.sshr(x, n)),
            Op::I32x4ShrU => self.shift(I32X4, |i, x, n| i.ushr(x, n)),
            Op::I64x2Shl => self.shift(I64X2, |i, x, n| i.ishl(x, n)),
            Op::I64x2ShrS => self.shift(I64X2, |i, x, n| i.sshr(x, n)),
            Op::I64x2ShrU => self.shift(I64X2, |i, x, n| i.ushr(x, n)),
            _ => Ok(false),
        }
    }

    /// Shifts every lane by an i32, of which as many bits count as the lanes are wide.
    fn shift(
        &mut self,
        ty: Type,
        f: impl FnOnce(FuncInstBuilder<'_, '_>, Value, Value) -> Value,
    ) -> Result<bool> {
        let amount = self.pop()?;
        let x = self.pop_vector(ty)?;
        let result = f(self.ins(), x, amount);
        self.push(result);
        Ok(true)
    }

    fn vector_widening(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I16x8ExtendLowI8x16S => self.widen(I8X16, Half::LowSigned),
            Op::I16x8ExtendLowI8x16U => self.widen(I8X16, Half::LowUnsigned),
            Op::I16x8ExtendHighI8x16S => self.widen(I8X16, Half::HighSigned),
            Op::I16x8ExtendHighI8x16U => self.widen(I8X16, Half::HighUnsigned),
            Op::I16x8ExtMulLowI8x16S => self.multiply_half(I8X16, Half::LowSigned),
            Op::I16x8ExtMulLowI8x16U => self.multiply_half(I8X16, Half::LowUnsigned),
            Op::I16x8ExtMulHighI8x16S => self.multiply_half(I8X16, Half::HighSigned),
            Op::I16x8ExtMulHighI8x16U => self.multiply_half(I8X16, Half::HighUnsigned),
            Op::I16x8ExtAddPairwiseI8x16S => {
                self.add_pairwise(I8X16, Half::LowSigned, Half::HighSigned)
            }
            Op::I16x8ExtAddPairwiseI8x16U => {
                self.add_pairwise(I8X16, Half::LowUnsigned, Half::HighUnsigned)
            }
            Op::I32x4ExtendLowI16x8S => self.widen(I16X8, Half::LowSigned),
            Op::I32x4ExtendLowI16x8U => self.widen(I16X8, Half::LowUnsigned),
            Op::I32x4ExtendHighI16x8S => self.widen(I16X8, Half::HighSigned),
            Op::I32x4ExtendHighI16x8U => self.widen(I16X8, Half::HighUnsigned),
            Op::I32x4ExtMulLowI16x8S => self.multiply_half(I16X8, Half::LowSigned),
            Op::I32x4ExtMulLowI16x8U => self.multiply_half(I16X8, Half::LowUnsigned),
            Op::I32x4ExtMulHighI16x8S => self.multiply_half(I16X8, Half::HighSigned),
            Op::I32x4ExtMulHighI16x8U => self.multiply_half(I16X8, Half::HighUnsigned),
            Op::I32x4ExtAddPairwiseI16x8S => {
                self.add_pairwise(I16X8, Half::LowSigned, Half::HighSigned)
            }
            Op::I32x4ExtAddPairwiseI16x8U => {
                self.add_pairwise(I16X8, Half::LowUnsigned, Half::HighUnsigned)
            }
            Op::I64x2ExtendLowI32x4S => self.widen(I32X4, Half::LowSigned),
            Op::I64x2ExtendLowI32x4U => self.widen(I32X4, Half::LowUnsigned),
            Op::I64x2ExtendHighI32x4S => self.widen(I32X4, Half::HighSigned),
            Op::I64x2ExtendHighI32x4U => self.widen(I32X4, Half::HighUnsigned),
            Op::I64x2ExtMulLowI32x4S => self.multiply_half(I32X4, Half::LowSigned),
            Op::I64x2ExtMulLowI32x4U => self.multiply_half(I32X4, Half::LowUnsigned),
            Op::I64x2ExtMulHighI32x4S => self.multiply_half(I32X4, Half::HighSigned),
            Op::I64x2ExtMulHighI32x4U => self.multiply_half(I32X4, Half::HighUnsigned),
            _ => Ok(false),
        }
    }

    fn widen(&mut self, ty: Type, half: Half) -> Result<bool> {
        self.vector_unary(ty, |i, x| half.widen(i, x))
    }

    fn multiply_widened(&mut self, half: Half, x: Value, y: Value) -> Value {
        let x = half.widen(self.ins(), x);
        let y = half.widen(self.ins(), y);
        self.ins().imul(x, y)
    }

    fn multiply_half(&mut self, ty: Type, half: Half) -> Result<bool> {
        let y = self.pop_vector(ty)?;
        let x = self.pop_vector(ty)?;
        let product = self.multiply_widened(half, x, y);
        self.push(product);
        Ok(true)
    }

    fn add_pairwise(&mut self, ty: Type, low: Half, high: Half) -> Result<bool> {
        let x = self.pop_vector(ty)?;
        let low = low.widen(self.ins(), x);
        let high = high.widen(self.ins(), x);
        let sum = self.ins().iadd_pairwise(low, high);
        self.push(sum);
        Ok(true)
    }
}
