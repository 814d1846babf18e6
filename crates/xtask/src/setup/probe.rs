//! Looking for what is there.

use std::fs;
use std::path::PathBuf;

use crate::process;
use crate::workspace::Workspace;

/// Whether all programs are on the path.
pub(super) fn programs(workspace: &Workspace, names: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| workspace.which(name).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{} not found", missing.join(", "))) }
}

/// Whether `cargo <name>` runs; the program may be there as an empty shell of rustup.
pub(super) fn cargo_command(workspace: &Workspace, name: &str) -> Result<(), String> {
    let found = process::answer(&mut process::cargo(workspace, &[name, "--version"]));
    found.map(drop).ok_or_else(|| format!("`cargo {name}` not found"))
}

/// Whether bindgen will find libclang: where the linker or LLVM's packages have it.
pub(super) fn libclang(workspace: &Workspace) -> Result<(), String> {
    let mut ldconfig = process::command(workspace, "ldconfig");
    // Users who are not root have no `sbin` on their path.
    ldconfig.arg("-p").env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
    let listed = process::answer(&mut ldconfig).unwrap_or_default();
    let is_listed = listed.split_whitespace().any(is_libclang);
    if is_listed || llvm_folders().iter().any(contains_libclang) {
        return Ok(());
    }
    Err("not found".into())
}

/// Whether `python3 -m venv` works, which Debian packs apart.
pub(super) fn python_has_venv(workspace: &Workspace) -> bool {
    let mut python = process::command(workspace, "python3");
    process::answer(python.args(["-c", "import ensurepip, venv"])).is_some()
}

fn llvm_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ["/usr/lib", "/usr/lib64", "/opt/homebrew/opt/llvm/lib"]
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let entries = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let llvm = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm"));
    folders.extend(llvm.map(|entry| entry.path().join("lib")));
    folders
}

fn contains_libclang(folder: &PathBuf) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| is_libclang(&entry.file_name().to_string_lossy()))
}

/// `libclang.so.1`, `libclang-14.so`, `libclang.dylib`; not `libclang-cpp.so.14`, which has
/// another interface.
fn is_libclang(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libclang") else { return false };
    let rest = match rest.strip_prefix('-') {
        Some(versioned) => versioned.trim_start_matches(|sign: char| sign.is_ascii_digit()),
        None => rest,
    };
    rest.starts_with(".so") || rest.starts_with(".dylib")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_is_told_from_the_cpp_library() {
        for name in ["libclang.so", "libclang.so.1", "libclang-14.so.1", "libclang.dylib"] {
            assert!(is_libclang(name), "{name}");
        }
        for name in ["libclang-cpp.so.14", "libclangAST.a", "libclang.a", "clang"] {
            assert!(!is_libclang(name), "{name}");
        }
    }
}
