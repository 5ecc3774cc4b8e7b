//! Do imports point one way? Each crate's `lib.rs` declares its modules in order, and a module uses only those above it.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs;
use std::path::{Path, PathBuf};

/// Names that say nothing, of modules and of types.
const EMPTY_MODULES: [&str; 6] = ["utils", "util", "common", "helpers", "misc", "types"];
const EMPTY_TYPES: [&str; 4] = ["Manager", "Handler", "Processor", "Helper"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn modules(library: &str) -> Vec<String> {
    let declared = library.lines().filter_map(|line| {
        line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
    });
    declared.map(str::to_owned).collect()
}

/// The code before the file's tests.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap()
}

/// Upward imports of one crate, as `file -> module`.
fn upward(crate_folder: &Path) -> Vec<String> {
    let source = crate_folder.join("src");
    let order = modules(&fs::read_to_string(source.join("lib.rs")).unwrap());
    assert!(order.len() > 3);
    let mut found = Vec::new();
    for file in sources(&source) {
        let inside = file.strip_prefix(&source).unwrap();
        let module =
            inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let Some(own) = order.iter().position(|name| *name == module) else { continue };
        // A test may ask the whole what it thinks of a part.
        if inside.components().any(|part| part.as_os_str().to_str().unwrap().trim_end_matches(".rs") == "tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for above in &order[own + 1..] {
            for used in [format!("crate::{above}::"), format!("crate::{above};"), format!("crate::{above},")] {
                if code(&text).lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&used)) {
                    found.push(format!("{} -> {above}", inside.display()));
                }
            }
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    for folder in ["analyzer", "server"] {
        assert_eq!(upward(&repository().join(folder)), [""; 0], "{folder}");
    }
}

/// The bar is the crate boundary: the analyzer knows nothing of the server, of sockets, clocks or tasks.
#[test]
fn the_analyzer_is_pure() {
    let manifest = fs::read_to_string(repository().join("analyzer/Cargo.toml")).unwrap();
    let needed = manifest.split("[dev-dependencies]").next().unwrap();
    for other in ["firsthand-server", "tokio", "socket2", "rusqlite", "hyper"] {
        assert!(!needed.contains(other), "the analyzer must not need {other}");
    }
    for file in sources(&repository().join("analyzer/src")) {
        let text = fs::read_to_string(&file).unwrap();
        for reach in ["std::fs", "std::thread", "std::process", "std::env", "SystemTime", "Instant::now"] {
            assert!(!code(&text).contains(reach), "{}: {reach}", file.display());
        }
    }
}

#[test]
fn names_say_something() {
    for folder in ["analyzer/src", "server/src"] {
        for file in sources(&repository().join(folder)) {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            assert!(!EMPTY_MODULES.contains(&stem), "{}", file.display());
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let declares = ["struct ", "enum ", "trait "].iter().any(|word| line.contains(word));
                let empty = EMPTY_TYPES
                    .iter()
                    .any(|name| line.split([' ', '<', '{', '(', ';']).any(|word| word.ends_with(name)));
                assert!(!(declares && empty), "{}:{}", file.display(), number + 1);
            }
            assert!(text.starts_with("//!"), "{} does not say why it exists", file.display());
        }
    }
}
