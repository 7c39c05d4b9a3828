//! From floats to integers, and from unsigned 64-bit integers to floats.

use super::{Direct, Result};
use crate::runtime::Trap;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};
use wasmparser::Operator;

/// What becomes of a float that no integer of the type comes near to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Traps,
    /// It becomes the nearest integer, NaN becomes 0.
    Saturates,
}

/// The type of the result.
#[derive(Clone, Copy)]
enum To {
    I32,
    U32,
    I64,
    U64,
}

/// Truncates xmm0 into rax. `$limit` has the bits of 2^63, and -2^63 has the same with the sign.
///
/// The processor's conversion gives the least 64-bit number for whatever does not fit, NaN included.
macro_rules! truncate {
    ($self:ident, $to:expr, $beyond:expr,
     $convert:ident, $compare:ident, $subtract:ident, $limit:expr, $sign:expr) => {{
        $self.pop_xmm0()?;
        $self.free_rax();
        let saturates = $beyond == Beyond::Saturates;
        let wrong = match saturates {
            true => $self.asm.new_dynamic_label(),
            false => $self.trap(Trap::BadConversion),
        };
        let done = $self.asm.new_dynamic_label();
        match $to {
            To::I32 => dynasm!($self.asm ; .arch x64
                ; $convert rax, xmm0 ; movsxd rcx, eax ; cmp rax, rcx ; jne =>wrong),
            To::U32 => dynasm!($self.asm ; .arch x64
                ; $convert rax, xmm0 ; mov ecx, eax ; cmp rax, rcx ; jne =>wrong),
            To::I64 => dynasm!($self.asm ; .arch x64
                ; $convert rax, xmm0
                ; mov r10, QWORD i64::MIN
                ; cmp rax, r10
                ; jne =>done
                // It may be that number itself.
                ; mov r10, QWORD $limit | $sign
                ; movq xmm1, r10
                ; $compare xmm0, xmm1
                ; jne =>wrong
                ; jp =>wrong),
            To::U64 => {
                let large = $self.asm.new_dynamic_label();
                dynasm!($self.asm ; .arch x64
                    ; mov r10, QWORD $limit
                    ; movq xmm1, r10
                    ; $compare xmm0, xmm1
                    ; jp =>wrong
                    ; jae =>large
                    ; $convert rax, xmm0
                    ; test rax, rax
                    ; js =>wrong
                    ; jmp =>done
                    ; =>large
                    ; $subtract xmm0, xmm1
                    ; $convert rax, xmm0
                    ; test rax, rax
                    ; js =>wrong
                    ; btc rax, 63);
            }
        }
        if saturates {
            let (least, most) = match $to {
                To::I32 => (i64::from(i32::MIN as u32), i64::from(i32::MAX)),
                To::U32 => (0, i64::from(u32::MAX)),
                To::I64 => (i64::MIN, i64::MAX),
                To::U64 => (0, -1),
            };
            // What is wrong is NaN, too little, or too much.
            dynasm!($self.asm ; .arch x64
                ; jmp =>done
                ; =>wrong
                ; xor eax, eax
                ; $compare xmm0, xmm0
                ; jp =>done
                ; xorps xmm1, xmm1
                ; mov rax, QWORD least
                ; $compare xmm0, xmm1
                ; jb =>done
                ; mov rax, QWORD most);
        }
        dynasm!($self.asm ; .arch x64 ; =>done);
        $self.push_rax();
    }};
}

/// An unsigned 64-bit integer becomes a float: one that is negative as a signed number is halved first, its
/// last bit kept so that rounding comes out the same.
macro_rules! from_unsigned {
    ($self:ident, $convert:ident, $add:ident) => {{
        $self.pop_rax()?;
        $self.free_xmm0();
        let large = $self.asm.new_dynamic_label();
        let done = $self.asm.new_dynamic_label();
        dynasm!($self.asm ; .arch x64
            ; xorps xmm0, xmm0
            ; test rax, rax
            ; js =>large
            ; $convert xmm0, rax
            ; jmp =>done
            ; =>large
            ; mov rcx, rax
            ; shr rcx, 1
            ; and eax, 1
            ; or rcx, rax
            ; $convert xmm0, rcx
            ; $add xmm0, xmm0
            ; =>done);
        $self.push_xmm0();
    }};
}

impl Direct<'_> {
    /// Translates such a conversion; false if it is none.
    pub fn conversion(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Beyond::{Saturates, Traps};
        use Operator as Op;
        use To::{I32, I64, U32, U64};
        match operator {
            Op::I32TruncF32S => self.truncate_f32(I32, Traps)?,
            Op::I32TruncF32U => self.truncate_f32(U32, Traps)?,
            Op::I64TruncF32S => self.truncate_f32(I64, Traps)?,
            Op::I64TruncF32U => self.truncate_f32(U64, Traps)?,
            Op::I32TruncF64S => self.truncate_f64(I32, Traps)?,
            Op::I32TruncF64U => self.truncate_f64(U32, Traps)?,
            Op::I64TruncF64S => self.truncate_f64(I64, Traps)?,
            Op::I64TruncF64U => self.truncate_f64(U64, Traps)?,
            Op::I32TruncSatF32S => self.truncate_f32(I32, Saturates)?,
            Op::I32TruncSatF32U => self.truncate_f32(U32, Saturates)?,
            Op::I64TruncSatF32S => self.truncate_f32(I64, Saturates)?,
            Op::I64TruncSatF32U => self.truncate_f32(U64, Saturates)?,
            Op::I32TruncSatF64S => self.truncate_f64(I32, Saturates)?,
            Op::I32TruncSatF64U => self.truncate_f64(U32, Saturates)?,
            Op::I64TruncSatF64S => self.truncate_f64(I64, Saturates)?,
            Op::I64TruncSatF64U => self.truncate_f64(U64, Saturates)?,
            Op::F32ConvertI64U => from_unsigned!(self, cvtsi2ss, addss),
            Op::F64ConvertI64U => from_unsigned!(self, cvtsi2sd, addsd),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn truncate_f32(&mut self, to: To, beyond: Beyond) -> Result {
        let (limit, sign) = (0x5f00_0000_i64, 0x8000_0000_i64);
        truncate!(self, to, beyond, cvttss2si, ucomiss, subss, limit, sign);
        Ok(())
    }

    fn truncate_f64(&mut self, to: To, beyond: Beyond) -> Result {
        let (limit, sign) = (0x43e0_0000_0000_0000_i64, i64::MIN);
        truncate!(self, to, beyond, cvttsd2si, ucomisd, subsd, limit, sign);
        Ok(())
    }
}
