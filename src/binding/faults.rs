//! Has allocations fail: for tests, in builds for tests alone.

use super::callback::Functions;
use crate::runtime::fault;
use napi_derive::napi;

pub const FUNCTIONS: &Functions = &[
    (c"faultSites", fault_sites_c_callback),
    (c"injectFault", inject_fault_c_callback),
];

/// Places where something may fail, each with how often it was met.
#[napi(no_export)]
pub fn fault_sites() -> Vec<(String, u32)> {
    let sites = fault::NAMES.iter().enumerate();
    sites
        .map(|(site, name)| ((*name).to_owned(), fault::met(site) as u32))
        .collect()
}

/// Has a place fail `times` times after it has succeeded `after` times; never, if `times` is 0.
#[napi(no_export)]
pub fn inject_fault(site: u32, after: u32, times: u32) {
    fault::inject(site as usize, after.into(), times.into());
}
