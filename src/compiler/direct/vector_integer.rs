//! Vectors of integers.

use super::operand::{Operand, RCX};
use super::vector::{HIGH, any, binary, swapped, unary};
use super::{Direct, Result};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// A comparison whose opposite there is an instruction for.
macro_rules! opposite {
    ($self:ident, $($code:tt)*) => {
        binary!($self, $($code)* ; pcmpeqd xmm1, xmm1 ; pxor xmm0, xmm1)
    };
}

/// Is the first at least the second? `$least` of them is the second then.
macro_rules! at_least {
    ($self:ident, $least:ident, $equal:ident) => {
        binary!($self, second => $least xmm0, Rx(second) ; $equal xmm0, Rx(second))
    };
}

/// Is the first at most the second?
macro_rules! at_most {
    ($self:ident, $least:ident, $equal:ident) => {
        binary!($self, $least xmm1, xmm0 ; $equal xmm0, xmm1)
    };
}

/// Is the first greater than the second?
macro_rules! above {
    ($self:ident, $least:ident, $equal:ident) => {
        opposite!($self, $least xmm1, xmm0 ; $equal xmm0, xmm1)
    };
}

/// Is the first less than the second?
macro_rules! below {
    ($self:ident, $least:ident, $equal:ident) => {
        opposite!($self, $least xmm0, xmm1 ; $equal xmm0, xmm1)
    };
}

macro_rules! negate {
    ($self:ident, $subtract:ident) => {
        unary!($self, movaps xmm1, xmm0 ; pxor xmm0, xmm0 ; $subtract xmm0, xmm1)
    };
}

/// Shifts by a number, of which as many bits count as the lane's width has.
macro_rules! shift {
    ($self:ident, $mask:expr, $shift:ident) => {{
        if let Some(&Operand::Constant(count)) = $self.stack.last() {
            $self.pop()?;
            let count = (count & $mask) as i8;
            unary!($self, $shift xmm0, count);
        } else {
            shift!($self, $mask, $shift xmm0, xmm1);
        }
    }};
    ($self:ident, $mask:expr, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        dynasm!($self.asm ; .arch x64 ; and ecx, $mask ; movd xmm1, ecx);
        unary!($self, $($code)*);
    }};
}

/// Shifts of bytes: as the upper halves of words, which become bytes again.
macro_rules! shift_bytes {
    ($self:ident, $shift:ident, $pack:ident) => {
        shift!($self, 7, punpckhbw xmm3, xmm0
            ; punpcklbw xmm0, xmm0
            ; $shift xmm3, 8
            ; $shift xmm0, 8
            ; $shift xmm3, xmm1
            ; $shift xmm0, xmm1
            ; $pack xmm0, xmm3)
    };
}

/// Both operands widened, their lower or upper halves, and multiplied.
macro_rules! multiply {
    (low $self:ident, $widen:ident, $multiply:ident) => {
        binary!($self, second => $widen xmm0, xmm0 ; $widen xmm1, Rx(second) ; $multiply xmm0, xmm1)
    };
    (high $self:ident, $widen:ident, $multiply:ident) => {
        binary!($self, second => pshufd xmm0, xmm0, HIGH
            ; pshufd xmm1, Rx(second), HIGH
            ; $widen xmm0, xmm0
            ; $widen xmm1, xmm1
            ; $multiply xmm0, xmm1)
    };
}

