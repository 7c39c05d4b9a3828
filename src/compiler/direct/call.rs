//! Calls, and tail calls, whose callee returns to this function's caller.

use super::frame::{FLOAT_PARAMS, INTEGER_PARAMS, is_float, stack_arguments};
use super::moves::{Moves, Step};
use super::operand::{Operand, R10, RAX, words};
use super::{Direct, Result, Unsupported};
use crate::module::canonical::CanonicalType;
use crate::module::{FuncType, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, ENTRY_CODE, ENTRY_TYPE_ID, ENTRY_VMCTX, IMPORT_CODE, IMPORT_VMCTX, VMCTX_BUILTINS,
    VMCTX_CODE_TABLE,
};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// Parameters above which a call is left to Cranelift.
const MAX_PARAMS: usize = 100;

/// Are parameters and results of this type passed in a way that is known here?
pub fn is_simple(ty: &FuncType) -> bool {
    let floats = ty.params.iter().filter(|ty| is_float(**ty)).count();
    // A vector on the stack would have two words there.
    let in_registers = floats <= FLOAT_PARAMS.len() || !ty.params.contains(&ValType::V128);
    ty.results.len() <= 1 && ty.params.len() <= MAX_PARAMS && in_registers
}

/// The types of parameters with the registers that they are passed in; the others are on the stack.
fn registers(ty: &FuncType) -> impl Iterator<Item = (ValType, Option<u8>)> {
    let (mut integers, mut floats) = (INTEGER_PARAMS.iter(), FLOAT_PARAMS.iter());
    ty.params.iter().map(move |ty| {
        let register = match is_float(*ty) {
            true => floats.next(),
            false => integers.next(),
        };
        (*ty, register.copied())
    })
}

impl<'a> Direct<'a> {
    /// Translates a call; false if it is none.
    pub fn call(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::Call { function_index } => self.call_function(*function_index)?,
            Operator::CallIndirect {
                type_index,
                table_index,
            } => {
                let ty = self.indirect_callee(*type_index, *table_index)?;
                self.call_found(ty)?;
            }
            Operator::ReturnCall { function_index } => self.return_call(*function_index)?,
            Operator::ReturnCallIndirect {
                type_index,
                table_index,
            } => {
                let ty = self.indirect_callee(*type_index, *table_index)?;
                self.return_call_found(ty)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Loads the arguments into their registers; only rax, r10 and r11 are free afterwards. If registers were freed before,
    /// what is in rdi and r11 stays there.
    fn arguments(&mut self, ty: &FuncType) -> Result {
        let count = ty.params.iter().map(|ty| words(*ty).len()).sum();
        let first = self.stack.len().checked_sub(count).ok_or(Unsupported)?;
        self.save(first);
        let (mut integers, mut floats) = (Moves::default(), Moves::default());
        let mut height = first;
        for (ty, register) in registers(ty) {
            match (self.registers.now(self.stack[height]), register) {
                (Operand::Register(from), Some(to)) if !is_float(ty) => integers.add(to, from),
                (Operand::Float(from), Some(to)) if is_float(ty) => floats.add(to, from),
                (Operand::Register(_) | Operand::Float(_), _) => self.put(height),
                _ => {}
            }
            height += words(ty).len();
        }
        let size = stack_arguments(ty);
        if size != 0 {
            dynasm!(self.asm ; .arch x64 ; sub rsp, size);
            self.pushed = size;
        }
        while let Some(step) = integers.next() {
            match step {
                Step::Move(to, from) => dynasm!(self.asm ; .arch x64 ; mov Rq(to), Rq(from)),
                Step::Exchange(to, from) => dynasm!(self.asm ; .arch x64 ; xchg Rq(to), Rq(from)),
            }
        }
        while let Some(step) = floats.next() {
            match step {
                Step::Move(to, from) => dynasm!(self.asm ; .arch x64 ; movaps Rx(to), Rx(from)),
                Step::Exchange(to, from) => dynasm!(self.asm ; .arch x64
                    ; movaps xmm15, Rx(to)
                    ; movaps Rx(to), Rx(from)
                    ; movaps Rx(from), xmm15),
            }
        }
        let mut place = 0;
        let mut height = first;
        for (ty, register) in registers(ty) {
            let operand = self.stack[height];
            self.registers.release(operand);
            match (self.registers.now(operand), register) {
                (Operand::Register(_) | Operand::Float(_), _) => {}
                (_, Some(register)) if ty == ValType::V128 => {
                    self.load_vector(operand, height, register);
                }
                (_, Some(register)) if is_float(ty) => self.load_xmm(operand, height, register),
                (_, Some(register)) => self.load(operand, height, register),
                (_, None) => {
                    self.load(operand, height, RAX);
                    to_frame!(self.asm, mov QWORD place, rax);
                    place += 8;
                }
            }
            height += words(ty).len();
        }
        // The callee drops them.
        self.pushed = 0;
        self.stack.truncate(first);
        self.placed = self.placed.min(first);
        self.registers.go_away();
        Ok(())
    }

    fn results(&mut self, ty: &FuncType) {
        match ty.results.first() {
            None => {}
            Some(ValType::V128) => self.push_vector(),
            Some(ty) if is_float(*ty) => self.push_xmm0(),
            Some(_) => self.push_rax(),
        }
    }

    fn function_type(&self, index: u32) -> Result<&'a FuncType> {
        let ty = self.module.functions.get(index as usize);
        self.simple_type(*ty.ok_or(Unsupported)?)
    }

    /// The module's type `index`, if it is simple.
    pub fn simple_type(&self, index: u32) -> Result<&'a FuncType> {
        let ty = self.module.func_type(index);
        ty.filter(|ty| is_simple(ty)).ok_or(Unsupported)
    }

