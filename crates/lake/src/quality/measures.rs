//! The measures: each absorbs batches of the columns that it names.

pub(crate) mod count;
pub(crate) mod expression;
pub(crate) mod extent;
pub(crate) mod keys;
pub(crate) mod moments;
pub(crate) mod order;
pub(crate) mod quantile;
pub(crate) mod reference;
pub(crate) mod sorted;
pub(crate) mod test;
