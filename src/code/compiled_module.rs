//! A module with its code, shared by all its instances and by all threads.
//!
//! A function is compiled when it is first called. Its slot of the code table holds a stub until then
//! and its code from then on; every call goes through the slot. See [`super::tiering`] for what happens
//! to functions that are called often.

use super::arena::{ALIGN, Arena};
use super::cache;
use super::cache_status::CacheStatus;
use super::figures;
use super::image::{self, Image, ImageError, Key};
use super::options::Options;
use super::stubs::{IN_MEMORY, USUAL};
use super::tiering::Loops;
use crate::compiler::{CompiledFunction, Compiler, Tier, returns_in_memory};
use crate::module::{Bytes, DecodeError, Features, Module};
use crate::runtime::LazyDataImage;
use crate::runtime::vm::{CodeSlot, Counter, VMOffsets};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Why a module could not be compiled, or one of its functions.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The bytes are malformed or invalid.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A function is beyond what the compiler can do.
    #[error("Compiling function #{index} failed: {message} @+{offset}")]
    Function {
        index: u32,
        message: String,
        offset: usize,
    },
    /// The code could not be placed.
    #[error("could not allocate memory for code: {0}")]
    Memory(String),
    /// An image of its code is not to be used.
    #[error("the image of the code is refused: {0}")]
    Image(#[from] ImageError),
    /// This machine cannot run compiled code.
    #[error("{0}")]
    Machine(String),
}

/// The compiler of this process.
pub fn shared_compiler() -> Result<&'static Compiler, CompileError> {
    Compiler::shared().map_err(|e| CompileError::Machine(e.to_string()))
}

/// What slot number `slot` of the code table of `module` holds at first.
fn stub(module: &Module, slot: usize) -> region::Result<*mut u8> {
    let imported = module.imported_functions as usize;
    let function = match slot.checked_sub(module.bodies.len()) {
        None => imported + slot,
        Some(import) => import,
    };
    let stubs = match returns_in_memory(module.function_type(function as u32)) {
        true => &IN_MEMORY,
        false => &USUAL,
    };
    stubs.get(slot)
}

fn no_memory(error: impl std::fmt::Display) -> CompileError {
    CompileError::Memory(error.to_string())
}

/// A decoded and validated module, its code table, and the code that it has so far.
pub struct CompiledModule {
    /// Names its code, see [`Source`](super::Source).
    id: u32,
    module: Arc<Module>,
    /// The same module with the other form of code.
    moving: OnceLock<Arc<Self>>,
    offsets: VMOffsets,
    compiler: &'static Compiler,
    pub(super) options: Options,
    /// Defined functions, then the host adapters, one a function import.
    pub(super) code_table: Box<[CodeSlot]>,
    /// Entry trampolines by type index, null until they are needed.
    entries: Box<[CodeSlot]>,
    /// A [`Progress`] for each slot of the code table, then for each entry.
    pub(super) progress: Box<[AtomicU8]>,
    /// Waited on, with the lock, for a unit that another thread compiles.
    finished: (Mutex<()>, Condvar),
    arenas: Mutex<Vec<Arena>>,
    /// Code that was there from the start.
    images: Vec<Image>,
    key: OnceLock<Key>,
    pub data_image: LazyDataImage,
    /// See [`CompiledModule::effort`].
    effort: AtomicU64,
    cache_status: OnceLock<CacheStatus>,
    /// Of the defined functions; each counts up to 0.
    pub(super) counters: Box<[Counter]>,
    /// Of the defined functions: how many instructions call it in the functions that were compiled first, 255 at most.
    pub(super) callers: Box<[AtomicU8]>,
    pub(super) loops: Mutex<Loops>,
}

/// How far a unit is.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not compiled.
    Waiting,
    /// A thread compiles it.
    Compiling,
    /// Its code is in its slot.
    Compiled,
    /// As before, and a better one is wanted. Greater numbers below the next one say how often its count has been reached
    /// meanwhile.
    Improving,
    /// The better one is in its slot.
    Improved = u8::MAX,
}

/// A piece of code.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Defined function, counted without imports.
    Function(u32),
    /// Adapter of a function import.
    HostAdapter(u32),
    /// Entry trampoline of a type.
    Entry(u32),
}

