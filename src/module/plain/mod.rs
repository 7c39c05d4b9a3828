//! Function bodies that are certainly valid, told in a third of the time that the validator takes.
//!
//! Nearly all bodies compute with numbers and vectors alone, and access the first memory and the first table. The standard's
//! algorithm for those is short. Whatever else there is in a body, and whatever is wrong with it, is left to the
//! validator, which looks at it from the start: so what is invalid, and what is said about it, is known to it alone.

mod code;
mod numeric;
#[cfg(test)]
mod tests;
mod vector;

use super::{AddressType, Module, ValType};
pub use code::Code;
use numeric::{ACCESSES, NUMERIC, Numeric};
use std::ops::RangeInclusive;
use wasmparser::WasmFeatures;

/// A type of numbers or vectors, by its byte in the binary format.
type Type = u8;

const I32: Type = 0x7f;
const I64: Type = 0x7e;
const F32: Type = 0x7d;
const F64: Type = 0x7c;
const V128: Type = 0x7b;
/// In unreachable code: of every type.
const ANY: Type = 0;

/// More parameters and locals, or blocks in one another, have no plain bodies.
const MOST_LOCALS: usize = 1000;
const MOST_BLOCKS: usize = 50_000;
/// How many targets of a `br_table` V8 takes.
pub const MOST_TARGETS: u32 = 65_520;

/// A module as plain bodies see it. What has references is left out.
pub struct PlainModule {
    types: Box<[Option<Signature>]>,
    /// Type index of every function.
    functions: Box<[u32]>,
    /// Of every global, and whether it can be set.
    globals: Box<[Option<(Type, bool)>]>,
    /// Has the first memory addresses of 32 bits?
    memory: bool,
    /// Is the first table one of functions, with indices of 32 bits?
    table: bool,
    /// Are there atomic instructions?
    atomics: bool,
}

struct Signature {
    params: Box<[Type]>,
    results: Box<[Type]>,
}

fn plain(ty: ValType) -> Option<Type> {
    match ty {
        ValType::I32 => Some(I32),
        ValType::I64 => Some(I64),
        ValType::F32 => Some(F32),
        ValType::F64 => Some(F64),
        ValType::V128 => Some(V128),
        ValType::Ref(_) => None,
    }
}

/// Most often both are empty: nothing to call a function of the C library for, as `==` does.
fn same(a: &[Type], b: &[Type]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b)
}

impl PlainModule {
    /// `module` has to be decoded up to its bodies.
    pub fn new(module: &Module) -> Self {
        let numbers = |types: &[ValType]| -> Option<Box<[Type]>> {
            types.iter().map(|ty| plain(*ty)).collect()
        };
        let types = module.types.iter().map(|ty| {
            let ty = ty.func();
            Some(Signature {
                params: numbers(&ty.params)?,
                results: numbers(&ty.results)?,
            })
        });
        let globals = module.globals.iter();
        let globals = globals.map(|global| Some((plain(global.value)?, global.mutable)));
        let memory = module.memories.first();
        let table = module.tables.first();
        let features = module.features.parser;
        Self {
            types: types.collect(),
            functions: module.functions.as_slice().into(),
            globals: globals.collect(),
            memory: memory.is_some_and(|memory| memory.address == AddressType::I32),
            table: table.is_some_and(|table| {
                table.address == AddressType::I32 && table.element == ValType::FUNCREF
            }),
            atomics: features.contains(WasmFeatures::THREADS),
        }
    }

    fn signature(&self, ty: u32) -> Option<&Signature> {
        self.types.get(ty as usize)?.as_ref()
    }
}

/// An open block; the outermost is the body.
struct Frame<'m> {
    kind: Kind,
    params: &'m [Type],
    results: &'m [Type],
    /// Operands below it.
    height: usize,
    unreachable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
}

impl<'m> Frame<'m> {
    /// What a branch to it takes.
    fn label(&self) -> &'m [Type] {
        match self.kind {
            Kind::Loop => self.params,
            Kind::Block | Kind::If => self.results,
        }
    }
}

/// Looks at one body after the other.
pub struct PlainBodies<'m> {
    module: &'m PlainModule,
    locals: Vec<Type>,
    stack: Vec<Type>,
    /// The innermost block, and those around it.
    frame: Frame<'m>,
    outer: Vec<Frame<'m>>,
    /// Of the function.
    results: &'m [Type],
}

impl<'m> PlainBodies<'m> {
    pub fn of(module: &'m PlainModule) -> Self {
        Self {
            module,
            locals: Vec::new(),
            stack: Vec::new(),
            frame: Frame {
                kind: Kind::Block,
                params: &[],
                results: &[],
                height: 0,
                unreachable: false,
            },
            outer: Vec::new(),
            results: &[],
        }
    }

    /// Is `body`, of a function of type `ty`, plain and valid?
    pub fn accept(&mut self, ty: u32, body: &[u8]) -> bool {
        self.body(ty, &mut Code(body)).is_some()
    }

