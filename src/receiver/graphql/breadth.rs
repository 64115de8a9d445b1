//! How large a question is once its fragments are in place.
//!
//! Invariant: this is known without putting them in place. Thirty fragments of which each names the next one four times
//! are a few hundred bytes and 4^30 fields, and whoever walks through those to see that they are too many never ends.

use async_graphql::Name;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};
use std::collections::HashMap;

/// Fields and fragments of all the document's operations, each as often as it is asked for; at most `usize::MAX`, which
/// is also what fragments in a circle come to.
pub fn of(document: &ExecutableDocument) -> usize {
    let mut fragments = Fragments { document, known: HashMap::new() };
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    operations.fold(0, |sum: usize, selections| sum.saturating_add(fragments.count(selections)))
}

struct Fragments<'a> {
    document: &'a ExecutableDocument,
    /// What each comes to; without end while it is being counted.
    known: HashMap<&'a Name, usize>,
}

impl<'a> Fragments<'a> {
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
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        // One that is not there is refused where the question is checked.
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        self.known.insert(name, usize::MAX);
        let count = self.count(&fragment.node.selection_set.node);
        self.known.insert(name, count);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    fn breadth(query: &str) -> usize {
        of(&parse_query(query).unwrap())
    }

    #[test]
    fn fragments_count_where_they_stand() {
        assert_eq!(breadth("{ a { b } ... { c } }"), 4);
        assert_eq!(breadth("{ ...f ...f } fragment f on Query { a b }"), 6);
        assert_eq!(breadth("{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }"), usize::MAX);
        let chain: String = (0..40)
            .map(|n| format!(" fragment f{n} on Query {{ ...f{m} ...f{m} ...f{m} ...f{m} }}", m = n + 1))
            .collect();
        assert_eq!(breadth(&format!("{{ ...f0 }}{chain} fragment f40 on Query {{ a }}")), usize::MAX);
    }
}
