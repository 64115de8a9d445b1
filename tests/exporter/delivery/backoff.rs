//! Faults of the endpoint: tried again inside the run, then by later runs, further and further apart, without end.

use chrono::{DateTime, TimeDelta, Utc};

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, Request, batches, requests, time};

/// The timestamp of a batch.
fn sent_at(request: &Request) -> DateTime<Utc> {
    request.payload.as_ref().expect("a batch").timestamp.parse().expect("RFC 3339")
}

/// Every way in which an endpoint is out of order, what the user is told, and nothing of it lasts.
#[test]
fn endpoint_faults_are_retried_then_left_to_a_later_run() {
    let table: Vec<(&str, Fault, &str)> = vec![
        ("request timeout", Fault::status(408), "408"),
        ("too early", Fault::status(425), "425"),
        ("too many requests", Fault::status(429), "429"),
        ("internal error", Fault::status(500), "500"),
        ("bad gateway, as a proxy says it", Fault::html(502), "502"),
        ("unavailable", Fault::status(503), "503"),
        ("gateway timeout", Fault::status(504), "504"),
        ("a status that is not in the book", Fault::status(599), "599"),
        ("reset", Fault::reset(), "cannot be reached"),
        ("reset after half the request", Fault::reset().unread(), "cannot be reached"),
        ("closed without an answer", Fault::close(), "cannot be reached"),
        ("silence", Fault::silence(), "time"),
    ];
    for (name, fault, said) in table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[3, 2]);
        test.receiver.script(batches(), fault);
        let (report, outcome) = test.run_json(&["--max-seconds", "3"], 75);
        outcome.prints(said);
        assert_eq!(report["status"], "error", "{report}");
        assert_eq!(report["sessionsPending"], 2, "{report}");
        assert_eq!(report["messagesPending"], 5, "{report}");
        assert!(report["attempts"].as_u64().unwrap() >= 2, "tried again inside the run: {report}");
        assert_eq!(test.receiver.alice().message_count(), 0);
        let next = test.retry_at(&report);
        assert!(next - test.now() < TimeDelta::seconds(5), "{report}");
        assert_eq!(test.status()["queue"]["failed"], 0, "the sessions have no part in it");
        assert!(test.status()["lastError"].as_str().unwrap().to_lowercase().contains(said));

        test.set_now(next - TimeDelta::seconds(1));
        let asked = test.receiver.request_count();
        let (report, _) = test.run_json(&[], 0);
        assert_eq!(report["status"], "backoff", "{report}");
        assert_eq!(time(&report["nextRetryAt"]), next);
        assert_eq!(test.receiver.request_count(), asked, "backoff is honoured");

        test.receiver.clear_script();
        test.set_now(next + TimeDelta::seconds(1));
        let (report, _) = test.run_json(&[], 0);
        assert_eq!((&report["status"], &report["messagesSent"]), (&"success".into(), &5.into()), "{report}");
        assert_eq!(test.status()["nextRetryAt"], serde_json::Value::Null);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn a_fault_that_passes_is_survived_inside_the_run() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    test.receiver.script(batches().times(4), Fault::status(503));
    let (report, _) = test.run_json(&[], 0);
    assert_eq!((&report["status"], &report["attempts"]), (&"success".into(), &5.into()), "{report}");
    let times: Vec<_> = test.receiver.batches().iter().map(sent_at).collect();
    let waits: Vec<i64> = times.windows(2).map(|pair| (pair[1] - pair[0]).num_milliseconds()).collect();
    for (wait, full) in waits.iter().zip([1000, 2000, 4000, 8000]) {
        // Jitter takes up to a fifth; the requests themselves take some time too.
        assert!((full * 4 / 5..full + 1000).contains(wait), "waits of {waits:?} ms");
    }
    test.assert_delivered_without_repeats();
}

#[test]
fn retries_stay_inside_the_time_budget() {
    for (budget, attempts) in [("1", 1..=1), ("2", 2..=2), ("10", 4..=4), ("240", 8..=9)] {
        let test = ExporterTest::with_sessions(&[1]);
        test.receiver.script(batches(), Fault::status(500));
        let (report, _) = test.run_json(&["--max-seconds", budget], 75);
        assert!(attempts.contains(&report["attempts"].as_i64().unwrap()), "{budget} s: {report}");
        let last = sent_at(test.receiver.batches().last().unwrap());
        assert!((last - test.now()).num_seconds() <= budget.parse().unwrap());
    }
}

