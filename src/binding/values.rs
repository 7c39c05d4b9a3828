//! Values in scratch slots, and the words that the engine keeps of them.

use crate::module::ValType;
use crate::runtime::Store;
use crate::runtime::vm::{EXTERN_TAG, VMFuncRef};

/// Types by the numbers that the facade uses.
pub const TYPES: [ValType; 8] = [
    ValType::I32,
    ValType::I64,
    ValType::F32,
    ValType::F64,
    ValType::V128,
    ValType::FuncRef,
    ValType::ExternRef,
    ValType::ExnRef,
];

/// The name of a value type in the API.
pub fn name(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::FuncRef => "funcref",
        ValType::ExternRef => "externref",
        ValType::ExnRef => "exnref",
    }
}

/// The letter of a value type in signatures, as the facade's wrapper factories read them.
pub fn letter(ty: ValType) -> char {
    match ty {
        ValType::I32 => 'i',
        ValType::I64 => 'I',
        ValType::F32 => 'f',
        ValType::F64 => 'F',
        ValType::V128 => 'v',
        ValType::FuncRef => 'a',
        ValType::ExternRef => 'x',
        ValType::ExnRef => 'e',
    }
}

/// The engine's word for what JavaScript put into a slot: a function's number becomes its reference,
/// and 0 if no function has it; an externref's slot number is tagged.
pub fn to_word(store: &Store, ty: ValType, slot: u64) -> u64 {
    match ty {
        ValType::FuncRef => store.functions().get(slot as u32).map_or(0, |f| f as u64),
        ValType::ExternRef => u64::from(slot as u32) | EXTERN_TAG as u64,
        _ => slot,
    }
}

/// What JavaScript finds in a slot for an engine's word.
pub fn from_word(ty: ValType, word: u64) -> u64 {
    match ty {
        ValType::FuncRef => {
            // SAFETY: a funcref word is null or points to the reference of a live function.
            unsafe { (word as *const VMFuncRef).as_ref() }.map_or(0, |f| u64::from(f.index))
        }
        ValType::ExternRef => u64::from(word as u32),
        _ => word,
    }
}
