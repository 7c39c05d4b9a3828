//! Integers.

use super::condition::Condition;
use super::operand::{Operand, RCX, Source};
use super::{Direct, Result};
use crate::runtime::Trap;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// `op first, second` for 32 or 64 bits; `$pop` gets the two.
macro_rules! binary {
    ($self:ident, $op:ident, $pop:ident, 32) => {{
        match $self.$pop()? {
            Source::Rcx => dynasm!($self.asm ; .arch x64 ; $op eax, ecx),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; $op eax, value),
            Source::Frame(place) => from_frame!($self.asm, $op eax, place),
        }
        $self.push_rax();
    }};
    ($self:ident, $op:ident, $pop:ident, 64) => {{
        match $self.$pop()? {
            Source::Rcx => dynasm!($self.asm ; .arch x64 ; $op rax, rcx),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; $op rax, value),
            Source::Frame(place) => from_frame!($self.asm, $op rax, place),
        }
        $self.push_rax();
    }};
}

macro_rules! compare {
    ($self:ident, $condition:ident, 32) => {{
        match $self.pop_two()? {
            Source::Rcx => dynasm!($self.asm ; .arch x64 ; cmp eax, ecx),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; cmp eax, value),
            Source::Frame(place) => from_frame!($self.asm, cmp eax, place),
        }
        $self.push_condition(Condition::$condition);
    }};
    ($self:ident, $condition:ident, 64) => {{
        match $self.pop_two()? {
            Source::Rcx => dynasm!($self.asm ; .arch x64 ; cmp rax, rcx),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; cmp rax, value),
            Source::Frame(place) => from_frame!($self.asm, cmp rax, place),
        }
        $self.push_condition(Condition::$condition);
    }};
}

macro_rules! shift {
    ($self:ident, $op:ident, $register:ident) => {{
        if let Some(Operand::Constant(bits)) = $self.stack.last().copied() {
            // The processor, too, looks at as many bits as the register has.
            $self.pop()?;
            $self.pop_rax()?;
            dynasm!($self.asm ; .arch x64 ; $op $register, bits as i8);
        } else {
            $self.pop_to(RCX)?;
            $self.pop_rax()?;
            dynasm!($self.asm ; .arch x64 ; $op $register, cl);
        }
        $self.push_rax();
    }};
}

macro_rules! unary {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_rax()?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_rax();
    }};
}

