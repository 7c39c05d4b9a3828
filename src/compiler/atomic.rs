//! Atomic instructions. Nobody else sees a memory that is not shared, so there they are the usual ones, but that addresses
//! have to be aligned. What waits, and whom to wake, the host knows.
//!
//! Cranelift takes an atomic access or a fence for something that may change all memory, lengths of memories included: so
//! what another thread did before is seen after it.

use super::function::{Result, Translator};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, State};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, Type, Value, types};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// What is done to an integer in memory.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Load,
    Store,
    Add,
    Sub,
    And,
    Or,
    Xor,
    Exchange,
    CompareExchange,
}

/// What the operator does, where, to a value of which type, and how much of it is in memory.
pub(super) fn access(operator: &Operator<'_>) -> Option<(Action, MemArg, Type, Type)> {
    use types::{I8, I16, I32, I64};
    /// The seven widths of each action, in the order of the opcodes.
    macro_rules! actions {
        ($($action:ident: $($name:ident)*;)*) => {
            match operator {
                $($(Operator::$name { memarg } => {
                    let (ty, size) = width(stringify!($name));
                    Some((Action::$action, *memarg, ty, size))
                })*)*
                _ => None,
            }
        };
    }
    fn width(name: &str) -> (Type, Type) {
        let ty = if name.starts_with("I32") { I32 } else { I64 };
        // The first letters say the type.
        let rest = &name[3..];
        let size = match () {
            () if rest.contains('8') => I8,
            () if rest.contains("16") => I16,
            () if rest.contains("32") => I32,
            () => ty,
        };
        (ty, size)
    }
    actions! {
        Load: I32AtomicLoad I64AtomicLoad I32AtomicLoad8U I32AtomicLoad16U I64AtomicLoad8U I64AtomicLoad16U
            I64AtomicLoad32U;
        Store: I32AtomicStore I64AtomicStore I32AtomicStore8 I32AtomicStore16 I64AtomicStore8 I64AtomicStore16
            I64AtomicStore32;
        Add: I32AtomicRmwAdd I64AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU I64AtomicRmw8AddU
            I64AtomicRmw16AddU I64AtomicRmw32AddU;
        Sub: I32AtomicRmwSub I64AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU I64AtomicRmw8SubU
            I64AtomicRmw16SubU I64AtomicRmw32SubU;
        And: I32AtomicRmwAnd I64AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU I64AtomicRmw8AndU
            I64AtomicRmw16AndU I64AtomicRmw32AndU;
        Or: I32AtomicRmwOr I64AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU I64AtomicRmw8OrU I64AtomicRmw16OrU
            I64AtomicRmw32OrU;
        Xor: I32AtomicRmwXor I64AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU I64AtomicRmw8XorU
            I64AtomicRmw16XorU I64AtomicRmw32XorU;
        Exchange: I32AtomicRmwXchg I64AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU I64AtomicRmw8XchgU
            I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
        CompareExchange: I32AtomicRmwCmpxchg I64AtomicRmwCmpxchg I32AtomicRmw8CmpxchgU I32AtomicRmw16CmpxchgU
            I64AtomicRmw8CmpxchgU I64AtomicRmw16CmpxchgU I64AtomicRmw32CmpxchgU;
    }
}

