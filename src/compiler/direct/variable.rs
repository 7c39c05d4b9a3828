//! Locals, globals and the stack.

use super::frame::is_float;
use super::operand::{IN_RAX, IN_XMM0, Operand, R10, R15, RCX, words};
use super::{Direct, Result, Unsupported};
use crate::module::ValType;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// A local.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    pub ty: ValType,
    /// Its first word among those of all locals.
    pub word: usize,
    pub home: Home,
}

/// Where a local is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Frame,
    Register(u8),
    Float(u8),
}

impl Local {
    pub fn is_vector(&self) -> bool {
        self.ty == ValType::V128
    }

    /// What it is as an operand.
    pub fn operand(&self) -> Operand {
        match self.home {
            Home::Frame => Operand::Local(self.word),
            Home::Register(number) => Operand::register(number),
            Home::Float(number) => Operand::float(number),
        }
    }
}

impl Direct<'_> {
    pub fn add_locals(&mut self, count: u32, ty: ValType) {
        for _ in 0..count {
            let word = self.local_words;
            let home = Home::Frame;
            self.locals.push(Local { ty, word, home });
            self.local_words += words(ty).len();
        }
    }

    pub fn local(&self, index: u32) -> Result<Local> {
        let local = self.locals.get(index as usize);
        local.copied().ok_or(Unsupported)
    }

    pub fn local_place(&self, word: usize) -> i32 {
        self.pushed + 8 * word as i32
    }

    /// Translates an operator on locals, globals and the stack; false if it is none.
    pub fn variable(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::LocalGet { local_index } => {
                let local = self.local(*local_index)?;
                self.push(local.operand());
                if local.is_vector() {
                    self.push(Operand::Upper);
                }
            }
            Operator::LocalSet { local_index } => self.set_local(*local_index, false)?,
            Operator::LocalTee { local_index } => self.set_local(*local_index, true)?,
            Operator::GlobalGet { global_index } => {
                let (base, offset, ty) = self.global_place(*global_index)?;
                if ty == ValType::V128 {
                    self.free_xmm0();
                    dynasm!(self.asm ; .arch x64 ; movups xmm0, [Rq(base) + offset]);
                    self.push_vector();
                } else if is_float(ty) {
                    self.free_xmm0();
                    dynasm!(self.asm ; .arch x64 ; movsd xmm0, [Rq(base) + offset]);
                    self.push_xmm0();
                } else if ty == ValType::I32 {
                    self.free_rax();
                    dynasm!(self.asm ; .arch x64 ; mov eax, [Rq(base) + offset]);
                    self.push_eax();
                } else {
                    self.free_rax();
                    dynasm!(self.asm ; .arch x64 ; mov rax, [Rq(base) + offset]);
                    self.push_rax();
                }
            }
            Operator::GlobalSet { global_index } => {
                if self.is_vector_on_top(0) {
                    let value = self.pop_vector_register(1)?;
                    let (base, offset, _) = self.global_place(*global_index)?;
                    dynasm!(self.asm ; .arch x64 ; movups [Rq(base) + offset], Rx(value));
                } else {
                    let value = self.pop_register()?;
                    let (base, offset, _) = self.global_place(*global_index)?;
                    dynasm!(self.asm ; .arch x64 ; mov [Rq(base) + offset], Rq(value));
                }
            }
            Operator::Drop => {
                if self.pop()? == Operand::Upper {
                    self.pop()?;
                }
            }
            Operator::Select | Operator::TypedSelect { .. } if self.is_vector_on_top(1) => {
                let first = self.asm.new_dynamic_label();
                self.pop_to(RCX)?;
                let second = self.pop_two_vectors()?;
                dynasm!(self.asm ; .arch x64
                    ; test ecx, ecx
                    ; jnz =>first
                    ; movaps xmm0, Rx(second)
                    ; =>first);
                self.push_vector();
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_local(&mut self, index: u32, keep: bool) -> Result {
        let local = self.local(index)?;
        let is_vector = local.is_vector();
        let operand = match is_vector {
            true => self.pop_whole()?,
            false => self.pop()?,
        };
        // Who got the local before must not see what it is set to.
        self.evict(local.operand());
        let now = match local.home {
            Home::Frame if is_vector => self.set_vector_in_frame(local.word, operand),
            Home::Frame => self.set_in_frame(local.word, operand),
            Home::Register(register) => self.set_register(register, local.ty, operand),
            Home::Float(register) if is_vector => {
                self.load_vector(operand, self.stack.len(), register);
                Operand::float(register)
            }
            Home::Float(register) => {
                self.load_xmm(operand, self.stack.len(), register);
                Operand::float(register)
            }
        };
        if keep {
            self.push(now);
            if is_vector {
                self.push(Operand::Upper);
            }
        }
        Ok(())
    }

    fn set_vector_in_frame(&mut self, word: usize, operand: Operand) -> Operand {
        let place = self.local_place(word);
        let register = self.vector_register(operand, 1);
        to_frame!(self.asm, movups OWORD place, Rx(register));
        match operand {
            IN_XMM0 => operand,
            _ => Operand::Local(word),
        }
    }

    /// Sets a local in the frame to an operand that was popped; where that is now.
    fn set_in_frame(&mut self, word: usize, operand: Operand) -> Operand {
        let place = self.local_place(word);
        match operand {
            Operand::Register(number) => {
                to_frame!(self.asm, mov QWORD place, Rq(number as u8));
                // A register for operands may be taken for another now.
                match operand {
                    IN_RAX => operand,
                    _ => Operand::Local(word),
                }
            }
            Operand::Float(number) => {
                to_frame!(self.asm, movsd QWORD place, Rx(number as u8));
                match number {
                    0 => operand,
                    _ => Operand::Local(word),
                }
            }
            Operand::Constant(bits) if i32::try_from(bits).is_ok() => {
                to_frame!(self.asm, mov QWORD place, bits as i32);
                operand
            }
            other => {
                self.load(other, self.stack.len(), RCX);
                to_frame!(self.asm, mov QWORD place, rcx);
                Operand::Local(word)
            }
        }
    }

    /// The same for a local in a register.
    pub fn set_register(&mut self, register: u8, ty: ValType, operand: Operand) -> Operand {
        let height = self.stack.len();
        if ty != ValType::I32 {
            self.load(operand, height, register);
            return Operand::register(register);
        }
        match operand {
            Operand::Register(number) => {
                dynasm!(self.asm ; .arch x64 ; mov Rd(register), Rd(number as u8));
            }
            Operand::Float(number) => {
                dynasm!(self.asm ; .arch x64 ; movd Rd(register), Rx(number as u8));
            }
            Operand::Constant(bits) => {
                dynasm!(self.asm ; .arch x64 ; mov Rd(register), bits as i32);
            }
            other => {
                if let Some(place) = self.in_frame(other, height) {
                    from_frame!(self.asm, mov Rd(register), place);
                }
            }
        }
        match operand {
            Operand::Constant(_) => operand,
            _ => Operand::register(register),
        }
    }

    /// The register that a global is found from, which may be r10, the offset, and its type.
    fn global_place(&mut self, index: u32) -> Result<(u8, i32, ValType)> {
        let ty = self.module.globals.get(index as usize).ok_or(Unsupported)?;
        let in_cell = self.module.global_in_cell.get(index as usize);
        if in_cell.copied().unwrap_or(true) {
            let offset = self.offsets.global_cell(index);
            dynasm!(self.asm ; .arch x64 ; mov r10, [r15 + offset]);
            Ok((R10, 0, ty.value))
        } else {
            Ok((R15, self.offsets.global(index), ty.value))
        }
    }
}
