//! Conditions, which stay in the processor's flags from a comparison to the branch behind it.

use super::operand::{IN_RAX, RAX, RCX};
use super::{Direct, Result};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// What the flags of a comparison can say, by the names of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Equal,
    NotEqual,
    /// Signed.
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Unsigned, and of floats.
    Below,
    BelowOrEqual,
    Above,
    AboveOrEqual,
}

use Condition::*;

impl std::ops::Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Equal => NotEqual,
            NotEqual => Equal,
            Less => GreaterOrEqual,
            LessOrEqual => Greater,
            Greater => LessOrEqual,
            GreaterOrEqual => Less,
            Below => AboveOrEqual,
            BelowOrEqual => Above,
            Above => BelowOrEqual,
            AboveOrEqual => Below,
        }
    }
}

/// Emits the instruction of a family that a condition selects, with these operands.
macro_rules! conditional {
    ($self:ident, $condition:expr,
     [$e:ident $ne:ident $l:ident $le:ident $g:ident $ge:ident $b:ident $be:ident $a:ident $ae:ident],
     $($operands:tt)*) => {
        match $condition {
            Equal => dynasm!($self.asm ; .arch x64 ; $e $($operands)*),
            NotEqual => dynasm!($self.asm ; .arch x64 ; $ne $($operands)*),
            Less => dynasm!($self.asm ; .arch x64 ; $l $($operands)*),
            LessOrEqual => dynasm!($self.asm ; .arch x64 ; $le $($operands)*),
            Greater => dynasm!($self.asm ; .arch x64 ; $g $($operands)*),
            GreaterOrEqual => dynasm!($self.asm ; .arch x64 ; $ge $($operands)*),
            Below => dynasm!($self.asm ; .arch x64 ; $b $($operands)*),
            BelowOrEqual => dynasm!($self.asm ; .arch x64 ; $be $($operands)*),
            Above => dynasm!($self.asm ; .arch x64 ; $a $($operands)*),
            AboveOrEqual => dynasm!($self.asm ; .arch x64 ; $ae $($operands)*),
        }
    };
}

impl Direct<'_> {
    /// Pushes the truth of what the flags say. The operator that comes next uses it, or [`Direct::settle`] makes a number of it:
    /// until then rax is taken, but has no value.
    pub fn push_condition(&mut self, condition: Condition) {
        self.free_rax();
        self.push_rax();
        self.flags = Some(condition);
    }

    /// Makes a number of the condition on top, if there is one that this operator cannot use.
    pub fn settle(&mut self, next: &Operator<'_>) {
        let uses = match next {
            Operator::BrIf { .. } | Operator::If { .. } | Operator::I32Eqz => true,
            Operator::Select | Operator::TypedSelect { .. } => !self.is_vector_on_top(1),
            _ => false,
        };
        if uses {
            return;
        }
        if let Some(condition) = self.flags.take() {
            conditional!(self, condition,
                [sete setne setl setle setg setge setb setbe seta setae], al);
            dynasm!(self.asm ; .arch x64 ; movzx eax, al);
            self.is_rax_narrow = true;
        }
    }

    /// Pops a number; what the flags say of one that is not zero. Nothing but moves may stand between this and what uses it.
    pub fn pop_condition(&mut self) -> Result<Condition> {
        let operand = self.pop()?;
        if let Some(condition) = self.flags.take() {
            return Ok(condition);
        }
        let height = self.stack.len();
        if let Some(place) = self.in_frame(operand, height) {
            dynasm!(self.asm ; .arch x64 ; cmp DWORD [rsp + place], 0);
        } else {
            let register = self.register(operand, RCX);
            dynasm!(self.asm ; .arch x64 ; test Rd(register), Rd(register));
        }
        Ok(NotEqual)
    }

    pub fn jump_if(&mut self, condition: Condition, target: DynamicLabel) {
        conditional!(self, condition, [je jne jl jle jg jge jb jbe ja jae], =>target);
    }

    /// The first of two operands if the condition on top holds, else the second.
    pub fn select(&mut self) -> Result {
        let condition = self.pop_condition()?;
        let second = match self.pop()? {
            IN_RAX => {
                self.load(IN_RAX, self.stack.len(), RCX);
                RCX
            }
            operand => self.register(operand, RCX),
        };
        self.pop_rax()?;
        conditional!(self, !condition,
            [cmove cmovne cmovl cmovle cmovg cmovge cmovb cmovbe cmova cmovae], Rq(RAX), Rq(second));
        self.push_rax();
        Ok(())
    }
}
