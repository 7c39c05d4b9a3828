//! A jump through a table of its own for each way back to it, where a loop begins with one as those of interpreters do;
//! between optimisation and the allocation of registers.
//!
//! Processors guess where a jump goes by its address and by what came before. Of one jump for all instructions of the
//! program that is interpreted they may know little: what is told apart depends on how the code happens to lie. Compilers
//! to wasm leave one jump, and one way back to it. So the end of each case takes a copy of what comes between it and the
//! jump, and of the jump. Where cases do not decide what is next, as in a loop over all bytes of a text, copies would tell the
//! processor nothing.

use super::origin::is_decided_by_cases;
use super::repair::Copies;
use cranelift_codegen::Context;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::flowgraph::BlockPredecessor;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstBuilder, InstructionData, Value, types,
};
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;

/// Targets of a table, at least.
const TARGETS: usize = 8;
/// Instructions on the way to a jump, at most.
const WAY: usize = 32;
/// Blocks that are looked at for a jump.
const BLOCKS: usize = 256;
/// Copies of a jump, and entries of all of them: each may become a block.
const COPIES: usize = 64;
const ENTRIES: usize = 1024;
/// Jumps of a function that are copied.
const JUMPS: usize = 4;

/// The blocks from which code comes to a jump, each with the one that follows and the number of instructions that are left.
pub(super) type Ways = HashMap<Block, (Option<Block>, usize)>;

/// A branch to a block on the way: the block that it ends, and which of its targets it is.
type Source = (Block, Inst, usize);

/// Copies the jumps of a function that has been optimised.
pub(super) fn copy_jumps(context: &mut Context) {
    let mut copied = 0;
    for jump in jumps(&context.func) {
        let Some(ways) = ways(context, jump) else {
            continue;
        };
        let sources = sources(context, jump, &ways);
        let entries = sources.len() * targets(&context.func, jump);
        if sources.len() < 2
            || sources.len() > COPIES
            || entries > ENTRIES
            || !is_decided_by_cases(context, jump, &ways)
        {
            continue;
        }
        let blocks = blocks_of(&context.func, &ways, &sources);
        let mut copies = Copies::new(&mut context.func, &blocks);
        let dominates = |block: &Block| context.domtree.block_dominates(*block, jump);
        let heads: HashSet<Block> = blocks.into_iter().filter(dominates).collect();
        for source in sources {
            copy(&mut context.func, &mut copies, &ways, &heads, source);
        }
        context.flowgraph();
        remove_unreachable(context);
        context.flowgraph();
        copies.repair(context);
        copied += 1;
        if copied == JUMPS {
            break;
        }
    }
}

/// Removes the blocks that only the branches led to which have copies now. Cranelift's own pass would verify them.
fn remove_unreachable(context: &mut Context) {
    let layout = &mut context.func.layout;
    let blocks: Vec<Block> = layout.blocks().collect();
    for block in blocks {
        if !context.domtree.is_reachable(block) {
            while let Some(inst) = layout.first_inst(block) {
                layout.remove_inst(inst);
            }
            layout.remove_block(block);
        }
    }
}

/// The blocks that end with a jump through a large table.
fn jumps(func: &Function) -> Vec<Block> {
    let is_one = |block: &Block| !func.layout.is_cold(*block) && targets(func, *block) >= TARGETS;
    func.layout.blocks().filter(is_one).collect()
}

/// How many blocks the table has with which a block ends.
fn targets(func: &Function, block: Block) -> usize {
    let last = func.layout.last_inst(block);
    let Some(InstructionData::BranchTable { table, .. }) = last.map(|inst| func.dfg.insts[inst])
    else {
        return 0;
    };
    let calls = func.dfg.jump_tables[table].as_slice().iter();
    let targets: HashSet<Block> = calls.map(|call| target(func, call)).collect();
    targets.len()
}

pub(super) fn target(func: &Function, call: &BlockCall) -> Block {
    call.block(&func.dfg.value_lists)
}

