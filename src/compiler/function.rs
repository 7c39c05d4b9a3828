//! The driver: walks the operators of a body and hands each to its family.

use super::clauses::Clause;
use super::control::Frame;
use super::dispatch::Dispatches;
use super::emit::Emitter;
use super::inline::Inlining;
use super::local::Local;
use super::location::{Locations, location};
use super::signature;
use super::simd_relaxed::Relaxed;
use super::tail::Heads;
use super::tier::{Tier, Tiering};
use crate::module::{Module, ValType};
use crate::runtime::vm::VMOffsets;
use cranelift_codegen::Context;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{
    ConstantData, FuncRef, InstBuilder, SigRef, SourceLoc, Type, UserFuncName, Value, types,
};
use cranelift_codegen::isa::TargetIsa;
use cranelift_frontend::{FuncInstBuilder, FunctionBuilder, FunctionBuilderContext};
use hashbrown::HashMap;
use wasmparser::{BinaryReader, FunctionBody, Operator};

/// A result of translation. Errors are impossible in a validated module, but for limits of Cranelift.
pub(super) type Result<T> = std::result::Result<T, String>;

/// An operand of wasm's stack.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub value: Value,
    /// Does it refer to a value of the host? Its null is told otherwise than a function's.
    pub is_extern: bool,
}

/// A body that is being translated.
pub(super) struct Body {
    /// Index of the function, imported ones included.
    pub index: u32,
    pub locals: Vec<Local>,
    /// How many blocks are open around it.
    pub frames: usize,
    /// What its locations are more than offsets.
    pub shift: u32,
    /// The call in whose place it is.
    pub call: SourceLoc,
}

/// Translates one function body, and those that are inlined in it.
pub(super) struct Translator<'a, 'b> {
    pub e: Emitter<'b>,
    pub module: &'a Module,
    pub offsets: &'a VMOffsets,
    /// Index of the function whose code this is, imported ones included.
    pub function: u32,
    pub body: Body,
    pub locations: Locations,
    /// Of the operator that is being translated.
    pub location: SourceLoc,
    pub stack: Vec<Operand>,
    pub frames: Vec<Frame<'a>>,
    /// Can the current position be reached? Operators are skipped where it cannot.
    pub reachable: bool,
    /// How many blocks deep inside unreachable code the current position is.
    pub skipped: u32,
    /// Bytes that all locals take in a frame.
    pub frame_size: u32,
    pub signatures: HashMap<u32, SigRef>,
    /// The function as a callee of itself.
    pub itself: Option<FuncRef>,
    pub tiering: Tiering<'a>,
    pub inlining: Inlining,
    pub dispatches: Dispatches,
    pub heads: Heads,
    pub relaxed: Relaxed,
    /// Of the old `try` that opens now.
    pub clauses: Vec<Clause>,
    /// Is the branch that is being translated taken, as a rule?
    pub likely: Option<bool>,
}

/// The body of function `index` (imported ones included).
pub(super) fn body(module: &Module, index: u32) -> Result<FunctionBody<'_>> {
    let range = index
        .checked_sub(module.imported_functions)
        .and_then(|defined| module.bodies.get(defined as usize))
        .ok_or("no such function")?;
    let bytes = module
        .bytes
        .get(range.clone())
        .ok_or("function body outside of the module")?;
    Ok(FunctionBody::new(BinaryReader::new(
        bytes,
        range.start as u64,
    )))
}

/// The bytes of the body of function `index` (imported ones included), and the number of its locals.
pub(super) fn extent(module: &Module, index: u32) -> Result<(usize, usize)> {
    let body = body(module, index)?;
    let mut locals = 0;
    for declaration in body.get_locals_reader().map_err(parse_error)? {
        locals += declaration.map_err(parse_error)?.0 as usize;
    }
    Ok((body.as_bytes().len(), locals))
}

