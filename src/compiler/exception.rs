//! Exceptions: `throw`, and blocks that catch. Both kinds of them, the old and the new instructions, are one
//! mechanism.
//!
//! A block that catches has a *handler*, a block of code that gets the address of a [`VMException`]. Calls inside
//! go on there when an exception comes out of them, `throw` inside jumps there. It compares tags and
//! branches, and what it does not catch goes to the handler around it or out of the function.
//!
//! [`VMException`]: crate::runtime::vm::VMException

use super::clauses::Clause;
use super::control::{Frame, Kind};
use super::emit::{Emitter, trap_code};
use super::function::{Result, Translator};
use super::local::frame_flags;
use super::signature::{self, POINTER};
use crate::module::{Module, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, EXCEPTION_PAYLOAD, EXCEPTION_REFERENCE, EXCEPTION_TAG};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, ExceptionTable, ExceptionTableData, ExceptionTableItem, FuncRef,
    InstBuilder, SigRef, StackSlotData, StackSlotKind, Value, types,
};
use wasmparser::{Catch, Operator, TryTable};

impl Emitter<'_> {
    /// Calls code that may throw.
    pub fn call_throwing(&mut self, signature: SigRef, code: Value, args: &[Value]) -> Vec<Value> {
        if self.handler.is_none() {
            let call = self.b.ins().call_indirect(signature, code, args);
            return self.b.inst_results(call).to_vec();
        }
        let (table, next) = self.exception_table(signature);
        self.b.ins().try_call_indirect(code, args, table);
        self.go_on(next)
    }

    /// Calls a function that may throw.
    pub fn call_throwing_function(&mut self, function: FuncRef, args: &[Value]) -> Vec<Value> {
        if self.handler.is_none() {
            let call = self.b.ins().call(function, args);
            return self.b.inst_results(call).to_vec();
        }
        let signature = self.b.func.dfg.ext_funcs[function].signature;
        let (table, next) = self.exception_table(signature);
        self.b.ins().try_call(function, args, table);
        self.go_on(next)
    }

    /// Where a call goes on: the handler, or the block that comes with the table and gets the results.
    fn exception_table(&mut self, signature: SigRef) -> (ExceptionTable, Block) {
        let next = self.b.create_block();
        let returns = self.b.func.dfg.signatures[signature].returns.clone();
        for result in &returns {
            self.b.append_block_param(next, result.value_type);
        }
        let handler = self.use_handler();
        let pool = &mut self.b.func.dfg.value_lists;
        let results = (0..returns.len() as u32).map(BlockArg::TryCallRet);
        let normal = BlockCall::new(next, results, pool);
        let handler = handler
            .map(|handler| BlockCall::new(handler, [BlockArg::TryCallExn(0)], pool))
            .map(ExceptionTableItem::Default);
        let table = ExceptionTableData::new(signature, normal, handler);
        (self.b.func.dfg.exception_tables.push(table), next)
    }

    fn go_on(&mut self, next: Block) -> Vec<Value> {
        self.b.seal_block(next);
        self.b.switch_to_block(next);
        self.b.block_params(next).to_vec()
    }

    /// The handler around the current position, which gets its parameter when it is first used.
    fn use_handler(&mut self) -> Option<Block> {
        let handler = self.handler?;
        if !self.is_used(handler) {
            self.b.append_block_param(handler, POINTER);
        }
        Some(handler)
    }

    fn is_used(&self, handler: Block) -> bool {
        !self.b.block_params(handler).is_empty()
    }

    /// Starts the code of a handler whose uses are all known; the exception. `None` if there is no use.
    fn start_handler(&mut self, handler: Block) -> Option<Value> {
        if !self.is_used(handler) {
            return None;
        }
        self.b.seal_block(handler);
        self.b.switch_to_block(handler);
        self.b.block_params(handler).first().copied()
    }

    /// Throws what this reference names; with 0, what the host threw. Ends the current block.
    pub fn throw_reference(&mut self, reference: Value) {
        let none = self.b.ins().iconst(POINTER, 0);
        self.throw(reference, none);
    }

    /// Throws what [`Builtin::Throw`] is told to. Ends the current block.
    fn throw(&mut self, what: Value, values: Value) {
        let vmctx = self.vmctx;
        let (signature, function) = self.builtin(Builtin::Throw);
        self.call_throwing(signature, function, &[vmctx, what, values]);
        // Never reached, but a block needs an end.
        self.b.ins().trap(trap_code(Trap::Unreachable));
    }

    /// Hands what the host threw to the handler around the current position if that may catch it, else out of the function.
    /// Ends the current block.
    pub fn hand_on_of_host(&mut self) -> Result<()> {
        if let Some(handler) = self.use_handler() {
            let vmctx = self.vmctx;
            let exception = self.call_builtin_value(Builtin::HostException, &[vmctx])?;
            let uncaught = self.b.create_block();
            let args = [BlockArg::Value(exception)];
            self.b.ins().brif(exception, handler, &args, uncaught, &[]);
            self.b.seal_block(uncaught);
            self.b.switch_to_block(uncaught);
        }
        let none = self.b.ins().iconst(types::I64, 0);
        self.throw_reference(none);
        Ok(())
    }

    /// Hands an exception to the handler around the current position, or out of the function. Ends the
    /// current block.
    fn pass_on(&mut self, exception: Value) {
        match self.use_handler() {
            Some(handler) => self.jump(handler, &[exception]),
            None => {
                let reference = self.reference(exception);
                self.throw_reference(reference);
            }
        }
    }

    /// What names an exception in the guest.
    fn reference(&mut self, exception: Value) -> Value {
        let flags = self.flags.reference;
        self.b
            .ins()
            .load(types::I64, flags, exception, EXCEPTION_REFERENCE)
    }
}

