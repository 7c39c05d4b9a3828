//! Vectors of floats, and conversions between them and vectors of integers.

use super::function::{Result, Translator};
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Type};
use wasmparser::Operator as Op;

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn simd_float(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::F32x4Eq => self.compare_float_lanes(F32X4, FloatCC::Equal),
            Op::F32x4Ne => self.compare_float_lanes(F32X4, FloatCC::NotEqual),
            Op::F32x4Lt => self.compare_float_lanes(F32X4, FloatCC::LessThan),
            Op::F32x4Gt => self.compare_float_lanes(F32X4, FloatCC::GreaterThan),
            Op::F32x4Le => self.compare_float_lanes(F32X4, FloatCC::LessThanOrEqual),
            Op::F32x4Ge => self.compare_float_lanes(F32X4, FloatCC::GreaterThanOrEqual),
            Op::F32x4Ceil => self.vector_unary(F32X4, |i, x| i.ceil(x)),
            Op::F32x4Floor => self.vector_unary(F32X4, |i, x| i.floor(x)),
            Op::F32x4Trunc => self.vector_unary(F32X4, |i, x| i.trunc(x)),
            Op::F32x4Nearest => self.vector_unary(F32X4, |i, x| i.nearest(x)),
            Op::F32x4Abs => self.vector_unary(F32X4, |i, x| i.fabs(x)),
            Op::F32x4Neg => self.vector_unary(F32X4, |i, x| i.fneg(x)),
            Op::F32x4Sqrt => self.vector_unary(F32X4, |i, x| i.sqrt(x)),
            Op::F32x4Add => self.vector_binary(F32X4, |i, x, y| i.fadd(x, y)),
            Op::F32x4Sub => self.vector_binary(F32X4, |i, x, y| i.fsub(x, y)),
            Op::F32x4Mul => self.vector_binary(F32X4, |i, x, y| i.fmul(x, y)),
            Op::F32x4Div => self.vector_binary(F32X4, |i, x, y| i.fdiv(x, y)),
            Op::F32x4Min => self.vector_binary(F32X4, |i, x, y| i.fmin(x, y)),
            Op::F32x4Max => self.vector_binary(F32X4, |i, x, y| i.fmax(x, y)),
            Op::F32x4PMin => self.pseudo_minimum(F32X4),
            Op::F32x4PMax => self.pseudo_maximum(F32X4),
            Op::F64x2Eq => self.compare_float_lanes(F64X2, FloatCC::Equal),
            Op::F64x2Ne => self.compare_float_lanes(F64X2, FloatCC::NotEqual),
            Op::F64x2Lt => self.compare_float_lanes(F64X2, FloatCC::LessThan),
            Op::F64x2Gt => self.compare_float_lanes(F64X2, FloatCC::GreaterThan),
            Op::F64x2Le => self.compare_float_lanes(F64X2, FloatCC::LessThanOrEqual),
            Op::F64x2Ge => self.compare_float_lanes(F64X2, FloatCC::GreaterThanOrEqual),
            Op::F64x2Ceil => self.vector_unary(F64X2, |i, x| i.ceil(x)),
            Op::F64x2Floor => self.vector_unary(F64X2, |i, x| i.floor(x)),
            Op::F64x2Trunc => self.vector_unary(F64X2, |i, x| i.trunc(x)),
            Op::F64x2Nearest => self.vector_unary(F64X2, |i, x| i.nearest(x)),
            Op::F64x2Abs => self.vector_unary(F64X2, |i, x| i.fabs(x)),
            Op::F64x2Neg => self.vector_unary(F64X2, |i, x| i.fneg(x)),
            Op::F64x2Sqrt => self.vector_unary(F64X2, |i, x| i.sqrt(x)),
            Op::F64x2Add => self.vector_binary(F64X2, |i, x, y| i.fadd(x, y)),
            Op::F64x2Sub => self.vector_binary(F64X2, |i, x, y| i.fsub(x, y)),
            Op::F64x2Mul => self.vector_binary(F64X2, |i, x, y| i.fmul(x, y)),
            Op::F64x2Div => self.vector_binary(F64X2, |i, x, y| i.fdiv(x, y)),
            Op::F64x2Min => self.vector_binary(F64X2, |i, x, y| i.fmin(x, y)),
            Op::F64x2Max => self.vector_binary(F64X2, |i, x, y| i.fmax(x, y)),
            Op::F64x2PMin => self.pseudo_minimum(F64X2),
            Op::F64x2PMax => self.pseudo_maximum(F64X2),
            Op::I32x4TruncSatF32x4S => {
                self.vector_unary(F32X4, |i, x| i.fcvt_to_sint_sat(I32X4, x))
            }
            Op::I32x4TruncSatF32x4U => {
                self.vector_unary(F32X4, |i, x| i.fcvt_to_uint_sat(I32X4, x))
            }
            Op::F32x4ConvertI32x4S => self.vector_unary(I32X4, |i, x| i.fcvt_from_sint(F32X4, x)),
            Op::F32x4ConvertI32x4U => self.vector_unary(I32X4, |i, x| i.fcvt_from_uint(F32X4, x)),
            Op::I32x4TruncSatF64x2SZero => {
                let x = self.pop_vector(F64X2)?;
                let wide = self.ins().fcvt_to_sint_sat(I64X2, x);
                let zero = self.v128_const([0; 16], I64X2);
                let result = self.ins().snarrow(wide, zero);
                self.push(result);
                Ok(true)
            }
            Op::I32x4TruncSatF64x2UZero => {
                let x = self.pop_vector(F64X2)?;
                let wide = self.ins().fcvt_to_uint_sat(I64X2, x);
                let zero = self.v128_const([0; 16], I64X2);
                let result = self.ins().uunarrow(wide, zero);
                self.push(result);
                Ok(true)
            }
            Op::F64x2ConvertLowI32x4S => {
                let x = self.pop_vector(I32X4)?;
                let wide = self.ins().swiden_low(x);
                let result = self.ins().fcvt_from_sint(F64X2, wide);
                self.push(result);
                Ok(true)
            }
            Op::F64x2ConvertLowI32x4U => {
                let x = self.pop_vector(I32X4)?;
                let wide = self.ins().uwiden_low(x);
                let result = self.ins().fcvt_from_uint(F64X2, wide);
                self.push(result);
                Ok(true)
            }
            Op::F32x4DemoteF64x2Zero => self.vector_unary(F64X2, |i, x| i.fvdemote(x)),
            Op::F64x2PromoteLowF32x4 => self.vector_unary(F32X4, |i, x| i.fvpromote_low(x)),
            _ => Ok(false),
        }
    }

    fn compare_float_lanes(&mut self, ty: Type, condition: FloatCC) -> Result<bool> {
        self.vector_binary(ty, |i, x, y| i.fcmp(condition, x, y))
    }

    /// `y < x ? y : x` in every lane: the first operand where they are equal or one is NaN.
    fn pseudo_minimum(&mut self, ty: Type) -> Result<bool> {
        let y = self.pop_vector(ty)?;
        let x = self.pop_vector(ty)?;
        let less = self.ins().fcmp(FloatCC::LessThan, y, x);
        let less = self.e.as_vector(less, ty);
        let result = self.ins().bitselect(less, y, x);
        self.push(result);
        Ok(true)
    }

    /// `x < y ? y : x` in every lane: the first operand where they are equal or one is NaN.
    fn pseudo_maximum(&mut self, ty: Type) -> Result<bool> {
        let y = self.pop_vector(ty)?;
        let x = self.pop_vector(ty)?;
        let less = self.ins().fcmp(FloatCC::LessThan, x, y);
        let less = self.e.as_vector(less, ty);
        let result = self.ins().bitselect(less, y, x);
        self.push(result);
        Ok(true)
    }
}