/// Translates function `index` (imported ones included) into `context`.
pub(super) fn translate(
    isa: &dyn TargetIsa,
    module: &Module,
    offsets: &VMOffsets,
    index: u32,
    tiering: Tiering<'_>,
    context: &mut Context,
    frontend: &mut FunctionBuilderContext,
) -> Result<Locations> {
    let body = body(module, index)?;
    let ty = module.function_type(index);
    context.func.signature = match tiering.tier {
        Tier::FromLoop(_) => signature::from_loop(ty),
        Tier::Baseline | Tier::Optimized => signature::guest(ty),
    };
    context.func.name = UserFuncName::user(0, index);
    // What belongs to no instruction belongs to the start of the body.
    let start = location(body.range().start, 0)?;
    context.func.params.ensure_base_srcloc(start);
    let mut e = Emitter::new(FunctionBuilder::new(&mut context.func, frontend))?;
    e.check_stack()?;
    let mut translator = Translator {
        e,
        module,
        offsets,
        function: index,
        body: Body {
            index,
            locals: Vec::new(),
            frames: 0,
            shift: 0,
            call: SourceLoc::default(),
        },
        locations: Locations::default(),
        location: start,
        stack: Vec::new(),
        frames: Vec::new(),
        reachable: true,
        skipped: 0,
        frame_size: 0,
        signatures: HashMap::new(),
        itself: None,
        tiering,
        inlining: Inlining::default(),
        dispatches: Dispatches::default(),
        heads: Heads::default(),
        relaxed: Relaxed::new(isa, module.features.deterministic),
        clauses: Vec::new(),
        likely: None,
    };
    translator.begin()?;
    let params = translator.params();
    let params = translator.first_head(&body, params);
    translator.translate(&body, params)?;
    translator.heads()?;
    translator.finish()?;
    translator.e.b.seal_all_blocks();
    translator.e.b.finalize(isa.frontend_config());
    Ok(translator.locations)
}

pub(super) fn parse_error(error: wasmparser::Error) -> String {
    error.to_string()
}

impl<'a, 'b> Translator<'a, 'b> {
    /// The arguments of the function.
    fn params(&mut self) -> Vec<Value> {
        match self.tiering.tier {
            // All locals come from elsewhere.
            Tier::FromLoop(_) => {
                let ty = self.module.function_type(self.function);
                ty.params.iter().map(|ty| self.zero(*ty)).collect()
            }
            Tier::Baseline | Tier::Optimized => self.e.b.block_params(self.e.entry)[1..].to_vec(),
        }
    }

    /// Says where what comes next belongs.
    pub fn locate(&mut self, location: SourceLoc) {
        self.location = location;
        self.e.b.set_srcloc(location);
    }

