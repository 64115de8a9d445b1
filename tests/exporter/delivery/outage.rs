//! A receiver that is away for 26 hours, and a run every five minutes as cron starts them.

use chrono::TimeDelta;

use crate::support::exporter_test::ExporterTest;
use crate::support::{Fault, connections};

/// The schedule that people are told to use.
const INTERVAL: TimeDelta = TimeDelta::minutes(5);
const OUTAGE_RUNS: usize = 26 * 12;

#[test]
fn outage_of_26_hours_loses_nothing_and_asks_at_most_once_an_hour() {
    let mut test = ExporterTest::with_sessions(&[5, 3]);
    test.run_json(&[], 0);
    test.receiver.script(connections(), Fault::reset());

    // Sessions go on while the receiver is away.
    let mut asked_at = Vec::new();
    for run in 0..OUTAGE_RUNS {
        if run % 24 == 0 {
            test.add_messages(&test.sessions[0], 2);
            test.add_session(1);
        }
        let before = test.receiver.connection_count();
        let outcome = test.run(&["--quiet"]);
        assert!([0, 75].contains(&outcome.code), "{outcome:?}");
        let asked = test.receiver.connection_count() - before;
        assert_eq!(outcome.code == 75, asked > 0, "75 says that something due was tried: {outcome:?}");
        if asked > 0 {
            asked_at.push((test.now(), asked));
        }
        test.advance(INTERVAL);
    }
    let (settled, _) = asked_at.iter().copied().nth(5).expect("more tries in 26 hours");
    assert!(settled < test.now() - TimeDelta::hours(20), "backed off early on: {asked_at:?}");
    let backed_off: Vec<_> = asked_at.iter().filter(|(at, _)| *at >= settled).collect();
    for pair in backed_off.windows(2) {
        assert_eq!(pair[1].1, 1, "one request a try: {asked_at:?}");
        assert!(pair[1].0 - pair[0].0 >= TimeDelta::hours(1), "at most one an hour: {asked_at:?}");
        assert!(pair[1].0 - pair[0].0 <= TimeDelta::minutes(70), "and it never gives up: {asked_at:?}");
    }
    let status = test.status();
    assert_eq!((&status["queue"]["failed"], &status["overdue"]), (&0.into(), &true.into()), "{status}");

    // Recovery: the first run whose time has come sends it all.
    test.receiver.clear_script();
    let mut runs = 0;
    while test.run(&["--quiet"]).exits(0).code == 0
        && test.receiver.alice().sessions.len() < test.sessions.len()
    {
        test.advance(INTERVAL);
        runs += 1;
        assert!(runs <= 13, "an hour after the recovery it is not noticed");
    }
    test.assert_delivered_without_repeats();
    assert_eq!(test.status()["overdue"], false);
}
