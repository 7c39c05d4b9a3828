//! How types of wasm look in Cranelift IR.

use crate::module::{FuncType, ValType};
use crate::runtime::vm::Builtin;
use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Signature, Type, types};
use cranelift_codegen::isa::CallConv;

/// Pointers of the machine.
pub(super) const POINTER: Type = types::I64;

/// The IR type of values of type `ty` wherever control flow joins, in locals, and across calls. A
/// v128 has the type of its last use elsewhere.
pub(super) fn ir_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => types::I32,
        ValType::I64 => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::V128 => types::I8X16,
        // A reference to a function is a pointer; one to a JavaScript value is a tagged number.
        ValType::Ref(_) => types::I64,
    }
}

/// The signature of guest functions of type `ty`: the context first, then the parameters.
pub(super) fn guest(ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature
        .params
        .push(AbiParam::special(POINTER, ArgumentPurpose::VMContext));
    let params = ty.params.iter().map(|ty| AbiParam::new(ir_type(*ty)));
    signature.params.extend(params);
    let results = ty.results.iter().map(|ty| AbiParam::new(ir_type(*ty)));
    signature.returns.extend(results);
    signature
}

/// Does a function of type `ty` return in memory? Cranelift then inserts where, before all arguments. Its
/// registers for results: eight for integers, eight for floats and vectors.
pub fn returns_in_memory(ty: &FuncType) -> bool {
    let is_float = |ty: &&ValType| matches!(ty, ValType::F32 | ValType::F64 | ValType::V128);
    let floats = ty.results.iter().filter(is_float).count();
    floats > 8 || ty.results.len() - floats > 8
}

/// The signature of a function of type `ty` that begins at a loop: the context, and the address of its
/// values.
pub(super) fn from_loop(ty: &FuncType) -> Signature {
    let mut signature = guest(ty);
    signature.params.truncate(1);
    signature.params.push(AbiParam::new(POINTER));
    signature
}

/// The signature of entry trampolines: `(thread, func_ref)`, which return null. The host calls those of functions that cannot trap as any
/// function of its own.
pub(super) fn entry() -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.extend([AbiParam::new(POINTER); 2]);
    signature.returns.push(AbiParam::new(POINTER));
    signature
}

/// The signature of a runtime function, as documented at [`Builtin`].
pub(super) fn builtin(builtin: Builtin) -> Signature {
    use types::{I32, I64};
    let (params, result): (&[Type], Option<Type>) = match builtin {
        Builtin::AtomicNotify => (&[POINTER, I32, I64, I64], Some(I64)),
        Builtin::AtomicWait32 | Builtin::AtomicWait64 => {
            (&[POINTER, I32, I64, I64, I64], Some(I64))
        }
        Builtin::Move | Builtin::Set => (&[POINTER, POINTER, I64], Some(POINTER)),
        Builtin::MemoryGrow => (&[POINTER, I32, I64], Some(I64)),
        Builtin::MemoryFill | Builtin::TableFill => (&[POINTER, I32, I64, I64, I64], Some(I32)),
        Builtin::MemoryCopy | Builtin::MemoryInit | Builtin::TableCopy | Builtin::TableInit => {
            (&[POINTER, I32, I32, I64, I64, I64], Some(I32))
        }
        Builtin::DataDrop | Builtin::ElemDrop => (&[POINTER, I32], None),
        Builtin::TableGrow => (&[POINTER, I32, I64, I64], Some(I64)),
        Builtin::FuncRef => (&[POINTER, I32], Some(POINTER)),
        Builtin::Hot => (&[POINTER, I32, I32, I32], Some(POINTER)),
        Builtin::Raise => (&[POINTER, I32, I32], None),
        Builtin::IsSubtype => (&[I32, I32], Some(I32)),
        Builtin::NewException => (&[POINTER, I32, POINTER], Some(POINTER)),
        Builtin::HostException => (&[POINTER], Some(POINTER)),
        Builtin::Throw => (&[POINTER, I64, POINTER], None),
    };
    let mut signature = Signature::new(match builtin {
        // A handler in the calling function must not expect anything in a register.
        Builtin::Throw => CallConv::Tail,
        _ => CallConv::SystemV,
    });
    signature
        .params
        .extend(params.iter().map(|ty| AbiParam::new(*ty)));
    signature
        .returns
        .extend(result.into_iter().map(AbiParam::new));
    signature
}
