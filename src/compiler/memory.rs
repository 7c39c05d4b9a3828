//! Linear memories.

use super::emit::trap_code;
use super::function::{Result, Translator};
use super::signature::POINTER;
use crate::module::{AddressType, MemoryType, PAGE_BITS};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, MEMORY_BASE, MEMORY_LENGTH};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value, types};
use wasmparser::{MemArg, MemArgTarget, Operator};

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
                let ty = self.memory_type(*mem)?;
                let length = match ty.shared {
                    false => self.memory_length(*mem),
                    // Not one that was known before.
                    true => {
                        let memory = self.e.fixed(POINTER, self.offsets.memory(*mem));
                        let length = self.ins().iadd_imm_s(memory, i64::from(MEMORY_LENGTH));
                        let flags = self.e.flags.head;
                        self.ins().atomic_load(POINTER, flags, length)
                    }
                };
                let pages = self.ins().ushr_imm_u(length, i64::from(ty.page_bits));
                self.push_address(pages, ty.address);
            }
            Op::MemoryGrow { mem } => {
                let ty = self.memory_type(*mem)?;
                let delta = self.pop()?;
                let delta = self.extended(delta);
                let args = self.builtin_args(&[*mem], &[delta]);
                let before = self.e.call_builtin_value(Builtin::MemoryGrow, &args)?;
                self.push_address(before, ty.address);
            }
            Op::MemoryCopy { dst_mem, src_mem } => {
                self.memory_copy(*dst_mem, *src_mem)?;
            }
            Op::MemoryFill { mem } => self.memory_fill(*mem)?,
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

    /// An operand as runtime functions take it, and as addresses are computed: 64 bits.
    pub fn extended(&mut self, value: Value) -> Value {
        match self.e.b.func.dfg.value_type(value) {
            types::I32 => self.ins().uextend(types::I64, value),
            _ => value,
        }
    }

    /// Pushes an address, index or size.
    pub fn push_address(&mut self, value: Value, ty: AddressType) {
        let value = match ty {
            AddressType::I32 => self.ins().ireduce(types::I32, value),
            AddressType::I64 => value,
        };
        self.push(value);
    }

    /// A bulk operation: indices, then three operands.
    pub fn bulk(&mut self, builtin: Builtin, indices: &[u32]) -> Result<()> {
        let mut operands = self.pop_canonical(3)?;
        for operand in &mut operands {
            *operand = self.extended(*operand);
        }
        let args = self.builtin_args(indices, &operands);
        self.e.call_trapping_builtin(builtin, &args)
    }

    pub fn memory_type(&self, memory: u32) -> Result<MemoryType> {
        let ty = self.module.memories.get(memory as usize);
        ty.copied().ok_or_else(|| "no such memory".to_owned())
    }

    pub fn memory_length(&mut self, memory: u32) -> Value {
        let memory = self.e.fixed(POINTER, self.offsets.memory(memory));
        let flags = self.e.flags.head;
        self.ins().load(POINTER, flags, memory, MEMORY_LENGTH)
    }

    pub fn memory_base(&mut self, memory: u32) -> Value {
        if !self.offsets.memories_move() {
            return self.e.fixed(POINTER, self.offsets.memory_base(memory));
        }
        let memory = self.e.fixed(POINTER, self.offsets.memory(memory));
        let flags = self.e.flags.head;
        self.ins().load(POINTER, flags, memory, MEMORY_BASE)
    }

    /// Pops an index and returns the place that it and `memarg` name, for an access of `size` bytes.
    ///
    /// Behind a memory of usual pages is address space for every constant offset below 2 GiB, and what is beyond the
    /// memory's end is inaccessible. So the offset of such an access needs no check, and neither does an index of
    /// 32 bits, for all of which there is address space. An index of 64 bits is compared with the memory's
    /// length: the same for all fields of a structure, so that one comparison serves them. Where memories move
    /// there is nothing behind them, and the end of each access is compared.
    pub fn place(&mut self, memarg: &MemArg, size: u64) -> Result<(Value, i32)> {
        let MemArgTarget::Memory(memory) = memarg.target else {
            return Err("access of something else than a memory".to_owned());
        };
        let ty = self.memory_type(memory)?;
        let index = self.pop()?;
        let index = self.extended(index);
        let small = i32::try_from(memarg.offset).ok();
        let guarded = ty.page_bits == PAGE_BITS && !self.offsets.memories_move();
        let inside = match small.filter(|_| guarded) {
            Some(_) if ty.address == AddressType::I32 => None,
            Some(_) => {
                let length = self.memory_length(memory);
                Some(self.ins().icmp(IntCC::UnsignedLessThan, index, length))
            }
            None => Some(self.is_inside(memory, ty.address, index, memarg.offset, size)),
        };
        if let Some(inside) = inside {
            self.trap_unless(inside, Trap::MemoryOutOfBounds);
        }
        let base = self.memory_base(memory);
        let start = self.ins().iadd(base, index);
        let guards = self.module.features.spectre_guards;
        Ok(match (small, inside) {
            (Some(offset), inside) if inside.is_none() || !guards => (start, offset),
            (_, inside) => {
                let address = self.ins().iadd_imm_s(start, memarg.offset as i64);
                match inside {
                    Some(inside) => (self.guarded(inside, address), 0),
                    None => (address, 0),
                }
            }
        })
    }

    /// `address`; 0 for a processor that wrongly takes `valid` for true, if there is to be a guard against that.
    pub fn guarded(&mut self, valid: Value, address: Value) -> Value {
        if !self.module.features.spectre_guards {
            return address;
        }
        let null = self.ins().iconst(POINTER, 0);
        self.ins().select_spectre_guard(valid, address, null)
    }

    /// Are `size` bytes at `offset` from `index` in the memory? Traps if they are beyond all addresses.
    fn is_inside(
        &mut self,
        memory: u32,
        address: AddressType,
        index: Value,
        offset: u64,
        size: u64,
    ) -> Value {
        // What reaches beyond all addresses is outside wherever it begins.
        let reach = offset.saturating_add(size) as i64;
        let may_wrap = address == AddressType::I64;
        let end = if may_wrap && !self.module.features.spectre_guards {
            let reach = self.ins().iconst(types::I64, reach);
            let trap = trap_code(Trap::MemoryOutOfBounds);
            self.ins().uadd_overflow_trap(index, reach, trap)
        } else {
            self.ins().iadd_imm_s(index, reach)
        };
        let length = self.memory_length(memory);
        let within = IntCC::UnsignedLessThanOrEqual;
        let inside = self.ins().icmp(within, end, length);
        if may_wrap && self.module.features.spectre_guards {
            let ascends = self.ins().icmp(within, index, end);
            return self.ins().band(inside, ascends);
        }
        inside
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
