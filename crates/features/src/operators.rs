//! The operators. One is one file in this folder and one line in the list below.

mod calendar;
mod clip;
mod column;
mod delta;
mod difference;
mod ema;
mod expanding;
mod fourier;
mod frequency;
mod hashing;
mod holidays;
mod impute;
mod lag;
mod log;
mod one_hot;
mod ordinal;
mod pca;
mod phase;
mod polynomial;
mod pooled;
mod product;
mod ratio;
mod rolling;
mod scale;
mod seasonal_lag;
mod sqrt;
mod target_encoding;
mod trend;
mod winsorise;
mod yeo_johnson;

use crate::operator::OperatorKind;

pub use scale::Scaler;
pub use winsorise::Params as WinsoriseParams;

/// All operators: one line for each.
static OPERATORS: &[OperatorKind] = &[
    OperatorKind::of::<calendar::Calendar>(),
    OperatorKind::of::<clip::Clip>(),
    OperatorKind::of::<column::Column>(),
    OperatorKind::of::<delta::Delta>(),
    OperatorKind::of::<difference::Difference>(),
    OperatorKind::of::<ema::Ema>(),
    OperatorKind::of::<expanding::Expanding>(),
    OperatorKind::of::<fourier::Fourier>(),
    OperatorKind::of::<frequency::Frequency>(),
    OperatorKind::of::<hashing::Hashing>(),
    OperatorKind::of::<holidays::Holidays>(),
    OperatorKind::of::<impute::Impute>(),
    OperatorKind::of::<lag::Lag>(),
    OperatorKind::of::<log::Log>(),
    OperatorKind::of::<one_hot::OneHot>(),
    OperatorKind::of::<ordinal::Ordinal>(),
    OperatorKind::of::<pca::Pca>(),
    OperatorKind::of::<phase::Phase>(),
    OperatorKind::of::<polynomial::Polynomial>(),
    OperatorKind::of::<pooled::Pooled>(),
    OperatorKind::of::<product::Product>(),
    OperatorKind::of::<ratio::Ratio>(),
    OperatorKind::of::<rolling::Rolling>(),
    OperatorKind::of::<scale::Scale>(),
    OperatorKind::of::<seasonal_lag::SeasonalLag>(),
    OperatorKind::of::<sqrt::Sqrt>(),
    OperatorKind::of::<target_encoding::TargetEncoding>(),
    OperatorKind::of::<trend::Trend>(),
    OperatorKind::of::<winsorise::Winsorise>(),
    OperatorKind::of::<yeo_johnson::YeoJohnson>(),
];

/// All operators, by name.
pub fn all() -> &'static [OperatorKind] {
    OPERATORS
}

/// The operator with a name.
pub fn find(name: &str) -> Option<&'static OperatorKind> {
    OPERATORS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_list_holds_the_files_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/operators");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();

        let names: BTreeSet<String> =
            super::all().iter().map(|kind| kind.name.to_owned()).collect();

        assert_eq!(names, files);
    }
}