impl Direct<'_> {
    /// Translates an operator on integers; false if it is none.
    pub fn integer(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::I32Const { value } => self.push(Operand::Constant(i64::from(*value))),
            Op::I64Const { value } => self.push(Operand::Constant(*value)),
            Op::I32Eqz => {
                let condition = self.pop_condition()?;
                self.push_condition(!condition);
            }
            Op::I64Eqz => {
                self.pop_rax()?;
                dynasm!(self.asm ; .arch x64 ; test rax, rax);
                self.push_condition(Condition::Equal);
            }
            Op::I32Eq => compare!(self, Equal, 32),
            Op::I32Ne => compare!(self, NotEqual, 32),
            Op::I32LtS => compare!(self, Less, 32),
            Op::I32LtU => compare!(self, Below, 32),
            Op::I32GtS => compare!(self, Greater, 32),
            Op::I32GtU => compare!(self, Above, 32),
            Op::I32LeS => compare!(self, LessOrEqual, 32),
            Op::I32LeU => compare!(self, BelowOrEqual, 32),
            Op::I32GeS => compare!(self, GreaterOrEqual, 32),
            Op::I32GeU => compare!(self, AboveOrEqual, 32),
            Op::I64Eq => compare!(self, Equal, 64),
            Op::I64Ne => compare!(self, NotEqual, 64),
            Op::I64LtS => compare!(self, Less, 64),
            Op::I64LtU => compare!(self, Below, 64),
            Op::I64GtS => compare!(self, Greater, 64),
            Op::I64GtU => compare!(self, Above, 64),
            Op::I64LeS => compare!(self, LessOrEqual, 64),
            Op::I64LeU => compare!(self, BelowOrEqual, 64),
            Op::I64GeS => compare!(self, GreaterOrEqual, 64),
            Op::I64GeU => compare!(self, AboveOrEqual, 64),
            Op::I32Add => binary!(self, add, pop_any_two, 32),
            Op::I32Sub => binary!(self, sub, pop_two, 32),
            Op::I32And => binary!(self, and, pop_any_two, 32),
            Op::I32Or => binary!(self, or, pop_any_two, 32),
            Op::I32Xor => binary!(self, xor, pop_any_two, 32),
            Op::I64Add => binary!(self, add, pop_any_two, 64),
            Op::I64Sub => binary!(self, sub, pop_two, 64),
            Op::I64And => binary!(self, and, pop_any_two, 64),
            Op::I64Or => binary!(self, or, pop_any_two, 64),
            Op::I64Xor => binary!(self, xor, pop_any_two, 64),
            Op::I32Mul => match self.pop_any_two()? {
                Source::Rcx => unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul eax, ecx)),
                Source::Immediate(value) => {
                    unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul eax, eax, value));
                }
                Source::Frame(place) => {
                    unary_done(self, |s| from_frame!(s.asm, imul eax, place));
                }
            },
            Op::I64Mul => match self.pop_any_two()? {
                Source::Rcx => unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul rax, rcx)),
                Source::Immediate(value) => {
                    unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul rax, rax, value));
                }
                Source::Frame(place) => {
                    unary_done(self, |s| from_frame!(s.asm, imul rax, place));
                }
            },
            Op::I32Shl => shift!(self, shl, eax),
            Op::I32ShrS => shift!(self, sar, eax),
            Op::I32ShrU => shift!(self, shr, eax),
            Op::I32Rotl => shift!(self, rol, eax),
            Op::I32Rotr => shift!(self, ror, eax),
            Op::I64Shl => shift!(self, shl, rax),
            Op::I64ShrS => shift!(self, sar, rax),
            Op::I64ShrU => shift!(self, shr, rax),
            Op::I64Rotl => shift!(self, rol, rax),
            Op::I64Rotr => shift!(self, ror, rax),
            Op::I32Clz => unary!(self, lzcnt eax, eax),
            Op::I32Ctz => unary!(self, tzcnt eax, eax),
            Op::I32Popcnt => unary!(self, popcnt eax, eax),
            Op::I64Clz => unary!(self, lzcnt rax, rax),
            Op::I64Ctz => unary!(self, tzcnt rax, rax),
            Op::I64Popcnt => unary!(self, popcnt rax, rax),
            Op::I32WrapI64 => unary!(self, mov eax, eax),
            Op::I64ExtendI32S | Op::I64Extend32S => unary!(self, movsxd rax, eax),
            Op::I64ExtendI32U => unary!(self, mov eax, eax),
            Op::I32Extend8S => unary!(self, movsx eax, al),
            Op::I32Extend16S => unary!(self, movsx eax, ax),
            Op::I64Extend8S => unary!(self, movsx rax, al),
            Op::I64Extend16S => unary!(self, movsx rax, ax),
            Op::I32DivS => self.divide_32(true, false)?,
            Op::I32DivU => self.divide_32(false, false)?,
            Op::I32RemS => self.divide_32(true, true)?,
            Op::I32RemU => self.divide_32(false, true)?,
            Op::I64DivS => self.divide_64(true, false)?,
            Op::I64DivU => self.divide_64(false, false)?,
            Op::I64RemS => self.divide_64(true, true)?,
            Op::I64RemU => self.divide_64(false, true)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn divide_32(&mut self, signed: bool, remainder: bool) -> Result {
        self.pop_to(RCX)?;
        self.pop_rax()?;
        let zero = self.trap(zero_trap(remainder));
        dynasm!(self.asm ; .arch x64 ; test ecx, ecx ; jz =>zero);
        let done = self.asm.new_dynamic_label();
        if !signed {
            dynasm!(self.asm ; .arch x64 ; xor edx, edx ; div ecx);
        } else {
            let usual = self.asm.new_dynamic_label();
            dynasm!(self.asm ; .arch x64 ; cmp ecx, BYTE -1 ; jne =>usual);
            // By -1 the processor traps where the standard's remainder is 0.
            if remainder {
                dynasm!(self.asm ; .arch x64 ; xor edx, edx ; jmp =>done);
            } else {
                let overflow = self.trap(Trap::IntegerOverflow);
                dynasm!(self.asm ; .arch x64 ; cmp eax, i32::MIN ; je =>overflow);
            }
            dynasm!(self.asm ; .arch x64 ; =>usual ; cdq ; idiv ecx);
        }
        dynasm!(self.asm ; .arch x64 ; =>done);
        if remainder {
            dynasm!(self.asm ; .arch x64 ; mov eax, edx);
        }
        self.push_rax();
        Ok(())
    }

    fn divide_64(&mut self, signed: bool, remainder: bool) -> Result {
        self.pop_to(RCX)?;
        self.pop_rax()?;
        let zero = self.trap(zero_trap(remainder));
        dynasm!(self.asm ; .arch x64 ; test rcx, rcx ; jz =>zero);
        let done = self.asm.new_dynamic_label();
        if !signed {
            dynasm!(self.asm ; .arch x64 ; xor edx, edx ; div rcx);
        } else {
            let usual = self.asm.new_dynamic_label();
            dynasm!(self.asm ; .arch x64 ; cmp rcx, BYTE -1 ; jne =>usual);
            if remainder {
                dynasm!(self.asm ; .arch x64 ; xor edx, edx ; jmp =>done);
            } else {
                let overflow = self.trap(Trap::IntegerOverflow);
                dynasm!(self.asm ; .arch x64
                    ; mov r10, QWORD i64::MIN
                    ; cmp rax, r10
                    ; je =>overflow);
            }
            dynasm!(self.asm ; .arch x64 ; =>usual ; cqo ; idiv rcx);
        }
        dynasm!(self.asm ; .arch x64 ; =>done);
        if remainder {
            dynasm!(self.asm ; .arch x64 ; mov rax, rdx);
        }
        self.push_rax();
        Ok(())
    }
}

fn zero_trap(remainder: bool) -> Trap {
    match remainder {
        true => Trap::RemainderByZero,
        false => Trap::DivideByZero,
    }
}

/// Emits an instruction that leaves its result in rax.
fn unary_done<'a>(direct: &mut Direct<'a>, emit: impl FnOnce(&mut Direct<'a>)) {
    emit(direct);
    direct.push_rax();
}