/// Widens the upper half.
macro_rules! widen_high {
    ($self:ident, $widen:ident) => {
        unary!($self, vector => pshufd xmm0, Rx(vector), HIGH ; $widen xmm0, xmm0)
    };
}

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn vector_integer(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::I8x16Eq => any!(self, pcmpeqb),
            Op::I16x8Eq => any!(self, pcmpeqw),
            Op::I32x4Eq => any!(self, pcmpeqd),
            Op::I64x2Eq => any!(self, pcmpeqq),
            Op::I8x16Ne => opposite!(self, pcmpeqb xmm0, xmm1),
            Op::I16x8Ne => opposite!(self, pcmpeqw xmm0, xmm1),
            Op::I32x4Ne => opposite!(self, pcmpeqd xmm0, xmm1),
            Op::I64x2Ne => opposite!(self, pcmpeqq xmm0, xmm1),
            Op::I8x16GtS => binary!(self, pcmpgtb),
            Op::I16x8GtS => binary!(self, pcmpgtw),
            Op::I32x4GtS => binary!(self, pcmpgtd),
            Op::I64x2GtS => binary!(self, pcmpgtq),
            Op::I8x16LtS => swapped!(self, pcmpgtb),
            Op::I16x8LtS => swapped!(self, pcmpgtw),
            Op::I32x4LtS => swapped!(self, pcmpgtd),
            Op::I64x2LtS => swapped!(self, pcmpgtq),
            Op::I8x16GtU => above!(self, pminub, pcmpeqb),
            Op::I16x8GtU => above!(self, pminuw, pcmpeqw),
            Op::I32x4GtU => above!(self, pminud, pcmpeqd),
            Op::I8x16LtU => below!(self, pminub, pcmpeqb),
            Op::I16x8LtU => below!(self, pminuw, pcmpeqw),
            Op::I32x4LtU => below!(self, pminud, pcmpeqd),
            Op::I8x16GeS => at_least!(self, pminsb, pcmpeqb),
            Op::I16x8GeS => at_least!(self, pminsw, pcmpeqw),
            Op::I32x4GeS => at_least!(self, pminsd, pcmpeqd),
            Op::I8x16GeU => at_least!(self, pminub, pcmpeqb),
            Op::I16x8GeU => at_least!(self, pminuw, pcmpeqw),
            Op::I32x4GeU => at_least!(self, pminud, pcmpeqd),
            Op::I8x16LeS => at_most!(self, pminsb, pcmpeqb),
            Op::I16x8LeS => at_most!(self, pminsw, pcmpeqw),
            Op::I32x4LeS => at_most!(self, pminsd, pcmpeqd),
            Op::I8x16LeU => at_most!(self, pminub, pcmpeqb),
            Op::I16x8LeU => at_most!(self, pminuw, pcmpeqw),
            Op::I32x4LeU => at_most!(self, pminud, pcmpeqd),
            Op::I64x2LeS => opposite!(self, pcmpgtq xmm0, xmm1),
            Op::I64x2GeS => opposite!(self, pcmpgtq xmm1, xmm0 ; movaps xmm0, xmm1),
            Op::I8x16Add => any!(self, paddb),
            Op::I16x8Add => any!(self, paddw),
            Op::I32x4Add => any!(self, paddd),
            Op::I64x2Add => any!(self, paddq),
            Op::I8x16Sub => binary!(self, psubb),
            Op::I16x8Sub => binary!(self, psubw),
            Op::I32x4Sub => binary!(self, psubd),
            Op::I64x2Sub => binary!(self, psubq),
            Op::I8x16AddSatS => any!(self, paddsb),
            Op::I8x16AddSatU => any!(self, paddusb),
            Op::I8x16SubSatS => binary!(self, psubsb),
            Op::I8x16SubSatU => binary!(self, psubusb),
            Op::I16x8AddSatS => any!(self, paddsw),
            Op::I16x8AddSatU => any!(self, paddusw),
            Op::I16x8SubSatS => binary!(self, psubsw),
            Op::I16x8SubSatU => binary!(self, psubusw),
            Op::I16x8Mul => any!(self, pmullw),
            Op::I32x4Mul => any!(self, pmulld),
            // The products of the lower halves, and above them the sum of both mixed products.
            Op::I64x2Mul => binary!(self, movaps xmm3, xmm0
                ; movaps xmm4, xmm1
                ; psrlq xmm3, 32
                ; psrlq xmm4, 32
                ; pmuludq xmm3, xmm1
                ; pmuludq xmm4, xmm0
                ; paddq xmm3, xmm4
                ; psllq xmm3, 32
                ; pmuludq xmm0, xmm1
                ; paddq xmm0, xmm3),
            Op::I8x16MinS => any!(self, pminsb),
            Op::I8x16MinU => any!(self, pminub),
            Op::I8x16MaxS => any!(self, pmaxsb),
            Op::I8x16MaxU => any!(self, pmaxub),
            Op::I16x8MinS => any!(self, pminsw),
            Op::I16x8MinU => any!(self, pminuw),
            Op::I16x8MaxS => any!(self, pmaxsw),
            Op::I16x8MaxU => any!(self, pmaxuw),
            Op::I32x4MinS => any!(self, pminsd),
            Op::I32x4MinU => any!(self, pminud),
            Op::I32x4MaxS => any!(self, pmaxsd),
            Op::I32x4MaxU => any!(self, pmaxud),
            Op::I8x16AvgrU => any!(self, pavgb),
            Op::I16x8AvgrU => any!(self, pavgw),
            // Only the square of -2^15 comes out as -2^15: it becomes the number below.
            Op::I16x8Q15MulrSatS => {
                self.load_vector_constant(u128::MAX / 0xffff * 0x8000, 3);
                binary!(self, pmulhrsw xmm0, xmm1 ; pcmpeqw xmm3, xmm0 ; pxor xmm0, xmm3);
            }
            Op::I32x4DotI16x8S => any!(self, pmaddwd),
            Op::I8x16Abs => unary!(self, pabsb),
            Op::I16x8Abs => unary!(self, pabsw),
            Op::I32x4Abs => unary!(self, pabsd),
            Op::I64x2Abs => unary!(self, pxor xmm1, xmm1
                ; pcmpgtq xmm1, xmm0
                ; pxor xmm0, xmm1
                ; psubq xmm0, xmm1),
            Op::I8x16Neg => negate!(self, psubb),
            Op::I16x8Neg => negate!(self, psubw),
            Op::I32x4Neg => negate!(self, psubd),
            Op::I64x2Neg => negate!(self, psubq),
            Op::I8x16NarrowI16x8S => binary!(self, packsswb),
            Op::I8x16NarrowI16x8U => binary!(self, packuswb),
            Op::I16x8NarrowI32x4S => binary!(self, packssdw),
            Op::I16x8NarrowI32x4U => binary!(self, packusdw),
            Op::I8x16Shl => self.shift_bytes_left()?,
            Op::I8x16ShrS => shift_bytes!(self, psraw, packsswb),
            Op::I8x16ShrU => shift_bytes!(self, psrlw, packuswb),
            Op::I16x8Shl => shift!(self, 15, psllw),
            Op::I16x8ShrS => shift!(self, 15, psraw),
            Op::I16x8ShrU => shift!(self, 15, psrlw),
            Op::I32x4Shl => shift!(self, 31, pslld),
            Op::I32x4ShrS => shift!(self, 31, psrad),
            Op::I32x4ShrU => shift!(self, 31, psrld),
            Op::I64x2Shl => shift!(self, 63, psllq),
            Op::I64x2ShrU => shift!(self, 63, psrlq),
            // Without the sign, of which what is then missing is subtracted.
            Op::I64x2ShrS => shift!(self, 63, pcmpeqd xmm3, xmm3
                ; psllq xmm3, 63
                ; psrlq xmm3, xmm1
                ; psrlq xmm0, xmm1
                ; pxor xmm0, xmm3
                ; psubq xmm0, xmm3),
            Op::I16x8ExtendLowI8x16S => unary!(self, pmovsxbw),
            Op::I16x8ExtendLowI8x16U => unary!(self, pmovzxbw),
            Op::I32x4ExtendLowI16x8S => unary!(self, pmovsxwd),
            Op::I32x4ExtendLowI16x8U => unary!(self, pmovzxwd),
            Op::I64x2ExtendLowI32x4S => unary!(self, pmovsxdq),
            Op::I64x2ExtendLowI32x4U => unary!(self, pmovzxdq),
            Op::I16x8ExtendHighI8x16S => widen_high!(self, pmovsxbw),
            Op::I16x8ExtendHighI8x16U => widen_high!(self, pmovzxbw),
            Op::I32x4ExtendHighI16x8S => widen_high!(self, pmovsxwd),
            Op::I32x4ExtendHighI16x8U => widen_high!(self, pmovzxwd),
            Op::I64x2ExtendHighI32x4S => widen_high!(self, pmovsxdq),
            Op::I64x2ExtendHighI32x4U => widen_high!(self, pmovzxdq),
            Op::I16x8ExtMulLowI8x16S => multiply!(low self, pmovsxbw, pmullw),
            Op::I16x8ExtMulLowI8x16U => multiply!(low self, pmovzxbw, pmullw),
            Op::I32x4ExtMulLowI16x8S => multiply!(low self, pmovsxwd, pmulld),
            Op::I32x4ExtMulLowI16x8U => multiply!(low self, pmovzxwd, pmulld),
            Op::I64x2ExtMulLowI32x4S => multiply!(low self, pmovsxdq, pmuldq),
            Op::I64x2ExtMulLowI32x4U => multiply!(low self, pmovzxdq, pmuludq),
            Op::I16x8ExtMulHighI8x16S => multiply!(high self, pmovsxbw, pmullw),
            Op::I16x8ExtMulHighI8x16U => multiply!(high self, pmovzxbw, pmullw),
            Op::I32x4ExtMulHighI16x8S => multiply!(high self, pmovsxwd, pmulld),
            Op::I32x4ExtMulHighI16x8U => multiply!(high self, pmovzxwd, pmulld),
            Op::I64x2ExtMulHighI32x4S => multiply!(high self, pmovsxdq, pmuldq),
            Op::I64x2ExtMulHighI32x4U => multiply!(high self, pmovzxdq, pmuludq),
            // Products with 1, of which neighbours are added.
            Op::I16x8ExtAddPairwiseI8x16S => {
                self.load_vector_constant(u128::MAX / 0xff, 2);
                unary!(self, vector => pmaddubsw xmm2, Rx(vector) ; movaps xmm0, xmm2);
            }
            Op::I16x8ExtAddPairwiseI8x16U => {
                self.load_vector_constant(u128::MAX / 0xff, 1);
                unary!(self, pmaddubsw xmm0, xmm1);
            }
            Op::I32x4ExtAddPairwiseI16x8S => {
                self.load_vector_constant(u128::MAX / 0xffff, 1);
                unary!(self, pmaddwd xmm0, xmm1);
            }
            Op::I32x4ExtAddPairwiseI16x8U => unary!(self, movaps xmm1, xmm0
                ; psrld xmm1, 16
                ; pslld xmm0, 16
                ; psrld xmm0, 16
                ; paddd xmm0, xmm1),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Shifts words, and clears what came into bytes from others.
    fn shift_bytes_left(&mut self) -> Result {
        shift!(self, 7, pcmpeqd xmm3, xmm3
            ; psrlw xmm3, 8
            ; psllw xmm3, xmm1
            ; pxor xmm4, xmm4
            ; psllw xmm0, xmm1
            ; pshufb xmm3, xmm4
            ; pand xmm0, xmm3);
        Ok(())
    }
}
