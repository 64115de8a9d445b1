//! The keyword search: many literals in one pass over a text.
//!
//! Hardly any place of a text begins one of the literals, so that a filter of 32 kB, which stays in the
//! processor's first cache, rejects nearly all places by a hash of four bytes. An automaton over two thousand literals takes
//! ten megabytes, and each of its steps depends on the step before. A literal that a token has to follow is looked for in
//! front of tokens alone: the shortest literals are such ones, and they occur in most words.

use std::ops::Range;

/// Bytes of a text that are hashed together.
const WINDOW_BYTES: usize = 4;
/// Windows begin at every second byte; a literal has one of its windows at one of them, wherever it stands.
const STRIDE: usize = 2;
/// Bits of a byte that are hashed: both cases of a letter have the same ones.
const CLASS_BITS: u32 = 0x1F1F_1F1F;
const CLASSES: usize = 32;
/// Bits of a hash, and of the last two bytes of a literal.
const HASH_BITS: u32 = 18;
const ENDING_BITS: u32 = 16;
/// Buckets for each literal in them, so that most have none.
const BUCKETS_PER_ENTRY: usize = 4;
/// Windows that are hashed before those that pass are compared.
const BLOCK_WINDOWS: usize = 256;
/// Bytes of a literal that are compared at once.
const WORD_BYTES: usize = size_of::<u64>();

/// Bytes of a token from which a literal that such a token has to follow is looked for in front of tokens alone.
pub(super) const TOKEN_BYTES_MIN: usize = 8;
/// Bytes of tokens.
const IS_TOKEN: [bool; 256] = {
    let mut is_token = [false; 256];
    let mut byte = 0;
    while byte < is_token.len() {
        is_token[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'_' | b'+' | b'/' | b'=' | b'.' | b'~' | b'%' | b'-' | b'\\');
        byte += 1;
    }
    is_token
};

/// A literal to look for.
#[derive(Debug)]
pub(super) struct Keyword {
    text: Vec<u8>,
    /// Bytes of a token that have to follow.
    token_bytes: usize,
}

impl Keyword {
    /// A literal with the number of bytes of a token that have to follow it.
    pub(super) fn new(text: impl Into<Vec<u8>>, token_bytes: usize) -> Keyword {
        Keyword { text: text.into(), token_bytes }
    }

    fn is_before_token(&self) -> bool {
        self.token_bytes >= TOKEN_BYTES_MIN
    }
}

/// A set of bits whose size is a power of two.
#[derive(Debug)]
struct BitSet<const WORDS: usize>(Box<[u64; WORDS]>);

impl<const WORDS: usize> BitSet<WORDS> {
    fn new() -> BitSet<WORDS> {
        BitSet(Box::new([0; WORDS]))
    }

    fn insert(&mut self, bit: usize) {
        self.0[bit / 64 % WORDS] |= 1 << (bit % 64);
    }

    fn contains(&self, bit: usize) -> bool {
        self.0[bit / 64 % WORDS] >> (bit % 64) & 1 == 1
    }
}

/// A literal in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The first or the last bytes of the literal, and the bits of a word that they are.
    word: u64,
    mask: u64,
    literal: u16,
    /// Bytes from the one before the literal to its window, which may begin before the literal.
    window: u8,
}

/// Literals in buckets, by the first bits of a key.
#[derive(Debug)]
struct Buckets {
    /// Bits of a key that do not number its bucket.
    shift: u32,
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

impl Buckets {
    fn new(key_bits: u32, mut entries: Vec<(usize, Entry)>) -> Buckets {
        let bits = (entries.len() * BUCKETS_PER_ENTRY).next_power_of_two().ilog2().min(key_bits);
        let shift = key_bits - bits;
        entries.iter_mut().for_each(|(key, _)| *key >>= shift);
        entries.sort_unstable();
        entries.dedup();
        let mut starts = vec![0; (1 << bits) + 1];
        for (bucket, _) in &entries {
            starts[bucket + 1] += 1;
        }
        for bucket in 0..1 << bits {
            starts[bucket + 1] += starts[bucket];
        }
        Buckets { shift, starts, entries: entries.into_iter().map(|(_, entry)| entry).collect() }
    }

