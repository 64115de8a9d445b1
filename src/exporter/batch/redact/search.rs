//! The search of a text in all its readings: as it is, plain, and with wrapped tokens joined.
//!
//! Each reading finds what another one hides: the text as it is has the quotes that a value escapes, the plain reading has
//! no escapes, the joined one no line breaks. All spans are of the source.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::exporter::batch::redact::reading::{self, PlainReading};
use crate::exporter::batch::redact::repeats::FoundValues;
use crate::exporter::batch::redact::span::Span;
use crate::exporter::batch::redact::{encoded, engine, private_key, tables};

/// Kind of a private key that is found by its markers.
const PRIVATE_KEY: &str = "private_key";

/// A text with its plain reading, if that differs, and what is found.
pub(super) struct Search<'t> {
    source: &'t str,
    plain: Option<PlainReading>,
    spans: Vec<Span>,
    values: FoundValues,
}

/// Finds the secrets of all rules in all readings; spans may overlap. `custom` are matches of the user's patterns.
pub(super) fn find(source: &str, custom: Vec<Span>) -> Vec<Span> {
    let mut search =
        Search { source, plain: reading::plain(source), spans: Vec::new(), values: FoundValues::default() };
    let hits = engine::hits(search.text());
    // One pass finds the keywords of both readings: those of the source are the ones that nothing decoded is part of.
    let in_source = search.plain.as_ref().map(|plain| {
        let mut copied = plain.copied();
        let in_source = hits.iter().filter_map(|hit| Some(hit.at(copied(&hit.place)?)));
        engine::find_at(source, in_source).spans
    });
    let found = engine::find_at(search.text(), hits);
    let starts: BTreeSet<usize> = found.spans.iter().map(|span| span.start).collect();
    let (in_source, in_plain) = match in_source {
        Some(in_source) => (in_source, found.spans),
        None => (found.spans, Vec::new()),
    };
    for span in in_source.into_iter().chain(custom) {
        search.add_source(span);
    }
    for span in in_plain {
        search.add_plain(span);
    }
    for cell in tables::find(search.text(), found.headings) {
        search.add_plain(Span {
            start: cell.range.start,
            end: cell.range.end,
            rule: cell.rule,
            kind: engine::kind(cell.rule),
        });
    }
    for key in private_key::find(search.text()) {
        search.add_plain(Span { start: key.start, end: key.end, rule: 0, kind: PRIVATE_KEY });
    }
    for span in encoded::find(search.text(), PRIVATE_KEY) {
        search.add_plain(span);
    }
    search.add_wrapped(&starts);
    search.add_repeated();
    search.spans
}

impl Search<'_> {
    /// The plain text.
    fn text(&self) -> &str {
        self.plain.as_ref().map_or(self.source, |plain| &plain.text)
    }

    fn add_source(&mut self, span: Span) {
        let value = &self.source[span.start..span.end];
        match reading::plain(value) {
            Some(plain) => self.values.add(&plain.text, span.rule, span.kind),
            None => self.values.add(value, span.rule, span.kind),
        }
        self.spans.push(span);
    }

    fn add_plain(&mut self, span: Span) {
        let value = &self.plain.as_ref().map_or(self.source, |plain| &plain.text)[span.start..span.end];
        self.values.add(value, span.rule, span.kind);
        self.push(span.start..span.end, span.rule, span.kind);
    }

    /// Pushes a span of the plain text.
    fn push(&mut self, plain: Range<usize>, rule: usize, kind: &'static str) {
        let source = self.plain.as_ref().map_or(plain.clone(), |reading| reading.source_of(&plain));
        self.spans.push(Span { start: source.start, end: source.end, rule, kind });
    }

    /// Adds the spans that cross a join of wrapped tokens. `starts`: where secrets begin in the plain text; a token that
    /// begins one is no rest of another.
    fn add_wrapped(&mut self, starts: &BTreeSet<usize>) {
        let Some((reading, joins)) = reading::unwrapped(self.text()) else { return };
        for span in
            windows(&reading.text, &joins).into_iter().flat_map(|window| find_in(&reading.text, window))
        {
            let first = joins.partition_point(|join| *join <= span.start);
            let crossed = joins[first..].iter().take_while(|join| **join < span.end);
            let plain_start = |join: &usize| reading.source_of(&(*join..*join + 1)).start;
            let is_one = crossed.clone().count() > 0
                && crossed.clone().all(|join| !starts.contains(&plain_start(join)));
            if is_one {
                self.values.add(&reading.text[span.start..span.end], span.rule, span.kind);
                let plain = reading.source_of(&(span.start..span.end));
                self.push(plain, span.rule, span.kind);
            }
        }
    }

    fn add_repeated(&mut self) {
        for (place, rule, kind) in self.values.places(self.text()) {
            self.push(place, rule, kind);
        }
    }
}

/// Bytes around the join of a wrapped token in which its name and the rest of it stand.
const WINDOW_BYTES: usize = 512;

/// The windows around the joins, in order and disjoint.
fn windows(text: &str, joins: &[usize]) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    for join in joins {
        let start = text.floor_char_boundary(join.saturating_sub(WINDOW_BYTES));
        let end = text.floor_char_boundary(join + WINDOW_BYTES);
        match windows.last_mut() {
            Some(last) if start <= last.end => last.end = end,
            _ => windows.push(start..end),
        }
    }
    windows
}

/// Finds the secrets in a window of a text.
fn find_in(text: &str, window: Range<usize>) -> impl Iterator<Item = Span> {
    let spans = engine::find(&text[window.clone()]).spans.into_iter();
    spans.map(move |span| Span { start: span.start + window.start, end: span.end + window.start, ..span })
}
