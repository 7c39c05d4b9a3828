//! Blocks and branches. Where control flow joins, all operands are in their places.

use super::exception::Catching;
use super::frame::is_float;
use super::operand::{Operand, words};
use super::{Direct, Result, Unsupported};
use crate::compiler::LoopHead;
use crate::module::ValType;
use crate::runtime::Trap;
use crate::runtime::vm::LOOP_WEIGHT;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use hashbrown::HashMap;
use wasmparser::{BlockType, BrTable, Operator};

/// An open block.
pub struct Label {
    /// Where branches go.
    pub target: DynamicLabel,
    is_loop: bool,
    /// Loops that are open here, this one among them.
    loops: u32,
    /// Where the second arm of an `if` begins, until it is reached.
    otherwise: Option<DynamicLabel>,
    /// Words of operands below the parameters.
    pub height: usize,
    params: Vec<Operand>,
    pub results: Vec<Operand>,
    /// Does anything branch to its end?
    pub is_used: bool,
    pub catching: Catching,
    /// Position of the block around this one that gets exceptions.
    pub outer_handler: Option<usize>,
}

impl Label {
    /// Words that branches take with them.
    pub fn arity(&self) -> usize {
        if self.is_loop {
            self.params.len()
        } else {
            self.results.len()
        }
    }
}

/// The words of values of these types.
fn all_words(types: &[ValType]) -> Vec<Operand> {
    types.iter().flat_map(|ty| words(*ty)).copied().collect()
}