    /// The literals that a key may belong to.
    fn of(&self, key: usize) -> &[Entry] {
        let bucket = key >> self.shift;
        &self.entries[self.starts[bucket] as usize..self.starts[bucket + 1] as usize]
    }
}

/// Many literals.
#[derive(Debug)]
pub(super) struct KeywordSearch {
    keywords: Vec<Keyword>,
    any_case: bool,
    /// Bits that tell the cases of a letter apart, if they count the same.
    case_bits: u64,
    /// Hashes of the windows of literals.
    windows: BitSet<{ (1 << HASH_BITS) / 64 }>,
    by_window: Buckets,
    /// The last two bytes of literals in front of a token.
    endings: BitSet<{ (1 << ENDING_BITS) / 64 }>,
    by_ending: Buckets,
}

/// A place of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct KeywordPlace {
    end: usize,
    start: usize,
    literal: u16,
}

/// Places of literals for which there is room at first: more than most texts have.
const PLACES: usize = 32;

impl KeywordSearch {
    /// Indexes the literals. A literal is known by its position; equal literals are allowed. `any_case`: letters of ASCII
    /// count in both cases.
    pub(super) fn new(keywords: Vec<Keyword>, any_case: bool) -> KeywordSearch {
        let case_bits = if any_case { u64::from_ne_bytes([b' '; WORD_BYTES]) } else { 0 };
        let (mut windows, mut endings) = (BitSet::new(), BitSet::new());
        let (mut by_window, mut by_ending) = (Vec::new(), Vec::new());
        for (index, keyword) in keywords.iter().enumerate() {
            let literal = u16::try_from(index).expect("a few thousand literals");
            if keyword.is_before_token() {
                let known = u64::MAX << (64 - 8 * keyword.text.len().min(WORD_BYTES));
                let entry =
                    Entry { word: word_before(&keyword.text) & known, mask: known, literal, window: 0 };
                for ending in endings_of(&keyword.text, any_case) {
                    endings.insert(ending);
                    by_ending.push((ending, Entry { word: (entry.word | case_bits) & known, ..entry }));
                }
                continue;
            }
            let known = u64::MAX >> (64 - 8 * keyword.text.len().min(WORD_BYTES));
            let word = (word(&keyword.text) | case_bits) & known;
            for (window, hash) in windows_of(&keyword.text) {
                windows.insert(hash);
                by_window.push((hash, Entry { word, mask: known, literal, window }));
            }
        }
        let by_window = Buckets::new(HASH_BITS, by_window);
        let by_ending = Buckets::new(ENDING_BITS, by_ending);
        KeywordSearch { keywords, any_case, case_bits, windows, by_window, endings, by_ending }
    }

    /// The occurrences of the literals, each with its position in the order of literals, also one inside another; in order of
    /// the end, then of the start, then of the literal.
    pub(super) fn find(&self, text: &[u8]) -> impl ExactSizeIterator<Item = (usize, Range<usize>)> {
        let mut places = Vec::with_capacity(PLACES);
        self.find_windows(text, &mut places);
        if !self.by_ending.entries.is_empty() {
            self.find_before_tokens(text, &mut places);
        }
        places.sort_unstable();
        places.into_iter().map(|place| (usize::from(place.literal), place.start..place.end))
    }

    /// Finds the literals that nothing has to follow, by their windows.
    fn find_windows(&self, text: &[u8], places: &mut Vec<KeywordPlace>) {
        let mut passed = [0; BLOCK_WINDOWS];
        let mut start = 0;
        while text.len() - start >= WINDOW_BYTES {
            let block = &text[start..text.len().min(start + BLOCK_WINDOWS * STRIDE + STRIDE)];
            let (mut at, mut count) = (start, 0);
            for window in block.windows(WINDOW_BYTES).step_by(STRIDE) {
                // Without a branch, which nothing could predict.
                passed[count % BLOCK_WINDOWS] = at;
                count +=
                    usize::from(self.windows.contains(hash([window[0], window[1], window[2], window[3]])));
                at += STRIDE;
            }
            for at in &passed[..count] {
                let window = &text[*at..*at + WINDOW_BYTES];
                self.compare(text, *at, hash([window[0], window[1], window[2], window[3]]), places);
            }
            start = at;
        }
        while start < text.len() {
            let mut window = [0; WINDOW_BYTES];
            window[..text.len() - start].copy_from_slice(&text[start..]);
            self.compare(text, start, hash(window), places);
            start += STRIDE;
        }
    }