/// Where a jump or a conditional branch leads; nothing for other instructions.
pub(super) fn branches(func: &Function, inst: Inst) -> &[BlockCall] {
    match &func.dfg.insts[inst] {
        InstructionData::Jump { destination, .. } => std::slice::from_ref(destination),
        InstructionData::Brif { blocks, .. } => blocks,
        _ => &[],
    }
}

/// The values that pass to a block. Results of calls, which are not in any register before, are none of a branch.
pub(super) fn arguments(func: &Function, call: &BlockCall) -> Vec<Value> {
    let args = call.args(&func.dfg.value_lists);
    args.filter_map(|arg: BlockArg| arg.as_value()).collect()
}

/// The ways to the block `jump`, in few instructions and without calls; `None` if there are too many.
fn ways(context: &Context, jump: Block) -> Option<Ways> {
    let func = &context.func;
    let mut ways = Ways::new();
    let mut next = vec![(jump, None, 0)];
    while let Some((block, following, after)) = next.pop() {
        let left = after + func.layout.block_insts(block).take(WAY + 1).count();
        let mut insts = func.layout.block_insts(block);
        if left > WAY
            || ways.contains_key(&block)
            || Some(block) == func.layout.entry_block()
            || insts.any(|inst| func.dfg.insts[inst].opcode().is_call())
        {
            continue;
        }
        ways.insert(block, (following, left));
        for BlockPredecessor { block: from, inst } in context.cfg.pred_iter(block) {
            let calls = branches(func, inst).iter();
            if calls.filter(|call| target(func, call) == block).count() == 1 {
                next.push((from, Some(block), left));
            }
            if ways.len() + next.len() > BLOCKS {
                return None;
            }
        }
    }
    Some(ways)
}

/// The head of the loop that begins with the ways.
pub(super) fn head(context: &Context, jump: Block, ways: &Ways) -> Option<Block> {
    let mut head = jump;
    let is_head = |block| {
        let mut preds = context.cfg.pred_iter(block);
        preds.any(|pred| context.domtree.block_dominates(block, pred.block))
    };
    while !is_head(head) {
        head = context.domtree.idom(head)?;
        ways.get(&head)?;
    }
    Some(head)
}

/// The branches that get copies: those in the loop that come from elsewhere than the ways.
fn sources(context: &Context, jump: Block, ways: &Ways) -> Vec<Source> {
    let func = &context.func;
    let dominates = |a, b| context.domtree.block_dominates(a, b);
    let Some(head) = head(context, jump, ways) else {
        return Vec::new();
    };
    let is_case = |block| dominates(head, block) && !dominates(block, jump);
    // A block that is only reached by branches is in the copies that those get.
    let falls_away = |block: Block| {
        let mut preds = context.cfg.pred_iter(block);
        ways.contains_key(&block) && preds.all(|pred| !branches(func, pred.inst).is_empty())
    };
    let mut sources = Vec::new();
    for &block in ways.keys() {
        for BlockPredecessor { block: from, inst } in context.cfg.pred_iter(block) {
            let is_way = ways.get(&from);
            if is_case(from)
                && is_way.is_none_or(|(following, _)| *following == Some(block))
                && !func.layout.is_cold(from)
                && !falls_away(from)
            {
                let calls = branches(func, inst).iter().enumerate();
                let to_it = calls.filter(|(_, call)| target(func, call) == block);
                sources.extend(to_it.map(|(position, _)| (from, inst, position)));
            }
        }
    }
    // What is copied is as it was: a block on the way changes after those before it have copied it.
    sources.sort_unstable_by_key(|&(from, inst, position)| {
        let left = ways[&target(func, &branches(func, inst)[position])].1;
        (Reverse(left), from, position)
    });
    sources
}

/// The blocks that are copied.
fn blocks_of(func: &Function, ways: &Ways, sources: &[Source]) -> HashSet<Block> {
    let mut blocks = HashSet::new();
    for &(_, inst, position) in sources {
        let mut next = Some(target(func, &branches(func, inst)[position]));
        while let Some(block) = next.filter(|block| blocks.insert(*block)) {
            next = ways[&block].0;
        }
    }
    blocks
}

