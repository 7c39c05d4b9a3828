//! Vectors of floats, and conversions.

use super::vector::{binary, unary};
use super::{Direct, Result};
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// Minimum: of each order, since the instruction prefers its second operand; zeros of both signs and NaNs come together
/// by `or`. Then NaNs lose what they carry, but for the bits that are all ones in a quiet one.
macro_rules! minimum {
    ($self:ident, $min:ident, $or:ident, $compare:ident, $shift:ident, $payload:expr, $clear:ident) => {
        binary!($self, movaps xmm3, xmm2
            ; $min xmm3, xmm1
            ; $min xmm1, xmm2
            ; $or xmm3, xmm1
            ; $compare xmm1, xmm3, UNORDERED
            ; $or xmm3, xmm1
            ; $shift xmm1, $payload
            ; $clear xmm1, xmm3)
    };
}

/// Maximum: as the minimum, but of zeros of both signs the positive one, which is what subtracting the difference of
/// their bits leaves.
macro_rules! maximum {
    ($self:ident, $max:ident, $xor:ident, $or:ident, $sub:ident, $compare:ident, $shift:ident, $payload:expr, $clear:ident) => {
        binary!($self, movaps xmm3, xmm2
            ; $max xmm3, xmm1
            ; $max xmm1, xmm2
            ; $xor xmm1, xmm3
            ; $or xmm3, xmm1
            ; $sub xmm3, xmm1
            ; $compare xmm1, xmm3, UNORDERED
            ; $shift xmm1, $payload
            ; $clear xmm1, xmm3)
    };
}

/// Comparison of `cmpps` and `cmppd`: is one of them NaN?
const UNORDERED: i8 = 3;

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn vector_float(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::F32x4Add => binary!(self, addps xmm1, xmm2),
            Op::F32x4Sub => binary!(self, subps xmm1, xmm2),
            Op::F32x4Mul => binary!(self, mulps xmm1, xmm2),
            Op::F32x4Div => binary!(self, divps xmm1, xmm2),
            Op::F64x2Add => binary!(self, addpd xmm1, xmm2),
            Op::F64x2Sub => binary!(self, subpd xmm1, xmm2),
            Op::F64x2Mul => binary!(self, mulpd xmm1, xmm2),
            Op::F64x2Div => binary!(self, divpd xmm1, xmm2),
            Op::F32x4Eq => binary!(self, cmpps xmm1, xmm2, 0),
            Op::F32x4Lt => binary!(self, cmpps xmm1, xmm2, 1),
            Op::F32x4Le => binary!(self, cmpps xmm1, xmm2, 2),
            Op::F32x4Ne => binary!(self, cmpps xmm1, xmm2, 4),
            Op::F32x4Gt => binary!(self, cmpps xmm2, xmm1, 1 ; movaps xmm1, xmm2),
            Op::F32x4Ge => binary!(self, cmpps xmm2, xmm1, 2 ; movaps xmm1, xmm2),
            Op::F64x2Eq => binary!(self, cmppd xmm1, xmm2, 0),
            Op::F64x2Lt => binary!(self, cmppd xmm1, xmm2, 1),
            Op::F64x2Le => binary!(self, cmppd xmm1, xmm2, 2),
            Op::F64x2Ne => binary!(self, cmppd xmm1, xmm2, 4),
            Op::F64x2Gt => binary!(self, cmppd xmm2, xmm1, 1 ; movaps xmm1, xmm2),
            Op::F64x2Ge => binary!(self, cmppd xmm2, xmm1, 2 ; movaps xmm1, xmm2),
            // Of equals, and if one is NaN, the instruction takes its second operand, and so does this its first.
            Op::F32x4PMin => binary!(self, minps xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::F32x4PMax => binary!(self, maxps xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::F64x2PMin => binary!(self, minpd xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::F64x2PMax => binary!(self, maxpd xmm2, xmm1 ; movaps xmm1, xmm2),
            Op::F32x4Min => minimum!(self, minps, orps, cmpps, psrld, 10, andnps),
            Op::F64x2Min => minimum!(self, minpd, orpd, cmppd, psrlq, 13, andnpd),
            Op::F32x4Max => {
                maximum!(self, maxps, xorps, orps, subps, cmpps, psrld, 10, andnps)
            }
            Op::F64x2Max => {
                maximum!(self, maxpd, xorpd, orpd, subpd, cmppd, psrlq, 13, andnpd)
            }
            Op::F32x4Sqrt => unary!(self, sqrtps xmm1, xmm1),
            Op::F64x2Sqrt => unary!(self, sqrtpd xmm1, xmm1),
            Op::F32x4Nearest => unary!(self, roundps xmm1, xmm1, 8),
            Op::F32x4Floor => unary!(self, roundps xmm1, xmm1, 9),
            Op::F32x4Ceil => unary!(self, roundps xmm1, xmm1, 10),
            Op::F32x4Trunc => unary!(self, roundps xmm1, xmm1, 11),
            Op::F64x2Nearest => unary!(self, roundpd xmm1, xmm1, 8),
            Op::F64x2Floor => unary!(self, roundpd xmm1, xmm1, 9),
            Op::F64x2Ceil => unary!(self, roundpd xmm1, xmm1, 10),
            Op::F64x2Trunc => unary!(self, roundpd xmm1, xmm1, 11),
            Op::F32x4Abs => unary!(self, pslld xmm1, 1 ; psrld xmm1, 1),
            Op::F64x2Abs => unary!(self, psllq xmm1, 1 ; psrlq xmm1, 1),
            Op::F32x4Neg => unary!(self, pcmpeqd xmm2, xmm2 ; pslld xmm2, 31 ; pxor xmm1, xmm2),
            Op::F64x2Neg => unary!(self, pcmpeqd xmm2, xmm2 ; psllq xmm2, 63 ; pxor xmm1, xmm2),
            // NaN becomes 0 first. What is too large comes out as -2^31: all bits of it are turned round.
            Op::I32x4TruncSatF32x4S => {
                self.load_vector_constant(u128::MAX / 0xffff_ffff * 0x4f00_0000, 3);
                unary!(self, movaps xmm2, xmm1
                    ; cmpps xmm2, xmm2, 0
                    ; andps xmm1, xmm2
                    ; cmpps xmm3, xmm1, 2
                    ; cvttps2dq xmm1, xmm1
                    ; pxor xmm1, xmm3);
            }
            Op::F32x4ConvertI32x4S => unary!(self, cvtdq2ps xmm1, xmm1),
            // The upper 16 bits are exact after halving, and so are the lower ones: their sum is rounded once.
            Op::F32x4ConvertI32x4U => unary!(self, movaps xmm2, xmm1
                ; pslld xmm2, 16
                ; psrld xmm2, 16
                ; psubd xmm1, xmm2
                ; psrld xmm1, 1
                ; cvtdq2ps xmm1, xmm1
                ; addps xmm1, xmm1
                ; cvtdq2ps xmm2, xmm2
                ; addps xmm1, xmm2),
            Op::F64x2ConvertLowI32x4S => unary!(self, cvtdq2pd xmm1, xmm1),
            Op::F32x4DemoteF64x2Zero => unary!(self, cvtpd2ps xmm1, xmm1),
            Op::F64x2PromoteLowF32x4 => unary!(self, cvtps2pd xmm1, xmm1),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
