//! The facade's cells, and how the engine learns that one is gone.
//!
//! Every engine object that JavaScript holds has a cell in the JavaScript heap (`lib/lifetime.js`), and
//! a weak reference to it here. V8 empties such a reference when it collects the cell, also within a
//! long job, where neither finalisers nor callbacks of a FinalizationRegistry run. Whenever an object
//! is made after a collection, the references are looked through and what has lost its cell is released.
//!
//! V8 does not see what engine objects take, so it is told, and collects when that becomes much.

use super::calls::store;
use super::realm::{Dead, Realm};
use crate::runtime::Account;
use napi::bindgen_prelude::*;
use napi::sys;
use napi_derive::napi;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::null_mut;

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

pub const FUNCTIONS: &[(&CStr, Callback)] = &[
    (c"watch", watch),
    (c"sweep", sweep_now),
    (c"functionCell", function_cell),
    (c"hostCell", host_cell),
    (c"tagCell", tag_cell),
];

/// What a cell stands for, as the facade numbers it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Module,
    Instance,
    Memory,
    Table,
    Global,
    Tag,
}

const KINDS: [Kind; 6] = [
    Kind::Module,
    Kind::Instance,
    Kind::Memory,
    Kind::Table,
    Kind::Global,
    Kind::Tag,
];

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

/// The cells of a thread.
#[derive(Default)]
pub struct Cells {
    /// By kind, then by handle.
    cells: [Vec<Option<Weak>>; KINDS.len()],
    /// Instances by the first number of their host functions.
    hosts: BTreeMap<u32, u32>,
    /// To an object that nobody else has: it is gone after the next collection.
    sentinel: Option<Weak>,
    /// Bytes that V8 was told of.
    told: i64,
    /// Bytes that were held after the last sweep.
    swept: i64,
}

impl Cells {
    fn add(&mut self, kind: Kind, handle: u32, cell: Weak) {
        let cells = &mut self.cells[kind as usize];
        let at = handle as usize;
        if cells.len() <= at {
            cells.resize_with(at + 1, || None);
        }
        // A handle is free again only when its cell is gone, so there is none yet.
        if let Some(former) = cells[at].replace(cell) {
            former.delete();
        }
    }

    fn get(&self, kind: Kind, handle: u32) -> Option<&Weak> {
        self.cells[kind as usize].get(handle as usize)?.as_ref()
    }

    /// Names the instance that serves the host functions from `first` on.
    pub fn add_hosts(&mut self, first: u32, instance: u32) {
        self.hosts.insert(first, instance);
    }

    pub fn remove_hosts(&mut self, first: u32, instance: u32) {
        if self.hosts.get(&first) == Some(&instance) {
            self.hosts.remove(&first);
        }
    }

    /// Forgets cells that are gone, and calls `dead` with what they stood for. The others cost some ten
    /// nanoseconds each. Must run in a callback from JavaScript.
    pub fn sweep(&mut self, env: sys::napi_env, mut dead: impl FnMut(Kind, u32)) {
        for (kind, cells) in KINDS.iter().zip(&mut self.cells) {
            for (start, chunk) in (0..).step_by(CHUNK).zip(cells.chunks_mut(CHUNK)) {
                // Each reference that is read makes a handle; the scope drops them.
                with_scope(env, || {
                    for (handle, cell) in (start..).zip(chunk) {
                        if let Some(gone) = cell.take_if(|cell| cell.get().is_null()) {
                            gone.delete();
                            dead(*kind, handle);
                        }
                    }
                });
            }
        }
    }

    /// Has V8 collected since the last call that returned true? (Or before the first one.)
    fn has_collected(&mut self, env: sys::napi_env) -> bool {
        if matches!(&self.sentinel, Some(sentinel) if !sentinel.get().is_null()) {
            return false;
        }
        let mut object = null_mut();
        // SAFETY: a live environment, in a callback of it.
        unsafe { sys::napi_create_object(env, &mut object) };
        if let Some(former) = self.sentinel.take() {
            former.delete();
        }
        self.sentinel = Weak::new(env, object).ok();
        true
    }

    /// How many bytes more than V8 knows are held; afterwards it knows. Small changes wait.
    fn untold(&mut self, held: usize) -> i64 {
        let change = held as i64 - self.told;
        // V8 collects at some multiple of what it is told. In steps that grow with the total, a single
        // memory that grows page by page costs it a few collections, not one every so many pages.
        if change.abs() < STEP.max(self.told / 4) {
            return 0;
        }
        self.told += change;
        change
    }

    /// Is so much more held than after the last sweep that V8 must not take its time?
    fn is_overdue(&self) -> bool {
        self.told - self.swept > OVERDUE.max(self.swept)
    }

    /// Forgets what belongs to an environment that ends.
    pub fn forget(&mut self, env: sys::napi_env) {
        let of_env = |cell: &mut Weak| cell.is_of(env);
        for cell in self.cells.iter_mut().flatten() {
            if let Some(cell) = cell.take_if(of_env) {
                cell.delete();
            }
        }
        if let Some(sentinel) = self.sentinel.take_if(of_env) {
            sentinel.delete();
        }
    }
}

const CHUNK: usize = 64;
/// Bytes that may be held before V8 is told.
const STEP: i64 = 256 << 10;
/// Bytes that may be held beyond those after the last sweep, or as many again, before V8 has to collect.
/// By itself it begins at 64 MiB, but takes long to finish in a job that does little else.
const OVERDUE: i64 = 128 << 20;
/// What V8 is told of a memory apart from its bytes, so that reservations do not pile up, either.
const RESERVATION_COST: usize = 32 << 10;
/// More than any heap: V8 collects at once when it is told of that much.
const PRESSURE: i64 = 1 << 40;

