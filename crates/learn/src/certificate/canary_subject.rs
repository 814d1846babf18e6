//! Planted leaks as a subject of their own, so that the same futures are tried on them.

use super::{FeatureColumn, FeatureSeries, Features, Grade, Request, Subject, SubjectError};
use crate::canaries::{self, Planted, Setting};
use crate::digest::Digest;
use crate::panel::Panel;
use crate::time::Span;

/// All canaries that are columns made from the panel.
pub(crate) struct Canaries {
    pub(crate) setting: Setting,
}

impl Subject for Canaries {
    fn code(&self) -> Digest {
        Digest::of(b"canaries")
    }

    fn horizon(&self) -> Span {
        self.setting.horizon
    }

    fn window(&self) -> Span {
        Span::ZERO
    }

    fn transform(&self, panel: &Panel, _: Request) -> Result<Features, SubjectError> {
        let mut columns = Vec::new();
        let mut series: Vec<FeatureSeries> = panel
            .series
            .iter()
            .map(|own| FeatureSeries {
                entity: own.entity.clone(),
                event: own.event.clone(),
                values: Vec::new(),
            })
            .collect();
        for kind in canaries::all() {
            let Planted::Column(values) = (kind.plant)(panel, &self.setting) else {
                continue;
            };
            columns.push(FeatureColumn {
                name: kind.name.to_owned(),
                operator: kind.name.to_owned(),
                grade: Grade::Causal,
                is_pooled: false,
            });
            series.iter_mut().zip(values).for_each(|(series, values)| series.values.push(values));
        }
        Ok(Features { columns, series, fitted: Vec::new() })
    }

    fn state(&self, _: &Panel, _: Request) -> Result<Option<Vec<u8>>, SubjectError> {
        Ok(None)
    }

    fn resume(&self, _: &[u8], _: &Panel) -> Result<(Features, Vec<u8>), SubjectError> {
        Err("canaries have no state".into())
    }
}
