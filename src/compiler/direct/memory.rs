//! Linear memory.

use super::operand::{R8, R9, RCX, RDX, RSI};
use super::{Cold, Direct, Result, Unsupported};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, MEMORY_LENGTH};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::{MemArg, MemArgTarget, Operator};

impl Direct<'_> {
    /// Translates an operator on memory; false if it is none.
    pub fn memory(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        macro_rules! load {
            ($memarg:expr, $($code:tt)*) => {{
                let at = self.offset($memarg)?;
                self.pop_rax()?;
                // The index is an i32, and what is above it in the register is unknown.
                dynasm!(self.asm ; .arch x64 ; mov eax, eax);
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; $($code)* [r14 + rax + at]);
                self.push_rax();
            }};
        }
        macro_rules! store {
            ($memarg:expr, $register:ident) => {{
                let at = self.offset($memarg)?;
                self.pop_to(RCX)?;
                self.pop_rax()?;
                dynasm!(self.asm ; .arch x64 ; mov eax, eax);
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; mov [r14 + rax + at], $register);
            }};
        }
        match operator {
            Op::I32Load { memarg } | Op::F32Load { memarg } | Op::I64Load32U { memarg } => {
                load!(memarg, mov eax,)
            }
            Op::I64Load { memarg } | Op::F64Load { memarg } => load!(memarg, mov rax,),
            Op::I32Load8S { memarg } => load!(memarg, movsx eax, BYTE),
            Op::I32Load8U { memarg } | Op::I64Load8U { memarg } => {
                load!(memarg, movzx eax, BYTE)
            }
            Op::I32Load16S { memarg } => load!(memarg, movsx eax, WORD),
            Op::I32Load16U { memarg } | Op::I64Load16U { memarg } => {
                load!(memarg, movzx eax, WORD)
            }
            Op::I64Load8S { memarg } => load!(memarg, movsx rax, BYTE),
            Op::I64Load16S { memarg } => load!(memarg, movsx rax, WORD),
            Op::I64Load32S { memarg } => load!(memarg, movsxd rax, DWORD),
            Op::I32Store { memarg } | Op::F32Store { memarg } | Op::I64Store32 { memarg } => {
                store!(memarg, ecx)
            }
            Op::I64Store { memarg } | Op::F64Store { memarg } => store!(memarg, rcx),
            Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => store!(memarg, cl),
            Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => store!(memarg, cx),
            Op::MemorySize { .. } => {
                self.free_rax();
                let offset = self.offsets.memory(0);
                dynasm!(self.asm ; .arch x64
                    ; mov rax, [r15 + offset]
                    ; mov rax, [rax + MEMORY_LENGTH]
                    ; shr rax, 16);
                self.push_rax();
            }
            Op::MemoryGrow { mem } => {
                self.free_registers();
                self.pop_to(RDX)?;
                dynasm!(self.asm ; .arch x64 ; mov esi, *mem as i32);
                self.call_builtin(Builtin::MemoryGrow);
                self.push_rax();
            }
            Op::MemoryCopy { dst_mem, .. } => self.bulk(Builtin::MemoryCopy, &[*dst_mem])?,
            Op::MemoryFill { mem } => self.bulk(Builtin::MemoryFill, &[*mem])?,
            Op::MemoryInit { data_index, mem } => {
                self.bulk(Builtin::MemoryInit, &[*mem, *data_index])?;
            }
            Op::DataDrop { data_index } => {
                self.free_registers();
                dynasm!(self.asm ; .arch x64 ; mov esi, *data_index as i32);
                self.call_builtin(Builtin::DataDrop);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The offset of an access, if it is so small that nothing has to be checked: see the comment at
    /// `place` of Cranelift's translator.
    fn offset(&self, memarg: &MemArg) -> Result<i32> {
        match memarg.target {
            MemArgTarget::Memory(0) => i32::try_from(memarg.offset).map_err(|_| Unsupported),
            _ => Err(Unsupported),
        }
    }

    /// A bulk operation: indices, then three operands.
    fn bulk(&mut self, builtin: Builtin, indices: &[u32]) -> Result {
        self.free_registers();
        let registers: [u8; 5] = [RSI, RDX, RCX, R8, R9];
        let (of_indices, rest) = registers.split_at(indices.len());
        for (&register, index) in of_indices.iter().zip(indices) {
            dynasm!(self.asm ; .arch x64 ; mov Rd(register), *index as i32);
        }
        for register in rest[..3].iter().rev() {
            self.pop_to(*register)?;
        }
        self.call_builtin(builtin);
        let failed = self.asm.new_dynamic_label();
        dynasm!(self.asm ; .arch x64 ; test eax, eax ; jnz =>failed);
        self.cold.push(Cold::Raise(failed));
        Ok(())
    }
}
