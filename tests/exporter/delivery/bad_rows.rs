//! Bad rows cost only themselves: values out of range go as null, and a row that no receiver stores is left behind alone.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::exporter_test::ExporterTest;

/// Changes a message in han's database.
fn set(test: &ExporterTest, id: &str, column: &str, value: &str) {
    let sql = format!("UPDATE messages SET {column} = {value} WHERE id = ?1");
    assert_eq!(test.db.conn().execute(&sql, [id]).unwrap(), 1);
}

fn make_invalid(test: &ExporterTest, ids: &[String]) {
    test.receiver.with_receiver(|receiver| receiver.invalid_rows.extend(ids.iter().cloned()));
}

#[test]
fn optional_value_out_of_range_goes_as_null_with_a_warning() {
    let long = |bytes: usize| format!("'{}'", "x".repeat(bytes));
    for (column, wire, value) in [
        ("input_tokens", "inputTokens", "-12".to_owned()),
        ("output_tokens", "outputTokens", "-9007199254740991".to_owned()),
        ("cache_read_tokens", "cacheReadTokens", "-1".to_owned()),
        ("lines_added", "linesAdded", "-1".to_owned()),
        ("agent_id", "agentId", long(300)),
        ("parent_id", "parentId", long(257)),
        ("role", "role", long(257)),
        ("tool_name", "toolName", long(1025)),
    ] {
        let test = ExporterTest::with_sessions(&[3, 2]);
        let id = test.message(0, 1);
        set(&test, &id, column, &value);
        let (report, outcome) = test.run_json(&[], 0);
        outcome.prints(wire).prints(&test.sessions[0]).does_not_print("xxxx");
        assert_eq!(
            (&report["messagesSent"], &report["errors"]),
            (&json!(5), &json!([])),
            "{column}: {report}"
        );
        let store = test.receiver.alice();
        let message = serde_json::to_value(&store.sessions[&test.sessions[0]].messages[&id]).unwrap();
        assert!(message[wire].is_null(), "{column}: {message}");
        assert_eq!(test.receiver.violations(), Vec::<String>::new(), "{column}");
        test.assert_idle();
    }
}

#[test]
fn value_within_its_range_goes_as_it_is() {
    let test = ExporterTest::with_sessions(&[2]);
    let id = test.message(0, 0);
    set(&test, &id, "agent_id", &format!("'{}'", "a".repeat(250)));
    set(&test, &id, "tool_name", &format!("'{}'", "t".repeat(1024)));
    set(&test, &id, "input_tokens", "9007199254740991");
    let (_, outcome) = test.run_json(&[], 0);
    outcome.does_not_print("no receiver stores");
    let store = test.receiver.alice();
    let message = &store.sessions[&test.sessions[0]].messages[&id];
    assert_eq!(message.input_tokens, Some(9_007_199_254_740_991));
    assert_eq!(message.agent_id.as_ref().map(String::len), Some(250));
    assert_eq!(message.tool_name.as_ref().map(String::len), Some(1024));
}

#[test]
fn unreadable_time_goes_as_that_of_the_nearest_earlier_row() {
    for unreadable in ["'yesterday'", "''", "'2026-13-45T99:00:00Z'", "17", "x'ff'"] {
        let test = ExporterTest::with_sessions(&[5]);
        let ids: Vec<String> = (0..5).map(|nth| test.message(0, nth)).collect();
        let time_of = |id: &str| {
            let times = test.db.strings("SELECT timestamp FROM messages WHERE id = ?1", [id]);
            times.into_iter().next().unwrap()
        };
        let (first, second) = (time_of(&ids[1]), time_of(&ids[2]));
        // The first row has no earlier one; two in a row have the same neighbour.
        for id in [&ids[0], &ids[3], &ids[4]] {
            set(&test, id, "timestamp", unreadable);
        }
        test.set("batchSize", "4");
        let (_, outcome) = test.run_json(&[], 0);
        outcome.prints("timestamp");
        let store = test.receiver.alice();
        let sent = |id: &String| store.sessions[&test.sessions[0]].messages[id].timestamp.clone();
        let expected = [&first, &first, &second, &second, &second].map(String::clone);
        assert_eq!(ids.iter().map(sent).collect::<Vec<_>>(), expected, "{unreadable}");
        test.assert_idle();
    }
}

