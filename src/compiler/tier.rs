//! Tiers. A function is first compiled in little time, as code that counts how often it runs; when the
//! count is high it is compiled again, for good. Whoever calls it from then on gets the better code.
//! An activation that stays in a loop of the first code changes over as well, at the head of the loop:
//! into a third form of the function that begins there, with all locals and operands as they were.

use super::function::{Result, Translator};
use super::local::{frame_flags, size};
use super::signature::{self, POINTER};
use crate::runtime::vm::{Builtin, CALL_WEIGHT, LOOP_WEIGHT, VMCTX_COUNTERS};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, InstBuilder, StackSlot, StackSlotData, StackSlotKind, Type, Value, types,
};
use cranelift_frontend::Variable;
use hashbrown::HashMap;

/// So many loops of a function, the first ones, can be left for a better form: each costs the register allocator a look at
/// all the others.
const COUNTED_LOOPS: u32 = 250;

/// A form of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Compiled in little time, with counters.
    Baseline,
    /// For good.
    Optimized,
    /// For good, entered at the head of a loop by code of the first tier. Loops are counted from 0 in
    /// the order of the text, those in unreachable code left out. Its parameters are the context and
    /// the address of the values, 8 or 16 bytes each: locals, then operands.
    FromLoop(u32),
}

/// A loop of a function whose next round begins.
#[derive(Clone, Copy, Debug)]
pub struct LoopHead {
    /// As [`Tier::FromLoop`] counts them.
    pub number: u32,
    /// Loops around it.
    pub depth: u32,
}

/// How a function is called, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// So rarely that it is all one.
    Rare,
    Often,
    /// Often, and the module has one instruction that calls it.
    OftenFromOnePlace,
}

/// What the translator knows of its tier.
pub(super) struct Tiering<'a> {
    pub tier: Tier,
    /// Of functions counted without imports.
    pub calls: &'a dyn Fn(u32) -> Calls,
    /// Loops met so far.
    loops: u32,
    /// In [`Tier::FromLoop`]: where the function begins, and the address that it is given.
    start: Option<(Block, Value)>,
    /// In [`Tier::Baseline`]: where locals are, and where operands are left for the form that takes over.
    frame: Option<StackSlot>,
    /// In [`Tier::FromLoop`]: operands by position and type.
    operands: HashMap<(usize, Type), Variable>,
}

impl<'a> Tiering<'a> {
    pub fn new(tier: Tier, calls: &'a dyn Fn(u32) -> Calls) -> Self {
        Self {
            tier,
            calls,
            loops: 0,
            start: None,
            frame: None,
            operands: HashMap::new(),
        }
    }
}

impl Translator<'_, '_> {
    /// In [`Tier::FromLoop`], sets the real start aside and goes on in a block that nothing reaches, so
    /// that all that comes before the loop, and cannot be reached from it, falls away.
    pub fn begin(&mut self) -> Result<()> {
        if !matches!(self.tiering.tier, Tier::FromLoop(_)) {
            return Ok(());
        }
        let values = self.e.b.block_params(self.e.entry).get(1).copied();
        let values = values.ok_or("no values to begin with")?;
        let start = self.e.b.create_block();
        self.ins().jump(start, &[]);
        self.e.b.seal_block(start);
        self.tiering.start = Some((start, values));
        let unreached = self.e.b.create_block();
        self.e.b.seal_block(unreached);
        self.e.b.switch_to_block(unreached);
        Ok(())
    }

    /// At the end of the function.
    pub fn finish(&self) -> Result<()> {
        match self.tiering.tier {
            Tier::FromLoop(number) if number >= self.tiering.loops => Err("no such loop".into()),
            _ => Ok(()),
        }
    }

    /// Emitted where a function begins.
    pub fn count_call(&mut self) -> Result<()> {
        if self.tiering.tier != Tier::Baseline {
            return Ok(());
        }
        let (hot, next) = self.count(CALL_WEIGHT)?;
        self.e.b.switch_to_block(hot);
        self.call_hot(-1)?;
        self.ins().jump(next, &[]);
        self.e.b.seal_block(next);
        self.e.b.switch_to_block(next);
        Ok(())
    }

    /// Goes on at the head of a loop, which gets `args`.
    pub fn enter_loop(&mut self, header: Block, args: &[Value]) -> Result<()> {
        if self.is_inlined() {
            self.e.jump(header, args);
            self.e.b.switch_to_block(header);
            return Ok(());
        }
        let number = self.tiering.loops;
        self.tiering.loops += 1;
        if self.tiering.tier == Tier::FromLoop(number) {
            return self.begin_at(header, args);
        }
        self.e.jump(header, args);
        // Sealed at the end of the loop, when all branches to it are known.
        self.e.b.switch_to_block(header);
        match self.tiering.tier {
            Tier::Baseline if number < COUNTED_LOOPS => self.count_iteration(number, header),
            _ => Ok(()),
        }
    }

