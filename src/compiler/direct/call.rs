//! Calls.

use super::frame::{FLOAT_PARAMS, INTEGER_PARAMS, is_float, stack_arguments};
use super::operand::RAX;
use super::{Direct, Result, Unsupported};
use crate::module::canonical::CanonicalType;
use crate::module::{FuncType, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    ENTRY_CODE, ENTRY_TYPE_ID, ENTRY_VMCTX, IMPORT_CODE, IMPORT_VMCTX, VMCTX_CODE_TABLE,
};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// Parameters above which a call is left to Cranelift.
const MAX_PARAMS: usize = 100;

/// Are parameters and results of this type passed in a way that is known here?
pub fn is_simple(ty: &FuncType) -> bool {
    let mut all = ty.params.iter().chain(&*ty.results);
    ty.results.len() <= 1 && ty.params.len() <= MAX_PARAMS && all.all(|ty| *ty != ValType::V128)
}

impl Direct<'_> {
    /// Translates a call; false if it is none.
    pub fn call(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::Call { function_index } => self.call_function(*function_index)?,
            Operator::CallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(*type_index, *table_index)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Loads the arguments into their registers; only rax, r10 and r11 are free afterwards.
    fn arguments(&mut self, ty: &FuncType) -> Result {
        self.free_registers();
        let count = ty.params.len();
        let first = self.stack.len().checked_sub(count).ok_or(Unsupported)?;
        let (mut integers, mut floats) = (INTEGER_PARAMS.iter(), FLOAT_PARAMS.iter());
        let size = stack_arguments(ty);
        if size != 0 {
            dynasm!(self.asm ; .arch x64 ; sub rsp, size);
            self.pushed = size;
        }
        let mut place = 0;
        for (i, ty) in ty.params.iter().enumerate() {
            let height = first + i;
            let operand = self.stack[height];
            let register = match is_float(*ty) {
                true => floats.next(),
                false => integers.next(),
            };
            match register.copied() {
                Some(register) if is_float(*ty) => self.load_xmm(operand, height, register),
                Some(register) => self.load(operand, height, register),
                None => {
                    self.load(operand, height, RAX);
                    dynasm!(self.asm ; .arch x64 ; mov [rsp + place], rax);
                    place += 8;
                }
            }
        }
        // The callee drops them.
        self.pushed = 0;
        self.stack.truncate(first);
        self.placed = self.placed.min(first);
        Ok(())
    }

    fn results(&mut self, ty: &FuncType) {
        match ty.results.first() {
            None => {}
            Some(ty) if is_float(*ty) => self.push_xmm0(),
            Some(_) => self.push_rax(),
        }
    }

    fn call_function(&mut self, index: u32) -> Result {
        let module = self.module;
        let ty = *module.functions.get(index as usize).ok_or(Unsupported)?;
        let ty = module.types.get(ty as usize).ok_or(Unsupported)?;
        if !is_simple(ty) {
            return Err(Unsupported);
        }
        self.arguments(ty)?;
        match index.checked_sub(module.imported_functions) {
            Some(defined) => {
                let offset = i32::try_from(8 * i64::from(defined)).map_err(|_| Unsupported)?;
                dynasm!(self.asm ; .arch x64
                    ; mov rdi, r15
                    ; mov rax, [r15 + VMCTX_CODE_TABLE]
                    ; call QWORD [rax + offset]);
            }
            // A host function has an adapter, which is found in the same way.
            None => {
                let place = self.offsets.imported_function(index);
                let (code, vmctx) = (place + IMPORT_CODE, place + IMPORT_VMCTX);
                dynasm!(self.asm ; .arch x64
                    ; mov rax, [r15 + code]
                    ; mov rdi, [r15 + vmctx]
                    ; call QWORD [rax]);
            }
        }
        self.called();
        self.may_throw();
        self.results(ty);
        Ok(())
    }

    fn call_indirect(&mut self, type_index: u32, table: u32) -> Result {
        let module = self.module;
        let ty = module.types.get(type_index as usize).ok_or(Unsupported)?;
        let canonical = module.canonical_types.get(type_index as usize);
        if !is_simple(ty) || !canonical.is_some_and(CanonicalType::is_final) {
            return Err(Unsupported);
        }
        let type_id = self.offsets.type_id(type_index);
        self.table_element(table)?;
        // Arguments in xmm0 go to their places without rax.
        self.free_xmm0();
        let wrong = self.trap(Trap::IndirectCall);
        dynasm!(self.asm ; .arch x64
            ; mov r11d, [r15 + type_id]
            ; cmp [rax + ENTRY_TYPE_ID], r11d
            ; jne =>wrong
            ; mov r11, [rax + ENTRY_CODE]
            ; mov rdi, [rax + ENTRY_VMCTX]);
        if module.features.spectre_guards {
            dynasm!(self.asm ; .arch x64 ; mov r10d, 0 ; cmovne r11, r10);
        }
        self.call_found(ty)
    }

    /// Calls the function whose place of code is in r11 and whose context is in rdi.
    pub fn call_found(&mut self, ty: &FuncType) -> Result {
        self.arguments(ty)?;
        dynasm!(self.asm ; .arch x64 ; call QWORD [r11]);
        self.called();
        self.may_throw();
        self.results(ty);
        Ok(())
    }
}
