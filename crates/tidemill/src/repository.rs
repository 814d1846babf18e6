//! DAG files on disk, and what they include: read within the repository, never outside it.

use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use anyhow::Context;
use tidemill_dag::catalog::Catalog;
use tidemill_dag::load::{Dag, read_dag, refuse_twins};
use tidemill_dag::problem::{Problem, Problems, SourceText};
use tidemill_dag::references::refuse_dangling;
use tidemill_dag::shape::{FileError, Files};
use tidemill_dag::yaml::{self, LARGEST_FILE};

/// A folder of DAG files within the folder that they may include from.
#[derive(Debug)]
pub(crate) struct Repository {
    /// The folder that includes stay within, with links resolved.
    root: PathBuf,
    /// The folder of the DAG files, from the root.
    dags: PathBuf,
}

/// How files look from outside: path, time of the last change, size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<(PathBuf, Option<SystemTime>, u64)>);

/// Which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// All of the repository, so that what DAGs say about each other can be checked.
    All,
    /// Those that were named: others may exist.
    Some,
}

/// What a repository holds.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The DAGs without problems, by name.
    pub dags: Vec<Dag>,
    /// All problems of the other files.
    pub problems: Vec<Problem>,
    /// The names of the DAGs whose files have problems, with their files, where a name could be read.
    pub broken: Vec<(String, String)>,
    /// How many files were read.
    pub files: usize,
}

impl Repository {
    /// Opens the repository around a folder of DAG files.
    pub(crate) fn open(root: &Path, dags: &Path) -> anyhow::Result<Self> {
        let resolve = |path: &Path| {
            path.canonicalize().with_context(|| format!("open the folder `{}`", path.display()))
        };
        let (root, dags) = (resolve(root)?, resolve(dags)?);
        let dags = dags.strip_prefix(&root).map_or_else(|_| dags.clone(), Path::to_path_buf);
        Ok(Self { root, dags })
    }

    /// Reads and checks all DAG files. A file with a problem stops no other file.
    pub(crate) fn load(&self, catalog: &Catalog) -> anyhow::Result<Loaded> {
        let mut paths = Vec::new();
        collect(&self.root.join(&self.dags), &mut paths)?;
        paths.sort();
        Ok(self.load_files(&paths, catalog, Scope::All))
    }

    /// How the DAG files and others within the repository look from outside: what changed looks different.
    pub(crate) fn fingerprint(&self, others: &[String]) -> anyhow::Result<Fingerprint> {
        let mut paths = Vec::new();
        collect(&self.root.join(&self.dags), &mut paths)?;
        paths.extend(others.iter().map(|path| self.root.join(path)));
        paths.sort();
        let looks = paths.into_iter().map(|path| {
            let found = std::fs::metadata(&path).ok();
            let modified = found.as_ref().and_then(|found| found.modified().ok());
            (path, modified, found.map_or(0, |found| found.len()))
        });
        Ok(Fingerprint(looks.collect()))
    }

    /// Reads and checks some DAG files, named from the working folder.
    pub(crate) fn load_named(
        &self,
        paths: &[PathBuf],
        catalog: &Catalog,
    ) -> anyhow::Result<Loaded> {
        let mut found = Vec::new();
        for path in paths {
            let resolved =
                path.canonicalize().with_context(|| format!("open `{}`", path.display()))?;
            if resolved.is_dir() {
                collect(&resolved, &mut found)?;
            } else {
                found.push(resolved);
            }
        }
        // A file that is named twice, or lies in a folder that is named too, is one file.
        found.sort();
        found.dedup();
        Ok(self.load_files(&found, catalog, Scope::Some))
    }

    /// Files do not depend on each other, so all cores read them.
    fn load_files(&self, paths: &[PathBuf], catalog: &Catalog, scope: Scope) -> Loaded {
        let next = AtomicUsize::new(0);
        let workers =
            std::thread::available_parallelism().map_or(1, usize::from).min(paths.len().max(1));
        let read_some = || {
            let mut done = Vec::new();
            while let Some((index, path)) = Some(next.fetch_add(1, Ordering::Relaxed))
                .and_then(|index| Some((index, paths.get(index)?)))
            {
                done.push((index, self.load_file(path, catalog)));
            }
            done
        };
        let mut results = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(read_some)).collect();
            let joined = threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("reading files does not panic"));
            joined.collect::<Vec<_>>()
        });
        results.sort_by_key(|(index, _)| *index);
        let mut problems = Problems::default();
        let (mut dags, mut broken) = (Vec::new(), Vec::new());
        for (_, (source, result)) in results {
            match result {
                Ok(dag) => dags.push((source, dag)),
                Err(found) => {
                    problems.extend(found);
                    broken.extend(name_in(&source).map(|name| (name, source.path.clone())));
                }
            }
        }
        if scope == Scope::All {
            dags = refuse_dangling(dags, &mut broken, catalog, &mut problems);
        }
        let mut dags = refuse_twins(dags, &mut problems);
        dags.sort_by(|left, right| left.spec.dag.cmp(&right.spec.dag));
        Loaded { dags, problems: problems.into_sorted(), broken, files: paths.len() }
    }

    fn load_file(
        &self,
        path: &Path,
        catalog: &Catalog,
    ) -> (Arc<SourceText>, Result<Dag, Problems>) {
        let shown = path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        match read_text(path) {
            Ok(text) => {
                let source = Arc::new(SourceText::new(shown, text));
                let dag = read_dag(&source, catalog, self);
                (source, dag)
            }
            Err(error) => {
                let source = Arc::new(SourceText::new(shown, String::new()));
                let problem = Problem::of_file(&source, format!("the file {error}"));
                (source, Err(problem.into()))
            }
        }
    }
}

