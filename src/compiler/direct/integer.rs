//! Integers.

use super::condition::Condition;
use super::operand::{IN_RAX, IN_RDX, Operand, RAX, RCX, Source};
use super::{Direct, Result};
use crate::runtime::Trap;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// `op first, second` for 32 or 64 bits; `$pop` gets the two.
macro_rules! binary {
    ($self:ident, $op:ident, $pop:ident, 32) => {{
        match $self.$pop()? {
            Source::Register(second) => dynasm!($self.asm ; .arch x64 ; $op eax, Rd(second)),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; $op eax, value),
            Source::Frame(place) => from_frame!($self.asm, $op eax, place),
        }
        $self.push_eax();
    }};
    ($self:ident, $op:ident, $pop:ident, 64) => {{
        match $self.$pop()? {
            Source::Register(second) => dynasm!($self.asm ; .arch x64 ; $op rax, Rq(second)),
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; $op rax, value),
            Source::Frame(place) => from_frame!($self.asm, $op rax, place),
        }
        $self.push_rax();
    }};
}

macro_rules! compare {
    ($self:ident, $condition:ident, 32) => {{
        let second = $self.pop_source()?;
        let first = $self.pop_first()?;
        match second {
            Source::Register(second) => {
                dynasm!($self.asm ; .arch x64 ; cmp Rd(first), Rd(second));
            }
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; cmp Rd(first), value),
            Source::Frame(place) => from_frame!($self.asm, cmp Rd(first), place),
        }
        $self.push_condition(Condition::$condition);
    }};
    ($self:ident, $condition:ident, 64) => {{
        let second = $self.pop_source()?;
        let first = $self.pop_first()?;
        match second {
            Source::Register(second) => {
                dynasm!($self.asm ; .arch x64 ; cmp Rq(first), Rq(second));
            }
            Source::Immediate(value) => dynasm!($self.asm ; .arch x64 ; cmp Rq(first), value),
            Source::Frame(place) => from_frame!($self.asm, cmp Rq(first), place),
        }
        $self.push_condition(Condition::$condition);
    }};
}

macro_rules! shift {
    ($self:ident, $op:ident, $register:ident, $push:ident) => {{
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
        $self.$push();
    }};
}

/// An instruction that computes a register from another one, which may be the same.
macro_rules! unary {
    ($self:ident, $push:ident, $op:ident $to:ident, $from:ident) => {{
        let operand = $self.pop()?;
        if operand != IN_RAX {
            $self.free_rax();
        }
        let from = $self.register(operand, RAX);
        dynasm!($self.asm ; .arch x64 ; $op $to, $from(from));
        $self.$push();
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
                let operand = self.pop_first()?;
                dynasm!(self.asm ; .arch x64 ; test Rq(operand), Rq(operand));
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
                Source::Register(second) => {
                    narrow_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul eax, Rd(second)));
                }
                Source::Immediate(value) => {
                    narrow_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul eax, eax, value));
                }
                Source::Frame(place) => {
                    narrow_done(self, |s| from_frame!(s.asm, imul eax, place));
                }
            },
            Op::I64Mul => match self.pop_any_two()? {
                Source::Register(second) => {
                    unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul rax, Rq(second)));
                }
                Source::Immediate(value) => {
                    unary_done(self, |s| dynasm!(s.asm ; .arch x64 ; imul rax, rax, value));
                }
                Source::Frame(place) => {
                    unary_done(self, |s| from_frame!(s.asm, imul rax, place));
                }
            },
            Op::I32Shl => shift!(self, shl, eax, push_eax),
            Op::I32ShrS => shift!(self, sar, eax, push_eax),
            Op::I32ShrU => shift!(self, shr, eax, push_eax),
            Op::I32Rotl => shift!(self, rol, eax, push_eax),
            Op::I32Rotr => shift!(self, ror, eax, push_eax),
            Op::I64Shl => shift!(self, shl, rax, push_rax),
            Op::I64ShrS => shift!(self, sar, rax, push_rax),
            Op::I64ShrU => shift!(self, shr, rax, push_rax),
            Op::I64Rotl => shift!(self, rol, rax, push_rax),
            Op::I64Rotr => shift!(self, ror, rax, push_rax),
            Op::I32Clz => unary!(self, push_eax, lzcnt eax, Rd),
            Op::I32Ctz => unary!(self, push_eax, tzcnt eax, Rd),
            Op::I32Popcnt => unary!(self, push_eax, popcnt eax, Rd),
            Op::I64Clz => unary!(self, push_rax, lzcnt rax, Rq),
            Op::I64Ctz => unary!(self, push_rax, tzcnt rax, Rq),
            Op::I64Popcnt => unary!(self, push_rax, popcnt rax, Rq),
            Op::I32WrapI64 => unary!(self, push_eax, mov eax, Rd),
            Op::I64ExtendI32S | Op::I64Extend32S => unary!(self, push_rax, movsxd rax, Rd),
            Op::I64ExtendI32U => unary!(self, push_rax, mov eax, Rd),
            Op::I32Extend8S => unary!(self, push_eax, movsx eax, Rb),
            Op::I32Extend16S => unary!(self, push_eax, movsx eax, Rw),
            Op::I64Extend8S => unary!(self, push_rax, movsx rax, Rb),
            Op::I64Extend16S => unary!(self, push_rax, movsx rax, Rw),
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
        self.evict(IN_RDX);
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
        self.push_eax();
        Ok(())
    }

    fn divide_64(&mut self, signed: bool, remainder: bool) -> Result {
        self.pop_to(RCX)?;
        self.pop_rax()?;
        self.evict(IN_RDX);
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

/// Emits an instruction that leaves its result in eax.
fn narrow_done<'a>(direct: &mut Direct<'a>, emit: impl FnOnce(&mut Direct<'a>)) {
    emit(direct);
    direct.push_eax();
}

/// Emits an instruction that leaves its result in rax.
fn unary_done<'a>(direct: &mut Direct<'a>, emit: impl FnOnce(&mut Direct<'a>)) {
    emit(direct);
    direct.push_rax();
}
