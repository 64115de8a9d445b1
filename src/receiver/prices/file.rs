//! The format of price lists: the list in the program, and that of an operator.
//!
//! Invariant: a fault is an error that names the entry and the field. Nothing of a faulty file is used.

use super::price_list::{Price, PriceList};
use crate::protocol::message::{ID_BYTES_MAX, NUMBER_MAX};
use crate::receiver::time;
use serde_json::{Map, Value};
use std::fmt;
use std::sync::LazyLock;

/// Format version.
const VERSION: u64 = 1;
/// Prices of tokens by field: whether it is required, in the order of [`Price`].
const FIELDS: [(&str, bool); 5] = [
    ("inputMicrosPerMillion", true),
    ("outputMicrosPerMillion", true),
    ("cacheReadMicrosPerMillion", false),
    ("cacheWriteMicrosPerMillion", false),
    ("cacheWrite1hMicrosPerMillion", false),
];
const MEMBERS: [&str; 4] = ["version", "source", "date", "prices"];

static BUILT_IN: LazyLock<PriceList> = LazyLock::new(|| {
    PriceList::parse(include_str!("prices.json")).expect("a test parses the list of the program")
});

/// Fault of a price list, with its place.
#[derive(Debug, PartialEq, Eq)]
pub struct PriceFileError(String);

impl fmt::Display for PriceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PriceList {
    /// The list in the program.
    pub fn built_in() -> PriceList {
        BUILT_IN.clone()
    }

    /// Parses a list.
    pub fn parse(text: &str) -> Result<PriceList, PriceFileError> {
        let document: Value = serde_json::from_str(text).map_err(|error| {
            fault(format!("it is no JSON (line {}, column {})", error.line(), error.column()))
        })?;
        let Value::Object(document) = document else { return Err(fault("it is no JSON object")) };
        if let Some(unknown) = document.keys().find(|member| !MEMBERS.contains(&member.as_str())) {
            return Err(fault(format!("{unknown}: unknown field, known are {}", MEMBERS.join(", "))));
        }
        if document.get("version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(fault(format!("version: must be {VERSION}")));
        }
        if document.get("source").is_some_and(|source| !source.is_string()) {
            return Err(fault("source: must be a text"));
        }
        if document.get("date").is_some_and(|date| day(date).is_none()) {
            return Err(fault("date: must be a day such as 2026-01-31"));
        }
        let Some(Value::Array(entries)) = document.get("prices") else {
            return Err(fault("prices: must be a list"));
        };
        let mut list = PriceList::default();
        for (index, entry) in entries.iter().enumerate() {
            let place = format!("prices[{index}]");
            let Value::Object(entry) = entry else {
                return Err(fault(format!("{place}: must be an object")));
            };
            read_entry(&mut list, entry).map_err(|PriceFileError(text)| fault(format!("{place}.{text}")))?;
        }
        Ok(list)
    }
}

fn read_entry(list: &mut PriceList, entry: &Map<String, Value>) -> Result<(), PriceFileError> {
    let is_known =
        |name: &str| name == "model" || name == "from" || FIELDS.iter().any(|field| field.0 == name);
    if let Some(unknown) = entry.keys().find(|name| !is_known(name)) {
        return Err(fault(format!("{unknown}: unknown field")));
    }
    let model = entry.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
    let Some(model) = model.filter(|model| model.len() <= ID_BYTES_MAX) else {
        return Err(fault(format!("model: must be a name of 1 to {ID_BYTES_MAX} bytes")));
    };
    let Some(first_day) = entry.get("from").and_then(day) else {
        return Err(fault(format!("from: must be a day such as 2026-01-31 ({model})")));
    };
    let mut prices = [None; FIELDS.len()];
    for ((name, is_required), price) in FIELDS.into_iter().zip(&mut prices) {
        *price = match entry.get(name) {
            None if !is_required => None,
            None => return Err(fault(format!("{name}: is missing ({model})"))),
            Some(value) => match value.as_i64().filter(|number| (0..=NUMBER_MAX).contains(number)) {
                Some(number) => Some(number),
                None => {
                    return Err(fault(format!("{name}: must be an integer of 0 to {NUMBER_MAX} ({model})")));
                }
            },
        };
    }
    let [input, output, cache_read, cache_write, cache_write_1h] = prices;
    let (input, output) = (input.unwrap_or_default(), output.unwrap_or_default());
    let cache_write = cache_write.unwrap_or(input);
    let price = Price([
        input,
        output,
        cache_read.unwrap_or(input),
        cache_write,
        cache_write_1h.unwrap_or(cache_write),
    ]);
    match list.insert(model, first_day, price) {
        true => Ok(()),
        false => Err(fault(format!("from: {model} has two prices from that day on"))),
    }
}

/// A day of the form `YYYY-MM-DD`.
fn day(value: &Value) -> Option<i64> {
    let text = value.as_str().filter(|text| text.len() == "YYYY-MM-DD".len())?;
    time::parse_date(text).filter(|day| time::date(*day) == text)
}

