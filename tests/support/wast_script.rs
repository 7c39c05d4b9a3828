//! Turns a `.wast` script of the official core tests into commands that a host can run.
//!
//! The commands keep every bit of every value. What JavaScript cannot say (the bits of a NaN, a
//! `v128`) is covered by *checkers*: for each module that needs one, a generated module imports the
//! functions and globals under test with their exact types and exports them again with `i32`/`i64`
//! in place of `f32`/`f64` and two `i64` in place of a `v128`.
//!
//! Shared by `examples/spec_json.rs` and by cargo tests (`#[path = "support/wast_script.rs"]`).

#[path = "superseded.rs"]
mod superseded;

use std::collections::{BTreeSet, HashMap};

use superseded::superseded;
use wasm_encoder as enc;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef, ValType};
use wast::core::{
    AbstractHeapType, HeapType, NanPattern, V128Const, V128Pattern, WastArgCore, WastRetCore,
};
use wast::parser::ParseBuffer;
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};

/// An argument. Numbers are bits.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    I32(u32),
    I64(u64),
    F32(u32),
    F64(u64),
    V128(u128),
    NullFunc,
    NullExtern,
    Extern(u32),
}

/// What a float result has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Float<B> {
    Bits(B),
    CanonicalNan,
    ArithmeticNan,
}

/// What a result has to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    I32(u32),
    I64(u64),
    F32(Float<u32>),
    F64(Float<u64>),
    V128(u128),
    F32x4([Float<u32>; 4]),
    F64x2([Float<u64>; 2]),
    /// A null reference of any type.
    Null,
    /// Some function.
    Func,
    /// A host reference, a certain one if it has a number.
    Extern(Option<u32>),
}

#[derive(Clone, Debug)]
pub struct Action {
    /// The instance's name in the script; without one, the current instance.
    pub module: Option<String>,
    pub field: String,
    /// The arguments of a call; `None` reads a global.
    pub args: Option<Vec<Value>>,
    /// JavaScript cannot carry the values: go through the checker.
    pub exact: bool,
}

#[derive(Clone, Debug)]
pub enum Kind {
    /// Instantiate; the instance becomes the current one.
    Module {
        name: Option<String>,
        bytes: Vec<u8>,
        /// Filled in when the whole script has been read.
        checker: Option<Vec<u8>>,
    },
    Register {
        module: Option<String>,
        name: String,
    },
    Action(Action),
    Return(Action, Vec<Expect>),
    Trap(Action, String),
    Exhaustion(Action, String),
    Invalid(Vec<u8>, String),
    Malformed(Vec<u8>, String),
    Unlinkable(Vec<u8>, String),
    /// Instantiation traps.
    Uninstantiable(Vec<u8>, String),
}

