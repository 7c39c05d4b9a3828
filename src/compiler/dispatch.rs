//! Loops that begin with a jump through a table by a local, as all functions of Go do, and what LLVM makes of control flow
//! that wasm has no words for: such a loop stands for jumps from anywhere in it to any of its parts. Where the local is a
//! constant on the way back to its head, that is a jump to the part.

use super::control::Kind;
use super::function::{Result, Translator};
use super::tier::Tier;
use cranelift_codegen::ir::{Block, InstructionData, Value};
use wasmparser::{BlockType, Operator, OperatorsReader};

/// Blocks between the head and the jump, at most: each costs the search for values of variables some time.
const BLOCKS: usize = 1000;

/// What comes after the start of such a loop.
struct Head {
    /// How many blocks open before the jump.
    blocks: usize,
    local: u32,
    /// Where the entries lead, and last what is beyond them: depths, seen from the jump.
    depths: Vec<u32>,
}

struct Dispatch {
    head: Head,
    /// Of the loop among the open blocks.
    position: usize,
    /// Where the code after each block of the head is. Sealed at the end of the loop.
    exits: Vec<Block>,
}

/// Such loops in the function that is being translated.
#[derive(Default)]
pub(super) struct Dispatches {
    /// Of the loop that begins now.
    next: Option<Head>,
    open: Vec<Dispatch>,
}

impl Head {
    /// The head of a loop whose operators come next.
    fn read(mut operators: OperatorsReader<'_>) -> Option<Self> {
        for blocks in 0..=BLOCKS {
            let local = match operators.read().ok()? {
                Operator::Block {
                    blockty: BlockType::Empty,
                } => continue,
                Operator::LocalGet { local_index } => local_index,
                _ => return None,
            };
            let Operator::BrTable { targets } = operators.read().ok()? else {
                return None;
            };
            let depths: wasmparser::Result<Vec<u32>> =
                targets.targets().chain([Ok(targets.default())]).collect();
            return Some(Self {
                blocks,
                local,
                depths: depths.ok()?,
            });
        }
        None
    }
}

impl<'a> Translator<'a, '_> {
    /// Looks at what comes after the start of a loop.
    pub fn look_for_dispatch(&mut self, operators: &OperatorsReader<'a>) {
        if self.tiering.tier != Tier::Baseline {
            self.dispatches.next = Head::read(operators.clone());
        }
    }

    /// To be called when the block of a loop is open.
    pub fn open_dispatch(&mut self) {
        if let Some(head) = self.dispatches.next.take() {
            self.dispatches.open.push(Dispatch {
                head,
                position: self.frames.len() - 1,
                exits: Vec::new(),
            });
        }
    }

    /// Is the block that opens now, and ends at `exit`, one of a head? Then `exit` is sealed with the loop.
    pub fn is_of_dispatch(&mut self, kind: &Kind, exit: Block) -> bool {
        let position = self.frames.len();
        let Some(dispatch) = self.dispatches.open.last_mut() else {
            return false;
        };
        let known = dispatch.exits.len();
        let is_next = matches!(kind, Kind::Block)
            && known < dispatch.head.blocks
            && position == dispatch.position + 1 + known;
        if is_next {
            dispatch.exits.push(exit);
        }
        is_next
    }

    /// At the end of the loop at `position`.
    pub fn close_dispatch(&mut self, position: usize) {
        let open = &mut self.dispatches.open;
        if let Some(dispatch) = open.pop_if(|dispatch| dispatch.position == position) {
            for exit in dispatch.exits {
                self.e.b.seal_block(exit);
            }
        }
    }

    /// In place of a branch to the loop at `depth`, a jump to the part that its local names, if that is a constant here.
    /// False if it is none.
    pub fn jump_to_part(&mut self, depth: u32) -> Result<bool> {
        let position = self.position(depth)?;
        let is_it = |dispatch: &Dispatch| dispatch.position == position;
        let Some(which) = self.dispatches.open.iter().position(is_it) else {
            return Ok(false);
        };
        let (value, _) = self.get_local(self.dispatches.open[which].head.local)?;
        let Some(index) = self.constant_value(value) else {
            return Ok(false);
        };
        let Dispatch { head, exits, .. } = &self.dispatches.open[which];
        let entry = head.depths.len().min(index as usize + 1) - 1;
        let part = head.blocks.checked_sub(1 + head.depths[entry] as usize);
        // None outside of the loop; in the head itself not all of its blocks are known.
        let Some(exit) = part.and_then(|part| exits.get(part).copied()) else {
            return Ok(false);
        };
        self.e.jump(exit, &[]);
        self.reachable = false;
        Ok(true)
    }

    /// What `value` is, if it is an `i32.const`.
    fn constant_value(&self, value: Value) -> Option<u32> {
        let dfg = &self.e.b.func.dfg;
        let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
        match dfg.insts[inst] {
            InstructionData::UnaryImm { imm, .. } => Some(imm.bits() as u32),
            _ => None,
        }
    }
}
