//! Calls of runtime functions.

use super::emit::{Emitter, trap_code};
use super::signature::{self, POINTER};
use crate::runtime::Trap;
use crate::runtime::vm::{Builtin, State, VMCTX_BUILTINS};
use cranelift_codegen::ir::{InstBuilder, SigRef, Value};

impl Emitter<'_> {
    /// Calls a runtime function; the result is `None` where it has none.
    pub fn call_builtin(&mut self, builtin: Builtin, args: &[Value]) -> Option<Value> {
        let (signature, function) = self.builtin(builtin);
        let call = self.b.ins().call_indirect(signature, function, args);
        self.b.inst_results(call).first().copied()
    }

    /// A runtime function.
    pub fn builtin(&mut self, builtin: Builtin) -> (SigRef, Value) {
        let index = builtin as usize;
        let signature = match self.builtin_signatures[index] {
            Some(signature) => signature,
            None => {
                let signature = self.b.import_signature(signature::builtin(builtin));
                self.builtin_signatures[index] = Some(signature);
                signature
            }
        };
        let table = self.fixed(POINTER, VMCTX_BUILTINS);
        let function = self
            .b
            .ins()
            .load(POINTER, self.flags.fixed, table, 8 * index as i32);
        (signature, function)
    }

    /// Calls a runtime function for its result.
    pub fn call_builtin_value(
        &mut self,
        builtin: Builtin,
        args: &[Value],
    ) -> Result<Value, String> {
        self.call_builtin(builtin, args)
            .ok_or_else(|| format!("{builtin:?} has no result"))
    }

    /// Calls a runtime function that returns the number of a trap or 0, and raises the trap.
    pub fn call_trapping_builtin(
        &mut self,
        builtin: Builtin,
        args: &[Value],
    ) -> Result<(), String> {
        let code = self.call_builtin_value(builtin, args)?;
        let failed = self.b.create_block();
        let done = self.b.create_block();
        self.b.set_cold_block(failed);
        self.b.ins().brif(code, failed, &[], done, &[]);
        self.b.seal_block(failed);
        self.b.seal_block(done);
        self.b.switch_to_block(failed);
        self.raise(State::Trap, code);
        self.b.switch_to_block(done);
        Ok(())
    }

    /// Ends the activation, and with it the current block.
    pub fn raise(&mut self, state: State, code: Value) {
        let thread = self.thread();
        let state = self.i32_const(state as i32);
        self.call_builtin(Builtin::Raise, &[thread, state, code]);
        // Never reached, but a block needs an end.
        self.b.ins().trap(trap_code(Trap::Unreachable));
    }
}
