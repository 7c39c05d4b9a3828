//! Functions that are certain to end soon, on little stack, without calling anything.

use super::Module;
use wasmparser::{BinaryReader, FunctionBody};

/// Bytes of a body above which nobody looks whether it is a leaf.
const MAX_BODY: usize = 128;
/// Parameters, results and locals above which a frame is not small.
const MAX_VALUES: usize = 32;

/// A function that calls nothing, neither a function nor the runtime, and has no loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// It cannot trap, either.
    Sure,
    MayTrap,
}

impl Module {
    /// Function `index` as a leaf, if it is one.
    pub fn leaf(&self, index: u32) -> Option<Leaf> {
        let ty = self.function_type(index);
        if ty.params.len() + ty.results.len() > MAX_VALUES {
            return None;
        }
        let defined = index.checked_sub(self.imported_functions)?;
        let body = self.bodies.get(defined as usize)?;
        if body.len() > MAX_BODY {
            return None;
        }
        leaf(self.bytes.get(body.clone())?).unwrap_or(None)
    }
}

fn leaf(bytes: &[u8]) -> wasmparser::Result<Option<Leaf>> {
    let body = FunctionBody::new(BinaryReader::new(bytes, 0));
    let mut locals = 0usize;
    for group in body.get_locals_reader()? {
        locals = locals.saturating_add(group?.0 as usize);
    }
    if locals > MAX_VALUES {
        return Ok(None);
    }
    let mut leaf = Leaf::Sure;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let at = operators.original_position() as usize;
        operators.read()?;
        match bytes.get(at) {
            Some(code) if !is_leaf_opcode(*code) => return Ok(None),
            Some(code) if may_trap(*code) => leaf = Leaf::MayTrap,
            Some(_) => {}
            None => return Ok(None),
        }
    }
    Ok(Some(leaf))
}

fn may_trap(code: u8) -> bool {
    matches!(code,
        0x00 // unreachable
        | 0x28..=0x3e // loads, stores
        | 0x6d..=0x70 | 0x7f..=0x82 // divisions, remainders
        | 0xa8..=0xab | 0xae..=0xb1 // integers of floats
    )
}

/// The first byte of an operator that neither calls nor loops.
fn is_leaf_opcode(code: u8) -> bool {
    matches!(code,
        0x00..=0x02 // unreachable, nop, block
        | 0x04 | 0x05 // if, else
        | 0x0b..=0x0d // end, br, br_if
        | 0x0f // return
        | 0x1a..=0x1c // drop, select
        | 0x20..=0x24 // locals, globals
        | 0x28..=0x3f // loads, stores, memory.size
        | 0x41..=0xc4 // constants, comparisons, arithmetic, conversions
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_neither_call_nor_loop() {
        let leaf = |body: &str| {
            let text = format!("(module (memory 1) (func $f (param i32) (result i32) {body}))");
            let module = Module::decode(wat::parse_str(text).unwrap()).unwrap();
            module.leaf(0)
        };
        let is_leaf = |body: &str| leaf(body).is_some();
        assert_eq!(leaf("local.get 0"), Some(Leaf::Sure));
        for traps in [
            "unreachable",
            "(i32.load (local.get 0))",
            "(i32.div_u (local.get 0) (local.get 0))",
            "(i32.wrap_i64 (i64.rem_s (i64.const 1) (i64.const 0)))",
            "(i32.trunc_f64_u (f64.const 0))",
            "(i32.wrap_i64 (i64.trunc_f32_s (f32.const 0)))",
        ] {
            assert_eq!(leaf(traps), Some(Leaf::MayTrap), "{traps}");
        }
        assert!(is_leaf(
            "block br 0 end (if (local.get 0) (then unreachable)) (i32.load (i32.const 0))"
        ));
        assert!(!is_leaf("(call $f (i32.const 0))"));
        assert!(!is_leaf("loop end local.get 0"));
        assert!(!is_leaf("(memory.grow (local.get 0))"));
        assert!(!is_leaf("(i32.trunc_sat_f32_s (f32.const 0))"));
        assert!(!is_leaf(
            "(memory.fill (i32.const 0) (i32.const 0) (i32.const 9)) local.get 0"
        ));
        assert!(!is_leaf(&format!("{} local.get 0", "nop ".repeat(200))));
        assert!(!is_leaf(&format!(
            "(local{}) local.get 0",
            " i32".repeat(99)
        )));
    }
}
