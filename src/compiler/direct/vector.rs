//! Vectors as a whole and their lanes. What an instruction computes is in xmm0, and so is its first operand; the second is
//! where it is, or in xmm1.

use super::operand::{IN_XMM0, Operand, RCX};
use super::{Direct, Result, Unsupported};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// Two operands become one, by an instruction; by code that leaves the second as it is, in the register of this name; or by
/// code that finds it in xmm1 and may change it.
macro_rules! binary {
    ($self:ident, $op:ident $(, $immediate:expr)?) => {
        binary!($self, second => $op xmm0, Rx(second) $(, $immediate)?)
    };
    ($self:ident, $second:ident => $($code:tt)*) => {{
        let $second = $self.pop_two_vectors()?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector();
    }};
    ($self:ident, $($code:tt)*) => {{
        $self.pop_vector(1)?;
        $self.pop_vector(0)?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector();
    }};
}

/// An instruction to which it does not matter which operand is the first.
macro_rules! any {
    ($self:ident, $op:ident) => {{
        let second = $self.pop_any_two_vectors()?;
        dynasm!($self.asm ; .arch x64 ; $op xmm0, Rx(second));
        $self.push_vector();
    }};
}

/// An instruction whose operands are the other way round.
macro_rules! swapped {
    ($self:ident, $op:ident $(, $immediate:expr)?) => {{
        let first = $self.pop_two_swapped()?;
        dynasm!($self.asm ; .arch x64 ; $op xmm0, Rx(first) $(, $immediate)?);
        $self.push_vector();
    }};
}

/// An operand becomes another, by an instruction; by code that finds it in the register of this name; or by code that
/// replaces what is in xmm0.
macro_rules! unary {
    ($self:ident, $op:ident $(, $immediate:expr)?) => {
        unary!($self, vector => $op xmm0, Rx(vector) $(, $immediate)?)
    };
    ($self:ident, $vector:ident => $($code:tt)*) => {{
        let $vector = $self.pop_vector_register(1)?;
        $self.free_xmm0();
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector();
    }};
    ($self:ident, $($code:tt)*) => {{
        $self.pop_vector(0)?;
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector();
    }};
}

pub(super) use {any, binary, swapped, unary};

/// A number from a vector in the register of this name: code that puts it into eax, and clears what is above.
macro_rules! summary {
    ($self:ident, $vector:ident => $($code:tt)*) => {{
        let $vector = $self.pop_vector_register(1)?;
        $self.free_rax();
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_eax();
    }};
}

/// A float from a vector: one of its lanes becomes the lowest.
macro_rules! float_lane {
    ($self:ident, $shuffle:expr) => {{
        let vector = $self.pop_vector_register(1)?;
        $self.free_xmm0();
        match $shuffle {
            0 if vector == 0 => {}
            0 => dynasm!($self.asm ; .arch x64 ; movaps xmm0, Rx(vector)),
            shuffle => dynasm!($self.asm ; .arch x64 ; pshufd xmm0, Rx(vector), shuffle),
        }
        $self.push_xmm0();
    }};
}

/// A vector from a number in ecx or rcx.
macro_rules! splat {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        $self.free_xmm0();
        dynasm!($self.asm ; .arch x64 ; $($code)*);
        $self.push_vector();
    }};
}

/// A vector from a float.
macro_rules! splat_float {
    ($self:ident, $shuffle:expr) => {{
        let float = $self.pop_xmm(1)?;
        $self.free_xmm0();
        dynasm!($self.asm ; .arch x64 ; pshufd xmm0, Rx(float), $shuffle);
        $self.push_vector();
    }};
}

/// The vector with another lane, which is in ecx or rcx.
macro_rules! replace {
    ($self:ident, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        unary!($self, $($code)*);
    }};
}

/// The vector with another lane, a float in the register of this name.
macro_rules! replace_float {
    ($self:ident, $float:ident => $($code:tt)*) => {{
        let $float = $self.pop_second()?;
        unary!($self, $($code)*);
    }};
}

/// Whether no lane is zero.
macro_rules! all_true {
    ($self:ident, $compare:ident) => {
        summary!($self, vector => pxor xmm2, xmm2
            ; $compare xmm2, Rx(vector)
            ; xor eax, eax
            ; ptest xmm2, xmm2
            ; setz al)
    };
}

