//! Linear memory.

use super::operand::{IN_RAX, IN_RDX, Operand, R8, R9, R11, R14, RAX, RCX, RDX, RSI};
use super::{Cold, Direct, Result, Unsupported};
use crate::module::{AddressType, MemoryType, PAGE_BITS};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, MEMORY_BASE, MEMORY_LENGTH};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// The type of a length that is copied between two memories or tables.
pub fn narrower(a: AddressType, b: AddressType) -> AddressType {
    match a {
        AddressType::I32 => a,
        AddressType::I64 => b,
    }
}

impl Direct<'_> {
    /// Translates an operator on memory; false if it is none.
    pub fn memory(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        macro_rules! load {
            ($memarg:expr, $size:expr, $push:ident, $($code:tt)*) => {{
                let (base, index, at) = self.access($memarg, $size)?;
                self.free_rax();
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; $($code)* [Rq(base) + Rq(index) + at]);
                self.$push();
            }};
        }
        macro_rules! load_float {
            ($memarg:expr, $size:expr, $move:ident) => {{
                let (base, index, at) = self.access($memarg, $size)?;
                self.free_xmm0();
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; $move xmm0, [Rq(base) + Rq(index) + at]);
                self.push_xmm0();
            }};
        }
        macro_rules! store_float {
            ($memarg:expr, $size:expr, $move:ident) => {{
                let value = self.pop_xmm(1)?;
                let (base, index, at) = self.access($memarg, $size)?;
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; $move [Rq(base) + Rq(index) + at], Rx(value));
            }};
        }
        macro_rules! store {
            ($memarg:expr, $size:expr, $register:ident) => {{
                let value = match self.pop()? {
                    // The address may have to go there, or what it is checked by.
                    operand @ (IN_RAX | IN_RDX) => {
                        self.load(operand, 0, RCX);
                        RCX
                    }
                    operand => self.register(operand, RCX),
                };
                let (base, index, at) = self.access($memarg, $size)?;
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; mov [Rq(base) + Rq(index) + at], $register(value));
            }};
        }
        match operator {
            Op::F32Load { memarg } => load_float!(memarg, 4, movss),
            Op::F64Load { memarg } => load_float!(memarg, 8, movsd),
            Op::F32Store { memarg } if matches!(self.stack.last(), Some(Operand::Float(_))) => {
                store_float!(memarg, 4, movss)
            }
            Op::F64Store { memarg } if matches!(self.stack.last(), Some(Operand::Float(_))) => {
                store_float!(memarg, 8, movsd)
            }
            Op::I32Load { memarg } | Op::I64Load32U { memarg } => {
                load!(memarg, 4, push_eax, mov eax,)
            }
            Op::I64Load { memarg } => load!(memarg, 8, push_rax, mov rax,),
            Op::I32Load8S { memarg } => load!(memarg, 1, push_eax, movsx eax, BYTE),
            Op::I32Load8U { memarg } | Op::I64Load8U { memarg } => {
                load!(memarg, 1, push_eax, movzx eax, BYTE)
            }
            Op::I32Load16S { memarg } => load!(memarg, 2, push_eax, movsx eax, WORD),
            Op::I32Load16U { memarg } | Op::I64Load16U { memarg } => {
                load!(memarg, 2, push_eax, movzx eax, WORD)
            }
            Op::I64Load8S { memarg } => load!(memarg, 1, push_rax, movsx rax, BYTE),
            Op::I64Load16S { memarg } => load!(memarg, 2, push_rax, movsx rax, WORD),
            Op::I64Load32S { memarg } => load!(memarg, 4, push_rax, movsxd rax, DWORD),
            Op::I32Store { memarg } | Op::F32Store { memarg } | Op::I64Store32 { memarg } => {
                store!(memarg, 4, Rd)
            }
            Op::I64Store { memarg } | Op::F64Store { memarg } => store!(memarg, 8, Rq),
            Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => store!(memarg, 1, Rb),
            Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => store!(memarg, 2, Rw),
            Op::MemorySize { mem } => {
                let ty = self.memory_type(*mem)?;
                self.free_rax();
                let offset = self.offsets.memory(*mem);
                dynasm!(self.asm ; .arch x64
                    ; mov rax, [r15 + offset]
                    ; mov rax, [rax + MEMORY_LENGTH]
                    ; shr rax, ty.page_bits as i8);
                self.push_rax();
            }
            Op::MemoryGrow { mem } => {
                let ty = self.memory_type(*mem)?;
                self.free_registers();
                self.pop_address(RDX, ty.address)?;
                dynasm!(self.asm ; .arch x64 ; mov esi, *mem as i32);
                self.call_builtin(Builtin::MemoryGrow);
                self.come_back();
                self.push_rax();
            }
            Op::MemoryCopy { dst_mem, src_mem } => {
                let to = self.memory_type(*dst_mem)?.address;
                let from = self.memory_type(*src_mem)?.address;
                let indices = [*dst_mem, *src_mem];
                let types = [to, from, narrower(to, from)];
                self.bulk(Builtin::MemoryCopy, &indices, types)?;
            }
            Op::MemoryFill { mem } => {
                let ty = self.memory_type(*mem)?.address;
                let types = [ty, AddressType::I32, ty];
                self.bulk(Builtin::MemoryFill, &[*mem], types)?;
            }
            Op::MemoryInit { data_index, mem } => {
                let ty = self.memory_type(*mem)?.address;
                let types = [ty, AddressType::I32, AddressType::I32];
                self.bulk(Builtin::MemoryInit, &[*mem, *data_index], types)?;
            }
            Op::DataDrop { data_index } => {
                self.free_registers();
                dynasm!(self.asm ; .arch x64 ; mov esi, *data_index as i32);
                self.call_builtin(Builtin::DataDrop);
                self.come_back();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub fn memory_type(&self, memory: u32) -> Result<MemoryType> {
        let ty = self.module.memories.get(memory as usize);
        ty.copied().ok_or(Unsupported)
    }

    /// Pops an address, index or size into a register. What is above one of 32 bits is unknown until then.
    pub fn pop_address(&mut self, register: u8, ty: AddressType) -> Result {
        let operand = self.pop()?;
        self.load_address(operand, register, ty);
        Ok(())
    }

    fn load_address(&mut self, operand: Operand, register: u8, ty: AddressType) {
        if register == RAX && operand != IN_RAX {
            self.free_rax();
        }
        let height = self.stack.len();
        if ty == AddressType::I64 || self.is_narrow(operand) {
            self.load(operand, height, register);
        } else if let Some(place) = self.in_frame(operand, height) {
            dynasm!(self.asm ; .arch x64 ; mov Rd(register), [rsp + place]);
        } else {
            let from = self.register(operand, register);
            dynasm!(self.asm ; .arch x64 ; mov Rd(register), Rd(from));
        }
    }

    /// Pops the index of an access of `size` bytes and checks it, for the reasons given at `place` of Cranelift's translator;
    /// the registers of the memory's base and of the index, and the offset. The index is in rax, or in a register that must
    /// not be changed. With guards the base is 0, and so is rax for a processor that takes what is outside for inside.
    pub fn access(&mut self, memarg: &MemArg, size: i32) -> Result<(u8, u8, i32)> {
        let MemArgTarget::Memory(memory) = memarg.target else {
            return Err(Unsupported);
        };
        let ty = self.memory_type(memory)?;
        let offset = i32::try_from(memarg.offset).map_err(|_| Unsupported)?;
        let operand = self.pop()?;
        let is_simple = ty.page_bits == PAGE_BITS && ty.address == AddressType::I32;
        if let Operand::Register(index) = operand
            && is_simple
            && memory == 0
            && !self.offsets.memories_move()
            && self.is_narrow(operand)
        {
            return Ok((R14, index as u8, offset));
        }
        self.load_address(operand, RAX, ty.address);
        if !is_simple || memory != 0 || self.offsets.memories_move() {
            self.evict(IN_RDX);
        }
        let head = self.offsets.memory(memory);
        let moves = self.offsets.memories_move();
        let guards = self.module.features.spectre_guards;
        let checks_end = ty.page_bits != PAGE_BITS || moves;
        let checks_start = !checks_end && ty.address == AddressType::I64;
        if checks_end {
            let reach = offset.checked_add(size).ok_or(Unsupported)?;
            let outside = self.trap(Trap::MemoryOutOfBounds);
            dynasm!(self.asm ; .arch x64
                ; mov rdx, [r15 + head]
                ; mov r10, rax
                ; add r10, reach
                ; jc =>outside);
            if guards {
                // All ones if it wraps round.
                dynasm!(self.asm ; .arch x64 ; sbb r11, r11 ; or r10, r11);
            }
            dynasm!(self.asm ; .arch x64 ; cmp r10, [rdx + MEMORY_LENGTH] ; ja =>outside);
        } else if checks_start {
            let outside = self.trap(Trap::MemoryOutOfBounds);
            dynasm!(self.asm ; .arch x64
                ; mov rdx, [r15 + head]
                ; cmp rax, [rdx + MEMORY_LENGTH]
                ; jae =>outside);
        }
        // The comparison's flags outlive this.
        let mut base = RDX;
        if moves {
            dynasm!(self.asm ; .arch x64 ; mov rdx, [rdx + MEMORY_BASE]);
        } else if memory == 0 {
            base = R14;
        } else {
            let place = self.offsets.memory_base(memory);
            dynasm!(self.asm ; .arch x64 ; mov rdx, [r15 + place]);
        }
        if !guards || !checks_end && !checks_start {
            return Ok((base, RAX, offset));
        }
        dynasm!(self.asm ; .arch x64 ; lea rax, [Rq(base) + rax + offset] ; mov r11d, 0);
        match checks_end {
            true => dynasm!(self.asm ; .arch x64 ; cmova rax, r11),
            false => dynasm!(self.asm ; .arch x64 ; cmovae rax, r11),
        }
        Ok((R11, RAX, 0))
    }

    /// A bulk operation: indices, then three operands, numbers as wide as addresses of these types.
    pub fn bulk(&mut self, builtin: Builtin, indices: &[u32], types: [AddressType; 3]) -> Result {
        self.free_registers();
        let registers: [u8; 5] = [RSI, RDX, RCX, R8, R9];
        let (of_indices, rest) = registers.split_at(indices.len());
        for (&register, index) in of_indices.iter().zip(indices) {
            dynasm!(self.asm ; .arch x64 ; mov Rd(register), *index as i32);
        }
        for (register, ty) in rest[..3].iter().zip(types).rev() {
            self.pop_address(*register, ty)?;
        }
        self.call_builtin(builtin);
        let failed = self.asm.new_dynamic_label();
        dynasm!(self.asm ; .arch x64 ; test eax, eax ; jnz =>failed);
        self.come_back();
        self.cold.push(Cold::Raise(failed, self.position));
        Ok(())
    }
}
