//! Counters of loops, between optimisation and the allocation of registers.
//!
//! Cranelift has an instruction of six or seven bytes for the sum with a constant, and one of three or four for the
//! difference. Where the sum takes the place of what was added to it hardly ever needs another register. So `i += 4`
//! becomes `i -= -4`: short loops have three bytes less, and more of them fit into a line of the cache (see `lines.rs`).

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::immediates::Imm64;
use cranelift_codegen::ir::{Function, Inst, InstBuilder, InstructionData, Opcode, Value, types};

/// Makes differences of the sums of a block's parameter and a small constant that become that parameter.
pub(super) fn subtract_from_counters(func: &mut Function) {
    let mut counters = Vec::new();
    for block in func.layout.blocks() {
        let Some(branch) = func.layout.last_inst(block) else {
            continue;
        };
        let (dfg, inst) = (&func.dfg, &func.dfg.insts[branch]);
        for call in inst.branch_destination(&dfg.jump_tables, &dfg.exception_tables) {
            let params = dfg.block_params(call.block(&dfg.value_lists));
            let args = call.args(&dfg.value_lists);
            counters.extend(params.iter().zip(args).filter_map(|(param, arg)| {
                let sum = dfg.value_def(arg.as_value()?).inst()?;
                Some((sum, *param, difference(func, sum, *param)?))
            }));
        }
    }
    // One that is passed twice is there twice.
    counters.sort_unstable();
    counters.dedup();
    for (sum, param, constant) in counters {
        let mut cursor = FuncCursor::new(func).at_inst(sum);
        let ty = cursor.func.dfg.value_type(param);
        cursor.use_srcloc(sum);
        let constant = Imm64::new(constant).zero_extend_from_width(ty.bits());
        let constant = cursor.ins().iconst(ty, constant);
        cursor.func.dfg.insts[sum] = InstructionData::Binary {
            opcode: Opcode::Isub,
            args: [param, constant],
        };
    }
}

/// What has to be subtracted from `param` in place of this sum, as it is with an instruction's byte.
fn difference(func: &Function, sum: Inst, param: Value) -> Option<i64> {
    let dfg = &func.dfg;
    let is_sum = dfg.insts[sum].opcode() == Opcode::Iadd;
    let &[x, constant] = dfg.inst_args(sum) else {
        return None;
    };
    let bits = match dfg.value_type(x) {
        types::I32 => 32,
        types::I64 => 64,
        _ => return None,
    };
    let InstructionData::UnaryImm { imm, .. } = dfg.insts[dfg.value_def(constant).inst()?] else {
        return None;
    };
    let added = imm.sign_extend_from_width(bits).bits();
    (is_sum && x == param)
        .then(|| added.checked_neg())?
        .filter(|subtracted| i8::try_from(*subtracted).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_codegen::ir::{AbiParam, Signature, Type, UserFuncName};
    use cranelift_codegen::isa::CallConv;
    use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

    /// A loop whose first parameter becomes the sum of the parameter `of` and a constant; what becomes of the sum.
    fn opcode_and_constant(ty: Type, of: usize, added: i64) -> (Opcode, i64) {
        let mut signature = Signature::new(CallConv::Tail);
        signature.params = vec![AbiParam::new(ty); 2];
        let mut func = Function::with_name_signature(UserFuncName::default(), signature);
        let mut context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut func, &mut context);
        let [entry, head, end] = [(); 3].map(|()| builder.create_block());
        builder.append_block_params_for_function_params(entry);
        let params = [ty; 2].map(|ty| builder.append_block_param(head, ty));
        builder.switch_to_block(entry);
        let args: Vec<_> = builder
            .block_params(entry)
            .iter()
            .map(|arg| (*arg).into())
            .collect();
        builder.ins().jump(head, &args);
        builder.switch_to_block(head);
        let immediate = Imm64::new(added).zero_extend_from_width(ty.bits());
        let constant = builder.ins().iconst(ty, immediate);
        let sum = builder.ins().iadd(params[of], constant);
        let args = [sum.into(), params[1].into()];
        builder.ins().brif(sum, head, &args, end, &[]);
        builder.switch_to_block(end);
        builder.ins().return_(&[]);
        builder.seal_all_blocks();
        subtract_from_counters(&mut func);
        let sum = func.dfg.value_def(sum).unwrap_inst();
        let [x, constant] = func.dfg.inst_args(sum).try_into().unwrap();
        assert_eq!(x, params[of]);
        let constant = func.dfg.value_def(constant).unwrap_inst();
        let InstructionData::UnaryImm { imm, .. } = func.dfg.insts[constant] else {
            panic!("a constant")
        };
        let opcode = func.dfg.insts[sum].opcode();
        (opcode, imm.sign_extend_from_width(ty.bits()).bits())
    }

    #[test]
    fn what_a_counter_grows_by_is_subtracted_where_that_is_a_byte() {
        use Opcode::{Iadd, Isub};
        for ty in [types::I32, types::I64] {
            for (added, expected) in [
                (4, (Isub, -4)),
                (128, (Isub, -128)),
                (129, (Iadd, 129)),
                (-127, (Isub, 127)),
                (-128, (Iadd, -128)),
                (i64::from(i32::MIN), (Iadd, i64::from(i32::MIN))),
            ] {
                assert_eq!(opcode_and_constant(ty, 0, added), expected, "{ty} {added}");
            }
            // It does not take the place of what was added to.
            assert_eq!(opcode_and_constant(ty, 1, 4), (Iadd, 4));
        }
        assert_eq!(
            opcode_and_constant(types::I64, 0, i64::MIN),
            (Iadd, i64::MIN)
        );
        assert_eq!(opcode_and_constant(types::I16, 0, 4), (Iadd, 4));
    }
}
