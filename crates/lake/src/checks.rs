//! Checks of a table, compiled to one scan.
