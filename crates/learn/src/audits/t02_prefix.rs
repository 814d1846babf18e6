//! A part gives the same bits as the whole.

use super::{Audit, AuditError, Bench, Tried};
use crate::certificate::{Comparison, Request, of_entity, once_each};
use crate::time::{Stretch, Timestamp};

pub(crate) struct Prefix;

impl Audit for Prefix {
    const ID: &'static str = "T2";
    const ABOUT: &'static str =
        "features of a prefix are the prefix of features; order, chunks and threads do not show";

    fn run(bench: &Bench<'_>) -> Result<Tried, AuditError> {
        let prefix = &bench.future.prefix;
        let columns = &bench.base.columns;
        let mut tried = Tried {
            compared: prefix.compared,
            findings: prefix.findings(columns, "is another without the rows that follow"),
            notes: Vec::new(),
        };
        let Some(window) = bench.window() else {
            return Ok(tried);
        };
        let base = bench.transform(&window.panel, window.request)?;
        let mut reversed = window.panel.clone();
        reversed.series.reverse();
        let alone = Request { chunk_rows: Some(1), threads: Some(1), ..window.request };
        let together = Request { chunk_rows: Some(7), threads: Some(2), ..window.request };
        let ways = [
            ("is another when entities come in another order", &reversed, window.request),
            ("is another row by row on one thread", &window.panel, alone),
            ("is another by sevens on two threads", &window.panel, together),
        ];
        for (why, panel, request) in ways {
            let other = bench.transform(panel, request)?;
            let mut found = Comparison::default();
            found.rest(&base, &other);
            for series in &base.series {
                let all = Stretch::new(Timestamp::MIN, Timestamp::NEVER);
                found.series((series, of_entity(&other, &series.entity)), all, |_| false);
            }
            tried.compared += found.compared;
            tried.findings.extend(found.findings(columns, why));
        }
        tried.findings = once_each(tried.findings);
        Ok(tried)
    }
}
