//! Compiling modules and telling what is in them.

use super::callback::Functions;
use super::carriers;
use super::json::{Object, list};
use super::realm::Realm;
use super::values::{letter, name};
use crate::code::{CompileError, CompiledModule, Options, cache, registry};
use crate::compiler::Tier;
use crate::module::{
    AddressType, Bytes, ExportKind, Features, FuncType, GlobalType, ImportKind, Limits, MemoryType,
    Module, PAGE_BITS, TableType, canonical,
};
use napi::bindgen_prelude::{Object as JsObject, *};
use napi_derive::napi;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

pub const FUNCTIONS: &Functions = &[
    (c"compile", compile_c_callback),
    (c"compileAsync", compile_async_c_callback),
    (c"takeCompileError", take_compile_error_c_callback),
    (c"features", features_c_callback),
    (c"setFeature", set_feature_c_callback),
    (c"validate", validate_c_callback),
    (c"isSubtype", is_subtype_c_callback),
    (c"describe", describe_c_callback),
    (c"customSections", custom_sections_c_callback),
];

/// A module's handle, or why there is none.
pub type Compiled = Either<u32, String>;
/// A module, or the text of an error.
pub type Outcome = std::result::Result<Arc<CompiledModule>, String>;

/// How modules of this process are compiled. For tests: `WRT_TIER=optimized` leaves the first tier out,
/// `WRT_TIER=changing` has all functions and loops change over soon, and wait for that, and `WRT_TIER=eager` has all of a
/// module compiled before it is there.
pub fn options() -> Options {
    static OPTIONS: OnceLock<Options> = OnceLock::new();
    *OPTIONS.get_or_init(|| {
        let usual = Options::default();
        match std::env::var("WRT_TIER").as_deref() {
            Ok("optimized") => Options {
                first: Tier::Optimized,
                ..usual
            },
            Ok("changing") => Options {
                threshold: 100,
                in_background: false,
                ..usual
            },
            Ok("eager") => Options {
                eager: true,
                ..usual
            },
            _ => usual,
        }
    })
}

/// Makes a module of the bytes.
pub fn compile_bytes(bytes: Bytes) -> Outcome {
    guarded(|| cache::module(bytes, options(), CompiledModule::decode))
}

/// What a compilation gives. A panic would be a bug of ours; it ends that compilation, not the process.
pub fn guarded(
    compile: impl FnOnce() -> std::result::Result<Arc<CompiledModule>, CompileError>,
) -> Outcome {
    catch_unwind(AssertUnwindSafe(compile))
        .unwrap_or_else(|_| Err(CompileError::Machine("internal error".into())))
        .map_err(|e| e.to_string())
}

pub fn register(outcome: Outcome) -> Compiled {
    match outcome {
        Ok(module) => Either::A(Realm::with(|realm| realm.add_module(module))),
        Err(message) => Either::B(message),
    }
}

/// A module of the bytes: its handle, or why there is none; or its handle and the object that carries it, which V8's `class`
/// of modules made meanwhile, if that takes long.
#[napi(no_export, ts_return_type = "number | string | [number, object]")]
pub fn compile(
    env: &Env,
    bytes: &[u8],
    class: Option<JsObject>,
) -> Either3<u32, String, (u32, sys::napi_value)> {
    let number = Bytes::number_of(bytes);
    let (outcome, carrier) = match cache::known(number, bytes) {
        Some(module) => (Ok(module), None),
        None => {
            let bytes = Bytes::new(bytes, number);
            let class = class.filter(|_| bytes.len() >= LARGE);
            carriers::meanwhile(env, &bytes, class, || compile_bytes(bytes.clone()))
        }
    };
    match (register(outcome), carrier) {
        (Either::A(handle), None) => Either3::A(handle),
        (Either::A(handle), Some(carrier)) => Either3::C((handle, carrier)),
        (Either::B(error), _) => Either3::B(error),
    }
}

/// Bytes from which it is worth a thread to have what carries a module made while it is compiled.
const LARGE: usize = 1 << 20;

/// A compilation off the JavaScript thread.
pub struct Compilation(Bytes);

impl Task for Compilation {
    type Output = Outcome;
    type JsValue = Compiled;

    fn compute(&mut self) -> Result<Outcome> {
        Ok(compile_bytes(std::mem::take(&mut self.0)))
    }

    fn resolve(&mut self, _: Env, outcome: Outcome) -> Result<Compiled> {
        Ok(register(outcome))
    }
}

/// Compiles a copy of the bytes, taken now, off the JavaScript thread.
#[napi(no_export, ts_return_type = "Promise<number | string>")]
pub fn compile_async(bytes: &[u8]) -> AsyncTask<Compilation> {
    AsyncTask::new(Compilation(bytes.into()))
}

/// Why a guest ended with the trap that a function could not be compiled.
#[napi(no_export)]
pub fn take_compile_error() -> String {
    super::callback::store()
        .take_compile_error()
        .map_or_else(String::new, |error| error.to_string())
}

/// The switches of features: `[name, on, name, on, ...]`.
#[napi(no_export)]
pub fn features() -> Vec<Either<&'static str, bool>> {
    let list = Features::current().list();
    list.flat_map(|(name, on)| [Either::A(name), Either::B(on)])
        .collect()
}

