//! What does not change in a loop goes before it, between optimisation and the allocation of registers.
//!
//! Cranelift does so while it places what has no effects, down the tree of dominators. But once it has been in a block behind
//! a loop it takes what is left of that loop for a part of what is around it. Where the branch out of a loop is the one that
//! is not taken, that is all but the loop's first block.
//!
//! Moved is only what each round does anyway: what single cases of a loop need would take registers from the others.

use super::schedule::is_constant;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{
    ArgumentPurpose, Block, Function, Inst, InstructionData, Opcode, Type, Value, ValueDef,
};
use cranelift_codegen::loop_analysis::Loop;
use hashbrown::HashMap;

/// What has been moved to the ends of blocks.
type Moved = HashMap<(Block, Type, InstructionData), Inst>;

/// Moves what stays the same in loops before them.
pub(super) fn move_before_loops(context: &mut Context) {
    context.compute_loop_analysis();
    let mut moved = Moved::new();
    // What is used comes before what uses it.
    let blocks: Vec<Block> = context.domtree.cfg_rpo().copied().collect();
    for block in blocks {
        if context.loop_analysis.innermost_loop(block).is_none() {
            continue;
        }
        let mut next = context.func.layout.first_inst(block);
        while let Some(inst) = next {
            next = context.func.layout.next_inst(inst);
            if is_movable(&context.func, inst)
                && let Some(end) = target(context, block, inst)
            {
                move_to(&mut context.func, &mut moved, inst, end);
            }
        }
    }
    context.func.dfg.resolve_all_aliases();
}

/// The block from which a loop is reached: the outermost one each round of which does `inst`, with the same operands.
fn target(context: &Context, block: Block, inst: Inst) -> Option<Block> {
    let loops = &context.loop_analysis;
    let is_invariant = |around: &Loop| {
        let mut values = context.func.dfg.inst_values(inst);
        is_in_each_round(context, block, *around)
            && values.all(|value| !is_made_in(context, value, *around))
    };
    let innermost = loops.innermost_loop(block);
    let outermost = std::iter::successors(innermost, |inner| loops.loop_parent(*inner))
        .take_while(is_invariant)
        .last()?;
    context.domtree.idom(loops.loop_header(outermost))
}

fn is_in_each_round(context: &Context, block: Block, around: Loop) -> bool {
    let head = context.loop_analysis.loop_header(around);
    let mut preds = context.cfg.pred_iter(head).map(|pred| pred.block);
    preds.all(|pred| {
        !context.loop_analysis.is_in_loop(pred, around)
            || context.domtree.block_dominates(block, pred)
    })
}

/// Constants go wherever they are used.
fn is_made_in(context: &Context, value: Value, around: Loop) -> bool {
    let dfg = &context.func.dfg;
    let value = dfg.resolve_aliases(value);
    let home = match dfg.value_def(value) {
        ValueDef::Result(inst, _) => context.func.layout.inst_block(inst),
        ValueDef::Param(block, _) => Some(block),
        ValueDef::Union(..) => None,
    };
    !is_constant(dfg, value)
        && home.is_none_or(|home| context.loop_analysis.is_in_loop(home, around))
}

/// Has it one result and no effects, and is it worth a register?
fn is_movable(func: &Function, inst: Inst) -> bool {
    let (dfg, data) = (&func.dfg, &func.dfg.insts[inst]);
    let opcode = data.opcode();
    let acts = opcode.is_terminator()
        || opcode.is_branch()
        || opcode.is_call()
        || opcode.can_trap()
        || opcode.can_store()
        || opcode.other_side_effects();
    let is_fixed = match *data {
        InstructionData::Load { flags, .. } => {
            let flags = dfg.mem_flags[flags];
            flags.readonly() && flags.notrap() && flags.can_move()
        }
        _ => !opcode.can_load(),
    };
    let &[result] = dfg.inst_results(inst) else {
        return false;
    };
    // Addresses of fields of the context are one instruction away wherever they are wanted.
    let vmctx = func.special_param(ArgumentPurpose::VMContext);
    let is_field = opcode == Opcode::Iadd
        && (dfg.inst_args(inst).iter()).any(|arg| Some(dfg.resolve_aliases(*arg)) == vmctx);
    !acts && is_fixed && !is_field && !is_constant(dfg, result)
}

