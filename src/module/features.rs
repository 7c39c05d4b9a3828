//! What is accepted beyond WebAssembly 2.0. Each feature has a switch, for the whole process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use wasmparser::WasmFeatures;

/// What is always on.
const BASE: WasmFeatures = WasmFeatures::WASM2;

/// The switches: name, what it adds, and whether it is on unless somebody changes it. The only list there is.
const SWITCHES: &[(&str, WasmFeatures, bool)] = &[
    ("multiMemory", WasmFeatures::MULTI_MEMORY, true),
    ("memory64", WasmFeatures::MEMORY64, true),
    ("customPageSizes", WasmFeatures::CUSTOM_PAGE_SIZES, true),
    ("relaxedSimd", WasmFeatures::RELAXED_SIMD, true),
    (
        "exceptions",
        WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS),
        true,
    ),
    ("tailCalls", WasmFeatures::TAIL_CALL, true),
    ("extendedConst", WasmFeatures::EXTENDED_CONST, true),
    // Recursion groups and subtypes come with the types of garbage collection, which decoding refuses.
    (
        "functionReferences",
        WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::GC),
        true,
    ),
    // With shared memories.
    ("atomics", WasmFeatures::THREADS, true),
    ("wideArithmetic", WasmFeatures::WIDE_ARITHMETIC, true),
    // These say nothing about what is accepted: see the fields of `Features`.
    (DETERMINISTIC, WasmFeatures::empty(), false),
    (BOUNDS_CHECKS, WasmFeatures::empty(), false),
    (SPECTRE_GUARDS, WasmFeatures::empty(), false),
];

const DETERMINISTIC: &str = "deterministic";
const BOUNDS_CHECKS: &str = "boundsChecks";
const SPECTRE_GUARDS: &str = "spectreGuards";

/// What is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// What the parser and the validator accept.
    pub parser: WasmFeatures,
    /// Relaxed instructions give what the standard's deterministic profile says, on every processor.
    pub deterministic: bool,
    /// Memories take no more addresses than they have bytes, and every access is checked.
    pub bounds_checks: bool,
    /// What a check has refused is not accessed by a processor that guesses otherwise either.
    pub spectre_guards: bool,
    switches: u32,
}

/// One bit a switch, in the order of [`SWITCHES`]. Begins with what `WRT_FEATURES` says, such as
/// `deterministic,-wideArithmetic`.
fn state() -> &'static AtomicU32 {
    static STATE: OnceLock<AtomicU32> = OnceLock::new();
    STATE.get_or_init(|| {
        let mut state = 0;
        for (bit, (.., on)) in SWITCHES.iter().enumerate() {
            state |= u32::from(*on) << bit;
        }
        let settings = std::env::var("WRT_FEATURES").unwrap_or_default();
        for setting in settings.split(',').map(str::trim) {
            let name = setting.strip_prefix('-');
            if let Some(bit) = position(name.unwrap_or(setting)) {
                state = with(state, bit, name.is_none());
            }
        }
        AtomicU32::new(state)
    })
}

fn position(name: &str) -> Option<usize> {
    SWITCHES.iter().position(|(n, ..)| *n == name)
}

fn with(state: u32, bit: usize, on: bool) -> u32 {
    state & !(1 << bit) | u32::from(on) << bit
}

impl Features {
    /// What is on in the process now.
    pub fn current() -> Self {
        Self::of(state().load(Relaxed))
    }

    fn of(switches: u32) -> Self {
        let mut features = Self {
            parser: BASE,
            deterministic: false,
            bounds_checks: false,
            spectre_guards: false,
            switches,
        };
        for (bit, (name, adds, _)) in SWITCHES.iter().enumerate() {
            if switches >> bit & 1 != 0 {
                features.parser |= *adds;
                features.deterministic |= *name == DETERMINISTIC;
                features.bounds_checks |= *name == BOUNDS_CHECKS;
                features.spectre_guards |= *name == SPECTRE_GUARDS;
            }
        }
        features
    }

    /// All switches by name, and whether they are on.
    pub fn list(self) -> impl Iterator<Item = (&'static str, bool)> {
        let names = SWITCHES.iter().enumerate();
        names.map(move |(bit, (name, ..))| (*name, self.switches >> bit & 1 != 0))
    }

    /// Turns a feature on or off for what is decoded from now on; false if there is none of this name.
    pub fn set(name: &str, on: bool) -> bool {
        let Some(bit) = position(name) else {
            return false;
        };
        let change = |state| Some(with(state, bit, on));
        state().fetch_update(Relaxed, Relaxed, change).is_ok()
    }

    /// What tells these features from others, for keys of code.
    pub fn fingerprint(self) -> [u8; 4] {
        self.switches.to_le_bytes()
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::of(0)
    }
}
