//! Functions between wasm and the host, straight to machine code: entries and host adapters of the usual types. What they
//! do, in which order and why, is said at Cranelift's form of them ([`crate::compiler::trampoline`] and
//! [`crate::compiler::host`]), which is there for all types and takes a hundred times as long to make.

use super::call::is_simple;
use super::frame::{FLOAT_PARAMS, INTEGER_PARAMS, is_float, stack_arguments};
use super::operand::{R10, RAX, RDI};
use super::{Result, Unsupported, supported};
use crate::compiler::{CompiledFunction, TrapSite};
use crate::module::{FuncType, Module, ValType};
use crate::runtime::Trap;
use crate::runtime::vm::{
    Builtin, ENTRY_CODE, ENTRY_INDEX, ENTRY_VMCTX, EXTERN_TAG, IMPORT_HOST, SCRATCH_FUNCTION,
    SCRATCH_SLOTS, SCRATCH_STATE, State, THREAD_GUEST, THREAD_HOST, VMCTX_BUILTINS,
    VMCTX_STACK_LIMIT, VMCTX_THREAD, VMOffsets,
};
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

/// Bytes of a host adapter's frame: saved registers and the context.
const FRAME: i32 = 48;
/// Offsets in what `stack_switch` stores.
const SP: i32 = 0;
const FP: i32 = 8;
const PC: i32 = 16;

/// How a value is written in scratch memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    I32,
    I64,
    F32,
    F64,
    Extern,
    Func,
}

fn kind(ty: ValType) -> Result<Kind> {
    Ok(match ty {
        ValType::I32 => Kind::I32,
        ValType::I64 => Kind::I64,
        ValType::F32 => Kind::F32,
        ValType::F64 => Kind::F64,
        ty if ty.is_extern() => Kind::Extern,
        ty if ty.is_func() => Kind::Func,
        _ => return Err(Unsupported),
    })
}

/// Where an argument is passed.
enum Place {
    Integer(u8),
    Float(u8),
    /// So many bytes above the first on the stack.
    Stack(i32),
}

/// How the values of a function are passed.
struct Convention {
    params: Vec<(Kind, Place)>,
    result: Option<Kind>,
}

fn convention(ty: &FuncType) -> Result<Convention> {
    if !is_simple(ty) || !supported() {
        return Err(Unsupported);
    }
    let (mut integers, mut floats) = (INTEGER_PARAMS.iter(), FLOAT_PARAMS.iter());
    let mut above = 0;
    let params = ty.params.iter().map(|ty| {
        let kind = kind(*ty)?;
        let register = match is_float(*ty) {
            true => floats.next().map(|register| Place::Float(*register)),
            false => integers.next().map(|register| Place::Integer(*register)),
        };
        Ok(match register {
            Some(place) => (kind, place),
            None => {
                above += 8;
                // By a register for integers: the bits are the same.
                let kind = match kind {
                    Kind::F32 => Kind::I32,
                    Kind::F64 => Kind::I64,
                    kind => kind,
                };
                (kind, Place::Stack(above - 8))
            }
        })
    });
    Ok(Convention {
        params: params.collect::<Result<_>>()?,
        result: ty.results.first().map(|ty| kind(*ty)).transpose()?,
    })
}

fn finish(asm: VecAssembler<X64Relocation>, traps: Vec<TrapSite>) -> Result<CompiledFunction> {
    Ok(CompiledFunction {
        code: asm.finalize().map_err(|_| Unsupported)?,
        align: 16,
        shift: 0,
        traps,
        handlers: Vec::new(),
    })
}

/// What is known of the instruction that comes next, or of the call that ends here.
fn site(asm: &VecAssembler<X64Relocation>, trap: Option<Trap>) -> TrapSite {
    let offset = asm.offset().0 as u32;
    TrapSite {
        offset: if trap.is_none() { offset - 1 } else { offset },
        trap,
        wasm_offset: 0,
    }
}

