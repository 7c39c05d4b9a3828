//! Values whose definitions have copies: where code that comes from several of them meets, blocks get parameters.

use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, Function, Value, ValueDef};
use hashbrown::{HashMap, HashSet};

/// Copies of the values of some blocks.
pub(super) struct Copies {
    /// The values.
    values: HashSet<Value>,
    /// What such a value is where a block ends that defines or copies it.
    ends: HashMap<(Value, Block), Value>,
    /// Of the copy that is being made: the block at whose end it begins, its values, and what stands for those that it has
    /// from before.
    from: Block,
    map: HashMap<Value, Value>,
    olds: HashMap<Value, Value>,
    /// What the latter stand for: a value at the end of a block.
    before: HashMap<Value, (Value, Block)>,
    /// Whose parameters they are. It has no place in the function.
    nowhere: Block,
    /// What a value is where a block begins, as far as it was asked for.
    starts: HashMap<(Value, Block), Value>,
    /// Parameters that have been made, in order.
    params: Vec<(Value, Block)>,
}

impl Copies {
    /// For copies of `blocks`.
    pub fn new(func: &mut Function, blocks: &HashSet<Block>) -> Self {
        let nowhere = func.dfg.make_block();
        let mut copies = Self {
            values: HashSet::new(),
            ends: HashMap::new(),
            from: nowhere,
            map: HashMap::new(),
            olds: HashMap::new(),
            before: HashMap::new(),
            nowhere,
            starts: HashMap::new(),
            params: Vec::new(),
        };
        for &block in blocks {
            let insts = func.layout.block_insts(block);
            let results = insts.flat_map(|inst| func.dfg.inst_results(inst));
            for &value in func.dfg.block_params(block).iter().chain(results) {
                copies.values.insert(value);
                copies.ends.insert((value, block), value);
            }
        }
        copies
    }

    /// Begins a copy at the end of a block.
    pub fn begin(&mut self, from: Block) {
        self.from = from;
        self.map.clear();
        self.olds.clear();
    }

    /// Notes that `copy`, in the block `to`, is what `value` is from now on.
    pub fn add(&mut self, value: Value, copy: Value, to: Block) {
        self.map.insert(value, copy);
        self.ends.insert((value, to), copy);
    }

    /// What stands for `value` in the copy.
    pub fn mapped(&mut self, func: &mut Function, value: Value) -> Value {
        if let Some(copy) = self.map.get(&value) {
            return *copy;
        }
        if !self.values.contains(&value) {
            return value;
        }
        let (from, nowhere, before) = (self.from, self.nowhere, &mut self.before);
        *self.olds.entry(value).or_insert_with(|| {
            let ty = func.dfg.value_type(value);
            let old = func.dfg.append_block_param(nowhere, ty);
            before.insert(old, (value, from));
            old
        })
    }

    /// Does `arg` stand for another value than `param`, from before the copy?
    pub fn is_other(&self, arg: Value, param: Value) -> bool {
        let before = self.before.get(&arg);
        before.is_some_and(|(value, _)| *value != param)
    }

    /// Makes all uses right. Control flow must be known, and nothing unreachable be left.
    pub fn repair(mut self, context: &mut Context) {
        let blocks: Vec<Block> = context.func.layout.blocks().collect();
        for block in blocks {
            let mut next = context.func.layout.first_inst(block);
            while let Some(inst) = next {
                next = context.func.layout.next_inst(inst);
                let mut values: Vec<Value> = context.func.dfg.inst_values(inst).collect();
                let mut changes = false;
                for value in &mut values {
                    let new = if self.values.contains(value) {
                        self.at_end_of(context, *value, block)
                    } else {
                        self.real(context, *value)
                    };
                    changes |= new != *value;
                    *value = new;
                }
                if changes {
                    let dfg = &mut context.func.dfg;
                    dfg.overwrite_inst_values(inst, values.into_iter());
                }
            }
        }
        // The arguments of a block are added in the order of its parameters.
        let mut done = 0;
        while let Some(&(value, block)) = self.params.get(done) {
            done += 1;
            let preds: Vec<_> = context.cfg.pred_iter(block).collect();
            for pred in preds {
                let arg = match self.ends.get(&(value, pred.block)) {
                    Some(&end) => self.real(context, end),
                    None => self.at_start_of(context, value, pred.block),
                };
                let dfg = &mut context.func.dfg;
                let calls = dfg.insts[pred.inst]
                    .branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
                for call in calls {
                    if call.block(&dfg.value_lists) == block {
                        call.append_argument(arg, &mut dfg.value_lists);
                    }
                }
            }
        }
    }

    /// The value itself, if it stands for one from before a copy.
    fn real(&mut self, context: &mut Context, value: Value) -> Value {
        match self.before.get(&value) {
            Some(&(value, block)) => self.at_end_of(context, value, block),
            None => value,
        }
    }

    /// What `value` is in `block`, at the end of what was there before the copies.
    fn at_end_of(&mut self, context: &mut Context, value: Value, block: Block) -> Value {
        let home = match context.func.dfg.value_def(value) {
            ValueDef::Result(inst, _) => context.func.layout.inst_block(inst),
            ValueDef::Param(block, _) => Some(block),
            ValueDef::Union(..) => None,
        };
        if home == Some(block) {
            value
        } else {
            self.at_start_of(context, value, block)
        }
    }

    fn at_start_of(&mut self, context: &mut Context, value: Value, block: Block) -> Value {
        let mut passed = Vec::new();
        let mut at = block;
        let found = loop {
            if let Some(found) = self.starts.get(&(value, at)) {
                break *found;
            }
            passed.push(at);
            let mut preds = context.cfg.pred_iter(at);
            let (Some(pred), None) = (preds.next(), preds.next()) else {
                let ty = context.func.dfg.value_type(value);
                self.params.push((value, at));
                break context.func.dfg.append_block_param(at, ty);
            };
            if let Some(&end) = self.ends.get(&(value, pred.block)) {
                break self.real(context, end);
            }
            at = pred.block;
        };
        self.starts
            .extend(passed.into_iter().map(|block| ((value, block), found)));
        found
    }
}
