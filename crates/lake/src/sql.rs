//! Read-only SQL over data sets.