/// Loads the word at `base + slot` as a guest's value into a register of its kind, by r11. (The first of both kinds, where
/// results are, has the number 0.)
fn load(asm: &mut VecAssembler<X64Relocation>, kind: Kind, base: u8, slot: i32, to: u8) -> Result {
    match kind {
        Kind::I32 => dynasm!(asm ; .arch x64 ; mov Rd(to), [Rq(base) + slot]),
        Kind::I64 => dynasm!(asm ; .arch x64 ; mov Rq(to), [Rq(base) + slot]),
        Kind::F32 => dynasm!(asm ; .arch x64 ; movss Rx(to), [Rq(base) + slot]),
        Kind::F64 => dynasm!(asm ; .arch x64 ; movsd Rx(to), [Rq(base) + slot]),
        Kind::Extern => dynasm!(asm ; .arch x64
            ; mov Rd(to), [Rq(base) + slot]
            ; mov r11, QWORD EXTERN_TAG
            ; or Rq(to), r11),
        // It takes a runtime function to find it.
        Kind::Func => return Err(Unsupported),
    }
    Ok(())
}

/// Stores a guest's value as the word at `base + slot`; its register may change.
fn store(asm: &mut VecAssembler<X64Relocation>, kind: Kind, from: u8, base: u8, slot: i32) {
    match kind {
        Kind::I32 | Kind::Extern => dynasm!(asm ; .arch x64 ; mov [Rq(base) + slot], Rd(from)),
        Kind::I64 => dynasm!(asm ; .arch x64 ; mov [Rq(base) + slot], Rq(from)),
        Kind::F32 => dynasm!(asm ; .arch x64 ; movss [Rq(base) + slot], Rx(from)),
        Kind::F64 => dynasm!(asm ; .arch x64 ; movsd [Rq(base) + slot], Rx(from)),
        Kind::Func => {
            let null = asm.new_dynamic_label();
            dynasm!(asm ; .arch x64
                ; test Rq(from), Rq(from)
                ; jz =>null
                ; mov Rd(from), [Rq(from) + ENTRY_INDEX]
                ; =>null
                ; mov [Rq(base) + slot], Rd(from));
        }
    }
}

/// The entry trampoline of functions of type `ty`. The thread is on the stack meanwhile.
pub fn entry(ty: &FuncType) -> Result<CompiledFunction> {
    let Convention { params, result } = convention(ty)?;
    let mut asm = VecAssembler::new(0);
    let size = stack_arguments(ty);
    dynasm!(asm ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; push rdi
        ; sub rsp, size + 8
        ; mov r10, rsi);
    for ((kind, place), slot) in params.into_iter().zip((SCRATCH_SLOTS..).step_by(8)) {
        match place {
            Place::Integer(register) | Place::Float(register) => {
                load(&mut asm, kind, RDI, slot, register)?;
            }
            Place::Stack(above) => {
                load(&mut asm, kind, RDI, slot, RAX)?;
                dynasm!(asm ; .arch x64 ; mov [rsp + above], rax);
            }
        }
    }
    dynasm!(asm ; .arch x64
        ; mov DWORD [rdi + SCRATCH_STATE], State::Run as i32
        ; mov rdi, [r10 + ENTRY_VMCTX]
        ; mov rax, [r10 + ENTRY_CODE]
        ; call QWORD [rax]);
    let call = site(&asm, None);
    // The state changes before the result is written.
    dynasm!(asm ; .arch x64
        ; mov r10, [rbp - 8]
        ; mov DWORD [r10 + SCRATCH_STATE], State::Done as i32);
    if let Some(kind) = result {
        store(&mut asm, kind, RAX, R10, SCRATCH_SLOTS);
    }
    // The callee has dropped its arguments.
    dynasm!(asm ; .arch x64 ; xor eax, eax ; leave ; ret);
    finish(asm, vec![call])
}

