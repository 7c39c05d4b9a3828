//! Calls across the boundary: values in scratch memory, and the switch to the host's stack.

use super::emit::Emitter;
use crate::module::ValType;
use crate::runtime::vm::{
    Builtin, ENTRY_INDEX, EXTERN_TAG, SCRATCH_FUNCTION, SCRATCH_SLOTS, SCRATCH_STATE, State,
    THREAD_GUEST, THREAD_HOST,
};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Type, Value, types};

/// Where values of `types` lie in scratch memory, as offsets from the thread.
fn slots(types: &[ValType]) -> impl Iterator<Item = i32> + '_ {
    types.iter().scan(SCRATCH_SLOTS, |next, ty| {
        let slot = *next;
        *next += if *ty == ValType::V128 { 16 } else { 8 };
        Some(slot)
    })
}

/// The IR type of a value of type `ty` in scratch memory: references are numbers there. (An exnref never
/// gets to JavaScript.)
fn word_type(ty: ValType) -> Type {
    match ty {
        ty if ty.is_func() || ty.is_extern() => types::I32,
        ty => super::signature::ir_type(ty),
    }
}

impl Emitter<'_> {
    /// What JavaScript sees of a value.
    fn lower_value(&mut self, value: Value, ty: ValType) -> Value {
        match ty {
            ty if ty.is_extern() => self.b.ins().ireduce(types::I32, value),
            ty if ty.is_func() => {
                let present = self.b.create_block();
                let done = self.b.create_block();
                let index = self.b.append_block_param(done, types::I32);
                let null = self.i32_const(0);
                self.b
                    .ins()
                    .brif(value, present, &[], done, &[BlockArg::Value(null)]);
                self.b.seal_block(present);
                self.b.switch_to_block(present);
                let number =
                    self.b
                        .ins()
                        .load(types::I32, self.flags.reference, value, ENTRY_INDEX);
                self.jump(done, &[number]);
                self.b.seal_block(done);
                self.b.switch_to_block(done);
                index
            }
            _ => self.canonical(value),
        }
    }

    /// The guest's value for what JavaScript wrote.
    fn lift_word(&mut self, thread: Value, word: Value, ty: ValType) -> Result<Value, String> {
        Ok(match ty {
            ty if ty.is_extern() => {
                let slot = self.b.ins().uextend(types::I64, word);
                self.b.ins().bor_imm_s(slot, EXTERN_TAG)
            }
            ty if ty.is_func() => self.call_builtin_value(Builtin::FuncRef, &[thread, word])?,
            _ => word,
        })
    }

    /// The words of values, computed before anything is stored.
    pub fn lower_values(&mut self, values: &[Value], types: &[ValType]) -> Vec<Value> {
        let values = values.iter().zip(types);
        values
            .map(|(value, ty)| self.lower_value(*value, *ty))
            .collect()
    }

    /// Stores words into the slots.
    pub fn store_words(&mut self, thread: Value, words: &[Value], types: &[ValType]) {
        for (word, slot) in words.iter().zip(slots(types)) {
            self.b.ins().store(self.flags.scratch, *word, thread, slot);
        }
    }

    /// Loads values from the slots. All are read before any is converted: conversions call the
    /// runtime.
    pub fn load_values(&mut self, thread: Value, types: &[ValType]) -> Result<Vec<Value>, String> {
        let words: Vec<Value> = types
            .iter()
            .zip(slots(types))
            .map(|(ty, slot)| {
                self.b
                    .ins()
                    .load(word_type(*ty), self.flags.scratch, thread, slot)
            })
            .collect();
        words
            .into_iter()
            .zip(types)
            .map(|(word, ty)| self.lift_word(thread, word, *ty))
            .collect()
    }

    /// Writes the state word.
    pub fn store_state(&mut self, thread: Value, state: State) {
        let value = self.i32_const(state as i32);
        self.b
            .ins()
            .store(self.flags.scratch, value, thread, SCRATCH_STATE);
    }

    /// Lets the guest be diverted from here on. The sequence point keeps Cranelift from deleting the
    /// store where another one follows.
    pub fn store_run(&mut self, thread: Value) {
        self.store_state(thread, State::Run);
        self.b.ins().sequence_point();
    }

    /// Suspends the guest to have host function number `host` called.
    ///
    /// The order of stores matters, because a signal may come between any two instructions: while the
    /// state is `Run` the guest may be diverted, and what JavaScript then runs uses the same scratch
    /// memory. So the state changes before the arguments are written and goes back to `Run` after the
    /// results are read.
    pub fn host_call(
        &mut self,
        host: Value,
        args: &[Value],
        params: &[ValType],
        results: &[ValType],
    ) -> Result<Vec<Value>, String> {
        let thread = self.thread();
        let words = self.lower_values(args, params);
        self.store_state(thread, State::Call);
        self.store_words(thread, &words, params);
        self.b
            .ins()
            .store(self.flags.scratch, host, thread, SCRATCH_FUNCTION);
        let guest = self.b.ins().iadd_imm_s(thread, i64::from(THREAD_GUEST));
        let caller = self.b.ins().iadd_imm_s(thread, i64::from(THREAD_HOST));
        // The payload tells the host's side which thread it is on, sooner than its own stack would.
        self.b.ins().stack_switch(guest, caller, thread);

        let state = self
            .b
            .ins()
            .load(types::I32, self.flags.scratch, thread, SCRATCH_STATE);
        let threw = self
            .b
            .ins()
            .icmp_imm_u(IntCC::Equal, state, i64::from(State::Threw as i32));
        let rethrow = self.b.create_block();
        let answered = self.b.create_block();
        self.b.set_cold_block(rethrow);
        self.b.ins().brif(threw, rethrow, &[], answered, &[]);
        self.b.seal_block(rethrow);
        self.b.seal_block(answered);
        self.b.switch_to_block(rethrow);
        self.hand_on_of_host()?;
        self.b.switch_to_block(answered);

        let values = self.load_values(thread, results)?;
        self.store_run(thread);
        Ok(values)
    }
}
