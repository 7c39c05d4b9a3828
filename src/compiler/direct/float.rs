//! Floats, and conversions.

use super::condition::Condition;
use super::operand::{Operand, RCX};
use super::{Direct, Result, Unsupported};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// `op first, second`; `$pop` gets the two.
macro_rules! binary {
    ($self:ident, $op:ident, $pop:ident) => {{
        match $self.$pop()? {
            Some(place) => dynasm!($self.asm ; .arch x64 ; $op xmm0, [rsp + place]),
            None => dynasm!($self.asm ; .arch x64 ; $op xmm0, xmm1),
        }
        $self.push_xmm0();
    }};
}

macro_rules! unary {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_xmm0()?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_xmm0();
    }};
}

/// A comparison whose flags say nothing wrong about NaN.
macro_rules! compare {
    ($self:ident, $op:ident $first:ident, $second:ident, $condition:ident) => {{
        $self.pop_xmm1()?;
        $self.pop_xmm0()?;
        dynasm!($self.asm ; .arch x64 ; $op $first, $second);
        $self.push_condition(Condition::$condition);
    }};
}

/// Equality, false for NaN; or its opposite.
macro_rules! equal {
    ($self:ident, $op:ident, $set:ident, $parity:ident, $join:ident) => {{
        $self.pop_xmm1()?;
        $self.pop_xmm0()?;
        $self.free_rax();
        dynasm!($self.asm ; .arch x64
            ; $op xmm0, xmm1
            ; $set al
            ; $parity cl
            ; $join al, cl
            ; movzx eax, al);
        $self.push_rax();
    }};
}

/// Minimum or maximum: of equal numbers, which may be zeros of both signs, the bits are joined.
macro_rules! extreme {
    ($self:ident, $compare:ident, $op:ident, $join:ident, $add:ident) => {{
        $self.pop_xmm1()?;
        $self.pop_xmm0()?;
        let different = $self.asm.new_dynamic_label();
        let nan = $self.asm.new_dynamic_label();
        let done = $self.asm.new_dynamic_label();
        dynasm!($self.asm ; .arch x64
            ; $compare xmm0, xmm1
            ; jne =>different
            ; jp =>nan
            ; $join xmm0, xmm1
            ; jmp =>done
            ; =>nan
            ; $add xmm0, xmm1
            ; jmp =>done
            ; =>different
            ; $op xmm0, xmm1
            ; =>done);
        $self.push_xmm0();
    }};
}

/// An integer in rax becomes a float.
macro_rules! from_integer {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_rax()?;
        $self.free_xmm0();
        dynasm!($self.asm ; .arch x64 ; xorps xmm0, xmm0 ; $($code)*);
        $self.push_xmm0();
    }};
}

