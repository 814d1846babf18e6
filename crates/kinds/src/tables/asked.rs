//! Which data sets a statement asks for.

use tidemill_dag::names::DatasetName;
use tidemill_lake::sql::DataSet;

/// Tells whether a statement may ask for a data set: its name is a word of it, or it asks what data sets there are. Wrong only to the safe side.
pub fn mentions(statement: &str, dataset: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let words = statement.split(|letter| !is_part(letter));
    // `a-b` is a name in quotes and a difference without.
    let mut words = words.flat_map(|word| std::iter::once(word).chain(word.split('-')));
    words.any(|word| {
        word.eq_ignore_ascii_case(dataset) || word.eq_ignore_ascii_case("information_schema")
    })
}

/// A data set that is known by its name alone.
pub fn unasked(name: &DatasetName) -> DataSet {
    DataSet::named(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_set_is_asked_for_where_its_name_is_a_word() {
        assert!(mentions("select * from Plant", "plant"));
        assert!(mentions("select \"plant\".x from(plant)", "plant"));
        assert!(!mentions("select * from plants, plant_b", "plant"));
        assert!(mentions("select a from plant-1", "plant"));
        assert!(mentions("select * from information_schema.columns", "plant"));
    }
}
