//! Inputs made from seeds, for the targets of `npm run fuzz` (fuzz/run.js).
//!
//! ```text
//! fuzz decode|compile|image SECONDS SEED [RECORD]   runs a target; RECORD is told each seed before it is tried
//! fuzz modules SEED                                 writes modules to stdout for ever, each with its length before it
//! ```
//! Each iteration depends on its seed alone, and the next seed is one more, so that a finding can be had again.

use arbitrary::Unstructured;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use wasm_smith::{Config, InstructionKind, InstructionKinds, Module as Smith};
use wrt::code::{CompiledModule, Options, seal};
use wrt::compiler::{Calls, Compiler, Tier};
use wrt::module::{Features, Module};
use wrt::runtime::vm::VMOffsets;

mod rewrite;

/// Longer than this, nothing may take, in processor time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A generator of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// What of wasm-smith's features the engine has on.
fn config(random: &mut Random, differential: bool) -> Config {
    let on = |name: &str| Features::current().list().any(|(n, on)| n == name && on);
    Config {
        max_funcs: 1 + random.below(12),
        max_instructions: 20 + random.below(400),
        max_memories: if on("multiMemory") { 3 } else { 1 },
        max_tables: 4,
        // Addresses that are no accident of where the system has room.
        max_memory32_bytes: 16 << 20,
        max_memory64_bytes: 16 << 20,
        max_table_elements: 1000,
        memory_max_size_required: true,
        table_max_size_required: true,
        min_funcs: 1,
        export_everything: true,
        max_imports: if differential { 0 } else { 20 },
        canonicalize_nans: differential,
        allowed_instructions: match random.below(2) {
            // Little that computes: so exceptions, branches and calls are met more often.
            0 => InstructionKinds::new(&[
                InstructionKind::Control,
                InstructionKind::Reference,
                InstructionKind::Parametric,
                InstructionKind::Variable,
                InstructionKind::Table,
                InstructionKind::MemoryInt,
            ]),
            _ => InstructionKinds::all(),
        },
        // V8 has its own choices here,
        relaxed_simd_enabled: on("relaxedSimd") && !differential,
        // and none of these.
        wide_arithmetic_enabled: on("wideArithmetic") && !differential,
        custom_page_sizes_enabled: on("customPageSizes") && !differential,
        memory64_enabled: on("memory64"),
        tail_call_enabled: on("tailCalls"),
        exceptions_enabled: on("exceptions"),
        extended_const_enabled: on("extendedConst"),
        // Decoding refuses what else these would make: see `rewrite`.
        gc_enabled: false,
        threads_enabled: on("atomics"),
        compact_imports_enabled: false,
        ..Config::default()
    }
}

/// The valid modules of the official tests, if those have been built.
fn corpus() -> &'static [Vec<u8>] {
    static CORPUS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        let entries = |path: &Path| -> Vec<PathBuf> {
            let all = fs::read_dir(path).into_iter().flatten().flatten();
            let mut paths: Vec<_> = all.map(|entry| entry.path()).collect();
            paths.sort();
            paths
        };
        let scripts = entries(Path::new("target/spec"));
        let files = scripts.iter().flat_map(|script| entries(script));
        files
            .filter_map(|file| fs::read(file).ok())
            .filter(|bytes| Module::validate(bytes).is_ok())
            .collect()
    })
}

/// A valid module; `None` if the seed makes none.
fn module(random: &mut Random, differential: bool) -> Option<Vec<u8>> {
    if !differential && random.below(4) == 0 && !corpus().is_empty() {
        return corpus().get(random.below(corpus().len())).cloned();
    }
    let config = config(random, differential);
    let len = 64 + random.below(8 << 10);
    let bytes = random.bytes(len);
    let mut module = Smith::new(config, &mut Unstructured::new(&bytes)).ok()?;
    if differential {
        module.ensure_termination(1000).ok()?;
    }
    rewrite::rewrite(random, &module.to_bytes())
}

/// Changes a few bytes, or moves some.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, random.next() as u8),
            4 => {
                let end = at + random.below(16).min(bytes.len() - at);
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            // A number of many digits, as a huge count is.
            _ => drop(bytes.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        }
    }
}

