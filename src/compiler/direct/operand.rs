//! Operands: where they are, and how they come into registers.

use super::{Direct, Result, Unsupported};
use crate::module::ValType;
use dynasmrt::{DynasmApi, dynasm};

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
    /// In a register: rax, that of a local, or one for operands. As wide as the others as well: so an operand is passed in
    /// two registers.
    Register(usize),
    /// In an xmm register, in the same way.
    Float(usize),
    /// The second word of the vector below, and where that is. Vectors are placed, locals, in xmm registers or zero.
    Upper,
}

impl Operand {
    pub const fn register(number: u8) -> Self {
        Self::Register(number as usize)
    }

    pub const fn float(number: u8) -> Self {
        Self::Float(number as usize)
    }
}

/// What an instruction computes.
pub const IN_RAX: Operand = Operand::register(RAX);
pub const IN_RDX: Operand = Operand::register(RDX);
pub const IN_XMM0: Operand = Operand::Float(0);

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
    Register(u8),
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
        self.push(IN_RAX);
        self.is_rax_narrow = false;
    }

    /// The same if what is above 32 bits is zero.
    pub fn push_eax(&mut self) {
        self.push(IN_RAX);
        self.is_rax_narrow = true;
    }

    pub fn push_xmm0(&mut self) {
        self.push(IN_XMM0);
    }

    pub fn pop(&mut self) -> Result<Operand> {
        let operand = self.stack.pop().ok_or(Unsupported)?;
        self.placed = self.placed.min(self.stack.len());
        self.registers.release(operand);
        Ok(operand)
    }

    /// Is what is above 32 bits of this operand, an i32, zero?
    pub fn is_narrow(&self, operand: Operand) -> bool {
        match operand {
            IN_RAX => self.is_rax_narrow,
            other => self.registers.is_narrow(other),
        }
    }

    /// Puts the operand at this height into its place.
    pub fn put(&mut self, height: usize) {
        self.copy(height, height);
        self.registers.release(self.stack[height]);
        if self.stack[height] != Operand::Upper {
            self.stack[height] = Operand::Placed;
        }
    }

    /// Copies the operand at this height to the place of another; a vector's second word goes with its first.
    pub fn copy(&mut self, height: usize, to: usize) {
        let target = self.place(to);
        match self.registers.now(self.stack[height]) {
            Operand::Placed if height == to => {}
            Operand::Upper => {}
            operand if self.stack.get(height + 1) == Some(&Operand::Upper) => {
                let register = match operand {
                    Operand::Float(number) => number as u8,
                    _ => {
                        self.load_vector(operand, height, 15);
                        15
                    }
                };
                to_frame!(self.asm, movups OWORD target, Rx(register));
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
            Operand::Register(number) => to_frame!(self.asm, mov QWORD target, Rq(number as u8)),
            Operand::Float(number) => to_frame!(self.asm, movsd QWORD target, Rx(number as u8)),
        }
    }

    /// Puts all operands into their places.
    pub fn put_all(&mut self) {
        for height in self.placed..self.stack.len() {
            self.put(height);
        }
        self.placed = self.stack.len();
    }

    /// Nothing is in rax afterwards.
    pub fn free_rax(&mut self) {
        self.evict(IN_RAX);
    }

    /// Nothing is in xmm0 afterwards.
    pub fn free_xmm0(&mut self) {
        self.evict(IN_XMM0);
    }

    /// Loads an operand that is, or was, at this height.
    pub fn load(&mut self, operand: Operand, height: usize, register: u8) {
        match self.registers.now(operand) {
            Operand::Placed => {
                let place = self.place(height);
                from_frame!(self.asm, mov Rq(register), place);
            }
            Operand::Constant(bits) => self.load_constant(bits, register),
            Operand::Local(index) => {
                let place = self.local_place(index);
                from_frame!(self.asm, mov Rq(register), place);
            }
            Operand::Register(number) if usize::from(register) == number => {}
            Operand::Register(number) => {
                dynasm!(self.asm ; .arch x64 ; mov Rq(register), Rq(number as u8));
            }
            Operand::Float(number) => {
                dynasm!(self.asm ; .arch x64 ; movq Rq(register), Rx(number as u8));
            }
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
        match self.registers.now(operand) {
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
            Operand::Register(number) => {
                dynasm!(self.asm ; .arch x64 ; movq Rx(register), Rq(number as u8));
            }
            Operand::Float(number) if usize::from(register) == number => {}
            Operand::Float(number) => {
                dynasm!(self.asm ; .arch x64 ; movaps Rx(register), Rx(number as u8));
            }
            Operand::Upper => {}
        }
    }

    /// Pops into rax; no other operand is there afterwards.
    pub fn pop_rax(&mut self) -> Result {
        let operand = self.pop()?;
        if operand != IN_RAX {
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
        if operand != IN_XMM0 {
            self.free_xmm0();
        }
        self.load_xmm(operand, self.stack.len(), 0);
        Ok(())
    }

    /// Pops an integer: the register that it is in, which may be rax, or rcx.
    pub fn pop_register(&mut self) -> Result<u8> {
        let operand = self.pop()?;
        Ok(self.register(operand, RCX))
    }

    /// The register that the operand which was popped is in, or else this one, into which it is loaded.
    pub fn register(&mut self, operand: Operand, or: u8) -> u8 {
        if let Operand::Register(number) = self.registers.now(operand) {
            return number as u8;
        }
        self.load(operand, self.stack.len(), or);
        or
    }

    /// Pops a float: the xmm register that it is in, or else this one, into which it is loaded.
    pub fn pop_xmm(&mut self, or: u8) -> Result<u8> {
        let operand = self.pop()?;
        Ok(self.xmm(operand, or))
    }

    /// The same of an operand that was popped.
    pub fn xmm(&mut self, operand: Operand, or: u8) -> u8 {
        if let Operand::Float(number) = self.registers.now(operand) {
            return number as u8;
        }
        self.load_xmm(operand, self.stack.len(), or);
        or
    }

    /// Pops the second operand of an instruction, then the first into rax.
    pub fn pop_two(&mut self) -> Result<Source> {
        let source = self.pop_source()?;
        self.pop_rax()?;
        Ok(source)
    }

    /// Pops the second operand of an instruction, which is not in rax afterwards.
    pub fn pop_source(&mut self) -> Result<Source> {
        let operand = self.pop()?;
        let height = self.stack.len();
        if let Some(source) = self.source(operand, height) {
            return Ok(source);
        }
        self.load(operand, height, RCX);
        Ok(Source::Register(RCX))
    }

    /// Pops the first operand of an instruction that leaves it as it is: its register.
    pub fn pop_first(&mut self) -> Result<u8> {
        let operand = self.pop()?;
        let operand = self.registers.now(operand);
        if let Operand::Register(number) = operand {
            return Ok(number as u8);
        }
        self.free_rax();
        Ok(self.register(operand, RAX))
    }

    /// The same where it does not matter which operand is the first.
    pub fn pop_any_two(&mut self) -> Result<Source> {
        let below = self.stack.len().checked_sub(2).ok_or(Unsupported)?;
        match self.source(self.stack[below], below) {
            Some(source) if self.stack[below + 1] == IN_RAX => {
                self.pop()?;
                self.pop()?;
                Ok(source)
            }
            _ => self.pop_two(),
        }
    }

    /// What an instruction can use of an operand that is, or was, at this height without loading it.
    fn source(&self, operand: Operand, height: usize) -> Option<Source> {
        match self.registers.now(operand) {
            Operand::Constant(bits) => i32::try_from(bits).ok().map(Source::Immediate),
            Operand::Register(number) if operand != IN_RAX => Some(Source::Register(number as u8)),
            other => self.in_frame(other, height).map(Source::Frame),
        }
    }

    /// Where an operand that is, or was, at this height lies in the frame, if it does.
    pub fn in_frame(&self, operand: Operand, height: usize) -> Option<i32> {
        match self.registers.now(operand) {
            Operand::Placed => Some(self.place(height)),
            Operand::Local(word) => Some(self.local_place(word)),
            _ => None,
        }
    }
}