impl CompiledModule {
    /// Decodes and validates `bytes`, on all cores. Nothing is compiled.
    pub fn new(bytes: impl Into<Bytes>, options: Options) -> Result<Arc<Self>, CompileError> {
        Self::of(Self::decode(bytes.into())?, options)
    }

    /// The module of `bytes`, if they are valid.
    pub fn decode(bytes: Bytes) -> Result<Module, CompileError> {
        let start = Instant::now();
        let module = Module::decode(bytes)?;
        figures::DECODED.add(1, start);
        Ok(module)
    }

    /// A module that is decoded. Nothing is compiled.
    pub fn of(module: Module, options: Options) -> Result<Arc<Self>, CompileError> {
        let offsets = VMOffsets::new(&module);
        Self::with_code(module.into(), offsets, options, Vec::new())
    }

    /// Decodes bytes that an image was made from: they were valid then, says its key.
    pub fn decode_valid(bytes: Bytes) -> Result<Module, CompileError> {
        let start = Instant::now();
        let module = Module::decode_valid(bytes)?;
        figures::DECODED.add(1, start);
        Ok(module)
    }

    /// A module that is decoded, with code from images.
    pub fn with_images(
        module: Module,
        options: Options,
        images: Vec<Image>,
    ) -> Result<Arc<Self>, CompileError> {
        let offsets = VMOffsets::new(&module);
        Self::with_code(module.into(), offsets, options, images)
    }

