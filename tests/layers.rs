//! The engine does not know Node-API: only `src/binding` may name it.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn only_the_binding_knows_node_api() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(!files.is_empty());
    for file in files {
        if file.starts_with(root.join("binding")) {
            continue;
        }
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let word = code
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .find(|word| word.starts_with("napi"));
            assert_eq!(word, None, "{}:{}", file.display(), number + 1);
        }
    }
}
