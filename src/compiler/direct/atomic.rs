//! Atomic instructions, on memories that are not shared as well: nobody else sees those. Which trap comes first is as in
//! Cranelift's part of them ([`crate::compiler::atomic`]).

use super::operand::{RCX, RSI};
use super::{Direct, Result, Unsupported};
use crate::compiler::atomic::{Action, access};
use crate::runtime::Trap;
use crate::runtime::vm::Builtin;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// An instruction on so many bytes at rdx, which may fault, and a register by its four names.
macro_rules! on_memory {
    ($self:ident, $size:expr, [$($op:ident)*], $byte:ident $word:ident $double:ident $quad:ident) => {{
        $self.may_trap(Trap::MemoryOutOfBounds);
        match $size {
            1 => dynasm!($self.asm ; .arch x64 ; $($op)* BYTE [rdx], $byte),
            2 => dynasm!($self.asm ; .arch x64 ; $($op)* WORD [rdx], $word),
            4 => dynasm!($self.asm ; .arch x64 ; $($op)* DWORD [rdx], $double),
            _ => dynasm!($self.asm ; .arch x64 ; $($op)* QWORD [rdx], $quad),
        }
    }};
}

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn atomic(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::AtomicFence { .. } => dynasm!(self.asm ; .arch x64 ; mfence),
            Operator::MemoryAtomicNotify { memarg } => {
                self.free_registers();
                self.pop_to(RCX)?;
                dynasm!(self.asm ; .arch x64 ; mov ecx, ecx);
                self.ask(Builtin::AtomicNotify, memarg, 4)?;
            }
            Operator::MemoryAtomicWait32 { memarg } => {
                self.free_registers();
                self.pop_to(8)?;
                self.pop_to(RCX)?;
                dynasm!(self.asm ; .arch x64 ; movsxd rcx, ecx);
                self.ask(Builtin::AtomicWait32, memarg, 4)?;
            }
            Operator::MemoryAtomicWait64 { memarg } => {
                self.free_registers();
                self.pop_to(8)?;
                self.pop_to(RCX)?;
                self.ask(Builtin::AtomicWait64, memarg, 8)?;
            }
            _ => match access(operator) {
                Some((action, memarg, _, size)) => {
                    self.on_memory(action, &memarg, size.bytes() as i32)?;
                }
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Pops an address and puts into rdx where that is, aligned for `size` bytes.
    fn aligned_place(&mut self, memarg: &MemArg, size: i32) -> Result {
        let (base, index, at) = self.access(memarg, size)?;
        if size == 1 {
            dynasm!(self.asm ; .arch x64 ; lea rdx, [Rq(base) + Rq(index) + at]);
        } else {
            let unaligned = self.trap(Trap::Unaligned);
            // Memories begin at the start of a page.
            dynasm!(self.asm ; .arch x64
                ; lea rdx, [Rq(base) + Rq(index) + at]
                ; test edx, size - 1
                ; jnz =>unaligned);
        }
        Ok(())
    }

    fn on_memory(&mut self, action: Action, memarg: &MemArg, size: i32) -> Result {
        // More registers are needed than are free between operators.
        self.free_registers();
        match action {
            Action::Load => {}
            Action::CompareExchange => {
                self.pop_to(RSI)?;
                self.pop_to(RCX)?;
            }
            _ => self.pop_to(RCX)?,
        }
        self.aligned_place(memarg, size)?;
        match action {
            Action::Load => self.load_at_rdx(size),
            Action::Store => {
                on_memory!(self, size, [xchg], cl cx ecx rcx);
                self.come_back();
                return Ok(());
            }
            Action::Add | Action::Sub | Action::Exchange => {
                match action {
                    Action::Exchange => on_memory!(self, size, [xchg], cl cx ecx rcx),
                    Action::Add => on_memory!(self, size, [lock xadd], cl cx ecx rcx),
                    _ => {
                        dynasm!(self.asm ; .arch x64 ; neg rcx);
                        on_memory!(self, size, [lock xadd], cl cx ecx rcx);
                    }
                }
                match size {
                    1 => dynasm!(self.asm ; .arch x64 ; movzx eax, cl),
                    2 => dynasm!(self.asm ; .arch x64 ; movzx eax, cx),
                    4 => dynasm!(self.asm ; .arch x64 ; mov eax, ecx),
                    _ => dynasm!(self.asm ; .arch x64 ; mov rax, rcx),
                }
            }
            Action::And | Action::Or | Action::Xor => {
                let again = self.asm.new_dynamic_label();
                self.load_at_rdx(size);
                dynasm!(self.asm ; .arch x64 ; =>again ; mov rsi, rax);
                match action {
                    Action::And => dynasm!(self.asm ; .arch x64 ; and rsi, rcx),
                    Action::Or => dynasm!(self.asm ; .arch x64 ; or rsi, rcx),
                    _ => dynasm!(self.asm ; .arch x64 ; xor rsi, rcx),
                }
                on_memory!(self, size, [lock cmpxchg], sil si esi rsi);
                dynasm!(self.asm ; .arch x64 ; jnz =>again);
            }
            Action::CompareExchange => {
                dynasm!(self.asm ; .arch x64 ; mov rax, rcx);
                on_memory!(self, size, [lock cmpxchg], sil si esi rsi);
                // Nothing that was expected is left above.
                match size {
                    1 => dynasm!(self.asm ; .arch x64 ; movzx eax, al),
                    2 => dynasm!(self.asm ; .arch x64 ; movzx eax, ax),
                    4 => dynasm!(self.asm ; .arch x64 ; mov eax, eax),
                    _ => {}
                }
            }
        }
        self.come_back();
        self.push_rax();
        Ok(())
    }

    fn load_at_rdx(&mut self, size: i32) {
        self.may_trap(Trap::MemoryOutOfBounds);
        match size {
            1 => dynasm!(self.asm ; .arch x64 ; movzx eax, BYTE [rdx]),
            2 => dynasm!(self.asm ; .arch x64 ; movzx eax, WORD [rdx]),
            4 => dynasm!(self.asm ; .arch x64 ; mov eax, [rdx]),
            _ => dynasm!(self.asm ; .arch x64 ; mov rax, [rdx]),
        }
    }

    /// Calls a runtime function whose operands are in their registers but for the address; its result is an i32, or a
    /// trap's number negated. Memories that are not shared, or move, are left to Cranelift.
    fn ask(&mut self, builtin: Builtin, memarg: &MemArg, size: i32) -> Result {
        let MemArgTarget::Memory(memory) = memarg.target else {
            return Err(Unsupported);
        };
        if !self.memory_type(memory)?.shared || self.offsets.memories_move() {
            return Err(Unsupported);
        }
        self.aligned_place(memarg, size)?;
        // Traps where an access would.
        self.load_at_rdx(size);
        let (base, done) = (
            self.offsets.memory_base(memory),
            self.asm.new_dynamic_label(),
        );
        dynasm!(self.asm ; .arch x64 ; sub rdx, [r15 + base] ; mov esi, memory as i32);
        self.call_builtin(builtin);
        dynasm!(self.asm ; .arch x64
            ; test rax, rax
            ; jns =>done
            ; neg eax
            ; mov edx, eax);
        self.raise();
        dynasm!(self.asm ; .arch x64 ; =>done);
        self.come_back();
        self.push_rax();
        Ok(())
    }
}
