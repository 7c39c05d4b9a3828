//! Constant expressions.

use super::Instance;
use super::vm::VMGlobal;
use crate::module::{AddressType, ConstExpr, ConstOp};

impl Instance {
    pub(super) fn evaluate(&self, expression: &ConstExpr) -> VMGlobal {
        match *expression {
            ConstExpr::Extended(ref list) => self.evaluate_extended(list),
            ConstExpr::I32(v) => VMGlobal::from(u64::from(v as u32)),
            ConstExpr::I64(v) => VMGlobal::from(v as u64),
            ConstExpr::F32(v) => VMGlobal::from(u64::from(v)),
            ConstExpr::F64(v) => VMGlobal::from(v),
            ConstExpr::V128(bytes) => VMGlobal { bytes },
            ConstExpr::RefNull => VMGlobal::default(),
            ConstExpr::RefFunc(f) => VMGlobal::from(self.func_ref(f) as u64),
            ConstExpr::GlobalGet(i) => {
                let at = match &self.globals[i as usize] {
                    Some(global) => global.cell(),
                    None => self.context.at(self.offsets().global(i)),
                };
                // SAFETY: a global of this instance, defined before this one by validation.
                unsafe { at.read() }
            }
        }
    }

    fn evaluate_extended(&self, list: &[ConstOp]) -> VMGlobal {
        let mut stack = Vec::new();
        for op in list {
            let value = match op {
                ConstOp::Push(expression) => self.evaluate(expression),
                ConstOp::I32(binary) | ConstOp::I64(binary) => {
                    // Validation saw that there are two of this type.
                    let (b, a) = (stack.pop(), stack.pop());
                    let [a, b] = [a, b].map(|value| word(value.unwrap_or_default()));
                    let value = binary.apply(a, b);
                    VMGlobal::from(match op {
                        ConstOp::I64(_) => value,
                        _ => u64::from(value as u32),
                    })
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap_or_default()
    }

    /// One word of a constant expression: an i32, or a reference.
    pub(super) fn evaluate_word(&self, expression: &ConstExpr) -> u64 {
        word(self.evaluate(expression))
    }

    /// A constant expression that is an index of this type.
    pub(super) fn evaluate_address(&self, expression: &ConstExpr, ty: AddressType) -> u64 {
        match ty {
            AddressType::I32 => u64::from(self.evaluate_word(expression) as u32),
            AddressType::I64 => self.evaluate_word(expression),
        }
    }
}

/// The first word of a value: all of it but for a v128.
fn word(value: VMGlobal) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = value.bytes;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}
