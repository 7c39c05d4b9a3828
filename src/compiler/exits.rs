//! Copies where loops end, between optimisation and the allocation of registers.
//!
//! What lives on across a call wants a register that calls keep, or the stack. The allocator gives a value one place for as
//! much of its life as it can, and after two splits of it the stack: a loop then has its variables there for the sake of a
//! call behind it, made once. So where an outermost loop ends, what lives on across a call is copied.

use super::schedule::is_constant;
use cranelift_codegen::Context;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::entity::{EntitySet, SecondaryMap};
use cranelift_codegen::ir::{Block, Function, Inst, InstBuilder, Value, ValueDef, types};
use cranelift_codegen::loop_analysis::Loop;
use cranelift_codegen::packed_option::PackedOption;
use hashbrown::{HashMap, HashSet};

/// Blocks of a function that are looked at for calls, once for each end of a loop.
const STEPS: usize = 1 << 16;

/// A value and the end of a loop across which it lives.
type Crossing = (Value, Block);

struct Exits<'c> {
    context: &'c Context,
    /// The first call of each block.
    calls: SecondaryMap<Block, PackedOption<Inst>>,
    /// Of blocks at which only the branches of one outermost loop arrive: that loop.
    ends: HashMap<Block, Loop>,
    /// The next such block on the way from each block to the function's entry by dominators, itself included.
    above: SecondaryMap<Block, PackedOption<Block>>,
    /// Blocks that are reached from such a block with a call before.
    behind: HashMap<Block, EntitySet<Block>>,
    steps: usize,
}

/// Copies what lives on where the outermost loops of a function end whose control flow is known.
pub(super) fn copy_at_exits(context: &mut Context) {
    context.compute_loop_analysis();
    let Some(mut exits) = Exits::find(context) else {
        return;
    };
    let (uses, crossings) = exits.uses();
    let mut copies = HashMap::new();
    for (inst, crossing) in uses {
        if crossings.contains(&crossing) {
            replace(&mut context.func, &mut copies, inst, crossing);
        }
    }
}

/// Lets `inst` use a copy.
fn replace(
    func: &mut Function,
    copies: &mut HashMap<Crossing, Value>,
    inst: Inst,
    (value, end): Crossing,
) {
    let copy = *copies.entry((value, end)).or_insert_with(|| {
        let mut cursor = FuncCursor::new(func).at_first_inst(end);
        if let Some(first) = cursor.current_inst() {
            let location = cursor.func.srcloc(first);
            cursor.set_srcloc(location);
        }
        // Nothing is optimised any more, so this stays.
        cursor.ins().iadd_imm_s(value, 0)
    });
    let values: Vec<Value> = func.dfg.inst_values(inst).collect();
    let values = values.into_iter();
    let values = values.map(|other| if other == value { copy } else { other });
    let values: Vec<Value> = values.collect();
    func.dfg.overwrite_inst_values(inst, values.into_iter());
}

impl<'c> Exits<'c> {
    /// Where loops end; `None` if there is nothing to do.
    fn find(context: &'c Context) -> Option<Self> {
        let func = &context.func;
        let mut exits = Self {
            context,
            calls: SecondaryMap::new(),
            ends: HashMap::new(),
            above: SecondaryMap::new(),
            behind: HashMap::new(),
            steps: 0,
        };
        let mut has_calls = false;
        for block in func.layout.blocks() {
            let mut insts = func.layout.block_insts(block);
            let call = insts.find(|inst| func.dfg.insts[*inst].opcode().is_call());
            exits.calls[block] = call.into();
            has_calls |= call.is_some();
            let preds = context.cfg.pred_iter(block);
            let mut loops = preds.map(|pred| exits.outermost_loop(pred.block));
            if exits.outermost_loop(block).is_none()
                && let Some(Some(ended)) = loops.next()
                && loops.all(|other| other == Some(ended))
            {
                exits.ends.insert(block, ended);
            }
        }
        if !has_calls || exits.ends.is_empty() {
            return None;
        }
        for &block in context.domtree.cfg_postorder().iter().rev() {
            exits.above[block] = match context.domtree.idom(block) {
                _ if exits.ends.contains_key(&block) => block.into(),
                Some(above) => exits.above[above],
                None => None.into(),
            };
        }
        Some(exits)
    }

    fn outermost_loop(&self, block: Block) -> Option<Loop> {
        let loops = &self.context.loop_analysis;
        let innermost = loops.innermost_loop(block);
        std::iter::successors(innermost, |inner| loops.loop_parent(*inner)).last()
    }

