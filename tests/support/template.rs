//! Text with holes: `%{kind:n}` is filled from a seeded generator, and `«…»` is around what is to be redacted.
//!
//! So nothing in the repository looks like a secret, and one template gives as many different texts as there are seeds.
//! `%{x=hex:32}` also keeps the text as `x`, for `%{=x}`, `%{url=x}` (percent-encoded) and `%{base64=x}`.

use std::collections::BTreeMap;
use std::ops::Range;

/// SplitMix64: small, and the same everywhere.
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    pub fn from(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..count).map(|_| char::from(alphabet[self.below(alphabet.len())])).collect()
    }
}

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const WORDS: &[&str] = &[
    "account", "adapter", "archive", "batch", "billing", "branch", "buffer", "cache", "channel", "cluster",
    "config", "context", "cursor", "customer", "deploy", "digest", "driver", "engine", "event", "export",
    "filter", "folder", "gateway", "handler", "header", "import", "index", "invoice", "journal", "kernel",
    "ledger", "listener", "mapper", "marker", "metric", "module", "monitor", "network", "option", "order",
    "packet", "parser", "payload", "planner", "policy", "profile", "project", "queue", "reader", "record",
    "region", "render", "report", "request", "resource", "router", "schema", "server", "session", "signal",
    "source", "stream", "symbol", "target", "thread", "tracker", "update", "vector", "window", "worker",
    "writer", "zone",
];
const PASSWORD_WORDS: &[&str] =
    &["Winter", "Dragon", "Monkey", "Falcon", "Sunset", "Purple", "Tiger", "Rocket"];
