//! Order within blocks, between optimisation and the allocation of registers.
//!
//! Cranelift places what has no effects where it is first used and leaves loads where they are: of a sum of loads all
//! loads come first, and each takes a register. Where registers do not suffice, such an instruction goes up to its last
//! operand if it ends the life of one, so that no more values live at once than before. And where only the second of two
//! operands that can change places ends its life they do, since the first one's register becomes the result's.

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::dfg::DataFlowGraph;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value, ValueDef};

/// Values of one kind, integers or others, that are surely alive at once without the stack: there are 14 registers for
/// integers, of which some instructions want certain ones.
const REGISTERS: usize = 12;

/// The uses of a value.
#[derive(Clone, Copy, Default)]
struct Uses {
    /// The last instruction that does in the layout, and the last but one.
    last: Option<Inst>,
    before: Option<Inst>,
    /// Are there any in other blocks than that of its definition?
    elsewhere: bool,
    /// The block that was last seen to use it.
    seen_in: Option<Block>,
}

struct Schedule<'f> {
    func: &'f mut Function,
    uses: SecondaryMap<Value, Uses>,
}

/// Orders the instructions of all blocks.
pub(super) fn schedule(func: &mut Function) {
    let mut schedule = Schedule {
        uses: SecondaryMap::with_capacity(func.dfg.num_values()),
        func,
    };
    schedule.find_uses();
    let mut next = schedule.func.layout.entry_block();
    while let Some(block) = next {
        let is_crowded = schedule.is_crowded(block);
        let mut next_inst = schedule.func.layout.first_inst(block);
        while let Some(inst) = next_inst {
            next_inst = schedule.func.layout.next_inst(inst);
            schedule.swap_operands(inst);
            if is_crowded {
                schedule.hoist(inst, block);
            }
        }
        next = schedule.func.layout.next_block(block);
    }
}

/// Constants are parts of instructions, or made where they are used.
pub(super) fn is_constant(dfg: &DataFlowGraph, value: Value) -> bool {
    use Opcode::{F32const, F64const, Iconst, Vconst};
    let definition = dfg.value_def(value).inst();
    definition.is_some_and(|inst| {
        let opcode = dfg.insts[inst].opcode();
        matches!(opcode, Iconst | F32const | F64const | Vconst)
    })
}

impl Schedule<'_> {
    fn find_uses(&mut self) {
        let (dfg, layout) = (&self.func.dfg, &self.func.layout);
        for block in layout.blocks() {
            for inst in layout.block_insts(block) {
                for value in dfg.inst_values(inst) {
                    let home = match dfg.value_def(value) {
                        ValueDef::Result(inst, _) => layout.inst_block(inst),
                        ValueDef::Param(block, _) => Some(block),
                        ValueDef::Union(..) => None,
                    };
                    let uses = &mut self.uses[value];
                    uses.elsewhere |= home != Some(block);
                    if uses.last != Some(inst) {
                        uses.before = uses.last.replace(inst);
                    }
                }
            }
        }
    }

    /// May more values be alive at once in a block than there are registers? Values that it does not use are left out: they
    /// can be on the stack meanwhile.
    fn is_crowded(&mut self, block: Block) -> bool {
        let (dfg, uses) = (&self.func.dfg, &mut self.uses);
        let kind = |value| usize::from(!dfg.value_type(value).is_int());
        let (mut alive, mut most, mut others) = ([0usize; 2], [0; 2], [0; 2]);
        for value in dfg.block_params(block) {
            alive[kind(*value)] += 1;
        }
        for inst in self.func.layout.block_insts(block) {
            for value in dfg.inst_values(inst) {
                let kind = kind(value);
                let uses = &mut uses[value];
                let is_new = uses.seen_in.replace(block) != Some(block);
                if uses.elsewhere {
                    others[kind] += usize::from(is_new && !is_constant(dfg, value));
                } else if uses.last == Some(inst) && !is_constant(dfg, value) {
                    alive[kind] = alive[kind].saturating_sub(1);
                }
            }
            for value in dfg.inst_results(inst) {
                let uses = &uses[*value];
                if uses.last.is_some() && !uses.elsewhere && !is_constant(dfg, *value) {
                    let kind = kind(*value);
                    alive[kind] += 1;
                    most[kind] = most[kind].max(alive[kind]);
                }
            }
        }
        (0..2).any(|kind| most[kind] + others[kind] > REGISTERS)
    }

    /// Is `inst` the end of the life of `value`, which takes a register?
    fn ends(&self, inst: Inst, value: Value) -> bool {
        let uses = &self.uses[value];
        uses.last == Some(inst) && !uses.elsewhere && !is_constant(&self.func.dfg, value)
    }

    fn swap_operands(&mut self, inst: Inst) {
        use Opcode::{Band, Bor, Bxor, Imul};
        let InstructionData::Binary { opcode, args } = self.func.dfg.insts[inst] else {
            return;
        };
        let [first, second] = args;
        if matches!(opcode, Band | Bor | Bxor | Imul)
            && self.ends(inst, second)
            && !self.ends(inst, first)
            && !is_constant(&self.func.dfg, first)
            && let InstructionData::Binary { args, .. } = &mut self.func.dfg.insts[inst]
        {
            args.swap(0, 1);
        }
    }

    /// Moves an instruction up to its last operand if that keeps no more alive.
    fn hoist(&mut self, inst: Inst, block: Block) {
        if !self.is_movable(inst) {
            return;
        }
        let (dfg, layout) = (&self.func.dfg, &self.func.layout);
        let definitions = dfg.inst_args(inst).iter().filter_map(|value| {
            let definition = dfg.value_def(*value).inst()?;
            (layout.inst_block(definition) == Some(block)).then_some(definition)
        });
        let Some(last) = definitions.max_by(|a, b| layout.pp_cmp(*a, *b)) else {
            return;
        };
        let Some(next) = layout.next_inst(last).filter(|next| *next != inst) else {
            return;
        };
        let ends_one = dfg.inst_args(inst).iter().any(|value| {
            let is_passed = |before| layout.pp_cmp(before, last).is_gt();
            self.ends(inst, *value) && !self.uses[*value].before.is_some_and(is_passed)
        });
        if ends_one {
            self.func.layout.remove_inst(inst);
            self.func.layout.insert_inst(inst, next);
        }
    }

    fn is_movable(&self, inst: Inst) -> bool {
        let opcode = self.func.dfg.insts[inst].opcode();
        let acts = opcode.is_terminator()
            || opcode.is_branch()
            || opcode.is_call()
            || opcode.can_trap()
            || opcode.can_load()
            || opcode.can_store()
            || opcode.other_side_effects();
        !acts && self.func.dfg.inst_results(inst).len() == 1
    }
}
