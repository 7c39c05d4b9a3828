//! Calls.

use super::function::{Result, Translator};
use super::signature::{self, POINTER};
use super::tier::Tier;
use crate::module::FuncType;
use crate::module::canonical::CanonicalType;
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, ENTRY_CODE, ENTRY_FUNC_REF, ENTRY_TYPE_ID, ENTRY_VMCTX, IMPORT_CODE, IMPORT_HOST,
    IMPORT_VMCTX, VMCTX_CODE_TABLE,
};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    Block, ExtFuncData, ExternalName, FuncRef, InstBuilder, SigRef, UserExternalName, Value, types,
};
use wasmparser::Operator;

impl<'a> Translator<'a, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn call(&mut self, operator: &Operator<'a>) -> Result<bool> {
        match operator {
            Operator::Call { function_index } => self.call_function(*function_index)?,
            Operator::CallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(*type_index, *table_index)?,
            _ => return self.tail_call(operator),
        }
        Ok(true)
    }

    fn call_function(&mut self, index: u32) -> Result<()> {
        let type_index = self.callee_type(index)?;
        let ty = self.func_type(type_index)?;
        let args = self.pop_canonical(ty.params.len())?;
        let results = match index.checked_sub(self.module.imported_functions) {
            None => self.call_import(index, type_index, ty, &args)?,
            Some(_) if self.inlines(index)? => return self.inline(index, args),
            // The other forms must not stay among themselves: one would never be replaced, and the other is
            // called with an address.
            Some(_) if index == self.function && self.tiering.tier == Tier::Optimized => {
                let args = self.with_context(self.e.vmctx, &args);
                let itself = self.itself(ty);
                self.e.call_throwing_function(itself, &args)
            }
            Some(defined) => {
                let code = self.code_of(defined)?;
                let signature = self.guest_signature(type_index)?;
                self.call_code(signature, code, self.e.vmctx, &args)
            }
        };
        self.push_all(&results, &ty.results);
        Ok(())
    }

    /// The code of defined function `defined`.
    pub fn code_of(&mut self, defined: u32) -> Result<Value> {
        let offset = i32::try_from(8 * i64::from(defined));
        let offset = offset.map_err(|_| "code table too large")?;
        let table = self.e.fixed(POINTER, VMCTX_CODE_TABLE);
        let flags = self.e.flags.reference;
        Ok(self.ins().load(POINTER, flags, table, offset))
    }

    pub fn func_type(&self, index: u32) -> Result<&'a FuncType> {
        let ty = self.module.func_type(index);
        ty.ok_or_else(|| "no such type".to_owned())
    }

    pub fn with_context(&self, vmctx: Value, args: &[Value]) -> Vec<Value> {
        std::iter::once(vmctx).chain(args.iter().copied()).collect()
    }

    pub fn call_code(
        &mut self,
        signature: SigRef,
        code: Value,
        vmctx: Value,
        args: &[Value],
    ) -> Vec<Value> {
        let args = self.with_context(vmctx, args);
        self.e.call_throwing(signature, code, &args)
    }

    /// The function as a callee of itself. It is the one call that does not go through the code
    /// table: nothing replaces this form of it.
    fn itself(&mut self, ty: &FuncType) -> FuncRef {
        if let Some(itself) = self.itself {
            return itself;
        }
        let signature = self.e.b.import_signature(signature::guest(ty));
        let name = UserExternalName::new(0, self.function);
        let name = self.e.b.func.declare_imported_user_function(name);
        let itself = self.e.b.import_function(ExtFuncData {
            name: ExternalName::user(name),
            signature,
            colocated: true,
            patchable: false,
        });
        self.itself = Some(itself);
        itself
    }

    /// Calls imported function `import`, which is known at instantiation to be of the host or of wasm.
    fn call_import(
        &mut self,
        import: u32,
        type_index: u32,
        ty: &FuncType,
        args: &[Value],
    ) -> Result<Vec<Value>> {
        let done = self.e.b.create_block();
        self.e.append_params(done, &ty.results);
        let (host, of_host, of_wasm) = self.import_kind(import);

        self.e.b.switch_to_block(of_host);
        let results = self.e.host_call(host, args, &ty.params, &ty.results)?;
        self.e.jump(done, &results);

        self.e.b.switch_to_block(of_wasm);
        let (code, vmctx) = self.imported_code(import);
        let signature = self.guest_signature(type_index)?;
        let results = self.call_code(signature, code, vmctx, args);
        self.e.jump(done, &results);

        self.e.b.seal_block(done);
        self.e.b.switch_to_block(done);
        Ok(self.e.b.block_params(done).to_vec())
    }

    /// Branches by what import `import` is: the host's number of it, and the blocks where it is of the host and
    /// of wasm.
    pub fn import_kind(&mut self, import: u32) -> (Value, Block, Block) {
        let place = self.offsets.imported_function(import);
        let host = self.e.fixed(types::I32, place + IMPORT_HOST);
        let of_host = self.e.b.create_block();
        let of_wasm = self.e.b.create_block();
        self.ins().brif(host, of_host, &[], of_wasm, &[]);
        self.e.b.seal_block(of_host);
        self.e.b.seal_block(of_wasm);
        (host, of_host, of_wasm)
    }

    /// Code and context of an import that is of wasm.
    pub fn imported_code(&mut self, import: u32) -> (Value, Value) {
        let place = self.offsets.imported_function(import);
        let slot = self.e.fixed(POINTER, place + IMPORT_CODE);
        let flags = self.e.flags.reference;
        let code = self.ins().load(POINTER, flags, slot, 0);
        (code, self.e.fixed(POINTER, place + IMPORT_VMCTX))
    }

    fn call_indirect(&mut self, type_index: u32, table: u32) -> Result<()> {
        let ty = self.func_type(type_index)?;
        let index = self.pop()?;
        let entry = self.table_element(table, index)?;
        let args = self.pop_canonical(ty.params.len())?;
        let flags = self.e.flags.table;
        let func_ref = self.ins().load(POINTER, flags, entry, ENTRY_FUNC_REF);
        let done = self.inline_guesses(type_index, func_ref, &args)?;
        let (code, vmctx) = self.indirect_callee(type_index, entry)?;
        self.call_found(type_index, code, vmctx, &args, done)
    }

    /// Calls what is none of the guesses, whose results come to `done`.
    pub fn call_found(
        &mut self,
        type_index: u32,
        code: Value,
        vmctx: Value,
        args: &[Value],
        done: Option<Block>,
    ) -> Result<()> {
        let signature = self.guest_signature(type_index)?;
        let mut results = self.call_code(signature, code, vmctx, args);
        if let Some(done) = done {
            self.e.jump(done, &results);
            self.go_on_in(done);
            results = self.e.b.block_params(done).to_vec();
        }
        self.push_all(&results, &self.func_type(type_index)?.results);
        Ok(())
    }

    /// Code and context of the function in a table's element, which must have this type.
    pub fn indirect_callee(&mut self, type_index: u32, entry: Value) -> Result<(Value, Value)> {
        let flags = self.e.flags.table;
        let found = self.ins().load(types::I32, flags, entry, ENTRY_TYPE_ID);
        let wanted = self.e.fixed(types::I32, self.offsets.type_id(type_index));
        let same = self.ins().icmp(IntCC::Equal, found, wanted);
        // Null has a type that no function has.
        let fits = match self.is_final(type_index) {
            true => {
                self.trap_unless(same, Trap::IndirectCall);
                same
            }
            false => self.trap_unless_subtype(same, found, wanted)?,
        };
        let slot = self.ins().load(POINTER, flags, entry, ENTRY_CODE);
        let slot = self.guarded(fits, slot);
        let code_flags = self.e.flags.reference;
        let code = self.ins().load(POINTER, code_flags, slot, 0);
        let vmctx = self.ins().load(POINTER, flags, entry, ENTRY_VMCTX);
        Ok((code, vmctx))
    }

    /// Are there certainly no subtypes of the module's type `index`?
    pub fn is_final(&self, index: u32) -> bool {
        let ty = self.module.types.get(index as usize);
        ty.is_some_and(CanonicalType::is_final)
    }

    /// Traps unless the types are the `same` or one is a subtype of the other, which is rare; what says so.
    fn trap_unless_subtype(&mut self, same: Value, found: Value, wanted: Value) -> Result<Value> {
        let other = self.e.b.create_block();
        let next = self.e.b.create_block();
        let fits = self.e.b.append_block_param(next, types::I32);
        self.e.b.set_cold_block(other);
        let is_same = self.ins().uextend(types::I32, same);
        self.ins().brif(same, next, &[is_same.into()], other, &[]);
        self.e.b.seal_block(other);
        self.e.b.switch_to_block(other);
        let args = [found, wanted];
        let is_subtype = self.e.call_builtin_value(Builtin::IsSubtype, &args)?;
        self.trap_unless(is_subtype, Trap::IndirectCall);
        self.e.jump(next, &[is_subtype]);
        self.go_on_in(next);
        Ok(fits)
    }
}
