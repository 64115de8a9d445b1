//! The known word that a mistyped one was meant to be.

/// Edits above which two words have nothing in common; for short words it is half of their letters.
const EDITS_MAX: usize = 4;

/// Finds the known word with the fewest edits from `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let letters = |text: &str| text.trim_start_matches('-').chars().count();
    let candidates = known.into_iter().map(|known| (strsim::damerau_levenshtein(known, &word), known));
    let (edits, known) = candidates.min_by_key(|(edits, _)| *edits)?;
    let edits_max = (letters(known).max(letters(&word)).div_ceil(2)).min(EDITS_MAX);
    (edits <= edits_max).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_words_find_the_nearest_one_and_others_none() {
        let known = ["session", "all", "status", "queue", "--endpoint", "--json"];
        for (word, expected) in [
            ("stauts", Some("status")),
            ("queu", Some("queue")),
            ("Status", Some("status")),
            ("--endpiont", Some("--endpoint")),
            ("--jsn", Some("--json")),
            ("frobnicate", None),
            ("--x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
