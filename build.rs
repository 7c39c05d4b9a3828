//! Links the addon, and gives the engine a name that changes with its sources: code that one build made is
//! never run by another.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// All files of a folder and of those in it, in an order that is always the same.
fn files(folder: &Path, list: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, list)?;
        } else {
            list.push(path);
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let mut list = vec![PathBuf::from("Cargo.lock"), PathBuf::from("build.rs")];
    files(Path::new("src"), &mut list)?;
    let mut hasher = DefaultHasher::new();
    for path in list {
        path.hash(&mut hasher);
        fs::read(&path)?.hash(&mut hasher);
    }
    env::var_os("PROFILE").hash(&mut hasher);
    println!("cargo::rustc-env=WRT_BUILD={:016x}", hasher.finish());
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    napi_build::setup();
    Ok(())
}