    fn count_iteration(&mut self, number: u32, header: Block) -> Result<()> {
        let params = self.e.b.block_params(header).to_vec();
        let (hot, next) = self.count(LOOP_WEIGHT)?;
        self.e.b.switch_to_block(hot);
        let code = self.call_hot(number as i32)?;
        let change = self.e.b.create_block();
        self.e.b.set_cold_block(change);
        self.ins().brif(code, change, &[], next, &[]);
        self.e.b.seal_block(change);
        self.e.b.seal_block(next);

        self.e.b.switch_to_block(change);
        // The locals are there already.
        let mut values = self.peek_canonical(self.stack.len())?;
        values.extend(params);
        let mut end = self.frame_size;
        let places: Vec<(Value, u32)> = values
            .into_iter()
            .map(|value| {
                let place = end;
                end += size(self.e.b.func.dfg.value_type(value));
                (value, place)
            })
            .collect();
        let slot = self.frame(end);
        for (value, place) in places {
            let address = self.ins().stack_addr(POINTER, slot, place as i32);
            self.ins().store(frame_flags(), value, address, 0);
        }
        let address = self.ins().stack_addr(POINTER, slot, 0);
        let ty = self.module.function_type(self.function);
        let signature = self.e.b.import_signature(signature::from_loop(ty));
        let vmctx = self.e.vmctx;
        let call = self.ins().call_indirect(signature, code, &[vmctx, address]);
        let results = self.e.b.inst_results(call).to_vec();
        self.ins().return_(&results);
        self.e.b.switch_to_block(next);
        Ok(())
    }

    /// The function begins here: takes over all values.
    fn begin_at(&mut self, header: Block, args: &[Value]) -> Result<()> {
        let (start, values) = self.tiering.start.ok_or("function without start")?;
        self.e.jump(header, args);

        self.e.b.switch_to_block(start);
        let mut offset = 0;
        let mut load = |this: &mut Self, ty: Type| {
            let value = this.ins().load(ty, frame_flags(), values, offset);
            offset += size(ty) as i32;
            value
        };
        for index in 0..self.body.locals.len() {
            let ty = signature::ir_type(self.body.locals[index].ty);
            let value = load(self, ty);
            self.set_local(index as u32, value)?;
        }
        for position in 0..self.stack.len() {
            let ty = self.e.b.func.dfg.value_type(self.stack[position].value);
            let value = load(self, ty);
            self.keep_operand(position, value);
        }
        let mut args = Vec::with_capacity(args.len());
        for param in self.e.b.block_params(header).to_vec() {
            let ty = self.e.b.func.dfg.value_type(param);
            args.push(load(self, ty));
        }
        self.e.jump(header, &args);
        self.e.b.switch_to_block(header);
        Ok(())
    }

    /// Called for each operand that is pushed, at its position on the stack. In [`Tier::FromLoop`] an
    /// operand may come from two sides, as a local may, so it is kept in a variable.
    pub fn keep_operand(&mut self, position: usize, value: Value) -> Value {
        if !matches!(self.tiering.tier, Tier::FromLoop(_)) {
            return value;
        }
        let value = self.e.canonical(value);
        let variable = self.operand_variable(position, value);
        self.e.b.def_var(variable, value);
        value
    }

    /// What the operand at this position is where code is emitted now; `value` is what was pushed.
    pub fn operand_value(&mut self, position: usize, value: Value) -> Value {
        if !matches!(self.tiering.tier, Tier::FromLoop(_)) {
            return value;
        }
        let variable = self.operand_variable(position, value);
        self.e.b.use_var(variable)
    }

    fn operand_variable(&mut self, position: usize, value: Value) -> Variable {
        let ty = self.e.b.func.dfg.value_type(value);
        let known = self.tiering.operands.get(&(position, ty)).copied();
        known.unwrap_or_else(|| {
            let variable = self.e.b.declare_var(ty);
            self.tiering.operands.insert((position, ty), variable);
            variable
        })
    }

    /// Adds to the function's counter. Where code goes on when the count is reached, and when not.
    fn count(&mut self, weight: i32) -> Result<(Block, Block)> {
        let defined = self.function - self.module.imported_functions;
        let offset = i32::try_from(4 * i64::from(defined)).map_err(|_| "too many functions")?;
        let counters = self.e.fixed(POINTER, VMCTX_COUNTERS);
        let flags = self.e.flags.counter;
        let count = self.ins().load(types::I32, flags, counters, offset);
        let count = self.ins().iadd_imm_s(count, i64::from(weight));
        self.ins().store(flags, count, counters, offset);
        let hot = self.e.b.create_block();
        let next = self.e.b.create_block();
        self.e.b.set_cold_block(hot);
        let reached = self
            .ins()
            .icmp_imm_s(IntCC::SignedGreaterThanOrEqual, count, 0);
        self.ins().brif(reached, hot, &[], next, &[]);
        self.e.b.seal_block(hot);
        Ok((hot, next))
    }

    fn call_hot(&mut self, number: i32) -> Result<Value> {
        let function = self.e.i32_const(self.function as i32);
        let number = self.e.i32_const(number);
        // Which loops are around it is not known here.
        let depth = self.e.i32_const(0);
        let vmctx = self.e.vmctx;
        self.e
            .call_builtin_value(Builtin::Hot, &[vmctx, function, number, depth])
    }

    /// The part of the frame that holds locals, and what else passes to another form of the function;
    /// with room for `size` bytes.
    pub fn frame(&mut self, size: u32) -> StackSlot {
        if let Some(slot) = self.tiering.frame {
            let data = &mut self.e.b.func.sized_stack_slots[slot];
            data.size = data.size.max(size);
            return slot;
        }
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3);
        let slot = self.e.b.create_sized_stack_slot(data);
        self.tiering.frame = Some(slot);
        slot
    }
}
