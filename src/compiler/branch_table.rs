//! `br_table`.

use super::function::{Result, Translator, parse_error};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockCall, InstBuilder, JumpTableData, Value};
use hashbrown::HashMap;
use wasmparser::BrTable;

/// So many runs of entries with one target are told by comparisons, which are foretold better than a jump through a table.
const COMPARED: usize = 4;

impl<'a> Translator<'a, '_> {
    pub fn br_table(&mut self, targets: &BrTable<'a>) -> Result<()> {
        let index = self.pop()?;
        let depths: Vec<u32> = targets
            .targets()
            .collect::<wasmparser::Result<_>>()
            .map_err(parse_error)?;
        // A block between for each label that takes operands or has several entries: operands are listed, and registers
        // set right, once a label and not once an entry.
        let mut entries: HashMap<u32, u32> = HashMap::new();
        for depth in &depths {
            *entries.entry(*depth).or_default() += 1;
        }
        let mut edges: HashMap<u32, Block> = HashMap::new();
        let mut between: Vec<(Block, Block, usize)> = Vec::new();
        let mut edge = |this: &mut Self, depth: u32| -> Result<Block> {
            if let Some(block) = edges.get(&depth) {
                return Ok(*block);
            }
            let (target, count) = this.target(depth)?;
            let block = if count == 0 && entries.get(&depth).is_none_or(|entries| *entries == 1) {
                target
            } else {
                let block = this.e.b.create_block();
                between.push((block, target, count));
                block
            };
            edges.insert(depth, block);
            Ok(block)
        };
        let blocks: Vec<Block> = depths
            .iter()
            .map(|depth| edge(self, *depth))
            .collect::<Result<_>>()?;
        let default = edge(self, targets.default())?;
        self.jump_by_index(index, &blocks, default);
        for (block, target, count) in between {
            self.e.b.seal_block(block);
            self.e.b.switch_to_block(block);
            let args = self.peek_canonical(count)?;
            self.e.jump(target, &args);
        }
        self.reachable = false;
        Ok(())
    }

    /// Jumps to the block at `index`, or to `default` if there is none.
    fn jump_by_index(&mut self, index: Value, blocks: &[Block], default: Block) {
        let Some(first) = blocks.first() else {
            self.ins().jump(default, &[]);
            return;
        };
        // A branch of its own for what is beyond the table: it can be foretold where a jump through a table is not.
        let is_inside = self.is_below(index, blocks.len());
        let next = self.e.b.create_block();
        self.ins().brif(is_inside, next, &[], default, &[]);
        self.go_on_in(next);
        let runs: Vec<&[Block]> = blocks.chunk_by(|a, b| a == b).collect();
        if let Some((last, runs)) = runs.split_last().filter(|_| runs.len() <= COMPARED) {
            let mut end = 0;
            for run in runs {
                end += run.len();
                let is_here = self.is_below(index, end);
                let next = self.e.b.create_block();
                self.ins().brif(is_here, run[0], &[], next, &[]);
                self.go_on_in(next);
            }
            self.ins().jump(last[0], &[]);
            return;
        }
        let pool = &mut self.e.b.func.dfg.value_lists;
        let mut call = |block: &Block| BlockCall::new(*block, [], pool);
        let (first, calls) = (call(first), blocks.iter().map(call).collect::<Vec<_>>());
        let table = JumpTableData::new(first, &calls);
        let table = self.e.b.create_jump_table(table);
        self.ins().br_table(index, table);
    }

    fn is_below(&mut self, index: Value, end: usize) -> Value {
        let end = end as i64;
        self.ins().icmp_imm_u(IntCC::UnsignedLessThan, index, end)
    }
}