fn with_scope<R>(env: sys::napi_env, f: impl FnOnce() -> R) -> R {
    let mut scope = null_mut();
    // SAFETY: a live environment, in a callback of it; no handle made by `f` leaves the scope.
    unsafe {
        let opened = sys::napi_open_handle_scope(env, &mut scope) == sys::Status::napi_ok;
        let result = f();
        if opened {
            sys::napi_close_handle_scope(env, scope);
        }
        result
    }
}

fn tell(env: sys::napi_env, change: i64) {
    let mut total = 0;
    if change != 0 {
        // SAFETY: a live environment. V8 may collect in this call; the realm is not borrowed.
        unsafe { sys::napi_adjust_external_memory(env, change, &mut total) };
    }
}

/// What V8 should know that the engine holds.
fn held(realm: &Realm) -> usize {
    let account = Account::current();
    // Half of it: few programs touch all that they could, and each collection takes milliseconds.
    account.bytes / 2 + account.memories * RESERVATION_COST + realm.held()
}

/// Tells V8 how much the engine holds by now, if that has changed by much.
pub fn settle(env: sys::napi_env) {
    let (change, is_overdue) = Realm::with(|realm| {
        let held = held(realm);
        (realm.cells.untold(held), realm.cells.is_overdue())
    });
    tell(env, change);
    if is_overdue {
        collect(env);
    }
}

/// Releases what has lost its cell.
fn sweep(env: sys::napi_env) {
    let dead: Dead = Realm::with(|realm| realm.take_dead(env));
    // Dropped where the realm is not borrowed; buffers outlive their memories, so they come after.
    drop(dead);
    Realm::with(|realm| {
        with_scope(env, || realm.buffers.sweep());
        // Before `settle`, which would find it overdue for ever.
        realm.cells.swept = held(realm) as i64;
    });
    settle(env);
}

/// Makes V8 collect now, and releases what that has freed: for when something could not be had.
fn collect(env: sys::napi_env) {
    tell(env, PRESSURE);
    tell(env, -PRESSURE);
    sweep(env);
}

/// `attempt`, and once more after a collection if it fails. A collection that was already under way
/// takes what has died since for alive, hence two.
pub fn with_retry<T, E>(
    env: sys::napi_env,
    mut attempt: impl FnMut() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    for _ in 0..2 {
        if let Ok(result) = attempt() {
            return Ok(result);
        }
        collect(env);
    }
    attempt()
}

/// Slots (kind, handle), argument: the cell. What the handle names is released when the cell is gone.
unsafe extern "C" fn watch(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let store = store();
    let (kind, handle) = (store.slot(0) as u32, store.slot(1) as u32);
    let Some(kind) = KINDS.get(kind as usize) else {
        return null_mut();
    };
    let Ok(cell) = Weak::new(env, argument(env, info)) else {
        // Never, for an object. It would be kept for ever, which is safe.
        return null_mut();
    };
    Realm::with(|realm| realm.cells.add(*kind, handle, cell));
    settle(env);
    if Realm::with(|realm| realm.cells.has_collected(env)) {
        sweep(env);
    }
    null_mut()
}

unsafe extern "C" fn sweep_now(env: sys::napi_env, _: sys::napi_callback_info) -> sys::napi_value {
    sweep(env);
    null_mut()
}

/// The cell of an instance, for code of the environment that made it; null if there is none.
fn instance_cell(env: sys::napi_env, handle: Option<u32>) -> sys::napi_value {
    cell(env, Kind::Instance, handle)
}

/// A cell, for code of the environment that made it; null if there is none.
fn cell(env: sys::napi_env, kind: Kind, handle: Option<u32>) -> sys::napi_value {
    Realm::with(|realm| {
        handle
            .and_then(|handle| realm.cells.get(kind, handle))
            .filter(|cell| cell.is_of(env))
            .map_or(null_mut(), Weak::get)
    })
}

/// The only argument of a call, undefined if there is none.
fn argument(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut value = null_mut();
    let mut count = 1;
    // SAFETY: a live environment and the call's own info; room for one argument.
    unsafe {
        sys::napi_get_cb_info(env, info, &mut count, &mut value, null_mut(), null_mut());
    }
    value
}

/// The same as a number, 0 if it is none.
fn number(env: sys::napi_env, info: sys::napi_callback_info) -> u32 {
    let mut number = 0;
    // SAFETY: a live environment and a value of the call.
    unsafe { sys::napi_get_value_uint32(env, argument(env, info), &mut number) };
    number
}

/// Argument: a function's number. The cell of its instance, undefined if there is none.
unsafe extern "C" fn function_cell(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    instance_cell(env, super::instances::owner(number(env, info)))
}

/// Argument: a host function's number. The cell of the instance that imports it, undefined if there is none.
unsafe extern "C" fn host_cell(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let host = number(env, info);
    let handle = Realm::with(|realm| {
        let (_, handle) = realm.cells.hosts.range(..=host).next_back()?;
        Some(*handle)
    });
    instance_cell(env, handle)
}

/// Argument: a tag's number. Its cell, undefined if there is none.
unsafe extern "C" fn tag_cell(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    cell(env, Kind::Tag, Some(number(env, info)))
}

/// What compiling has cost the process: pairs of a number and milliseconds, in the order of `lib/stats.js`.
#[napi]
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
#[napi]
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
