//! The kinds of task that exist.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tidemill_dag::catalog::Signature;
use tidemill_dag::names::is_name;
use tidemill_dag::problem::suggest;

use crate::erased::{Erased, ErasedKind};
use crate::error::TaskError;
use crate::kind::TaskKind;

/// The kinds of task that exist, by name.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Arc<dyn ErasedKind>>,
}

impl Registry {
    /// No kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    ///
    /// # Panics
    ///
    /// If its name is no name, or is taken: both are mistakes in the list of kinds.
    #[must_use]
    pub fn with<K: TaskKind>(mut self) -> Self {
        assert!(is_name(K::NAME), "the kind `{}` needs another name", K::NAME);
        let earlier = self.kinds.insert(K::NAME, Arc::new(Erased::<K>::new()));
        assert!(earlier.is_none(), "the kind `{}` is registered twice", K::NAME);
        self
    }

    /// The kind of this name; an unknown name is a fatal error with a hint.
    pub fn get(&self, name: &str) -> Result<&dyn ErasedKind, TaskError> {
        if let Some(kind) = self.kinds.get(name) {
            return Ok(kind.as_ref());
        }
        let hint = suggest(name, "kinds", self.kinds.keys().copied());
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        Err(TaskError::fatal(format!("run the unknown kind `{name}`{hint}")))
    }

    /// All kinds, in the order of their names.
    pub fn kinds(&self) -> impl Iterator<Item = &dyn ErasedKind> {
        self.kinds.values().map(AsRef::as_ref)
    }

    /// What the language of DAGs sees of the kinds.
    pub fn catalog(&self) -> BTreeMap<&'static str, Signature> {
        self.kinds().map(|kind| (kind.name(), kind.signature())).collect()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds.keys()).finish()
    }
}
