//! The facade's cells, and how the engine learns that one is gone.
//!
//! Every engine object that JavaScript holds has a cell in the JavaScript heap (`lib/lifetime.js`), and
//! a weak reference to it here. V8 empties such a reference when it collects the cell, also within a
//! long job, where neither finalisers nor callbacks of a FinalizationRegistry run. Whenever an object
//! is made after a collection, the references are looked through and what has lost its cell is released.

use super::callback::with_scope;
use super::weak::Weak;
use napi::sys;
use std::collections::BTreeMap;
use std::ptr::null_mut;

/// What a cell stands for, as the facade numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Module,
    Instance,
    Memory,
    Table,
    Global,
    Tag,
}

pub const KINDS: [Kind; 6] = [
    Kind::Module,
    Kind::Instance,
    Kind::Memory,
    Kind::Table,
    Kind::Global,
    Kind::Tag,
];

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
    swept: usize,
}

impl Cells {
    /// The cell of what `handle` names; that is released when the cell is gone.
    pub fn add(&mut self, kind: Kind, handle: u32, cell: Weak) {
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

    pub fn get(&self, kind: Kind, handle: u32) -> Option<&Weak> {
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
    pub fn has_collected(&mut self, env: sys::napi_env) -> bool {
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
    pub fn untold(&mut self, held: usize) -> i64 {
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
    pub fn is_overdue(&self) -> bool {
        let swept = self.swept as i64;
        self.told - swept > OVERDUE.max(swept)
    }

    /// How many bytes were held after the last sweep.
    pub fn swept(&self) -> usize {
        self.swept
    }

    /// So many bytes are held after a sweep.
    pub fn set_swept(&mut self, held: usize) {
        self.swept = held;
    }

    /// The instance that serves a host function.
    pub fn host(&self, function: u32) -> Option<u32> {
        let (_, instance) = self.hosts.range(..=function).next_back()?;
        Some(*instance)
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
