//! Images of code in a directory, found by what their code depends on.
//!
//! A file is complete from the moment that it has its name: it is written under another one, synced and
//! renamed. It is never changed afterwards, so processes map it and share its pages. Whatever else is found
//! there is refused, and replaced when the module's code is written the next time.
//!
//! A module with much code has up to [`PARTS`] files, each with functions that the others do not have, or have in a worse
//! form; it does not matter if one is gone. So code is written soon after it was compiled, and once: programs may be killed
//! at any time. When there would be more, the first gets all the code, and the others go.

use super::cache_status::CacheStatus;
use super::image::{Image, Key, key};
use super::mapping::Executable;
use super::{CompileError, CompiledModule, Options, registry};
use crate::module::{Bytes, Features, Module};
use crate::runtime::crew;
use crate::runtime::fault::{self, Site};
use hashbrown::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, SystemTime};

/// Size of modules (bytes) below which looking for code takes longer than compiling it.
const MIN_MODULE: usize = 1 << 10;
/// Bytes that the files of a directory may have together.
const LIMIT: u64 = 1 << 30;
/// Files of one module, and bytes of code from which it has more than one.
const PARTS: usize = 8;
const MUCH_CODE: usize = 4 << 20;
/// Time of compilation that is worth a file, and the part of that of all files.
const WORTH_WRITING: Duration = Duration::from_millis(10);
const WORTH_PART: u32 = 8;
/// How long the thread that writes waits for more once there is code, again after some was written, and at most where
/// nothing can be written.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const NEXT_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const SUFFIX: &str = "wrt";
/// How old the time of a file may be that says when it was last used.
const LAST_USE: Duration = Duration::from_secs(60 * 60);
/// Size of modules that are decoded while another thread checks their images.
const WORTH_A_THREAD: usize = 1 << 20;

/// A module whose code may be written.
struct Entry {
    module: Weak<CompiledModule>,
    written: Mutex<Written>,
}

/// What the directory has of a module.
#[derive(Default)]
struct Written {
    /// Of what went into it.
    effort: Duration,
    /// Addresses of its functions, and bytes of its files.
    functions: HashSet<usize>,
    bytes: usize,
}

/// Why code is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Meanwhile,
    AtEnd,
    Asked,
}

/// The cache of this process.
#[derive(Clone)]
struct Cache {
    directory: PathBuf,
    entries: Arc<Mutex<Vec<Arc<Entry>>>>,
}

static CACHE: Mutex<Option<Cache>> = Mutex::new(None);
/// Is there one?
static IN_USE: AtomicBool = AtomicBool::new(false);

fn current() -> Option<Cache> {
    CACHE.lock().unwrap_or_else(|e| e.into_inner()).clone()
}

/// Uses `directory`, which is made if need be. It must belong to this user and be closed to others, since what
/// lies in it is run.
pub fn enable(directory: &Path) -> io::Result<PathBuf> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let directory = directory.canonicalize()?;
    let found = fs::metadata(&directory)?;
    if !found.is_dir() || !is_private(&found) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the directory of a code cache must belong to the user, and nobody else may write to it",
        ));
    }
    let mut cache = CACHE.lock().unwrap_or_else(|e| e.into_inner());
    match &mut *cache {
        Some(cache) => cache.directory = directory.clone(),
        None => {
            *cache = Some(Cache {
                directory: directory.clone(),
                entries: Arc::default(),
            });
            IN_USE.store(true, Ordering::Relaxed);
        }
    }
    Ok(directory)
}

fn is_private(found: &fs::Metadata) -> bool {
    // SAFETY: always succeeds.
    found.uid() == unsafe { libc::geteuid() } && found.mode() & 0o022 == 0
}

/// A module of `bytes`, which have this number, that is there already, if no cache has a say in it.
pub fn known(number: u64, bytes: &[u8]) -> Option<Arc<CompiledModule>> {
    match current() {
        None => registry::known(number, bytes),
        Some(_) => None,
    }
}

