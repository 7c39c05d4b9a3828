//! Small functions in place of their calls, in code that is made for good.
//!
//! The body of the callee is translated where the call is, as a block whose parameters are locals: a return is a
//! branch to its end, and exceptions go to the handlers around the call. Functions of a module never change, so
//! the copy is as good as what the code table holds.

use super::function::{Body, Result, Translator, body, parse_error};
use super::tier::{Calls, Tier};
use cranelift_codegen::ir::Value;
use wasmparser::Operator;

/// Bytes of a body that is always copied: about what a call takes.
const TINY: usize = 16;
/// Bytes of a body that is copied if it is called often.
const SMALL: usize = 500;
/// Bytes of a body that is copied if it is called often, and by the call in question alone.
const ONLY: usize = 1000;
/// Bytes of all bodies that are copied into a function: as many as its own has, so that compiling takes twice the time at
/// most, and some more in a small one. In a large one the last of them gain little and cost more than the first: 156 KB
/// with as many copied took 250 MB to compile, and 30 with a tenth.
const ALLOWANCE: usize = 500;
const MOST_ALLOWED: usize = 16 << 10;
/// How many bodies deep copies are nested, and how often a function is in itself.
const DEPTH: usize = 6;
const RECURSION: usize = 2;
/// Locals of a callee.
const LOCALS: u32 = 40;

/// What is being inlined.
#[derive(Default)]
pub(super) struct Inlining {
    /// The functions whose bodies are open, without the outermost.
    open: Vec<u32>,
    /// Bytes so far.
    total: usize,
}

impl<'a> Translator<'a, '_> {
    /// Is the body that is being translated inlined in another?
    pub fn is_inlined(&self) -> bool {
        !self.inlining.open.is_empty()
    }

    /// Is it worth it to translate the body of function `index` here?
    pub fn inlines(&self, index: u32) -> Result<bool> {
        let current = self.e.b.current_block();
        let is_cold = current.is_some_and(|block| self.e.b.func.layout.is_cold(block));
        if self.tiering.tier == Tier::Baseline || is_cold || self.in_cold() {
            return Ok(false);
        }
        let callee = body(self.module, index)?;
        let size = callee.as_bytes().len();
        let most = match (self.tiering.calls)(index - self.module.imported_functions) {
            Calls::Rare => TINY,
            // In a body that is copied itself there may be more of that call.
            Calls::OftenFromOnePlace if !self.is_inlined() && index != self.function => ONLY,
            Calls::Often | Calls::OftenFromOnePlace => SMALL,
        };
        if size > most {
            return Ok(false);
        }
        let own = body(self.module, self.function)?.as_bytes().len();
        let open = &self.inlining.open;
        let same = open.iter().filter(|other| **other == index).count();
        let mut locals = 0u32;
        for declaration in callee.get_locals_reader().map_err(parse_error)? {
            locals = locals.saturating_add(declaration.map_err(parse_error)?.0);
        }
        Ok(open.len() < DEPTH
            && same < RECURSION
            && self.inlining.total + size <= ALLOWANCE + own.min(MOST_ALLOWED)
            && locals <= LOCALS)
    }

    /// A tail call in an inlined body is a call and a branch to the body's end: the frame that stays is the caller's, which
    /// has to. False if it is none.
    pub fn inlined_tail_call(&mut self, operator: &Operator<'a>) -> Result<bool> {
        let call = match *operator {
            Operator::ReturnCall { function_index } => Operator::Call { function_index },
            Operator::ReturnCallIndirect {
                type_index,
                table_index,
            } => Operator::CallIndirect {
                type_index,
                table_index,
            },
            Operator::ReturnCallRef { type_index } => Operator::CallRef { type_index },
            _ => return Ok(false),
        };
        // The handlers of the body are not in force any more.
        let outer = self.frames[self.body.frames].outer_handler;
        let handler = std::mem::replace(&mut self.e.handler, outer);
        if let Operator::Call { .. } = call {
            // Nor is its frame seen any more. (Others may trap first.)
            self.locate(self.body.call);
        }
        self.operator(&call)?;
        self.e.handler = handler;
        if self.reachable {
            self.return_()?;
        }
        Ok(true)
    }

    /// Translates the body of function `index` in place of its call. The results are operands afterwards.
    pub fn inline(&mut self, index: u32, args: Vec<Value>) -> Result<()> {
        let callee = body(self.module, index)?;
        self.inlining.total += callee.as_bytes().len();
        self.inlining.open.push(index);
        let call = self.location;
        let (start, len) = (callee.range().start, callee.as_bytes().len());
        let inner = Body {
            index,
            locals: Vec::new(),
            frames: self.frames.len(),
            shift: self.locations.add(start, len, call)?,
            call,
        };
        let outer = std::mem::replace(&mut self.body, inner);
        self.translate(&callee, args)?;
        self.body = outer;
        self.locate(call);
        self.inlining.open.pop();
        Ok(())
    }
}
