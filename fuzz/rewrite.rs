//! What wasm-smith makes only together with things that the engine refuses, put into its modules: calls through
//! references in place of direct ones, and atomic operations on memories that are not shared.

use super::Random;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, Instruction, MemoryType};
use wasmparser::{FunctionBody, Operator};
use wrt::module::Module;

struct Rewriter<'a> {
    random: &'a mut Random,
    /// Calls one in so many through a reference; never if that is 0.
    calls: usize,
    /// The type of each function.
    functions: &'a [u32],
}

type Result<T> = std::result::Result<T, Error<Infallible>>;

/// The module with other memories and calls; it does the same.
pub fn rewrite(random: &mut Random, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rewriter = Rewriter {
        calls: random.below(3),
        random,
        functions: &[],
    };
    let plain = rewriter.module(bytes)?;
    // The target says so if it is refused.
    let Ok(decoded) = Module::decode(plain.clone()) else {
        return Some(plain);
    };
    rewriter.functions = &decoded.functions;
    rewriter.module(&plain)
}

impl Rewriter<'_> {
    fn module(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut module = wasm_encoder::Module::new();
        let parser = wasmparser::Parser::new(0);
        self.parse_core_module(&mut module, parser, bytes).ok()?;
        Some(module.finish())
    }

    /// The type of a function, if a call of it is to go through a reference.
    fn referred(&mut self, function: u32) -> Option<u32> {
        let chosen = self.calls > 0 && self.random.below(self.calls) == 0;
        self.functions
            .get(function as usize)
            .copied()
            .filter(|_| chosen)
    }
}

impl Reencode for Rewriter<'_> {
    type Error = Infallible;

    fn memory_type(&mut self, ty: wasmparser::MemoryType) -> Result<MemoryType> {
        let ty = wasmparser::MemoryType {
            shared: false,
            ..ty
        };
        Ok(wasm_encoder::reencode::utils::memory_type(self, ty))
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<()> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let operator = reader.read()?;
            // All functions are exported, and so may be referred to.
            match operator {
                Operator::Call { function_index }
                    if let Some(ty) = self.referred(function_index) =>
                {
                    function.instruction(&Instruction::RefFunc(function_index));
                    function.instruction(&Instruction::CallRef(ty));
                }
                Operator::ReturnCall { function_index }
                    if let Some(ty) = self.referred(function_index) =>
                {
                    function.instruction(&Instruction::RefFunc(function_index));
                    function.instruction(&Instruction::ReturnCallRef(ty));
                }
                operator => {
                    let null = matches!(operator, Operator::RefFunc { .. });
                    function.instruction(&self.instruction(operator)?);
                    if null && self.calls > 0 {
                        function.instruction(&Instruction::RefAsNonNull);
                    }
                }
            }
        }
        code.function(&function);
        Ok(())
    }
}
