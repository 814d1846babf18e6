//! The crate map of `crates/README.md`, held against `cargo metadata`: edges point down, heavy dependencies stay in one crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Each crate with the crates of ours that it may use.
const EDGES: &[(&str, &[&str])] = &[
    ("dag", &[]),
    ("postgres", &[]),
    ("features", &[]),
    ("lake", &[]),
    ("learn", &[]),
    ("task", &["dag"]),
    ("store", &["dag", "task"]),
    ("scheduler", &["dag", "task", "store"]),
    ("kinds", &["dag", "lake", "task"]),
    ("tidemill", &["dag", "kinds", "lake", "postgres", "scheduler", "store", "task"]),
    // For development only.
    ("benchkit", &[]),
    ("testkit", &["dag", "postgres", "store", "task"]),
    ("xtask", &["postgres"]),
    ("tests", &[]),
];

/// Each heavy dependency with the only crates that may use it.
const CONFINED: &[(&str, &[&str])] = &[
    ("apalis", &["scheduler"]),
    ("arrow-array", &["features"]),
    ("axum", &["api"]),
    ("candle-core", &["families"]),
    ("chrono-tz", &["dag", "features", "lake"]),
    ("clap", &["tidemill"]),
    ("cron", &["dag"]),
    ("css-inline", &["report"]),
    ("datafusion", &["lake"]),
    ("lettre", &["report"]),
    ("lightgbm3", &["families"]),
    ("minijinja", &["dag", "report"]),
    ("object_store", &["lake", "task"]),
    ("parquet", &["features"]),
    ("resvg", &["report"]),
    ("serde-saphyr", &["dag"]),
    ("smartcore", &["families"]),
    ("sqlx", &["store", "testkit"]),
    ("tokio-postgres", &["lake"]),
    ("tokio-postgres-rustls", &["lake"]),
    ("xgboost_lib-sys", &["families"]),
];

/// Crates that no crate of the product may use outside tests.
const FOR_DEVELOPMENT: [&str; 4] = ["benchkit", "testkit", "xtask", "tests"];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo describes the workspace")
}

fn short(package: &str) -> &str {
    package.strip_prefix("tidemill-").unwrap_or(package)
}

/// The names of a package's dependencies that are compiled into it.
fn normal(package: &Package) -> BTreeSet<&str> {
    let normal =
        package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.as_str()).collect()
}

#[test]
fn every_crate_uses_only_the_crates_below_it() {
    let metadata = metadata();
    let ours: BTreeSet<&str> =
        metadata.packages.iter().map(|package| short(&package.name)).collect();
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = short(&package.name);
        let Some(edges) = allowed.get(name) else {
            wrong.push(format!("`{name}` is not in the crate map"));
            continue;
        };
        for used in normal(package).into_iter().map(short).filter(|used| ours.contains(used)) {
            if !edges.contains(&used) {
                wrong.push(format!("`{name}` uses `{used}`, which the crate map does not allow"));
            }
        }
    }

    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_crate_map_has_no_ring_and_names_no_missing_crate() {
    let metadata = metadata();
    let ours: BTreeSet<&str> =
        metadata.packages.iter().map(|package| short(&package.name)).collect();
    let mut known = BTreeSet::new();
    for (name, edges) in EDGES {
        assert!(ours.contains(name), "`{name}` is in the crate map, but not in the workspace");
        for used in *edges {
            assert!(
                known.contains(used) || *name == "tidemill",
                "`{name}` uses `{used}`, which is not below it"
            );
        }
        known.insert(*name);
    }
}

#[test]
fn heavy_dependencies_stay_in_their_crate() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let confined = CONFINED.iter().find(|(name, _)| *name == dependency.name);
            if let Some((name, homes)) = confined
                && !homes.contains(&short(&package.name))
            {
                wrong.push(format!(
                    "`{}` uses `{name}`, which belongs to `{}`",
                    package.name,
                    homes.join("`, `")
                ));
            }
        }
    }

    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn nothing_for_development_is_in_the_product() {
    let metadata = metadata();
    for package in
        metadata.packages.iter().filter(|package| !FOR_DEVELOPMENT.contains(&short(&package.name)))
    {
        for used in normal(package).into_iter().map(short) {
            assert!(
                !FOR_DEVELOPMENT.contains(&used),
                "`{}` uses `{used}` outside tests",
                package.name
            );
        }
    }
}

#[test]
fn every_dependency_that_a_manifest_names_is_used() {
    let metadata = metadata();
    let mut unused = Vec::new();
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().expect("a manifest lies in a folder");
        let mut code = String::new();
        read_code(folder.as_std_path(), &mut code);
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            let is_used =
                code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"));
            if !is_used {
                unused.push(format!(
                    "`{}` names `{}`, but does not use it",
                    package.name, dependency.name
                ));
            }
        }
    }

    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn every_crate_has_a_readme_that_says_what_it_does_not_do() {
    for package in metadata()
        .packages
        .iter()
        .filter(|package| !FOR_DEVELOPMENT.contains(&short(&package.name)))
    {
        let path = package.manifest_path.with_file_name("README.md");
        let readme = std::fs::read_to_string(&path).expect("every crate has a README.md");
        assert!(
            readme.to_lowercase().contains("does not"),
            "{path} does not say what the crate does not do"
        );
    }
}

#[test]
fn the_top_level_holds_the_folders_of_the_design_and_nothing_else() {
    let root = metadata().workspace_root;
    let mut found: Vec<String> = std::fs::read_dir(&root)
        .expect("the workspace is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    found.sort();

    assert_eq!(
        found,
        [
            "Cargo.lock",
            "Cargo.toml",
            "LICENSE",
            "README.md",
            "configs",
            "crates",
            "dags",
            "deploy",
            "migrations",
            "templates",
            "tests"
        ]
    );
}

fn read_code(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).expect("the folder of a crate").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            read_code(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            code.push_str(&std::fs::read_to_string(&path).expect("code is text"));
        }
    }
}
