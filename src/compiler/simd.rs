//! Vectors as a whole and their lanes.

use super::function::{Result, Translator};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8, I8X16, I16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator as Op;

impl<'b> Translator<'_, 'b> {
    /// Translates an operator of this family; false if it is none.
    pub fn simd(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::V128Const { value } => {
                let value = self.v128_const(*value.bytes(), I8X16);
                self.push(value);
                Ok(true)
            }
            Op::V128Not => self.vector_unary(I8X16, |i, x| i.bnot(x)),
            Op::V128And => self.vector_binary(I8X16, |i, x, y| i.band(x, y)),
            Op::V128AndNot => self.vector_binary(I8X16, |i, x, y| i.band_not(x, y)),
            Op::V128Or => self.vector_binary(I8X16, |i, x, y| i.bor(x, y)),
            Op::V128Xor => self.vector_binary(I8X16, |i, x, y| i.bxor(x, y)),
            Op::V128Bitselect => {
                let mask = self.pop_vector(I8X16)?;
                self.vector_binary(I8X16, |i, x, y| i.bitselect(mask, x, y))
            }
            Op::V128AnyTrue => {
                let x = self.pop_vector(I8X16)?;
                let any = self.ins().vany_true(x);
                self.push_bool(any)
            }
            Op::I8x16AllTrue => self.all_true(I8X16),
            Op::I16x8AllTrue => self.all_true(I16X8),
            Op::I32x4AllTrue => self.all_true(I32X4),
            Op::I64x2AllTrue => self.all_true(I64X2),
            Op::I8x16Bitmask => self.bitmask(I8X16),
            Op::I16x8Bitmask => self.bitmask(I16X8),
            Op::I32x4Bitmask => self.bitmask(I32X4),
            Op::I64x2Bitmask => self.bitmask(I64X2),
            Op::I8x16Shuffle { lanes } => {
                let mask = ConstantData::from(&lanes[..]);
                let mask = self.e.b.func.dfg.immediates.push(mask);
                self.vector_binary(I8X16, |i, x, y| i.shuffle(x, y, mask))
            }
            Op::I8x16Swizzle => self.vector_binary(I8X16, |i, x, y| i.swizzle(x, y)),
            Op::I8x16Splat => self.splat(I8X16),
            Op::I16x8Splat => self.splat(I16X8),
            Op::I32x4Splat => self.splat(I32X4),
            Op::I64x2Splat => self.splat(I64X2),
            Op::F32x4Splat => self.splat(F32X4),
            Op::F64x2Splat => self.splat(F64X2),
            Op::I8x16ExtractLaneS { lane } => {
                self.extract_lane(I8X16, *lane)?;
                self.unary(|i, x| i.sextend(I32, x))
            }
            Op::I8x16ExtractLaneU { lane } => {
                self.extract_lane(I8X16, *lane)?;
                self.unary(|i, x| i.uextend(I32, x))
            }
            Op::I16x8ExtractLaneS { lane } => {
                self.extract_lane(I16X8, *lane)?;
                self.unary(|i, x| i.sextend(I32, x))
            }
            Op::I16x8ExtractLaneU { lane } => {
                self.extract_lane(I16X8, *lane)?;
                self.unary(|i, x| i.uextend(I32, x))
            }
            Op::I32x4ExtractLane { lane } => self.extract_lane(I32X4, *lane),
            Op::I64x2ExtractLane { lane } => self.extract_lane(I64X2, *lane),
            Op::F32x4ExtractLane { lane } => self.extract_lane(F32X4, *lane),
            Op::F64x2ExtractLane { lane } => self.extract_lane(F64X2, *lane),
            Op::I8x16ReplaceLane { lane } => self.replace_lane(I8X16, *lane),
            Op::I16x8ReplaceLane { lane } => self.replace_lane(I16X8, *lane),
            Op::I32x4ReplaceLane { lane } => self.replace_lane(I32X4, *lane),
            Op::I64x2ReplaceLane { lane } => self.replace_lane(I64X2, *lane),
            Op::F32x4ReplaceLane { lane } => self.replace_lane(F32X4, *lane),
            Op::F64x2ReplaceLane { lane } => self.replace_lane(F64X2, *lane),
            _ => Ok(false),
        }
    }

    /// Replaces the vector on top, taken as lanes of type `ty`.
    pub fn vector_unary(
        &mut self,
        ty: Type,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value) -> Value,
    ) -> Result<bool> {
        let x = self.pop_vector(ty)?;
        let result = f(self.ins(), x);
        self.push(result);
        Ok(true)
    }

    /// Replaces the two vectors on top, taken as lanes of type `ty`.
    pub fn vector_binary(
        &mut self,
        ty: Type,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value, Value) -> Value,
    ) -> Result<bool> {
        let y = self.pop_vector(ty)?;
        let x = self.pop_vector(ty)?;
        let result = f(self.ins(), x, y);
        self.push(result);
        Ok(true)
    }

    fn all_true(&mut self, ty: Type) -> Result<bool> {
        let x = self.pop_vector(ty)?;
        let all = self.ins().vall_true(x);
        self.push_bool(all)
    }

    fn bitmask(&mut self, ty: Type) -> Result<bool> {
        self.vector_unary(ty, |i, x| i.vhigh_bits(I32, x))
    }

    /// A scalar as a lane of vectors of type `ty`: lanes of 8 and 16 bits travel as i32.
    fn pop_lane(&mut self, ty: Type) -> Result<Value> {
        let x = self.pop()?;
        let lane = ty.lane_type();
        Ok(if lane == I8 || lane == I16 {
            self.ins().ireduce(lane, x)
        } else {
            x
        })
    }

    fn splat(&mut self, ty: Type) -> Result<bool> {
        let x = self.pop_lane(ty)?;
        let result = self.ins().splat(ty, x);
        self.push(result);
        Ok(true)
    }

    fn extract_lane(&mut self, ty: Type, lane: u8) -> Result<bool> {
        self.vector_unary(ty, |i, x| i.extractlane(x, lane))
    }

    fn replace_lane(&mut self, ty: Type, lane: u8) -> Result<bool> {
        let value = self.pop_lane(ty)?;
        self.vector_unary(ty, |i, x| i.insertlane(x, value, lane))
    }
}
