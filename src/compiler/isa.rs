//! The machine that code is made for, and Cranelift's settings.

use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable, Flags};

/// Settings that differ from Cranelift's defaults, or that correctness rests on.
const SETTINGS: &[(&str, &str)] = &[
    // So that profilers and the runtime can walk guest stacks.
    ("preserve_frame_pointers", "true"),
    // Frames larger than the guard must touch every page of it.
    ("enable_probestack", "true"),
    ("probestack_strategy", "inline"),
    // Functions may have up to 1000 results.
    ("enable_multi_ret_implicit_sret", "true"),
    ("stack_switch_model", "basic"),
    // `JITModule` wants it so; code that refers to nothing is position-independent all the same.
    ("is_pic", "false"),
    ("unwind_info", "false"),
    ("machine_code_cfg_info", "false"),
    ("use_colocated_libcalls", "false"),
];

/// What compiling may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// As little as possible.
    Low,
    /// Time that grows with the function's size: for functions where [`Effort::Full`] would take minutes.
    Bounded,
    /// All that makes good code, in time that grows with the square of a function's size in bad cases.
    Full,
    /// As [`Effort::Full`], for what is optimised already.
    Rest,
}

/// The target description of this machine. `verify` has Cranelift check the IR of every function.
pub(super) fn host(verify: bool, effort: Effort) -> Result<OwnedTargetIsa, String> {
    check_processor()?;
    let mut flags = settings::builder();
    for (name, value) in SETTINGS {
        flags
            .set(name, value)
            .map_err(|error| format!("compiler setting {name}={value}: {error}"))?;
    }
    let (level, registers) = match effort {
        Effort::Low => ("none", "single_pass"),
        Effort::Bounded => ("speed", "single_pass"),
        Effort::Full => ("speed", "backtracking"),
        Effort::Rest => ("none", "backtracking"),
    };
    for (name, value) in [("opt_level", level), ("regalloc_algorithm", registers)] {
        flags.set(name, value).map_err(|error| error.to_string())?;
    }
    if effort != Effort::Low {
        // Starts of blocks, for [`super::lines`].
        flags
            .set("machine_code_cfg_info", "true")
            .map_err(|error| error.to_string())?;
    }
    let verify = if verify { "true" } else { "false" };
    flags
        .set("enable_verifier", verify)
        .map_err(|error| error.to_string())?;
    cranelift_native::builder()
        .map_err(|error| format!("unsupported processor: {error}"))?
        .finish(Flags::new(flags))
        .map_err(|error| error.to_string())
}

/// Without these extensions Cranelift would call functions of the C library for some instructions, and
/// code must hold no address of the process.
#[cfg(all(target_arch = "x86_64", unix))]
fn check_processor() -> Result<(), String> {
    if std::arch::is_x86_feature_detected!("ssse3") && std::arch::is_x86_feature_detected!("sse4.1")
    {
        Ok(())
    } else {
        Err("wrt needs a processor with SSSE3 and SSE4.1".to_owned())
    }
}

/// Cranelift can switch stacks on x86-64 only.
#[cfg(not(all(target_arch = "x86_64", unix)))]
fn check_processor() -> Result<(), String> {
    Err("wrt needs an x86-64 processor and a Unix system".to_owned())
}
