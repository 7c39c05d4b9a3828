//! References: null and not null, casts, those of functions, and calls by them.

use super::function::{Operand, Result, Translator};
use super::signature::POINTER;
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, ENTRY_CODE, ENTRY_TYPE_ID, ENTRY_VMCTX, IMPORT_FUNC_REF};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};
use wasmparser::{HeapType, Operator, RefType};

impl<'a> Translator<'a, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn reference(&mut self, operator: &Operator<'a>) -> Result<bool> {
        match operator {
            Operator::RefNull { hty } => {
                let ty = self.module.heap_type(*hty).ok_or("unsupported heap type")?;
                let value = self.ins().iconst(types::I64, 0);
                let is_extern = ty.is_extern();
                self.push_operand(Operand { value, is_extern });
            }
            Operator::RefIsNull => {
                let operand = self.pop_operand()?;
                let word = self.null_word(operand);
                let is_null = self.ins().icmp_imm_u(IntCC::Equal, word, 0);
                let result = self.ins().uextend(types::I32, is_null);
                self.push(result);
            }
            Operator::RefFunc { function_index } => {
                let value = self.func_ref(*function_index)?;
                self.push(value);
            }
            Operator::RefAsNonNull => {
                let operand = self.pop_operand()?;
                let word = self.null_word(operand);
                self.trap_unless(word, Trap::NullReference);
                self.push_operand(operand);
            }
            Operator::BrOnNull { relative_depth } => self.br_on_null(*relative_depth)?,
            Operator::BrOnNonNull { relative_depth } => self.br_on_non_null(*relative_depth)?,
            Operator::RefTestNonNull { hty } => self.ref_test(*hty, false)?,
            Operator::RefTestNullable { hty } => self.ref_test(*hty, true)?,
            Operator::RefCastNonNull { hty } => self.ref_cast(*hty, false)?,
            Operator::RefCastNullable { hty } => self.ref_cast(*hty, true)?,
            Operator::BrOnCast {
                relative_depth,
                to_ref_type: ty,
                ..
            } => self.br_on_cast(*relative_depth, *ty, true)?,
            Operator::BrOnCastFail {
                relative_depth,
                to_ref_type: ty,
                ..
            } => self.br_on_cast(*relative_depth, *ty, false)?,
            Operator::CallRef { type_index } => self.call_ref(*type_index)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What is zero exactly if a reference is null. A null of the host's has any high half.
    fn null_word(&mut self, Operand { value, is_extern }: Operand) -> Value {
        match is_extern {
            true => self.ins().ireduce(types::I32, value),
            false => value,
        }
    }

    /// The reference of function `index`, which validation made sure can become a value.
    pub fn func_ref(&mut self, index: u32) -> Result<Value> {
        if index < self.module.imported_functions {
            let offset = self.offsets.imported_function(index) + IMPORT_FUNC_REF;
            return Ok(self.e.fixed(POINTER, offset));
        }
        let position = self
            .module
            .func_ref_position(index)
            .ok_or("undeclared function reference")?;
        let offset = self.offsets.func_ref(position);
        let vmctx = self.e.vmctx;
        Ok(self.ins().iadd_imm_s(vmctx, i64::from(offset)))
    }

    /// Branches if the reference on top is null; else it stays.
    fn br_on_null(&mut self, depth: u32) -> Result<()> {
        let operand = self.pop_operand()?;
        let word = self.null_word(operand);
        let (block, count) = self.target(depth)?;
        let args = self.branch_args(count)?;
        let next = self.e.b.create_block();
        self.ins().brif(word, next, &[], block, &args);
        self.go_on_in(next);
        self.push_operand(operand);
        Ok(())
    }

    /// Branches with the reference on top if it is not null; else it goes.
    fn br_on_non_null(&mut self, depth: u32) -> Result<()> {
        let (block, count) = self.target(depth)?;
        let args = self.branch_args(count)?;
        let operand = self.pop_operand()?;
        let word = self.null_word(operand);
        let next = self.e.b.create_block();
        self.ins().brif(word, block, &args, next, &[]);
        self.go_on_in(next);
        Ok(())
    }

    /// Is a reference of this type? Not zero if it is.
    fn has_type(&mut self, operand: Operand, ty: HeapType, nullable: bool) -> Result<Value> {
        let word = self.null_word(operand);
        if let HeapType::Concrete(index) = ty {
            let index = index.as_module_index().ok_or("no such type")?;
            return self.has_declared_type(word, index, nullable);
        }
        let heap = self.module.heap_type(ty).ok_or("unsupported heap type")?;
        Ok(match (heap.is_bottom(), nullable) {
            (false, true) => self.e.i32_const(1),
            (true, false) => self.e.i32_const(0),
            (false, false) => self.ins().icmp_imm_u(IntCC::NotEqual, word, 0),
            (true, true) => self.ins().icmp_imm_u(IntCC::Equal, word, 0),
        })
    }

    /// The same of the module's type `index`, for a function.
    fn has_declared_type(&mut self, func_ref: Value, index: u32, nullable: bool) -> Result<Value> {
        let present = self.e.b.create_block();
        let done = self.e.b.create_block();
        let result = self.e.b.append_block_param(done, types::I32);
        let of_null = self.e.i32_const(i32::from(nullable));
        let args = [BlockArg::Value(of_null)];
        self.ins().brif(func_ref, present, &[], done, &args);
        self.go_on_in(present);
        let flags = self.e.flags.reference;
        let found = self.ins().load(types::I32, flags, func_ref, ENTRY_TYPE_ID);
        let wanted = self.e.fixed(types::I32, self.offsets.type_id(index));
        let same = self.ins().icmp(IntCC::Equal, found, wanted);
        let same = self.ins().uextend(types::I32, same);
        if self.is_final(index) {
            self.e.jump(done, &[same]);
        } else {
            let other = self.e.b.create_block();
            let args = [BlockArg::Value(same)];
            self.ins().brif(same, done, &args, other, &[]);
            self.go_on_in(other);
            let args = [found, wanted];
            let is_subtype = self.e.call_builtin_value(Builtin::IsSubtype, &args)?;
            self.e.jump(done, &[is_subtype]);
        }
        self.go_on_in(done);
        Ok(result)
    }

    fn ref_test(&mut self, ty: HeapType, nullable: bool) -> Result<()> {
        let operand = self.pop_operand()?;
        let has_type = self.has_type(operand, ty, nullable)?;
        // What a compare gives has eight bits.
        let result = match self.e.b.func.dfg.value_type(has_type) {
            types::I32 => has_type,
            _ => self.ins().uextend(types::I32, has_type),
        };
        self.push(result);
        Ok(())
    }

    fn ref_cast(&mut self, ty: HeapType, nullable: bool) -> Result<()> {
        let operand = self.pop_operand()?;
        let has_type = self.has_type(operand, ty, nullable)?;
        self.trap_unless(has_type, Trap::Cast);
        self.push_operand(operand);
        Ok(())
    }

    /// Branches with the reference on top if it is of a type, or else if it is not. It stays.
    fn br_on_cast(&mut self, depth: u32, ty: RefType, if_it_is: bool) -> Result<()> {
        let operand = self.pop_operand()?;
        let has_type = self.has_type(operand, ty.heap_type(), ty.is_nullable())?;
        self.push_operand(operand);
        let (block, count) = self.target(depth)?;
        let args = self.branch_args(count)?;
        let next = self.e.b.create_block();
        match if_it_is {
            true => self.ins().brif(has_type, block, &args, next, &[]),
            false => self.ins().brif(has_type, next, &[], block, &args),
        };
        self.go_on_in(next);
        Ok(())
    }

    fn branch_args(&mut self, count: usize) -> Result<Vec<BlockArg>> {
        let args = self.peek_canonical(count)?;
        Ok(args.into_iter().map(BlockArg::Value).collect())
    }

    fn call_ref(&mut self, type_index: u32) -> Result<()> {
        let ty = self.func_type(type_index)?;
        let func_ref = self.pop()?;
        let args = self.pop_canonical(ty.params.len())?;
        let done = self.inline_guesses(type_index, func_ref, &args)?;
        let (code, vmctx) = self.referenced(func_ref);
        self.call_found(type_index, code, vmctx, &args, done)
    }

    /// Code and context of the function of a reference, whose type was validated. Null has no address, so the first
    /// load traps.
    pub fn referenced(&mut self, func_ref: Value) -> (Value, Value) {
        let flags = self.e.flags.nullable;
        let slot = self.ins().load(POINTER, flags, func_ref, ENTRY_CODE);
        let flags = self.e.flags.reference;
        let code = self.ins().load(POINTER, flags, slot, 0);
        let vmctx = self.ins().load(POINTER, flags, func_ref, ENTRY_VMCTX);
        (code, vmctx)
    }
}