impl Translator<'_, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn atomic(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::AtomicFence { .. } => {
                self.ins().fence();
            }
            Operator::MemoryAtomicNotify { memarg } => self.notify(memarg)?,
            Operator::MemoryAtomicWait32 { memarg } => self.wait(memarg, types::I32)?,
            Operator::MemoryAtomicWait64 { memarg } => self.wait(memarg, types::I64)?,
            _ => match access(operator) {
                Some((action, memarg, ty, size)) => self.access(action, &memarg, ty, size)?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn notify(&mut self, memarg: &MemArg) -> Result<()> {
        let count = self.pop()?;
        let address = self.touch(memarg, types::I32)?;
        let (memory, shared) = self.memory_of(memarg)?;
        if !shared {
            // Nobody can wait.
            let woken = self.e.i32_const(0);
            self.push(woken);
            return Ok(());
        }
        let count = self.extended(count);
        self.ask(Builtin::AtomicNotify, memory, &[address, count])
    }

    fn wait(&mut self, memarg: &MemArg, ty: Type) -> Result<()> {
        let timeout = self.pop()?;
        let expected = self.pop()?;
        let address = self.touch(memarg, ty)?;
        let (memory, shared) = self.memory_of(memarg)?;
        if !shared {
            // Nobody could wake who waits.
            let code = self.e.i32_const(Trap::Wait as i32);
            self.e.raise(State::Trap, code);
            self.reachable = false;
            return Ok(());
        }
        let (builtin, expected) = match ty {
            types::I32 => {
                let expected = self.ins().sextend(types::I64, expected);
                (Builtin::AtomicWait32, expected)
            }
            _ => (Builtin::AtomicWait64, expected),
        };
        self.ask(builtin, memory, &[address, expected, timeout])
    }

    /// The memory of an access, and whether it is shared.
    fn memory_of(&self, memarg: &MemArg) -> Result<(u32, bool)> {
        match memarg.target {
            MemArgTarget::Memory(memory) => Ok((memory, self.memory_type(memory)?.shared)),
            _ => Err("access of something else than a memory".to_owned()),
        }
    }

    /// Calls a runtime function whose result is an i32, or a trap's number negated.
    fn ask(&mut self, builtin: Builtin, memory: u32, operands: &[Value]) -> Result<()> {
        let args = self.builtin_args(&[memory], operands);
        let answer = self.e.call_builtin_value(builtin, &args)?;
        let zero = self.ins().iconst(types::I64, 0);
        let failed = self.ins().icmp(IntCC::SignedLessThan, answer, zero);
        let (failure, done) = (self.e.b.create_block(), self.e.b.create_block());
        self.e.b.set_cold_block(failure);
        self.ins().brif(failed, failure, &[], done, &[]);
        self.e.b.seal_block(failure);
        self.e.b.seal_block(done);
        self.e.b.switch_to_block(failure);
        let trap = self.ins().ineg(answer);
        let trap = self.ins().ireduce(types::I32, trap);
        self.e.raise(State::Trap, trap);
        self.e.b.switch_to_block(done);
        let answer = self.ins().ireduce(types::I32, answer);
        self.push(answer);
        Ok(())
    }

    /// Traps where an access would; the address in the memory.
    fn touch(&mut self, memarg: &MemArg, size: Type) -> Result<Value> {
        let (memory, _) = self.memory_of(memarg)?;
        let (start, offset) = self.aligned_place(memarg, size)?;
        let flags = self.e.flags.heap;
        self.ins().load(size, flags, start, offset);
        let base = self.memory_base(memory);
        let address = self.ins().isub(start, base);
        Ok(self.ins().iadd_imm_s(address, i64::from(offset)))
    }

    /// As [`Translator::place`]; traps if a value of type `size` is not aligned there, or not in the memory.
    fn aligned_place(&mut self, memarg: &MemArg, size: Type) -> Result<(Value, i32)> {
        let (start, offset) = self.place(memarg, u64::from(size.bytes()))?;
        if size.bytes() > 1 {
            // Memories begin at the start of a page.
            let address = self.ins().iadd_imm_s(start, i64::from(offset));
            let rest = self.ins().band_imm_u(address, i64::from(size.bytes()) - 1);
            self.trap_if(rest, Trap::Unaligned);
        }
        Ok((start, offset))
    }

    fn access(&mut self, action: Action, memarg: &MemArg, ty: Type, size: Type) -> Result<()> {
        let operands = self.pop_canonical(match action {
            Action::Load => 0,
            Action::CompareExchange => 2,
            _ => 1,
        })?;
        let (address, offset) = self.aligned_place(memarg, size)?;
        let flags = self.e.flags.heap;
        let narrow = |this: &mut Self, value| match size == ty {
            true => value,
            false => this.ins().ireduce(size, value),
        };
        if self.memory_of(memarg)?.1 {
            let address = self.ins().iadd_imm_s(address, i64::from(offset));
            let operands: Vec<Value> = operands.iter().map(|v| narrow(self, *v)).collect();
            let ins = self.ins();
            let before = match (action, &*operands) {
                (Action::Store, [value]) => {
                    ins.atomic_store(flags, *value, address);
                    return Ok(());
                }
                (Action::CompareExchange, [expected, replacement]) => {
                    ins.atomic_cas(flags, address, *expected, *replacement)
                }
                (_, [value]) => {
                    let op = match action {
                        Action::Add => AtomicRmwOp::Add,
                        Action::Sub => AtomicRmwOp::Sub,
                        Action::And => AtomicRmwOp::And,
                        Action::Or => AtomicRmwOp::Or,
                        Action::Xor => AtomicRmwOp::Xor,
                        _ => AtomicRmwOp::Xchg,
                    };
                    ins.atomic_rmw(size, flags, op, address, *value)
                }
                _ => ins.atomic_load(size, flags, address),
            };
            let result = match size == ty {
                true => before,
                false => self.ins().uextend(ty, before),
            };
            self.push(result);
            return Ok(());
        }
        if let (Action::Store, [value]) = (action, &*operands) {
            let value = narrow(self, *value);
            self.ins().store(flags, value, address, offset);
            return Ok(());
        }
        let before = self.ins().load(size, flags, address, offset);
        let result = match size == ty {
            true => before,
            false => self.ins().uextend(ty, before),
        };
        let after = match (action, &*operands) {
            (Action::CompareExchange, [expected, replacement]) => {
                // As much of it as there is in memory.
                let expected = narrow(self, *expected);
                let same = self.ins().icmp(IntCC::Equal, before, expected);
                Some(self.ins().select(same, *replacement, result))
            }
            (Action::Add, [value]) => Some(self.ins().iadd(result, *value)),
            (Action::Sub, [value]) => Some(self.ins().isub(result, *value)),
            (Action::And, [value]) => Some(self.ins().band(result, *value)),
            (Action::Or, [value]) => Some(self.ins().bor(result, *value)),
            (Action::Xor, [value]) => Some(self.ins().bxor(result, *value)),
            (Action::Exchange, [value]) => Some(*value),
            _ => None,
        };
        if let Some(after) = after {
            let after = narrow(self, after);
            self.ins().store(flags, after, address, offset);
        }
        self.push(result);
        Ok(())
    }
}
