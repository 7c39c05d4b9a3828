//! The clauses of an old `try`, which come after its body: looked for when it opens, so that what is thrown in the
//! body can go straight to the clause that surely gets it.

use cranelift_codegen::ir::Block;
use wasmparser::{Operator, OperatorsReader};

/// Operators that are looked at, at most: each `try` looks at its own again.
const OPERATORS: usize = 500;

/// A clause: `catch` with a tag, or `catch_all`.
pub(super) struct Clause {
    pub tag: Option<u32>,
    /// Does anything in it throw again what it has caught?
    pub rethrows: bool,
    /// Where those go on that are thrown in the body: a block with the values as parameters.
    pub entry: Option<Block>,
}

impl Clause {
    /// The clauses of a `try` whose body comes next; `None` if they are too far away, or there are none.
    pub fn read(mut operators: OperatorsReader<'_>) -> Option<Vec<Self>> {
        let mut clauses: Vec<Self> = Vec::new();
        // How many blocks are open in the `try`.
        let mut depth = 0;
        for _ in 0..OPERATORS {
            let tag = match operators.read().ok()? {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. }
                | Operator::Try { .. } => {
                    depth += 1;
                    continue;
                }
                Operator::End if depth == 0 => return (!clauses.is_empty()).then_some(clauses),
                Operator::Delegate { .. } if depth == 0 => return None,
                Operator::End | Operator::Delegate { .. } => {
                    depth -= 1;
                    continue;
                }
                Operator::Rethrow { relative_depth } if relative_depth == depth => {
                    clauses.last_mut()?.rethrows = true;
                    continue;
                }
                Operator::Catch { tag_index } if depth == 0 => Some(tag_index),
                Operator::CatchAll if depth == 0 => None,
                _ => continue,
            };
            clauses.push(Self {
                tag,
                rethrows: false,
                entry: None,
            });
        }
        None
    }
}
