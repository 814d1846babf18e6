//! Rebuilds the crate when a migration is added: the compiler watches only the files that it has seen.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