#[test]
fn persisted_waits_double_to_an_hour_and_never_switch_off() {
    let test = ExporterTest::with_sessions(&[1]);
    test.receiver.script(requests(), Fault::status(503));
    let mut waits = Vec::new();
    for _ in 0..20 {
        let asked = test.receiver.request_count();
        let started = test.now();
        let (report, _) = test.run_json(&["--max-seconds", "1"], 75);
        assert!(test.receiver.request_count() > asked, "each run whose time has come tries");
        let next = test.retry_at(&report);
        waits.push((next - started).num_seconds());
        test.set_now(next + TimeDelta::seconds(1));
    }
    assert!(waits.windows(2).all(|pair| pair[1] >= pair[0].min(3600)), "{waits:?}");
    assert!(waits[0] <= 4 && (3600..3610).contains(&waits[19]), "{waits:?}");
    test.receiver.clear_script();
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn retry_after_is_honoured_in_both_forms_up_to_an_hour() {
    let in_ten_minutes = "Mon, 02 Mar 2026 08:10:00 GMT";
    for (status, header, wait) in [
        (429, "300", 300..=310),
        (503, "300", 300..=310),
        (503, in_ten_minutes, 598..=610),
        (503, "86400", 3600..=3610),
        (503, "Tue, 02 Mar 2027 08:00:00 GMT", 3600..=3610),
        (503, "soon", 0..=5),
        (503, "-5", 0..=5),
        (503, "Mon, 02 Mar 2020 08:00:00 GMT", 0..=5),
    ] {
        let test = ExporterTest::with_sessions(&[1]);
        test.receiver.script(batches().times(1), Fault::status(status).header("Retry-After", header));
        eprintln!("case: {status}, {header}");
        // No time to wait inside the run.
        let started = test.now();
        let (report, _) = test.run_json(&["--max-seconds", "1"], 75);
        assert_eq!(test.receiver.batches().len(), 1);
        let next = test.retry_at(&report);
        let seconds = (next - started).num_seconds();
        assert!(wait.contains(&seconds), "{status} {header}: {seconds} s");
        test.set_now(next + TimeDelta::seconds(1));
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn retry_after_is_waited_for_inside_the_run_where_the_budget_allows() {
    let test = ExporterTest::with_sessions(&[1]);
    test.receiver.script(batches().times(1), Fault::status(429).header("Retry-After", "60"));
    test.run_json(&["--max-seconds", "120"], 0);
    let times: Vec<_> = test.receiver.batches().iter().map(sent_at).collect();
    assert!((60..=75).contains(&(times[1] - times[0]).num_seconds()), "{times:?}");
    test.assert_delivered_without_repeats();
}

#[test]
fn a_clock_that_jumps_delays_nothing_for_more_than_an_hour() {
    for jump in [
        TimeDelta::days(-3650),
        TimeDelta::days(-1),
        TimeDelta::hours(-2),
        TimeDelta::hours(2),
        TimeDelta::days(3650),
    ] {
        let test = ExporterTest::with_sessions(&[1]);
        test.receiver.script(batches(), Fault::status(503).header("Retry-After", "3600"));
        test.run_json(&["--max-seconds", "1"], 75);
        test.receiver.clear_script();
        test.advance(jump);
        test.advance(TimeDelta::seconds(3601));
        test.run_json(&[], 0);
        test.assert_delivered();
        // And what was stored under the odd clock does not hold up what comes under the right one.
        test.set_now("2026-03-03T08:00:00Z".parse().unwrap());
        test.add_messages(&test.sessions[0], 2);
        test.run_json(&[], 0);
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn faults_of_the_endpoint_count_against_no_session() {
    let test = ExporterTest::with_sessions(&[1, 1]);
    test.receiver.script(batches(), Fault::status(500));
    for _ in 0..15 {
        test.run_json(&["all", "--max-seconds", "1"], 75);
        test.advance(TimeDelta::seconds(3601));
    }
    let status = test.status();
    assert_eq!(status["queue"]["failed"], 0, "{status}");
    assert_eq!(status["pendingSessions"], 2, "{status}");
    assert!(status["failedRuns"].as_u64().unwrap() >= 15, "{status}");
    test.receiver.clear_script();
    test.run_json(&[], 0);
    test.assert_delivered_without_repeats();
}

#[test]
fn all_and_session_do_not_wait_for_the_backoff() {
    for arguments in [vec!["all"], vec!["session", "ID"], vec!["--session", "ID"]] {
        let test = ExporterTest::with_sessions(&[2]);
        test.receiver.script(batches(), Fault::status(503).header("Retry-After", "3600"));
        test.run_json(&["--max-seconds", "1"], 75);
        test.receiver.clear_script();
        let arguments: Vec<&str> = arguments
            .into_iter()
            .map(|word| if word == "ID" { test.sessions[0].as_str() } else { word })
            .collect();
        let (report, _) = test.run_json(&arguments, 0);
        assert_eq!(report["messagesSent"], 2, "{arguments:?}: {report}");
        test.assert_delivered_without_repeats();
    }
}
