//! Speed of redaction on one core, in MB/s, the best of several passes: `cargo bench --bench redaction`. Fails if eight times
//! the text takes more than twice as long a byte.

#[path = "../tests/support/mod.rs"]
mod support;

use han_sync::exporter::batch::redact::{Counts, Redactor};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use support::{corpus, template};

/// Bytes of each text: large enough that the clock's resolution does not matter.
const TEXT_BYTES: usize = 8 << 20;
/// Passes over a text. The best one is that which the machine's other work has disturbed least.
const PASSES: usize = 5;

fn main() -> ExitCode {
    let ordinary: Vec<String> = (0..3).flat_map(corpus::ordinary).collect();
    let planted: Vec<String> = (0..3).flat_map(corpus::planted).map(|filled| filled.text).collect();
    let image = format!("{}{}", "iVBORw0KGgoAAAANSUhEUgAA", template::Seeded(7).from(BASE64, 1 << 20));
    let messages = |texts: &[String]| texts.iter().map(|text| corpus::wrap(text, 1)).collect::<Vec<_>>();

    println!("{:<52} {:>8} {:>10}", "text", "MB/s", "redacted");
    measure("messages without secrets", &messages(&ordinary));
    measure("the same as one message of 1 MB", &messages(&[ordinary.join("\n")]));
    measure("images of 1 MB", &messages(&[image]));
    measure("lines of tool output with a secret in each", &messages(&planted));
    // Linear means: as fast for eight times the text.
    let mut slower = Vec::new();
    for (name, text) in [
        ("names without values", "token=password:secret=".to_owned()),
        ("names of headers", "authorization=".to_owned()),
        ("names before blanks", "api_key: ".to_owned()),
        ("beginnings of keys", "sk-ant-ghp_eyJ-----BEGIN PRIVATE KEY-----\n".to_owned()),
        ("a prefix that many keys have", "sk_".to_owned()),
        ("beginnings of URLs", "https://user:".to_owned()),
        ("a name before each backslash", "password=\"\\".to_owned()),
        ("escape sequences", "\\u003d%3D&quot;\u{1b}[0m".to_owned()),
        ("wrapped tokens", "x7Kq9ZpL2mWv4TbR8nYc\n".to_owned()),
        ("names before line breaks", "password:\n".to_owned()),
        ("headings of tables", "password, token, user\n".to_owned()),
        ("commands without secrets", "mysql -u root -p; ".to_owned()),
    ] {
        let [short, long] = [1 << 12, 1 << 15]
            .map(|times| measure(&format!("worst case: {name}, {times} times"), &[text.repeat(times)]));
        if long < short / 2.0 {
            slower.push(format!("{name}: {short:.0} MB/s, and {long:.0} MB/s for eight times the text"));
        }
    }
    if slower.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("redaction is not linear for:\n  {}", slower.join("\n  "));
    ExitCode::FAILURE
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Measures and prints; returns the speed in MB/s.
fn measure(name: &str, texts: &[String]) -> f64 {
    let redactor = Redactor::new(&[]).expect("no patterns of its own");
    let bytes: usize = texts.iter().map(String::len).sum();
    let rounds = (TEXT_BYTES / bytes).max(1);
    let mut best = Duration::MAX;
    let mut counts = Counts::default();
    for _ in 0..PASSES {
        counts = Counts::default();
        let start = Instant::now();
        for _ in 0..rounds {
            for text in texts {
                std::hint::black_box(redactor.redact(text, &mut counts));
            }
        }
        best = best.min(start.elapsed());
    }
    let speed = (bytes * rounds) as f64 / 1e6 / best.as_secs_f64();
    println!("{name:<52} {speed:>8.0} {:>10}", counts.total() / rounds as u64);
    speed
}
