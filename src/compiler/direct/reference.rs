//! References: null and not null, casts, those of functions, calls by them, and tables of them.

use super::operand::{IN_RDX, Operand, R10, R11, RAX, RCX, RDX};
use super::{Direct, Result, Unsupported};
use crate::module::canonical::CanonicalType;
use crate::module::{AddressType, FuncType, TableType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, ENTRY_CODE, ENTRY_FUNC_REF, ENTRY_TYPE_ID, ENTRY_VMCTX, EXTERN_TAG, IMPORT_FUNC_REF,
    TABLE_BASE, TABLE_LENGTH,
};
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::{HeapType, Operator};

impl<'a> Direct<'a> {
    /// Translates an operator of this family; false if it is none.
    pub fn reference(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::RefNull { .. } => self.push(Operand::Constant(0)),
            Operator::RefIsNull => {
                self.pop_rax()?;
                self.null_to_eax(true);
                self.push_rax();
            }
            Operator::RefFunc { function_index } => self.ref_func(*function_index)?,
            Operator::RefAsNonNull => {
                let null = self.trap(Trap::NullReference);
                self.pop_rax()?;
                self.jump_if_null(null);
                self.push_rax();
            }
            Operator::BrOnNull { relative_depth } => {
                self.place_rax()?;
                let (null, next) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
                self.jump_if_null(null);
                dynasm!(self.asm ; .arch x64 ; jmp =>next ; =>null);
                let reference = self.pop()?;
                self.branch(*relative_depth)?;
                self.push(reference);
                dynasm!(self.asm ; .arch x64 ; =>next);
            }
            Operator::BrOnNonNull { relative_depth } => {
                self.place_rax()?;
                let null = self.asm.new_dynamic_label();
                self.jump_if_null(null);
                self.branch(*relative_depth)?;
                self.pop()?;
                dynasm!(self.asm ; .arch x64 ; =>null);
            }
            Operator::RefTestNonNull { hty } => self.ref_test(*hty, false)?,
            Operator::RefTestNullable { hty } => self.ref_test(*hty, true)?,
            Operator::RefCastNonNull { hty } => self.ref_cast(*hty, false)?,
            Operator::RefCastNullable { hty } => self.ref_cast(*hty, true)?,
            Operator::BrOnCast {
                relative_depth,
                to_ref_type: ty,
                ..
            } => {
                let no = self.asm.new_dynamic_label();
                self.has_type(ty.heap_type(), ty.is_nullable())?;
                dynasm!(self.asm ; .arch x64 ; test eax, eax ; jz =>no);
                self.branch(*relative_depth)?;
                dynasm!(self.asm ; .arch x64 ; =>no);
            }
            Operator::BrOnCastFail {
                relative_depth,
                to_ref_type: ty,
                ..
            } => {
                let yes = self.asm.new_dynamic_label();
                self.has_type(ty.heap_type(), ty.is_nullable())?;
                dynasm!(self.asm ; .arch x64 ; test eax, eax ; jnz =>yes);
                self.branch(*relative_depth)?;
                dynasm!(self.asm ; .arch x64 ; =>yes);
            }
            Operator::CallRef { type_index } => {
                let ty = self.callee_of_reference(*type_index)?;
                self.call_found(ty)?;
            }
            Operator::ReturnCallRef { type_index } => {
                let ty = self.callee_of_reference(*type_index)?;
                self.return_call_found(ty)?;
            }
            _ => return self.table(operator),
        }
        Ok(true)
    }

    /// Puts all operands into their places, the one on top into rax as well.
    fn place_rax(&mut self) -> Result {
        self.pop_rax()?;
        self.push_rax();
        self.put_all();
        Ok(())
    }

    /// Jumps if the reference in rax is null: 0, or of the host's the mark without a number. (No other kind has that.)
    fn jump_if_null(&mut self, null: DynamicLabel) {
        dynasm!(self.asm ; .arch x64
            ; test rax, rax
            ; jz =>null
            ; mov r10, QWORD EXTERN_TAG
            ; cmp rax, r10
            ; je =>null);
    }

    /// Whether the reference in rax is null, or is not.
    fn null_to_eax(&mut self, is_null: bool) {
        let (null, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        self.jump_if_null(null);
        let (of_null, of_other) = (i32::from(is_null), i32::from(!is_null));
        dynasm!(self.asm ; .arch x64
            ; mov eax, of_other
            ; jmp =>done
            ; =>null
            ; mov eax, of_null
            ; =>done);
    }

    fn ref_func(&mut self, index: u32) -> Result {
        self.free_rax();
        if index < self.module.imported_functions {
            let place = self.offsets.imported_function(index) + IMPORT_FUNC_REF;
            dynasm!(self.asm ; .arch x64 ; mov rax, [r15 + place]);
        } else {
            let position = self.module.func_ref_position(index).ok_or(Unsupported)?;
            let place = self.offsets.func_ref(position);
            dynasm!(self.asm ; .arch x64 ; lea rax, [r15 + place]);
        }
        self.push_rax();
        Ok(())
    }

    /// Whether the reference on top, which stays there, is of a type: in eax. All operands are in their places.
    fn has_type(&mut self, ty: HeapType, nullable: bool) -> Result {
        self.place_rax()?;
        if let HeapType::Concrete(index) = ty {
            let index = index.as_module_index().ok_or(Unsupported)?;
            self.free_registers();
            self.has_declared_type(index, nullable);
            self.come_back();
            return Ok(());
        }
        let heap = self.module.heap_type(ty).ok_or(Unsupported)?;
        match (heap.is_bottom(), nullable) {
            (false, true) => dynasm!(self.asm ; .arch x64 ; mov eax, 1),
            (true, false) => dynasm!(self.asm ; .arch x64 ; xor eax, eax),
            (is_bottom, _) => self.null_to_eax(is_bottom),
        }
        Ok(())
    }

    /// The same of the module's type `index`, for a function in rax.
    fn has_declared_type(&mut self, index: u32, nullable: bool) {
        let canonical = self.module.types.get(index as usize);
        let is_final = canonical.is_some_and(CanonicalType::is_final);
        let (same, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        let wanted = self.offsets.type_id(index);
        let of_null = i32::from(nullable);
        dynasm!(self.asm ; .arch x64
            ; mov rcx, rax
            ; mov eax, of_null
            ; test rcx, rcx
            ; jz =>done
            ; mov edi, [rcx + ENTRY_TYPE_ID]
            ; mov esi, [r15 + wanted]
            ; cmp edi, esi
            ; je =>same);
        if is_final {
            dynasm!(self.asm ; .arch x64 ; xor eax, eax);
        } else {
            self.is_subtype();
        }
        dynasm!(self.asm ; .arch x64 ; jmp =>done ; =>same ; mov eax, 1 ; =>done);
    }

    fn ref_test(&mut self, ty: HeapType, nullable: bool) -> Result {
        self.has_type(ty, nullable)?;
        self.pop()?;
        self.push_rax();
        Ok(())
    }

    fn ref_cast(&mut self, ty: HeapType, nullable: bool) -> Result {
        let other = self.trap(Trap::Cast);
        self.has_type(ty, nullable)?;
        dynasm!(self.asm ; .arch x64 ; test eax, eax ; jz =>other);
        Ok(())
    }

    /// Puts the place of the code of the reference on top into r11 and its context into rdi.
    fn callee_of_reference(&mut self, type_index: u32) -> Result<&'a FuncType> {
        let ty = self.simple_type(type_index)?;
        self.pop_rax()?;
        self.free_registers();
        // Null has no address.
        self.may_trap(Trap::NullReference);
        dynasm!(self.asm ; .arch x64
            ; mov r11, [rax + ENTRY_CODE]
            ; mov rdi, [rax + ENTRY_VMCTX]);
        Ok(ty)
    }

    /// Translates an operator on tables; false if it is none.
    fn table(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::TableGet { table } => {
                let ty = self.table_element(*table)?;
                let offset = match ty.element.is_func() {
                    true => ENTRY_FUNC_REF,
                    false => 0,
                };
                dynasm!(self.asm ; .arch x64 ; mov rax, [rax + offset]);
                self.push_rax();
            }
            Operator::TableSet { table } => self.table_set(*table)?,
            Operator::TableSize { table } => {
                self.free_rax();
                let head = self.offsets.table(*table);
                dynasm!(self.asm ; .arch x64 ; mov rax, [r15 + head] ; mov rax, [rax + TABLE_LENGTH]);
                self.push_rax();
            }
            Operator::TableGrow { table } => {
                let ty = self.table_type(*table)?;
                self.free_registers();
                self.pop_address(RDX, ty.address)?;
                self.pop_to(RCX)?;
                dynasm!(self.asm ; .arch x64 ; mov esi, *table as i32);
                self.call_builtin(Builtin::TableGrow);
                self.come_back();
                self.push_rax();
            }
            Operator::TableFill { table } => {
                let address = self.table_type(*table)?.address;
                // The reference is a whole word.
                let types = [address, AddressType::I64, address];
                self.bulk(Builtin::TableFill, &[*table], types)?;
            }
            Operator::TableCopy {
                dst_table,
                src_table,
            } => {
                let to = self.table_type(*dst_table)?.address;
                let from = self.table_type(*src_table)?.address;
                let indices = [*dst_table, *src_table];
                let types = [to, from, super::memory::narrower(to, from)];
                self.bulk(Builtin::TableCopy, &indices, types)?;
            }
            Operator::TableInit { elem_index, table } => {
                let address = self.table_type(*table)?.address;
                let types = [address, AddressType::I32, AddressType::I32];
                self.bulk(Builtin::TableInit, &[*table, *elem_index], types)?;
            }
            Operator::ElemDrop { elem_index } => {
                self.free_registers();
                dynasm!(self.asm ; .arch x64 ; mov esi, *elem_index as i32);
                self.call_builtin(Builtin::ElemDrop);
                self.come_back();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn table_type(&self, table: u32) -> Result<TableType> {
        self.module
            .tables
            .get(table as usize)
            .copied()
            .ok_or(Unsupported)
    }

    /// Pops an index and puts the address of that element, checked, into rax; the table's type.
    pub fn table_element(&mut self, table: u32) -> Result<TableType> {
        let ty = self.table_type(table)?;
        self.pop_address(RAX, ty.address)?;
        let outside = self.trap(Trap::TableOutOfBounds);
        let head = self.offsets.table(table);
        // Sizes of elements: see `TABLE_ENTRY_SIZE`, `EXTERN_ENTRY_SIZE`.
        let shift = if ty.element.is_func() { 5 } else { 3 };
        dynasm!(self.asm ; .arch x64
            ; mov r10, [r15 + head]
            ; cmp rax, [r10 + TABLE_LENGTH]
            ; jae =>outside);
        let guards = self.module.features.spectre_guards;
        if guards {
            // All ones if it is inside.
            dynasm!(self.asm ; .arch x64 ; sbb r11, r11);
        }
        dynasm!(self.asm ; .arch x64 ; shl rax, shift ; add rax, [r10 + TABLE_BASE]);
        if guards {
            dynasm!(self.asm ; .arch x64 ; and rax, r11);
        }
        Ok(ty)
    }

    /// A function is stored with the parts of it that calls need. Null is all zero.
    fn table_set(&mut self, table: u32) -> Result {
        self.pop_to(RCX)?;
        let ty = self.table_element(table)?;
        self.evict(IN_RDX);
        if !ty.element.is_func() {
            dynasm!(self.asm ; .arch x64 ; mov [rax], rcx);
            return Ok(());
        }
        let parts = [(ENTRY_TYPE_ID, RDX), (ENTRY_CODE, R10), (ENTRY_VMCTX, R11)];
        let (null, store) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        dynasm!(self.asm ; .arch x64 ; test rcx, rcx ; jz =>null);
        for (offset, register) in parts {
            dynasm!(self.asm ; .arch x64 ; mov Rq(register), [rcx + offset]);
        }
        dynasm!(self.asm ; .arch x64 ; jmp =>store ; =>null);
        for (_, register) in parts {
            dynasm!(self.asm ; .arch x64 ; xor Rd(register), Rd(register));
        }
        dynasm!(self.asm ; .arch x64 ; =>store);
        for (offset, register) in parts {
            dynasm!(self.asm ; .arch x64 ; mov [rax + offset], Rq(register));
        }
        dynasm!(self.asm ; .arch x64 ; mov [rax + ENTRY_FUNC_REF], rcx);
        Ok(())
    }
}
