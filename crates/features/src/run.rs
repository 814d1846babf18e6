//! Plans at work: fits, full passes, nights and single rows.

mod batch;
mod features;
mod fit;
mod labels;
mod live;
mod pool;
mod program;
mod row;
mod series;

pub use batch::{Chunk, Limits};
pub use features::Features;
pub use fit::{FitRange, Fitted, Overlap};
pub use labels::{Label, Labels};
pub use live::{LateRow, Live};
pub use program::{Program, Unfit};
pub use row::Cell;