/// What a block that catches does with an exception of a tag.
pub(super) enum Fate {
    /// This label gets its values, or nothing.
    Caught { label: u32, values: bool },
    /// Known only when it happens, or not without the exception itself.
    Open,
    /// It passes.
    Passes,
}

impl Fate {
    /// Of an exception of tag `thrown` in the body of an old `try`; the label is the clause's number.
    fn in_clauses(module: &Module, thrown: u32, clauses: &[Clause]) -> Self {
        if clauses.is_empty() {
            return Self::Open;
        }
        let catches: Vec<Catch> = (0..)
            .zip(clauses)
            .map(|(label, clause)| match (clause.tag, clause.rethrows) {
                (Some(tag), false) => Catch::One { tag, label },
                (Some(tag), true) => Catch::OneRef { tag, label },
                (None, false) => Catch::All { label },
                (None, true) => Catch::AllRef { label },
            })
            .collect();
        Self::of(module, thrown, &catches)
    }

    /// Of an exception of tag `thrown` in a `try_table`.
    pub fn of(module: &Module, thrown: u32, catches: &[Catch]) -> Self {
        let imported = |tag: u32| tag < module.imported_tags;
        for catch in catches {
            let fate = match *catch {
                Catch::One { tag, label } if tag == thrown => Self::Caught {
                    label,
                    values: true,
                },
                Catch::All { label } => Self::Caught {
                    label,
                    values: false,
                },
                // Two imports may be one tag; one that the module defines is no other.
                Catch::One { tag, .. } | Catch::OneRef { tag, .. }
                    if tag != thrown && !(imported(tag) && imported(thrown)) =>
                {
                    continue;
                }
                _ => Self::Open,
            };
            return fate;
        }
        Self::Passes
    }
}