#[derive(Clone, Debug)]
pub struct Command {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub struct Script {
    pub commands: Vec<Command>,
    /// Assertions about the text format, which an engine never sees.
    pub text_only: usize,
}

type Result<T> = std::result::Result<T, String>;

/// Reads a whole script.
pub fn convert(name: &str, source: &str) -> Result<Script> {
    let fail = |e: wast::Error| {
        let (line, column) = e.span().linecol_in(source);
        format!("{name}:{}:{}: {}", line + 1, column + 1, e.message())
    };
    let mut lexer = wast::lexer::Lexer::new(source);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(fail)?;
    let script: Wast<'_> = wast::parser::parse(&buffer).map_err(fail)?;

    let newlines: Vec<usize> = source.match_indices('\n').map(|(i, _)| i).collect();
    let mut converter = Converter::default();
    for directive in script.directives {
        let offset = directive.span().offset();
        let line = newlines.partition_point(|&i| i < offset) + 1;
        if let WastDirective::AssertInvalid { message, .. }
        | WastDirective::AssertMalformed { message, .. } = &directive
            && superseded(name, line, message)
        {
            continue;
        }
        converter
            .directive(line, directive)
            .map_err(|e| format!("{name}:{line}: {e}"))?;
    }
    converter.finish()
}

#[derive(Default)]
struct Converter {
    commands: Vec<Command>,
    text_only: usize,
    modules: Vec<ModuleUse>,
    /// Instances by name; `""` is the current one. Values index `modules`.
    instances: HashMap<String, usize>,
}

struct ModuleUse {
    command: usize,
    shape: Shape,
    functions: BTreeSet<String>,
    globals: BTreeSet<String>,
}

impl Converter {
    fn directive(&mut self, line: usize, directive: WastDirective<'_>) -> Result<()> {
        let kind = match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_string());
                let bytes = module.encode().map_err(|e| e.message())?;
                self.modules.push(ModuleUse {
                    command: self.commands.len(),
                    shape: Shape::of(&bytes).map_err(|e| e.to_string())?,
                    functions: BTreeSet::new(),
                    globals: BTreeSet::new(),
                });
                let index = self.modules.len() - 1;
                self.instances.insert(String::new(), index);
                if let Some(name) = &name {
                    self.instances.insert(name.clone(), index);
                }
                Kind::Module {
                    name,
                    bytes,
                    checker: None,
                }
            }
            WastDirective::Register { name, module, .. } => Kind::Register {
                module: module.map(|id| id.name().to_string()),
                name: name.to_string(),
            },
            WastDirective::Invoke(invoke) => Kind::Action(self.invoke(invoke, &[])?),
            WastDirective::AssertReturn { exec, results, .. } => {
                let expected = results.iter().map(expect).collect::<Result<Vec<_>>>()?;
                Kind::Return(self.execute(exec, &expected)?, expected)
            }
            WastDirective::AssertTrap { exec, message, .. } => match exec {
                WastExecute::Wat(mut wat) => {
                    Kind::Uninstantiable(encode(&mut wat)?, message.to_string())
                }
                exec => Kind::Trap(self.execute(exec, &[])?, message.to_string()),
            },
            WastDirective::AssertExhaustion { call, message, .. } => {
                Kind::Exhaustion(self.invoke(call, &[])?, message.to_string())
            }
            WastDirective::AssertInvalid {
                mut module,
                message,
                ..
            } => Kind::Invalid(module.encode().map_err(|e| e.message())?, message.into()),
            WastDirective::AssertMalformed {
                module, message, ..
            } => match module {
                QuoteWat::Wat(mut wat) => Kind::Malformed(encode(&mut wat)?, message.to_string()),
                _ => {
                    self.text_only += 1;
                    return Ok(());
                }
            },
            WastDirective::AssertUnlinkable {
                mut module,
                message,
                ..
            } => Kind::Unlinkable(encode(&mut module)?, message.to_string()),
            other => return Err(format!("unknown directive {other:?}")),
        };
        self.commands.push(Command { line, kind });
        Ok(())
    }

    fn execute(&mut self, exec: WastExecute<'_>, expected: &[Expect]) -> Result<Action> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(invoke, expected),
            WastExecute::Get { module, global, .. } => {
                let module = module.map(|id| id.name().to_string());
                let used = self.used(&module)?;
                let (ty, _) = used.shape.globals.get(global).ok_or("no such global")?;
                let exact = *ty == ValType::V128 || expected.iter().any(has_nan);
                if exact {
                    used.globals.insert(global.to_string());
                }
                Ok(Action {
                    module,
                    field: global.to_string(),
                    args: None,
                    exact,
                })
            }
            WastExecute::Wat(_) => Err("a module where an action belongs".into()),
        }
    }

    fn invoke(&mut self, invoke: WastInvoke<'_>, expected: &[Expect]) -> Result<Action> {
        let module = invoke.module.map(|id| id.name().to_string());
        let args = invoke
            .args
            .iter()
            .map(argument)
            .collect::<Result<Vec<_>>>()?;
        let used = self.used(&module)?;
        let ty = used
            .shape
            .functions
            .get(invoke.name)
            .ok_or("no such function")?;
        let exact = ty
            .params()
            .iter()
            .chain(ty.results())
            .any(|&t| t == ValType::V128)
            || args.iter().any(is_nan)
            || expected.iter().any(has_nan);
        if exact {
            used.functions.insert(invoke.name.to_string());
        }
        Ok(Action {
            module,
            field: invoke.name.to_string(),
            args: Some(args),
            exact,
        })
    }

    fn used(&mut self, module: &Option<String>) -> Result<&mut ModuleUse> {
        let key = module.as_deref().unwrap_or("");
        let index = *self.instances.get(key).ok_or("no such instance")?;
        Ok(&mut self.modules[index])
    }

    fn finish(mut self) -> Result<Script> {
        for used in &self.modules {
            if used.functions.is_empty() && used.globals.is_empty() {
                continue;
            }
            if let Kind::Module { checker, .. } = &mut self.commands[used.command].kind {
                *checker = Some(make_checker(used)?);
            }
        }
        Ok(Script {
            commands: self.commands,
            text_only: self.text_only,
        })
    }
}

fn encode(wat: &mut Wat<'_>) -> Result<Vec<u8>> {
    wat.encode().map_err(|e| e.message())
}

// ---- values

