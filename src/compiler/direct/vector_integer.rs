//! Vectors of integers.

use super::operand::RCX;
use super::vector::{binary, unary};
use super::{Direct, Result};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// A comparison whose opposite there is an instruction for.
macro_rules! opposite {
    ($self:ident, $($code:tt)*) => {
        binary!($self, $($code)* ; pcmpeqd xmm2, xmm2 ; pxor xmm1, xmm2)
    };
}

/// Is the first at least the second? `$least` of them is the second then.
macro_rules! at_least {
    ($self:ident, $least:ident, $equal:ident) => {
        binary!($self, $least xmm1, xmm2 ; $equal xmm1, xmm2)
    };
}

/// Is the first at most the second?
macro_rules! at_most {
    ($self:ident, $least:ident, $equal:ident) => {
        binary!($self, $least xmm2, xmm1 ; $equal xmm1, xmm2)
    };
}

/// Is the first greater than the second?
macro_rules! above {
    ($self:ident, $least:ident, $equal:ident) => {
        opposite!($self, $least xmm2, xmm1 ; $equal xmm1, xmm2)
    };
}

/// Is the first less than the second?
macro_rules! below {
    ($self:ident, $least:ident, $equal:ident) => {
        opposite!($self, $least xmm1, xmm2 ; $equal xmm1, xmm2)
    };
}

macro_rules! negate {
    ($self:ident, $subtract:ident) => {
        unary!($self, movaps xmm2, xmm1 ; pxor xmm1, xmm1 ; $subtract xmm1, xmm2)
    };
}

/// Shifts by a number, of which as many bits count as the lane's width has.
macro_rules! shift {
    ($self:ident, $mask:expr, $($code:tt)*) => {{
        $self.pop_to(RCX)?;
        dynasm!($self.asm ; .arch x64 ; and ecx, $mask ; movd xmm2, ecx);
        unary!($self, $($code)*);
    }};
}

/// Shifts of bytes: as the upper halves of words, which become bytes again.
macro_rules! shift_bytes {
    ($self:ident, $shift:ident, $pack:ident) => {
        shift!($self, 7, punpckhbw xmm3, xmm1
            ; punpcklbw xmm1, xmm1
            ; $shift xmm3, 8
            ; $shift xmm1, 8
            ; $shift xmm3, xmm2
            ; $shift xmm1, xmm2
            ; $pack xmm1, xmm3)
    };
}

/// Both operands widened, their lower or upper halves, and multiplied.
macro_rules! multiply {
    (low $self:ident, $widen:ident, $multiply:ident) => {
        binary!($self, $widen xmm1, xmm1 ; $widen xmm2, xmm2 ; $multiply xmm1, xmm2)
    };
    (high $self:ident, $widen:ident, $multiply:ident) => {
        binary!($self, pshufd xmm1, xmm1, HIGH
            ; pshufd xmm2, xmm2, HIGH
            ; $widen xmm1, xmm1
            ; $widen xmm2, xmm2
            ; $multiply xmm1, xmm2)
    };
}

/// Widens the upper half.
macro_rules! widen_high {
    ($self:ident, $widen:ident) => {
        unary!($self, pshufd xmm1, xmm1, HIGH ; $widen xmm1, xmm1)
    };
}

