//! Exceptions. What is meant by handlers is said at Cranelift's part of them ([`crate::compiler::exception`]); which code
//! can be reached must be the same there, since both count the loops of it.
//!
//! All that lives across a call is in the frame, so a handler has to restore no more than the registers that callees
//! keep. Where a handler begins, the exception is in rax.

use super::operand::Operand;
use super::{Direct, Result, Unsupported};
use crate::compiler::exception::Fate;
use crate::module::ValType;
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, EXCEPTION_PAYLOAD, EXCEPTION_REFERENCE, EXCEPTION_TAG};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::{BlockType, Catch, Operator};

/// What a block has to do with exceptions.
pub enum Catching {
    Nothing,
    /// Exceptions that come out of calls in it go to `landing`, those that are thrown in it to `handler`; the clauses of
    /// a `try_table`, `None` for an old `try`.
    Body {
        landing: DynamicLabel,
        handler: DynamicLabel,
        is_used: bool,
        catches: Option<Vec<Catch>>,
    },
    /// A clause of an old `try`; where an exception goes that none of the clauses so far has caught.
    Clause {
        next: Option<DynamicLabel>,
    },
}

impl Catching {
    /// Is there code for it at the end of the block?
    pub fn has_code(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Body { is_used, .. } => *is_used,
            Self::Clause { next } => next.is_some(),
        }
    }
}

