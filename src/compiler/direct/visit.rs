//! The way from the reader of operators to [`Direct::operator`]. An operator that the reader returns is copied twice, and
//! the processor waits for each copy, since it is wider than what was just written; by reference there is none.

use super::{Direct, Result};
use wasmparser::{Operator, VisitOperator, VisitSimdOperator};

macro_rules! visit {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($rest:tt)*))*) => {
        $(
            fn $visit(&mut self $($(, $arg: $argty)*)?) -> Result {
                self.operator(&Operator::$op $({ $($arg),* })?)
            }
        )*
    };
}

impl<'a> VisitOperator<'a> for Direct<'_> {
    type Output = Result;

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = Result>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visit);
}

impl VisitSimdOperator<'_> for Direct<'_> {
    wasmparser::for_each_visit_simd_operator!(visit);
}