/// The host adapter of imported function `import`. Below rbp lie the registers that the host changes, then the context.
pub fn host_adapter(module: &Module, offsets: &VMOffsets, import: u32) -> Result<CompiledFunction> {
    if import >= module.imported_functions {
        return Err(Unsupported);
    }
    let ty = module.function_type(import);
    let Convention { params, result } = convention(ty)?;
    let mut asm = VecAssembler::new(0);
    let (overflow, resumed, threw) = (
        asm.new_dynamic_label(),
        asm.new_dynamic_label(),
        asm.new_dynamic_label(),
    );
    let host = offsets.imported_function(import) + IMPORT_HOST;
    dynasm!(asm ; .arch x64
        ; push rbp
        ; mov rbp, rsp
        ; lea r10, [rsp - FRAME]
        ; cmp r10, [rdi + VMCTX_STACK_LIMIT]
        ; jb =>overflow
        ; push rbx
        ; push r12
        ; push r13
        ; push r14
        ; push r15
        ; push rdi
        ; mov rax, [rdi + VMCTX_THREAD]
        ; mov DWORD [rax + SCRATCH_STATE], State::Call as i32);
    for ((kind, place), slot) in params.into_iter().zip((SCRATCH_SLOTS..).step_by(8)) {
        match place {
            Place::Integer(register) | Place::Float(register) => {
                store(&mut asm, kind, register, RAX, slot);
            }
            Place::Stack(above) => {
                dynasm!(asm ; .arch x64 ; mov r10, [rbp + (16 + above)]);
                store(&mut asm, kind, R10, RAX, slot);
            }
        }
    }
    dynasm!(asm ; .arch x64
        ; mov r10d, [rdi + host]
        ; mov [rax + SCRATCH_FUNCTION], r10d
        // The thread is in rdi for the host's side.
        ; mov rdi, rax
        ; mov r10, [rdi + (THREAD_HOST + SP)]
        ; mov [rdi + (THREAD_GUEST + SP)], rsp
        ; mov rsp, r10
        ; mov r10, [rdi + (THREAD_HOST + FP)]
        ; mov [rdi + (THREAD_GUEST + FP)], rbp
        ; mov rbp, r10
        ; lea r10, [=>resumed]
        ; mov [rdi + (THREAD_GUEST + PC)], r10
        ; jmp QWORD [rdi + (THREAD_HOST + PC)]
        ; =>resumed
        ; mov rdi, [rbp - FRAME]
        ; mov r10, [rdi + VMCTX_THREAD]
        ; cmp DWORD [r10 + SCRATCH_STATE], State::Threw as i32
        ; je =>threw);
    if let Some(kind) = result {
        load(&mut asm, kind, R10, SCRATCH_SLOTS, RAX)?;
    }
    dynasm!(asm ; .arch x64
        ; mov DWORD [r10 + SCRATCH_STATE], State::Run as i32
        ; add rsp, 8
        ; pop r15
        ; pop r14
        ; pop r13
        ; pop r12
        ; pop rbx
        ; pop rbp);
    match stack_arguments(ty) {
        0 => dynasm!(asm ; .arch x64 ; ret),
        arguments => {
            let arguments = i16::try_from(arguments).map_err(|_| Unsupported)?;
            dynasm!(asm ; .arch x64 ; ret arguments);
        }
    }
    let throw = 8 * Builtin::Throw as i32;
    dynasm!(asm ; .arch x64
        ; =>threw
        ; xor esi, esi
        ; xor edx, edx
        ; mov rax, [rdi + VMCTX_BUILTINS]
        ; call QWORD [rax + throw]);
    let thrown = site(&asm, None);
    dynasm!(asm ; .arch x64 ; ud2 ; =>overflow);
    let overflowed = site(&asm, Some(Trap::StackOverflow));
    dynasm!(asm ; .arch x64 ; ud2);
    finish(asm, vec![thrown, overflowed])
}
