//! Values in scratch slots, and the words that the engine keeps of them.

use crate::module::canonical::CanonicalType;
use crate::module::{HeapType, RefType, ValType};
use crate::runtime::Store;
use crate::runtime::vm::{EXTERN_TAG, VMFuncRef};
use std::borrow::Cow;

/// Types of numbers and vectors, by the numbers that the facade uses.
const TYPES: [ValType; 5] = [
    ValType::I32,
    ValType::I64,
    ValType::F32,
    ValType::F64,
    ValType::V128,
];
/// Heap types in the order by which the facade numbers them; a declared type comes behind [`CONCRETE`].
const HEAP_TYPES: [HeapType; 6] = [
    HeapType::Func,
    HeapType::NoFunc,
    HeapType::Extern,
    HeapType::NoExtern,
    HeapType::Exn,
    HeapType::NoExn,
];
/// First number of a reference type, which is this, twice the number of the heap type, and one more if it is nullable.
const REFERENCE: u32 = 8;
const CONCRETE: u32 = 16;

/// The type of a number of the facade.
pub fn value_type(number: u32) -> Option<ValType> {
    let Some(reference) = number.checked_sub(REFERENCE) else {
        return TYPES.get(number as usize).copied();
    };
    let heap = match (reference >> 1).checked_sub(CONCRETE) {
        Some(id) => HeapType::Concrete(CanonicalType::of_number(id)?.id()),
        None => *HEAP_TYPES.get(reference as usize >> 1)?,
    };
    let nullable = reference & 1 != 0;
    Some(ValType::Ref(RefType { nullable, heap }))
}

/// The letter of a value type in signatures and its name in the API, for types that have them.
fn letter_and_name(ty: ValType) -> Option<(&'static str, &'static str)> {
    Some(match ty {
        ValType::I32 => ("i", "i32"),
        ValType::I64 => ("I", "i64"),
        ValType::F32 => ("f", "f32"),
        ValType::F64 => ("F", "f64"),
        ValType::V128 => ("v", "v128"),
        ValType::Ref(RefType { nullable, heap }) => match heap {
            _ if !nullable => return None,
            HeapType::Func => ("a", "funcref"),
            HeapType::NoFunc => ("A", "nullfuncref"),
            HeapType::Extern => ("x", "externref"),
            HeapType::NoExtern => ("X", "nullexternref"),
            HeapType::Exn => ("e", "exnref"),
            HeapType::NoExn => ("E", "nullexnref"),
            HeapType::Concrete(_) => return None,
        },
    })
}

/// The name of any other reference type; a declared type has its number in this process.
fn reference_name(ty: ValType) -> String {
    let ValType::Ref(RefType { nullable, heap }) = ty else {
        return String::new();
    };
    let null = if nullable { "null " } else { "" };
    let heap = match heap {
        HeapType::Func => "func",
        HeapType::NoFunc => "nofunc",
        HeapType::Extern => "extern",
        HeapType::NoExtern => "noextern",
        HeapType::Exn => "exn",
        HeapType::NoExn => "noexn",
        HeapType::Concrete(id) => return format!("(ref {null}{})", id.number()),
    };
    format!("(ref {null}{heap})")
}

/// The name of a value type in the API.
pub fn name(ty: ValType) -> Cow<'static, str> {
    match letter_and_name(ty) {
        Some((_, name)) => name.into(),
        None => reference_name(ty).into(),
    }
}

/// A value type in signatures, as the facade reads them: see `lib/signature.js`.
pub fn letter(ty: ValType) -> Cow<'static, str> {
    match letter_and_name(ty) {
        Some((letter, _)) => letter.into(),
        None => reference_name(ty).into(),
    }
}

/// The engine's word for what JavaScript put into a slot: a function's number becomes its reference,
/// and 0 if no function has it; an externref's slot number is tagged.
pub fn to_word(store: &Store, ty: ValType, slot: u64) -> u64 {
    match ty {
        ty if ty.is_func() => store.functions().get(slot as u32).map_or(0, |f| f as u64),
        ty if ty.is_extern() => u64::from(slot as u32) | EXTERN_TAG as u64,
        _ => slot,
    }
}

/// What JavaScript finds in a slot for an engine's word.
pub fn from_word(ty: ValType, word: u64) -> u64 {
    match ty {
        ty if ty.is_func() => {
            // SAFETY: a funcref word is null or points to the reference of a live function.
            unsafe { (word as *const VMFuncRef).as_ref() }.map_or(0, |f| u64::from(f.index))
        }
        ty if ty.is_extern() => u64::from(word as u32),
        _ => word,
    }
}
