//! From operators straight to machine code, for x86-64: code for the first calls of a function, made some ten
//! times faster than Cranelift makes any. What is rare is [`Unsupported`]: Cranelift compiles such functions.
//!
//! A frame, from rsp up: locals, then operands by their height, in words of 8 bytes, of which vectors have two; saved
//! registers below rbp. That is the layout that a form of the function expects which takes over in a loop
//! ([`super::tier`]). An operand is written to its place only when it must be: until then it is a constant, a local,
//! or in a register, and a condition is what the flags say. The locals
//! that are used most have registers of their own ([`register`]); their places in the frame are then only for calls and
//! for what takes over.
//!
//! | register | holds |
//! |---|---|
//! | r15 | the context; kept by callees |
//! | r14 | base of memory 0, if the function accesses one; kept by callees |
//! | rax, xmm0 | one operand each, or none: what an instruction computes |
//! | rbx, r12, r13 | locals; kept by callees |
//! | rsi, rdi, r8, xmm8 to xmm14 | locals, or operands |
//! | rdx, r9, xmm5 to xmm7 | operands |
//! | rcx, r10, r11, xmm1 to xmm4 | nothing between operators |
//! | xmm15 | a vector that goes from one place to another |

#![allow(clippy::useless_conversion, reason = "dynasm makes them")]

#[macro_use]
mod short;

mod atomic;
mod boundary;
mod call;
mod condition;
mod control;
mod conversion;
mod exception;
mod float;
mod frame;
mod integer;
mod memory;
mod moves;
mod operand;
mod reference;
mod register;
mod uses;
mod variable;
mod vector;
mod vector_float;
mod vector_integer;
mod vector_memory;
mod visit;

pub(super) use boundary::{entry, host_adapter};

use super::{CompiledFunction, HandlerSite, LoopHead, TrapSite};
use crate::module::{FuncType, Module};
use crate::runtime::Trap;
use crate::runtime::vm::VMOffsets;
use condition::Condition;
use control::Label;
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, VecAssembler, dynasm};
use operand::Operand;
use register::Registers;
use uses::Uses;
use variable::Local;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// The function needs Cranelift.
#[derive(Debug)]
pub struct Unsupported;

type Result<T = ()> = std::result::Result<T, Unsupported>;

impl From<wasmparser::Error> for Unsupported {
    fn from(_: wasmparser::Error) -> Self {
        Self
    }
}

/// Bytes of a frame above which Cranelift is asked for a better one: what all the locals that a function may have need,
/// and some. To find a smaller frame for so many takes Cranelift hundreds of milliseconds.
const MAX_FRAME: i32 = 512 << 10;

/// Compiles one function.
struct Direct<'a> {
    asm: VecAssembler<X64Relocation>,
    module: &'a Module,
    offsets: &'a VMOffsets,
    /// Counted without imports.
    index: u32,
    ty: &'a FuncType,
    locals: Vec<Local>,
    /// Words of the locals.
    local_words: usize,
    /// The operands, a word each; a vector's second is [`Operand::Upper`].
    stack: Vec<Operand>,
    registers: Registers,
    /// Is what is above 32 bits of rax zero?
    is_rax_narrow: bool,
    /// What the flags say, if that is the operand on top, which then is not in rax yet.
    flags: Option<Condition>,
    /// How many of the lowest words are in their places.
    placed: usize,
    /// Bytes that were pushed below the frame: arguments of a call that is being made.
    pushed: i32,
    /// Most words of operands so far.
    height: usize,
    labels: Vec<Label>,
    /// Position of the innermost block that gets exceptions.
    handler: Option<usize>,
    /// May there be any?
    catches: bool,
    /// Is r14 this function's?
    has_base: bool,
    /// Return addresses of calls inside of such blocks, with the places where exceptions go.
    throwing: Vec<(u32, DynamicLabel)>,
    reachable: bool,
    /// Blocks that were opened since code became unreachable.
    skipped: u32,
    /// Loops met so far, as [`super::tier`] counts them.
    loops: u32,
    /// Where the operator lies in the module.
    position: u32,
    traps: Vec<TrapSite>,
    /// What lies behind the function: places that are jumped to rarely.
    cold: Vec<Cold>,
}

/// Code out of the way.
enum Cold {
    /// Traps.
    Trap(DynamicLabel, Trap, u32),
    /// Raises the trap whose number is in eax.
    Raise(DynamicLabel, u32),
    /// The function is hot: asks for better code, and goes on there or at the second label.
    Hot {
        from: DynamicLabel,
        back: DynamicLabel,
        head: Option<LoopHead>,
    },
}

/// Does the processor have what the code uses without asking?
fn supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("sse4.2")
            && std::arch::is_x86_feature_detected!("lzcnt")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("popcnt")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Compiles defined function `index` (counted without imports).
