//! What wasm may take at most.

use super::callback::Functions;
use crate::runtime::limits::{Limits, PROCESS, RESOURCES, find};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use std::sync::Arc;

pub const FUNCTIONS: &Functions = &[
    (c"limits", limits_c_callback),
    (c"setLimit", set_limit_c_callback),
    (c"newLimits", new_limits_c_callback),
    (c"useLimits", use_limits_c_callback),
];

type Handle = External<Arc<Limits>>;

/// What the process may take at most: `[name, number, name, number, ...]`.
#[napi(no_export)]
pub fn limits() -> Vec<Either<&'static str, f64>> {
    RESOURCES
        .into_iter()
        .flat_map(|(resource, name)| {
            let most = match PROCESS.most(resource) {
                usize::MAX => f64::INFINITY,
                most => most as f64,
            };
            [Either::A(name), Either::B(most)]
        })
        .collect()
}

/// Sets a limit of the process, or one of `limits`.
#[napi(no_export)]
pub fn set_limit(name: String, most: f64, limits: Option<&Handle>) -> bool {
    let Some(resource) = find(&name) else {
        return false;
    };
    let limits: &Limits = limits.map_or(&PROCESS, |limits| limits);
    // Saturates.
    limits.set(resource, most as usize);
    crate::code::limit_changed();
    true
}

/// Limits that hold besides those in `outer`.
#[napi(no_export)]
pub fn new_limits(outer: Option<&Handle>) -> Handle {
    External::new(Arc::new(Limits::new(outer.map(|outer| Arc::clone(outer)))))
}

/// The limits for what is made next on this thread.
#[napi(no_export)]
pub fn use_limits(limits: Option<&Handle>) {
    Limits::make_current(limits.map(|limits| Arc::clone(limits)));
}
