//! The `sync:` section of a YAML file that anyone may have written.
//!
//! serde-saphyr parses, with budgets on nesting and aliases, so that a hostile repository's file costs neither stack nor
//! memory. The file is deserialized into `YamlValue` rather than into a struct of settings, because a derived
//! `Deserialize` can neither name key, value and file in one error, nor keep a text such as `no` apart from a boolean,
//! nor report unknown keys as warnings. The typed checks are in `file` and `project_override`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};

/// Levels of nesting, aliases counted with the nodes that they stand for. A setting is two levels deep; the rest is room
/// for whatever else stands in the file.
const DEPTH_MAX: usize = 64;

/// Events that all aliases of a file may replay: far more than settings need, far fewer than an alias bomb holds.
const REPLAYED_EVENTS_MAX: usize = 100_000;

/// A node of a YAML document, owned, with the types that settings have.
#[derive(Debug, Clone, PartialEq)]
pub enum YamlValue {
    /// An empty value, `~` or `null`; counts as absent.
    Null,
    /// `true` or `false`, the only booleans of YAML 1.2.
    Boolean(bool),
    /// An integer of at most 64 bits.
    Integer(i64),
    /// A text, quoted or plain.
    Text(String),
    /// A sequence.
    List(Vec<YamlValue>),
    /// A mapping, in the order of the file.
    Mapping(Vec<(YamlValue, YamlValue)>),
    /// A scalar of a type that no setting has, such as a fraction.
    Unsupported,
}

impl fmt::Display for YamlValue {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            YamlValue::Boolean(value) => write!(f, "{value}"),
            YamlValue::Integer(value) => write!(f, "{value}"),
            YamlValue::Text(value) => write!(f, "{value:?}"),
            YamlValue::List(_) => f.write_str("a list"),
            YamlValue::Null | YamlValue::Mapping(_) | YamlValue::Unsupported => {
                f.write_str("a value of another type")
            }
        }
    }
}

/// Parses a file and returns the keys and values of its `sync:` section; empty where it has none.
///
/// # Errors
/// A sentence that names the mistake and its position, and shows no value.
pub fn sync_section(text: &str) -> Result<Vec<(String, YamlValue)>, String> {
    let section = match documents(text)?.into_iter().next().unwrap_or(YamlValue::Null) {
        YamlValue::Null => return Ok(Vec::new()),
        YamlValue::Mapping(entries) => entries.into_iter().find(|(key, _)| key.as_text() == Some("sync")),
        _ => return Err("it is no mapping of keys to values".to_owned()),
    };
    let entries = match section {
        None | Some((_, YamlValue::Null)) => return Ok(Vec::new()),
        Some((_, YamlValue::Mapping(entries))) => entries,
        Some(_) => return Err("sync: is no mapping of keys to values".to_owned()),
    };
    let named = entries.into_iter().map(|(key, value)| match key {
        YamlValue::Text(name) => Ok((name, value)),
        _ => Err("a key of sync: is no text".to_owned()),
    });
    named.collect()
}

/// Parses the whole file and returns its documents that are not empty.
///
/// # Errors
/// A sentence that names the mistake and its position, and shows no value.
pub fn documents(text: &str) -> Result<Vec<YamlValue>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPLAYED_EVENTS_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        // A snippet shows the lines around a mistake, and the key may stand there.
        with_snippet: false,
    };
    let mut documents = serde_saphyr::from_multiple_with_options::<YamlValue>(text, options)
        .map_err(|error| describe(&error))?;
    documents.retain(|document| *document != YamlValue::Null);
    Ok(documents)
}

/// Formats a parse error; a breached budget is described in the words of the file's author, not of the parser.
fn describe(error: &serde_saphyr::Error) -> String {
    let root = match error {
        serde_saphyr::Error::AliasError { error, .. } => error,
        other => other,
    };
    match (root, error.location()) {
        (serde_saphyr::Error::Budget { .. }, Some(at)) => {
            let (line, column) = (at.line(), at.column());
            format!(
                "nested deeper than {DEPTH_MAX} levels or too many aliases at line {line}, column {column}"
            )
        }
        _ => error.to_string(),
    }
}

