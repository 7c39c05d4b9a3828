//! Loads and stores of vectors and lanes.

use super::{Direct, Result};
use crate::runtime::Trap;
use dynasmrt::{DynasmApi, dynasm};
use wasmparser::Operator;

/// Loads with one instruction, and makes a vector of what came by code that may follow.
macro_rules! load {
    ($self:ident, $memarg:expr, $size:expr, [$($code:tt)*] $($rest:tt)*) => {{
        let (base, index, at) = $self.access($memarg, $size)?;
        $self.free_xmm0();
        $self.may_trap(Trap::MemoryOutOfBounds);
        dynasm!($self.asm ; .arch x64 ; $($code)* [Rq(base) + Rq(index) + at] $($rest)*);
        $self.push_vector();
    }};
}

/// Loads a lane of the vector that is on top.
macro_rules! load_lane {
    ($self:ident, $memarg:expr, $size:expr, $insert:ident, $width:ident, $lane:expr) => {{
        $self.pop_vector(0)?;
        let (base, index, at) = $self.access($memarg, $size)?;
        $self.may_trap(Trap::MemoryOutOfBounds);
        dynasm!($self.asm ; .arch x64 ; $insert xmm0, $width [Rq(base) + Rq(index) + at], *$lane as i8);
        $self.push_vector();
    }};
}

/// Stores a lane of the vector that is on top.
macro_rules! store_lane {
    ($self:ident, $memarg:expr, $size:expr, $extract:ident, $width:ident, $lane:expr) => {{
        let vector = $self.pop_vector_register(1)?;
        let (base, index, at) = $self.access($memarg, $size)?;
        $self.may_trap(Trap::MemoryOutOfBounds);
        dynasm!($self.asm ; .arch x64 ; $extract $width [Rq(base) + Rq(index) + at], Rx(vector), *$lane as i8);
    }};
}

impl Direct<'_> {
    /// Translates an operator of this family; false if it is none.
    pub fn vector_memory(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as Op;
        match operator {
            Op::V128Load { memarg } => load!(self, memarg, 16, [movups xmm0,]),
            Op::V128Store { memarg } => {
                let vector = self.pop_vector_register(1)?;
                let (base, index, at) = self.access(memarg, 16)?;
                self.may_trap(Trap::MemoryOutOfBounds);
                dynasm!(self.asm ; .arch x64 ; movups [Rq(base) + Rq(index) + at], Rx(vector));
            }
            Op::V128Load8x8S { memarg } => load!(self, memarg, 8, [pmovsxbw xmm0, QWORD]),
            Op::V128Load8x8U { memarg } => load!(self, memarg, 8, [pmovzxbw xmm0, QWORD]),
            Op::V128Load16x4S { memarg } => load!(self, memarg, 8, [pmovsxwd xmm0, QWORD]),
            Op::V128Load16x4U { memarg } => load!(self, memarg, 8, [pmovzxwd xmm0, QWORD]),
            Op::V128Load32x2S { memarg } => load!(self, memarg, 8, [pmovsxdq xmm0, QWORD]),
            Op::V128Load32x2U { memarg } => load!(self, memarg, 8, [pmovzxdq xmm0, QWORD]),
            Op::V128Load8Splat { memarg } => load!(self, memarg, 1, [movzx ecx, BYTE]
                ; movd xmm0, ecx
                ; pxor xmm1, xmm1
                ; pshufb xmm0, xmm1),
            Op::V128Load16Splat { memarg } => load!(self, memarg, 2, [movzx ecx, WORD]
                ; movd xmm0, ecx
                ; pshuflw xmm0, xmm0, 0
                ; pshufd xmm0, xmm0, 0),
            Op::V128Load32Splat { memarg } => {
                load!(self, memarg, 4, [movss xmm0,] ; pshufd xmm0, xmm0, 0)
            }
            Op::V128Load64Splat { memarg } => {
                load!(self, memarg, 8, [movsd xmm0,] ; punpcklqdq xmm0, xmm0)
            }
            Op::V128Load32Zero { memarg } => load!(self, memarg, 4, [movss xmm0,]),
            Op::V128Load64Zero { memarg } => load!(self, memarg, 8, [movsd xmm0,]),
            Op::V128Load8Lane { memarg, lane } => {
                load_lane!(self, memarg, 1, pinsrb, BYTE, lane)
            }
            Op::V128Load16Lane { memarg, lane } => {
                load_lane!(self, memarg, 2, pinsrw, WORD, lane)
            }
            Op::V128Load32Lane { memarg, lane } => {
                load_lane!(self, memarg, 4, pinsrd, DWORD, lane)
            }
            Op::V128Load64Lane { memarg, lane } => {
                load_lane!(self, memarg, 8, pinsrq, QWORD, lane)
            }
            Op::V128Store8Lane { memarg, lane } => {
                store_lane!(self, memarg, 1, pextrb, BYTE, lane)
            }
            Op::V128Store16Lane { memarg, lane } => {
                store_lane!(self, memarg, 2, pextrw, WORD, lane)
            }
            Op::V128Store32Lane { memarg, lane } => {
                store_lane!(self, memarg, 4, pextrd, DWORD, lane)
            }
            Op::V128Store64Lane { memarg, lane } => {
                store_lane!(self, memarg, 8, pextrq, QWORD, lane)
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
