//! Locals, globals, and the operators of the stack.

use super::function::{Operand, Result, Translator};
use super::signature::{POINTER, ir_type};
use crate::module::{ConstExpr, GlobalType};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use wasmparser::Operator;

/// Globals (the first so many) that Cranelift tells from each other: a store to one then leaves what is known of the
/// rest. Each takes some time in each block.
const APART: u32 = 64;

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn variable(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::LocalGet { local_index } => {
                let (value, ty) = self.get_local(*local_index)?;
                self.push_typed(value, ty);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop()?;
                let value = self.e.canonical(value);
                self.set_local(*local_index, value)?;
            }
            Operator::LocalTee { local_index } => {
                let value = self.peek_canonical(1)?;
                let value = *value.first().ok_or("stack underflow")?;
                self.set_local(*local_index, value)?;
            }
            Operator::GlobalGet { global_index } => self.global_get(*global_index)?,
            Operator::GlobalSet { global_index } => self.global_set(*global_index)?,
            Operator::Drop => drop(self.pop()?),
            Operator::Select | Operator::TypedSelect { .. } => self.select()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn select(&mut self) -> Result<()> {
        let condition = self.pop()?;
        let otherwise = self.pop()?;
        let Operand { value, is_extern } = self.pop_operand()?;
        let value = self.e.canonical(value);
        let otherwise = self.e.canonical(otherwise);
        let value = self.ins().select(condition, value, otherwise);
        self.push_operand(Operand { value, is_extern });
        Ok(())
    }

    fn global(&self, index: u32) -> Result<GlobalType> {
        let global = self.module.globals.get(index as usize);
        global.copied().ok_or_else(|| "no such global".to_owned())
    }

    fn in_cell(&self, index: u32) -> bool {
        let in_cell = self.module.global_in_cell.get(index as usize);
        in_cell.copied().unwrap_or(true)
    }

    /// Where the value of a global is: an address and an offset.
    fn global_place(&mut self, index: u32) -> (Value, i32) {
        if self.in_cell(index) {
            let offset = self.offsets.global_cell(index);
            (self.e.fixed(POINTER, offset), 0)
        } else {
            (self.e.vmctx, self.offsets.global(index))
        }
    }

    fn global_get(&mut self, index: u32) -> Result<()> {
        let ty = self.global(index)?;
        let value = match self.global_constant(index, ty) {
            Some(value) => value,
            None => {
                let flags = self.global_flags(index, ty);
                let (address, offset) = self.global_place(index);
                self.ins().load(ir_type(ty.value), flags, address, offset)
            }
        };
        self.push_typed(value, ty.value);
        Ok(())
    }

    /// Immutable globals have their value before any code runs. Two that are in cells may be one.
    fn global_flags(&mut self, index: u32, ty: GlobalType) -> MemFlagsData {
        if !ty.mutable {
            return MemFlagsData::new()
                .with_notrap()
                .with_readonly()
                .with_can_move();
        }
        if self.in_cell(index) || index >= APART {
            return self.e.flags.global;
        }
        self.e.own_global(index)
    }

    /// The value of an immutable global that the module itself gives.
    fn global_constant(&mut self, index: u32, ty: GlobalType) -> Option<Value> {
        if ty.mutable {
            return None;
        }
        let defined = index.checked_sub(self.module.imported_globals)?;
        Some(match *self.module.global_inits.get(defined as usize)? {
            ConstExpr::I32(value) => self.e.i32_const(value),
            ConstExpr::I64(value) => self.ins().iconst(types::I64, value),
            ConstExpr::F32(bits) => self.ins().f32const(Ieee32::with_bits(bits)),
            ConstExpr::F64(bits) => self.ins().f64const(Ieee64::with_bits(bits)),
            ConstExpr::V128(bytes) => self.v128_const(bytes, types::I8X16),
            ConstExpr::RefNull
            | ConstExpr::RefFunc(_)
            | ConstExpr::GlobalGet(_)
            | ConstExpr::Extended(_) => return None,
        })
    }

    fn global_set(&mut self, index: u32) -> Result<()> {
        let ty = self.global(index)?;
        let value = self.pop()?;
        let value = self.e.canonical(value);
        let (address, offset) = self.global_place(index);
        let flags = self.global_flags(index, ty);
        self.ins().store(flags, value, address, offset);
        Ok(())
    }
}