/// For `pshufd`: the upper half, twice.
const HIGH: i8 = 0xee_u8 as i8;

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn vector_integer(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::I8x16Eq => binary!(self, pcmpeqb xmm1, xmm2),
            Op::I16x8Eq => binary!(self, pcmpeqw xmm1, xmm2),
            Op::I32x4Eq => binary!(self, pcmpeqd xmm1, xmm2),
            Op::I64x2Eq => binary!(self, pcmpeqq xmm1, xmm2),
            Op::I8x16Ne => opposite!(self, pcmpeqb xmm1, xmm2),
            Op::I16x8Ne => opposite!(self, pcmpeqw xmm1, xmm2),
            Op::I32x4Ne => opposite!(self, pcmpeqd xmm1, xmm2),
            Op::I64x2Ne => opposite!(self, pcmpeqq xmm1, xmm2),
            Op::I8x16GtS => binary!(self, pcmpgtb xmm1, xmm2),
            Op::I16x8GtS => binary!(self, pcmpgtw xmm1, xmm2),
            Op::I32x4GtS => binary!(self, pcmpgtd xmm1, xmm2),
            Op::I64x2GtS => binary!(self, pcmpgtq xmm1, xmm2),
            Op::I8x16LtS => binary!(self, pcmpgtb xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::I16x8LtS => binary!(self, pcmpgtw xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::I32x4LtS => binary!(self, pcmpgtd xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::I64x2LtS => binary!(self, pcmpgtq xmm2, xmm1 ; movaps xmm1, xmm2),
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
            Op::I64x2LeS => opposite!(self, pcmpgtq xmm1, xmm2),
            Op::I64x2GeS => opposite!(self, pcmpgtq xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::I8x16Add => binary!(self, paddb xmm1, xmm2),
            Op::I16x8Add => binary!(self, paddw xmm1, xmm2),
            Op::I32x4Add => binary!(self, paddd xmm1, xmm2),
            Op::I64x2Add => binary!(self, paddq xmm1, xmm2),
            Op::I8x16Sub => binary!(self, psubb xmm1, xmm2),
            Op::I16x8Sub => binary!(self, psubw xmm1, xmm2),
            Op::I32x4Sub => binary!(self, psubd xmm1, xmm2),
            Op::I64x2Sub => binary!(self, psubq xmm1, xmm2),
            Op::I8x16AddSatS => binary!(self, paddsb xmm1, xmm2),
            Op::I8x16AddSatU => binary!(self, paddusb xmm1, xmm2),
            Op::I8x16SubSatS => binary!(self, psubsb xmm1, xmm2),
            Op::I8x16SubSatU => binary!(self, psubusb xmm1, xmm2),
            Op::I16x8AddSatS => binary!(self, paddsw xmm1, xmm2),
            Op::I16x8AddSatU => binary!(self, paddusw xmm1, xmm2),
            Op::I16x8SubSatS => binary!(self, psubsw xmm1, xmm2),
            Op::I16x8SubSatU => binary!(self, psubusw xmm1, xmm2),
            Op::I16x8Mul => binary!(self, pmullw xmm1, xmm2),
            Op::I32x4Mul => binary!(self, pmulld xmm1, xmm2),
            // The products of the lower halves, and above them the sum of both mixed products.
            Op::I64x2Mul => binary!(self, movaps xmm3, xmm1
                ; movaps xmm4, xmm2
                ; psrlq xmm3, 32
                ; psrlq xmm4, 32
                ; pmuludq xmm3, xmm2
                ; pmuludq xmm4, xmm1
                ; paddq xmm3, xmm4
                ; psllq xmm3, 32
                ; pmuludq xmm1, xmm2
                ; paddq xmm1, xmm3),
            Op::I8x16MinS => binary!(self, pminsb xmm1, xmm2),
            Op::I8x16MinU => binary!(self, pminub xmm1, xmm2),
            Op::I8x16MaxS => binary!(self, pmaxsb xmm1, xmm2),
            Op::I8x16MaxU => binary!(self, pmaxub xmm1, xmm2),
            Op::I16x8MinS => binary!(self, pminsw xmm1, xmm2),
            Op::I16x8MinU => binary!(self, pminuw xmm1, xmm2),
            Op::I16x8MaxS => binary!(self, pmaxsw xmm1, xmm2),
            Op::I16x8MaxU => binary!(self, pmaxuw xmm1, xmm2),
            Op::I32x4MinS => binary!(self, pminsd xmm1, xmm2),
            Op::I32x4MinU => binary!(self, pminud xmm1, xmm2),
            Op::I32x4MaxS => binary!(self, pmaxsd xmm1, xmm2),
            Op::I32x4MaxU => binary!(self, pmaxud xmm1, xmm2),
            Op::I8x16AvgrU => binary!(self, pavgb xmm1, xmm2),
            Op::I16x8AvgrU => binary!(self, pavgw xmm1, xmm2),
            // Only the square of -2^15 comes out as -2^15: it becomes the number below.
            Op::I16x8Q15MulrSatS => {
                self.load_vector_constant(u128::MAX / 0xffff * 0x8000, 3);
                binary!(self, pmulhrsw xmm1, xmm2 ; pcmpeqw xmm3, xmm1 ; pxor xmm1, xmm3);
            }
            Op::I32x4DotI16x8S => binary!(self, pmaddwd xmm1, xmm2),
            Op::I8x16Abs => unary!(self, pabsb xmm1, xmm1),
            Op::I16x8Abs => unary!(self, pabsw xmm1, xmm1),
            Op::I32x4Abs => unary!(self, pabsd xmm1, xmm1),
            Op::I64x2Abs => unary!(self, pxor xmm2, xmm2
                ; pcmpgtq xmm2, xmm1
                ; pxor xmm1, xmm2
                ; psubq xmm1, xmm2),
            Op::I8x16Neg => negate!(self, psubb),
            Op::I16x8Neg => negate!(self, psubw),
            Op::I32x4Neg => negate!(self, psubd),
            Op::I64x2Neg => negate!(self, psubq),
            Op::I8x16NarrowI16x8S => binary!(self, packsswb xmm1, xmm2),
            Op::I8x16NarrowI16x8U => binary!(self, packuswb xmm1, xmm2),
            Op::I16x8NarrowI32x4S => binary!(self, packssdw xmm1, xmm2),
            Op::I16x8NarrowI32x4U => binary!(self, packusdw xmm1, xmm2),
            Op::I8x16Shl => self.shift_bytes_left()?,
            Op::I8x16ShrS => shift_bytes!(self, psraw, packsswb),
            Op::I8x16ShrU => shift_bytes!(self, psrlw, packuswb),
            Op::I16x8Shl => shift!(self, 15, psllw xmm1, xmm2),
            Op::I16x8ShrS => shift!(self, 15, psraw xmm1, xmm2),
            Op::I16x8ShrU => shift!(self, 15, psrlw xmm1, xmm2),
            Op::I32x4Shl => shift!(self, 31, pslld xmm1, xmm2),
            Op::I32x4ShrS => shift!(self, 31, psrad xmm1, xmm2),
            Op::I32x4ShrU => shift!(self, 31, psrld xmm1, xmm2),
            Op::I64x2Shl => shift!(self, 63, psllq xmm1, xmm2),
            Op::I64x2ShrU => shift!(self, 63, psrlq xmm1, xmm2),
            // Without the sign, of which what is then missing is subtracted.
            Op::I64x2ShrS => shift!(self, 63, pcmpeqd xmm3, xmm3
                ; psllq xmm3, 63
                ; psrlq xmm3, xmm2
                ; psrlq xmm1, xmm2
                ; pxor xmm1, xmm3
                ; psubq xmm1, xmm3),
            Op::I16x8ExtendLowI8x16S => unary!(self, pmovsxbw xmm1, xmm1),
            Op::I16x8ExtendLowI8x16U => unary!(self, pmovzxbw xmm1, xmm1),
            Op::I32x4ExtendLowI16x8S => unary!(self, pmovsxwd xmm1, xmm1),
            Op::I32x4ExtendLowI16x8U => unary!(self, pmovzxwd xmm1, xmm1),
            Op::I64x2ExtendLowI32x4S => unary!(self, pmovsxdq xmm1, xmm1),
            Op::I64x2ExtendLowI32x4U => unary!(self, pmovzxdq xmm1, xmm1),
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
                unary!(self, pmaddubsw xmm2, xmm1 ; movaps xmm1, xmm2);
            }
            Op::I16x8ExtAddPairwiseI8x16U => {
                self.load_vector_constant(u128::MAX / 0xff, 2);
                unary!(self, pmaddubsw xmm1, xmm2);
            }
            Op::I32x4ExtAddPairwiseI16x8S => {
                self.load_vector_constant(u128::MAX / 0xffff, 2);
                unary!(self, pmaddwd xmm1, xmm2);
            }
            Op::I32x4ExtAddPairwiseI16x8U => unary!(self, movaps xmm2, xmm1
                ; psrld xmm2, 16
                ; pslld xmm1, 16
                ; psrld xmm1, 16
                ; paddd xmm1, xmm2),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Shifts words, and clears what came into bytes from others.
    fn shift_bytes_left(&mut self) -> Result {
        shift!(self, 7, pcmpeqd xmm3, xmm3
            ; psrlw xmm3, 8
            ; psllw xmm3, xmm2
            ; pxor xmm4, xmm4
            ; psllw xmm1, xmm2
            ; pshufb xmm3, xmm4
            ; pand xmm1, xmm3);
        Ok(())
    }
}