#[test]
fn row_that_the_receiver_must_refuse_is_left_behind_alone() {
    let long_id = "i".repeat(300);
    for (name, column, value) in [
        ("an id over 256 bytes", "id", format!("'{long_id}'")),
        ("no message type", "message_type", "''".to_owned()),
        ("a type over 256 bytes", "message_type", format!("'{}'", "t".repeat(257))),
    ] {
        eprintln!("case: {name}");
        let mut test = ExporterTest::with_sessions(&[3, 40, 2]);
        let bad = test.message(1, 17);
        let rowid = &test.db.strings("SELECT CAST(rowid AS TEXT) FROM messages WHERE id = ?1", [&bad])[0];
        // With its id in its raw JSON, as a transcript's own.
        set(&test, &bad, "raw_json", &format!("'{{\"uuid\":\"{long_id}\",\"was\":\"{bad}\"}}'"));
        set(&test, &bad, column, &value);
        let (report, _) = test.run_json(&[], 65);
        assert_eq!(
            (&report["messagesSent"], &report["sessionsRejected"]),
            (&json!(44), &json!(1)),
            "{report}"
        );
        let errors = report["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{report}");
        assert_eq!(errors[0]["sessionId"], test.sessions[1].as_str(), "{report}");
        assert_eq!(errors[0]["code"], "VALIDATION_ERROR", "{report}");
        assert!(errors[0]["message"].as_str().unwrap().contains(&format!("row {rowid} ")), "{report}");
        assert!(report["attempts"].as_u64().unwrap() <= 16, "halves, not one by one: {report}");
        assert_eq!(test.queued(&test.sessions[1]).unwrap()["status"], "failed");
        assert_eq!(test.status()["queue"]["failed"], 1);
        assert_eq!(test.receiver.alice().messages_again, 0);

        // It is news once: neither the next run nor new data of the session ends with 65 again.
        test.run_json(&[], 0);
        test.add_messages(&test.sessions[1], 3);
        test.add_session(1);
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["messagesSent"], 4, "{report}");
        assert_eq!(test.receiver.alice().message_count(), 48);
    }
}

#[test]
fn several_bad_rows_and_sessions_are_found_one_by_one() {
    let test = ExporterTest::with_sessions(&[30, 5, 12, 1, 4]);
    let bad: Vec<String> =
        [(0, 0), (0, 1), (0, 2), (0, 29), (2, 6), (3, 0)].iter().map(|(s, n)| test.message(*s, *n)).collect();
    make_invalid(&test, &bad);
    let (report, _) = test.run_json(&[], 65);
    assert_eq!((&report["messagesSent"], &report["sessionsRejected"]), (&json!(46), &json!(3)), "{report}");
    assert_eq!(report["errors"].as_array().unwrap().len(), bad.len(), "{report}");
    let store = test.receiver.alice();
    assert_eq!((store.message_count(), store.messages_again), (46, 0));

    // The receiver takes them a day later.
    test.receiver.with_receiver(|receiver| receiver.invalid_rows.clear());
    test.advance(TimeDelta::hours(25));
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
    assert_eq!(test.status()["queue"]["failed"], 0);
}

#[test]
fn bad_task_is_left_behind_and_messages_and_tasks_pass() {
    let test = ExporterTest::with_sessions(&[4]);
    let message = test.message(0, 0);
    let tasks = test.db.transaction(|db| {
        (0..5)
            .map(|_| {
                let task = db.make(|maker| maker.task(&test.sessions[0], &message, 1, "in_progress"));
                db.task(&task);
                task.id
            })
            .collect::<Vec<_>>()
    });
    make_invalid(&test, &tasks[2..3]);
    let (report, _) = test.run_json(&[], 65);
    assert_eq!((&report["messagesSent"], &report["tasksSent"]), (&json!(4), &json!(4)), "{report}");
    assert_eq!(test.queued(&test.sessions[0]).unwrap()["status"], "failed");
    test.receiver.with_receiver(|receiver| receiver.invalid_rows.clear());
    test.run_json(&["all"], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn task_texts_are_cut_and_its_status_and_times_are_valid() {
    let test = ExporterTest::with_sessions(&[1]);
    test.set("includeContent", "true");
    let session = &test.sessions[0];
    let message = test.message(0, 0);
    for (status, subject, times) in [
        ("deleted", "é".repeat(200_000), None),
        ("completed", "short".to_owned(), Some(("soon", "2026-03-01T10:00:00Z"))),
        ("in_progress", "short".to_owned(), Some(("2026-03-01T11:00:00Z", ""))),
        ("odd", "short".to_owned(), Some(("", "never"))),
    ] {
        let mut task = test.db.make(|maker| maker.task(session, &message, 1, status));
        (task.subject, task.description) = (subject.clone(), Some("d".repeat(300_000)));
        if let Some((created_at, updated_at)) = times {
            (task.created_at, task.updated_at) = (created_at.to_owned(), updated_at.to_owned());
        }
        test.db.task(&task);
        test.run_json(&[], 0);
        let store = test.receiver.alice();
        let sent = &store.sessions[session].tasks[&task.id];
        assert_eq!(sent.status, if status == "odd" { "pending" } else { status });
        assert_eq!(sent.subject.len(), subject.len().min(256 << 10));
        assert_eq!(sent.description.as_ref().unwrap().len(), 256 << 10);
        let expected = match status {
            "completed" => "2026-03-01T10:00:00Z",
            "in_progress" => "2026-03-01T11:00:00Z",
            "odd" => "1970-01-01T00:00:00Z",
            _ => continue,
        };
        assert_eq!((sent.created_at.as_str(), sent.updated_at.as_str()), (expected, expected));
    }
    // Deleted later, it is told as that.
    let later = test.db.make(|maker| maker.task(session, &message, 1, "pending"));
    test.db.task(&later);
    test.run_json(&[], 0);
    test.db.update_task(&later.id, "deleted");
    test.run_json(&[], 0);
    assert_eq!(test.receiver.alice().sessions[session].tasks[&later.id].status, "deleted");
}
