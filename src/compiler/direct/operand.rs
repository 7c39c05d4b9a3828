//! Operands: where they are, and how they come into registers.

use super::{Direct, Result, Unsupported};
use crate::module::ValType;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// In its place in the frame.
    Placed,
    /// The bits of a constant; of a vector, whose bits are all zero, 0.
    Constant(i64),
    /// In a local, by its first word: as wide as a constant, since whoever copies an operand would be waiting for
    /// pieces of it.
    Local(usize),
    Rax,
    Xmm0,
    /// The second word of the vector below, and where that is. Vectors are placed, locals or zero.
    Upper,
}

/// A local.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Its first word among those of all locals.
    pub word: usize,
    pub is_vector: bool,
}

/// Words of a value in the frame, all in their places.
pub fn words(ty: ValType) -> &'static [Operand] {
    match ty {
        ValType::V128 => &[Operand::Placed, Operand::Upper],
        _ => &[Operand::Placed],
    }
}

/// What the second operand of an instruction can be.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    Rcx,
    Immediate(i32),
    /// In the frame, at this distance from rsp.
    Frame(i32),
}

/// So many operands on top of the stack may be in other places than theirs: they are looked through again and again.
const MAX_LOOSE: usize = 64;

pub const RAX: u8 = 0;
pub const RCX: u8 = 1;
pub const RDX: u8 = 2;
pub const RBX: u8 = 3;
pub const RDI: u8 = 7;
pub const RSI: u8 = 6;
pub const R8: u8 = 8;
pub const R9: u8 = 9;
pub const R10: u8 = 10;
pub const R11: u8 = 11;
pub const R12: u8 = 12;
pub const R13: u8 = 13;
pub const R14: u8 = 14;
pub const R15: u8 = 15;