/// For `pshufd`: the lower half, twice; the upper.
const LOW: i8 = 0x44;
pub const HIGH: i8 = 0xee_u8 as i8;

impl Direct<'_> {
    /// Pushes the vector in xmm0, which was freed.
    pub fn push_vector(&mut self) {
        self.push_whole(IN_XMM0);
    }

    /// Pushes a vector that is there.
    pub fn push_whole(&mut self, first: Operand) {
        self.push(first);
        self.push(Operand::Upper);
    }

    /// Pops a vector: where its first word is, or was.
    pub fn pop_whole(&mut self) -> Result<Operand> {
        match self.pop()? {
            Operand::Upper => self.pop(),
            _ => Err(Unsupported),
        }
    }

    /// Pops into an xmm register. If that is xmm0, no other operand is there afterwards.
    pub fn pop_vector(&mut self, register: u8) -> Result {
        let operand = self.pop_whole()?;
        if register == 0 && operand != IN_XMM0 {
            self.free_xmm0();
        }
        self.load_vector(operand, self.stack.len(), register);
        Ok(())
    }

    /// Pops a vector that stays as it is: the register that it is in, or else this one, into which it is loaded.
    pub fn pop_vector_register(&mut self, or: u8) -> Result<u8> {
        let operand = self.pop_whole()?;
        Ok(self.vector_register(operand, or))
    }

    pub fn vector_register(&mut self, operand: Operand, or: u8) -> u8 {
        if let Operand::Float(number) = self.registers.now(operand) {
            return number as u8;
        }
        self.load_vector(operand, self.stack.len(), or);
        or
    }

    /// Pops a vector: its register, which is not xmm0.
    fn pop_second_vector(&mut self) -> Result<u8> {
        match self.pop_whole()? {
            IN_XMM0 => {
                dynasm!(self.asm ; .arch x64 ; movaps xmm1, xmm0);
                Ok(1)
            }
            operand => Ok(self.vector_register(operand, 1)),
        }
    }

    /// Pops the second operand of an instruction, then the first into xmm0: the register of the second.
    pub fn pop_two_vectors(&mut self) -> Result<u8> {
        let second = self.pop_second_vector()?;
        self.pop_vector(0)?;
        Ok(second)
    }

    /// Pops the second operand of an instruction into xmm0: the register of the first.
    pub fn pop_two_swapped(&mut self) -> Result<u8> {
        let second = self.pop_whole()?;
        let height = self.stack.len();
        let first = self.pop_second_vector()?;
        if second != IN_XMM0 {
            self.free_xmm0();
        }
        self.load_vector(second, height, 0);
        Ok(first)
    }

    /// Pops two operands, either into xmm0: the register of the other.
    pub fn pop_any_two_vectors(&mut self) -> Result<u8> {
        match self.stack.iter().rev().nth(1) {
            Some(&IN_XMM0) => self.pop_two_swapped(),
            _ => self.pop_two_vectors(),
        }
    }

    /// Is there a vector below this many words?
    pub fn is_vector_on_top(&self, below: usize) -> bool {
        self.stack.iter().rev().nth(below) == Some(&Operand::Upper)
    }

    /// Loads a vector whose first word is, or was, this at this height.
    pub fn load_vector(&mut self, first: Operand, height: usize, register: u8) {
        let place = match self.registers.now(first) {
            Operand::Placed => self.place(height),
            Operand::Local(word) => self.local_place(word),
            Operand::Float(number) if number == usize::from(register) => return,
            Operand::Float(number) => {
                dynasm!(self.asm ; .arch x64 ; movaps Rx(register), Rx(number as u8));
                return;
            }
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
                    self.push_whole(Operand::Constant(0));
                } else {
                    self.free_xmm0();
                    self.load_vector_constant(bits, 0);
                    self.push_vector();
                }
            }
            Op::V128Not => unary!(self, pcmpeqd xmm1, xmm1 ; pxor xmm0, xmm1),
            Op::V128And => any!(self, pand),
            Op::V128AndNot => swapped!(self, pandn),
            Op::V128Or => any!(self, por),
            Op::V128Xor => any!(self, pxor),
            Op::V128Bitselect => {
                self.pop_vector(3)?;
                binary!(self, pand xmm0, xmm3 ; pandn xmm3, xmm1 ; por xmm0, xmm3);
            }
            Op::V128AnyTrue => {
                summary!(self, vector => xor eax, eax ; ptest Rx(vector), Rx(vector) ; setnz al)
            }
            Op::I8x16AllTrue => all_true!(self, pcmpeqb),
            Op::I16x8AllTrue => all_true!(self, pcmpeqw),
            Op::I32x4AllTrue => all_true!(self, pcmpeqd),
            Op::I64x2AllTrue => all_true!(self, pcmpeqq),
            Op::I8x16Bitmask => summary!(self, vector => pmovmskb eax, Rx(vector)),
            Op::I16x8Bitmask => {
                summary!(self, vector => movaps xmm2, Rx(vector)
                    ; packsswb xmm2, xmm2
                    ; pmovmskb eax, xmm2
                    ; movzx eax, al)
            }
            Op::I32x4Bitmask => summary!(self, vector => movmskps eax, Rx(vector)),
            Op::I64x2Bitmask => summary!(self, vector => movmskpd eax, Rx(vector)),
            Op::I8x16Shuffle { lanes } => self.shuffle(lanes)?,
            Op::I8x16Swizzle => {
                // What is above 15 gets its highest bit, and so a zero.
                self.load_vector_constant(u128::from_le_bytes([0x70; 16]), 3);
                binary!(self, paddusb xmm1, xmm3 ; pshufb xmm0, xmm1);
            }
            Op::I8x16Splat => splat!(self, movd xmm0, ecx ; pxor xmm1, xmm1 ; pshufb xmm0, xmm1),
            Op::I16x8Splat => {
                splat!(self, movd xmm0, ecx ; pshuflw xmm0, xmm0, 0 ; pshufd xmm0, xmm0, 0)
            }
            Op::I32x4Splat => splat!(self, movd xmm0, ecx ; pshufd xmm0, xmm0, 0),
            Op::I64x2Splat => splat!(self, movq xmm0, rcx ; punpcklqdq xmm0, xmm0),
            Op::F32x4Splat => splat_float!(self, 0),
            Op::F64x2Splat => splat_float!(self, LOW),
            Op::I8x16ExtractLaneS { lane } => {
                summary!(self, vector => pextrb eax, Rx(vector), *lane as i8 ; movsx eax, al)
            }
            Op::I8x16ExtractLaneU { lane } => {
                summary!(self, vector => pextrb eax, Rx(vector), *lane as i8)
            }
            Op::I16x8ExtractLaneS { lane } => {
                summary!(self, vector => pextrw eax, Rx(vector), *lane as i8 ; movsx eax, ax)
            }
            Op::I16x8ExtractLaneU { lane } => {
                summary!(self, vector => pextrw eax, Rx(vector), *lane as i8)
            }
            Op::I32x4ExtractLane { lane } => {
                summary!(self, vector => pextrd eax, Rx(vector), *lane as i8)
            }
            Op::I64x2ExtractLane { lane } => {
                let vector = self.pop_vector_register(1)?;
                self.free_rax();
                dynasm!(self.asm ; .arch x64 ; pextrq rax, Rx(vector), *lane as i8);
                self.push_rax();
            }
            Op::F32x4ExtractLane { lane } => float_lane!(self, *lane as i8),
            Op::F64x2ExtractLane { lane } => float_lane!(self, if *lane == 0 { 0 } else { HIGH }),
            Op::I8x16ReplaceLane { lane } => replace!(self, pinsrb xmm0, ecx, *lane as i8),
            Op::I16x8ReplaceLane { lane } => replace!(self, pinsrw xmm0, ecx, *lane as i8),
            Op::I32x4ReplaceLane { lane } => replace!(self, pinsrd xmm0, ecx, *lane as i8),
            Op::I64x2ReplaceLane { lane } => replace!(self, pinsrq xmm0, rcx, *lane as i8),
            Op::F32x4ReplaceLane { lane } => {
                replace_float!(self, float => insertps xmm0, Rx(float), (*lane << 4) as i8)
            }
            Op::F64x2ReplaceLane { lane: 0 } => {
                replace_float!(self, float => movsd xmm0, Rx(float))
            }
            Op::F64x2ReplaceLane { .. } => {
                replace_float!(self, float => punpcklqdq xmm0, Rx(float))
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
        binary!(self, pshufb xmm0, xmm3 ; pshufb xmm1, xmm4 ; por xmm0, xmm1);
        Ok(())
    }
}
