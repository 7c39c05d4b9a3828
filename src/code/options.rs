//! How modules are compiled.

use crate::compiler::Tier;
use crate::runtime::vm::CALL_WEIGHT;

/// How a module is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What a function is compiled to when it is first called.
    pub first: Tier,
    /// Count from which a function is compiled for good.
    pub threshold: i32,
    /// Do guests go on while their code is made better? If not, it is known when they change over.
    pub in_background: bool,
    /// Is all of a module compiled before anything of it is called?
    pub eager: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            first: Tier::Baseline,
            threshold: 8000 * CALL_WEIGHT,
            in_background: true,
            eager: false,
        }
    }
}