fn fault(text: impl Into<String>) -> PriceFileError {
    PriceFileError(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(entries: &str) -> String {
        format!(r#"{{"version":1,"source":"s","date":"2026-01-31","prices":[{entries}]}}"#)
    }

    fn error(text: &str) -> String {
        PriceList::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn list_of_the_program_prices_the_models_of_three_makers() {
        let list = PriceList::parse(include_str!("prices.json")).unwrap();
        let today = time::parse_date("2026-01-01").unwrap();
        for model in [
            "claude-opus-4-5",
            "claude-sonnet-4-5-20250929",
            "claude-3-5-sonnet-20241022",
            "gpt-5",
            "gemini-2.5-pro",
        ] {
            assert!(list.of_model(model).is_some_and(|prices| prices.on(today).is_some()), "{model}");
        }
        let opus = Price([5_000_000, 25_000_000, 500_000, 6_250_000, 10_000_000]);
        assert_eq!(
            list.of_model("claude-opus-4-5-20251101").and_then(|prices| prices.on(today)),
            Some(&opus)
        );
    }

    #[test]
    fn absent_cache_prices_count_as_input_and_as_the_5_minute_one() {
        let base = r#""model":"m","from":"1970-01-01","inputMicrosPerMillion":1,"outputMicrosPerMillion":2"#;
        let price = |more: &str| {
            let list = PriceList::parse(&file(&format!("{{{base}{more}}}"))).unwrap();
            list.of_model("m").unwrap().on(0).unwrap().0
        };
        assert_eq!(price(""), [1, 2, 1, 1, 1]);
        assert_eq!(price(r#","cacheWriteMicrosPerMillion":3"#), [1, 2, 1, 3, 3]);
        assert_eq!(
            price(r#","cacheReadMicrosPerMillion":0,"cacheWrite1hMicrosPerMillion":4"#),
            [1, 2, 0, 1, 4]
        );
    }

    #[test]
    fn fault_is_named_by_entry_and_field() {
        let entry =
            r#"{"model":"m","from":"2026-01-01","inputMicrosPerMillion":1,"outputMicrosPerMillion":2}"#;
        let faulty = |from: &str, to: &str| {
            error(&file(&format!("{entry},{}", entry.replace(from, to).replace("\"m\"", "\"n\""))))
        };
        for (from, to, place) in [
            ("\"from\":\"2026-01-01\"", "\"from\":\"2026-13-01\"", "prices[1].from"),
            ("2026-01-01", "2026-1-1", "prices[1].from"),
            ("2026-01-01", " 2026-1-1 ", "prices[1].from"),
            ("\"from\"", "\"until\"", "prices[1].until"),
            (":1,", ":1.5,", "prices[1].inputMicrosPerMillion"),
            (":1,", ":-1,", "prices[1].inputMicrosPerMillion"),
            (":1,", ":\"1\",", "prices[1].inputMicrosPerMillion"),
            (":1,", ":9007199254740992,", "prices[1].inputMicrosPerMillion"),
            (
                "\"outputMicrosPerMillion\":2",
                "\"cacheReadMicrosPerMillion\":2",
                "prices[1].outputMicrosPerMillion",
            ),
            ("\"m\"", "\"\"", "prices[1].model"),
            ("\"m\"", "5", "prices[1].model"),
        ] {
            let text = faulty(from, to);
            assert!(text.starts_with(place), "{to}: {text}");
        }
        assert!(error(&file(&format!("{entry},{entry}"))).starts_with("prices[1].from: m has two"));
        assert!(error(&file("7")).starts_with("prices[0]"));
        for (text, place) in [
            ("", "it is no JSON"),
            ("[]", "it is no JSON object"),
            ("{}", "version"),
            (r#"{"version":2,"prices":[]}"#, "version"),
            (r#"{"version":1}"#, "prices"),
            (r#"{"version":1,"prices":{}}"#, "prices"),
            (r#"{"version":1,"prices":[],"source":1}"#, "source"),
            (r#"{"version":1,"prices":[],"date":"today"}"#, "date"),
            (r#"{"version":1,"prices":[],"price":[]}"#, "price: unknown"),
        ] {
            assert!(error(text).starts_with(place), "{text}: {}", error(text));
        }
        assert_eq!(PriceList::parse(r#"{"version":1,"prices":[]}"#), Ok(PriceList::default()));
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_an_error(text in ".{0,200}") {
            let _ = PriceList::parse(&text);
        }

        /// Values of every type at every place of a list.
        #[test]
        fn any_document_is_a_list_or_an_error_with_a_place(
            values in prop::collection::vec(
                prop_oneof![
                    Just("null".to_owned()), Just("{}".to_owned()), Just("[[]]".to_owned()), Just("true".to_owned()),
                    Just("\"2026-02-29\"".to_owned()), Just("\"2024-02-29\"".to_owned()), any::<i64>().prop_map(|number| number.to_string()),
                    any::<u64>().prop_map(|number| number.to_string()), any::<f64>().prop_map(|number| format!("{number:e}")),
                ],
                7,
            ),
        ) {
            let names = ["model", "from", "inputMicrosPerMillion", "outputMicrosPerMillion", "cacheReadMicrosPerMillion",
                         "cacheWriteMicrosPerMillion", "cacheWrite1hMicrosPerMillion"];
            let members: Vec<String> =
                names.iter().zip(&values).map(|(name, value)| format!("\"{name}\":{value}")).collect();
            if let Err(error) = PriceList::parse(&file(&format!("{{{}}}", members.join(",")))) {
                let text = error.to_string();
                prop_assert!(text.starts_with("prices[0].") || text.starts_with("it is no JSON"), "{}", text);
            }
        }
    }
}