pub(super) fn compile(
    module: &Module,
    offsets: &VMOffsets,
    index: u32,
) -> Result<CompiledFunction> {
    if !supported() {
        return Err(Unsupported);
    }
    let range = module.bodies.get(index as usize).ok_or(Unsupported)?;
    let bytes = module.bytes.get(range.clone()).ok_or(Unsupported)?;
    let body = FunctionBody::new(BinaryReader::new(bytes, range.start as u64));
    let ty = module.function_type(module.imported_functions + index);
    if !call::is_simple(ty) {
        return Err(Unsupported);
    }
    let mut direct = Direct {
        asm: VecAssembler::new(0),
        module,
        offsets,
        index,
        ty,
        locals: Vec::new(),
        local_words: 0,
        stack: Vec::new(),
        registers: Registers::default(),
        is_rax_narrow: false,
        flags: None,
        placed: 0,
        pushed: 0,
        height: 0,
        labels: Vec::new(),
        handler: None,
        catches: false,
        has_base: false,
        throwing: Vec::new(),
        reachable: true,
        skipped: 0,
        loops: 0,
        position: range.start as u32,
        traps: Vec::new(),
        cold: Vec::new(),
    };
    for param in &ty.params {
        direct.add_locals(1, *param);
    }
    for declaration in body.get_locals_reader()? {
        let (count, ty) = declaration?;
        direct.add_locals(count, module.value_type(ty).ok_or(Unsupported)?);
    }
    direct.function(&body)
}

impl Direct<'_> {
    fn function(mut self, body: &FunctionBody<'_>) -> Result<CompiledFunction> {
        let mut operators = body.get_operators_reader()?;
        let end = body.range().end;
        let code = operators.original_position() as usize..end as usize;
        let code = self.module.bytes.get(code).ok_or(Unsupported)?;
        let uses = Uses::read(code, self.locals.len());
        self.catches = uses.as_ref().is_none_or(|uses| uses.catches);
        // What callees that were thrown out of have not given back is given back from the frame.
        self.has_base = self.catches || uses.as_ref().is_none_or(|uses| uses.accesses);
        self.assign(uses.as_ref());
        let sizes = self.enter();
        self.open_function();
        while !operators.eof() {
            let position = operators.original_position();
            self.position = u32::try_from(position).map_err(|_| Unsupported)?;
            operators.visit_operator(&mut self)??;
        }
        self.cold_code();
        let size = self.frame_size();
        if size > MAX_FRAME {
            return Err(Unsupported);
        }
        let handlers = self.handlers(size)?;
        let mut code = self.asm.finalize().map_err(|_| Unsupported)?;
        sizes.patch(&mut code, size)?;
        self.traps.sort_by_key(|site| site.offset);
        Ok(CompiledFunction {
            code,
            align: 16,
            shift: 0,
            traps: self.traps,
            handlers,
        })
    }

    /// The records of calls that may throw, in a frame of `size` bytes.
    fn handlers(&self, size: i32) -> Result<Vec<HandlerSite>> {
        let labels = self.asm.labels();
        let sites = self.throwing.iter().map(|(return_address, landing)| {
            let landing = labels.resolve_dynamic(*landing).map_err(|_| Unsupported)?;
            Ok(HandlerSite {
                return_address: *return_address,
                landing: landing.0 as u32,
                frame: size as u32,
            })
        });
        sites.collect()
    }

    fn operator(&mut self, operator: &Operator<'_>) -> Result {
        self.registers.next();
        if self.flags.is_some() {
            self.settle(operator);
        }
        if self.control(operator)? || !self.reachable {
            return Ok(());
        }
        if self.variable(operator)?
            || self.integer(operator)?
            || self.float(operator)?
            || self.conversion(operator)?
            || self.memory(operator)?
            || self.vector(operator)?
            || self.vector_memory(operator)?
            || self.vector_integer(operator)?
            || self.vector_float(operator)?
            || self.atomic(operator)?
            || self.call(operator)?
            || self.reference(operator)?
        {
            return Ok(());
        }
        Err(Unsupported)
    }

    /// The next instruction may fault, and that is this trap.
    fn may_trap(&mut self, trap: Trap) {
        let offset = self.asm.offset().0 as u32;
        self.traps.push(TrapSite {
            offset,
            trap: Some(trap),
            wasm_offset: self.position,
        });
    }

    /// The last instruction was a call.
    fn called(&mut self) {
        let offset = self.asm.offset().0 as u32 - 1;
        self.traps.push(TrapSite {
            offset,
            trap: None,
            wasm_offset: self.position,
        });
    }

    /// A place that traps.
    fn trap(&mut self, trap: Trap) -> DynamicLabel {
        let label = self.asm.new_dynamic_label();
        self.cold.push(Cold::Trap(label, trap, self.position));
        label
    }

    fn cold_code(&mut self) {
        for cold in std::mem::take(&mut self.cold) {
            match cold {
                Cold::Trap(label, trap, position) => {
                    dynasm!(self.asm ; .arch x64 ; =>label);
                    self.position = position;
                    self.may_trap(trap);
                    dynasm!(self.asm ; .arch x64 ; ud2);
                }
                Cold::Raise(label, position) => {
                    self.position = position;
                    dynasm!(self.asm ; .arch x64 ; =>label ; mov edx, eax);
                    self.raise();
                }
                Cold::Hot { from, back, head } => self.hot(from, back, head),
            }
        }
    }
}