impl<'a> Translator<'a, '_> {
    /// Translates an operator of this family in reachable code; false if it is none.
    pub fn exception(&mut self, operator: &Operator<'a>) -> Result<bool> {
        match operator {
            Operator::TryTable { try_table } => self.open_try_table(try_table)?,
            Operator::Throw { tag_index } => self.throw(*tag_index)?,
            Operator::ThrowRef => {
                let reference = self.pop()?;
                self.trap_unless(reference, Trap::ThrowNull);
                self.e.throw_reference(reference);
                self.reachable = false;
            }
            Operator::Try { blockty } => {
                let signature = self.block_signature(*blockty)?;
                let handler = self.e.b.create_block();
                let clauses = std::mem::take(&mut self.clauses);
                self.push_frame(Kind::Try { handler, clauses }, signature)?;
                self.e.handler = Some(handler);
            }
            Operator::Catch { tag_index } => self.catch(Some(*tag_index))?,
            Operator::CatchAll => self.catch(None)?,
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth)?,
            Operator::Rethrow { relative_depth } => {
                let position = self.position(*relative_depth)?;
                let height = self.frames[position].height;
                let operand = self.stack.get(height).copied().ok_or("nothing caught")?;
                let reference = self.operand_value(height, operand.value);
                self.e.throw_reference(reference);
                self.reachable = false;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn open_try_table(&mut self, try_table: &TryTable) -> Result<()> {
        let signature = self.block_signature(try_table.ty)?;
        let handler = self.e.b.create_block();
        let catches = try_table.catches.clone();
        self.push_frame(Kind::TryTable { handler, catches }, signature)?;
        self.e.handler = Some(handler);
        Ok(())
    }

    fn tag_params(&self, tag: u32) -> Result<&'a [ValType]> {
        let ty = self.module.tag_type(tag).ok_or("no such tag")?;
        Ok(&ty.params)
    }

    fn throw(&mut self, tag: u32) -> Result<()> {
        let params = self.tag_params(tag)?;
        let values = self.pop_canonical(params.len())?;
        self.reachable = false;
        if let Some((block, with_values)) = self.known_catch(tag)? {
            self.e.jump(block, if with_values { &values } else { &[] });
            return Ok(());
        }
        self.mark_cold();
        let mut places = Vec::with_capacity(values.len());
        let mut size = 0;
        for value in values {
            places.push((value, size));
            size += super::local::size(self.e.b.func.dfg.value_type(value));
        }
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size.max(8), 3);
        let slot = self.e.b.create_sized_stack_slot(data);
        let address = self.ins().stack_addr(POINTER, slot, 0);
        for (value, place) in places {
            self.ins()
                .store(frame_flags(), value, address, place as i32);
        }
        if self.e.handler.is_none() {
            // Whether there has to be an exception is known when somebody catches it.
            let tag = self.ins().iconst(types::I64, i64::from(tag));
            self.e.throw(tag, address);
            return Ok(());
        }
        let vmctx = self.e.vmctx;
        let tag = self.e.i32_const(tag as i32);
        let exception = self
            .e
            .call_builtin_value(Builtin::NewException, &[vmctx, tag, address])?;
        self.e.pass_on(exception);
        Ok(())
    }

    /// The block in this function that surely gets an exception of a tag which is thrown here, and whether it gets
    /// the values: then no exception has to be made.
    fn known_catch(&mut self, tag: u32) -> Result<Option<(Block, bool)>> {
        // Blocks that were left by a tail call are still open, but their handlers are not in force.
        let mut current = self.e.handler;
        for position in (0..self.frames.len()).rev() {
            let frame = &self.frames[position];
            let (handler, fate) = match &frame.kind {
                Kind::Try { handler, clauses } => {
                    (*handler, Fate::in_clauses(self.module, tag, clauses))
                }
                Kind::TryTable { handler, catches } => {
                    (*handler, Fate::of(self.module, tag, catches))
                }
                _ => continue,
            };
            if current != Some(handler) {
                continue;
            }
            current = frame.outer_handler;
            match fate {
                Fate::Caught { label, values } if matches!(frame.kind, Kind::Try { .. }) => {
                    return Ok(Some((self.clause_entry(position, label)?, values)));
                }
                Fate::Caught { label, values } => {
                    let depth = self.frames.len() - position + label as usize;
                    return Ok(Some((self.target(depth as u32)?.0, values)));
                }
                Fate::Open => return Ok(None),
                Fate::Passes => {}
            }
        }
        Ok(None)
    }

    /// Where those go on that clause `number` of the old `try` at `position` gets from its body.
    fn clause_entry(&mut self, position: usize, number: u32) -> Result<Block> {
        let entry = self.e.b.create_block();
        let Kind::Try { clauses, .. } = &mut self.frames[position].kind else {
            return Err("no such try".to_owned());
        };
        let clause = clauses.get_mut(number as usize).ok_or("no such clause")?;
        if let Some(known) = clause.entry {
            return Ok(known);
        }
        clause.entry = Some(entry);
        if let Some(tag) = clause.tag {
            let params = self.tag_params(tag)?;
            self.e.append_params(entry, params);
        }
        Ok(entry)
    }

    /// The code of a `try_table`'s handler, at its end.
    pub fn try_table_handler(&mut self, handler: Block, catches: &[Catch]) -> Result<()> {
        let Some(exception) = self.e.start_handler(handler) else {
            return Ok(());
        };
        for catch in catches {
            let (tag, label, with_reference) = match *catch {
                Catch::One { tag, label } => (Some(tag), label, false),
                Catch::OneRef { tag, label } => (Some(tag), label, true),
                Catch::All { label } => (None, label, false),
                Catch::AllRef { label } => (None, label, true),
            };
            let next = tag.map(|tag| self.match_tag(exception, tag));
            let mut values = match tag {
                Some(tag) => self.values(exception, tag)?,
                None => Vec::new(),
            };
            if with_reference {
                values.push(self.e.reference(exception));
            }
            let (block, _) = self.target(label)?;
            self.e.jump(block, &values);
            match next {
                Some(next) => self.e.b.switch_to_block(next),
                None => return Ok(()),
            }
        }
        self.e.pass_on(exception);
        Ok(())
    }

    /// Goes on if an exception has a tag; where the code is if it has not.
    fn match_tag(&mut self, exception: Value, tag: u32) -> Block {
        let flags = self.e.flags.reference;
        let found = self.ins().load(POINTER, flags, exception, EXCEPTION_TAG);
        let wanted = self.e.fixed(POINTER, self.offsets.tag(tag));
        let same = self.ins().icmp(IntCC::Equal, found, wanted);
        let matches = self.e.b.create_block();
        let next = self.e.b.create_block();
        self.ins().brif(same, matches, &[], next, &[]);
        self.e.b.seal_block(matches);
        self.e.b.seal_block(next);
        self.e.b.switch_to_block(matches);
        next
    }

    /// The values of an exception of this tag.
    fn values(&mut self, exception: Value, tag: u32) -> Result<Vec<Value>> {
        let mut place = EXCEPTION_PAYLOAD;
        let params = self.tag_params(tag)?;
        let values = params.iter().map(|ty| {
            let ty = signature::ir_type(*ty);
            let value = self.ins().load(ty, frame_flags(), exception, place);
            place += super::local::size(ty) as i32;
            value
        });
        Ok(values.collect())
    }

    /// `catch` with a tag, or `catch_all`: the end of what is before it and the start of its own code. What was
    /// caught is an operand below the values, so that it is found there by `rethrow`, by the form of the function that
    /// takes over in a loop, and by the search for exceptions that nobody holds.
    pub fn catch(&mut self, tag: Option<u32>) -> Result<()> {
        let mut frame = self.frames.pop().ok_or("catch outside of a block")?;
        self.leave_arm(&mut frame)?;
        self.e.handler = frame.outer_handler;
        let (exception, mut clauses) = match frame.kind {
            Kind::Try { handler, clauses } => (self.e.start_handler(handler), clauses.into_iter()),
            Kind::Catch { next, clauses } => {
                let exception = next.map(|(next, exception)| {
                    self.e.b.switch_to_block(next);
                    exception
                });
                (exception, clauses)
            }
            _ => return Err("catch without try".to_owned()),
        };
        let clause = clauses.next();
        let entry = clause.as_ref().and_then(|clause| clause.entry);
        let mut next = None;
        let mut values = Vec::new();
        let mut reference = None;
        if let Some(exception) = exception {
            next = tag.map(|tag| (self.match_tag(exception, tag), exception));
            if let Some(tag) = tag {
                values = self.values(exception, tag)?;
            }
            if clause.is_none_or(|clause| clause.rethrows) {
                reference = Some(self.e.reference(exception));
            }
        }
        if let Some(entry) = entry {
            if exception.is_some() {
                self.e.jump(entry, &values);
            }
            self.go_on_in(entry);
            values = self.e.b.block_params(entry).to_vec();
        }
        self.reachable = exception.is_some() || entry.is_some();
        if self.reachable {
            // Without `rethrow` nobody asks for it.
            let reference = reference.unwrap_or_else(|| self.ins().iconst(types::I64, 0));
            self.push(reference);
            if let Some(tag) = tag {
                self.push_all(&values, self.tag_params(tag)?);
            }
        }
        frame.kind = Kind::Catch { next, clauses };
        self.frames.push(frame);
        Ok(())
    }

    /// The end of the clauses of an old `try`: what none has caught goes on.
    pub fn end_of_catches(&mut self, next: Option<(Block, Value)>) {
        if let Some((next, exception)) = next {
            self.e.b.switch_to_block(next);
            self.e.pass_on(exception);
        }
    }

    /// The end of an old `try` without clauses: its exceptions go to `target`.
    pub fn forward(&mut self, handler: Block, target: Option<Block>) {
        if let Some(exception) = self.e.start_handler(handler) {
            let current = std::mem::replace(&mut self.e.handler, target);
            self.e.pass_on(exception);
            self.e.handler = current;
        }
    }

    /// Ends an old `try`, whose exceptions go to where those go that are thrown directly in the block at `depth`.
    pub fn delegate(&mut self, depth: u32) -> Result<()> {
        // The `try` itself is not counted.
        let position = self.position(depth.checked_add(1).ok_or("no such label")?)?;
        let Frame {
            kind,
            outer_handler,
            ..
        } = &self.frames[position];
        let target = match kind {
            Kind::Try { handler, .. } | Kind::TryTable { handler, .. } => Some(*handler),
            _ => *outer_handler,
        };
        self.end(target)
    }
}
