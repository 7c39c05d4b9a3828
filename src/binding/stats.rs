//! Figures for `lib/stats.js`.

use super::callback::Functions;
use super::realm::Realm;
use crate::runtime::Account;
use napi_derive::napi;

pub const FUNCTIONS: &Functions = &[
    (c"compileStats", compile_stats_c_callback),
    (c"stats", stats_c_callback),
];

/// What compiling has cost the process: pairs of a number and milliseconds, in the order of `lib/stats.js`.
#[napi(no_export)]
pub fn compile_stats() -> Vec<f64> {
    use crate::code::figures::{DECODED, FROM_IMAGES, IMPROVED, ON_DEMAND};
    [&DECODED, &ON_DEMAND, &IMPROVED, &FROM_IMAGES]
        .iter()
        .flat_map(|figure| {
            let (number, time) = figure.get();
            [number as f64, time.as_secs_f64() * 1e3]
        })
        .collect()
}

/// What is live on this thread: modules, instances, memories, tables, bytes of code, and bytes of
/// address space that memories reserve.
#[napi(no_export)]
pub fn stats() -> Vec<f64> {
    let account = Account::current();
    let (modules, instances, code) = Realm::with(|realm| {
        let code = realm.modules.iter().map(|(_, m)| m.code_size()).sum();
        (realm.modules.len(), realm.instances.len(), code)
    });
    [
        modules,
        instances,
        account.memories,
        account.tables,
        code,
        account.reserved,
    ]
    .map(|count: usize| count as f64)
    .to_vec()
}
