//! YAML as far as `han.yml` needs it: the first document of a file that anybody may have written.
//!
//! Reading YAML takes stack for each level of nesting, and a repository's own file is a stranger's: how deep it nests is
//! looked at first, in a way that takes none.

use std::collections::HashMap;

use saphyr::{LoadableYamlNode, Yaml};
use saphyr_parser::{Event, Parser};

/// A setting is two levels deep; this is room for whatever else stands in the file.
const DEPTH_MAX: usize = 64;

/// The first document; `None` where there is none. The error says what is wrong, and where.
pub fn first_document(text: &str) -> Result<Option<Yaml<'_>>, String> {
    check_depth(text)?;
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().next())
}

/// Refuses what nests deeper than [`DEPTH_MAX`], aliases counted with what they stand for.
fn check_depth(text: &str) -> Result<(), String> {
    /// A sequence or a mapping that has begun.
    struct Open {
        anchor: usize,
        /// Levels in it so far.
        height: usize,
    }
    let mut open: Vec<Open> = Vec::new();
    let mut heights: HashMap<usize, usize> = HashMap::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, place) = event.map_err(|error| error.to_string())?;
        let height = match event {
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, height: 0 });
                0
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(ended) = open.pop() else { continue };
                heights.insert(ended.anchor, ended.height + 1);
                ended.height + 1
            }
            Event::Alias(anchor) => heights.get(&anchor).copied().unwrap_or(0),
            Event::StreamEnd => break,
            _ => 0,
        };
        if open.len() + height > DEPTH_MAX {
            return Err(format!("it nests deeper than {DEPTH_MAX} levels (line {})", place.start.line()));
        }
        if let Some(around) = open.last_mut() {
            around.height = around.height.max(height);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_that_nests_too_deep_is_refused_before_it_takes_stack() {
        let deep = 100_000;
        for text in [
            "- ".repeat(deep),
            "? ".repeat(deep),
            "[".repeat(deep),
            "{a: ".repeat(deep),
            format!("sync:\n  {}", "- ".repeat(deep)),
            (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect(),
        ] {
            let error = first_document(&text).unwrap_err();
            assert!(
                error.contains("nests deeper") || error.contains("limit") || error.contains("not allowed"),
                "{error}"
            );
        }
    }

    #[test]
    fn aliases_nest_as_deep_as_what_they_stand_for() {
        let chain = |links: usize| -> String {
            let link = |at: usize| format!("a{at}: &a{at} [*a{}]\n", at - 1);
            "a0: &a0 []\n".to_owned() + &(1..links).map(link).collect::<String>()
        };
        assert!(first_document(&chain(DEPTH_MAX - 1)).is_ok());
        assert!(first_document(&chain(DEPTH_MAX)).unwrap_err().contains("line 64"));
    }

    #[test]
    fn first_of_several_documents_counts() {
        let first = first_document("a: 1\n---\nb: 2\n").unwrap().unwrap();
        assert_eq!(first["a"], Yaml::Value(saphyr::Scalar::Integer(1)));
        assert!(first_document("# nothing\n").unwrap().is_none());
    }
}
