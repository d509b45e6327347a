//! What somebody may have meant who wrote a name that nobody knows.

/// Letters that may be wrong, missing, too many or changed places.
const MISTAKES: usize = 3;

/// The known name that is nearest to the given one; `None` where nothing is near.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let by_distance = known.map(|name| (strsim::damerau_levenshtein(given, name), name));
    by_distance.filter(|(distance, _)| *distance <= MISTAKES).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// As it ends a sentence: what may have been meant, or all that there is.
pub fn meant<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_strangers_name_is_not() {
        let known = || ["DRAWBRIDGE_RECORDS", "DRAWBRIDGE_REGION", "DRAWBRIDGE_REGISTRY"].into_iter();
        assert_eq!(nearest("DRAWBRIDGE_RECORD", known()), Some("DRAWBRIDGE_RECORDS"));
        assert_eq!(nearest("DRAWBRIDGE_REGOIN", known()), Some("DRAWBRIDGE_REGION"));
        assert_eq!(nearest("DRAWBRIDGE_SOMETHING_ELSE", known()), None);
        assert!(meant("DRAWBRIDGE_SOMETHING_ELSE", known()).starts_with("known are DRAWBRIDGE_RECORDS, "));
    }
}