/// Gives a branch a copy of what it leads to, up to the jump.
fn copy(
    func: &mut Function,
    copies: &mut Copies,
    ways: &Ways,
    heads: &HashSet<Block>,
    (from, branch, position): Source,
) {
    copies.begin(from);
    let location = func.srcloc(branch);
    let call = branches(func, branch)[position];
    let (mut block, mut args) = (target(func, &call), arguments(func, &call));
    let mut to = from;
    if let InstructionData::Jump { .. } = func.dfg.insts[branch] {
        func.layout.remove_inst(branch);
    } else {
        to = redirect(func, from, branch, position);
    }
    for arg in &mut args {
        *arg = copies.mapped(func, *arg);
    }
    loop {
        let params = func.dfg.block_params(block).to_vec();
        for (param, arg) in std::iter::zip(params, args.drain(..)) {
            // What was another value in the round before lives on beside this one up to the jump. So that each has a
            // register for all cases they part here.
            let is_integer = matches!(func.dfg.value_type(arg), types::I32 | types::I64);
            let is_other = is_integer && heads.contains(&block) && copies.is_other(arg, param);
            let value = if is_other {
                let mut cursor = FuncCursor::new(func).at_bottom(to);
                cursor.set_srcloc(location);
                cursor.ins().iadd_imm_s(arg, 0)
            } else {
                arg
            };
            copies.add(param, value, to);
        }
        let following = ways[&block].0;
        let mut next = func.layout.first_inst(block);
        while let Some(inst) = next {
            next = func.layout.next_inst(inst);
            if let InstructionData::Jump { destination, .. } = func.dfg.insts[inst] {
                args = arguments(func, &destination);
                for arg in &mut args {
                    *arg = copies.mapped(func, *arg);
                }
                break;
            }
            let copy = copy_inst(func, copies, inst, to);
            let to_next = |call: &BlockCall| Some(target(func, call)) == following;
            if let Some(position) = branches(func, copy).iter().position(to_next) {
                args = arguments(func, &branches(func, copy)[position]);
                to = redirect(func, to, copy, position);
            }
        }
        let Some(following) = following else {
            return;
        };
        block = following;
    }
}

/// Lets a branch at the end of `from` lead to a new block.
fn redirect(func: &mut Function, from: Block, branch: Inst, position: usize) -> Block {
    let block = func.dfg.make_block();
    func.layout.insert_block_after(block, from);
    let dfg = &mut func.dfg;
    let calls =
        dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
    calls[position] = BlockCall::new(block, [], &mut dfg.value_lists);
    block
}

/// Appends a copy of an instruction to a block.
fn copy_inst(func: &mut Function, copies: &mut Copies, inst: Inst, to: Block) -> Inst {
    let copy = func.dfg.clone_inst(inst);
    if let InstructionData::BranchTable { table, .. } = func.dfg.insts[inst] {
        let mut own = func.dfg.jump_tables[table].clone();
        for call in own.all_branches_mut() {
            *call = call.deep_clone(&mut func.dfg.value_lists);
        }
        let own = func.dfg.jump_tables.push(own);
        if let InstructionData::BranchTable { table, .. } = &mut func.dfg.insts[copy] {
            *table = own;
        }
    }
    let values: Vec<Value> = func.dfg.inst_values(copy).collect();
    let values = values.into_iter().map(|value| copies.mapped(func, value));
    let values: Vec<Value> = values.collect();
    func.dfg.overwrite_inst_values(copy, values.into_iter());
    func.srclocs[copy] = func.srclocs[inst];
    func.layout.append_inst(copy, to);
    let results = func.dfg.inst_results(inst).to_vec();
    for (old, new) in std::iter::zip(results, func.dfg.inst_results(copy).to_vec()) {
        copies.add(old, new, to);
    }
    copy
}
