//! Copies of what calls in cold blocks take, between optimisation and the allocation of registers.
//!
//! A call wants its arguments in certain registers, and the allocator puts a value there for as much of its life as it
//! can. If that is a loop, and the call is one of a function that reports an index out of bounds, the loop has moves in it
//! for the sake of a call that is never made, or keeps the value on the stack. So the call takes a copy, made where it is.

use super::schedule::is_constant;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Block, Function, Inst, InstBuilder, types};

/// Copies the arguments of all calls in cold blocks that come from elsewhere.
pub(super) fn copy_arguments(func: &mut Function) {
    let mut cursor = FuncCursor::new(func);
    while let Some(block) = cursor.next_block() {
        if !cursor.func.layout.is_cold(block) {
            continue;
        }
        while let Some(inst) = cursor.next_inst() {
            if cursor.func.dfg.insts[inst].opcode().is_call() {
                copy_arguments_of(&mut cursor, block, inst);
            }
        }
    }
}

fn copy_arguments_of(cursor: &mut FuncCursor<'_>, block: Block, call: Inst) {
    for position in 0..cursor.func.dfg.inst_args(call).len() {
        let value = cursor.func.dfg.inst_args(call)[position];
        let is_integer = matches!(cursor.func.dfg.value_type(value), types::I32 | types::I64);
        let dfg = &cursor.func.dfg;
        let made_by = dfg.value_def(value).inst();
        let is_here =
            made_by.is_some_and(|inst| cursor.func.layout.inst_block(inst) == Some(block));
        if is_integer && !is_here && !is_constant(dfg, value) {
            cursor.use_srcloc(call);
            // Nothing is optimised any more, so this stays.
            let copy = cursor.ins().iadd_imm_s(value, 0);
            cursor.func.dfg.inst_args_mut(call)[position] = copy;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::{AbiParam, Signature, UserFuncName};
    use cranelift_codegen::isa::CallConv;
    use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

    /// Two blocks that call with a parameter of the function, a constant and a sum of their own; the second is cold.
    #[test]
    fn calls_in_cold_blocks_take_copies_of_what_comes_from_elsewhere() {
        let mut signature = Signature::new(CallConv::Tail);
        signature.params = vec![AbiParam::new(types::I64); 3];
        let mut func = Function::with_name_signature(UserFuncName::default(), signature.clone());
        let mut context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut func, &mut context);
        let [warm, cold] = [builder.create_block(), builder.create_block()];
        builder.append_block_params_for_function_params(warm);
        builder.set_cold_block(cold);
        let signature = builder.import_signature(signature);
        let [callee, param, _] = builder.block_params(warm).try_into().unwrap();
        let mut call_in = |block| {
            builder.switch_to_block(block);
            let constant = builder.ins().iconst(types::I64, 7);
            let sum = builder.ins().iadd(param, constant);
            let args = [param, constant, sum];
            (builder.ins().call_indirect(signature, callee, &args), args)
        };
        let (warm_call, warm_args) = call_in(warm);
        let (cold_call, cold_args) = call_in(cold);
        builder.ins().return_(&[]);
        builder.switch_to_block(warm);
        builder.ins().jump(cold, &[]);
        builder.seal_all_blocks();
        copy_arguments(&mut func);

        assert_eq!(func.dfg.inst_args(warm_call)[1..], warm_args);
        let [_, param, constant, sum] = func.dfg.inst_args(cold_call).try_into().unwrap();
        assert_eq!([constant, sum], cold_args[1..]);
        let copy = func.dfg.value_def(param).unwrap_inst();
        assert_eq!(func.layout.inst_block(copy), Some(cold));
        assert_eq!(func.dfg.inst_args(copy)[0], cold_args[0]);
    }
}