impl Direct<'_> {
    pub fn add_locals(&mut self, count: u32, ty: ValType) {
        let is_vector = ty == ValType::V128;
        for _ in 0..count {
            let word = self.local_words;
            self.locals.push(Local { word, is_vector });
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

    /// Place of the operand at this height.
    pub fn place(&self, height: usize) -> i32 {
        self.pushed + 8 * (self.local_words + height) as i32
    }

    pub fn push(&mut self, operand: Operand) {
        self.stack.push(operand);
        self.height = self.height.max(self.stack.len());
        if self.stack.len() - self.placed > MAX_LOOSE {
            self.put(self.placed);
            self.placed += 1;
        }
    }

    /// Pushes what is in rax, which `free_rax` or `pop_rax` has freed.
    pub fn push_rax(&mut self) {
        self.push(Operand::Rax);
    }

    pub fn push_xmm0(&mut self) {
        self.push(Operand::Xmm0);
    }

    pub fn pop(&mut self) -> Result<Operand> {
        let operand = self.stack.pop().ok_or(Unsupported)?;
        self.placed = self.placed.min(self.stack.len());
        Ok(operand)
    }

    /// Puts the operand at this height into its place.
    pub fn put(&mut self, height: usize) {
        self.copy(height, height);
        if self.stack[height] != Operand::Upper {
            self.stack[height] = Operand::Placed;
        }
    }

    /// Copies the operand at this height to the place of another; a vector's second word goes with its first.
    pub fn copy(&mut self, height: usize, to: usize) {
        let target = self.place(to);
        match self.stack[height] {
            Operand::Placed if height == to => {}
            Operand::Upper => {}
            operand if self.stack.get(height + 1) == Some(&Operand::Upper) => {
                self.load_vector(operand, height, 15);
                to_frame!(self.asm, movups OWORD target, xmm15);
            }
            Operand::Placed => {
                let source = self.place(height);
                from_frame!(self.asm, mov r10, source);
                to_frame!(self.asm, mov QWORD target, r10);
            }
            Operand::Constant(bits) => {
                if let Ok(small) = i32::try_from(bits) {
                    to_frame!(self.asm, mov QWORD target, small);
                } else {
                    dynasm!(self.asm ; .arch x64 ; mov r10, QWORD bits);
                    to_frame!(self.asm, mov QWORD target, r10);
                }
            }
            Operand::Local(index) => {
                let source = self.local_place(index);
                from_frame!(self.asm, mov r10, source);
                to_frame!(self.asm, mov QWORD target, r10);
            }
            Operand::Rax => to_frame!(self.asm, mov QWORD target, rax),
            Operand::Xmm0 => to_frame!(self.asm, movsd QWORD target, xmm0),
        }
    }

    /// Puts all operands into their places.
    pub fn put_all(&mut self) {
        for height in self.placed..self.stack.len() {
            self.put(height);
        }
        self.placed = self.stack.len();
    }

    fn put_those(&mut self, which: Operand) {
        for height in self.placed..self.stack.len() {
            if self.stack[height] == which {
                self.put(height);
            }
        }
    }

    /// Nothing is in rax afterwards.
    pub fn free_rax(&mut self) {
        self.put_those(Operand::Rax);
    }

    /// Nothing is in xmm0 afterwards.
    pub fn free_xmm0(&mut self) {
        self.put_those(Operand::Xmm0);
    }

    /// No operand is in a register afterwards.
    pub fn free_registers(&mut self) {
        self.free_rax();
        self.free_xmm0();
    }

    /// Loads an operand that is, or was, at this height.
    pub fn load(&mut self, operand: Operand, height: usize, register: u8) {
        match operand {
            Operand::Placed => {
                let place = self.place(height);
                from_frame!(self.asm, mov Rq(register), place);
            }
            Operand::Constant(bits) => self.load_constant(bits, register),
            Operand::Local(index) => {
                let place = self.local_place(index);
                from_frame!(self.asm, mov Rq(register), place);
            }
            Operand::Rax if register == RAX => {}
            Operand::Rax => dynasm!(self.asm ; .arch x64 ; mov Rq(register), rax),
            Operand::Xmm0 => dynasm!(self.asm ; .arch x64 ; movq Rq(register), xmm0),
            Operand::Upper => {}
        }
    }

    fn load_constant(&mut self, bits: i64, register: u8) {
        if let Ok(small) = u32::try_from(bits) {
            dynasm!(self.asm ; .arch x64 ; mov Rd(register), small as i32);
        } else if let Ok(small) = i32::try_from(bits) {
            dynasm!(self.asm ; .arch x64 ; mov Rq(register), small);
        } else {
            dynasm!(self.asm ; .arch x64 ; mov Rq(register), QWORD bits);
        }
    }

    /// As [`Direct::load`], into an xmm register. All 64 bits: what is above a float does not matter.
    pub fn load_xmm(&mut self, operand: Operand, height: usize, register: u8) {
        match operand {
            Operand::Placed => {
                let place = self.place(height);
                from_frame!(self.asm, movsd Rx(register), place);
            }
            Operand::Local(index) => {
                let place = self.local_place(index);
                from_frame!(self.asm, movsd Rx(register), place);
            }
            Operand::Constant(0) => {
                dynasm!(self.asm ; .arch x64 ; xorps Rx(register), Rx(register));
            }
            Operand::Constant(bits) => {
                self.load_constant(bits, 10);
                dynasm!(self.asm ; .arch x64 ; movq Rx(register), r10);
            }
            Operand::Rax => dynasm!(self.asm ; .arch x64 ; movq Rx(register), rax),
            Operand::Xmm0 if register == 0 => {}
            Operand::Xmm0 => dynasm!(self.asm ; .arch x64 ; movaps Rx(register), xmm0),
            Operand::Upper => {}
        }
    }

    /// Pops into rax; no other operand is there afterwards.
    pub fn pop_rax(&mut self) -> Result {
        let operand = self.pop()?;
        if operand != Operand::Rax {
            self.free_rax();
        }
        self.load(operand, self.stack.len(), RAX);
        Ok(())
    }

    /// Pops into another register than rax.
    pub fn pop_to(&mut self, register: u8) -> Result {
        let operand = self.pop()?;
        self.load(operand, self.stack.len(), register);
        Ok(())
    }

    /// Pops into xmm0; no other operand is there afterwards.
    pub fn pop_xmm0(&mut self) -> Result {
        let operand = self.pop()?;
        if operand != Operand::Xmm0 {
            self.free_xmm0();
        }
        self.load_xmm(operand, self.stack.len(), 0);
        Ok(())
    }

    pub fn pop_xmm1(&mut self) -> Result {
        let operand = self.pop()?;
        self.load_xmm(operand, self.stack.len(), 1);
        Ok(())
    }

    /// Pops the second operand of an instruction, then the first into rax.
    pub fn pop_two(&mut self) -> Result<Source> {
        let second = self.pop()?;
        let height = self.stack.len();
        let source = match self.source(second, height) {
            Some(source) => source,
            None => {
                self.load(second, height, RCX);
                Source::Rcx
            }
        };
        self.pop_rax()?;
        Ok(source)
    }

    /// The same where it does not matter which operand is the first.
    pub fn pop_any_two(&mut self) -> Result<Source> {
        let below = self.stack.len().checked_sub(2).ok_or(Unsupported)?;
        match self.source(self.stack[below], below) {
            Some(source) if self.stack[below + 1] == Operand::Rax => {
                self.pop()?;
                self.pop()?;
                Ok(source)
            }
            _ => self.pop_two(),
        }
    }

    /// What an instruction can use of an operand that is, or was, at this height without loading it.
    fn source(&self, operand: Operand, height: usize) -> Option<Source> {
        match operand {
            Operand::Constant(bits) => i32::try_from(bits).ok().map(Source::Immediate),
            other => self.in_frame(other, height).map(Source::Frame),
        }
    }

    /// Where an operand that is, or was, at this height lies in the frame, if it does.
    pub fn in_frame(&self, operand: Operand, height: usize) -> Option<i32> {
        match operand {
            Operand::Placed => Some(self.place(height)),
            Operand::Local(word) => Some(self.local_place(word)),
            _ => None,
        }
    }

    /// Translates an operator on locals, globals and the stack; false if it is none.
    pub fn variable(&mut self, operator: &Operator<'_>) -> Result<bool> {
        match operator {
            Operator::LocalGet { local_index } => {
                let local = self.local(*local_index)?;
                self.push(Operand::Local(local.word));
                if local.is_vector {
                    self.push(Operand::Upper);
                }
            }
            Operator::LocalSet { local_index } => self.set_local(*local_index, false)?,
            Operator::LocalTee { local_index } => self.set_local(*local_index, true)?,
            Operator::GlobalGet { global_index } => {
                let (offset, is_vector) = self.global_place(*global_index)?;
                if is_vector {
                    dynasm!(self.asm ; .arch x64 ; movups xmm1, [r10 + offset]);
                    self.push_vector(1);
                } else {
                    self.free_rax();
                    dynasm!(self.asm ; .arch x64 ; mov rax, [r10 + offset]);
                    self.push_rax();
                }
            }
            Operator::GlobalSet { global_index } => {
                if self.is_vector_on_top(0) {
                    self.pop_vector(1)?;
                    let (offset, _) = self.global_place(*global_index)?;
                    dynasm!(self.asm ; .arch x64 ; movups [r10 + offset], xmm1);
                } else {
                    self.pop_to(RCX)?;
                    let (offset, _) = self.global_place(*global_index)?;
                    dynasm!(self.asm ; .arch x64 ; mov [r10 + offset], rcx);
                }
            }
            Operator::Drop => {
                if self.pop()? == Operand::Upper {
                    self.pop()?;
                }
            }
            Operator::Select | Operator::TypedSelect { .. } if self.is_vector_on_top(1) => {
                let first = self.asm.new_dynamic_label();
                self.pop_to(RDX)?;
                self.pop_vector(2)?;
                self.pop_vector(1)?;
                dynasm!(self.asm ; .arch x64
                    ; test edx, edx
                    ; jnz =>first
                    ; movaps xmm1, xmm2
                    ; =>first);
                self.push_vector(1);
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_local(&mut self, index: u32, keep: bool) -> Result {
        let Local { word, is_vector } = self.local(index)?;
        if is_vector {
            self.pop_vector(1)?;
        }
        let operand = match is_vector {
            true => Operand::Upper,
            false => self.pop()?,
        };
        // Who got the local before must not see what it is set to.
        self.put_those(Operand::Local(word));
        let place = self.local_place(word);
        let height = self.stack.len();
        let now = match operand {
            Operand::Rax => {
                to_frame!(self.asm, mov QWORD place, rax);
                Operand::Rax
            }
            Operand::Xmm0 => {
                to_frame!(self.asm, movsd QWORD place, xmm0);
                Operand::Xmm0
            }
            Operand::Constant(bits) if i32::try_from(bits).is_ok() => {
                to_frame!(self.asm, mov QWORD place, bits as i32);
                operand
            }
            Operand::Upper => {
                to_frame!(self.asm, movups OWORD place, xmm1);
                Operand::Local(word)
            }
            other => {
                self.load(other, height, RCX);
                to_frame!(self.asm, mov QWORD place, rcx);
                Operand::Local(word)
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

    /// Puts into r10 what a global is found from; the offset, and whether it is a vector.
    fn global_place(&mut self, index: u32) -> Result<(i32, bool)> {
        let ty = self.module.globals.get(index as usize).ok_or(Unsupported)?;
        let is_vector = ty.value == ValType::V128;
        let in_cell = self.module.global_in_cell.get(index as usize);
        if in_cell.copied().unwrap_or(true) {
            let offset = self.offsets.global_cell(index);
            dynasm!(self.asm ; .arch x64 ; mov r10, [r15 + offset]);
            Ok((0, is_vector))
        } else {
            dynasm!(self.asm ; .arch x64 ; mov r10, r15);
            Ok((self.offsets.global(index), is_vector))
        }
    }
}
