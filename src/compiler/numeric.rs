//! Numbers.

use super::function::{Result, Translator};
use crate::runtime::Trap;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64, I128};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};
use cranelift_frontend::FuncInstBuilder;
use wasmparser::Operator as Op;

impl<'b> Translator<'_, 'b> {
    /// Translates an operator of this family; false if it is none.
    pub fn numeric(&mut self, operator: &Op<'_>) -> Result<bool> {
        Ok(self.constant(operator)
            || self.comparison(operator)?
            || self.integer(operator)?
            || self.wide(operator)?
            || self.float(operator)?
            || self.conversion(operator)?)
    }

    /// Replaces the operand on top.
    pub fn unary(
        &mut self,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value) -> Value,
    ) -> Result<bool> {
        let x = self.pop()?;
        let result = f(self.ins(), x);
        self.push(result);
        Ok(true)
    }

    /// Replaces the two operands on top.
    pub fn binary(
        &mut self,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value, Value) -> Value,
    ) -> Result<bool> {
        let y = self.pop()?;
        let x = self.pop()?;
        let result = f(self.ins(), x, y);
        self.push(result);
        Ok(true)
    }

    fn constant(&mut self, operator: &Op<'_>) -> bool {
        let value = match operator {
            Op::I32Const { value } => self.e.i32_const(*value),
            Op::I64Const { value } => self.ins().iconst(I64, *value),
            Op::F32Const { value } => self.ins().f32const(Ieee32::with_bits(value.bits())),
            Op::F64Const { value } => self.ins().f64const(Ieee64::with_bits(value.bits())),
            _ => return false,
        };
        self.push(value);
        true
    }

    fn comparison(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I32Eqz | Op::I64Eqz => {
                let x = self.pop()?;
                let is_zero = self.ins().icmp_imm_u(IntCC::Equal, x, 0);
                self.push_bool(is_zero)
            }
            Op::I32Eq | Op::I64Eq => self.compare_integers(IntCC::Equal),
            Op::I32Ne | Op::I64Ne => self.compare_integers(IntCC::NotEqual),
            Op::I32LtS | Op::I64LtS => self.compare_integers(IntCC::SignedLessThan),
            Op::I32LtU | Op::I64LtU => self.compare_integers(IntCC::UnsignedLessThan),
            Op::I32GtS | Op::I64GtS => self.compare_integers(IntCC::SignedGreaterThan),
            Op::I32GtU | Op::I64GtU => self.compare_integers(IntCC::UnsignedGreaterThan),
            Op::I32LeS | Op::I64LeS => self.compare_integers(IntCC::SignedLessThanOrEqual),
            Op::I32LeU | Op::I64LeU => self.compare_integers(IntCC::UnsignedLessThanOrEqual),
            Op::I32GeS | Op::I64GeS => self.compare_integers(IntCC::SignedGreaterThanOrEqual),
            Op::I32GeU | Op::I64GeU => self.compare_integers(IntCC::UnsignedGreaterThanOrEqual),
            Op::F32Eq | Op::F64Eq => self.compare_floats(FloatCC::Equal),
            Op::F32Ne | Op::F64Ne => self.compare_floats(FloatCC::NotEqual),
            Op::F32Lt | Op::F64Lt => self.compare_floats(FloatCC::LessThan),
            Op::F32Gt | Op::F64Gt => self.compare_floats(FloatCC::GreaterThan),
            Op::F32Le | Op::F64Le => self.compare_floats(FloatCC::LessThanOrEqual),
            Op::F32Ge | Op::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual),
            _ => Ok(false),
        }
    }

    fn compare_integers(&mut self, condition: IntCC) -> Result<bool> {
        let y = self.pop()?;
        let x = self.pop()?;
        let result = self.ins().icmp(condition, x, y);
        self.push_bool(result)
    }

    fn compare_floats(&mut self, condition: FloatCC) -> Result<bool> {
        let y = self.pop()?;
        let x = self.pop()?;
        let result = self.ins().fcmp(condition, x, y);
        self.push_bool(result)
    }

    /// Pushes a truth value as wasm has it: an i32.
    pub fn push_bool(&mut self, value: Value) -> Result<bool> {
        let value = self.ins().uextend(I32, value);
        self.push(value);
        Ok(true)
    }

    fn integer(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I32Clz | Op::I64Clz => self.unary(|i, x| i.clz(x)),
            Op::I32Ctz | Op::I64Ctz => self.unary(|i, x| i.ctz(x)),
            Op::I32Popcnt | Op::I64Popcnt => self.unary(|i, x| i.popcnt(x)),
            Op::I32Add | Op::I64Add => self.binary(|i, x, y| i.iadd(x, y)),
            Op::I32Sub | Op::I64Sub => self.binary(|i, x, y| i.isub(x, y)),
            Op::I32Mul | Op::I64Mul => self.binary(|i, x, y| i.imul(x, y)),
            Op::I32DivS | Op::I64DivS => self.division(Trap::DivideByZero, |i, x, y| i.sdiv(x, y)),
            Op::I32DivU | Op::I64DivU => self.division(Trap::DivideByZero, |i, x, y| i.udiv(x, y)),
            Op::I32RemS | Op::I64RemS => {
                self.division(Trap::RemainderByZero, |i, x, y| i.srem(x, y))
            }
            Op::I32RemU | Op::I64RemU => {
                self.division(Trap::RemainderByZero, |i, x, y| i.urem(x, y))
            }
            Op::I32And | Op::I64And => self.binary(|i, x, y| i.band(x, y)),
            Op::I32Or | Op::I64Or => self.binary(|i, x, y| i.bor(x, y)),
            Op::I32Xor | Op::I64Xor => self.binary(|i, x, y| i.bxor(x, y)),
            Op::I32Shl | Op::I64Shl => self.binary(|i, x, y| i.ishl(x, y)),
            Op::I32ShrS | Op::I64ShrS => self.binary(|i, x, y| i.sshr(x, y)),
            Op::I32ShrU | Op::I64ShrU => self.binary(|i, x, y| i.ushr(x, y)),
            Op::I32Rotl | Op::I64Rotl => self.binary(|i, x, y| i.rotl(x, y)),
            Op::I32Rotr | Op::I64Rotr => self.binary(|i, x, y| i.rotr(x, y)),
            Op::I32Extend8S => self.extend_low(I8, I32),
            Op::I32Extend16S => self.extend_low(I16, I32),
            Op::I64Extend8S => self.extend_low(I8, I64),
            Op::I64Extend16S => self.extend_low(I16, I64),
            Op::I64Extend32S => self.extend_low(I32, I64),
            _ => Ok(false),
        }
    }

    /// Arithmetic of 128 bits, in two halves.
    fn wide(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::I64Add128 => self.wide_binary(|i, x, y| i.iadd(x, y)),
            Op::I64Sub128 => self.wide_binary(|i, x, y| i.isub(x, y)),
            Op::I64MulWideS => self.multiply_wide(|i, x| i.sextend(I128, x)),
            Op::I64MulWideU => self.multiply_wide(|i, x| i.uextend(I128, x)),
            _ => Ok(false),
        }
    }

    fn wide_binary(
        &mut self,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value, Value) -> Value,
    ) -> Result<bool> {
        let y = self.pop_wide()?;
        let x = self.pop_wide()?;
        let result = f(self.ins(), x, y);
        self.push_wide(result);
        Ok(true)
    }

    fn multiply_wide(
        &mut self,
        extend: impl Fn(FuncInstBuilder<'_, 'b>, Value) -> Value,
    ) -> Result<bool> {
        let y = self.pop()?;
        let x = self.pop()?;
        let x = extend(self.ins(), x);
        let y = extend(self.ins(), y);
        let product = self.ins().imul(x, y);
        self.push_wide(product);
        Ok(true)
    }

    /// The low half lies below the high one.
    fn pop_wide(&mut self) -> Result<Value> {
        let high = self.pop()?;
        let low = self.pop()?;
        Ok(self.ins().iconcat(low, high))
    }

    fn push_wide(&mut self, value: Value) {
        let (low, high) = self.ins().isplit(value);
        self.push(low);
        self.push(high);
    }

    /// A division or remainder: the divisor is checked first, because the two trap with different
    /// texts. Overflow is checked by the instruction itself.
    fn division(
        &mut self,
        trap: Trap,
        f: impl FnOnce(FuncInstBuilder<'_, 'b>, Value, Value) -> Value,
    ) -> Result<bool> {
        let y = self.pop()?;
        let x = self.pop()?;
        self.trap_unless(y, trap);
        let result = f(self.ins(), x, y);
        self.push(result);
        Ok(true)
    }

    /// Sign-extends the low bits of an integer.
    fn extend_low(&mut self, from: Type, to: Type) -> Result<bool> {
        let x = self.pop()?;
        let low = self.ins().ireduce(from, x);
        let result = self.ins().sextend(to, low);
        self.push(result);
        Ok(true)
    }

    fn float(&mut self, operator: &Op<'_>) -> Result<bool> {
        match operator {
            Op::F32Abs | Op::F64Abs => self.unary(|i, x| i.fabs(x)),
            Op::F32Neg | Op::F64Neg => self.unary(|i, x| i.fneg(x)),
            Op::F32Ceil | Op::F64Ceil => self.unary(|i, x| i.ceil(x)),
            Op::F32Floor | Op::F64Floor => self.unary(|i, x| i.floor(x)),
            Op::F32Trunc | Op::F64Trunc => self.unary(|i, x| i.trunc(x)),
            Op::F32Nearest | Op::F64Nearest => self.unary(|i, x| i.nearest(x)),
            Op::F32Sqrt | Op::F64Sqrt => self.unary(|i, x| i.sqrt(x)),
            Op::F32Add | Op::F64Add => self.binary(|i, x, y| i.fadd(x, y)),
            Op::F32Sub | Op::F64Sub => self.binary(|i, x, y| i.fsub(x, y)),
            Op::F32Mul | Op::F64Mul => self.binary(|i, x, y| i.fmul(x, y)),
            Op::F32Div | Op::F64Div => self.binary(|i, x, y| i.fdiv(x, y)),
            Op::F32Min | Op::F64Min => self.binary(|i, x, y| i.fmin(x, y)),
            Op::F32Max | Op::F64Max => self.binary(|i, x, y| i.fmax(x, y)),
            Op::F32Copysign | Op::F64Copysign => self.binary(|i, x, y| i.fcopysign(x, y)),
            _ => Ok(false),
        }
    }

    fn conversion(&mut self, operator: &Op<'_>) -> Result<bool> {
        let no_flags = MemFlagsData::new();
        match operator {
            Op::I32WrapI64 => self.unary(|i, x| i.ireduce(I32, x)),
            Op::I64ExtendI32S => self.unary(|i, x| i.sextend(I64, x)),
            Op::I64ExtendI32U => self.unary(|i, x| i.uextend(I64, x)),
            Op::I32TruncF32S | Op::I32TruncF64S => self.unary(|i, x| i.fcvt_to_sint(I32, x)),
            Op::I32TruncF32U | Op::I32TruncF64U => self.unary(|i, x| i.fcvt_to_uint(I32, x)),
            Op::I64TruncF32S | Op::I64TruncF64S => self.unary(|i, x| i.fcvt_to_sint(I64, x)),
            Op::I64TruncF32U | Op::I64TruncF64U => self.unary(|i, x| i.fcvt_to_uint(I64, x)),
            Op::I32TruncSatF32S | Op::I32TruncSatF64S => {
                self.unary(|i, x| i.fcvt_to_sint_sat(I32, x))
            }
            Op::I32TruncSatF32U | Op::I32TruncSatF64U => {
                self.unary(|i, x| i.fcvt_to_uint_sat(I32, x))
            }
            Op::I64TruncSatF32S | Op::I64TruncSatF64S => {
                self.unary(|i, x| i.fcvt_to_sint_sat(I64, x))
            }
            Op::I64TruncSatF32U | Op::I64TruncSatF64U => {
                self.unary(|i, x| i.fcvt_to_uint_sat(I64, x))
            }
            Op::F32ConvertI32S | Op::F32ConvertI64S => self.unary(|i, x| i.fcvt_from_sint(F32, x)),
            Op::F32ConvertI32U | Op::F32ConvertI64U => self.unary(|i, x| i.fcvt_from_uint(F32, x)),
            Op::F64ConvertI32S | Op::F64ConvertI64S => self.unary(|i, x| i.fcvt_from_sint(F64, x)),
            Op::F64ConvertI32U | Op::F64ConvertI64U => self.unary(|i, x| i.fcvt_from_uint(F64, x)),
            Op::F32DemoteF64 => self.unary(|i, x| i.fdemote(F32, x)),
            Op::F64PromoteF32 => self.unary(|i, x| i.fpromote(F64, x)),
            Op::I32ReinterpretF32 => self.unary(|i, x| i.bitcast(I32, no_flags, x)),
            Op::I64ReinterpretF64 => self.unary(|i, x| i.bitcast(I64, no_flags, x)),
            Op::F32ReinterpretI32 => self.unary(|i, x| i.bitcast(F32, no_flags, x)),
            Op::F64ReinterpretI64 => self.unary(|i, x| i.bitcast(F64, no_flags, x)),
            _ => Ok(false),
        }
    }
}
