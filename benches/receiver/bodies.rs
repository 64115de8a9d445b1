//! Batches as exporters send them, made before anything is measured: their shape is that of a real database of han's
//! (sessions of some hundred messages, ids that are UUIDs, a third of the rows with an answer's tokens, two rows to an
//! answer, 3 KB of raw JSON to a message).

use super::support::han_db::text::Rng;
use super::support::running_receiver::{ACME, sealed};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};

pub const BATCH: usize = 1_000;
/// Messages of one session in one batch.
pub const SESSION: usize = 125;
/// Bytes of a message's content.
pub const CONTENT: usize = 3_200;
const ZSTD_LEVEL: i32 = 3;
const ZSTD_LEVEL_WITHOUT_CONTENT: i32 = 1;

/// Compressed bodies of `messages` messages in all. `name` makes their ids their own.
pub fn bodies(name: &str, messages: usize, content: usize) -> Vec<Vec<u8>> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut seeded = Rng::new(hasher.finish());
    (0..messages.div_ceil(BATCH)).map(|_| body(&mut seeded, BATCH, content)).collect()
}

/// A body, compressed as the exporter compresses it for this receiver.
pub fn body(seeded: &mut Rng, messages: usize, content: usize) -> Vec<u8> {
    let sessions: Vec<Value> = (0..messages.div_ceil(SESSION)).map(|_| session(seeded, content)).collect();
    let body = sealed("bench", &sessions);
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(body.len()));
    let level = if content > 0 { ZSTD_LEVEL } else { ZSTD_LEVEL_WITHOUT_CONTENT };
    zstd_safe::compress(&mut frame, &body, level).expect("a frame of zstd");
    frame
}

fn session(seeded: &mut Rng, content: usize) -> Value {
    let (day, mut usage) = (1 + seeded.next() % 28, String::new());
    let messages: Vec<Value> = (0..SESSION)
        .map(|line| {
            let kind = ["user", "assistant", "tool_use", "tool_result", "assistant", "user"][line % 6];
            let mut message = json!({
                "id": seeded.uuid(), "lineNumber": line, "messageType": kind,
                "timestamp": format!("2025-03-{day:02}T{:02}:{:02}:{:02}.000Z", 8 + line / 60, line % 60, seeded.next() % 60),
                "contentHash": format!("{:016x}", seeded.next()), "stream": "main", "parentId": seeded.uuid(),
                "inputTokens": null, "outputTokens": null, "cacheReadTokens": null, "cacheCreationTokens": null,
            });
            if content > 0 {
                message["content"] = Value::from(text(seeded, content));
            }
            match kind {
                "user" => message["role"] = Value::from("user"),
                "tool_result" => message["toolName"] = Value::from("Bash"),
                _ => {
                    // The next row may be of the same answer.
                    if usage.is_empty() || line % 3 == 1 {
                        usage = format!("{:016x}", seeded.next());
                    }
                    for (name, value) in [
                        ("inputTokens", seeded.next() % 100),
                        ("outputTokens", seeded.next() % 2_000),
                        ("cacheReadTokens", seeded.next() % 100_000),
                        ("cacheCreationTokens", seeded.next() % 5_000),
                    ] {
                        message[name] = Value::from(value);
                    }
                    message["usageId"] = Value::from(usage.as_str());
                    message["model"] = Value::from("claude-sonnet-4-5-20250929");
                    message["role"] = Value::from("assistant");
                }
            }
            message
        })
        .collect();
    json!({
        "id": seeded.uuid(), "projectSlug": "api", "repoRemote": ACME, "status": "active", "slug": "a-session",
        "messages": messages, "tasks": [], "lastModified": format!("2025-03-{day:02}T18:00:00.000Z"),
        "totalMessageCount": SESSION, "inclusion": "organization", "harness": "claude-code",
    })
}

const WORDS: [&str; 16] = [
    "the ",
    "file ",
    "\"path\":\"",
    "src/main.rs\",",
    "error: ",
    "return ",
    "\\n",
    "fn ",
    "{\"type\":",
    "let ",
    "0x",
    "value ",
    "tests ",
    "of ",
    "}\n",
    "a ",
];

/// Text that compresses about as well as transcripts do.
fn text(seeded: &mut Rng, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        let mut bits = seeded.next();
        for _ in 0..4 {
            text.push_str(WORDS[(bits % 16) as usize]);
            bits >>= 4;
        }
        text.push_str(&format!("{:x} ", bits >> 24));
    }
    text
}