fn argument(arg: &WastArg<'_>) -> Result<Value> {
    let WastArg::Core(arg) = arg else {
        return Err(format!("unknown argument {arg:?}"));
    };
    Ok(match arg {
        WastArgCore::I32(v) => Value::I32(*v as u32),
        WastArgCore::I64(v) => Value::I64(*v as u64),
        WastArgCore::F32(v) => Value::F32(v.bits),
        WastArgCore::F64(v) => Value::F64(v.bits),
        WastArgCore::V128(v) => Value::V128(u128::from_le_bytes(v.to_le_bytes())),
        WastArgCore::RefNull(HeapType::Abstract { ty, .. }) => match ty {
            AbstractHeapType::Func => Value::NullFunc,
            AbstractHeapType::Extern => Value::NullExtern,
            other => return Err(format!("null of an unknown type {other:?}")),
        },
        WastArgCore::RefExtern(n) => Value::Extern(*n),
        other => return Err(format!("unknown argument {other:?}")),
    })
}

fn expect(ret: &WastRet<'_>) -> Result<Expect> {
    let WastRet::Core(ret) = ret else {
        return Err(format!("unknown expectation {ret:?}"));
    };
    Ok(match ret {
        WastRetCore::I32(v) => Expect::I32(*v as u32),
        WastRetCore::I64(v) => Expect::I64(*v as u64),
        WastRetCore::F32(v) => Expect::F32(float(v, |f| f.bits)),
        WastRetCore::F64(v) => Expect::F64(float(v, |f| f.bits)),
        WastRetCore::V128(v) => vector(v),
        WastRetCore::RefNull(_) => Expect::Null,
        WastRetCore::RefFunc(_) => Expect::Func,
        WastRetCore::RefExtern(n) => Expect::Extern(*n),
        other => return Err(format!("unknown expectation {other:?}")),
    })
}

fn float<T, B>(pattern: &NanPattern<T>, bits: impl Fn(&T) -> B) -> Float<B> {
    match pattern {
        NanPattern::CanonicalNan => Float::CanonicalNan,
        NanPattern::ArithmeticNan => Float::ArithmeticNan,
        NanPattern::Value(v) => Float::Bits(bits(v)),
    }
}

fn vector(pattern: &V128Pattern) -> Expect {
    let constant = |c: V128Const| Expect::V128(u128::from_le_bytes(c.to_le_bytes()));
    match pattern {
        V128Pattern::I8x16(v) => constant(V128Const::I8x16(*v)),
        V128Pattern::I16x8(v) => constant(V128Const::I16x8(*v)),
        V128Pattern::I32x4(v) => constant(V128Const::I32x4(*v)),
        V128Pattern::I64x2(v) => constant(V128Const::I64x2(*v)),
        V128Pattern::F32x4(v) => {
            let lanes = std::array::from_fn(|i| float(&v[i], |f| f.bits));
            join(&lanes, 32, |&b| b.into()).map_or(Expect::F32x4(lanes), Expect::V128)
        }
        V128Pattern::F64x2(v) => {
            let lanes = std::array::from_fn(|i| float(&v[i], |f| f.bits));
            join(&lanes, 64, |&b| b.into()).map_or(Expect::F64x2(lanes), Expect::V128)
        }
    }
}

/// The lanes as one number, unless one of them is only a pattern.
fn join<B>(lanes: &[Float<B>], width: usize, widen: impl Fn(&B) -> u128) -> Option<u128> {
    lanes
        .iter()
        .enumerate()
        .try_fold(0, |all, (i, lane)| match lane {
            Float::Bits(b) => Some(all | widen(b) << (i * width)),
            _ => None,
        })
}

fn is_nan(value: &Value) -> bool {
    match value {
        Value::F32(bits) => f32::from_bits(*bits).is_nan(),
        Value::F64(bits) => f64::from_bits(*bits).is_nan(),
        _ => false,
    }
}

fn has_nan(expect: &Expect) -> bool {
    match expect {
        Expect::F32(Float::Bits(bits)) => f32::from_bits(*bits).is_nan(),
        Expect::F64(Float::Bits(bits)) => f64::from_bits(*bits).is_nan(),
        Expect::F32(_) | Expect::F64(_) => true,
        _ => false,
    }
}

// ---- what a module exports

#[derive(Default)]
struct Shape {
    functions: HashMap<String, wasmparser::FuncType>,
    /// Type and mutability.
    globals: HashMap<String, (ValType, bool)>,
}

