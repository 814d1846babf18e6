//! L1 to L4 of the field: speed, fidelity, parity and nights of the features. Each figure stands behind a check of every kind of number it is about.

mod data;
mod fidelity;
mod night;
mod oracle;
mod parity;
mod peers;
mod speed;

use anyhow::Result;
use tidemill_benchkit::{Options, Report};

const KNOWN: [&str; 4] = ["L1", "L2", "L3", "L4"];

fn main() -> Result<()> {
    let options = Options::from_arguments()?;
    options.expect_only(&KNOWN)?;
    let mut report = Report::begin(&options, &[concat!("tidemill ", env!("CARGO_PKG_VERSION"))]);
    if options.wants("L1") {
        speed::measure(&options, &mut report)?;
    }
    if options.wants("L2") {
        fidelity::measure(&options, &mut report)?;
    }
    if options.wants("L3") {
        parity::measure(&mut report)?;
    }
    if options.wants("L4") {
        night::measure(&options, &mut report)?;
    }
    report.end()
}