impl Direct<'_> {
    pub fn open_function(&mut self) {
        let target = self.asm.new_dynamic_label();
        self.labels.push(Label {
            target,
            is_loop: false,
            loops: 0,
            otherwise: None,
            height: 0,
            params: Vec::new(),
            results: all_words(&self.ty.results),
            is_used: false,
            catching: Catching::Nothing,
            outer_handler: None,
        });
    }

    /// Translates an operator of control; false if it is none.
    pub fn control(&mut self, operator: &Operator<'_>) -> Result<bool> {
        if !self.reachable {
            match operator {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Try { .. }
                | Operator::TryTable { .. } => self.skipped += 1,
                Operator::Else if self.skipped == 0 => self.otherwise()?,
                Operator::Catch { tag_index } if self.skipped == 0 => {
                    self.catch(Some(*tag_index))?;
                }
                Operator::CatchAll if self.skipped == 0 => self.catch(None)?,
                Operator::Delegate { relative_depth } if self.skipped == 0 => {
                    self.delegate(*relative_depth)?;
                }
                Operator::End if self.skipped == 0 => self.end_block()?,
                Operator::End | Operator::Delegate { .. } => self.skipped -= 1,
                _ => {}
            }
            return Ok(true);
        }
        match operator {
            Operator::Nop => {}
            Operator::Unreachable => {
                dynasm!(self.asm ; .arch x64 ; mov edx, Trap::Unreachable as i32);
                self.raise();
                self.reachable = false;
            }
            Operator::Block { blockty } => self.open(*blockty, false, None)?,
            Operator::Loop { blockty } => {
                let (number, depth) = (self.loops, self.loops_around());
                self.open(*blockty, true, None)?;
                self.loops += 1;
                self.count(LOOP_WEIGHT, Some(LoopHead { number, depth }));
            }
            Operator::If { blockty } => {
                let condition = self.pop_condition()?;
                let otherwise = self.asm.new_dynamic_label();
                self.put_all();
                self.jump_if(!condition, otherwise);
                self.open(*blockty, false, Some(otherwise))?;
            }
            Operator::Else => self.otherwise()?,
            Operator::End => self.end_block()?,
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth)?;
                self.reachable = false;
            }
            Operator::BrIf { relative_depth } => self.br_if(*relative_depth)?,
            Operator::BrTable { targets } => self.br_table(targets)?,
            Operator::Return => {
                self.pop_result()?;
                self.leave();
                self.reachable = false;
            }
            _ => return self.exception(operator),
        }
        Ok(true)
    }

    /// How many loops are open.
    fn loops_around(&self) -> u32 {
        self.labels.last().map_or(0, |label| label.loops)
    }

    pub fn open(
        &mut self,
        ty: BlockType,
        is_loop: bool,
        otherwise: Option<DynamicLabel>,
    ) -> Result {
        let (params, results) = match ty {
            BlockType::Empty => (Vec::new(), Vec::new()),
            BlockType::Type(ty) => {
                let ty = self.module.value_type(ty).ok_or(Unsupported)?;
                (Vec::new(), words(ty).to_vec())
            }
            BlockType::FuncType(index) => {
                let ty = self.module.func_type(index).ok_or(Unsupported)?;
                (all_words(&ty.params), all_words(&ty.results))
            }
        };
        self.put_all();
        let target = self.asm.new_dynamic_label();
        let height = self.stack.len().checked_sub(params.len());
        let height = height.ok_or(Unsupported)?;
        // There must be room for the results, even if nothing else is ever so high.
        self.height = self.height.max(height + results.len());
        self.labels.push(Label {
            target,
            is_loop,
            loops: self.loops_around() + u32::from(is_loop),
            otherwise,
            height,
            params,
            results,
            is_used: false,
            catching: Catching::Nothing,
            outer_handler: self.handler,
        });
        if is_loop {
            dynasm!(self.asm ; .arch x64 ; =>target);
        }
        Ok(())
    }

    /// Goes on with these words, which are in their places, above `height`.
    pub fn join(&mut self, height: usize, words: &[Operand]) {
        self.stack.truncate(height);
        self.stack.extend_from_slice(words);
        self.height = self.height.max(self.stack.len());
        self.placed = self.stack.len();
        self.registers.release_all();
        self.reachable = true;
    }

    fn otherwise(&mut self) -> Result {
        let mut label = self.labels.pop().ok_or(Unsupported)?;
        let otherwise = label.otherwise.take().ok_or(Unsupported)?;
        self.leave_arm(&mut label)?;
        dynasm!(self.asm ; .arch x64 ; =>otherwise);
        self.join(label.height, &label.params);
        self.labels.push(label);
        Ok(())
    }

    /// Ends a part of a block that another part follows.
    pub fn leave_arm(&mut self, label: &mut Label) -> Result {
        if self.reachable {
            self.copy_top(label.results.len(), label.height)?;
            let target = label.target;
            dynasm!(self.asm ; .arch x64 ; jmp =>target);
            label.is_used = true;
        }
        Ok(())
    }

    fn end_block(&mut self) -> Result {
        let outer = self.labels.last().and_then(|label| label.outer_handler);
        self.end(outer)
    }

    /// Ends the innermost block. If it is an old `try` without clauses, its exceptions go to the handler of `target`.
    pub fn end(&mut self, target: Option<usize>) -> Result {
        let mut label = self.labels.pop().ok_or(Unsupported)?;
        self.handler = label.outer_handler;
        if label.catching.has_code() {
            self.leave_arm(&mut label)?;
            self.end_of_catching(&label.catching, target)?;
            self.reachable = false;
        }
        let is_function = self.labels.is_empty();
        if is_function && self.reachable && !label.is_used {
            self.pop_result()?;
            self.leave();
            return Ok(());
        }
        let mut goes_on = label.is_used || label.otherwise.is_some();
        if self.reachable {
            self.copy_top(label.results.len(), label.height)?;
            goes_on = true;
        }
        if let Some(otherwise) = label.otherwise {
            // No second arm: the parameters are the results.
            dynasm!(self.asm ; .arch x64 ; =>otherwise);
        }
        if !label.is_loop {
            let target = label.target;
            dynasm!(self.asm ; .arch x64 ; =>target);
        }
        self.reachable = goes_on;
        if goes_on {
            self.join(label.height, &label.results);
            if is_function {
                self.pop_result()?;
                self.leave();
            }
        } else {
            self.stack.truncate(label.height);
            self.placed = self.placed.min(self.stack.len());
            self.registers.release_all();
        }
        Ok(())
    }

    /// Pops the function's result, if it has one, to where the caller expects it.
    fn pop_result(&mut self) -> Result {
        match self.ty.results.first() {
            None => Ok(()),
            Some(ValType::V128) => self.pop_vector(0),
            Some(ty) if is_float(*ty) => self.pop_xmm0(),
            Some(_) => self.pop_rax(),
        }
    }

    /// Copies the `count` words on top to the places above `height`.
    fn copy_top(&mut self, count: usize, height: usize) -> Result {
        let first = self.stack.len().checked_sub(count).ok_or(Unsupported)?;
        // From the lowest up: a place that is written was read before, or belongs to nobody.
        for i in 0..count {
            self.copy(first + i, height + i);
        }
        Ok(())
    }

    /// Position of the block at `depth` among the open ones.
    pub fn position(&self, depth: u32) -> Result<usize> {
        let position = self.labels.len().checked_sub(1 + depth as usize);
        position.ok_or(Unsupported)
    }

    pub fn label(&mut self, depth: u32) -> Result<&mut Label> {
        let position = self.position(depth)?;
        self.labels.get_mut(position).ok_or(Unsupported)
    }

    pub fn branch(&mut self, depth: u32) -> Result {
        let label = self.label(depth)?;
        label.is_used = true;
        let (count, height, target) = (label.arity(), label.height, label.target);
        self.copy_top(count, height)?;
        dynasm!(self.asm ; .arch x64 ; jmp =>target);
        Ok(())
    }

    fn br_if(&mut self, depth: u32) -> Result {
        let condition = self.pop_condition()?;
        let label = self.label(depth)?;
        if label.arity() == 0 {
            label.is_used = true;
            let target = label.target;
            self.jump_if(condition, target);
            return Ok(());
        }
        let next = self.asm.new_dynamic_label();
        self.jump_if(!condition, next);
        self.branch(depth)?;
        dynasm!(self.asm ; .arch x64 ; =>next);
        Ok(())
    }

    fn br_table(&mut self, targets: &BrTable<'_>) -> Result {
        self.pop_rax()?;
        let depths = targets
            .targets()
            .collect::<std::result::Result<Vec<u32>, _>>()?;
        let mut edges: HashMap<u32, DynamicLabel> = HashMap::new();
        let mut edge = |this: &mut Self, depth: u32| {
            *edges
                .entry(depth)
                .or_insert_with(|| this.asm.new_dynamic_label())
        };
        let entries: Vec<DynamicLabel> = depths.iter().map(|d| edge(self, *d)).collect();
        let default = edge(self, targets.default());
        self.search(&entries, 0, default);
        for (depth, label) in edges {
            dynasm!(self.asm ; .arch x64 ; =>label);
            self.branch(depth)?;
        }
        self.reachable = false;
        Ok(())
    }

    /// Jumps to the entry that eax names, from `first` on; to `default` if it names none.
    fn search(&mut self, entries: &[DynamicLabel], first: i32, default: DynamicLabel) {
        match entries {
            [] => dynasm!(self.asm ; .arch x64 ; jmp =>default),
            [one] => {
                dynasm!(self.asm ; .arch x64 ; cmp eax, first ; je =>*one ; jmp =>default);
            }
            _ => {
                let (low, high) = entries.split_at(entries.len() / 2);
                let above = self.asm.new_dynamic_label();
                let middle = first + low.len() as i32;
                dynasm!(self.asm ; .arch x64 ; cmp eax, middle ; jae =>above);
                self.search(low, first, default);
                dynasm!(self.asm ; .arch x64 ; =>above);
                self.search(high, middle, default);
            }
        }
    }
}