    fn with_code(
        module: Arc<Module>,
        offsets: VMOffsets,
        options: Options,
        images: Vec<Image>,
    ) -> Result<Arc<Self>, CompileError> {
        let compiler = shared_compiler()?;
        let slots = module.bodies.len() + module.imported_functions as usize;
        let units = slots + module.types.len();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let mut this = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            compiler,
            code_table: (0..slots)
                .map(|slot| stub(&module, slot).map(CodeSlot::new))
                .collect::<region::Result<_>>()
                .map_err(no_memory)?,
            entries: module
                .types
                .iter()
                .map(|_| CodeSlot::new(null_mut()))
                .collect(),
            progress: (0..units)
                .map(|_| AtomicU8::new(Progress::Waiting as u8))
                .collect(),
            finished: Default::default(),
            arenas: Mutex::default(),
            images: Vec::new(),
            key: OnceLock::new(),
            data_image: LazyDataImage::default(),
            effort: AtomicU64::new(0),
            cache_status: OnceLock::new(),
            counters: module
                .bodies
                .iter()
                .map(|_| Counter::new(-options.threshold))
                .collect(),
            callers: module.bodies.iter().map(|_| AtomicU8::new(0)).collect(),
            loops: Mutex::default(),
            options,
            module,
            moving: OnceLock::new(),
            offsets,
        };
        images.into_iter().for_each(|image| this.take(image));
        if options.eager {
            this.compile_all()?;
        }
        Ok(Arc::new(this))
    }

    /// Fills the code table from an image.
    fn take(&mut self, image: Image) {
        for &(number, improved, address) in &image.functions {
            let number = number as usize;
            // An image of this module has no other numbers.
            let progress = match improved {
                true => Progress::Improved,
                false => Progress::Compiled,
            };
            // Another image may have a better form.
            match self.progress.get_mut(number).map(AtomicU8::get_mut) {
                Some(known) if *known < progress as u8 => *known = progress as u8,
                _ => continue,
            }
            self.slot_of(number)
                .store(address as *mut u8, Ordering::Relaxed);
        }
        image.set_module(self.id);
        self.images.push(image);
    }

    /// Is it this module's code that [`Source`](super::Source) names so?
    pub fn is_source(&self, number: u32) -> bool {
        let moving = self.moving.get();
        self.id == number || moving.is_some_and(|moving| moving.id == number)
    }

    /// The same module with code that works with all memories, see [`VMOffsets::memories_move`]. It is compiled
    /// like any other, but kept in no image: it is rare.
    pub fn with_moving_memories(&self) -> Result<Arc<Self>, CompileError> {
        if let Some(moving) = self.moving.get() {
            return Ok(moving.clone());
        }
        let offsets = self.offsets.clone().with_moving_memories();
        let moving = Self::with_code(self.module.clone(), offsets, self.options, Vec::new())?;
        Ok(self.moving.get_or_init(|| moving).clone())
    }

    /// What this module's code depends on.
    pub fn key(&self) -> &Key {
        self.key
            .get_or_init(|| image::key(self.compiler, self.module.features, &self.module.bytes))
    }

    /// Spares the computation of the key, which is of these bytes and features (unless another thread has
    /// just changed those).
    pub(super) fn set_key(&self, key: Key, features: Features) {
        if features == self.module.features {
            let _ = self.key.set(key);
        }
    }

    /// What the cache had for it.
    pub fn cache_status(&self) -> &CacheStatus {
        self.cache_status.get().unwrap_or(&CacheStatus::Off)
    }

    pub(super) fn set_cache_status(&self, status: CacheStatus) {
        let _ = self.cache_status.set(status);
    }

    /// How long it took to compile what an image would have, apart from what it has from one.
    pub fn effort(&self) -> Duration {
        Duration::from_nanos(self.effort.load(Ordering::Relaxed))
    }

    /// Counts what was compiled since `start`.
    pub(super) fn add_effort(&self, start: Instant) {
        let nanoseconds = start.elapsed().as_nanos() as u64;
        self.effort.fetch_add(nanoseconds, Ordering::Relaxed);
        cache::code_was_made();
    }

    /// Bytes of address space that its code takes.
    pub fn code_size(&self) -> usize {
        let arenas = self.arenas.lock().unwrap_or_else(|e| e.into_inner());
        let arenas: usize = arenas.iter().map(Arena::size).sum();
        let moving = self.moving.get().map_or(0, |moving| moving.code_size());
        arenas + moving + self.image_bytes()
    }

    /// Bytes of the images that it was made with.
    pub fn image_bytes(&self) -> usize {
        self.images.iter().map(Image::size).sum()
    }

    /// Compiles everything that is not compiled yet.
    pub fn compile_all(&self) -> Result<(), CompileError> {
        (0..self.module.bodies.len() as u32)
            .try_for_each(|function| self.code(Unit::Function(function)).map(drop))
    }

    pub fn module(&self) -> &Module {
        &self.module
    }

    /// Layout of the contexts of its instances.
    pub fn offsets(&self) -> &VMOffsets {
        &self.offsets
    }

    /// First slot of the code table.
    pub fn code_table(&self) -> *const CodeSlot {
        self.code_table.as_ptr()
    }

    /// Slot of the function that has index `function`: its code, or its host adapter if it is imported.
    pub fn code_slot(&self, function: u32) -> *const CodeSlot {
        &raw const *self.slot(self.unit_of(function))
    }

    /// What is called as function `index`, imported ones included.
    pub fn unit_of(&self, function: u32) -> Unit {
        match function.checked_sub(self.module.imported_functions) {
            Some(defined) => Unit::Function(defined),
            None => Unit::HostAdapter(function),
        }
    }

    /// Entry trampoline of type `ty`, null if it is not compiled yet.
    pub fn entry(&self, ty: u32) -> *const u8 {
        self.entries[ty as usize].load(Ordering::Acquire)
    }

    /// What slot number `slot` of the code table holds.
    pub fn unit_of_slot(&self, slot: u32) -> Unit {
        match slot.checked_sub(self.module.bodies.len() as u32) {
            None => Unit::Function(slot),
            Some(import) => Unit::HostAdapter(import),
        }
    }

    /// Place of a unit in `progress`.
    fn number(&self, unit: Unit) -> usize {
        let defined = self.module.bodies.len();
        match unit {
            Unit::Function(i) => i as usize,
            Unit::HostAdapter(i) => defined + i as usize,
            Unit::Entry(ty) => self.code_table.len() + ty as usize,
        }
    }

    fn slot(&self, unit: Unit) -> &CodeSlot {
        self.slot_of(self.number(unit))
    }

    /// The slot of the unit with this place in `progress`.
    pub(super) fn slot_of(&self, number: usize) -> &CodeSlot {
        match number.checked_sub(self.code_table.len()) {
            None => &self.code_table[number],
            Some(entry) => &self.entries[entry],
        }
    }

    /// The code of a unit, compiled now if it was not; by one thread, however many want it.
    pub fn code(&self, unit: Unit) -> Result<*const u8, CompileError> {
        let progress = &self.progress[self.number(unit)];
        loop {
            let seen = progress.compare_exchange(
                Progress::Waiting as u8,
                Progress::Compiling as u8,
                Ordering::Acquire,
                Ordering::Acquire,
            );
            match seen {
                Ok(_) => break,
                Err(seen) if seen == Progress::Compiling as u8 => self.wait(progress),
                Err(_) => return Ok(self.slot(unit).load(Ordering::Acquire)),
            }
        }
        let start = Instant::now();
        let result = self.compile(unit).and_then(|code| self.place(&code));
        let now = match result {
            Ok(code) => {
                figures::ON_DEMAND.add(1, start);
                self.add_effort(start);
                self.slot(unit).store(code.cast_mut(), Ordering::Release);
                match self.options.first {
                    Tier::Optimized => Progress::Improved,
                    _ => Progress::Compiled,
                }
            }
            // Whoever needs it next tries again: memory may have been short.
            Err(_) => Progress::Waiting,
        };
        self.finish(progress, now);
        result
    }

    fn finish(&self, progress: &AtomicU8, now: Progress) {
        let _lock = self.finished.0.lock();
        progress.store(now as u8, Ordering::Release);
        self.finished.1.notify_all();
    }

    /// Waits while another thread compiles.
    fn wait(&self, progress: &AtomicU8) {
        let mut lock = self.finished.0.lock().unwrap_or_else(|e| e.into_inner());
        while progress.load(Ordering::Acquire) == Progress::Compiling as u8 {
            lock = self
                .finished
                .1
                .wait(lock)
                .unwrap_or_else(|e| e.into_inner());
        }
    }

    fn compile(&self, unit: Unit) -> Result<CompiledFunction, CompileError> {
        let (module, offsets) = (&self.module, &self.offsets);
        let (result, index) = match unit {
            Unit::Function(i) => return self.compile_function(i, self.options.first),
            Unit::HostAdapter(i) => (self.compiler.host_adapter(module, offsets, i), i),
            Unit::Entry(ty) => (self.compiler.entry(module.types[ty as usize].func()), 0),
        };
        result.map_err(|message| CompileError::Function {
            index,
            message,
            offset: 0,
        })
    }

    /// Compiles a function, counted without imports.
    pub(super) fn compile_function(
        &self,
        function: u32,
        tier: Tier,
    ) -> Result<CompiledFunction, CompileError> {
        let module = &self.module;
        let calls = |callee| self.calls(callee);
        let result = self
            .compiler
            .function(module, &self.offsets, function, tier, &calls);
        let code = result.map_err(|message| CompileError::Function {
            index: module.imported_functions + function,
            message,
            offset: module.bodies[function as usize].start,
        })?;
        if tier == Tier::Baseline {
            self.count_callers(&code);
        }
        Ok(code)
    }

    /// Copies code to where it can run.
    pub(super) fn place(&self, function: &CompiledFunction) -> Result<*const u8, CompileError> {
        // Arenas are whole after each step.
        let mut arenas = self.arenas.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(arena) = arenas.last_mut()
            && let Some(code) = arena.place(function).map_err(no_memory)?
        {
            return Ok(code);
        }
        let least = function.code.len() + function.shift as usize + ALIGN;
        let mut size = self.arena_size().max(least);
        let mut arena = loop {
            match Arena::new(self.compiler, size) {
                Ok(arena) => break arena,
                // Addresses may be short.
                Err(_) if size > least => size = (size / 4).max(least),
                Err(error) => return Err(no_memory(error)),
            }
        };
        arena.set_module(self.id);
        let code = arena.place(function).map_err(no_memory)?;
        arenas.push(arena);
        code.ok_or_else(|| no_memory("an empty arena is full"))
    }

    /// Size of the next arena. Pages are taken as they are filled, so that too much costs nothing; too
    /// little costs another arena.
    fn arena_size(&self) -> usize {
        let bodies: usize = self.module.bodies.iter().map(|body| body.len()).sum();
        (8 * bodies).clamp(MIN_ARENA, MAX_ARENA)
    }
}

const MIN_ARENA: usize = 16 << 10;
const MAX_ARENA: usize = 64 << 20;
