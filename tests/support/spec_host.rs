//! A host in Rust that runs the commands of the official core tests on the engine alone.

use super::values::{Value, argument, matches, traps_with};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke, Wat};
use wrt::code::{CompiledModule, Options};
use wrt::module::{
    AddressType, ExportKind, FuncType, GlobalType, ImportKind, Limits, MemoryType, PAGE_BITS,
    TableType, ValType,
};
use wrt::runtime::vm::{VMFuncRef, VMGlobal};
use wrt::runtime::{
    ExportValue, Global, ImportValue, Instance, Memory, Outcome, Store, Table, Trap, new_global,
};

type Result<T = ()> = std::result::Result<T, String>;

thread_local! {
    /// Of guests, in tests that want them.
    pub static INTERRUPTIONS: Cell<usize> = const { Cell::new(0) };
    /// Whether modules are compiled at once, and their code goes through an image.
    pub static IMAGES: Cell<bool> = const { Cell::new(false) };
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

pub struct Host {
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
    pub fn new(options: Options) -> Result<Self> {
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
            shared: false,
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
        let mut module = CompiledModule::new(&bytes, self.options).map_err(|e| e.to_string())?;
        if IMAGES.get() {
            module.compile_all().map_err(|e| e.to_string())?;
            let (image, functions) = module.to_image().ok_or("no image")?;
            assert_eq!(functions, module.module().bodies.len());
            module = CompiledModule::from_image(&image, bytes, self.options)
                .map_err(|e| e.to_string())?;
        }
        let m = module.module();
        let mut imports = Vec::new();
        for import in &m.imports {
            let value = if import.module == "spectest" {
                let ty = match import.kind {
                    ImportKind::Function(ty) => Some(m.types[ty as usize].func()),
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
        let Ok(instance) = Instance::new(self.store, module.clone(), &imports, &[]) else {
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

    pub fn directive(&mut self, directive: WastDirective<'_>) -> Result {
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
