//! What was probably meant by a name that is not known.

/// The member of `known` that was most likely meant by `given`.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lowered = given.to_lowercase();
    // A third of the letters may be wrong, as in compilers.
    let furthest = given.chars().count().max(3) / 3;
    let scored = known.into_iter().map(|candidate| {
        (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate)
    });
    let (distance, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= furthest).then_some(candidate)
}

/// "did you mean", where something is near; else the list of what there is, if it is short.
pub(crate) fn suggest<'a>(
    given: &str,
    noun: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    const MOST_LISTED: usize = 12;
    if let Some(near) = nearest(given, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    let listed = names.iter().take(MOST_LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => format!("there are no {noun}"),
        count if count > MOST_LISTED => {
            format!("known {noun} are {listed} and {} more", count - MOST_LISTED)
        }
        _ => format!("known {noun} are {listed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_answered_with_the_name_that_was_meant() {
        let known = ["plant_telemetry", "weather"];

        assert_eq!(
            suggest("plant_telemtry", "data sets", known),
            "did you mean `plant_telemetry`?"
        );
        assert_eq!(suggest("Weather", "data sets", known), "did you mean `weather`?");
    }

    #[test]
    fn a_name_that_is_near_to_none_is_answered_with_all_of_them() {
        let hint = suggest("orders", "data sets", ["plant_telemetry", "weather"]);

        assert_eq!(hint, "known data sets are `plant_telemetry`, `weather`");
        assert_eq!(suggest("orders", "data sets", []), "there are no data sets");
    }
}