    /// Compares the literals that may have a window here.
    fn compare(&self, text: &[u8], at: usize, hash: usize, places: &mut Vec<KeywordPlace>) {
        let entries = self.by_window.of(hash);
        // The words at which a literal begins whose window is before, at and behind its first byte.
        let around = at.checked_sub(1).and_then(|before| text.get(before..)?.first_chunk());
        let around: Option<&[u8; WORD_BYTES + 2]> = around;
        let words = match around {
            Some(around) => [2, 1, 0].map(|start| word(&around[start..])),
            None => [at + 1, at, at.wrapping_sub(1)].map(|start| word(text.get(start..).unwrap_or_default())),
        };
        for entry in entries {
            if (words[usize::from(entry.window)] | self.case_bits) & entry.mask == entry.word {
                self.add(text, (at + 1).wrapping_sub(usize::from(entry.window)), entry.literal, places);
            }
        }
    }

    /// Adds the place of a literal whose first bytes are here, if all of it is.
    fn add(&self, text: &[u8], start: usize, literal: u16, places: &mut Vec<KeywordPlace>) {
        let Keyword { text: expected, token_bytes } = &self.keywords[usize::from(literal)];
        let Some(rest) = text.get(start..) else { return };
        let is_compared = expected.len() <= WORD_BYTES && !self.any_case;
        let is_here =
            is_compared || rest.get(..expected.len()).is_some_and(|here| self.equals(here, expected));
        if is_here && begins_token(&rest[expected.len()..], *token_bytes) {
            places.push(KeywordPlace { end: start + expected.len(), start, literal });
        }
    }

    fn equals(&self, here: &[u8], literal: &[u8]) -> bool {
        here == literal || (self.any_case && here.eq_ignore_ascii_case(literal))
    }

    /// Finds the literals that a token has to follow, by their last bytes.
    fn find_before_tokens(&self, text: &[u8], places: &mut Vec<KeywordPlace>) {
        // A token of the least length has a byte at one of these places.
        let mut at = TOKEN_BYTES_MIN - 1;
        while at < text.len() {
            if !IS_TOKEN[usize::from(text[at])] {
                at += TOKEN_BYTES_MIN;
                continue;
            }
            let mut start = at;
            while start > 0 && IS_TOKEN[usize::from(text[start - 1])] && at - start < TOKEN_BYTES_MIN {
                start -= 1;
            }
            let end = at
                + text[at..].iter().position(|byte| !IS_TOKEN[usize::from(*byte)]).unwrap_or(text.len() - at);
            self.find_before_token(text, start..end, places);
            at = end + TOKEN_BYTES_MIN;
        }
    }

    /// Finds the literals that stand before this token, or in it before the rest of it.
    fn find_before_token(&self, text: &[u8], token: Range<usize>, places: &mut Vec<KeywordPlace>) {
        let Some(last) = token.end.checked_sub(TOKEN_BYTES_MIN).filter(|last| *last >= token.start) else {
            return;
        };
        for at in token.start..token.start.max(2).min(last + 1) {
            self.compare_before(text, at..token.end, places);
        }
        let first = token.start.max(2);
        let before = text.get(first - 2..last).unwrap_or_default();
        for (at, pair) in before.windows(2).enumerate() {
            if self.endings.contains(ending(pair)) {
                self.compare_before(text, first + at..token.end, places);
            }
        }
    }

    /// Compares the literals that may stand before this token.
    fn compare_before(&self, text: &[u8], token: Range<usize>, places: &mut Vec<KeywordPlace>) {
        let before = &text[..token.start];
        let word = word_before(before) | self.case_bits;
        for entry in self.by_ending.of(ending(before)) {
            if word & entry.mask == entry.word {
                let Keyword { text: literal, token_bytes } = &self.keywords[usize::from(entry.literal)];
                let Some(start) = token.start.checked_sub(literal.len()) else { continue };
                if *token_bytes <= token.len() && self.equals(&before[start..], literal) {
                    places.push(KeywordPlace { end: token.start, start, literal: entry.literal });
                }
            }
        }
    }
}

fn hash(window: [u8; WINDOW_BYTES]) -> usize {
    let classes = u32::from_le_bytes(window) & CLASS_BITS;
    (classes.wrapping_mul(0x9E37_79B1) >> (u32::BITS - HASH_BITS)) as usize
}

/// The first bytes of a text, zero where it has none.
fn word(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// The last bytes of a text, zero where it has none.
fn word_before(text: &[u8]) -> u64 {
    match text.last_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => word(text) << (64 - 8 * text.len() as u32).min(63),
    }
}

