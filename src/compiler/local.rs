//! Locals.
//!
//! In code that is made in little time they lie in the frame: Cranelift has no variables to find the
//! values of, and a form of the function that takes over in a loop finds them all in one place
//! ([`super::tier`]). Elsewhere they are Cranelift's variables.

use super::function::{Result, Translator, parse_error};
use super::signature::{self, POINTER};
use super::tier::Tier;
use crate::module::ValType;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::Variable;
use wasmparser::FunctionBody;

/// Where a local is.
#[derive(Clone, Copy)]
pub(super) struct Local {
    pub place: Place,
    pub ty: ValType,
}

#[derive(Clone, Copy)]
pub(super) enum Place {
    Variable(Variable),
    /// In the frame, at this offset of the slot that [`Translator::frame`] gives.
    Frame(i32),
}

/// Locals at a stretch (bytes) above which they are zeroed in a loop.
const UNROLLED: u32 = 256;
/// Bytes that are zeroed at once.
const ZEROED: u32 = 16;

/// Bytes that a value takes in a frame.
pub(super) fn size(ty: Type) -> u32 {
    ty.bytes().max(8)
}

/// Flags of accesses to a frame. A v128 there is aligned to 8 bytes only.
pub(super) fn frame_flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Translator<'_, '_> {
    pub fn declare_locals(&mut self, body: &FunctionBody<'_>, params: Vec<Value>) -> Result<()> {
        let ty = self.module.function_type(self.body.index);
        for ty in &ty.params {
            self.declare_local(*ty);
        }
        for (index, value) in (0..).zip(params) {
            self.set_local(index, value)?;
        }
        let first = self.body.locals.len();
        let start = self.frame_size;
        for declaration in body.get_locals_reader().map_err(parse_error)? {
            let (count, ty) = declaration.map_err(parse_error)?;
            let ty = self
                .module
                .value_type(ty)
                .ok_or("unsupported type of a local")?;
            for _ in 0..count {
                self.declare_local(ty);
            }
        }
        if self.in_frame() {
            self.zero_frame(start);
            return Ok(());
        }
        let mut zeros: Vec<(ValType, Value)> = Vec::new();
        for index in first..self.body.locals.len() {
            let ty = self.body.locals[index].ty;
            let known = zeros.iter().find(|(other, _)| *other == ty);
            let zero = match known {
                Some((_, zero)) => *zero,
                None => {
                    let zero = self.zero(ty);
                    zeros.push((ty, zero));
                    zero
                }
            };
            self.set_local(index as u32, zero)?;
        }
        Ok(())
    }

    /// Are locals in the frame?
    fn in_frame(&self) -> bool {
        self.tiering.tier == Tier::Baseline
    }

    fn declare_local(&mut self, ty: ValType) {
        let ir_type = signature::ir_type(ty);
        let offset = self.frame_size;
        self.frame_size += size(ir_type);
        let place = if self.in_frame() {
            Place::Frame(offset as i32)
        } else {
            Place::Variable(self.e.b.declare_var(ir_type))
        };
        self.body.locals.push(Local { place, ty });
    }

    /// Zeroes the frame from `start` to its present end.
    fn zero_frame(&mut self, start: u32) {
        let end = self.frame_size;
        if start == end {
            return;
        }
        // What the last store writes too much is room of the frame as well.
        let slot = self.frame(end + ZEROED);
        let zero = self.v128_const([0; 16], types::I8X16);
        if end - start <= UNROLLED {
            for offset in (start..end).step_by(ZEROED as usize) {
                let address = self.ins().stack_addr(POINTER, slot, offset as i32);
                self.ins().store(frame_flags(), zero, address, 0);
            }
            return;
        }
        let first = self.ins().stack_addr(POINTER, slot, start as i32);
        let limit = self.ins().stack_addr(POINTER, slot, end as i32);
        let header = self.e.b.create_block();
        let next = self.e.b.create_block();
        let at = self.e.b.append_block_param(header, POINTER);
        self.e.jump(header, &[first]);
        self.e.b.switch_to_block(header);
        self.ins().store(frame_flags(), zero, at, 0);
        let following = self.ins().iadd_imm_s(at, i64::from(ZEROED));
        let more = self.ins().icmp(IntCC::UnsignedLessThan, following, limit);
        self.ins()
            .brif(more, header, &[BlockArg::Value(following)], next, &[]);
        self.e.b.seal_block(header);
        self.e.b.seal_block(next);
        self.e.b.switch_to_block(next);
    }

    fn local(&self, index: u32) -> Result<Local> {
        let local = self.body.locals.get(index as usize);
        local.copied().ok_or_else(|| "no such local".to_owned())
    }

    /// The value of a local, and its type.
    pub fn get_local(&mut self, index: u32) -> Result<(Value, ValType)> {
        let local = self.local(index)?;
        let value = match local.place {
            Place::Variable(variable) => self.e.b.use_var(variable),
            Place::Frame(offset) => {
                let slot = self.frame(self.frame_size);
                let address = self.ins().stack_addr(POINTER, slot, offset);
                let ty = signature::ir_type(local.ty);
                self.ins().load(ty, frame_flags(), address, 0)
            }
        };
        Ok((value, local.ty))
    }

    /// Sets a local to a value in canonical form.
    pub fn set_local(&mut self, index: u32, value: Value) -> Result<()> {
        match self.local(index)?.place {
            Place::Variable(variable) => self.e.b.def_var(variable, value),
            Place::Frame(offset) => {
                let slot = self.frame(self.frame_size);
                let address = self.ins().stack_addr(POINTER, slot, offset);
                self.ins().store(frame_flags(), value, address, 0);
            }
        }
        Ok(())
    }
}
