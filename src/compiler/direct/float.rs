//! Floats, and conversions.

use super::condition::Condition;
use super::operand::{IN_XMM0, Operand, RCX};
use super::{Direct, Result, Unsupported};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// `op first, second`; `$pop` gets the two.
macro_rules! binary {
    ($self:ident, $op:ident, $pop:ident) => {{
        match $self.$pop()? {
            Second::Frame(place) => from_frame!($self.asm, $op xmm0, place),
            Second::Register(second) => dynasm!($self.asm ; .arch x64 ; $op xmm0, Rx(second)),
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

/// A comparison whose flags say nothing wrong about NaN, of the first operand with the second or the other way round.
macro_rules! compare {
    ($self:ident, $op:ident first, second, $condition:ident) => {{
        let (first, second) = $self.pop_to_compare()?;
        dynasm!($self.asm ; .arch x64 ; $op Rx(first), Rx(second));
        $self.push_condition(Condition::$condition);
    }};
    ($self:ident, $op:ident second, first, $condition:ident) => {{
        let (first, second) = $self.pop_to_compare()?;
        dynasm!($self.asm ; .arch x64 ; $op Rx(second), Rx(first));
        $self.push_condition(Condition::$condition);
    }};
}

/// Equality, false for NaN; or its opposite.
macro_rules! equal {
    ($self:ident, $op:ident, $set:ident, $parity:ident, $join:ident) => {{
        let (first, second) = $self.pop_to_compare()?;
        $self.free_rax();
        dynasm!($self.asm ; .arch x64
            ; $op Rx(first), Rx(second)
            ; $set al
            ; $parity cl
            ; $join al, cl
            ; movzx eax, al);
        $self.push_eax();
    }};
}

/// Minimum or maximum: of equal numbers, which may be zeros of both signs, the bits are joined.
macro_rules! extreme {
    ($self:ident, $compare:ident, $op:ident, $join:ident, $add:ident) => {{
        let second = $self.pop_second()?;
        $self.pop_xmm0()?;
        let different = $self.asm.new_dynamic_label();
        let nan = $self.asm.new_dynamic_label();
        let done = $self.asm.new_dynamic_label();
        dynasm!($self.asm ; .arch x64
            ; $compare xmm0, Rx(second)
            ; jne =>different
            ; jp =>nan
            ; $join xmm0, Rx(second)
            ; jmp =>done
            ; =>nan
            ; $add xmm0, Rx(second)
            ; jmp =>done
            ; =>different
            ; $op xmm0, Rx(second)
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

/// What the second operand of an instruction can be.
enum Second {
    Register(u8),
    /// In the frame, at this distance from rsp.
    Frame(i32),
}

impl Direct<'_> {
    /// Pops the second operand of an instruction, then the first into xmm0.
    fn pop_two_floats(&mut self) -> Result<Second> {
        let operand = self.pop()?;
        let second = match self.second(operand, self.stack.len()) {
            Some(second) => second,
            None => {
                self.load_xmm(operand, self.stack.len(), 1);
                Second::Register(1)
            }
        };
        self.pop_xmm0()?;
        Ok(second)
    }

    /// What an instruction can use of an operand that is, or was, at this height without loading it.
    fn second(&self, operand: Operand, height: usize) -> Option<Second> {
        match self.registers.now(operand) {
            Operand::Float(number) if number != 0 => Some(Second::Register(number as u8)),
            other => self.in_frame(other, height).map(Second::Frame),
        }
    }

    /// Pops the second operand of an instruction: its register, which is not xmm0.
    pub fn pop_second(&mut self) -> Result<u8> {
        match self.pop()? {
            IN_XMM0 => {
                dynasm!(self.asm ; .arch x64 ; movaps xmm1, xmm0);
                Ok(1)
            }
            operand => Ok(self.xmm(operand, 1)),
        }
    }

    /// Pops two operands that stay as they are: their registers.
    fn pop_to_compare(&mut self) -> Result<(u8, u8)> {
        let second = self.pop_xmm(1)?;
        let operand = self.pop()?;
        // What is in xmm0 may be the second, or wanted later.
        let first = self.xmm(operand, 2);
        Ok((first, second))
    }

    /// The same where it does not matter which operand is the first.
    fn pop_any_two_floats(&mut self) -> Result<Second> {
        let below = self.stack.len().checked_sub(2).ok_or(Unsupported)?;
        match self.second(self.stack[below], below) {
            Some(second) if self.stack[below + 1] == IN_XMM0 => {
                self.pop()?;
                self.pop()?;
                Ok(second)
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
            Op::F32Gt => compare!(self, ucomiss first, second, Above),
            Op::F32Ge => compare!(self, ucomiss first, second, AboveOrEqual),
            Op::F32Lt => compare!(self, ucomiss second, first, Above),
            Op::F32Le => compare!(self, ucomiss second, first, AboveOrEqual),
            Op::F64Gt => compare!(self, ucomisd first, second, Above),
            Op::F64Ge => compare!(self, ucomisd first, second, AboveOrEqual),
            Op::F64Lt => compare!(self, ucomisd second, first, Above),
            Op::F64Le => compare!(self, ucomisd second, first, AboveOrEqual),
            Op::F32Abs => unary!(self, pcmpeqd xmm1, xmm1 ; psrld xmm1, 1 ; andps xmm0, xmm1),
            Op::F64Abs => unary!(self, pcmpeqd xmm1, xmm1 ; psrlq xmm1, 1 ; andps xmm0, xmm1),
            Op::F32Neg => unary!(self, pcmpeqd xmm1, xmm1 ; pslld xmm1, 31 ; xorps xmm0, xmm1),
            Op::F64Neg => unary!(self, pcmpeqd xmm1, xmm1 ; psllq xmm1, 63 ; xorps xmm0, xmm1),
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
