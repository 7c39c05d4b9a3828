//! What the cache had for a module.

/// What came of looking for a module's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// No cache was enabled, or the module is too small for it.
    Off,
    Hit,
    Miss,
    /// There is an image, which is not used, for this reason.
    Refused(String),
}
