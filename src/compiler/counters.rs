//! Counters of loops, between optimisation and the allocation of registers.
//!
//! Of `i + 1 != n` Cranelift makes `i != n - 1`. If a loop goes on so, its counter and the next value of that are both needed
//! at the end of a round: another register, two moves, and a jump, as one of the moves is on the way back. So the next value
//! is compared again.
//!
//! Cranelift has an instruction of six or seven bytes for the sum with a constant, and one of three or four for the
//! difference. Where the sum takes the place of what was added to it hardly ever needs another register. So `i += 4`
//! becomes `i -= -4`: short loops have three bytes less, and more of them fit into a line of the cache (see `lines.rs`).

use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Imm64;
use cranelift_codegen::ir::{
    Block, Function, Inst, InstBuilder, InstructionData, Opcode, Value, types,
};

/// Lets branches compare the next value of a counter in place of the last one.
pub(super) fn compare_next(func: &mut Function) {
    let blocks: Vec<Block> = func.layout.blocks().collect();
    for block in blocks {
        if let Some(branch) = func.layout.last_inst(block)
            && let Some((cond, next, bound)) = next_and_bound(func, branch)
        {
            let mut cursor = FuncCursor::new(func).at_inst(branch);
            cursor.use_srcloc(branch);
            let ty = cursor.func.dfg.value_type(next);
            let bound = cursor.ins().iconst(ty, bound);
            let compared = cursor.ins().icmp(cond, next, bound);
            cursor.func.dfg.inst_args_mut(branch)[0] = compared;
        }
    }
}

/// What a branch has to compare, which now compares a counter with a constant.
fn next_and_bound(func: &Function, branch: Inst) -> Option<(IntCC, Value, Imm64)> {
    let dfg = &func.dfg;
    let InstructionData::Brif { arg, blocks, .. } = dfg.insts[branch] else {
        return None;
    };
    let InstructionData::IntCompare { cond, args, .. } = dfg.insts[dfg.value_def(arg).inst()?]
    else {
        return None;
    };
    let [counter, bound] = args;
    let bound = constant(func, bound)?;
    let next = blocks.iter().find_map(|call| {
        let params = dfg.block_params(call.block(&dfg.value_lists)).iter();
        let mut passed = params.zip(call.args(&dfg.value_lists));
        passed.find_map(|(param, arg)| arg.as_value().filter(|_| *param == counter))
    })?;
    let sum = dfg.value_def(next).inst()?;
    let &[first, added] = dfg.inst_args(sum) else {
        return None;
    };
    let is_sum = dfg.insts[sum].opcode() == Opcode::Iadd && first == counter;
    let bound = bound.wrapping_add(constant(func, added)?);
    let bits = dfg.value_type(counter).bits();
    (is_sum && matches!(cond, IntCC::Equal | IntCC::NotEqual))
        .then(|| (cond, next, Imm64::new(bound).zero_extend_from_width(bits)))
}

fn constant(func: &Function, value: Value) -> Option<i64> {
    match func.dfg.insts[func.dfg.value_def(value).inst()?] {
        InstructionData::UnaryImm {
            opcode: Opcode::Iconst,
            imm,
        } => Some(imm.bits()),
        _ => None,
    }
}

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

    /// What a loop's branch compares, and whether that is the sum of its counter and `added`, if Cranelift has left the
    /// comparison of the counter with a constant; after the pass.
    fn compared(ty: Type, cond: IntCC, bound: i64, added: i64) -> (IntCC, bool, i64) {
        let mut signature = Signature::new(CallConv::Tail);
        signature.params = vec![AbiParam::new(ty)];
        let mut func = Function::with_name_signature(UserFuncName::default(), signature);
        let mut context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut func, &mut context);
        let [entry, head, end] = [(); 3].map(|()| builder.create_block());
        builder.append_block_params_for_function_params(entry);
        let counter = builder.append_block_param(head, ty);
        builder.switch_to_block(entry);
        let first = builder.block_params(entry)[0];
        builder.ins().jump(head, &[first.into()]);
        builder.switch_to_block(head);
        let [bound, added] = [bound, added].map(|value| {
            let value = Imm64::new(value).zero_extend_from_width(ty.bits());
            builder.ins().iconst(ty, value)
        });
        let compared = builder.ins().icmp(cond, counter, bound);
        let sum = builder.ins().iadd(counter, added);
        let branch = builder.ins();
        let branch = branch.brif(compared, head, &[sum.into()], end, &[]);
        builder.switch_to_block(end);
        builder.ins().return_(&[]);
        builder.seal_all_blocks();
        compare_next(&mut func);
        let compared = func.dfg.inst_args(branch)[0];
        let inst = func.dfg.value_def(compared).unwrap_inst();
        let InstructionData::IntCompare { cond, args, .. } = func.dfg.insts[inst] else {
            panic!("a comparison")
        };
        let bound = constant(&func, args[1]).unwrap();
        let bound = Imm64::new(bound).sign_extend_from_width(ty.bits()).bits();
        (cond, args[0] == sum, bound)
    }

    #[test]
    fn the_next_value_of_a_counter_is_compared() {
        for ty in [types::I32, types::I64] {
            for cond in [IntCC::Equal, IntCC::NotEqual] {
                assert_eq!(compared(ty, cond, 298, 2), (cond, true, 300), "{ty}");
                assert_eq!(compared(ty, cond, 1, -1), (cond, true, 0), "{ty}");
            }
            // It may be past the end of the numbers.
            let less = IntCC::UnsignedLessThan;
            assert_eq!(compared(ty, less, 298, 2), (less, false, 298));
        }
        let (last, first) = (i64::from(i32::MAX), i64::from(i32::MIN));
        let wrapped = compared(types::I32, IntCC::NotEqual, last, 1);
        assert_eq!(wrapped, (IntCC::NotEqual, true, first));
    }
}
