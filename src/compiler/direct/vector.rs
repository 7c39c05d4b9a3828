//! Vectors as a whole and their lanes. Operands are in xmm1 and xmm2, results in xmm1; xmm0 may hold a float that is
//! wanted later.

use super::operand::{Operand, RCX};
use super::{Direct, Result, Unsupported};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// An instruction of two operands: the first, replaced by the result, and the second.
macro_rules! binary {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_vectors()?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector(1);
    }};
}

/// Code that replaces what is in xmm1.
macro_rules! unary {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_vector(1)?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector(1);
    }};
}

pub(super) use {binary, unary};

/// An i32 from a vector in xmm1: code that puts it into eax.
macro_rules! summary {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_vector(1)?;
        $self.free_rax();
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_rax();
    }};
}

/// A vector from a number in ecx or rcx.
macro_rules! splat {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector(1);
    }};
}

/// The vector with another lane, which is in ecx or rcx.
macro_rules! replace {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        unary!($self, $($code)*);
    }};
}

/// Whether no lane is zero.
macro_rules! all_true {
    ($self:ident, $compare:ident) => {
        summary!($self, pxor xmm2, xmm2
            ; $compare xmm1, xmm2
            ; xor eax, eax
            ; ptest xmm1, xmm1
            ; setz al)
    };
}

