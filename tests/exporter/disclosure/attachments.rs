//! Attachments stay on the machine unless `includeAttachments` is set, wherever a message holds them.

use crate::support::ExporterTest;
use rusqlite::params;

const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Sends a message with this text in its raw JSON and returns the content that the receiver stores.
fn sent(raw_member: &str, include_attachments: Option<bool>) -> String {
    let test = ExporterTest::with_sessions(&[1]);
    test.set("includeContent", "true");
    if let Some(is_included) = include_attachments {
        test.set("includeAttachments", &is_included.to_string());
    }
    let conn = test.db.conn();
    let changed = conn
        .execute(
            "UPDATE messages SET raw_json = json_set(raw_json, '$.extra', json(?1))",
            params![raw_member],
        )
        .unwrap();
    assert!(changed > 0);
    test.run_json(&[], 0);
    let store = test.receiver.alice();
    let message = store.sessions[&test.sessions[0]].messages.values().next().unwrap();
    message.content.clone().unwrap()
}

#[test]
fn images_and_documents_are_replaced_unless_attachments_are_included() {
    let pdf = format!("JVBERi0{}", "xLjQKJeLj".repeat(40));
    for (member, mark) in [
        (
            format!(
                r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{PNG}"}}}}"#
            ),
            "[OMITTED:image/png 70]",
        ),
        (
            format!(
                r#"{{"type":"document","source":{{"type":"base64","media_type":"application/pdf","data":"{pdf}"}}}}"#
            ),
            "[OMITTED:application/pdf ",
        ),
        (format!(r#"{{"file":{{"base64":"{PNG}","type":"image/png"}}}}"#), "[OMITTED:image/png 70]"),
        (format!(r#"{{"type":"image","data":"{PNG}","mimeType":"image/png"}}"#), "[OMITTED:image/png 70]"),
        (format!(r#"{{"text":"see data:image/png;base64,{PNG} there"}}"#), "[OMITTED:image/png 70]"),
        (
            format!(r#"{{"blob":"{}","mimeType":"application/octet-stream"}}"#, "q83v".repeat(30)),
            "[OMITTED:application/octet-stream 90]",
        ),
    ] {
        for is_included in [None, Some(false)] {
            let content = sent(&member, is_included);
            assert!(
                content.contains(mark) && !content.contains("AAANSUhEUg") && !content.contains("xLjQKJeLj"),
                "{content}"
            );
            serde_json::from_str::<serde_json::Value>(&content).unwrap();
        }
        let content = sent(&member, Some(true));
        assert!(!content.contains("[OMITTED:"), "{content}");
    }
}

#[test]
fn text_that_only_looks_like_base64_is_sent() {
    let member = r#"{"data":"deadbeef","path":"src/exporter/batch/attachment","hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}"#;
    let content = sent(member, None);
    assert!(!content.contains("[OMITTED:"), "{content}");
}
