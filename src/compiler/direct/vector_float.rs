//! Vectors of floats, and conversions.

use super::vector::{any, binary, swapped, unary};
use super::{Direct, Result};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// Minimum: of each order, since the instruction prefers its second operand; zeros of both signs and NaNs come together
/// by `or`. Then NaNs lose what they carry, but for the bits that are all ones in a quiet one.
macro_rules! minimum {
    ($self:ident, $min:ident, $or:ident, $compare:ident, $shift:ident, $payload:expr, $clear:ident) => {
        binary!($self, movaps xmm3, xmm1
            ; $min xmm3, xmm0
            ; $min xmm0, xmm1
            ; $or xmm3, xmm0
            ; $compare xmm0, xmm3, UNORDERED
            ; $or xmm3, xmm0
            ; $shift xmm0, $payload
            ; $clear xmm0, xmm3)
    };
}

/// Maximum: as the minimum, but of zeros of both signs the positive one, which is what subtracting the difference of
/// their bits leaves.
macro_rules! maximum {
    ($self:ident, $max:ident, $xor:ident, $or:ident, $sub:ident, $compare:ident, $shift:ident, $payload:expr, $clear:ident) => {
        binary!($self, movaps xmm3, xmm1
            ; $max xmm3, xmm0
            ; $max xmm0, xmm1
            ; $xor xmm0, xmm3
            ; $or xmm3, xmm0
            ; $sub xmm3, xmm0
            ; $compare xmm0, xmm3, UNORDERED
            ; $shift xmm0, $payload
            ; $clear xmm0, xmm3)
    };
}

/// Comparison of `cmpps` and `cmppd`: is one of them NaN?
const UNORDERED: i8 = 3;

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn vector_float(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::F32x4Add => any!(self, addps),
            Op::F32x4Sub => binary!(self, subps),
            Op::F32x4Mul => any!(self, mulps),
            Op::F32x4Div => binary!(self, divps),
            Op::F64x2Add => any!(self, addpd),
            Op::F64x2Sub => binary!(self, subpd),
            Op::F64x2Mul => any!(self, mulpd),
            Op::F64x2Div => binary!(self, divpd),
            Op::F32x4Eq => binary!(self, cmpps, 0),
            Op::F32x4Lt => binary!(self, cmpps, 1),
            Op::F32x4Le => binary!(self, cmpps, 2),
            Op::F32x4Ne => binary!(self, cmpps, 4),
            Op::F32x4Gt => swapped!(self, cmpps, 1),
            Op::F32x4Ge => swapped!(self, cmpps, 2),
            Op::F64x2Eq => binary!(self, cmppd, 0),
            Op::F64x2Lt => binary!(self, cmppd, 1),
            Op::F64x2Le => binary!(self, cmppd, 2),
            Op::F64x2Ne => binary!(self, cmppd, 4),
            Op::F64x2Gt => swapped!(self, cmppd, 1),
            Op::F64x2Ge => swapped!(self, cmppd, 2),
            // Of equals, and if one is NaN, the instruction takes its second operand, and so does this its first.
            Op::F32x4PMin => swapped!(self, minps),
            Op::F32x4PMax => swapped!(self, maxps),
            Op::F64x2PMin => swapped!(self, minpd),
            Op::F64x2PMax => swapped!(self, maxpd),
            Op::F32x4Min => minimum!(self, minps, orps, cmpps, psrld, 10, andnps),
            Op::F64x2Min => minimum!(self, minpd, orpd, cmppd, psrlq, 13, andnpd),
            Op::F32x4Max => {
                maximum!(self, maxps, xorps, orps, subps, cmpps, psrld, 10, andnps)
            }
            Op::F64x2Max => {
                maximum!(self, maxpd, xorpd, orpd, subpd, cmppd, psrlq, 13, andnpd)
            }
            Op::F32x4Sqrt => unary!(self, sqrtps),
            Op::F64x2Sqrt => unary!(self, sqrtpd),
            Op::F32x4Nearest => unary!(self, roundps, 8),
            Op::F32x4Floor => unary!(self, roundps, 9),
            Op::F32x4Ceil => unary!(self, roundps, 10),
            Op::F32x4Trunc => unary!(self, roundps, 11),
            Op::F64x2Nearest => unary!(self, roundpd, 8),
            Op::F64x2Floor => unary!(self, roundpd, 9),
            Op::F64x2Ceil => unary!(self, roundpd, 10),
            Op::F64x2Trunc => unary!(self, roundpd, 11),
            Op::F32x4Abs => unary!(self, pslld xmm0, 1 ; psrld xmm0, 1),
            Op::F64x2Abs => unary!(self, psllq xmm0, 1 ; psrlq xmm0, 1),
            Op::F32x4Neg => unary!(self, pcmpeqd xmm1, xmm1 ; pslld xmm1, 31 ; pxor xmm0, xmm1),
            Op::F64x2Neg => unary!(self, pcmpeqd xmm1, xmm1 ; psllq xmm1, 63 ; pxor xmm0, xmm1),
            // NaN becomes 0 first. What is too large comes out as -2^31: all bits of it are turned round.
            Op::I32x4TruncSatF32x4S => {
                self.load_vector_constant(u128::MAX / 0xffff_ffff * 0x4f00_0000, 3);
                unary!(self, movaps xmm1, xmm0
                    ; cmpps xmm1, xmm1, 0
                    ; andps xmm0, xmm1
                    ; cmpps xmm3, xmm0, 2
                    ; cvttps2dq xmm0, xmm0
                    ; pxor xmm0, xmm3);
            }
            Op::F32x4ConvertI32x4S => unary!(self, cvtdq2ps),
            // The upper 16 bits are exact after halving, and so are the lower ones: their sum is rounded once.
            Op::F32x4ConvertI32x4U => unary!(self, movaps xmm1, xmm0
                ; pslld xmm1, 16
                ; psrld xmm1, 16
                ; psubd xmm0, xmm1
                ; psrld xmm0, 1
                ; cvtdq2ps xmm0, xmm0
                ; addps xmm0, xmm0
                ; cvtdq2ps xmm1, xmm1
                ; addps xmm0, xmm1),
            Op::F64x2ConvertLowI32x4S => unary!(self, cvtdq2pd),
            Op::F32x4DemoteF64x2Zero => unary!(self, cvtpd2ps),
            Op::F64x2PromoteLowF32x4 => unary!(self, cvtps2pd),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