impl Files for Repository {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let is_plain =
            Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain {
            return Err(FileError::Outside);
        }
        let full = self.root.join(path);
        let Ok(resolved) = full.canonicalize() else {
            return Err(FileError::Missing { nearby: self.nearby(&full) });
        };
        // A link may lead anywhere; what it leads to must lie inside.
        if resolved.starts_with(&self.root) {
            read_text(&resolved)
        } else {
            Err(FileError::Outside)
        }
    }
}

impl Repository {
    fn nearby(&self, missing: &Path) -> Vec<String> {
        let folder = missing.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        let paths = folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let mut names: Vec<String> = paths
            .filter(|path| path.is_file())
            .map(|path| path.strip_prefix(&self.root).unwrap_or(&path).display().to_string())
            .collect();
        names.sort();
        names
    }
}

/// The name that a file gives its DAG, whatever else is wrong with it.
fn name_in(source: &Arc<SourceText>) -> Option<String> {
    let tree = yaml::parse(source).ok()?;
    Some(tree.get("dag")?.as_text()?.to_owned())
}

/// Reads a text of bounded size; what is larger, or endless like a device, is not read to its end.
fn read_text(path: &Path) -> Result<String, FileError> {
    let unreadable = |error: std::io::Error| FileError::Unreadable { cause: error.to_string() };
    if !path.is_file() {
        return Err(FileError::Unreadable { cause: "it is not a file".to_owned() });
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > LARGEST_FILE {
        return Err(FileError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| FileError::NotText)
}

/// All YAML files below a folder; hidden ones and links to folders are passed over.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("read the folder `{}`", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("read the folder `{}`", folder.display()))?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let is_yaml =
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_hidden {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            collect(&path, paths)?;
        } else if is_yaml && path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(files: &[(&str, &str)]) -> (tempfile::TempDir, Repository) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("dags")).unwrap();
        let repository = Repository::open(folder.path(), &folder.path().join("dags")).unwrap();
        (folder, repository)
    }

    #[test]
    fn a_bad_file_stops_no_other_file() {
        let (_folder, repository) = repository(&[
            ("dags/a.yaml", "dag: a\ntasks: {}\n"),
            ("dags/deep/b.yml", "dag: [\n"),
            ("dags/.c.yaml", "x"),
        ]);

        let loaded = repository.load(&Catalog::default()).unwrap();

        assert_eq!(loaded.files, 2);
        let paths: Vec<&str> = loaded.problems.iter().map(Problem::path).collect();
        assert_eq!(paths, ["dags/a.yaml", "dags/deep/b.yml"]);
    }

    #[test]
    fn a_link_that_leads_outside_is_refused() {
        let (folder, repository) = repository(&[("configs/a.yaml", "a: 1")]);
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("configs/b.yaml")).unwrap();

        assert_eq!(repository.read("configs/a.yaml").as_deref(), Ok("a: 1"));
        assert_eq!(repository.read("configs/b.yaml"), Err(FileError::Outside));
        assert_eq!(repository.read("../etc/passwd"), Err(FileError::Outside));
        assert_eq!(
            repository.read("configs/c.yaml"),
            Err(FileError::Missing {
                nearby: vec!["configs/a.yaml".into(), "configs/b.yaml".into()]
            })
        );
    }

    #[test]
    fn a_file_that_is_too_large_or_not_text_is_refused() {
        let (folder, repository) =
            repository(&[("configs/large.sql", &"x".repeat(LARGEST_FILE + 1))]);
        std::fs::write(folder.path().join("configs/binary"), [0xff, 0xfe]).unwrap();

        assert_eq!(repository.read("configs/large.sql"), Err(FileError::TooLarge));
        assert_eq!(repository.read("configs/binary"), Err(FileError::NotText));
    }
}