/// A module of `bytes`, with the code that the cache has for it. If it has none, `decode` tells whether they are valid.
pub fn module(
    bytes: Bytes,
    options: Options,
    decode: impl FnOnce(Bytes) -> Result<Module, CompileError>,
) -> Result<Arc<CompiledModule>, CompileError> {
    let cache = current().filter(|_| bytes.len() >= MIN_MODULE);
    let Some(cache) = cache else {
        let module = CompiledModule::of(decode(bytes)?, options)?;
        registry::add(&module);
        return Ok(module);
    };
    let features = Features::current();
    let key = key(super::compiled_module::shared_compiler()?, features, &bytes);
    let loaded = match cache.files(&key) {
        Ok(files) if files.is_empty() => Err(CacheStatus::Miss),
        Ok(files) => load(&files, &key, bytes.clone()).map_err(CacheStatus::Refused),
        Err(reason) => Err(CacheStatus::Refused(reason)),
    };
    let (module, status) = match loaded {
        Ok((module, images)) => (
            CompiledModule::with_images(module?, options, images)?,
            CacheStatus::Hit,
        ),
        Err(status) => (CompiledModule::of(decode(bytes)?, options)?, status),
    };
    module.set_key(key, features);
    module.set_cache_status(status);
    let written = Written {
        effort: module.effort(),
        functions: module.functions().map(|(_, _, address)| address).collect(),
        bytes: module.image_bytes(),
    };
    let entry = Arc::new(Entry {
        module: Arc::downgrade(&module),
        written: Mutex::new(written),
    });
    let mut entries = cache.entries.lock().unwrap_or_else(|e| e.into_inner());
    entries.retain(|entry| entry.module.strong_count() > 0);
    entries.push(entry);
    Ok(module)
}

/// A file that has its name for itself, and its size.
struct Found {
    file: File,
    len: usize,
}

/// The file of an image; `None` if there is none, and otherwise why it is not used.
fn open(path: &Path) -> Result<Option<Found>, String> {
    let options = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path);
    let file = match options {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let found = file.metadata().map_err(|e| e.to_string())?;
    if !found.is_file() || !is_private(&found) {
        return Err("somebody else may write to it".to_owned());
    }
    let len = usize::try_from(found.len()).map_err(|e| e.to_string())?;
    // So that it is not the first to go. It does not matter where this cannot be written.
    if found
        .modified()
        .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LAST_USE))
    {
        let _ = file.set_modified(SystemTime::now());
    }
    Ok(Some(Found { file, len }))
}

/// The images in files of this key, and the module of its bytes. They are valid: else nobody who may write here would have
/// written files of that name. Threads that help check images while this one decodes.
fn load(
    files: &[Found],
    key: &Key,
    bytes: Bytes,
) -> Result<(Result<Module, CompileError>, Vec<Image>), String> {
    let image = |Found { file, len }: &Found| {
        let mapping = Executable::of_file(file, *len).map_err(|e| e.to_string())?;
        Image::new(mapping, *len, key).map_err(|e| e.to_string())
    };
    let helpers = usize::from(bytes.len() >= WORTH_A_THREAD);
    let decode = || CompiledModule::decode_valid(bytes);
    let (module, images) = crew::each("wrt-image", helpers, files, image, decode);
    Ok((module, images.into_iter().collect::<Result<_, _>>()?))
}

/// Writes images of modules that have code which the directory does not have, if that is worth it; how many.
pub fn flush(occasion: Occasion) -> io::Result<usize> {
    let Some(cache) = current() else {
        return Ok(0);
    };
    let entries = cache
        .entries
        .lock()
        .unwrap_or_else(|e| e.into_inner())
        .clone();
    let mut count = 0;
    for entry in entries {
        let Some(module) = entry.module.upgrade() else {
            continue;
        };
        // One thread at a time writes: the others would write the same.
        let mut written = entry.written.lock().unwrap_or_else(|e| e.into_inner());
        let effort = module.effort();
        let new = effort.saturating_sub(written.effort);
        if new.is_zero() || new < written.least(occasion) {
            continue;
        }
        // All together, if that is not much or no name is left.
        let much = written.bytes >= MUCH_CODE;
        let part = cache.free_part(module.key()).filter(|_| much);
        let (mut known, kept) = match part {
            Some(_) => (written.functions.clone(), written.bytes),
            None => (HashSet::new(), 0),
        };
        let Some((image, _)) = module.to_image_beyond(&mut known) else {
            continue;
        };
        // Before, so that drafts do not pile up where processes are killed while they write.
        cache.evict()?;
        cache.write(&cache.path(module.key(), part.unwrap_or(0)), &image)?;
        if part.is_none() {
            cache.remove_parts(module.key());
        }
        *written = Written {
            effort,
            functions: known,
            bytes: kept + image.len(),
        };
        count += 1;
    }
    Ok(count)
}

impl Written {
    /// What must have been spent on code that it does not have.
    fn least(&self, occasion: Occasion) -> Duration {
        match occasion {
            Occasion::Asked => Duration::ZERO,
            Occasion::AtEnd if self.functions.is_empty() => Duration::ZERO,
            Occasion::AtEnd => WORTH_WRITING,
            Occasion::Meanwhile => WORTH_WRITING.max(self.effort / WORTH_PART),
        }
    }
}

