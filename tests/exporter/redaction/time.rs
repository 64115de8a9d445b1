//! The time of redaction grows as the text does, whatever the text is.
//!
//! Measured is the processor time of the test's own thread, and only one measurement against another: what else the
//! machine does counts for neither.

use super::redact;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Bytes of the shorter text, and how much longer the other is.
const BYTES: usize = 4 << 10;
const TIMES: usize = 8;
/// Linear is [`TIMES`], quadratic its square. The best of some tries is what counts.
const RATIO_MAX: u32 = 3 * TIMES as u32;
const TRIES: usize = 2;

#[test]
fn time_grows_no_faster_than_the_text() {
    // The rules are compiled once.
    redact("password=x authorization=x sk- ops_eyJ ghp_");
    let mut slow = Vec::new();
    for piece in [
        "token=password:secret=",
        "sk-ant-ghp_eyJ-----BEGIN PRIVATE KEY-----\n",
        "https://user:",
        "password=\"\\",
        "password=---",
        "pwd=]",
        "sk-",
        "authorization=",
        "ops_eyJ-",
        "server=a;",
        "host=a ",
        ":5432:a:a:",
        "machine a login ",
        "IDENTIFIED BY 'a",
        "mysql -p",
        "cf_api_",
        "curl -u a:",
        "xoxd-",
        "eyJa.",
        "password, token, user\n",
        "INSERT INTO t (password) VALUES ('a'), ",
        "REJfUEFTU1dPUkQ9eA==\n",
        "password: {",
        "<password a=",
        "[REDACTED:password]",
    ] {
        // What is found only at the end of all of it is looked for from each of its beginnings.
        for end in ["", "=a", "example", "@", ";"] {
            let time = |bytes: usize| {
                let text = piece.repeat(bytes / piece.len()) + end;
                (0..TRIES).map(|_| processor_time(|| redact(&text))).min().expect("some tries")
            };
            let (short, long) = (time(BYTES), time(BYTES * TIMES));
            if long > short * RATIO_MAX {
                slow.push(format!(
                    "{piece:?} before {end:?}: {short:?}, and {long:?} for {TIMES} times the text"
                ));
            }
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// Processor time of the work.
fn processor_time<T>(work: impl FnOnce() -> T) -> Duration {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let started = now();
    std::hint::black_box(work());
    now() - started
}