    fn body(&mut self, ty: u32, code: &mut Code<'_>) -> Option<()> {
        let signature = self.module.signature(ty)?;
        self.locals.clear();
        self.locals.extend_from_slice(&signature.params);
        for _ in 0..code.u32()? {
            let count = code.u32()? as usize;
            let ty = code.byte()?;
            let len = self.locals.len().checked_add(count)?;
            if len > MOST_LOCALS || !(V128..=I32).contains(&ty) {
                return None;
            }
            self.locals.resize(len, ty);
        }
        self.results = &signature.results;
        self.stack.clear();
        self.outer.clear();
        self.frame = Frame {
            kind: Kind::Block,
            params: &[],
            results: self.results,
            height: 0,
            unreachable: false,
        };
        while !self.operator(code)? {}
        code.0.is_empty().then_some(())
    }

    /// Takes an operator. Did it end the body?
    fn operator(&mut self, code: &mut Code<'_>) -> Option<bool> {
        let opcode = code.byte()?;
        match opcode {
            // unreachable, nop
            0x00 => self.never(),
            0x01 => {}
            // block, loop, if
            0x02 => self.enter(Kind::Block, code)?,
            0x03 => self.enter(Kind::Loop, code)?,
            0x04 => {
                self.pop(I32)?;
                self.enter(Kind::If, code)?;
            }
            // else
            0x05 => {
                self.leave()?;
                if self.frame.kind != Kind::If {
                    return None;
                }
                self.frame.kind = Kind::Block;
                self.frame.unreachable = false;
                self.stack.extend_from_slice(self.frame.params);
            }
            // end
            0x0b => {
                self.leave()?;
                // Without `else` the parameters are the results.
                if self.frame.kind == Kind::If && !same(self.frame.params, self.frame.results) {
                    return None;
                }
                let Some(outer) = self.outer.pop() else {
                    return Some(true);
                };
                self.stack.extend_from_slice(self.frame.results);
                self.frame = outer;
            }
            // br, br_if, br_table, return
            0x0c => {
                let label = self.label(code.u32()?)?;
                self.pop_all(label)?;
                self.never();
            }
            0x0d => {
                let label = self.label(code.u32()?)?;
                self.pop(I32)?;
                self.pop_all(label)?;
                self.stack.extend_from_slice(label);
            }
            0x0e => self.br_table(code)?,
            0x0f => {
                self.pop_all(self.results)?;
                self.never();
            }
            // call, call_indirect
            0x10 => {
                let ty = *self.module.functions.get(code.u32()? as usize)?;
                self.call(ty)?;
            }
            0x11 => {
                let ty = code.u32()?;
                if code.u32()? != 0 || !self.module.table {
                    return None;
                }
                self.pop(I32)?;
                self.call(ty)?;
            }
            // drop, select
            0x1a => {
                self.pop(ANY)?;
            }
            0x1b => {
                self.pop(I32)?;
                let second = self.pop(ANY)?;
                let first = self.pop(second)?;
                self.push(if first == ANY { second } else { first });
            }
            // local.get, local.set, local.tee
            0x20 => {
                let ty = self.local(code)?;
                self.push(ty);
            }
            0x21 => {
                let ty = self.local(code)?;
                self.pop(ty)?;
            }
            0x22 => {
                let ty = self.local(code)?;
                self.pop(ty)?;
                self.push(ty);
            }
            // global.get, global.set
            0x23 => {
                let (ty, _) = (*self.module.globals.get(code.u32()? as usize)?)?;
                self.push(ty);
            }
            0x24 => {
                let (ty, mutable) = (*self.module.globals.get(code.u32()? as usize)?)?;
                if !mutable {
                    return None;
                }
                self.pop(ty)?;
            }
            // loads, stores
            0x28..=0x35 => {
                let (ty, alignment) = ACCESSES[opcode as usize - 0x28];
                self.access(code, 0..=alignment)?;
                self.pop(I32)?;
                self.push(ty);
            }
            0x36..=0x3e => {
                let (ty, alignment) = ACCESSES[opcode as usize - 0x28];
                self.access(code, 0..=alignment)?;
                self.pop(ty)?;
                self.pop(I32)?;
            }
            // memory.size, memory.grow
            0x3f => {
                self.memory(code)?;
                self.push(I32);
            }
            0x40 => {
                self.memory(code)?;
                self.pop(I32)?;
                self.push(I32);
            }
            // i32.const, i64.const, f32.const, f64.const
            0x41 => {
                code.signed(5, 0x78)?;
                self.push(I32);
            }
            0x42 => {
                code.signed(10, 0x7f)?;
                self.push(I64);
            }
            0x43 => {
                code.skip(4)?;
                self.push(F32);
            }
            0x44 => {
                code.skip(8)?;
                self.push(F64);
            }
            0x45..=0xc4 => {
                let Numeric { operands, from, to } = NUMERIC[opcode as usize - 0x45];
                if operands == 2 {
                    self.pop(from)?;
                }
                self.pop(from)?;
                self.push(to);
            }
            0xfc => self.operator_0xfc(code)?,
            0xfd => self.vector(code)?,
            0xfe => self.atomic(code)?,
            _ => return None,
        }
        Some(false)
    }