/// Words of passphrases, none of which a program would use.
const DICE_WORDS: &[&str] = &[
    "acorn", "badger", "candle", "dolphin", "ember", "falcon", "glacier", "harbor", "island", "jigsaw",
    "kettle", "lantern", "meadow", "nectar", "orchid", "pebble", "quartz", "raven", "saddle", "thistle",
    "umbrella", "velvet", "walnut", "yonder", "zephyr", "copper", "bramble", "cinder", "dapple", "gravel",
    "hazel", "juniper",
];
const NAMES: &[&str] = &["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

/// A template with its holes filled.
pub struct Filled {
    pub text: String,
    /// Ranges of the secrets.
    pub secrets: Vec<Range<usize>>,
}

impl Filled {
    /// The text as it should look when every secret, and nothing else, was redacted; the kinds are left out.
    pub fn expected(&self) -> String {
        let mut expected = String::new();
        let mut done = 0;
        for secret in &self.secrets {
            expected.push_str(&self.text[done..secret.start]);
            expected.push_str("[REDACTED]");
            done = secret.end;
        }
        expected + &self.text[done..]
    }
}

pub fn fill(template: &str, seeded: &mut Seeded) -> Filled {
    let mut filled = Filled { text: String::new(), secrets: Vec::new() };
    let mut rest = template;
    let mut open = 0;
    let mut kept = BTreeMap::new();
    while let Some(at) = rest.find(['%', '«', '»']) {
        filled.text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(inside) = rest.strip_prefix("%{") {
            let end = inside.find('}').expect("a hole ends");
            filled.text.push_str(&named_hole(&inside[..end], seeded, &mut kept));
            rest = &inside[end + 1..];
        } else if let Some(inside) = rest.strip_prefix('«') {
            open = filled.text.len();
            rest = inside;
        } else if let Some(after) = rest.strip_prefix('»') {
            filled.secrets.push(open..filled.text.len());
            rest = after;
        } else {
            filled.text.push('%');
            rest = &rest[1..];
        }
    }
    filled.text.push_str(rest);
    filled
}

/// Fills a hole that may be kept under a name, or that repeats one.
fn named_hole(spec: &str, seeded: &mut Seeded, kept: &mut BTreeMap<String, String>) -> String {
    let repeated = |name: &str| kept.get(name).unwrap_or_else(|| panic!("nothing is kept as {name}"));
    match spec.split_once('=') {
        None => hole(spec, seeded),
        Some(("", name)) => repeated(name).clone(),
        Some(("url", name)) => percent_encoded(repeated(name)),
        Some(("base64", name)) => base64(repeated(name).as_bytes()),
        Some((name, spec)) => {
            let text = hole(spec, seeded);
            kept.insert(name.to_owned(), text.clone());
            text
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

pub fn base64(bytes: &[u8]) -> String {
    let alphabet = format!("{UPPER}{LOWER}{DIGITS}+/");
    let sign = |bits: u32| char::from(alphabet.as_bytes()[bits as usize & 63]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        text.extend((0..=chunk.len()).map(|at| sign(bits >> (18 - 6 * at))));
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

fn hole(spec: &str, seeded: &mut Seeded) -> String {
    let (kind, count) = spec.split_once(':').unwrap_or((spec, "1"));
    let count: usize = count.parse().expect("a count");
    let letters = format!("{UPPER}{LOWER}");
    match kind {
        "hex" => seeded.from("0123456789abcdef", count),
        "HEX" => seeded.from("0123456789ABCDEF", count),
        "digit" => format!("{}{}", seeded.from("123456789", 1), seeded.from(DIGITS, count - 1)),
        "lower" => seeded.from(LOWER, count),
        "upper" => seeded.from(UPPER, count),
        "letter" => seeded.from(&letters, count),
        "b32" => seeded.from(&format!("{UPPER}234567"), count),
        "B36" => seeded.from(&format!("{UPPER}{DIGITS}"), count),
        "b36" => seeded.from(&format!("{LOWER}{DIGITS}"), count),
        "b62" => seeded.from(&format!("{letters}{DIGITS}"), count),
        "b64" => seeded.from(&format!("{letters}{DIGITS}+/"), count),
        "b64url" => format!("{}{}", seeded.from(&letters, 1), ends_in_word(seeded, count - 1)),
        // A password as people make them, and as generators do.
        "password" => {
            format!("{}{}{}", seeded.pick(PASSWORD_WORDS), seeded.from(DIGITS, 4), seeded.from("!@#%&*", 1))
        }
        "strong" => {
            let inner = seeded.from(&format!("{letters}{DIGITS}!@#%^*_-+="), count - 2);
            format!("{}{inner}{}", seeded.from(&letters, 1), seeded.from(DIGITS, 1))
        }
        // All that a generator of passwords may use; the first without signs that quotes, shells and YAML need escaped.
        "printable" => seeded.from(&printable(|sign| !"'\"`\\".contains(sign)), count),
        "print" => seeded.from(&printable(|_| true), count),
        "dice" => seeded.pick(DICE_WORDS).to_owned(),
        "Dice" => capitalized(seeded.pick(DICE_WORDS)),
        // Syllables, which a generator makes to be pronounced.
        "spoken" => (0..count).map(|_| seeded.from("bdfgklmnprstvz", 1) + &seeded.from("aeiou", 1)).collect(),
        "encoded" => base64(secret_file(count, seeded).as_bytes()),
        "uuid" => [8, 4, 4, 4, 12].map(|count| seeded.from("0123456789abcdef", count)).join("-"),
        "word" => (0..count).map(|_| seeded.pick(WORDS)).collect::<Vec<_>>().join("_"),
        "Word" => (0..count).map(|_| capitalized(seeded.pick(WORDS))).collect(),
        "kebab" => (0..count).map(|_| seeded.pick(WORDS)).collect::<Vec<_>>().join("-"),
        "path" => (0..count).map(|_| seeded.pick(WORDS)).collect::<Vec<_>>().join("/"),
        "prose" => (0..count).map(|_| seeded.pick(WORDS)).collect::<Vec<_>>().join(" "),
        "name" => seeded.pick(NAMES).to_owned(),
        "int" => seeded.below(10usize.pow(count as u32)).to_string(),
        "ip" => (0..4).map(|_| seeded.below(256).to_string()).collect::<Vec<_>>().join("."),
        "time" => format!(
            "2025-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            seeded.below(12) + 1,
            seeded.below(28) + 1,
            seeded.below(24),
            seeded.below(60),
            seeded.below(60),
            seeded.below(1000)
        ),
        "esc" => "\u{1b}".to_owned(),
        "version" => format!("{}.{}.{}", seeded.below(9), seeded.below(40), seeded.below(100)),
        other => panic!("no hole is called {other}"),
    }
}

/// A file that holds a secret: variables, `.netrc`, the credentials of registries, a configuration in YAML.
fn secret_file(index: usize, seeded: &mut Seeded) -> String {
    let password = hole("strong:16", seeded);
    match index {
        1 => format!("DB_HOST=db.internal\nDB_USER=app\nDB_PASSWORD={password}\n"),
        2 => format!("machine git.example.net\n  login app\n  password {password}\n"),
        3 => {
            let login = base64(format!("app:{password}").as_bytes());
            format!("{{\"auths\":{{\"registry.example.net\":{{\"auth\":\"{login}\"}}}}}}")
        }
        _ => format!("users:\n- name: app\n  user:\n    token: {}\n", hole("b62:40", seeded)),
    }
}

fn printable(is_used: impl Fn(char) -> bool) -> String {
    ('!'..='~').filter(|sign| is_used(*sign)).collect()
}

/// URL-safe base 64 whose last character is a letter: a sentence or a name may go on with `-`.
fn ends_in_word(seeded: &mut Seeded, count: usize) -> String {
    if count == 0 {
        return String::new();
    }
    let inner = seeded.from(&format!("{UPPER}{LOWER}{DIGITS}_-"), count - 1);
    inner + &seeded.from(LOWER, 1)
}

fn capitalized(word: &str) -> String {
    format!("{}{}", word[..1].to_uppercase(), &word[1..])
}