impl Direct<'_> {
    /// Translates an operator of this family in reachable code; false if it is none.
    pub fn exception(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::TryTable { try_table } => {
                self.open_body(try_table.ty, Some(try_table.catches.clone()))?;
            }
            Operator::Try { blockty } => self.open_body(*blockty, None)?,
            Operator::Catch { tag_index } => self.catch(Some(*tag_index))?,
            Operator::CatchAll => self.catch(None)?,
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth)?,
            Operator::Throw { tag_index } => self.throw(*tag_index)?,
            Operator::ThrowRef => {
                let null = self.trap(Trap::ThrowNull);
                self.pop_rax()?;
                self.free_registers();
                dynasm!(self.asm ; .arch x64 ; test rax, rax ; jz =>null ; mov rsi, rax);
                self.throw_reference(self.handler);
                self.reachable = false;
            }
            Operator::Rethrow { relative_depth } => {
                let height = self.label(*relative_depth)?.height;
                let place = self.place(height);
                self.free_registers();
                dynasm!(self.asm ; .arch x64 ; mov rsi, [rsp + place]);
                self.throw_reference(self.handler);
                self.reachable = false;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn open_body(&mut self, ty: BlockType, catches: Option<Vec<Catch>>) -> Result {
        self.open(ty, false, None)?;
        let (landing, handler) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        let position = self.labels.len() - 1;
        self.labels[position].catching = Catching::Body {
            landing,
            handler,
            is_used: false,
            catches,
        };
        self.handler = Some(position);
        Ok(())
    }

    /// The labels `landing` and `handler` of a block that gets exceptions, which is used from now on.
    fn use_handler(&mut self, position: Option<usize>) -> Option<(DynamicLabel, DynamicLabel)> {
        match &mut self.labels.get_mut(position?)?.catching {
            Catching::Body {
                landing,
                handler,
                is_used,
                ..
            } => {
                *is_used = true;
                Some((*landing, *handler))
            }
            _ => None,
        }
    }

    /// The call that was just made may throw.
    pub fn may_throw(&mut self) {
        self.may_throw_to(self.handler);
    }

    fn may_throw_to(&mut self, position: Option<usize>) {
        if let Some((landing, _)) = self.use_handler(position) {
            let offset = self.asm.offset().0 as u32;
            self.throwing.push((offset, landing));
        }
    }

    /// Throws what the reference in rsi names, to the handler of the block at `position` or out of the function.
    fn throw_reference(&mut self, position: Option<usize>) {
        dynasm!(self.asm ; .arch x64 ; xor edx, edx);
        self.call_builtin(Builtin::Throw);
        self.may_throw_to(position);
        dynasm!(self.asm ; .arch x64 ; ud2);
    }

    /// Hands the exception in rax to the handler of the block at `position`, or out of the function.
    fn pass_on(&mut self, position: Option<usize>) {
        match self.use_handler(position) {
            Some((_, handler)) => dynasm!(self.asm ; .arch x64 ; jmp =>handler),
            None => {
                dynasm!(self.asm ; .arch x64 ; mov rsi, [rax + EXCEPTION_REFERENCE]);
                self.throw_reference(None);
            }
        }
    }

    /// Types of a tag's values, each of which takes one word.
    fn tag_params(&self, tag: u32) -> Result<&[ValType]> {
        let params = &self.module.tag_type(tag).ok_or(Unsupported)?.params;
        match params.contains(&ValType::V128) {
            true => Err(Unsupported),
            false => Ok(params),
        }
    }

    fn throw(&mut self, tag: u32) -> Result {
        let count = self.tag_params(tag)?.len();
        self.reachable = false;
        if let Some(depth) = self.known_catch(tag) {
            return self.branch(depth);
        }
        self.put_all();
        let first = self.stack.len().checked_sub(count).ok_or(Unsupported)?;
        let values = self.place(first);
        self.free_registers();
        dynasm!(self.asm ; .arch x64 ; mov esi, tag as i32 ; lea rdx, [rsp + values]);
        if self.handler.is_none() {
            // Whether there has to be an exception is known when somebody catches it.
            self.call_builtin(Builtin::Throw);
            dynasm!(self.asm ; .arch x64 ; ud2);
            return Ok(());
        }
        self.call_builtin(Builtin::NewException);
        self.come_back();
        self.pass_on(self.handler);
        Ok(())
    }

    /// The label in this function that surely gets an exception of a tag which is thrown here.
    fn known_catch(&self, tag: u32) -> Option<u32> {
        for (position, label) in self.labels.iter().enumerate().rev() {
            let Catching::Body { catches, .. } = &label.catching else {
                continue;
            };
            match Fate::of(self.module, tag, catches.as_ref()?) {
                Fate::Caught { label, .. } => {
                    return Some((self.labels.len() - position) as u32 + label);
                }
                Fate::Open => return None,
                Fate::Passes => {}
            }
        }
        None
    }

    /// Starts the code of a handler.
    fn start_handler(&mut self, landing: DynamicLabel, handler: DynamicLabel) {
        dynasm!(self.asm ; .arch x64 ; =>landing);
        self.restore_in_handler();
        dynasm!(self.asm ; .arch x64 ; =>handler);
    }

    /// Goes on if the exception has a tag; where the code is if it has not.
    fn match_tag(&mut self, tag: u32) -> DynamicLabel {
        let next = self.asm.new_dynamic_label();
        let offset = self.offsets.tag(tag);
        dynasm!(self.asm ; .arch x64
            ; mov rcx, [rax + EXCEPTION_TAG]
            ; cmp rcx, [r15 + offset]
            ; jne =>next);
        next
    }

    /// Copies `count` words at `offset` of the exception to the places from `height` on.
    fn unpack(&mut self, offset: i32, height: usize, count: usize) {
        self.height = self.height.max(height + count);
        for i in 0..count {
            let (from, to) = (offset + 8 * i as i32, self.place(height + i));
            dynasm!(self.asm ; .arch x64 ; mov rcx, [rax + from] ; mov [rsp + to], rcx);
        }
    }

    /// `catch` with a tag, or `catch_all`: the end of what is before it and the start of its own code. What was caught
    /// is an operand below the values.
    pub fn catch(&mut self, tag: Option<u32>) -> Result {
        let mut label = self.labels.pop().ok_or(Unsupported)?;
        self.leave_arm(&mut label)?;
        self.handler = label.outer_handler;
        self.reachable = label.catching.has_code();
        match label.catching {
            Catching::Body {
                landing, handler, ..
            } if self.reachable => self.start_handler(landing, handler),
            Catching::Clause { next: Some(next) } => dynasm!(self.asm ; .arch x64 ; =>next),
            _ => {}
        }
        let mut next = None;
        self.stack.truncate(label.height);
        self.placed = self.placed.min(label.height);
        if self.reachable {
            next = tag.map(|tag| self.match_tag(tag));
            let count = tag.map_or(Ok(0), |tag| self.tag_params(tag).map(<[_]>::len))?;
            self.unpack(EXCEPTION_REFERENCE, label.height, 1);
            self.unpack(EXCEPTION_PAYLOAD, label.height + 1, count);
            self.join(label.height, &vec![Operand::Placed; 1 + count]);
        }
        label.catching = Catching::Clause { next };
        self.labels.push(label);
        Ok(())
    }

    /// The code at the end of a block that catches. It goes somewhere else, always.
    pub fn end_of_catching(&mut self, catching: &Catching, target: Option<usize>) -> Result {
        match catching {
            Catching::Nothing => {}
            Catching::Clause { next } => {
                if let Some(next) = *next {
                    dynasm!(self.asm ; .arch x64 ; =>next);
                    self.pass_on(self.handler);
                }
            }
            Catching::Body {
                landing,
                handler,
                catches,
                ..
            } => {
                self.start_handler(*landing, *handler);
                for catch in catches.iter().flatten() {
                    if self.clause(catch)? {
                        return Ok(());
                    }
                }
                self.pass_on(target);
            }
        }
        Ok(())
    }

    /// A clause of a `try_table`; whether it catches all.
    fn clause(&mut self, catch: &Catch) -> Result<bool> {
        let (tag, depth, with_reference) = match *catch {
            Catch::One { tag, label } => (Some(tag), label, false),
            Catch::OneRef { tag, label } => (Some(tag), label, true),
            Catch::All { label } => (None, label, false),
            Catch::AllRef { label } => (None, label, true),
        };
        let next = tag.map(|tag| self.match_tag(tag));
        let count = tag.map_or(Ok(0), |tag| self.tag_params(tag).map(<[_]>::len))?;
        let label = self.label(depth)?;
        label.is_used = true;
        let (height, target) = (label.height, label.target);
        self.unpack(EXCEPTION_PAYLOAD, height, count);
        self.unpack(
            EXCEPTION_REFERENCE,
            height + count,
            usize::from(with_reference),
        );
        dynasm!(self.asm ; .arch x64 ; jmp =>target);
        match next {
            None => Ok(true),
            Some(next) => {
                dynasm!(self.asm ; .arch x64 ; =>next);
                Ok(false)
            }
        }
    }

    /// Ends an old `try`, whose exceptions go to where those go that are thrown directly in the block at `depth`.
    pub fn delegate(&mut self, depth: u32) -> Result {
        // The `try` itself is not counted.
        let position = self.position(depth.checked_add(1).ok_or(Unsupported)?)?;
        let label = self.labels.get(position).ok_or(Unsupported)?;
        let target = match label.catching {
            Catching::Body { .. } => Some(position),
            _ => label.outer_handler,
        };
        self.end(target)
    }
}
