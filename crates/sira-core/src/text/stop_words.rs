//! Words that say nothing about a transaction: English function words and what is left of an address on the web.

const STOP_WORDS: [&str; 48] = [
    "a", "about", "after", "all", "an", "and", "any", "are", "as", "at", "be", "by", "com", "for", "from",
    "has", "have", "http", "https", "if", "in", "into", "is", "it", "its", "my", "no", "not", "of", "on",
    "or", "our", "out", "so", "than", "that", "the", "their", "this", "to", "up", "via", "was", "we", "with",
    "www", "you", "your",
];

/// Whether a folded word is one of them.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_as_the_search_needs_it() {
        assert!(STOP_WORDS.is_sorted());
        assert!(STOP_WORDS.iter().all(|word| is_stop_word(word)));
    }
}
