//! Personal data: found, and dealt with before anything is written.