#[napi(no_export)]
pub fn set_feature(name: String, on: bool) -> bool {
    Features::set(&name, on)
}

#[napi(no_export)]
pub fn validate(bytes: &[u8]) -> bool {
    registry::known(Bytes::number_of(bytes), bytes).is_some()
        || catch_unwind(|| Module::validate(bytes).is_ok()).unwrap_or(false)
}

pub fn module(handle: u32) -> Result<Arc<CompiledModule>> {
    Realm::with(|r| r.modules.get((handle as usize).wrapping_sub(1)).cloned())
        .ok_or_else(|| Error::from_reason("no such module"))
}

/// Is type `sub` a subtype of type `of`?
#[napi(no_export)]
pub fn is_subtype(sub: u32, of: u32) -> bool {
    canonical::is_subtype(sub, of)
}

/// Imports, exports, and the shared memories that it defines, as JSON.
#[napi(no_export)]
pub fn describe(handle: u32) -> Result<String> {
    let module = module(handle)?;
    let module = module.module();
    let imports = module.imports.iter().map(|import| {
        let mut object = match import.kind {
            ImportKind::Function(ty) => typed("function", module, ty),
            ImportKind::Table(ty) => table(ty),
            ImportKind::Memory(ty) => memory(ty),
            ImportKind::Global(ty) => global(ty),
            ImportKind::Tag(ty) => typed("tag", module, ty),
        };
        object.insert("module", Value::from(import.module.as_str()));
        object.insert("name", Value::from(import.name.as_str()));
        object
    });
    let exports = module.exports.iter().map(|export| {
        let mut object = match export.kind {
            ExportKind::Function(i) => {
                let mut object = typed("function", module, module.functions[i as usize]);
                object.insert("index", i.into());
                object.insert("position", module.func_ref_position(i).unwrap_or(0).into());
                object
            }
            ExportKind::Table(i) => table(module.tables[i as usize]),
            ExportKind::Memory(i) => memory(module.memories[i as usize]),
            ExportKind::Global(i) => global(module.globals[i as usize]),
            ExportKind::Tag(i) => typed("tag", module, module.tags[i as usize]),
        };
        object.insert("name", Value::from(export.name.as_str()));
        object
    });
    let defined = module.memories.iter();
    let defined = defined.skip(module.imported_memories as usize);
    let shared = list(defined.filter(|ty| ty.shared).map(|ty| memory(*ty)));
    let (imports, exports) = (list(imports), list(exports));
    Ok(format!(
        "{{\"imports\":{imports},\"exports\":{exports},\"shared\":{shared}}}"
    ))
}

/// A function type in one text, such as `iI>f`.
pub fn signature(ty: &FuncType) -> String {
    let params = ty.params.iter().map(|t| letter(*t));
    params
        .chain([">".into()])
        .chain(ty.results.iter().map(|t| letter(*t)))
        .collect()
}

fn object(kind: &str) -> Object {
    Object::new("kind", kind.into())
}

/// A function or tag of the module's type `ty`.
fn typed(kind: &str, module: &Module, ty: u32) -> Object {
    let mut object = object(kind);
    let ty = &module.types[ty as usize];
    object.insert("sig", signature(ty.func()).into());
    object.insert("type", ty.id().number().into());
    object
}

/// Adds limits and the type of addresses. Numbers of 64 bits are strings: JSON's are floats.
fn with_limits(mut object: Object, limits: Limits, address: AddressType) -> Object {
    let number = |n: u64| match address {
        AddressType::I32 => Value::from(n),
        AddressType::I64 => Value::from(n.to_string()),
    };
    if address == AddressType::I64 {
        object.insert("address", "i64".into());
    }
    object.insert("minimum", number(limits.min));
    if let Some(max) = limits.max {
        object.insert("maximum", number(max));
    }
    object
}

fn table(ty: TableType) -> Object {
    let mut object = object("table");
    object.insert("element", name(ty.element).into());
    with_limits(object, ty.limits, ty.address)
}

fn memory(ty: MemoryType) -> Object {
    let mut object = object("memory");
    if ty.page_bits != PAGE_BITS {
        object.insert("pageSize", (1u64 << ty.page_bits).into());
    }
    if ty.shared {
        object.insert("shared", true.into());
    }
    with_limits(object, ty.limits, ty.address)
}

fn global(ty: GlobalType) -> Object {
    let mut object = object("global");
    object.insert("value", name(ty.value).into());
    object.insert("mutable", ty.mutable.into());
    object
}

/// Contents of the custom sections of this name, in order.
#[napi(no_export)]
pub fn custom_sections<'env>(
    env: &'env Env,
    handle: u32,
    name: String,
) -> Result<Vec<ArrayBuffer<'env>>> {
    let module = module(handle)?;
    let module = module.module();
    module
        .custom_sections
        .iter()
        .filter(|(n, _)| *n == name)
        .filter_map(|(_, range)| module.bytes.get(range.clone()))
        .map(|bytes| ArrayBuffer::from_data(env, bytes.to_vec()))
        .collect()
}
