//! Tables.

use super::function::{Result, Translator};
use super::signature::POINTER;
use crate::module::TableType;
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, ENTRY_CODE, ENTRY_FUNC_REF, ENTRY_TYPE_ID, ENTRY_VMCTX, EXTERN_ENTRY_SIZE, TABLE_BASE,
    TABLE_ENTRY_SIZE, TABLE_LENGTH,
};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use wasmparser::Operator;

impl<'a> Translator<'a, '_> {
    /// Translates an operator of this family; false if it is none.
    pub fn table(&mut self, operator: &Operator<'a>) -> Result<bool> {
        match operator {
            Operator::TableGet { table } => self.table_get(*table)?,
            Operator::TableSet { table } => self.table_set(*table)?,
            Operator::TableSize { table } => {
                let ty = self.table_type(*table)?;
                let length = match self.fixed_length(ty) {
                    Some(length) => self.ins().iconst(POINTER, length as i64),
                    None => self.table_length(*table),
                };
                self.push_address(length, ty.address);
            }
            Operator::TableGrow { table } => {
                let ty = self.table_type(*table)?;
                let delta = self.pop()?;
                let delta = self.extended(delta);
                let init = self.pop()?;
                let args = self.builtin_args(&[*table], &[delta, init]);
                let before = self.e.call_builtin_value(Builtin::TableGrow, &args)?;
                self.push_address(before, ty.address);
            }
            Operator::TableFill { table } => self.bulk(Builtin::TableFill, &[*table])?,
            Operator::TableCopy {
                dst_table,
                src_table,
            } => self.bulk(Builtin::TableCopy, &[*dst_table, *src_table])?,
            Operator::TableInit { elem_index, table } => {
                self.bulk(Builtin::TableInit, &[*table, *elem_index])?;
            }
            Operator::ElemDrop { elem_index } => {
                let args = self.builtin_args(&[*elem_index], &[]);
                self.e.call_builtin(Builtin::ElemDrop, &args);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn table_type(&self, table: u32) -> Result<TableType> {
        let ty = self.module.tables.get(table as usize);
        ty.copied().ok_or_else(|| "no such table".to_owned())
    }

    /// The length of a table that cannot grow. An imported table's type is at least as narrow as the
    /// declared one.
    fn fixed_length(&self, ty: TableType) -> Option<u64> {
        (ty.limits.max == Some(ty.limits.min)).then_some(ty.limits.min)
    }

    fn table_length(&mut self, table: u32) -> Value {
        let head = self.e.fixed(POINTER, self.offsets.table(table));
        let flags = self.e.flags.head;
        self.ins().load(POINTER, flags, head, TABLE_LENGTH)
    }

    /// The address of element `index`, checked.
    pub fn table_element(&mut self, table: u32, index: Value) -> Result<Value> {
        let ty = self.table_type(table)?;
        let fixed_length = self.fixed_length(ty);
        let wide = self.extended(index);
        let inside = match fixed_length {
            Some(length) => {
                let length = length as i64;
                self.ins().icmp_imm_u(IntCC::UnsignedLessThan, wide, length)
            }
            None => {
                let length = self.table_length(table);
                self.ins().icmp(IntCC::UnsignedLessThan, wide, length)
            }
        };
        self.trap_unless(inside, Trap::TableOutOfBounds);
        let head = self.e.fixed(POINTER, self.offsets.table(table));
        let flags = match fixed_length {
            Some(_) => self.e.flags.fixed,
            None => self.e.flags.head,
        };
        let base = self.ins().load(POINTER, flags, head, TABLE_BASE);
        let size = match ty.element.is_func() {
            true => TABLE_ENTRY_SIZE,
            false => EXTERN_ENTRY_SIZE,
        };
        let shift = i64::from(size.trailing_zeros());
        let offset = self.ins().ishl_imm_u(wide, shift);
        let element = self.ins().iadd(base, offset);
        Ok(self.guarded(inside, element))
    }

    fn table_get(&mut self, table: u32) -> Result<()> {
        let ty = self.table_type(table)?.element;
        let index = self.pop()?;
        let element = self.table_element(table, index)?;
        let offset = if ty.is_func() { ENTRY_FUNC_REF } else { 0 };
        let flags = self.e.flags.table;
        let value = self.ins().load(types::I64, flags, element, offset);
        self.push_typed(value, ty);
        Ok(())
    }

    fn table_set(&mut self, table: u32) -> Result<()> {
        let ty = self.table_type(table)?.element;
        let value = self.pop()?;
        let index = self.pop()?;
        let element = self.table_element(table, index)?;
        if ty.is_func() {
            self.store_func_ref(element, value);
        } else {
            let flags = self.e.flags.table;
            self.ins().store(flags, value, element, 0);
        }
        Ok(())
    }

    /// Stores a funcref with the parts of it that calls need. Null is all zero.
    fn store_func_ref(&mut self, element: Value, func_ref: Value) {
        let parts = [ENTRY_TYPE_ID, ENTRY_CODE, ENTRY_VMCTX];
        let present = self.e.b.create_block();
        let null = self.e.b.create_block();
        let done = self.e.b.create_block();
        let merged: Vec<Value> = parts
            .iter()
            .map(|_| self.e.b.append_block_param(done, types::I64))
            .collect();
        self.ins().brif(func_ref, present, &[], null, &[]);
        self.e.b.seal_block(present);
        self.e.b.seal_block(null);

        self.e.b.switch_to_block(present);
        let flags = self.e.flags.reference;
        let words: Vec<Value> = parts
            .iter()
            .map(|offset| self.ins().load(types::I64, flags, func_ref, *offset))
            .collect();
        self.e.jump(done, &words);

        self.e.b.switch_to_block(null);
        let zero = self.ins().iconst(types::I64, 0);
        self.e.jump(done, &vec![zero; parts.len()]);

        self.e.b.seal_block(done);
        self.e.b.switch_to_block(done);
        let flags = self.e.flags.table;
        for (word, offset) in merged.into_iter().zip(parts) {
            self.ins().store(flags, word, element, offset);
        }
        self.ins().store(flags, func_ref, element, ENTRY_FUNC_REF);
    }
}