    fn operator_0xfc(&mut self, code: &mut Code<'_>) -> Option<()> {
        let operator = code.u32()?;
        match operator {
            // i32.trunc_sat_f32_s … i64.trunc_sat_f64_u
            0..=7 => {
                self.pop(if operator & 2 == 0 { F32 } else { F64 })?;
                self.push(if operator < 4 { I32 } else { I64 });
            }
            // memory.copy, memory.fill
            10 | 11 => {
                self.memory(code)?;
                if operator == 10 {
                    self.memory(code)?;
                }
                self.pop_all(&[I32, I32, I32])?;
            }
            _ => return None,
        }
        Some(())
    }

    fn br_table(&mut self, code: &mut Code<'_>) -> Option<()> {
        let count = code.u32()?;
        // In unreachable code labels may differ in what they take.
        if count > MOST_TARGETS || self.frame.unreachable {
            return None;
        }
        self.pop(I32)?;
        let label = self.label(code.u32()?)?;
        for _ in 0..count {
            if !same(self.label(code.u32()?)?, label) {
                return None;
            }
        }
        self.pop_all(label)?;
        self.never();
        Some(())
    }

    fn call(&mut self, ty: u32) -> Option<()> {
        let signature = self.module.signature(ty)?;
        self.pop_all(&signature.params)?;
        self.stack.extend_from_slice(&signature.results);
        Some(())
    }

    /// What a branch to the block `depth` further out takes.
    fn label(&self, depth: u32) -> Option<&'m [Type]> {
        let Some(further) = (depth as usize).checked_sub(1) else {
            return Some(self.frame.label());
        };
        let place = self.outer.len().checked_sub(1)?.checked_sub(further)?;
        Some(self.outer.get(place)?.label())
    }

    fn local(&self, code: &mut Code<'_>) -> Option<Type> {
        self.locals.get(code.u32()? as usize).copied()
    }

    /// Where a load or store accesses the first memory: its alignment, and its offset.
    fn access(&self, code: &mut Code<'_>, alignment: RangeInclusive<u8>) -> Option<()> {
        if !self.module.memory || !alignment.contains(&code.byte()?) {
            return None;
        }
        code.u32()?;
        Some(())
    }

    /// The index of the first memory, in one byte: where there may be one memory only it is no number that could be longer.
    fn memory(&self, code: &mut Code<'_>) -> Option<()> {
        if !self.module.memory {
            return None;
        }
        code.below(1)
    }

    #[inline(always)]
    fn pop(&mut self, expected: Type) -> Option<Type> {
        if self.stack.len() == self.frame.height {
            return self.frame.unreachable.then_some(ANY);
        }
        let found = self.stack.pop()?;
        (found == expected || found == ANY || expected == ANY).then_some(found)
    }

    fn push(&mut self, ty: Type) {
        self.stack.push(ty);
    }

    fn computes(&mut self, operands: &[Type], result: Type) -> Option<()> {
        self.pop_all(operands)?;
        self.push(result);
        Some(())
    }

    fn pop_all(&mut self, expected: &[Type]) -> Option<()> {
        for ty in expected.iter().rev() {
            self.pop(*ty)?;
        }
        Some(())
    }

    /// What follows is not reached.
    fn never(&mut self) {
        self.stack.truncate(self.frame.height);
        self.frame.unreachable = true;
    }

    fn enter(&mut self, kind: Kind, code: &mut Code<'_>) -> Option<()> {
        let (params, results): (&[Type], &[Type]) = match code.byte()? {
            0x40 => (&[], &[]),
            I32 => (&[], &[I32]),
            I64 => (&[], &[I64]),
            F32 => (&[], &[F32]),
            F64 => (&[], &[F64]),
            V128 => (&[], &[V128]),
            ty @ 0..0x40 => {
                let signature = self.module.signature(ty.into())?;
                (&signature.params, &signature.results)
            }
            _ => return None,
        };
        if self.outer.len() == MOST_BLOCKS {
            return None;
        }
        self.pop_all(params)?;
        let frame = Frame {
            kind,
            params,
            results,
            height: self.stack.len(),
            unreachable: false,
        };
        self.outer.push(std::mem::replace(&mut self.frame, frame));
        self.stack.extend_from_slice(params);
        Some(())
    }

    /// At the end of a block, or of one half of it: the results are there, and nothing else.
    fn leave(&mut self) -> Option<()> {
        self.pop_all(self.frame.results)?;
        (self.stack.len() == self.frame.height).then_some(())
    }
}
