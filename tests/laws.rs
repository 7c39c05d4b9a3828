//! Laws of the design that a reader of the source can check.

use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

fn sources() -> Vec<(PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src);
    assert!(files.len() > 20, "the sources are elsewhere");
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a readable file");
            (
                path.strip_prefix(&src)
                    .expect("a path in src")
                    .to_path_buf(),
                text,
            )
        })
        .collect()
}

/// Law 2: the engine does not know Node-API.
#[test]
fn node_api_is_in_the_binding_alone() {
    for (path, text) in sources() {
        if path.starts_with("binding") {
            continue;
        }
        for line in text.lines() {
            let code = line.split("//").next().unwrap_or_default();
            for word in [
                "napi::",
                "napi_derive",
                "napi_sys",
                "use napi",
                "crate::binding",
            ] {
                assert!(!code.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

/// Every `unsafe` block says why it is sound, and no other folder has any.
#[test]
fn unsafe_is_confined_and_explained() {
    for (path, text) in sources() {
        let may = ["arch", "binding", "code", "runtime"]
            .iter()
            .any(|f| path.starts_with(f));
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if !code.contains("unsafe {") && !code.contains("unsafe impl") {
                continue;
            }
            assert!(
                may,
                "{}:{}: unsafe outside its folders",
                path.display(),
                i + 1
            );
            let explained = lines[i.saturating_sub(12)..=i]
                .iter()
                .any(|l| l.contains("SAFETY:"));
            assert!(explained, "{}:{}: no SAFETY comment", path.display(), i + 1);
        }
    }
}
