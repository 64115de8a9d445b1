//! A real cron that starts the installed line. It has a crontab of its own, in a mount namespace of the test's.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::exporter_test::ExporterTest;

/// Runs a command with a crontab and a `/run` that nobody else sees.
const PRIVATE: &str = r#"
mount -t tmpfs tmpfs /var/spool/cron/crontabs && mount -t tmpfs tmpfs /run && chmod 1730 /var/spool/cron/crontabs || exit 99
printf 'HAN_SYNC_TEST_NOW=%s\nMAILTO=""\n' "$HAN_SYNC_TEST_NOW" | crontab - || exit 99
"$PROGRAM" install --scheduler cron || exit 1
crontab -l | sed 's|^\*/5|*/1|' | crontab - || exit 1
exec timeout 150 cron -f
"#;
/// cron starts the line at the next full minute.
const CRON_MAX: Duration = Duration::from_secs(140);
const POLL: Duration = Duration::from_millis(50);

#[test]
fn cron_starts_the_installed_line() {
    let has = |program: &str| fs::exists(program).unwrap();
    if !rustix::process::geteuid().is_root() || !has("/usr/sbin/cron") || !has("/usr/bin/unshare") {
        eprintln!("skipped: needs root, cron and unshare");
        return;
    }
    let test = ExporterTest::with_sessions(&[2]);
    let mut command = Command::new("unshare");
    let environment = test.command(&[]);
    let variables = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.env_clear().envs(variables).env("PROGRAM", env!("CARGO_BIN_EXE_han-sync"));
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(["--mount", "sh", "-c", PRIVATE]);
    let mut cron = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let started = std::time::Instant::now();
    while test.receiver.batches().is_empty() {
        if let Some(status) = cron.try_wait().unwrap() {
            assert_eq!(status.code(), Some(99), "cron ended");
            eprintln!("skipped: no mount namespace here");
            return;
        }
        assert!(started.elapsed() < CRON_MAX, "cron has not started the line");
        std::thread::sleep(POLL);
    }
    // `timeout` ends cron with itself.
    rustix::process::kill_process(rustix::process::Pid::from_child(&cron), rustix::process::Signal::TERM)
        .unwrap();
    cron.wait().unwrap();
    test.settle();
    test.assert_delivered();
}
