//! What decides where a loop's jump through a table goes, for [`super::threaded`].

use super::threaded::{Ways, arguments, branches, head, target};
use cranelift_codegen::Context;
use cranelift_codegen::flowgraph::BlockPredecessor;
use cranelift_codegen::ir::{Block, Inst, InstructionData, Value, ValueDef};
use hashbrown::HashMap;

/// Where a value comes from, as far as one round of the loop differs from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// It was there before the loop.
    Before,
    /// All cases leave the same.
    Loop,
    /// Each case may leave another.
    Case,
}

struct Origins<'a> {
    context: &'a Context,
    jump: Block,
    head: Block,
    ways: &'a Ways,
    known: HashMap<Value, Origin>,
}

/// Do the cases of the jump at the end of the block `jump` decide which is next, as instructions of a program do?
pub(super) fn is_decided_by_cases(context: &Context, jump: Block, ways: &Ways) -> bool {
    let func = &context.func;
    let (Some(inst), Some(head)) = (func.layout.last_inst(jump), head(context, jump, ways)) else {
        return false;
    };
    let mut origins = Origins {
        context,
        jump,
        head,
        ways,
        known: HashMap::new(),
    };
    let mut indices = func.dfg.inst_args(inst).iter();
    indices.any(|index| origins.of(*index) == Origin::Case)
}

impl Origins<'_> {
    fn of(&mut self, value: Value) -> Origin {
        if let Some(known) = self.known.get(&value) {
            return *known;
        }
        // What comes round to itself.
        self.known.insert(value, Origin::Loop);
        let func = &self.context.func;
        let origin = match func.dfg.value_def(value) {
            ValueDef::Result(inst, _) => match func.layout.inst_block(inst) {
                Some(home) if self.ways.contains_key(&home) => self.of_result(inst),
                Some(home) => self.of_other(home),
                None => Origin::Case,
            },
            ValueDef::Param(home, position) if self.ways.contains_key(&home) => {
                self.of_param(home, position)
            }
            ValueDef::Param(home, _) => self.of_other(home),
            ValueDef::Union(..) => Origin::Case,
        };
        self.known.insert(value, origin);
        origin
    }

    /// Of a value of a block that is not on the ways.
    fn of_other(&self, home: Block) -> Origin {
        match self.context.domtree.block_dominates(home, self.jump) {
            true => Origin::Before,
            false => Origin::Case,
        }
    }

    fn of_result(&mut self, inst: Inst) -> Origin {
        let dfg = &self.context.func.dfg;
        let args = dfg.inst_args(inst).iter();
        let origin = args.map(|arg| self.of(*arg)).max();
        let flags = dfg.insts[inst].memflags();
        let may_change = flags.is_some_and(|flags| !dfg.mem_flags[flags].readonly());
        match origin.unwrap_or(Origin::Before) {
            // Cases may write to it.
            Origin::Before if may_change => Origin::Case,
            origin => origin,
        }
    }

    fn of_param(&mut self, block: Block, position: usize) -> Origin {
        let (func, domtree) = (&self.context.func, &self.context.domtree);
        let preds = self.context.cfg.pred_iter(block);
        let preds = preds.filter(|pred| domtree.block_dominates(self.head, pred.block));
        let preds: Vec<BlockPredecessor> = preds.collect();
        let calls = preds.iter().flat_map(|pred| branches(func, pred.inst));
        let calls = calls.filter(|call| target(func, call) == block);
        let values = calls.filter_map(|call| arguments(func, call).get(position).copied());
        let mut values: Vec<Value> = values.collect();
        values.sort_unstable();
        values.dedup();
        if values.len() > 1 {
            let is_above = |above: &Block| {
                let mut preds = preds.iter();
                preds.all(|pred| domtree.block_dominates(*above, pred.block))
            };
            let first = preds.first().map(|pred| pred.block);
            let mut aboves = std::iter::successors(first, |block| domtree.idom(*block));
            // If all cases come by one block, what decides is between that and here.
            match aboves.find(is_above) {
                Some(above) if self.is_behind_cases(above) => {
                    values.extend(self.conditions(above));
                }
                _ => return Origin::Case,
            }
        }
        let origins = values.into_iter().map(|value| self.of(value));
        origins.fold(Origin::Loop, Origin::max)
    }

    fn is_behind_cases(&self, block: Block) -> bool {
        self.ways.contains_key(&block) && !self.context.domtree.block_dominates(block, self.jump)
    }

    /// What the ways branch by below a block.
    fn conditions(&self, above: Block) -> Vec<Value> {
        let func = &self.context.func;
        let is_below = |block: &&Block| self.context.domtree.block_dominates(above, **block);
        let blocks = self.ways.keys().filter(is_below);
        let condition = |block: &Block| match func.dfg.insts[func.layout.last_inst(*block)?] {
            InstructionData::Brif { arg, .. } => Some(arg),
            _ => None,
        };
        blocks.filter_map(condition).collect()
    }
}
