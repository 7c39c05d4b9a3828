//! Compiling what a guest calls, at the moment that it calls it.

use super::fault::Site;
use super::stack::GuestStack;
use super::vm::{LEAF, SURE, VMContext, VMFuncRef};
use super::{Instance, Store};
use crate::arch;
use crate::code::{CompileError, CompiledModule, Unit};
use crate::module::Leaf;
use std::cell::{OnceCell, RefCell};
use std::ffi::c_void;
use std::ptr::null;
use std::sync::atomic::Ordering;

/// What a thread needs to compile on demand.
#[derive(Default)]
pub struct OnDemand {
    /// The compiler's stack: what is left of the guest's or the host's may be little.
    stack: OnceCell<GuestStack>,
    /// Why the last compilation failed.
    error: RefCell<Option<CompileError>>,
}

/// Bytes of the compiler's stack, as much as other threads that compile have.
const STACK: usize = 2 << 20;

/// One compilation: what is wanted and what came of it.
struct Request<'a> {
    module: &'a CompiledModule,
    unit: Unit,
    result: Option<Result<*const u8, CompileError>>,
}

unsafe extern "sysv64" fn fulfil(request: *mut c_void) {
    // SAFETY: `compile` passes a request that lives during the call.
    let request = unsafe { &mut *request.cast::<Request<'_>>() };
    request.result = Some(request.module.code(request.unit));
}

impl Store {
    /// The code of `unit`; null if there is none, and then [`Store::take_compile_error`] says why.
    fn compile(&self, module: &CompiledModule, unit: Unit) -> *const u8 {
        let on_demand = self.on_demand();
        let stack = match on_demand.stack.get() {
            Some(stack) => stack,
            None => match GuestStack::new(STACK, Site::CompilerStack) {
                Ok(stack) => on_demand.stack.get_or_init(|| stack),
                Err(error) => return self.fail(CompileError::Memory(error.to_string())),
            },
        };
        let mut request = Request {
            module,
            unit,
            result: None,
        };
        // SAFETY: the stack is used here alone, and compiling does not come back here; `fulfil` does
        // not unwind, since `code` catches what the code generator does.
        unsafe { arch::call_on_stack((&raw mut request).cast(), fulfil, stack.top()) };
        match request.result {
            Some(Ok(code)) => code,
            Some(Err(error)) => self.fail(error),
            None => null(),
        }
    }

    fn fail(&self, error: CompileError) -> *const u8 {
        self.on_demand().error.replace(Some(error));
        null()
    }

    /// Why the last activation ended with [`Trap::NotCompiled`](super::Trap).
    pub fn take_compile_error(&self) -> Option<CompileError> {
        self.on_demand().error.take()
    }

    /// The entry trampoline of a function that has none yet; null as in [`Store::compile`].
    ///
    /// # Safety
    /// `func_ref` is registered in this store.
    #[cold]
    pub(super) unsafe fn prepare_entry(&self, func_ref: *const VMFuncRef) -> *const u8 {
        // SAFETY: registered functions are live, and belong to an instance.
        let Some((instance, index)) = (unsafe { Instance::of_function(func_ref) }) else {
            return null();
        };
        let module = instance.module();
        let ty = module.module().functions[index as usize];
        let mut entry = module.entry(ty);
        if entry.is_null() {
            entry = self.compile(module, Unit::Entry(ty));
        }
        if !entry.is_null() && entry.addr() % (LEAF + SURE + 1) == 0 && self.runs_leaves() {
            entry = match module.module().leaf(index) {
                // The stub is not sure: it ends the call if there is no code.
                Some(Leaf::Sure) if !self.compile(module, module.unit_of(index)).is_null() => {
                    entry.wrapping_add(LEAF + SURE)
                }
                Some(_) => entry.wrapping_add(LEAF),
                None => entry,
            };
        }
        // SAFETY: live, as above.
        unsafe { (*func_ref).entry.store(entry.cast_mut(), Ordering::Release) };
        entry
    }
}

/// What a stub calls: the code of slot `slot` of the code table that `vmctx`'s module has; null as in
/// [`Store::compile`].
///
/// # Safety
/// `vmctx` is the context of a live instance on this thread, and the slot is of its module's table.
pub unsafe extern "sysv64" fn compile_slot(vmctx: *mut VMContext, slot: u32) -> *const u8 {
    // SAFETY: by the caller; an instance writes its own address into its context.
    let instance = unsafe { &*(*vmctx).instance.cast::<Instance>() };
    let module = instance.module();
    let code = instance.owner().compile(module, module.unit_of_slot(slot));
    if !code.is_null() {
        // Programs begin with hundreds of these in a row, and little else for a signal to hit.
        // SAFETY: the caller's context; nothing is held any more.
        unsafe { Store::checkpoint(vmctx) };
    }
    code
}