impl Direct<'_> {
    /// Pops the second operand of an instruction, then the first into xmm0. The second is in the frame there, or in xmm1.
    fn pop_two_floats(&mut self) -> Result<Option<i32>> {
        let second = self.pop()?;
        let height = self.stack.len();
        let place = self.in_frame(second, height);
        if place.is_none() {
            self.load_xmm(second, height, 1);
        }
        self.pop_xmm0()?;
        Ok(place)
    }

    /// The same where it does not matter which operand is the first.
    fn pop_any_two_floats(&mut self) -> Result<Option<i32>> {
        let below = self.stack.len().checked_sub(2).ok_or(Unsupported)?;
        match self.in_frame(self.stack[below], below) {
            Some(place) if self.stack[below + 1] == Operand::Xmm0 => {
                self.pop()?;
                self.pop()?;
                Ok(Some(place))
            }
            _ => self.pop_two_floats(),
        }
    }

    /// Translates an operator on floats; false if it is none.
    pub fn float(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::F32Const { value } => self.push(Operand::Constant(i64::from(value.bits()))),
            Op::F64Const { value } => self.push(Operand::Constant(value.bits() as i64)),
            Op::F32Add => binary!(self, addss, pop_any_two_floats),
            Op::F32Sub => binary!(self, subss, pop_two_floats),
            Op::F32Mul => binary!(self, mulss, pop_any_two_floats),
            Op::F32Div => binary!(self, divss, pop_two_floats),
            Op::F64Add => binary!(self, addsd, pop_any_two_floats),
            Op::F64Sub => binary!(self, subsd, pop_two_floats),
            Op::F64Mul => binary!(self, mulsd, pop_any_two_floats),
            Op::F64Div => binary!(self, divsd, pop_two_floats),
            Op::F32Sqrt => unary!(self, sqrtss xmm0, xmm0),
            Op::F64Sqrt => unary!(self, sqrtsd xmm0, xmm0),
            Op::F32Nearest => unary!(self, roundss xmm0, xmm0, 8),
            Op::F32Floor => unary!(self, roundss xmm0, xmm0, 9),
            Op::F32Ceil => unary!(self, roundss xmm0, xmm0, 10),
            Op::F32Trunc => unary!(self, roundss xmm0, xmm0, 11),
            Op::F64Nearest => unary!(self, roundsd xmm0, xmm0, 8),
            Op::F64Floor => unary!(self, roundsd xmm0, xmm0, 9),
            Op::F64Ceil => unary!(self, roundsd xmm0, xmm0, 10),
            Op::F64Trunc => unary!(self, roundsd xmm0, xmm0, 11),
            Op::F32Min => extreme!(self, ucomiss, minss, orps, addss),
            Op::F32Max => extreme!(self, ucomiss, maxss, andps, addss),
            Op::F64Min => extreme!(self, ucomisd, minsd, orps, addsd),
            Op::F64Max => extreme!(self, ucomisd, maxsd, andps, addsd),
            Op::F32Eq => equal!(self, ucomiss, sete, setnp, and),
            Op::F32Ne => equal!(self, ucomiss, setne, setp, or),
            Op::F64Eq => equal!(self, ucomisd, sete, setnp, and),
            Op::F64Ne => equal!(self, ucomisd, setne, setp, or),
            Op::F32Gt => compare!(self, ucomiss xmm0, xmm1, Above),
            Op::F32Ge => compare!(self, ucomiss xmm0, xmm1, AboveOrEqual),
            Op::F32Lt => compare!(self, ucomiss xmm1, xmm0, Above),
            Op::F32Le => compare!(self, ucomiss xmm1, xmm0, AboveOrEqual),
            Op::F64Gt => compare!(self, ucomisd xmm0, xmm1, Above),
            Op::F64Ge => compare!(self, ucomisd xmm0, xmm1, AboveOrEqual),
            Op::F64Lt => compare!(self, ucomisd xmm1, xmm0, Above),
            Op::F64Le => compare!(self, ucomisd xmm1, xmm0, AboveOrEqual),
            Op::F32Abs | Op::F64Abs | Op::F32Neg | Op::F64Neg => {
                self.pop_rax()?;
                match operator {
                    Op::F32Abs => dynasm!(self.asm ; .arch x64 ; and eax, i32::MAX),
                    Op::F32Neg => dynasm!(self.asm ; .arch x64 ; xor eax, i32::MIN),
                    Op::F64Abs => dynasm!(self.asm ; .arch x64 ; btr rax, 63),
                    _ => dynasm!(self.asm ; .arch x64 ; btc rax, 63),
                }
                self.push_rax();
            }
            Op::F32Copysign => {
                self.pop_to(RCX)?;
                self.pop_rax()?;
                dynasm!(self.asm ; .arch x64
                    ; and eax, i32::MAX
                    ; and ecx, i32::MIN
                    ; or eax, ecx);
                self.push_rax();
            }
            Op::F64Copysign => {
                self.pop_to(RCX)?;
                self.pop_rax()?;
                dynasm!(self.asm ; .arch x64
                    ; btr rax, 63
                    ; shr rcx, 63
                    ; shl rcx, 63
                    ; or rax, rcx);
                self.push_rax();
            }
            Op::F32DemoteF64 => unary!(self, cvtsd2ss xmm0, xmm0),
            Op::F64PromoteF32 => unary!(self, cvtss2sd xmm0, xmm0),
            Op::F32ConvertI32S => from_integer!(self, cvtsi2ss xmm0, eax),
            Op::F64ConvertI32S => from_integer!(self, cvtsi2sd xmm0, eax),
            Op::F32ConvertI32U => from_integer!(self, mov eax, eax ; cvtsi2ss xmm0, rax),
            Op::F64ConvertI32U => from_integer!(self, mov eax, eax ; cvtsi2sd xmm0, rax),
            Op::F32ConvertI64S => from_integer!(self, cvtsi2ss xmm0, rax),
            Op::F64ConvertI64S => from_integer!(self, cvtsi2sd xmm0, rax),
            // Bits are bits, wherever they are.
            Op::I32ReinterpretF32
            | Op::F32ReinterpretI32
            | Op::I64ReinterpretF64
            | Op::F64ReinterpretI64 => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}
