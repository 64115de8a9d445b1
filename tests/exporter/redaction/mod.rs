//! Redaction: each rule by its examples, recall and precision on the corpus in `fixtures/redaction/`, and the
//! properties that hold for any text.

mod recall;

use crate::support::{corpus, template};
use han_sync::exporter::batch::redact::{Check, Counts, Matcher, Redactor, Rule, rules};
use proptest::prelude::*;
use template::{Seeded, fill};

fn redactor() -> Redactor {
    Redactor::new(&[]).unwrap()
}

fn redact(text: &str) -> String {
    redactor().redact(text, &mut Counts::default()).into_owned()
}

/// The text without the kinds in its markers.
fn without_kinds(text: &str) -> String {
    regex::Regex::new(r"\[REDACTED:[a-z0-9_]+\]").unwrap().replace_all(text, "[REDACTED]").into_owned()
}

#[test]
fn every_rule_redacts_its_positive_example_and_no_more() {
    let mut failures = Vec::new();
    for rule in rules() {
        for seed in 0..12 {
            let filled = fill(rule.positive, &mut Seeded(seed));
            let redacted = redact(&filled.text);
            let marker = format!("[REDACTED:{}]", rule.kind);
            if without_kinds(&redacted) != filled.expected() || !redacted.contains(&marker) {
                failures.push(format!("{}: {}\n    {redacted}", rule.kind, filled.text));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn no_rule_redacts_its_negative_example() {
    let mut failures = Vec::new();
    for rule in rules() {
        let filled = fill(rule.negative, &mut Seeded(1));
        let redacted = redact(&filled.text);
        if redacted != filled.text {
            failures.push(format!("{}: {}\n    {redacted}", rule.kind, filled.text));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn private_key_in_xml_is_found_whatever_the_order_of_its_elements() {
    let public =
        "<RSAKeyValue><Modulus>xK9mPq2vR7wL4nB8</Modulus><!-- 2048 bits --><Exponent>AQAB</Exponent>";
    assert_eq!(redact(&format!("{public}</RSAKeyValue>")), format!("{public}</RSAKeyValue>"));
    for first in ["D", "P", "Q", "DP", "DQ", "InverseQ"] {
        let text = format!(
            "{public}\n  <{first}>hT5sWq8zK2mN6bV4</{first}><D>cF3gJ7yR1uE9oL5a</D></RSAKeyValue> {public}</RSAKeyValue>"
        );
        let redacted = redact(&text);
        assert_eq!(
            redacted,
            format!("{public}\n  <[REDACTED:private_key]</RSAKeyValue> {public}</RSAKeyValue>")
        );
    }
}

#[test]
fn every_rule_names_its_source_and_compiles() {
    for rule in rules() {
        let source = rule.source;
        assert!(!source.title.is_empty() && source.url.starts_with("https://"), "{}: {source:?}", rule.kind);
        let is_kind = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(rule.kind.bytes().all(is_kind), "{}", rule.kind);
        if let Matcher::Pattern(pattern) = &rule.matcher {
            regex::Regex::new(pattern).unwrap();
        }
    }
}
/// Seeds for the corpus: the more, the more different secrets.
const SEEDS: std::ops::Range<u64> = 0..4;

/// True if any part of the secret that could be of use is left in the text.
fn survives(secret: &str, text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let text = without_kinds(text);
    let words: Vec<&str> = secret.split(|c| !is_word(c)).filter(|word| word.len() >= 8).collect();
    match words.as_slice() {
        [] => text.contains(secret),
        words => words.iter().any(|word| text.contains(word)),
    }
}

#[test]
fn planted_secrets_are_found_at_every_depth() {
    let (mut planted, mut missed, mut documents, mut blurred) = (0, Vec::new(), 0, Vec::new());
    for filled in SEEDS.flat_map(corpus::planted) {
        for depth in corpus::DEPTHS {
            let redacted = redact(&corpus::wrap(&filled.text, depth));
            let text = corpus::unwrap(&redacted, depth);
            planted += filled.secrets.len();
            documents += 1;
            let lines = |range: &std::ops::Range<usize>| {
                let start = filled.text[..range.start].rfind('\n').map_or(0, |at| at + 1);
                filled.text[start..].lines().next().unwrap().to_owned()
            };
            let left =
                filled.secrets.iter().filter(|secret| survives(&filled.text[(*secret).clone()], &text));
            let left: Vec<_> = left.map(lines).collect();
            if left.is_empty() && without_kinds(&text) != filled.expected() {
                let pairs =
                    text.lines().zip(filled.expected().lines().map(str::to_owned).collect::<Vec<_>>());
                let other = pairs
                    .filter(|(got, expected)| without_kinds(got) != *expected)
                    .map(|(got, _)| got.to_owned());
                blurred.extend(other.take(1).map(|line| format!("depth {depth}: {line}")));
            }
            missed.extend(left.into_iter().map(|line| format!("depth {depth}: {line}")));
        }
    }
    let found = planted - missed.len();
    let recall = found as f64 / planted as f64;
    println!(
        "recall: {found} of {planted} = {:.2} %; {} of {documents} documents blurred",
        recall * 100.0,
        blurred.len()
    );
    println!("missed:\n  {}\nblurred:\n  {}", missed.join("\n  "), blurred.join("\n  "));
    assert!(planted / DEPTHS_COUNT >= 300 && recall >= 0.99);
}

const DEPTHS_COUNT: usize = 3;

#[test]
fn ordinary_text_is_left_alone() {
    let lines: Vec<String> = (0..3).flat_map(corpus::ordinary).collect();
    let mut wrong = Vec::new();
    for line in &lines {
        for depth in corpus::DEPTHS {
            let wrapped = corpus::wrap(line, depth);
            let redacted = redact(&wrapped);
            if redacted != wrapped {
                wrong.push(format!("depth {depth}: {redacted}"));
            }
        }
    }
    let per_thousand = wrong.len() as f64 * 1000.0 / (lines.len() * DEPTHS_COUNT) as f64;
    println!(
        "{} false redactions in {} lines at {DEPTHS_COUNT} depths: {per_thousand:.2} in 1,000",
        wrong.len(),
        lines.len()
    );
    println!("  {}", wrong.join("\n  "));
    assert!(lines.len() >= 5_000 && per_thousand <= 1.0);
}

/// A document's text without the insides of its strings.
fn skeleton(document: &str) -> String {
    regex::Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap().replace_all(document, "\"\"").into_owned()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

/// Pieces of text that secrets are made of or stand in, whole secrets, and anything else.
fn fragment() -> impl Strategy<Value = String> {
    let examples: Vec<(&str, &str)> = rules().map(|rule| (rule.positive, rule.negative)).collect();
    let example = (prop::sample::select(examples), any::<u64>(), any::<bool>());
    let example = example.prop_map(|((positive, negative), seed, is_positive)| {
        fill(if is_positive { positive } else { negative }, &mut Seeded(seed)).text
    });
    let piece = prop::sample::select(vec![
        "password",
        "token",
        "\"",
        "'",
        "\\",
        "\\\\",
        "\\\"",
        "\\n",
        "\\u003d",
        "\\ud83d\\ude00",
        "=",
        ":",
        ": ",
        " ",
        "\n",
        "://",
        "user:",
        "@",
        "Authorization: ",
        "Basic ",
        "-----BEGIN PRIVATE KEY-----",
        "sk-ant-",
        "AKIA",
        "eyJ",
        "[REDACTED:password]",
        "[REDACTED:",
        "]",
        "{",
        "}",
        "é",
        "😀",
        "&",
        "%3D",
        "host=",
        ";",
        "x7Kq9ZpL2mWv4TbR8nYc",
    ]);
    prop_oneof![2 => example, 4 => piece.prop_map(str::to_owned), 1 => ".{0,12}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(fragment(), 0..8).prop_map(|fragments| fragments.concat())
}

/// Documents whose strings and keys are such text, or documents themselves.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(serde_json::Value::from),
        1 => any::<i64>().prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((prop_oneof![text(), Just("token".to_owned())], inner.clone()), 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            inner.prop_map(|value| serde_json::Value::from(value.to_string())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_stays_a_document_of_the_same_shape(document in document(), is_pretty: bool) {
        let text = if is_pretty { format!("{document:#}") } else { document.to_string() };
        let redacted = redact(&text);
        prop_assert!(is_json(&redacted), "{}", redacted);
        prop_assert_eq!(skeleton(&redacted), skeleton(&text));
    }

    #[test]
    fn users_patterns_keep_the_shape_too(document in document(), pattern in prop::sample::select(vec![
        ".*", "(?s).*", r"\w+", "\"", r"\\", "[{}:,]", "é.", "n", "u", "[0-9]", "REDACTED", "^.", ".$",
    ])) {
        let redactor = Redactor::new(&[pattern.to_owned()]).unwrap();
        let text = serde_json::Value::from(vec![document]).to_string();
        let redacted = redactor.redact(&text, &mut Counts::default()).into_owned();
        prop_assert!(is_json(&redacted), "{}", redacted);
        prop_assert_eq!(skeleton(&redacted), skeleton(&text));
        let again = redactor.redact(&redacted, &mut Counts::default());
        prop_assert!(matches!(again, std::borrow::Cow::Borrowed(_)), "{} {}", redacted, again);
    }

    #[test]
    fn redacting_twice_changes_nothing(text in text(), document in document(), cut: prop::sample::Index) {
        let document = document.to_string();
        let cut: String = document.chars().take(cut.index(document.len() + 1)).collect();
        for text in [text.as_str(), &document, &cut] {
            let once = redact(text);
            prop_assert_eq!(redact(&once), once.as_str(), "from {}", text);
        }
    }

    /// Of the kinds that are known by their shape. Those that are judged by how random they look are in the recall.
    #[test]
    fn no_secret_survives_at_any_depth(seed: u64, index: prop::sample::Index, before in "[ \n\t\"'({=,;>é]", depth in 0usize..=2) {
        let has_shape = |rule: &&Rule| matches!(rule.matcher, Matcher::Pattern(_)) && matches!(rule.check, Check::Shape);
        let rules: Vec<_> = rules().filter(has_shape).collect();
        let filled = fill(rules[index.index(rules.len())].positive, &mut Seeded(seed));
        let text = format!("{before}{}", filled.text);
        let left = corpus::unwrap(&redact(&corpus::wrap(&text, depth)), depth);
        for secret in &filled.secrets {
            prop_assert!(!survives(&filled.text[secret.clone()], &left), "{}", left);
        }
    }
}

#[test]
fn escapes_before_a_secret_hide_nothing() {
    let secret = fill("ghp_%{b62:36}", &mut Seeded(3)).text;
    for before in [
        r"\n",
        r"\\n",
        r"\\\\t",
        r"\u003d",
        r"\\u0022",
        "%3D",
        "%20",
        "\u{1b}[1;32m",
        r"\u001b[0m",
        r"\x1b[33m",
        "x=",
    ] {
        assert_eq!(
            redact(&format!("{before}{secret}")),
            format!("{before}[REDACTED:github_token]"),
            "{before}"
        );
    }
    // But in the middle of a word there is none.
    let word = format!("n{secret}");
    assert_eq!(redact(&word), word);
}

#[test]
fn keys_are_redacted_and_numbers_are_not() {
    let key = fill("sk-ant-api03-%{b64url:93}AA", &mut Seeded(5)).text;
    assert_eq!(redact(&format!(r#"{{"{key}":1}}"#)), r#"{"[REDACTED:anthropic_key]":1}"#);
    let number = r#"{"token":123456789012345678901234567890,"password":12345678.5e3}"#;
    assert_eq!(redact(number), number);
}

#[test]
fn lines_of_a_key_are_redacted_in_each_of_their_strings() {
    let template = r#"["+-----BEGIN PRIVATE KEY-----","+%{b64:64}","+%{b64:64}","+%{b64:20}==","+-----END PRIVATE KEY-----","+x"]"#;
    let document = fill(template, &mut Seeded(1)).text;
    let mut counts = Counts::default();
    let redacted = redactor().redact(&document, &mut counts);
    let r = "[REDACTED:private_key]";
    assert_eq!(redacted, format!(r#"["+{r}","{r}","{r}","{r}","{r}","+x"]"#));
    assert_eq!(counts.iter().collect::<Vec<_>>(), [("private_key", 1)]);
}

#[test]
fn what_a_password_in_quotes_escapes_does_not_end_it() {
    for depth in corpus::DEPTHS {
        let wrapped = corpus::wrap(r#"{"password": "aB3$\"xY\\9'z"}"#, depth);
        assert_eq!(corpus::unwrap(&redact(&wrapped), depth), r#"{"password": "[REDACTED:password]"}"#);
    }
}

#[test]
fn escaped_slashes_belong_to_addresses_and_keys() {
    let text = r#"{"a":"postgres:\/\/app:hunter22@db\/app","SecretAccessKey":"wJalrXUtnFEMI\/K7MDENG\/bPxRfiCYEXAMPLEKEY"}"#;
    let expected = r#"{"a":"postgres:\/\/app:[REDACTED:url_credentials]@db\/app","SecretAccessKey":"[REDACTED:aws_secret_key]"}"#;
    assert_eq!(redact(text), expected);
}

#[test]
fn only_the_exact_marker_of_an_earlier_redaction_is_no_value() {
    for text in [
        "password=[REDACTED:Hunter2-xyz9]",
        "password: [REDACTED:Hunter2-xyz9]",
        r#"password = "[REDACTED:Hunter2-xyz9]""#,
        r#"PASSWORD=[REDACTED:token]"Hunter2-xyz9&3xQ""#,
        r#"PASSWORD=[REDACTED:password]"Hunter2-xyz9&3xQ""#,
        "PASSWORD=[REDACTED:password]Hunter2-xyz9&3xQ",
        "PASSWORD=[REDACTED:password]'Hunter2-xyz9&3xQ'",
        r#""password": "[REDACTED:old]\/Hunter2-xyz9&3xQ""#,
        r#""password": "[REDACTED:password]\/Hunter2-xyz9&3xQ""#,
        r#""password": "[REDACTED:password]Hunter2-xyz9&3xQ""#,
        r#""password": "[REDACTED:password] Hunter2-xyz9&3xQ""#,
    ] {
        for depth in corpus::DEPTHS {
            let left = corpus::unwrap(&redact(&corpus::wrap(text, depth)), depth);
            assert!(!left.contains("Hunter2") && !left.contains("xyz9"), "{text} became {left}");
        }
    }
    for text in [
        "password=[REDACTED:password]",
        "password=[REDACTED:password] and more",
        "password=[REDACTED:password]\nuser=alice",
        r#"{"password": "[REDACTED:password]", "value": "x7Kq9ZpL2mWv4TbR8nYc"}"#,
        r#"run "password=[REDACTED:password]" now"#,
        "password='[REDACTED:custom]'",
        "Uid=app;Pwd=[REDACTED:connection_string];Server=db;",
        "password=[REDACTED:AWS_SECRET_KEY]",
        "password: [REDACTED: database password]",
        r#"["password=[REDACTED:token]","Hunter2-xyz9&3xQ is no value"]"#,
    ] {
        for depth in corpus::DEPTHS {
            assert_eq!(corpus::unwrap(&redact(&corpus::wrap(text, depth)), depth), text);
        }
    }
}

#[test]
fn digests_of_builds_and_files_are_no_keys() {
    const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";
    const SHA1: &str = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";
    const SHA256: &str = "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592";
    const SHA256_BASE64: &str = "16j7swfXgJRpypq8sAguT41WUeRtPNt2LQK/N8nlkvI=";
    for text in [
        format!("cache/2/{MD5}"),
        format!("1/{MD5} and 0/{MD5}"),
        format!("ghcr.io/acme/app:2024011-{SHA1}"),
        format!("20240115123045-{SHA1}"),
        format!("user:profile:{MD5}"),
        format!("reagent:main:{MD5}"),
        format!("app@v1.{SHA1} and app:v1.{SHA1}"),
        format!("https://cdn.example.net/v1.{SHA1}/app.js"),
        format!("dist/web_{MD5}.js and server_{MD5}"),
        format!("dist/web_{SHA256}.js"),
        format!("base64:{SHA256_BASE64}"),
        format!("public/pl_{MD5}.png"),
        format!("fixtures/tl_{MD5}.json"),
        format!("assets/cu_{MD5}.svg"),
        format!("releases/local-{SHA1}"),
        format!("local-{SHA1}-dirty"),
        format!("snapshots/test_{SHA1}/out.png"),
        format!("cache/key_{SHA1}.bin"),
        format!("layers/{MD5}-{MD5}.tar"),
        format!("objects/1/{SHA1}"),
    ] {
        for depth in corpus::DEPTHS {
            assert_eq!(corpus::unwrap(&redact(&corpus::wrap(&text, depth)), depth), text);
        }
    }
    let url = format!("curl https://live_{MD5}abc:@api.example.net/v1");
    assert!(!redact(&url).contains(MD5), "the user of a URL: {}", redact(&url));
}

#[test]
fn every_length_of_a_key_in_der_every_signed_url_and_a_key_behind_a_long_name_are_known() {
    let mut random = Seeded(7);
    for start in ["MIIB", "MIIC", "MIID", "MIIE", "MIIF", "MIIG", "MIIH", "MIII", "MIIJ", "MIIK", "MIIS"] {
        for header in ["IBAAKCAQEA", "IBADANBgkqhkiG"] {
            let filled = fill(&format!("«{start}wQ{header}%{{b62:600}}==»"), &mut random);
            assert_eq!(redact(&filled.text), "[REDACTED:private_key]", "{start}");
        }
    }
    for name in [
        "X-Amz-Signature",
        "X-Goog-Signature",
        "X-Tos-Signature",
        "x-oss-signature",
        "X-Obs-Signature",
        "X-Bce-Signature",
        "q-signature",
    ] {
        for equals in ["=", "%3D", r"\u003d"] {
            let filled = fill(&format!("?a=b&{name}{equals}«%{{hex:64}}»&c=d"), &mut random);
            assert_eq!(redact(&filled.text), format!("?a=b&{name}{equals}[REDACTED:signed_url]&c=d"));
        }
    }
    let filled = fill("echo WHYLABS_DEFAULT_ORG_API_KEY=«%{b62:10}.%{b62:64}:org-%{b62:6}»", &mut random);
    assert_eq!(without_kinds(&redact(&filled.text)), "echo WHYLABS_DEFAULT_ORG_API_KEY=[REDACTED]");
}

#[test]
fn users_patterns_see_text_without_its_escapes() {
    let redactor = Redactor::new(&[r"(?m)^internal: .*$".to_owned(), "ACME-[0-9]+".to_owned()]).unwrap();
    for depth in corpus::DEPTHS {
        let mut counts = Counts::default();
        let wrapped = corpus::wrap("a\ninternal: \"x\"\tÿ\nb ACME-12 c", depth);
        let redacted = redactor.redact(&wrapped, &mut counts);
        assert_eq!(corpus::unwrap(&redacted, depth), "a\n[REDACTED:custom]\nb [REDACTED:custom] c");
        assert_eq!(counts.iter().collect::<Vec<_>>(), [("custom", 2)]);
    }
}

#[test]
fn a_pattern_that_is_none_is_named() {
    let error = Redactor::new(&["ok".to_owned(), "a(b".to_owned()]).err().unwrap();
    assert_eq!(error.pattern, "a(b");
    assert!(error.to_string().contains("`a(b`") && error.reason.contains("unclosed group"), "{error}");
}

#[test]
fn text_without_secrets_is_borrowed_and_kinds_are_counted() {
    let mut counts = Counts::default();
    let redactor = redactor();
    assert!(matches!(redactor.redact("nothing here", &mut counts), std::borrow::Cow::Borrowed(_)));
    assert_eq!(counts.total(), 0);
    let text = fill("«ghp_%{b62:36}» «ghp_%{b62:36}» «npm_%{b62:36}»", &mut Seeded(1)).text;
    redactor.redact(&text, &mut counts);
    assert_eq!(counts.iter().collect::<Vec<_>>(), [("github_token", 2), ("npm_token", 1)]);
}
