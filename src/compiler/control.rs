//! Structured control: blocks, loops, branches, return.

use super::clauses::Clause;
use super::emit::trap_code;
use super::function::{Operand, Result, Translator};
use crate::module::{FuncType, ValType};
use crate::runtime::{Trap, vm::State};
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use wasmparser::{BlockType, Catch, Operator};

/// The type of a block.
#[derive(Clone, Copy)]
pub(super) enum Signature<'a> {
    Empty,
    Result(ValType),
    Function(&'a FuncType),
}

impl Signature<'_> {
    fn params(&self) -> &[ValType] {
        match self {
            Self::Function(ty) => &ty.params,
            _ => &[],
        }
    }

    fn results(&self) -> &[ValType] {
        match self {
            Self::Empty => &[],
            Self::Result(ty) => std::slice::from_ref(ty),
            Self::Function(ty) => &ty.results,
        }
    }
}

pub(super) enum Kind {
    /// A block, the second arm of an `if`, or the function.
    Block,
    Loop {
        header: Block,
    },
    /// The first arm of an `if`; the other one starts with the same parameters.
    If {
        otherwise: Block,
        otherwise_cold: bool,
        params: Vec<Operand>,
    },
    TryTable {
        handler: Block,
        catches: Vec<Catch>,
    },
    /// The body of an old `try`.
    Try {
        handler: Block,
        /// None if they are not known.
        clauses: Vec<Clause>,
    },
    /// A clause of an old `try`; where an exception goes that none of the clauses so far has caught, and those that follow.
    Catch {
        next: Option<(Block, Value)>,
        clauses: std::vec::IntoIter<Clause>,
    },
}

/// An open block.
pub(super) struct Frame<'a> {
    pub kind: Kind,
    signature: Signature<'a>,
    /// Where the code after the block is, with the results as parameters.
    exit: Block,
    /// Does anything jump to `exit`?
    exit_used: bool,
    /// Is `exit` sealed at the end of the loop around it ([`super::dispatch`])?
    sealed_late: bool,
    /// Is the code in the block hardly ever run?
    cold: bool,
    /// Operands below the parameters.
    pub height: usize,
    /// The handler around the block.
    pub outer_handler: Option<Block>,
}

