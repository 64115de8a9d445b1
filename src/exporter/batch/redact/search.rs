//! The search of a text in all its readings: as it is, plain, and with wrapped tokens joined.
//!
//! Each reading finds what another one hides: the text as it is has the quotes that a value escapes, the plain reading has
//! no escapes, the joined one no line breaks. All spans are of the source.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::exporter::batch::redact::reading::{self, PlainReading};
use crate::exporter::batch::redact::repeats::FoundValues;
use crate::exporter::batch::redact::span::Span;
use crate::exporter::batch::redact::{engine, private_key};

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
    for span in engine::find(source).into_iter().chain(custom) {
        search.add_source(span);
    }
    let plain_spans = search.plain.as_ref().map(|plain| engine::find(&plain.text));
    let starts: BTreeSet<usize> = match &plain_spans {
        Some(spans) => spans.iter().map(|span| span.start).collect(),
        None => search.spans.iter().map(|span| span.start).collect(),
    };
    for span in plain_spans.into_iter().flatten() {
        search.add_plain(span);
    }
    for key in private_key::find(search.text()) {
        search.add_plain(Span { start: key.start, end: key.end, rule: 0, kind: PRIVATE_KEY });
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
        for span in engine::find(&reading.text) {
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
