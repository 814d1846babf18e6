//! The arithmetic of windows: one implementation for full passes, restored nights and single rows.
//!
//! A window of length `w` that ends before `t` is a suffix of the block of time before that of `t` and a prefix of the block of `t`; blocks
//! begin at multiples of `w` since 1970. So what is added to what, and in which order, follows from the times alone: not from where a pass
//! began, how rows came in chunks, or how many threads ran. Nothing is ever subtracted, so a spike leaves no trace once it left the window.

mod aggregate;
mod blocks;
mod dense;
mod order;

pub(crate) use aggregate::reciprocal;
pub use aggregate::{Aggregate, Extremes, Line, Shape, Spread};
pub use blocks::sweep;
pub use dense::{Summaries, Windows, sweep_spreads};
pub use order::{quantile, sweep_sorted};

/// Observations in order of time, without missing values where a kernel says so.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When they happened, strictly increasing.
    pub at: &'a [i64],
    /// What was observed.
    pub values: &'a [f64],
}
