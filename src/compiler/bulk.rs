//! `memory.copy` and `memory.fill`.
//!
//! Few bytes, of a number that is known, are loads and stores. So are up to [`SHORT`] bytes a call of `memmove` or
//! `memset` in optimised code, which cannot be interrupted; all else is left to the runtime.

use super::function::{Result, Translator};
use super::tier::Tier;
use crate::module::{AddressType, PAGE_BITS};
use crate::runtime::vm::Builtin;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Endianness, InstBuilder, InstructionData, MemFlagsData, Opcode, Type, Value, types,
};

/// Bytes that loads and stores move. Sixteen at a time, all are in registers at once.
const FEW: i64 = 64;
/// Bytes that take the C library less time than the guest takes around it, so that signals find the guest often enough.
const SHORT: i64 = 256;

/// How `count` bytes, one at least, are accessed: a type, and at which offsets, ascending. They may overlap.
fn pieces(count: i64) -> (Type, Vec<i32>) {
    let ty = match count {
        1 => types::I8,
        2..=3 => types::I16,
        4..=7 => types::I32,
        8..=15 => types::I64,
        _ => types::I8X16,
    };
    let width = ty.bytes() as i32;
    let last = count as i32 - width;
    let mut offsets: Vec<i32> = (0..last).step_by(width as usize).collect();
    offsets.push(last);
    (ty, offsets)
}

impl Translator<'_, '_> {
    pub fn memory_copy(&mut self, to_memory: u32, from_memory: u32) -> Result<()> {
        let builtin = Builtin::MemoryCopy;
        if to_memory != from_memory || !self.is_inline(to_memory)? {
            return self.bulk(builtin, &[to_memory, from_memory]);
        }
        let [to, from, count] = self.three()?;
        if let Some(count) = self.known_few(count)
            && self.is_guarded(to_memory)?
        {
            let (ty, offsets) = pieces(count);
            let from = self.address(from_memory, from);
            let to = self.address(to_memory, to);
            let flags = self.e.flags.heap;
            let values: Vec<Value> = offsets
                .iter()
                .map(|offset| self.ins().load(ty, flags, from, *offset))
                .collect();
            // The last one first: if there is no place for all, nothing is written.
            for (value, offset) in values.into_iter().zip(offsets).rev() {
                self.ins().store(flags, value, to, offset);
            }
            return Ok(());
        }
        let args = self.builtin_args(&[to_memory, from_memory], &[to, from, count]);
        self.short(Builtin::Move, to_memory, [to, from], count, builtin, &args)
    }

    pub fn memory_fill(&mut self, memory: u32) -> Result<()> {
        let builtin = Builtin::MemoryFill;
        if !self.is_inline(memory)? {
            return self.bulk(builtin, &[memory]);
        }
        let [to, value, count] = self.three()?;
        if let Some(count) = self.known_few(count)
            && self.is_guarded(memory)?
        {
            let (ty, offsets) = pieces(count);
            let byte = self.ins().ireduce(types::I8, value);
            let bytes = self.ins().splat(types::I8X16, byte);
            let little = MemFlagsData::new().with_endianness(Endianness::Little);
            let value = match ty {
                types::I8 => byte,
                types::I8X16 => bytes,
                types::I64 => {
                    let lanes = self.ins().bitcast(types::I64X2, little, bytes);
                    self.ins().extractlane(lanes, 0)
                }
                types::I32 => {
                    let lanes = self.ins().bitcast(types::I32X4, little, bytes);
                    self.ins().extractlane(lanes, 0)
                }
                _ => {
                    let lanes = self.ins().bitcast(types::I16X8, little, bytes);
                    self.ins().extractlane(lanes, 0)
                }
            };
            let to = self.address(memory, to);
            let flags = self.e.flags.heap;
            for offset in offsets.into_iter().rev() {
                self.ins().store(flags, value, to, offset);
            }
            return Ok(());
        }
        let args = self.builtin_args(&[memory], &[to, value, count]);
        self.short(Builtin::Set, memory, [to, value], count, builtin, &args)
    }

    /// Three operands, as runtime functions take them.
    fn three(&mut self) -> Result<[Value; 3]> {
        let operands = self.pop_canonical(3)?;
        let operands = operands.into_iter().map(|operand| self.extended(operand));
        let operands: Vec<Value> = operands.collect();
        operands
            .try_into()
            .map_err(|_| "stack underflow".to_owned())
    }

    /// Is it worth it, and simple, to do without the runtime?
    fn is_inline(&self, memory: u32) -> Result<bool> {
        let is_narrow = self.memory_type(memory)?.address == AddressType::I32;
        Ok(self.tiering.tier != Tier::Baseline && is_narrow && !self.in_cold())
    }

    /// Does what is beyond the memory's end trap, and lie in whole pages?
    fn is_guarded(&self, memory: u32) -> Result<bool> {
        Ok(self.memory_type(memory)?.page_bits == PAGE_BITS && !self.offsets.memories_move())
    }

    /// `count`, if it is a constant and few bytes.
    fn known_few(&self, count: Value) -> Option<i64> {
        let dfg = &self.e.b.func.dfg;
        let data = |value| Some(dfg.insts[dfg.value_def(value).inst()?]);
        let data = |value| data(dfg.resolve_aliases(value));
        let constant = match data(count)? {
            InstructionData::Unary {
                opcode: Opcode::Uextend,
                arg,
            } => data(arg)?,
            other => other,
        };
        match constant {
            InstructionData::UnaryImm {
                opcode: Opcode::Iconst,
                imm,
            } => Some(imm.bits()).filter(|count| (1..=FEW).contains(count)),
            _ => None,
        }
    }

    fn address(&mut self, memory: u32, index: Value) -> Value {
        let base = self.memory_base(memory);
        self.ins().iadd(base, index)
    }

    /// Calls `function` of the C library if `count` is small and all is inside, else the runtime. `operands` are where
    /// to, and where from or what with.
    fn short(
        &mut self,
        function: Builtin,
        memory: u32,
        [to, with]: [Value; 2],
        count: Value,
        otherwise: Builtin,
        args: &[Value],
    ) -> Result<()> {
        let length = self.memory_length(memory);
        let mut far = to;
        if function == Builtin::Move {
            far = self.ins().umax(to, with);
        }
        let end = self.ins().iadd(far, count);
        let outside = self.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        let long = self
            .ins()
            .icmp_imm_u(IntCC::UnsignedGreaterThan, count, SHORT);
        let slow = self.ins().bor(outside, long);
        let runtime = self.e.b.create_block();
        let here = self.e.b.create_block();
        let done = self.e.b.create_block();
        self.e.b.set_cold_block(runtime);
        self.ins().brif(slow, runtime, &[], here, &[]);
        self.e.b.seal_block(runtime);
        self.e.b.seal_block(here);

        self.e.b.switch_to_block(runtime);
        self.e.call_trapping_builtin(otherwise, args)?;
        self.ins().jump(done, &[]);

        self.e.b.switch_to_block(here);
        let valid = self.ins().icmp_imm_u(IntCC::Equal, slow, 0);
        let to = self.address(memory, to);
        let to = self.guarded(valid, to);
        let with = match function {
            Builtin::Move => {
                let from = self.address(memory, with);
                self.guarded(valid, from)
            }
            _ => with,
        };
        self.e.call_builtin(function, &[to, with, count]);
        self.ins().jump(done, &[]);
        self.e.b.seal_block(done);
        self.e.b.switch_to_block(done);
        Ok(())
    }
}