/// Held by the thread that writes in the background while it does; true once it has to stop.
static STOPPED: Mutex<bool> = Mutex::new(false);

/// Ends writing in the background, and waits for what is being written: the process is about to end, and would leave a
/// draft.
pub fn stop_writing_in_background() {
    *STOPPED.lock().unwrap_or_else(|e| e.into_inner()) = true;
}

/// The thread that writes while guests run.
static WRITER: OnceLock<Thread> = OnceLock::new();

/// To be called when a module has got code: somebody may have to write it.
pub fn code_was_made() {
    match WRITER.get() {
        Some(writer) => writer.unpark(),
        None if IN_USE.load(Ordering::Relaxed) => write_in_background(),
        None => (),
    }
}

/// Starts the thread that writes: it takes a tenth of a millisecond, and where the cache has all there is nothing to do. It
/// does not keep the process. The event loop could not do that: a guest may not let it turn before the process is killed.
fn write_in_background() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let thread = thread::Builder::new().name("wrt-cache".into());
        if fault::check(Site::CompileThread).is_ok()
            // Where no thread can be had, all is written at the end.
            && let Ok(thread) = thread.spawn(write_until_stopped)
        {
            let _ = WRITER.set(thread.thread().clone());
        }
    });
}

/// It has the guests' priority: on a busy machine it would else write what is lost a moment later.
fn write_until_stopped() {
    let mut pause = FIRST_PAUSE;
    loop {
        thread::sleep(pause);
        let stopped = STOPPED.lock().unwrap_or_else(|e| e.into_inner());
        if *stopped {
            return;
        }
        pause = match flush(Occasion::Meanwhile) {
            Ok(0) => FIRST_PAUSE,
            Ok(_) => NEXT_PAUSE,
            // What cannot be written now may be later.
            Err(_) => LONGEST_PAUSE.min(2 * pause),
        };
        drop(stopped);
        if pause != NEXT_PAUSE {
            thread::park();
        }
    }
}

/// Is the writer of a draft dead?
fn is_abandoned(draft: &Path) -> bool {
    File::open(draft).is_ok_and(|file| file.try_lock().is_ok())
}

impl Cache {
    fn path(&self, key: &Key, part: usize) -> PathBuf {
        let name = blake3::Hash::from(*key).to_hex();
        self.directory.join(match part {
            0 => format!("{name}.{SUFFIX}"),
            part => format!("{name}-{part}.{SUFFIX}"),
        })
    }

    /// The files of a module; or why one is not used. Where the first is small there are no others.
    fn files(&self, key: &Key) -> Result<Vec<Found>, String> {
        let first = open(&self.path(key, 0))?;
        let whole = first.as_ref().is_some_and(|first| first.len < MUCH_CODE);
        let others = if whole { 1..1 } else { 1..PARTS };
        let others = others.filter_map(|part| open(&self.path(key, part)).transpose());
        first.map(Ok).into_iter().chain(others).collect()
    }

    /// A part of a module, beside the first, that is not there yet.
    fn free_part(&self, key: &Key) -> Option<usize> {
        (1..PARTS).find(|part| !self.path(key, *part).exists())
    }

    /// Removes all parts of a module but the first.
    fn remove_parts(&self, key: &Key) {
        for part in 1..PARTS {
            let _ = fs::remove_file(self.path(key, part));
        }
    }

    /// Makes a file with these contents, or leaves everything as it was.
    fn write(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        static DRAFTS: AtomicU32 = AtomicU32::new(0);
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{number}.draft", std::process::id()));
        let result = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&draft)?;
            // Tells others that it is being written, while this process lives.
            file.lock()?;
            file.write_all(contents)?;
            file.sync_all()?;
            // The directory is not synced: that takes long where the disk is busy, and all that can be lost is the name.
            fs::rename(&draft, path)
        })();
        if result.is_err() {
            let _ = fs::remove_file(&draft);
        }
        result
    }

    /// Removes what was used least recently while there is too much, and what dead writers left.
    fn evict(&self) -> io::Result<()> {
        let mut files = Vec::new();
        let mut total = 0;
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            // Another process may have removed it.
            let Ok(found) = entry.metadata() else {
                continue;
            };
            let used = found.modified()?;
            let path = entry.path();
            let extension = path.extension().and_then(|e| e.to_str());
            if extension == Some(SUFFIX) && found.is_file() {
                total += found.len();
                files.push((used, found.len(), path));
            } else if extension == Some("draft") && is_abandoned(&path) {
                let _ = fs::remove_file(&path);
            }
        }
        files.sort();
        for (_, size, path) in files {
            if total <= LIMIT {
                break;
            }
            // Processes that have it mapped keep it.
            if fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
        Ok(())
    }
}
