//! The encoding of bodies: zstd where the receiver announces it, and gzip everywhere else.

use crate::support::{ExporterTest, Fault, batches};
use chrono::TimeDelta;

/// Sessions at a receiver that announces these encodings.
fn announced(encodings: &[&str], messages: &[usize]) -> ExporterTest {
    let test = ExporterTest::with_sessions(messages);
    announce(&test, encodings);
    test
}

fn announce(test: &ExporterTest, encodings: &[&str]) {
    let encodings: Vec<String> = encodings.iter().map(|&name| name.to_owned()).collect();
    test.receiver.with_identity("user-alice", |identity| identity.encodings = encodings);
}

/// Encodings of the batches after the first `before` requests.
fn sent_encodings(test: &ExporterTest, before: usize) -> Vec<String> {
    let requests = test.receiver.requests();
    let batches = requests[before..].iter().filter(|request| request.is_batch());
    batches.map(|batch| batch.head.header("Content-Encoding").unwrap_or_default().to_owned()).collect()
}

#[test]
fn batches_go_in_zstd_where_it_is_announced_and_in_gzip_elsewhere() {
    for (encodings, expected) in [
        (&["zstd", "gzip"][..], "zstd"),
        (&["gzip", "zstd"][..], "zstd"),
        (&["gzip"][..], "gzip"),
        (&["br", "zstd-x"][..], "gzip"),
        (&[][..], "gzip"),
    ] {
        let test = announced(encodings, &[40, 3]);
        test.set("batchSize", "20");
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
        let sent = sent_encodings(&test, 0);
        assert!(
            sent.len() >= 3 && sent.iter().all(|encoding| encoding == expected),
            "{encodings:?}: {sent:?}"
        );
    }
}

#[test]
fn zstd_makes_the_same_payload_smaller() {
    let bytes = |encodings| {
        let test = announced(encodings, &[400]);
        let (report, _) = test.run_json(&[], 0);
        test.assert_delivered();
        (report["bytesSent"].as_u64().unwrap(), report["bytesUncompressed"].as_u64().unwrap())
    };
    let ((zstd, inflated), (gzip, as_inflated)) = (bytes(&["zstd", "gzip"]), bytes(&["gzip"]));
    assert!(
        zstd < gzip && inflated.abs_diff(as_inflated) < 64,
        "{zstd} of {inflated}, {gzip} of {as_inflated}"
    );
}

#[test]
fn receiver_that_no_longer_announces_zstd_gets_gzip() {
    let test = announced(&["zstd", "gzip"], &[3]);
    test.run_json(&[], 0);
    announce(&test, &["gzip"]);
    test.add_messages(&test.sessions[0], 3);
    test.advance(TimeDelta::minutes(61));
    let before = test.receiver.request_count();
    test.run_json(&[], 0);
    assert_eq!(sent_encodings(&test, before), ["gzip"]);
    test.assert_delivered_without_repeats();
}

#[test]
fn refused_zstd_is_gzip_at_once_and_for_a_day() {
    let test = announced(&["zstd", "gzip"], &[30, 3]);
    test.set("batchSize", "20");
    let is_zstd = |request: &crate::support::Request| request.head.header("Content-Encoding") == Some("zstd");
    test.receiver.script(batches().that(is_zstd), Fault::status(415));
    let (report, _) = test.run_json(&[], 0);
    let sent = sent_encodings(&test, 0);
    assert_eq!(sent[0], "zstd");
    assert!(sent.len() >= 3 && sent[1..].iter().all(|encoding| encoding == "gzip"), "{sent:?}");
    assert_eq!(
        (&report["errors"], &report["status"]),
        (&serde_json::json!([]), &"success".into()),
        "{report}"
    );
    test.assert_delivered_without_repeats();

    // The next runs do not try again, whatever the identity says, until a day has passed.
    for (hours, expected) in [(2, &["gzip"][..]), (23, &["zstd", "gzip"][..])] {
        test.add_messages(&test.sessions[0], 1);
        test.advance(TimeDelta::hours(hours));
        let before = test.receiver.request_count();
        test.run_json(&[], 0);
        assert_eq!(sent_encodings(&test, before), expected);
    }
    test.receiver.clear_script();
    test.add_messages(&test.sessions[0], 1);
    test.advance(TimeDelta::hours(25));
    let before = test.receiver.request_count();
    test.run_json(&[], 0);
    assert_eq!(sent_encodings(&test, before), ["zstd"]);
    test.assert_delivered_without_repeats();
}

#[test]
fn refused_gzip_is_an_error_of_the_endpoint() {
    let test = announced(&["gzip"], &[3]);
    test.receiver.script(batches(), Fault::status(415));
    test.run_json(&[], 78);
    assert_eq!(sent_encodings(&test, 0), ["gzip"]);
}