    fn call_function(&mut self, index: u32) -> Result {
        let ty = self.function_type(index)?;
        self.arguments(ty)?;
        let offset = self.callee(index)?;
        dynasm!(self.asm ; .arch x64 ; call QWORD [rax + offset]);
        self.called();
        self.may_throw();
        self.come_back();
        self.results(ty);
        Ok(())
    }

    /// Puts the context of a function into rdi and what its place of code is found from into rax; the offset.
    fn callee(&mut self, index: u32) -> Result<i32> {
        match index.checked_sub(self.module.imported_functions) {
            Some(defined) => {
                dynasm!(self.asm ; .arch x64 ; mov rdi, r15 ; mov rax, [r15 + VMCTX_CODE_TABLE]);
                i32::try_from(8 * i64::from(defined)).map_err(|_| Unsupported)
            }
            // A host function has an adapter, which is found in the same way.
            None => {
                let place = self.offsets.imported_function(index);
                let (code, vmctx) = (place + IMPORT_CODE, place + IMPORT_VMCTX);
                dynasm!(self.asm ; .arch x64 ; mov rax, [r15 + code] ; mov rdi, [r15 + vmctx]);
                Ok(0)
            }
        }
    }

    /// Puts the place of the code of a table's element, which must be of this type, into r11 and its context into rdi.
    fn indirect_callee(&mut self, type_index: u32, table: u32) -> Result<&'a FuncType> {
        let ty = self.simple_type(type_index)?;
        let canonical = self.module.types.get(type_index as usize);
        let wanted = self.offsets.type_id(type_index);
        self.table_element(table)?;
        let wrong = self.trap(Trap::IndirectCall);
        if canonical.is_some_and(CanonicalType::is_final) {
            self.free_registers();
            dynasm!(self.asm ; .arch x64
                ; mov r10, rax
                ; mov r11d, [r15 + wanted]
                ; cmp [r10 + ENTRY_TYPE_ID], r11d
                ; jne =>wrong);
        } else {
            // Meanwhile the element's address is an operand.
            self.push_rax();
            self.put_all();
            self.free_registers();
            let same = self.asm.new_dynamic_label();
            dynasm!(self.asm ; .arch x64
                ; mov edi, [rax + ENTRY_TYPE_ID]
                ; mov esi, [r15 + wanted]
                ; xor eax, eax
                ; cmp edi, esi
                ; je =>same);
            self.is_subtype();
            dynasm!(self.asm ; .arch x64
                ; xor eax, 1
                ; =>same
                ; test eax, eax
                ; jnz =>wrong);
            self.pop_to(R10)?;
        }
        dynasm!(self.asm ; .arch x64
            ; mov r11, [r10 + ENTRY_CODE]
            ; mov rdi, [r10 + ENTRY_VMCTX]);
        if self.module.features.spectre_guards {
            // By the flags of the compare above.
            dynasm!(self.asm ; .arch x64 ; mov r10d, 0 ; cmovne r11, r10);
        }
        Ok(ty)
    }

    /// Whether the type in edi is a subtype of that in esi: in eax. All operands are in their places.
    pub fn is_subtype(&mut self) {
        let offset = 8 * Builtin::IsSubtype as i32;
        dynasm!(self.asm ; .arch x64 ; mov rax, [r15 + VMCTX_BUILTINS] ; call QWORD [rax + offset]);
        self.called();
    }

    /// Calls the function whose place of code is in r11 and whose context is in rdi.
    pub fn call_found(&mut self, ty: &FuncType) -> Result {
        self.arguments(ty)?;
        dynasm!(self.asm ; .arch x64 ; call QWORD [r11]);
        self.called();
        self.may_throw();
        self.come_back();
        self.results(ty);
        Ok(())
    }

    fn return_call(&mut self, index: u32) -> Result {
        let ty = self.function_type(index)?;
        self.arguments(ty)?;
        let offset = self.callee(index)?;
        dynasm!(self.asm ; .arch x64 ; lea r11, [rax + offset]);
        self.leave_to_callee(ty);
        Ok(())
    }

    /// Has the function take this one's place whose place of code is in r11 and whose context is in rdi.
    pub fn return_call_found(&mut self, ty: &FuncType) -> Result {
        self.arguments(ty)?;
        self.leave_to_callee(ty);
        Ok(())
    }

    /// Leaves the frame and jumps to the code whose place is in r11. Its arguments on the stack come to where this
    /// function's end, which it drops, and below them the place to return to.
    fn leave_to_callee(&mut self, ty: &FuncType) {
        self.reachable = false;
        dynasm!(self.asm ; .arch x64
            ; mov r11, [r11]);
        self.restore_kept();
        let (own, size) = (stack_arguments(self.ty), stack_arguments(ty));
        if own == 0 && size == 0 {
            dynasm!(self.asm ; .arch x64 ; leave ; jmp r11);
            return;
        }
        let shift = own - size;
        dynasm!(self.asm ; .arch x64 ; mov rax, [rbp] ; mov r10, [rbp + 8]);
        // Upwards, so the last first: what is written may be the frame.
        for offset in (0..size).step_by(8).rev() {
            dynasm!(self.asm ; .arch x64
                ; movsd xmm15, [rsp + offset]
                ; movsd [rbp + (16 + shift + offset)], xmm15);
        }
        dynasm!(self.asm ; .arch x64
            ; mov [rbp + (8 + shift)], r10
            ; lea rsp, [rbp + (8 + shift)]
            ; mov rbp, rax
            ; jmp r11);
    }
}
