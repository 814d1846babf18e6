//! What the verbs do; one file for each noun.

pub(crate) mod attempt;
pub(crate) mod backfill;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dag;
pub(crate) mod dataset;
pub(crate) mod db;
pub(crate) mod demo;
pub(crate) mod drill;
pub(crate) mod predict;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod sql;
pub(crate) mod up;
pub(crate) mod work;
