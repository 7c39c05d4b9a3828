//! Functions that are not of wasm: entries from the host, and host functions as values.

use super::emit::Emitter;
use super::signature::{self, POINTER};
use crate::module::{FuncType, Module};
use crate::runtime::vm::{ENTRY_CODE, ENTRY_VMCTX, IMPORT_HOST, State, VMOffsets};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{InstBuilder, UserFuncName, types};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// The host enters a guest function of type `ty`: arguments out of the slots, results into them.
///
/// It may be interrupted like a guest, between any two instructions: the state is `Run` only after the
/// arguments were read and before the results are written. It returns null.
pub(super) fn entry(
    isa: &dyn TargetIsa,
    ty: &FuncType,
    context: &mut Context,
    frontend: &mut FunctionBuilderContext,
) -> Result<(), String> {
    context.func.signature = signature::entry();
    context.func.name = UserFuncName::user(1, 0);
    let mut e = Emitter::new(FunctionBuilder::new(&mut context.func, frontend))?;
    let block = e.b.current_block().ok_or("no current block")?;
    let &[thread, func_ref] = e.b.block_params(block) else {
        return Err("entry trampoline has two parameters".to_owned());
    };
    // A reference outlives the call and never changes.
    e.vmctx =
        e.b.ins()
            .load(POINTER, e.flags.fixed, func_ref, ENTRY_VMCTX);
    let mut args = vec![e.vmctx];
    args.extend(e.load_values(thread, &ty.params)?);
    e.store_run(thread);
    let slot = e.b.ins().load(POINTER, e.flags.fixed, func_ref, ENTRY_CODE);
    let code = e.b.ins().load(POINTER, e.flags.reference, slot, 0);
    let signature = e.b.import_signature(signature::guest(ty));
    let call = e.b.ins().call_indirect(signature, code, &args);
    let results = e.b.inst_results(call).to_vec();
    let words = e.lower_values(&results, &ty.results);
    e.store_state(thread, State::Done);
    e.store_words(thread, &words, &ty.results);
    let null = e.b.ins().iconst(POINTER, 0);
    e.b.ins().return_(&[null]);
    e.b.finalize(isa.frontend_config());
    Ok(())
}

/// Imported function `import` as a guest function, for where it is a host function and used as a
/// value. Its context is the importing instance's.
pub(super) fn host_adapter(
    isa: &dyn TargetIsa,
    module: &Module,
    offsets: &VMOffsets,
    import: u32,
    context: &mut Context,
    frontend: &mut FunctionBuilderContext,
) -> Result<(), String> {
    if import >= module.imported_functions {
        return Err("no such imported function".to_owned());
    }
    let ty = module.function_type(import);
    context.func.signature = signature::guest(ty);
    context.func.name = UserFuncName::user(2, import);
    let mut e = Emitter::new(FunctionBuilder::new(&mut context.func, frontend))?;
    e.check_stack()?;
    let block = e.b.current_block().ok_or("no current block")?;
    let args = e.b.block_params(block)[1..].to_vec();
    let host = e.fixed(types::I32, offsets.imported_function(import) + IMPORT_HOST);
    let results = e.host_call(host, &args, &ty.params, &ty.results)?;
    e.b.ins().return_(&results);
    e.b.finalize(isa.frontend_config());
    Ok(())
}