/// Moves `inst` to the end of a block, with the constants that it uses.
fn move_to(func: &mut Function, moved: &mut Moved, inst: Inst, end: Block) {
    let values: Vec<Value> = func.dfg.inst_values(inst).collect();
    let values = values.into_iter().map(|value| {
        let value = func.dfg.resolve_aliases(value);
        match func.dfg.value_def(value).inst() {
            Some(constant) if is_constant(&func.dfg, value) => {
                let ty = func.dfg.value_type(value);
                let key = (end, ty, func.dfg.insts[constant]);
                let copy = *moved.entry(key).or_insert_with(|| {
                    let copy = func.dfg.clone_inst(constant);
                    insert(func, copy, end);
                    copy
                });
                func.dfg.first_result(copy)
            }
            _ => value,
        }
    });
    let values: Vec<Value> = values.collect();
    func.dfg.overwrite_inst_values(inst, values.into_iter());
    func.layout.remove_inst(inst);
    let ty = func.dfg.value_type(func.dfg.first_result(inst));
    let key = (end, ty, func.dfg.insts[inst]);
    if let Some(same) = moved.get(&key) {
        func.dfg.replace_with_aliases(inst, *same);
    } else {
        insert(func, inst, end);
        moved.insert(key, inst);
    }
}

/// Puts `inst` before the branch that ends a block.
fn insert(func: &mut Function, inst: Inst, block: Block) {
    if let Some(branch) = func.layout.last_inst(block) {
        func.layout.insert_inst(inst, branch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::{
        AbiParam, InstBuilder, MemFlagsData, Signature, UserFuncName, types,
    };
    use cranelift_codegen::isa::CallConv;
    use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

    /// The blocks where the instructions of a loop are that `body` makes in its second block, behind the first exit, and in
    /// its third, which not each round is in; after the pass. `body` gets the loop's parameter and two of the function's.
    fn homes(
        body: impl Fn(&mut FunctionBuilder<'_>, Value, [Value; 2]) -> Value,
    ) -> [&'static str; 2] {
        let mut signature = Signature::new(CallConv::Tail);
        let context_param = AbiParam::special(types::I64, ArgumentPurpose::VMContext);
        signature.params = vec![context_param, AbiParam::new(types::I64)];
        let mut context = Context::new();
        context.func = Function::with_name_signature(UserFuncName::default(), signature);
        let mut frontend = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
        let blocks = [0; 6].map(|_| builder.create_block());
        let [entry, head, second, third, last, end] = blocks;
        let names = ["entry", "head", "second", "third", "last", "end"];
        builder.append_block_params_for_function_params(entry);
        let params = [0, 1].map(|param| builder.block_params(entry)[param]);
        let counter = builder.append_block_param(head, types::I64);
        builder.switch_to_block(entry);
        builder.ins().jump(head, &[params[1].into()]);
        builder.switch_to_block(head);
        builder.ins().brif(counter, second, &[], end, &[]);
        builder.switch_to_block(second);
        let every = body(&mut builder, counter, params);
        builder.ins().brif(every, third, &[], last, &[]);
        builder.switch_to_block(third);
        let some = body(&mut builder, counter, params);
        builder.ins().store(MemFlagsData::new(), some, params[0], 0);
        builder.ins().jump(last, &[]);
        builder.switch_to_block(last);
        let less = builder.ins().iadd_imm_s(counter, -1);
        builder.ins().jump(head, &[less.into()]);
        builder.switch_to_block(end);
        builder.ins().return_(&[]);
        builder.seal_all_blocks();
        context.compute_cfg();
        context.compute_domtree();
        move_before_loops(&mut context);
        let func = &context.func;
        [every, some].map(|value| {
            let inst = func.dfg.value_def(value).unwrap_inst();
            let home = func.layout.inst_block(inst).unwrap();
            names[blocks.iter().position(|block| *block == home).unwrap()]
        })
    }

    #[test]
    fn what_each_round_does_again_goes_before_the_loop() {
        let product = |b: &mut FunctionBuilder<'_>, _, [_, param]: [Value; 2]| {
            let seven = b.ins().iconst(types::I64, 7);
            b.ins().imul(param, seven)
        };
        assert_eq!(homes(product), ["entry", "third"]);
        let fixed = MemFlagsData::trusted().with_readonly().with_can_move();
        for (flags, home) in [(fixed, "entry"), (MemFlagsData::trusted(), "second")] {
            let load = |b: &mut FunctionBuilder<'_>, _, [vmctx, _]: [Value; 2]| {
                b.ins().load(types::I64, flags, vmctx, 8)
            };
            assert_eq!(homes(load), [home, "third"]);
        }
    }

    #[test]
    fn what_changes_stays_and_so_do_constants_and_fields_of_the_context() {
        let stays = ["second", "third"];
        assert_eq!(
            homes(|b, counter, [_, param]| b.ins().imul(counter, param)),
            stays
        );
        assert_eq!(homes(|b, _, _| b.ins().iconst(types::I64, 7)), stays);
        assert_eq!(
            homes(|b, _, [vmctx, _]| b.ins().iadd_imm_s(vmctx, 8)),
            stays
        );
        assert_eq!(homes(|b, _, [_, param]| b.ins().udiv(param, param)), stays);
    }
}