impl Direct<'_> {
    /// Pushes a vector, which is written to its place.
    pub fn push_vector(&mut self, register: u8) {
        self.push(Operand::Placed);
        self.push(Operand::Upper);
        let place = self.place(self.stack.len() - 2);
        to_frame!(self.asm, movups OWORD place, Rx(register));
    }

    pub fn pop_vector(&mut self, register: u8) -> Result {
        if self.pop()? != Operand::Upper {
            return Err(Unsupported);
        }
        let operand = self.pop()?;
        self.load_vector(operand, self.stack.len(), register);
        Ok(())
    }

    /// Pops the second operand of an instruction into xmm2, then the first into xmm1.
    pub fn pop_vectors(&mut self) -> Result {
        self.pop_vector(2)?;
        self.pop_vector(1)
    }

    /// Is there a vector below this many words?
    pub fn is_vector_on_top(&self, below: usize) -> bool {
        self.stack.iter().rev().nth(below) == Some(&Operand::Upper)
    }

    /// Loads a vector whose first word is, or was, this at this height.
    pub fn load_vector(&mut self, first: Operand, height: usize, register: u8) {
        let place = match first {
            Operand::Placed => self.place(height),
            Operand::Local(word) => self.local_place(word),
            _ => {
                dynasm!(self.asm ; .arch x64 ; xorps Rx(register), Rx(register));
                return;
            }
        };
        from_frame!(self.asm, movups Rx(register), place);
    }

    pub fn load_vector_constant(&mut self, bits: u128, register: u8) {
        let (low, high) = (bits as i64, (bits >> 64) as i64);
        dynasm!(self.asm ; .arch x64 ; mov r10, QWORD low ; movq Rx(register), r10);
        if low == high {
            dynasm!(self.asm ; .arch x64 ; punpcklqdq Rx(register), Rx(register));
        } else {
            dynasm!(self.asm ; .arch x64 ; mov r10, QWORD high ; pinsrq Rx(register), r10, 1);
        }
    }

    /// Translates an operator of this family; false if it is none.
    pub fn vector(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::V128Const { value } => {
                let bits = u128::from_le_bytes(*value.bytes());
                if bits == 0 {
                    self.push(Operand::Constant(0));
                    self.push(Operand::Upper);
                } else {
                    self.load_vector_constant(bits, 1);
                    self.push_vector(1);
                }
            }
            Op::V128Not => unary!(self, pcmpeqd xmm2, xmm2 ; pxor xmm1, xmm2),
            Op::V128And => binary!(self, pand xmm1, xmm2),
            Op::V128AndNot => binary!(self, pandn xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::V128Or => binary!(self, por xmm1, xmm2),
            Op::V128Xor => binary!(self, pxor xmm1, xmm2),
            Op::V128Bitselect => {
                self.pop_vector(3)?;
                binary!(self, pand xmm1, xmm3 ; pandn xmm3, xmm2 ; por xmm1, xmm3);
            }
            Op::V128AnyTrue => summary!(self, xor eax, eax ; ptest xmm1, xmm1 ; setnz al),
            Op::I8x16AllTrue => all_true!(self, pcmpeqb),
            Op::I16x8AllTrue => all_true!(self, pcmpeqw),
            Op::I32x4AllTrue => all_true!(self, pcmpeqd),
            Op::I64x2AllTrue => all_true!(self, pcmpeqq),
            Op::I8x16Bitmask => summary!(self, pmovmskb eax, xmm1),
            Op::I16x8Bitmask => {
                summary!(self, packsswb xmm1, xmm1 ; pmovmskb eax, xmm1 ; movzx eax, al)
            }
            Op::I32x4Bitmask => summary!(self, movmskps eax, xmm1),
            Op::I64x2Bitmask => summary!(self, movmskpd eax, xmm1),
            Op::I8x16Shuffle { lanes } => self.shuffle(lanes)?,
            Op::I8x16Swizzle => {
                // What is above 15 gets its highest bit, and so a zero.
                self.load_vector_constant(u128::from_le_bytes([0x70; 16]), 3);
                binary!(self, paddusb xmm2, xmm3 ; pshufb xmm1, xmm2);
            }
            Op::I8x16Splat => splat!(self, movd xmm1, ecx ; pxor xmm2, xmm2 ; pshufb xmm1, xmm2),
            Op::I16x8Splat => {
                splat!(self, movd xmm1, ecx ; pshuflw xmm1, xmm1, 0 ; pshufd xmm1, xmm1, 0)
            }
            Op::I32x4Splat | Op::F32x4Splat => splat!(self, movd xmm1, ecx ; pshufd xmm1, xmm1, 0),
            Op::I64x2Splat | Op::F64x2Splat => splat!(self, movq xmm1, rcx ; punpcklqdq xmm1, xmm1),
            Op::I8x16ExtractLaneS { lane } => {
                summary!(self, pextrb eax, xmm1, *lane as i8 ; movsx eax, al)
            }
            Op::I8x16ExtractLaneU { lane } => summary!(self, pextrb eax, xmm1, *lane as i8),
            Op::I16x8ExtractLaneS { lane } => {
                summary!(self, pextrw eax, xmm1, *lane as i8 ; movsx eax, ax)
            }
            Op::I16x8ExtractLaneU { lane } => summary!(self, pextrw eax, xmm1, *lane as i8),
            // Bits are bits, wherever they are.
            Op::I32x4ExtractLane { lane } | Op::F32x4ExtractLane { lane } => {
                summary!(self, pextrd eax, xmm1, *lane as i8)
            }
            Op::I64x2ExtractLane { lane } | Op::F64x2ExtractLane { lane } => {
                summary!(self, pextrq rax, xmm1, *lane as i8)
            }
            Op::I8x16ReplaceLane { lane } => replace!(self, pinsrb xmm1, ecx, *lane as i8),
            Op::I16x8ReplaceLane { lane } => replace!(self, pinsrw xmm1, ecx, *lane as i8),
            Op::I32x4ReplaceLane { lane } | Op::F32x4ReplaceLane { lane } => {
                replace!(self, pinsrd xmm1, ecx, *lane as i8)
            }
            Op::I64x2ReplaceLane { lane } | Op::F64x2ReplaceLane { lane } => {
                replace!(self, pinsrq xmm1, rcx, *lane as i8)
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Lanes of both vectors: each is taken from the one that has it, and is zero from the other.
    fn shuffle(&mut self, lanes: &[u8; 16]) -> Result {
        let of_first = lanes.map(|lane| if lane < 16 { lane } else { 0x80 });
        let of_second = lanes.map(|lane| if lane < 16 { 0x80 } else { lane - 16 });
        self.load_vector_constant(u128::from_le_bytes(of_first), 3);
        self.load_vector_constant(u128::from_le_bytes(of_second), 4);
        binary!(self, pshufb xmm1, xmm3 ; pshufb xmm2, xmm4 ; por xmm1, xmm2);
        Ok(())
    }
}