impl<'a> Translator<'a, '_> {
    /// Opens the outermost block of a body. Its parameters are locals, no operands.
    pub fn push_function_frame(&mut self) -> Result<()> {
        let ty = self.module.function_type(self.body.index);
        let exit = self.new_exit(&ty.results);
        self.frames.push(Frame {
            kind: Kind::Block,
            signature: Signature::Function(ty),
            exit,
            exit_used: false,
            sealed_late: false,
            cold: self.in_cold(),
            height: self.stack.len(),
            outer_handler: self.e.handler,
        });
        Ok(())
    }

    fn new_exit(&mut self, results: &[ValType]) -> Block {
        let exit = self.new_block(false);
        self.e.append_params(exit, results);
        exit
    }

    /// What the module says of a branch.
    pub fn branch_hint(&self, operator: &Operator<'_>, offset: u64) -> Option<bool> {
        match operator {
            Operator::If { .. } | Operator::BrIf { .. } => {
                let offset = u32::try_from(offset).ok()?;
                self.module.branch_hints.taken(self.body.index, offset)
            }
            _ => None,
        }
    }

    /// A block; out of the way of others if it is `cold` or in a block of wasm that is.
    fn new_block(&mut self, cold: bool) -> Block {
        let block = self.e.b.create_block();
        if cold || self.in_cold() {
            self.e.b.set_cold_block(block);
        }
        block
    }

    pub fn in_cold(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.cold)
    }

    /// Translates an operator of control; false if it is none.
    pub fn control(&mut self, operator: &Operator<'a>) -> Result<bool> {
        if !self.reachable {
            self.skip(operator)?;
            return Ok(true);
        }
        match operator {
            Operator::Nop => {}
            Operator::Unreachable => {
                self.mark_cold();
                let code = self.e.i32_const(Trap::Unreachable as i32);
                self.e.raise(State::Trap, code);
                self.reachable = false;
            }
            Operator::Block { blockty } => {
                let signature = self.block_signature(*blockty)?;
                self.push_frame(Kind::Block, signature)?;
            }
            Operator::Loop { blockty } => self.open_loop(*blockty)?,
            Operator::If { blockty } => self.open_if(*blockty)?,
            Operator::Else => self.otherwise()?,
            Operator::End => self.end_block()?,
            Operator::Br { relative_depth } => self.br(*relative_depth)?,
            Operator::BrIf { relative_depth } => self.br_if(*relative_depth)?,
            Operator::BrTable { targets } => self.br_table(targets)?,
            Operator::Return => self.return_()?,
            _ => return self.exception(operator),
        }
        Ok(true)
    }

    /// Passes over an operator in unreachable code, up to the `else` or `end` of the block that was
    /// left.
    fn skip(&mut self, operator: &Operator<'a>) -> Result<()> {
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.skipped += 1,
            Operator::Else if self.skipped == 0 => self.otherwise()?,
            Operator::Catch { tag_index } if self.skipped == 0 => self.catch(Some(*tag_index))?,
            Operator::CatchAll if self.skipped == 0 => self.catch(None)?,
            Operator::Delegate { relative_depth } if self.skipped == 0 => {
                self.delegate(*relative_depth)?;
            }
            Operator::End if self.skipped == 0 => self.end_block()?,
            Operator::End | Operator::Delegate { .. } => self.skipped -= 1,
            _ => {}
        }
        Ok(())
    }

    /// The current block always traps, so it must not lie in the way of the others.
    pub fn mark_cold(&mut self) {
        if let Some(block) = self.e.b.current_block().filter(|b| *b != self.e.entry) {
            self.e.b.set_cold_block(block);
        }
    }

    pub fn block_signature(&self, ty: BlockType) -> Result<Signature<'a>> {
        Ok(match ty {
            BlockType::Empty => Signature::Empty,
            BlockType::Type(ty) => {
                Signature::Result(self.module.value_type(ty).ok_or("unsupported block type")?)
            }
            BlockType::FuncType(index) => {
                Signature::Function(self.module.func_type(index).ok_or("no such type")?)
            }
        })
    }

    pub fn push_frame(&mut self, kind: Kind, signature: Signature<'a>) -> Result<()> {
        let height = self
            .stack
            .len()
            .checked_sub(signature.params().len())
            .ok_or("stack underflow")?;
        let exit = self.new_exit(signature.results());
        let cold = self.in_cold();
        let sealed_late = self.is_of_dispatch(&kind, exit);
        self.frames.push(Frame {
            kind,
            signature,
            exit,
            exit_used: false,
            sealed_late,
            cold,
            height,
            outer_handler: self.e.handler,
        });
        Ok(())
    }

    fn open_loop(&mut self, ty: BlockType) -> Result<()> {
        let signature = self.block_signature(ty)?;
        let header = self.new_block(false);
        self.e.append_params(header, signature.params());
        let args = self.pop_canonical(signature.params().len())?;
        self.enter_loop(header, &args)?;
        let params = self.e.b.block_params(header).to_vec();
        self.push_all(&params, signature.params());
        self.push_frame(Kind::Loop { header }, signature)?;
        self.open_dispatch();
        Ok(())
    }

    fn open_if(&mut self, ty: BlockType) -> Result<()> {
        let signature = self.block_signature(ty)?;
        let condition = self.pop()?;
        let then_cold = self.likely == Some(false);
        let then = self.new_block(then_cold);
        let otherwise_cold = self.likely == Some(true) || self.in_cold();
        let otherwise = self.new_block(otherwise_cold);
        self.ins().brif(condition, then, &[], otherwise, &[]);
        self.e.b.seal_block(then);
        self.e.b.seal_block(otherwise);
        self.e.b.switch_to_block(then);
        let start = self
            .stack
            .len()
            .checked_sub(signature.params().len())
            .ok_or("stack underflow")?;
        let params = self.stack[start..].to_vec();
        let kind = Kind::If {
            otherwise,
            otherwise_cold,
            params,
        };
        self.push_frame(kind, signature)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.cold |= then_cold;
        }
        Ok(())
    }

    /// Starts the second arm of an `if`.
    fn otherwise(&mut self) -> Result<()> {
        let mut frame = self.frames.pop().ok_or("else outside of a block")?;
        let kind = std::mem::replace(&mut frame.kind, Kind::Block);
        let Kind::If {
            otherwise,
            otherwise_cold,
            params,
        } = kind
        else {
            return Err("else without if".to_owned());
        };
        self.leave_arm(&mut frame)?;
        self.stack.extend(params);
        self.e.b.switch_to_block(otherwise);
        self.reachable = true;
        frame.cold = otherwise_cold;
        self.frames.push(frame);
        Ok(())
    }

    /// Ends a part of a block that another part follows.
    pub fn leave_arm(&mut self, frame: &mut Frame<'a>) -> Result<()> {
        if self.reachable {
            let results = self.peek_canonical(frame.signature.results().len())?;
            self.e.jump(frame.exit, &results);
            frame.exit_used = true;
        }
        self.stack.truncate(frame.height);
        Ok(())
    }

    fn end_block(&mut self) -> Result<()> {
        let outer = self.frames.last().and_then(|frame| frame.outer_handler);
        self.end(outer)
    }

    /// Ends the innermost block. If it is an old `try` without clauses, its exceptions go to `target`.
    pub fn end(&mut self, target: Option<Block>) -> Result<()> {
        let frame = self.frames.pop().ok_or("end outside of a block")?;
        self.e.handler = frame.outer_handler;
        let is_function = self.frames.is_empty();
        let mut exit_used = frame.exit_used;
        if self.reachable {
            let results = self.peek_canonical(frame.signature.results().len())?;
            if is_function && !exit_used {
                self.ins().return_(&results);
                return Ok(());
            }
            self.e.jump(frame.exit, &results);
            exit_used = true;
        }
        self.stack.truncate(frame.height);
        match frame.kind {
            Kind::Block => {}
            Kind::Loop { header } => {
                self.e.b.seal_block(header);
                self.close_dispatch(self.frames.len());
            }
            Kind::If {
                otherwise, params, ..
            } => {
                // No second arm: the parameters are the results.
                self.e.b.switch_to_block(otherwise);
                let count = params.len();
                self.stack.extend(params);
                let params = self.pop_canonical(count)?;
                self.e.jump(frame.exit, &params);
                exit_used = true;
            }
            Kind::TryTable { handler, catches } => self.try_table_handler(handler, &catches)?,
            Kind::Try { handler, .. } => self.forward(handler, target),
            Kind::Catch { next, .. } => self.end_of_catches(next),
        }
        if !frame.sealed_late {
            self.e.b.seal_block(frame.exit);
        }
        self.reachable = exit_used;
        if exit_used {
            self.e.b.switch_to_block(frame.exit);
            let results = self.e.b.block_params(frame.exit).to_vec();
            if is_function {
                self.ins().return_(&results);
            } else {
                self.push_all(&results, frame.signature.results());
            }
        }
        Ok(())
    }

    /// Position of the block at `depth` among the open ones.
    pub fn position(&self, depth: u32) -> Result<usize> {
        let position = self.frames.len().checked_sub(1 + depth as usize);
        position.ok_or_else(|| "no such label".to_owned())
    }

    /// The block that a branch to `depth` jumps to, and how many operands it passes.
    pub fn target(&mut self, depth: u32) -> Result<(Block, usize)> {
        let position = self.position(depth)?;
        let frame = &mut self.frames[position];
        Ok(match frame.kind {
            Kind::Loop { header } => (header, frame.signature.params().len()),
            _ => {
                frame.exit_used = true;
                (frame.exit, frame.signature.results().len())
            }
        })
    }

    fn br(&mut self, depth: u32) -> Result<()> {
        if self.jump_to_part(depth)? {
            return Ok(());
        }
        let (block, count) = self.target(depth)?;
        let args = self.peek_canonical(count)?;
        self.e.jump(block, &args);
        self.reachable = false;
        Ok(())
    }

    pub fn return_(&mut self) -> Result<()> {
        if self.is_inlined() {
            let outermost = self.frames.len() - 1 - self.body.frames;
            return self.br(outermost as u32);
        }
        let count = self.module.function_type(self.function).results.len();
        let results = self.peek_canonical(count)?;
        self.ins().return_(&results);
        self.reachable = false;
        Ok(())
    }

    fn br_if(&mut self, depth: u32) -> Result<()> {
        let condition = self.pop()?;
        let (block, count) = self.target(depth)?;
        let args = self.peek_canonical(count)?;
        let args: Vec<BlockArg> = args.into_iter().map(BlockArg::Value).collect();
        let next = self.new_block(self.likely == Some(true));
        if self.likely == Some(false) {
            // The target may be reached in other ways, so it is the way there that is cold.
            let way = self.new_block(true);
            self.ins().brif(condition, way, &[], next, &[]);
            self.e.b.seal_block(way);
            self.e.b.switch_to_block(way);
            self.ins().jump(block, &args);
        } else {
            self.ins().brif(condition, block, &args, next, &[]);
        }
        self.go_on_in(next);
        Ok(())
    }

    /// Goes on in a block that nothing else reaches from now on.
    pub fn go_on_in(&mut self, block: Block) {
        self.e.b.seal_block(block);
        self.e.b.switch_to_block(block);
    }

    /// Traps if `condition` is not zero.
    pub fn trap_if(&mut self, condition: Value, trap: Trap) {
        self.ins().trapnz(condition, trap_code(trap));
    }

    /// Traps if `condition` is zero.
    pub fn trap_unless(&mut self, condition: Value, trap: Trap) {
        self.ins().trapz(condition, trap_code(trap));
    }
}