    /// Translates a body, whose arguments are `params`.
    pub fn translate(&mut self, body: &FunctionBody<'a>, params: Vec<Value>) -> Result<()> {
        self.declare_locals(body, params)?;
        self.count_call()?;
        self.push_function_frame()?;
        let start = body.range().start;
        let mut operators = body.get_operators_reader().map_err(parse_error)?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset().map_err(parse_error)?;
            self.locate(location(offset, self.body.shift)?);
            self.likely = self.branch_hint(&operator, offset - start);
            if matches!(operator, Operator::Call { .. })
                && let Ok(Operator::Unreachable) = operators.clone().read()
            {
                // A function that does not return.
                self.mark_cold();
            }
            if matches!(operator, Operator::Loop { .. }) {
                self.look_for_dispatch(&operators);
            }
            if matches!(operator, Operator::Try { .. }) && self.tiering.tier != Tier::Baseline {
                self.clauses = Clause::read(operators.clone()).unwrap_or_default();
            }
            self.operator(&operator)?;
        }
        if self.frames.len() == self.body.frames {
            Ok(())
        } else {
            Err("function body without end".to_owned())
        }
    }

    /// The default value of a type.
    pub fn zero(&mut self, ty: ValType) -> Value {
        match ty {
            ValType::I32 => self.e.i32_const(0),
            ValType::F32 => self.e.b.ins().f32const(Ieee32::with_bits(0)),
            ValType::F64 => self.e.b.ins().f64const(Ieee64::with_bits(0)),
            ValType::V128 => self.v128_const([0; 16], types::I8X16),
            // A local of another type than these is set before it is read.
            ValType::I64 | ValType::Ref(_) => self.e.b.ins().iconst(types::I64, 0),
        }
    }

    pub fn v128_const(&mut self, bytes: [u8; 16], ty: Type) -> Value {
        let data = ConstantData::from(&bytes[..]);
        let handle = self.e.b.func.dfg.constants.insert(data);
        self.e.b.ins().vconst(ty, handle)
    }

    pub fn operator(&mut self, operator: &Operator<'a>) -> Result<()> {
        if self.control(operator)? || !self.reachable {
            return Ok(());
        }
        let known = self.variable(operator)?
            || self.reference(operator)?
            || self.numeric(operator)?
            || self.memory(operator)?
            || self.call(operator)?
            || self.table(operator)?
            || self.simd(operator)?
            || self.simd_integer(operator)?
            || self.simd_float(operator)?
            || self.simd_memory(operator)?
            || self.simd_relaxed(operator)?
            || self.atomic(operator)?;
        if known {
            Ok(())
        } else {
            Err(format!("unsupported instruction {operator:?}"))
        }
    }

    /// The type of function `index`, imported ones included.
    pub fn callee_type(&self, index: u32) -> Result<u32> {
        let ty = self.module.functions.get(index as usize);
        ty.copied().ok_or_else(|| "no such function".to_owned())
    }

    /// The signature of guest functions of the module's type `ty`.
    pub fn guest_signature(&mut self, ty: u32) -> Result<SigRef> {
        if let Some(signature) = self.signatures.get(&ty) {
            return Ok(*signature);
        }
        let func_type = self.module.func_type(ty).ok_or("no such type")?;
        let signature = self.e.b.import_signature(signature::guest(func_type));
        self.signatures.insert(ty, signature);
        Ok(signature)
    }

    pub fn ins(&mut self) -> FuncInstBuilder<'_, 'b> {
        self.e.b.ins()
    }

    pub fn push_operand(&mut self, mut operand: Operand) {
        operand.value = self.keep_operand(self.stack.len(), operand.value);
        self.stack.push(operand);
    }

    /// Pushes a value that refers to none of the host.
    pub fn push(&mut self, value: Value) {
        self.push_operand(Operand {
            value,
            is_extern: false,
        });
    }

    /// Pushes a value of any type.
    pub fn push_typed(&mut self, value: Value, ty: ValType) {
        self.push_operand(Operand {
            value,
            is_extern: ty.is_extern(),
        });
    }

    pub fn push_all(&mut self, values: &[Value], types: &[ValType]) {
        for (value, ty) in values.iter().zip(types) {
            self.push_typed(*value, *ty);
        }
    }

    pub fn pop_operand(&mut self) -> Result<Operand> {
        let mut operand = self.stack.pop().ok_or("stack underflow")?;
        operand.value = self.operand_value(self.stack.len(), operand.value);
        Ok(operand)
    }

    pub fn pop(&mut self) -> Result<Value> {
        self.pop_operand().map(|operand| operand.value)
    }

    /// Pops a v128 as lanes of type `ty`.
    pub fn pop_vector(&mut self, ty: Type) -> Result<Value> {
        let value = self.pop()?;
        Ok(self.e.as_vector(value, ty))
    }

    /// The `count` operands on top, in the form in which values pass to other blocks and functions.
    pub fn peek_canonical(&mut self, count: usize) -> Result<Vec<Value>> {
        let start = self
            .stack
            .len()
            .checked_sub(count)
            .ok_or("stack underflow")?;
        Ok((start..start + count)
            .map(|position| {
                let value = self.operand_value(position, self.stack[position].value);
                self.e.canonical(value)
            })
            .collect())
    }

    /// Pops what [`Self::peek_canonical`] returns.
    pub fn pop_canonical(&mut self, count: usize) -> Result<Vec<Value>> {
        let values = self.peek_canonical(count)?;
        self.stack.truncate(self.stack.len() - count);
        Ok(values)
    }
}