    /// All uses of what crosses an end, and which of those values live on across a call.
    fn uses(&mut self) -> (Vec<(Inst, Crossing)>, HashSet<Crossing>) {
        let (mut uses, mut crossings) = (Vec::new(), HashSet::new());
        let func = &self.context.func;
        for block in func.layout.blocks() {
            if self.above[block].is_none() {
                continue;
            }
            for inst in func.layout.block_insts(block) {
                for value in func.dfg.inst_values(inst) {
                    if let Some(crossing) = self.crossing(value, block) {
                        uses.push((inst, crossing));
                        if self.is_behind_call(inst, block, crossing.1) {
                            crossings.insert(crossing);
                        }
                    }
                }
            }
        }
        (uses, crossings)
    }

    /// The end at which a value is copied that is used in `block`.
    fn crossing(&self, value: Value, block: Block) -> Option<Crossing> {
        let dfg = &self.context.func.dfg;
        let is_integer = matches!(dfg.value_type(value), types::I32 | types::I64);
        let home = match dfg.value_def(value) {
            ValueDef::Result(inst, _) => self.context.func.layout.inst_block(inst)?,
            ValueDef::Param(block, _) => block,
            ValueDef::Union(..) => return None,
        };
        if home == block || !is_integer || is_constant(dfg, value) {
            return None;
        }
        let outermost = self.outermost_loop(home)?;
        let mut above = self.above[block].expand();
        while let Some(end) = above {
            if self.ends[&end] == outermost {
                return Some((value, end));
            }
            above = self.above[self.context.domtree.idom(end)?].expand();
        }
        None
    }

    /// Is there a call on a way from `end` to `inst`, which is in `block`?
    fn is_behind_call(&mut self, inst: Inst, block: Block, end: Block) -> bool {
        let layout = &self.context.func.layout;
        let is_before = |call: Inst| layout.pp_cmp(call, inst).is_lt();
        self.calls[block].expand().is_some_and(is_before) || self.behind_calls(end).contains(block)
    }

    fn behind_calls(&mut self, end: Block) -> &EntitySet<Block> {
        let (func, calls, steps) = (&self.context.func, &self.calls, &mut self.steps);
        self.behind.entry(end).or_insert_with(|| {
            let (mut reached, mut behind) = (EntitySet::new(), EntitySet::new());
            let mut next = vec![(end, false)];
            while let Some((block, is_behind)) = next.pop() {
                let seen = if is_behind { &mut behind } else { &mut reached };
                *steps += 1;
                if *steps > STEPS || !seen.insert(block) {
                    continue;
                }
                let is_behind = is_behind || calls[block].is_some();
                next.extend(func.block_successors(block).map(|to| (to, is_behind)));
            }
            behind
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::{AbiParam, Signature, UserFuncName};
    use cranelift_codegen::isa::CallConv;
    use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

    /// What a function returns that counts in a loop: the counter itself, if that is not copied behind the loop.
    fn returned(calls_behind_loop: bool) -> (Context, Value, Value) {
        let mut signature = Signature::new(CallConv::Tail);
        signature.params = vec![AbiParam::new(types::I64)];
        signature.returns = signature.params.clone();
        let mut context = Context::new();
        context.func = Function::with_name_signature(UserFuncName::default(), signature.clone());
        let mut frontend = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
        let [entry, head, end, last] = [0; 4].map(|_| builder.create_block());
        builder.append_block_params_for_function_params(entry);
        let callee = builder.block_params(entry)[0];
        let counter = builder.append_block_param(head, types::I64);
        builder.switch_to_block(entry);
        builder.ins().jump(head, &[callee.into()]);
        builder.switch_to_block(head);
        let less = builder.ins().iadd_imm_s(counter, -1);
        builder.ins().brif(less, head, &[less.into()], end, &[]);
        builder.switch_to_block(end);
        if calls_behind_loop {
            let signature = builder.import_signature(signature);
            builder.ins().call_indirect(signature, callee, &[callee]);
        }
        builder.ins().jump(last, &[]);
        builder.switch_to_block(last);
        let returns = builder.ins().return_(&[counter]);
        builder.seal_all_blocks();
        context.flowgraph();
        copy_at_exits(&mut context);
        let returned = context.func.dfg.inst_args(returns)[0];
        (context, counter, returned)
    }

    #[test]
    fn what_lives_on_across_a_call_is_copied_where_the_loop_ends() {
        let (_, counter, value) = returned(false);
        assert_eq!(value, counter);
        let (context, counter, value) = returned(true);
        let func = &context.func;
        let copy = func.dfg.value_def(value).unwrap_inst();
        assert_eq!(func.dfg.inst_args(copy)[0], counter);
        let end = func.layout.inst_block(copy).unwrap();
        let mut insts = func.layout.block_insts(end);
        let call = insts.find(|inst| func.dfg.insts[*inst].opcode().is_call());
        assert!(func.layout.pp_cmp(copy, call.unwrap()).is_lt());
    }
}
