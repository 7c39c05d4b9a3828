//! Tail calls: a callee in place of its caller, whose frame is gone before the callee's first instruction, and
//! with it the handlers around the call.
//!
//! A small function of the module that is called so becomes a part of the caller's code: a *head*, a block whose
//! parameters are the callee's, with the callee's body behind it. All tail calls of that function from here jump
//! to its head, those in its own body and in other such bodies, too. So functions that call each other are a loop.

use super::function::{Result, Translator, body};
use super::signature::POINTER;
use super::tier::Tier;
use crate::module::FuncType;
use crate::runtime::vm::ENTRY_FUNC_REF;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value};
use wasmparser::{FunctionBody, Operator};

/// Bytes of all bodies that a function takes in.
const MAX_BYTES: usize = 512;
/// How many those are.
const MAX_BODIES: usize = 8;

/// What has become a part of a function.
#[derive(Default)]
pub(super) struct Heads {
    /// Functions (imported ones included) with their heads; the first `translated` of them have their bodies.
    all: Vec<(u32, Block)>,
    translated: usize,
    bytes: usize,
}

impl<'a> Translator<'a, '_> {
    /// Translates a tail call; false if it is none.
    pub fn tail_call(&mut self, operator: &Operator<'a>) -> Result<bool> {
        if self.is_inlined() {
            return self.inlined_tail_call(operator);
        }
        match operator {
            Operator::ReturnCall { function_index } => self.return_call(*function_index)?,
            Operator::ReturnCallIndirect {
                type_index,
                table_index,
            } => self.return_call_indirect(*type_index, *table_index)?,
            Operator::ReturnCallRef { type_index } => self.return_call_ref(*type_index)?,
            _ => return Ok(false),
        }
        self.reachable = false;
        Ok(true)
    }

    /// Begins a function whose arguments are `params` with its head, if it seems to make tail calls; its parameters.
    pub fn first_head(&mut self, body: &FunctionBody<'_>, params: Vec<Value>) -> Vec<Value> {
        let bytes = body.as_bytes();
        let makes_tail_calls = bytes.iter().any(|byte| matches!(byte, 0x12 | 0x13 | 0x15));
        if self.tiering.tier != Tier::Optimized || !makes_tail_calls {
            return params;
        }
        let head = self.add_head(self.function);
        self.heads.translated = 1;
        self.e.jump(head, &params);
        self.e.b.switch_to_block(head);
        self.e.b.block_params(head).to_vec()
    }

    fn add_head(&mut self, index: u32) -> Block {
        let head = self.e.b.create_block();
        let ty = self.module.function_type(index);
        self.e.append_params(head, &ty.params);
        self.heads.all.push((index, head));
        head
    }

    /// Translates the bodies of the heads that there are, and of those that come up.
    pub fn heads(&mut self) -> Result<()> {
        while let Some(&(index, head)) = self.heads.all.get(self.heads.translated) {
            self.heads.translated += 1;
            self.body.index = index;
            self.stack.clear();
            self.body.locals.clear();
            self.reachable = true;
            self.e.b.switch_to_block(head);
            let params = self.e.b.block_params(head).to_vec();
            self.translate(&body(self.module, index)?, params)?;
        }
        Ok(())
    }

    /// The head of function `index`, if it is, or can become, a part of this one.
    fn head(&mut self, index: u32) -> Result<Option<Block>> {
        if self.tiering.tier != Tier::Optimized {
            return Ok(None);
        }
        let known = self.heads.all.iter().find(|(other, _)| *other == index);
        if let Some((_, head)) = known {
            return Ok(Some(*head));
        }
        let bytes = self.heads.bytes + body(self.module, index)?.as_bytes().len();
        if bytes > MAX_BYTES || self.heads.all.len() == MAX_BODIES {
            return Ok(None);
        }
        self.heads.bytes = bytes;
        Ok(Some(self.add_head(index)))
    }

    fn return_call(&mut self, index: u32) -> Result<()> {
        let type_index = self.callee_type(index)?;
        let ty = self.func_type(type_index)?;
        let args = self.pop_canonical(ty.params.len())?;
        let Some(defined) = index.checked_sub(self.module.imported_functions) else {
            return self.return_call_import(index, type_index, ty, &args);
        };
        if let Some(head) = self.head(index)? {
            self.e.jump(head, &args);
            return Ok(());
        }
        let code = self.code_of(defined)?;
        self.return_call_code(type_index, code, self.e.vmctx, &args)
    }

    fn return_call_indirect(&mut self, type_index: u32, table: u32) -> Result<()> {
        let ty = self.func_type(type_index)?;
        let index = self.pop()?;
        let entry = self.table_element(table, index)?;
        let args = self.pop_canonical(ty.params.len())?;
        let flags = self.e.flags.table;
        let func_ref = self.ins().load(POINTER, flags, entry, ENTRY_FUNC_REF);
        self.jump_to_guesses(type_index, func_ref, &args)?;
        let (code, vmctx) = self.indirect_callee(type_index, entry)?;
        self.return_call_found(type_index, code, vmctx, &args)
    }

    fn return_call_ref(&mut self, type_index: u32) -> Result<()> {
        let ty = self.func_type(type_index)?;
        let func_ref = self.pop()?;
        let args = self.pop_canonical(ty.params.len())?;
        self.jump_to_guesses(type_index, func_ref, &args)?;
        let (code, vmctx) = self.referenced(func_ref);
        self.return_call_found(type_index, code, vmctx, &args)
    }

    /// Jumps to the head of the function that `func_ref` is, if that is a guess or the caller, and goes on if not.
    fn jump_to_guesses(&mut self, type_index: u32, func_ref: Value, args: &[Value]) -> Result<()> {
        let mut guesses = self.guesses(type_index);
        let itself = self.function;
        if guesses.is_empty()
            && self.is_of_type(itself, type_index)
            && self.module.func_ref_position(itself).is_some()
        {
            guesses.push(itself);
        }
        for index in guesses {
            if let Some(head) = self.head(index)? {
                self.branch_if_function(func_ref, index, head, args)?;
            }
        }
        Ok(())
    }

    fn return_call_found(
        &mut self,
        type_index: u32,
        code: Value,
        vmctx: Value,
        args: &[Value],
    ) -> Result<()> {
        // As a rule it is a function of this instance. What the callee loads through its context then need not wait for
        // the place of its reference, which was found through this one's.
        let own = self.e.vmctx;
        let is_own = self.ins().icmp(IntCC::Equal, vmctx, own);
        let here = self.e.b.create_block();
        let elsewhere = self.e.b.create_block();
        self.e.b.set_cold_block(elsewhere);
        self.ins().brif(is_own, here, &[], elsewhere, &[]);
        self.e.b.seal_block(here);
        self.e.b.seal_block(elsewhere);
        self.e.b.switch_to_block(elsewhere);
        self.return_call_code(type_index, code, vmctx, args)?;
        self.e.b.switch_to_block(here);
        self.return_call_code(type_index, code, own, args)
    }

    fn return_call_code(
        &mut self,
        type_index: u32,
        code: Value,
        vmctx: Value,
        args: &[Value],
    ) -> Result<()> {
        let signature = self.guest_signature(type_index)?;
        let args = self.with_context(vmctx, args);
        self.ins().return_call_indirect(signature, code, &args);
        Ok(())
    }

    fn return_call_import(
        &mut self,
        import: u32,
        type_index: u32,
        ty: &FuncType,
        args: &[Value],
    ) -> Result<()> {
        let (host, of_host, of_wasm) = self.import_kind(import);

        self.e.b.switch_to_block(of_host);
        // What the host throws is not this function's to catch.
        let handler = self.e.handler.take();
        let results = self.e.host_call(host, args, &ty.params, &ty.results)?;
        self.e.handler = handler;
        self.ins().return_(&results);

        self.e.b.switch_to_block(of_wasm);
        let (code, vmctx) = self.imported_code(import);
        self.return_call_code(type_index, code, vmctx, args)
    }
}