impl Shape {
    fn of(bytes: &[u8]) -> wasmparser::Result<Shape> {
        let mut types = Vec::new();
        let mut functions = Vec::new();
        let mut globals = Vec::new();
        let mut shape = Shape::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        types.push(ty?);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        match import?.ty {
                            TypeRef::Func(ty) => functions.push(ty),
                            TypeRef::Global(ty) => globals.push((ty.content_type, ty.mutable)),
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty?);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let ty = global?.ty;
                        globals.push((ty.content_type, ty.mutable));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        let name = export.name.to_string();
                        let index = export.index as usize;
                        match export.kind {
                            ExternalKind::Func => {
                                let ty = functions.get(index).and_then(|&t| types.get(t as usize));
                                if let Some(ty) = ty {
                                    shape.functions.insert(name, ty.clone());
                                }
                            }
                            ExternalKind::Global => {
                                if let Some(&global) = globals.get(index) {
                                    shape.globals.insert(name, global);
                                }
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

// ---- checkers

/// The types that carry the bits of a value of type `ty` through JavaScript.
fn carriers(ty: ValType) -> &'static [enc::ValType] {
    match ty {
        ValType::I32 | ValType::F32 => &[enc::ValType::I32],
        ValType::I64 | ValType::F64 => &[enc::ValType::I64],
        ValType::V128 => &[enc::ValType::I64, enc::ValType::I64],
        ValType::Ref(r) if r.is_func_ref() => &[enc::ValType::FUNCREF],
        ValType::Ref(_) => &[enc::ValType::EXTERNREF],
    }
}

fn all_carriers(types: &[ValType]) -> Vec<enc::ValType> {
    types.iter().flat_map(|&t| carriers(t)).copied().collect()
}

fn encoded(ty: ValType) -> enc::ValType {
    match ty {
        ValType::F32 => enc::ValType::F32,
        ValType::F64 => enc::ValType::F64,
        ValType::V128 => enc::ValType::V128,
        other => carriers(other)[0],
    }
}

/// Pushes the parameter(s) from local `next` on as a value of type `ty`; the next free local.
fn push_value(body: &mut enc::InstructionSink<'_>, ty: ValType, next: u32) -> u32 {
    body.local_get(next);
    match ty {
        ValType::F32 => body.f32_reinterpret_i32(),
        ValType::F64 => body.f64_reinterpret_i64(),
        ValType::V128 => body.i64x2_splat().local_get(next + 1).i64x2_replace_lane(1),
        _ => body,
    };
    next + carriers(ty).len() as u32
}

/// With a way to push a value of type `ty`, pushes its bits.
fn push_bits(
    body: &mut enc::InstructionSink<'_>,
    ty: ValType,
    get: impl Fn(&mut enc::InstructionSink<'_>),
) {
    get(body);
    match ty {
        ValType::F32 => {
            body.i32_reinterpret_f32();
        }
        ValType::F64 => {
            body.i64_reinterpret_f64();
        }
        ValType::V128 => {
            body.i64x2_extract_lane(0);
            get(body);
            body.i64x2_extract_lane(1);
        }
        _ => {}
    }
}

/// The module that imports `f.NAME` and `g.NAME` of an instance and exports the same names with a
/// prefix of `f:` or `g:`, carrying bits.
fn make_checker(used: &ModuleUse) -> Result<Vec<u8>> {
    let mut types = enc::TypeSection::new();
    let mut imports = enc::ImportSection::new();
    let mut functions = enc::FunctionSection::new();
    let mut exports = enc::ExportSection::new();
    let mut code = enc::CodeSection::new();
    let wrapper = |i: usize| (used.functions.len() + i) as u32;

    for (i, name) in used.functions.iter().enumerate() {
        let ty = &used.shape.functions[name];
        let imported = types.len();
        types.ty().function(
            ty.params().iter().map(|&t| encoded(t)),
            ty.results().iter().map(|&t| encoded(t)),
        );
        imports.import("f", name, enc::EntityType::Function(imported));
        types
            .ty()
            .function(all_carriers(ty.params()), all_carriers(ty.results()));
        functions.function(imported + 1);
        exports.export(&format!("f:{name}"), enc::ExportKind::Func, wrapper(i));

        let locals = ty.results().iter().map(|&t| (1, encoded(t)));
        let mut function = enc::Function::new(locals);
        let mut body = function.instructions();
        let mut next = 0;
        for &param in ty.params() {
            next = push_value(&mut body, param, next);
        }
        body.call(i as u32);
        for result in (0..ty.results().len() as u32).rev() {
            body.local_set(next + result);
        }
        for (result, &t) in ty.results().iter().enumerate() {
            push_bits(&mut body, t, |b| {
                b.local_get(next + result as u32);
            });
        }
        body.end();
        code.function(&function);
    }

    for (i, name) in used.globals.iter().enumerate() {
        let (ty, mutable) = used.shape.globals[name];
        imports.import(
            "g",
            name,
            enc::EntityType::Global(enc::GlobalType {
                val_type: encoded(ty),
                mutable,
                shared: false,
            }),
        );
        let index = types.len();
        types.ty().function([], carriers(ty).iter().copied());
        functions.function(index);
        let exported = wrapper(used.functions.len() + i);
        exports.export(&format!("g:{name}"), enc::ExportKind::Func, exported);
        let mut function = enc::Function::new([]);
        let mut body = function.instructions();
        push_bits(&mut body, ty, |b| {
            b.global_get(i as u32);
        });
        body.end();
        code.function(&function);
    }

    let mut module = enc::Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&exports)
        .section(&code);
    Ok(module.finish())
}
