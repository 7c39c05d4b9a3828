//! Values in the official core tests, and what results have to be.

use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};
use wrt::module::ValType;
use wrt::runtime::Trap;

type Result<T> = std::result::Result<T, String>;

/// A value that crosses, as the slots hold it: two words, the second for the high half of a v128.
pub type Value = [u64; 2];

pub fn argument(arg: &WastArg<'_>) -> Result<Value> {
    let WastArg::Core(arg) = arg else {
        return Err("a component's argument".into());
    };
    Ok(match arg {
        WastArgCore::I32(v) => [u64::from(*v as u32), 0],
        WastArgCore::I64(v) => [*v as u64, 0],
        WastArgCore::F32(v) => [u64::from(v.bits), 0],
        WastArgCore::F64(v) => [v.bits, 0],
        WastArgCore::V128(v) => halves(v.to_le_bytes()),
        WastArgCore::RefNull(_) => [0, 0],
        // Slot 0 is null.
        WastArgCore::RefExtern(n) | WastArgCore::RefHost(n) => [u64::from(n + 1), 0],
    })
}

fn halves(bytes: [u8; 16]) -> Value {
    let bits = u128::from_le_bytes(bytes);
    [bits as u64, (bits >> 64) as u64]
}

pub fn matches(got: &(ValType, Value), want: &WastRet<'_>) -> Result<bool> {
    match want {
        WastRet::Core(want) => core_matches(got, want),
        _ => Err("a component's result".into()),
    }
}

fn core_matches(value: &(ValType, Value), want: &WastRetCore<'_>) -> Result<bool> {
    let (ty, got) = value;
    Ok(match (ty, want) {
        (ValType::I32, WastRetCore::I32(v)) => got[0] == u64::from(*v as u32),
        (ValType::I64, WastRetCore::I64(v)) => got[0] == *v as u64,
        (ValType::F32, WastRetCore::F32(p)) => f32_matches(got[0] as u32, p),
        (ValType::F64, WastRetCore::F64(p)) => f64_matches(got[0], p),
        (ValType::V128, WastRetCore::V128(p)) => {
            let bytes = (u128::from(got[1]) << 64 | u128::from(got[0])).to_le_bytes();
            v128_matches(bytes, p)
        }
        (_, WastRetCore::RefNull(_)) => got[0] == 0,
        (ty, WastRetCore::RefExtern(n)) if ty.is_extern() => {
            n.is_none_or(|n| got[0] == u64::from(n + 1)) && got[0] != 0
        }
        (ty, WastRetCore::RefFunc(None)) if ty.is_func() => got[0] != 0,
        (_, WastRetCore::Either(cases)) => {
            for case in cases {
                if core_matches(value, case)? {
                    return Ok(true);
                }
            }
            false
        }
        (ty, want) => return Err(format!("unknown result {want:?} of type {ty:?}")),
    })
}

fn f32_matches(got: u32, want: &NanPattern<wast::token::F32>) -> bool {
    match want {
        NanPattern::Value(v) => got == v.bits,
        NanPattern::CanonicalNan => got & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => got & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn f64_matches(got: u64, want: &NanPattern<wast::token::F64>) -> bool {
    match want {
        NanPattern::Value(v) => got == v.bits,
        NanPattern::CanonicalNan => got & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => got & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
    }
}

fn v128_matches(got: [u8; 16], want: &V128Pattern) -> bool {
    let bits = u128::from_le_bytes(got);
    let lane32 = |i: usize| (bits >> (32 * i)) as u32;
    let lane64 = |i: usize| (bits >> (64 * i)) as u64;
    match want {
        V128Pattern::I8x16(v) => (0..16).all(|i| got[i] == v[i] as u8),
        V128Pattern::I16x8(v) => (0..8).all(|i| (bits >> (16 * i)) as u16 == v[i] as u16),
        V128Pattern::I32x4(v) => (0..4).all(|i| lane32(i) == v[i] as u32),
        V128Pattern::I64x2(v) => (0..2).all(|i| lane64(i) == v[i] as u64),
        V128Pattern::F32x4(v) => (0..4).all(|i| f32_matches(lane32(i), &v[i])),
        V128Pattern::F64x2(v) => (0..2).all(|i| f64_matches(lane64(i), &v[i])),
    }
}

/// Is this the trap that the tests call `message`?
pub fn traps_with(trap: Trap, message: &str) -> bool {
    let names: &[&str] = match trap {
        Trap::Unreachable => &["unreachable"],
        Trap::MemoryOutOfBounds => &["out of bounds memory access"],
        Trap::TableOutOfBounds => &["out of bounds table access", "undefined element"],
        Trap::ElementOutOfBounds => &["out of bounds table access"],
        Trap::IndirectCall => &["indirect call type mismatch", "uninitialized element"],
        Trap::DivideByZero | Trap::RemainderByZero => &["integer divide by zero"],
        Trap::IntegerOverflow => &["integer overflow"],
        Trap::BadConversion => &["invalid conversion to integer", "integer overflow"],
        Trap::StackOverflow => &["call stack exhausted"],
        Trap::ThrowNull => &["null exception reference"],
        Trap::NullReference => &["null function reference", "null reference"],
        Trap::Cast => &["cast"],
        Trap::Unaligned => &["unaligned atomic"],
        Trap::Wait => &["expected shared memory"],
        Trap::NotCompiled | Trap::OutOfMemory => &[],
    };
    names.iter().any(|name| message.starts_with(name))
}
