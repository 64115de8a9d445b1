//! Size of a query with its fragments expanded.
//!
//! Invariant: the size is computed without expanding anything, in time linear in the text. Thirty fragments of which each
//! names the next one four times are a few hundred bytes and 4^30 fields; async-graphql's own limits would visit each.

use crate::receiver::limits::{QUERY_BRACES_MAX, QUERY_FIELDS_MAX};
use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use std::collections::HashMap;

/// Reports whether a query is small enough to be validated and executed. Nothing may walk through the query before.
pub fn is_within_size_limits(request: &mut async_graphql::Request) -> bool {
    // The parser recurses at each opening brace.
    let braces = request.query.bytes().filter(|byte| matches!(byte, b'{' | b'[' | b'(')).count();
    braces <= QUERY_BRACES_MAX
        // A query that cannot be parsed gets the parser's error when it is executed.
        && request.parsed_query().map_or(true, |document| fields(document) <= QUERY_FIELDS_MAX)
}

/// Number of fields and fragments in all operations, each as often as it is used, saturating at `usize::MAX`. Fragments
/// that form a cycle count `usize::MAX`.
fn fields(document: &ExecutableDocument) -> usize {
    let mut fragments = FragmentCounter { document, counts: HashMap::new() };
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    operations.fold(0, |sum: usize, selections| sum.saturating_add(fragments.count(selections)))
}

/// Counts each fragment once.
struct FragmentCounter<'a> {
    document: &'a ExecutableDocument,
    /// Size of each fragment; `usize::MAX` while the fragment is being counted.
    counts: HashMap<&'a Name, usize>,
}

impl<'a> FragmentCounter<'a> {
    fn count(&mut self, selections: &'a SelectionSet) -> usize {
        let mut sum: usize = 0;
        for selection in &selections.items {
            let inside = match &selection.node {
                Selection::Field(field) => self.count(&field.node.selection_set.node),
                Selection::InlineFragment(fragment) => self.count(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
            };
            sum = sum.saturating_add(1).saturating_add(inside);
        }
        sum
    }

    fn fragment(&mut self, name: &'a Name) -> usize {
        if let Some(count) = self.counts.get(name) {
            return *count;
        }
        // Validation rejects an undefined fragment.
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        self.counts.insert(name, usize::MAX);
        let count = self.count(&fragment.node.selection_set.node);
        self.counts.insert(name, count);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn size(query: &str) -> usize {
        fields(&parse_query(query).unwrap())
    }

    #[test]
    fn fragments_count_once_for_each_use_and_cycles_without_end() {
        assert_eq!(size("{ a { b } ... { c } }"), 4);
        assert_eq!(size("{ ...f ...f } fragment f on Query { a b }"), 6);
        assert_eq!(size("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }"), usize::MAX);
        let chain: String = (0..40)
            .map(|n| format!(" fragment f{n} on Query {{ ...f{m} ...f{m} ...f{m} ...f{m} }}", m = n + 1))
            .collect();
        assert_eq!(size(&format!("{{ ...f0 }}{chain} fragment f40 on Query {{ a }}")), usize::MAX);
    }
}
