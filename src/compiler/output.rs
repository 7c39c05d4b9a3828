//! From IR to bytes: runs Cranelift and takes what the engine keeps.

use super::copies::copy_arguments;
use super::counters::{compare_next, subtract_from_counters};
use super::exits::copy_at_exits;
use super::invariant::move_before_loops;
use super::lines;
use super::location::Locations;
use super::schedule::schedule;
use super::threaded::copy_jumps;
use super::{CompiledFunction, HandlerSite, TrapSite};
use crate::runtime::Trap;
use cranelift_codegen::binemit::Reloc;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{ExternalName, SourceLoc, TrapCode};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{
    CompiledCode, Context, FinalizedMachExceptionHandler, FinalizedMachReloc, FinalizedRelocTarget,
};
use cranelift_frontend::FunctionBuilderContext;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What Cranelift allocates for a function, kept for the next one.
struct Workspace {
    context: Context,
    frontend: FunctionBuilderContext,
}

thread_local! {
    static WORKSPACE: RefCell<Option<Box<Workspace>>> = const { RefCell::new(None) };
}

/// Compiles the function that `build` makes. With `ordered`, which optimises nothing, its instructions are put in order
/// between optimisation and the rest. `bytes` are the module's, to which source locations refer; trampolines have none.
pub(super) fn compile(
    isa: &dyn TargetIsa,
    ordered: Option<&dyn TargetIsa>,
    bytes: &[u8],
    build: impl FnOnce(&mut Context, &mut FunctionBuilderContext) -> Result<Locations, String>,
) -> Result<CompiledFunction, String> {
    // Taken, not borrowed: after an error what is left in it must not be used again.
    let mut workspace = WORKSPACE.take().unwrap_or_else(|| {
        Box::new(Workspace {
            context: Context::new(),
            frontend: FunctionBuilderContext::new(),
        })
    });
    // Limits of Cranelift that it does not report but asserts must not end the process.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let Workspace { context, frontend } = &mut *workspace;
        let origins = build(context, frontend)?;
        let start = context.func.params.base_srcloc();
        let failed = |error| format!("compilation failed: {error:?}");
        let plane = &mut ControlPlane::default();
        if ordered.is_some() {
            context.optimize(isa, plane).map_err(failed)?;
            move_before_loops(context);
            copy_jumps(context);
            copy_at_exits(context);
            copy_arguments(&mut context.func);
            compare_next(&mut context.func);
            subtract_from_counters(&mut context.func);
            schedule(&mut context.func);
        }
        let code = context
            .compile(ordered.unwrap_or(isa), plane)
            .map_err(|error| failed(error.inner))?;
        let function = finish(isa, bytes, start, &origins, code)?;
        context.clear();
        Ok::<_, String>(function)
    }));
    match result {
        Ok(Ok(function)) => {
            WORKSPACE.set(Some(workspace));
            Ok(function)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err("compilation failed: internal error of the code generator".to_owned()),
    }
}

fn finish(
    isa: &dyn TargetIsa,
    bytes: &[u8],
    start: SourceLoc,
    origins: &Locations,
    compiled: &CompiledCode,
) -> Result<CompiledFunction, String> {
    let buffer = &compiled.buffer;
    let mut code = buffer.data().to_vec();
    for relocation in buffer.relocs() {
        resolve(&mut code, relocation)?;
    }
    let locations = buffer.get_srclocs_sorted();
    let offsets = |offset: u32| {
        let position = locations.partition_point(|location| location.start <= offset);
        let found = locations[..position]
            .last()
            .filter(|location| offset < location.end && !location.loc.is_default());
        // What belongs to no instruction is of the prologue.
        origins.offsets(found.map_or(start, |location| location.loc))
    };
    let mut traps = Vec::new();
    // A site, and those that it is inlined in.
    let mut add = |offset: u32, trap: Option<Trap>| {
        let mut offsets = offsets(offset);
        let site = |trap, wasm_offset| TrapSite {
            offset,
            trap,
            wasm_offset,
        };
        traps.push(site(trap, offsets.next().unwrap_or(0)));
        traps.extend(offsets.map(|wasm_offset| site(None, wasm_offset)));
    };
    for site in buffer.traps() {
        let wasm_offset = offsets(site.offset).next().unwrap_or(0);
        let opcode = bytes.get(wasm_offset as usize).copied().unwrap_or(0);
        let trap =
            trap(site.code, opcode).ok_or_else(|| format!("unexpected trap code {}", site.code))?;
        add(site.offset, Some(trap));
    }
    for call in buffer.call_sites() {
        add(call.ret_addr - 1, None);
    }
    // Those of one offset keep their order.
    traps.sort_by_key(|site| site.offset);
    let handlers = buffer.call_sites().filter_map(|site| {
        // There is one handler at most, which tells tags apart itself.
        let &FinalizedMachExceptionHandler::Default(landing) = site.exception_handlers.first()?
        else {
            return None;
        };
        Some(HandlerSite {
            return_address: site.ret_addr,
            landing,
            frame: site.frame_offset?,
        })
    });
    let mut handlers: Vec<HandlerSite> = handlers.collect();
    handlers.sort_by_key(|site| site.return_address);
    let place = lines::place(&code, &compiled.bb_starts);
    Ok(CompiledFunction {
        code,
        align: place.map_or(isa.function_alignment().preferred, |_| lines::LINE),
        shift: place.unwrap_or(0),
        traps,
        handlers,
    })
}

/// Resolves a call of the function itself. There must be no other relocation: code holds no address
/// of the process, and the only external name that is ever declared is the function's own.
fn resolve(code: &mut [u8], relocation: &FinalizedMachReloc) -> Result<(), String> {
    let unexpected = || format!("unexpected relocation {relocation:?}");
    if relocation.kind != Reloc::X86CallPCRel4
        || !matches!(
            relocation.target,
            FinalizedRelocTarget::ExternalName(ExternalName::User(_))
        )
    {
        return Err(unexpected());
    }
    let start = relocation.offset as usize;
    let field = code.get_mut(start..start + 4).ok_or_else(unexpected)?;
    let distance = relocation.addend - i64::from(relocation.offset);
    let distance = i32::try_from(distance).map_err(|_| unexpected())?;
    field.copy_from_slice(&distance.to_le_bytes());
    Ok(())
}

/// The trap that Cranelift's trap code stands for at an instruction of the given opcode. Cranelift has
/// one code for overflow in divisions and in conversions, but the texts of the errors differ.
fn trap(code: TrapCode, opcode: u8) -> Option<Trap> {
    match code {
        TrapCode::STACK_OVERFLOW => Some(Trap::StackOverflow),
        TrapCode::HEAP_OUT_OF_BOUNDS => Some(Trap::MemoryOutOfBounds),
        TrapCode::BAD_CONVERSION_TO_INTEGER => Some(Trap::BadConversion),
        TrapCode::INTEGER_OVERFLOW => Some(match opcode {
            // i32.trunc_f32_s … i32.trunc_f64_u, i64.trunc_f32_s … i64.trunc_f64_u
            0xa8..=0xab | 0xae..=0xb1 => Trap::BadConversion,
            _ => Trap::IntegerOverflow,
        }),
        TrapCode::INTEGER_DIVISION_BY_ZERO => Some(match opcode {
            // i32.rem_s, i32.rem_u, i64.rem_s, i64.rem_u
            0x6f | 0x70 | 0x81 | 0x82 => Trap::RemainderByZero,
            _ => Trap::DivideByZero,
        }),
        code => Trap::from_code(code.as_raw().get()),
    }
}