/// Bytes that are hardly ever a module: no panic, no great cost, and one answer, which is the validator's.
fn decode(random: &mut Random) {
    let Some(mut bytes) = module(random, false) else {
        return;
    };
    if let Err(error) = Module::validate(&bytes) {
        panic!("a valid module is refused: {error}");
    }
    mutate(random, &mut bytes);
    let valid = Module::validate(&bytes);
    if valid.is_ok() {
        // Most bodies have not been shown to the validator.
        let mut validator = wasmparser::Validator::new_with_features(Features::current().parser);
        let all = validator.validate_all(&bytes).map(drop);
        assert!(all.is_ok(), "an invalid module is accepted: {all:?}");
    }
    match Module::decode(bytes.clone()) {
        Ok(module) => {
            assert!(valid.is_ok());
            let again = Module::decode_valid(bytes).expect("it was valid before");
            assert_eq!(format!("{again:?}"), format!("{module:?}"));
        }
        Err(error) => assert_eq!(valid, Err(error)),
    }
}

/// All functions in all tiers, with Cranelift's own checks of its intermediate code.
fn compile(compiler: &Compiler, random: &mut Random) {
    let Some(bytes) = module(random, false) else {
        return;
    };
    let module = Module::decode(bytes).expect("a valid module is refused");
    let offsets = VMOffsets::new(&module);
    for function in 0..module.bodies.len() as u32 {
        for tier in [Tier::Baseline, Tier::Optimized] {
            if let Err(error) = compiler.function(&module, &offsets, function, tier, &|_| {
                Calls::OftenFromOnePlace
            }) {
                panic!("function {function}, {tier:?}: {error}");
            }
        }
        for number in 0.. {
            let tier = Tier::FromLoop(number);
            match compiler.function(&module, &offsets, function, tier, &|_| {
                Calls::OftenFromOnePlace
            }) {
                Ok(_) => {}
                Err(error) if error == "no such loop" => break,
                Err(error) => panic!("function {function}, {tier:?}: {error}"),
            }
        }
    }
    for ty in &module.types {
        let _ = compiler.entry(ty.func());
    }
}

/// Images that were changed: none is taken, and one whose checksum is right is read without harm.
fn image(random: &mut Random) {
    let Some(bytes) = module(random, false) else {
        return;
    };
    let options = Options::default();
    let module = CompiledModule::new(bytes.clone(), options).expect("a valid module is refused");
    if module.compile_all().is_err() {
        return;
    }
    let (image, _) = module.to_image().expect("it is small");
    CompiledModule::from_image(&image, bytes.clone(), options).expect("nothing was changed");
    let mut changed = image.clone();
    mutate(random, &mut changed);
    if changed != image {
        let taken = CompiledModule::from_image(&changed, bytes.clone(), options);
        assert!(taken.is_err(), "a damaged image is taken");
    }
    // The header and the tables, and then the checksum: what nobody but a bug of the writer does.
    let mut forged = image;
    let at = 8 + random.below(forged.len().min(2048) - 8);
    // Not in the key: it would be an image of other bytes.
    if !(32..64).contains(&at) {
        forged[at] ^= 1 << random.below(8);
    }
    seal(&mut forged);
    let _ = CompiledModule::from_image(&forged, bytes, options);
}

/// Processor time of this process: others may be busy, too.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a place for the answer.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn run(mut target: impl FnMut(&mut Random), seconds: u64, first: u64, record: Option<&str>) {
    let record = record.map(|path| File::create(path).expect("the record"));
    let mut seed = first;
    while processor_time() < Duration::from_secs(seconds) {
        if let Some(record) = &record {
            // For whoever finds this process dead.
            let _ = record.write_at(format!("{seed:020}").as_bytes(), 0);
        }
        let began = processor_time();
        target(&mut Random(seed));
        let taken = processor_time() - began;
        assert!(taken < PATIENCE, "it takes {taken:?}");
        seed += 1;
    }
    println!("{}", seed - first);
}

/// Modules one after the other, until the reader has enough.
fn modules(first: u64) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for seed in first.. {
        let bytes = module(&mut Random(seed), true).unwrap_or_default();
        out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        out.write_all(&bytes)?;
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |k: usize| args.get(k).and_then(|n| n.parse().ok()).unwrap_or(1u64);
    let record = args.get(4).map(String::as_str);
    match args.get(1).map(String::as_str) {
        Some("decode") => run(decode, number(2), number(3), record),
        Some("compile") => {
            let compiler = Compiler::verifying().expect("a compiler");
            run(
                |random| compile(&compiler, random),
                number(2),
                number(3),
                record,
            );
        }
        Some("image") => run(image, number(2), number(3), record),
        // The reader closes the pipe.
        Some("modules") => drop(modules(number(2))),
        _ => eprintln!("usage: fuzz decode|compile|image SECONDS SEED [RECORD], fuzz modules SEED"),
    }
}
