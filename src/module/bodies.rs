//! Validation of function bodies, by several threads while the rest of a module is decoded.

use super::error::DecodeError;
use super::plain::{PlainBodies, PlainModule};
use super::resources::Resources;
use super::supported;
use crate::runtime::crew;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::Scope;
use wasmparser::{FuncToValidate, FuncValidatorAllocations, FunctionBody, WasmFeatures};

/// Bytes of bodies that are worth a thread: it takes longer to validate them than to start one.
const WORTH_A_THREAD: usize = 64 << 10;
/// Bodies that a thread takes at a time.
const PIECE: usize = 16;

/// Function bodies to be validated, in the order of their functions.
#[derive(Default)]
pub(super) struct Bodies<'a> {
    list: Vec<Body<'a>>,
    common: Option<Common>,
    size: usize,
    /// The first that no thread has taken.
    next: AtomicUsize,
    /// What is wrong with a body, and its place in the list.
    error: Mutex<Option<(usize, DecodeError)>>,
}

/// What all bodies of a module are validated with.
pub(super) struct Common {
    pub plain: PlainModule,
    pub resources: Resources,
    pub features: WasmFeatures,
}

struct Body<'a> {
    index: u32,
    ty: u32,
    body: FunctionBody<'a>,
}

impl<'a> Bodies<'a> {
    pub fn push(
        &mut self,
        index: u32,
        ty: u32,
        body: FunctionBody<'a>,
        common: impl FnOnce() -> Common,
    ) {
        self.common.get_or_insert_with(common);
        self.size += body.as_bytes().len();
        self.list.push(Body { index, ty, body });
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Has threads of `scope` validate, as many as are allowed and of use.
    pub fn start<'s>(&'s self, scope: &'s Scope<'s, '_>) {
        crew::help(scope, "wrt-validate", self.size / WORTH_A_THREAD, || {
            self.work();
        });
    }

    /// Validates bodies that no other thread has taken, until there are none.
    pub fn work(&self) {
        let Some(Common {
            plain,
            resources,
            features,
        }) = &self.common
        else {
            return;
        };
        let mut plain = PlainBodies::of(plain);
        let mut allocations = FuncValidatorAllocations::default();
        loop {
            let start = self.next.fetch_add(PIECE, Relaxed).min(self.list.len());
            let end = (start + PIECE).min(self.list.len());
            if start == end {
                return;
            }
            for (place, body) in (start..).zip(&self.list[start..end]) {
                if plain.accept(body.ty, body.body.as_bytes()) {
                    continue;
                }
                let function = FuncToValidate {
                    resources,
                    index: body.index,
                    ty: body.ty,
                    features: *features,
                };
                let mut validator = function.into_validator(std::mem::take(&mut allocations));
                let result = supported::validate(&mut validator, &body.body);
                allocations = validator.into_allocations();
                if let Err(error) = result {
                    // Those before it have been taken, and will be done.
                    self.stop();
                    self.report(place, body.index, error);
                    return;
                }
            }
        }
    }

    /// Leaves the bodies that no thread has taken.
    pub fn stop(&self) {
        self.next.store(self.list.len(), Relaxed);
    }

    fn report(&self, place: usize, index: u32, error: DecodeError) {
        let message = format!("Compiling function #{index} failed: {}", error.message);
        let mut first = self.error.lock().unwrap_or_else(|e| e.into_inner());
        if first.as_ref().is_none_or(|(other, _)| place < *other) {
            *first = Some((place, DecodeError::new(message, error.offset)));
        }
    }

    /// What came of it, once all threads are done: of several errors that of the lowest function, however the
    /// work was spread.
    pub fn result(self) -> Result<(), DecodeError> {
        let error = self.error.into_inner().unwrap_or_else(|e| e.into_inner());
        error.map_or(Ok(()), |(_, error)| Err(error))
    }
}
