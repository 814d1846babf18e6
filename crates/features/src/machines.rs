//! State machines that several operators share.

mod carry;
mod expanding;
mod history;
mod known;
mod lookup;
mod rolling;
mod stat;

pub(crate) use carry::{Carry, Step, carried_time, time};
pub(crate) use expanding::Expanding;
pub(crate) use history::History;
pub(crate) use known::Known;
pub(crate) use lookup::Lookup;
pub(crate) use rolling::{Column, Rolling};
pub(crate) use stat::Stat;
