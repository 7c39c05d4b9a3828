//! Weak references to JavaScript's objects.

use napi::{Result, check_status, sys};
use std::ptr::null_mut;

/// A weak reference, and the environment that it belongs to.
pub struct Weak {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Weak {
    /// A weak reference to an object of `env`.
    pub fn new(env: sys::napi_env, object: sys::napi_value) -> Result<Self> {
        let mut reference = null_mut();
        // SAFETY: a live environment and a live object of it. A count of 0 makes the reference weak.
        check_status!(unsafe { sys::napi_create_reference(env, object, 0, &mut reference) })?;
        Ok(Self { env, reference })
    }

    pub fn is_of(&self, env: sys::napi_env) -> bool {
        self.env == env
    }

    /// The object; null once it is collected.
    pub fn get(&self) -> sys::napi_value {
        let mut object = null_mut();
        // SAFETY: the reference is deleted before its environment ends, and only in `delete`.
        unsafe { sys::napi_get_reference_value(self.env, self.reference, &mut object) };
        object
    }

    pub fn delete(self) {
        // SAFETY: as above; it is consumed.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}
