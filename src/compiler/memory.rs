//! Linear memories.

use super::function::{Result, Translator};
use super::signature::POINTER;
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, MEMORY_LENGTH};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value, types};
use wasmparser::{MemArg, MemArgTarget, Operator};

/// Binary logarithm of the page size of wasm.
const PAGE_BITS: i64 = 16;

impl<'a> Translator<'a, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn memory(&mut self, operator: &Operator<'a>) -> Result<bool> {
        use Operator as Op;
        use types::{F32, F64, I32, I64};
        match operator {
            Op::I32Load { memarg } => self.load(memarg, Opcode::Load, I32, 4)?,
            Op::I64Load { memarg } => self.load(memarg, Opcode::Load, I64, 8)?,
            Op::F32Load { memarg } => self.load(memarg, Opcode::Load, F32, 4)?,
            Op::F64Load { memarg } => self.load(memarg, Opcode::Load, F64, 8)?,
            Op::I32Load8S { memarg } => self.load(memarg, Opcode::Sload8, I32, 1)?,
            Op::I32Load8U { memarg } => self.load(memarg, Opcode::Uload8, I32, 1)?,
            Op::I32Load16S { memarg } => self.load(memarg, Opcode::Sload16, I32, 2)?,
            Op::I32Load16U { memarg } => self.load(memarg, Opcode::Uload16, I32, 2)?,
            Op::I64Load8S { memarg } => self.load(memarg, Opcode::Sload8, I64, 1)?,
            Op::I64Load8U { memarg } => self.load(memarg, Opcode::Uload8, I64, 1)?,
            Op::I64Load16S { memarg } => self.load(memarg, Opcode::Sload16, I64, 2)?,
            Op::I64Load16U { memarg } => self.load(memarg, Opcode::Uload16, I64, 2)?,
            Op::I64Load32S { memarg } => self.load(memarg, Opcode::Sload32, I64, 4)?,
            Op::I64Load32U { memarg } => self.load(memarg, Opcode::Uload32, I64, 4)?,
            Op::I32Store { memarg } | Op::F32Store { memarg } => {
                self.store(memarg, Opcode::Store, 4)?;
            }
            Op::I64Store { memarg } | Op::F64Store { memarg } => {
                self.store(memarg, Opcode::Store, 8)?;
            }
            Op::I32Store8 { memarg } | Op::I64Store8 { memarg } => {
                self.store(memarg, Opcode::Istore8, 1)?;
            }
            Op::I32Store16 { memarg } | Op::I64Store16 { memarg } => {
                self.store(memarg, Opcode::Istore16, 2)?;
            }
            Op::I64Store32 { memarg } => self.store(memarg, Opcode::Istore32, 4)?,
            Op::MemorySize { mem } => {
                let length = self.memory_length(*mem)?;
                let pages = self.ins().ushr_imm_u(length, PAGE_BITS);
                let pages = self.ins().ireduce(I32, pages);
                self.push(pages);
            }
            Op::MemoryGrow { mem } => {
                let delta = self.pop()?;
                let args = self.builtin_args(&[*mem], &[delta]);
                let before = self.e.call_builtin_value(Builtin::MemoryGrow, &args)?;
                self.push(before);
            }
            Op::MemoryCopy { dst_mem, .. } => self.bulk(Builtin::MemoryCopy, &[*dst_mem])?,
            Op::MemoryFill { mem } => self.bulk(Builtin::MemoryFill, &[*mem])?,
            Op::MemoryInit { data_index, mem } => {
                self.bulk(Builtin::MemoryInit, &[*mem, *data_index])?;
            }
            Op::DataDrop { data_index } => {
                let args = self.builtin_args(&[*data_index], &[]);
                self.e.call_builtin(Builtin::DataDrop, &args);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The context, indices, and operands, as runtime functions take them.
    pub fn builtin_args(&mut self, indices: &[u32], operands: &[Value]) -> Vec<Value> {
        let mut args = vec![self.e.vmctx];
        for index in indices {
            let index = self.e.i32_const(*index as i32);
            args.push(index);
        }
        args.extend(operands);
        args
    }

    /// A bulk operation: indices, then three operands.
    pub fn bulk(&mut self, builtin: Builtin, indices: &[u32]) -> Result<()> {
        let operands = self.pop_canonical(3)?;
        let args = self.builtin_args(indices, &operands);
        self.e.call_trapping_builtin(builtin, &args)
    }

    fn memory_length(&mut self, memory: u32) -> Result<Value> {
        self.module
            .memories
            .get(memory as usize)
            .ok_or("no such memory")?;
        let memory = self.e.fixed(POINTER, self.offsets.memory(memory));
        let flags = self.e.flags.head;
        Ok(self.ins().load(POINTER, flags, memory, MEMORY_LENGTH))
    }

    /// Pops an index and returns the place that it and `memarg` name, for an access of `size` bytes.
    ///
    /// The address space behind a memory holds every sum of an index and an offset below 2 GiB, and
    /// what is beyond the memory's end is inaccessible; so such accesses check nothing.
    pub fn place(&mut self, memarg: &MemArg, size: u64) -> Result<(Value, i32)> {
        let MemArgTarget::Memory(memory) = memarg.target else {
            return Err("access of something else than a memory".to_owned());
        };
        self.module
            .memories
            .get(memory as usize)
            .ok_or("no such memory")?;
        let index = self.pop()?;
        let index = self.ins().uextend(POINTER, index);
        if let Ok(offset) = i32::try_from(memarg.offset) {
            let base = self.e.fixed(POINTER, self.offsets.memory_base(memory));
            return Ok((self.ins().iadd(base, index), offset));
        }
        let offset = i64::try_from(memarg.offset).map_err(|_| "offset out of range")?;
        let length = self.memory_length(memory)?;
        let start = self.ins().iadd_imm_s(index, offset);
        let end = self.ins().iadd_imm_s(start, size as i64);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.trap_if(outside, Trap::MemoryOutOfBounds);
        let base = self.e.fixed(POINTER, self.offsets.memory_base(memory));
        Ok((self.ins().iadd(base, start), 0))
    }

    /// Loads `size` bytes with `opcode` and pushes them as a value of type `ty`.
    fn load(&mut self, memarg: &MemArg, opcode: Opcode, ty: Type, size: u64) -> Result<()> {
        let value = self.load_value(memarg, opcode, ty, size)?;
        self.push(value);
        Ok(())
    }

    pub fn load_value(
        &mut self,
        memarg: &MemArg,
        opcode: Opcode,
        ty: Type,
        size: u64,
    ) -> Result<Value> {
        let (address, offset) = self.place(memarg, size)?;
        let flags = self.e.flags.heap;
        let ins = self.ins();
        Ok(match opcode {
            Opcode::Load => ins.load(ty, flags, address, offset),
            Opcode::Sload8 => ins.sload8(ty, flags, address, offset),
            Opcode::Uload8 => ins.uload8(ty, flags, address, offset),
            Opcode::Sload16 => ins.sload16(ty, flags, address, offset),
            Opcode::Uload16 => ins.uload16(ty, flags, address, offset),
            Opcode::Sload32 => ins.sload32(flags, address, offset),
            Opcode::Uload32 => ins.uload32(flags, address, offset),
            Opcode::Sload8x8 => ins.sload8x8(flags, address, offset),
            Opcode::Uload8x8 => ins.uload8x8(flags, address, offset),
            Opcode::Sload16x4 => ins.sload16x4(flags, address, offset),
            Opcode::Uload16x4 => ins.uload16x4(flags, address, offset),
            Opcode::Sload32x2 => ins.sload32x2(flags, address, offset),
            Opcode::Uload32x2 => ins.uload32x2(flags, address, offset),
            _ => return Err("not a load".to_owned()),
        })
    }

    /// Pops a value and stores `size` bytes of it with `opcode`.
    fn store(&mut self, memarg: &MemArg, opcode: Opcode, size: u64) -> Result<()> {
        let value = self.pop()?;
        self.store_value(memarg, opcode, value, size)
    }

    pub fn store_value(
        &mut self,
        memarg: &MemArg,
        opcode: Opcode,
        value: Value,
        size: u64,
    ) -> Result<()> {
        let (address, offset) = self.place(memarg, size)?;
        let flags = self.e.flags.heap;
        let ins = self.ins();
        match opcode {
            Opcode::Store => ins.store(flags, value, address, offset),
            Opcode::Istore8 => ins.istore8(flags, value, address, offset),
            Opcode::Istore16 => ins.istore16(flags, value, address, offset),
            Opcode::Istore32 => ins.istore32(flags, value, address, offset),
            _ => return Err("not a store".to_owned()),
        };
        Ok(())
    }
}
