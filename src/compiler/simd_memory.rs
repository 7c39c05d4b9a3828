//! Loads and stores of vectors and lanes.

use super::function::{Result, Translator};
use cranelift_codegen::ir::types::{I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type};
use wasmparser::{MemArg, Operator as Op};

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn simd_memory(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::V128Load { memarg } => {
                let value = self.load_value(memarg, Opcode::Load, I8X16, 16)?;
                self.push(value);
            }
            Op::V128Store { memarg } => {
                let value = self.pop()?;
                self.store_value(memarg, Opcode::Store, value, 16)?;
            }
            Op::V128Load8x8S { memarg } => self.load_widened(memarg, Opcode::Sload8x8, I16X8)?,
            Op::V128Load8x8U { memarg } => self.load_widened(memarg, Opcode::Uload8x8, I16X8)?,
            Op::V128Load16x4S { memarg } => self.load_widened(memarg, Opcode::Sload16x4, I32X4)?,
            Op::V128Load16x4U { memarg } => self.load_widened(memarg, Opcode::Uload16x4, I32X4)?,
            Op::V128Load32x2S { memarg } => self.load_widened(memarg, Opcode::Sload32x2, I64X2)?,
            Op::V128Load32x2U { memarg } => self.load_widened(memarg, Opcode::Uload32x2, I64X2)?,
            Op::V128Load8Splat { memarg } => self.load_splat(memarg, I8X16)?,
            Op::V128Load16Splat { memarg } => self.load_splat(memarg, I16X8)?,
            Op::V128Load32Splat { memarg } => self.load_splat(memarg, I32X4)?,
            Op::V128Load64Splat { memarg } => self.load_splat(memarg, I64X2)?,
            Op::V128Load32Zero { memarg } => self.load_zero(memarg, I32X4)?,
            Op::V128Load64Zero { memarg } => self.load_zero(memarg, I64X2)?,
            Op::V128Load8Lane { memarg, lane } => self.load_lane(memarg, *lane, I8X16)?,
            Op::V128Load16Lane { memarg, lane } => self.load_lane(memarg, *lane, I16X8)?,
            Op::V128Load32Lane { memarg, lane } => self.load_lane(memarg, *lane, I32X4)?,
            Op::V128Load64Lane { memarg, lane } => self.load_lane(memarg, *lane, I64X2)?,
            Op::V128Store8Lane { memarg, lane } => self.store_lane(memarg, *lane, I8X16)?,
            Op::V128Store16Lane { memarg, lane } => self.store_lane(memarg, *lane, I16X8)?,
            Op::V128Store32Lane { memarg, lane } => self.store_lane(memarg, *lane, I32X4)?,
            Op::V128Store64Lane { memarg, lane } => self.store_lane(memarg, *lane, I64X2)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Loads eight bytes and widens them to lanes of `ty`.
    fn load_widened(&mut self, memarg: &MemArg, opcode: Opcode, ty: Type) -> Result<()> {
        let value = self.load_value(memarg, opcode, ty, 8)?;
        self.push(value);
        Ok(())
    }

    /// Loads one lane of vectors of type `ty`.
    fn load_scalar(&mut self, memarg: &MemArg, ty: Type) -> Result<cranelift_codegen::ir::Value> {
        let lane = ty.lane_type();
        self.load_value(memarg, Opcode::Load, lane, u64::from(lane.bytes()))
    }

    fn load_splat(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        let scalar = self.load_scalar(memarg, ty)?;
        let value = self.ins().splat(ty, scalar);
        self.push(value);
        Ok(())
    }

    fn load_zero(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        let scalar = self.load_scalar(memarg, ty)?;
        let value = self.ins().scalar_to_vector(ty, scalar);
        self.push(value);
        Ok(())
    }

    fn load_lane(&mut self, memarg: &MemArg, lane: u8, ty: Type) -> Result<()> {
        let vector = self.pop_vector(ty)?;
        let scalar = self.load_scalar(memarg, ty)?;
        let value = self.ins().insertlane(vector, scalar, lane);
        self.push(value);
        Ok(())
    }

    fn store_lane(&mut self, memarg: &MemArg, lane: u8, ty: Type) -> Result<()> {
        let vector = self.pop_vector(ty)?;
        let scalar = self.ins().extractlane(vector, lane);
        let size = u64::from(ty.lane_type().bytes());
        self.store_value(memarg, Opcode::Store, scalar, size)
    }
}
