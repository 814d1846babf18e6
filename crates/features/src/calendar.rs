//! Local time and public holidays.

mod holidays;
mod local;

pub use holidays::{Country, HolidayTable};
pub use local::{LocalTime, Part, day_of};