impl YamlValue {
    /// The text of a text node.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            YamlValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<YamlValue, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = YamlValue;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<YamlValue, E> {
        Ok(YamlValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<YamlValue, E> {
        Ok(YamlValue::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<YamlValue, E> {
        Ok(YamlValue::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<YamlValue, E> {
        Ok(i64::try_from(value).map_or(YamlValue::Unsupported, YamlValue::Integer))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<YamlValue, E> {
        Ok(YamlValue::Unsupported)
    }

    fn visit_str<E>(self, value: &str) -> Result<YamlValue, E> {
        Ok(YamlValue::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<YamlValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(YamlValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<YamlValue, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(YamlValue::Mapping(mapping))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_rejected_before_it_exhausts_the_stack() {
        let deep = 100_000;
        for text in [
            "- ".repeat(deep),
            "? ".repeat(deep),
            "[".repeat(deep),
            "{a: ".repeat(deep),
            format!("sync:\n  {}", "- ".repeat(deep)),
            (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect(),
        ] {
            assert!(sync_section(&text).is_err(), "{}", &text[..20]);
        }
    }

    #[test]
    fn aliases_nest_as_deep_as_the_nodes_that_they_stand_for() {
        let chain = |links: usize| -> String {
            let link = |at: usize| format!("a{at}: &a{at} [*a{}]\n", at - 1);
            "a0: &a0 []\n".to_owned() + &(1..links).map(link).collect::<String>()
        };
        assert_eq!(sync_section(&chain(DEPTH_MAX / 2)), Ok(Vec::new()));
        assert!(sync_section(&chain(DEPTH_MAX + 1)).is_err());
    }

    #[test]
    fn alias_bomb_is_rejected() {
        let level = |at: usize| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(","));
        let bomb = "a0: &a0 x\n".to_owned() + &(1..10).map(level).collect::<String>();
        assert!(sync_section(&bomb).is_err());
    }

    #[test]
    fn first_document_with_content_counts() {
        let sync = |text| sync_section(text).map(|section| section.into_iter().map(|(key, _)| key).collect());
        assert_eq!(sync("sync: {a: 1}\n---\nsync: {b: 2}\n"), Ok(vec!["a".to_owned()]));
        assert_eq!(sync("# nothing\n"), Ok(Vec::new()));
        assert_eq!(sync(""), Ok(Vec::new()));
    }

    #[test]
    fn scalars_keep_the_type_that_yaml_1_2_gives_them() {
        let text =
            "sync: {a: true, b: 'true', c: no, d: 0x10, e: 1.5, f: ~, g: 99999999999999999999, h: [1, x]}";
        let values: Vec<YamlValue> =
            sync_section(text).unwrap().into_iter().map(|(_, value)| value).collect();
        let word = |text: &str| YamlValue::Text(text.to_owned());
        assert_eq!(
            values,
            [
                YamlValue::Boolean(true),
                word("true"),
                word("no"),
                YamlValue::Integer(16),
                YamlValue::Unsupported,
                YamlValue::Null,
                YamlValue::Unsupported,
                YamlValue::List(vec![YamlValue::Integer(1), word("x")]),
            ]
        );
    }

    #[test]
    fn merge_keys_are_merged_and_the_keys_beside_them_win() {
        let section = |text| sync_section(text).map(|section| section.into_iter().collect::<Vec<_>>());
        let off = |key: &str| (key.to_owned(), YamlValue::Boolean(false));
        for text in [
            "base: &base {enabled: false}\nsync: {<<: *base}\n",
            "base: &base {enabled: true}\nsync: {<<: *base, enabled: false}\n",
            "a: &a {enabled: false}\nb: &b {enabled: true}\nsync: {<<: [*a, *b]}\n",
            "a: &a {enabled: false}\nb: &b {<<: *a}\nsync:\n  <<: *b\n",
            "base: &base {sync: {enabled: false}}\n<<: *base\n",
        ] {
            assert_eq!(section(text), Ok(vec![off("enabled")]), "{text}");
        }
        assert!(section("sync: {<<: 5}").is_err());
    }

    #[test]
    fn duplicate_keys_are_rejected() {
        assert!(sync_section("sync: {enabled: true, enabled: false}").is_err());
        assert!(sync_section("sync: {a: 1}\nsync: {b: 2}").is_err());
    }

    #[test]
    fn errors_show_no_value() {
        let error = sync_section("sync:\n  apiKey: han_secret\n  x: [\n").unwrap_err();
        assert!(!error.contains("han_secret"), "{error}");
    }
}