/// The windows that find a literal, one for each place at which it can begin within a stride: the bytes from the one before
/// the literal to the window, and its hash, which is one of many where the window has bytes around a short literal.
fn windows_of(literal: &[u8]) -> Vec<(u8, usize)> {
    let known = literal.len().min(WINDOW_BYTES);
    let mut windows = hashes(0, &literal[..known]).map(|hash| (1, hash)).collect::<Vec<_>>();
    match literal.get(1..1 + WINDOW_BYTES) {
        Some(second) => windows.extend(hashes(0, second).map(|hash| (2, hash))),
        None => {
            let known = literal.len().min(WINDOW_BYTES - 1);
            windows.extend(hashes(1, &literal[..known]).map(|hash| (0, hash)));
        }
    }
    windows
}

/// The hashes of all windows that hold these bytes from this byte on.
fn hashes(start: usize, known: &[u8]) -> impl Iterator<Item = usize> {
    let free = WINDOW_BYTES - known.len();
    (0..CLASSES.pow(free as u32)).map(move |combination| {
        let mut window = [0; WINDOW_BYTES];
        window[start..start + known.len()].copy_from_slice(known);
        let mut rest = combination;
        for at in (0..start).chain(start + known.len()..WINDOW_BYTES) {
            window[at] = (rest % CLASSES) as u8;
            rest /= CLASSES;
        }
        hash(window)
    })
}

/// The last two bytes of a text, zero where it has none.
fn ending(text: &[u8]) -> usize {
    match text {
        [.., first, second] => usize::from(*first) << 8 | usize::from(*second),
        [second] => usize::from(*second),
        [] => 0,
    }
}

/// The last two bytes of the texts that end in a literal.
fn endings_of(literal: &[u8], any_case: bool) -> Vec<usize> {
    let spellings = |byte: u8| match any_case {
        true => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
        false => vec![byte],
    };
    let (firsts, last) = match literal {
        [last] => ((0..=u8::MAX).collect(), *last),
        [.., first, last] => (spellings(*first), *last),
        [] => return Vec::new(),
    };
    spellings(last).iter().flat_map(|last| firsts.iter().map(|first| ending(&[*first, *last]))).collect()
}

/// True if so many bytes of a token are here.
fn begins_token(rest: &[u8], count: usize) -> bool {
    rest.len() >= count && rest[..count].iter().all(|byte| IS_TOKEN[usize::from(*byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of literals, each with the bytes of a token that have to follow it, by comparing each at each place.
    fn expected(keywords: &[(&str, usize)], any_case: bool, text: &str) -> Vec<(usize, Range<usize>)> {
        let is_here = |here: &str, literal: &str| match any_case {
            true => here.eq_ignore_ascii_case(literal),
            false => here == literal,
        };
        let mut expected = Vec::new();
        for end in 0..=text.len() {
            for start in 0..end {
                for (index, (literal, token)) in keywords.iter().enumerate() {
                    let is_before_token = || begins_token(&text.as_bytes()[end..], *token);
                    if is_here(&text[start..end], literal) && is_before_token() {
                        expected.push((index, start..end));
                    }
                }
            }
        }
        expected
    }

    fn assert_found(keywords: &[(&str, usize)], any_case: bool, texts: impl Iterator<Item = String>) {
        let literals = keywords.iter().map(|(literal, token)| Keyword::new(*literal, *token)).collect();
        let search = KeywordSearch::new(literals, any_case);
        for text in texts {
            let found: Vec<(usize, Range<usize>)> = search.find(text.as_bytes()).collect();
            assert_eq!(found, expected(keywords, any_case, &text), "{text}");
        }
    }

    #[test]
    fn every_occurrence_is_found_once_in_order() {
        let keywords = [
            ("ab", 0),
            ("abcde", 0),
            ("bc", 0),
            ("e", 8),
            ("ab", 0),
            ("f ", 9),
            ("cdef", 12),
            ("a", 0),
            ("cdefabcdefa", 0),
        ];
        for any_case in [false, true] {
            let letters = ["abcdef", "abcdef ", "ABcdefAb CDEF", "f eabcdefabcdefabcdef"];
            let texts = letters.iter().flat_map(|letters| {
                (0..40).map(|length| letters.chars().cycle().skip(length % 5).take(length).collect())
            });
            assert_found(&keywords, any_case, texts);
        }
    }

    #[test]
    fn places_at_the_ends_of_blocks_are_found() {
        let keywords = [("key", 0), ("pw", 0), ("xy_", 8), ("password", 0)];
        let block = STRIDE * BLOCK_WINDOWS;
        let text = |before| format!("{}key pw xy_abcdefgh password pw", " ".repeat(before));
        assert_found(&keywords, false, (block - 20..block + 4).map(text));
    }
}
