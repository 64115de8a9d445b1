//! Runs programs, and measures what each took.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// First argument of the benchmark's second self, which runs one program and says how much memory it took.
pub const WEIGH: &str = "weigh";

/// Runs a program to its end, its output thrown away. The time is that from its start to its end, as a shell sees it.
pub fn time(command: &mut Command) -> Duration {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let started = Instant::now();
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let took = started.elapsed();
    assert!(status.success(), "{command:?} ended with {status}");
    took
}

/// Output of a program.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} ended with {}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Peak resident memory of a program, in bytes.
///
/// The kernel counts what a process has before it becomes another program, so that the parent has to be small: this
/// program starts itself again, and that self starts the program.
pub fn peak_memory(program: &Path, arguments: &[&str], environment: &[(&str, OsString)]) -> u64 {
    let itself = std::env::current_exe().expect("this program's own path");
    let mut command = Command::new(itself);
    command.arg(WEIGH).arg(program).args(arguments).env_clear().envs(environment.iter().cloned());
    let printed = output(&mut command);
    printed.trim().parse().unwrap_or_else(|_| panic!("{command:?} printed {printed:?}"))
}

/// The second self: runs the program that its arguments name, and prints its peak memory in bytes.
pub fn weigh(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let program = arguments.next().expect("a program to weigh");
    let usage = resource_usage(Command::new(program).args(arguments));
    // ru_maxrss is in KiB on Linux, in bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    writeln!(io::stdout(), "{}", usage.ru_maxrss as u64 * unit).expect("stdout takes a number");
    ExitCode::SUCCESS
}

/// Resources that programs take from a battery.
#[derive(Debug, Default)]
pub struct Drain {
    pub processor: Duration,
    /// Times that a thread waited and was woken up.
    pub wake_ups: u64,
    /// Bytes that were not in the page cache.
    pub disk_bytes: u64,
}

impl Drain {
    /// Adds a run of a program.
    pub fn add(&mut self, command: &mut Command) {
        let usage = resource_usage(command);
        let time = |it: libc::timeval| {
            Duration::from_secs(it.tv_sec as u64) + Duration::from_micros(it.tv_usec as u64)
        };
        self.processor += time(usage.ru_utime) + time(usage.ru_stime);
        self.wake_ups += usage.ru_nvcsw as u64;
        self.disk_bytes += usage.ru_inblock as u64 * DISK_BLOCK_BYTES;
    }
}

/// Unit of `ru_inblock`.
const DISK_BLOCK_BYTES: u64 = 512;

/// Runs a program to its end, and returns the resources that it used.
#[expect(unsafe_code, reason = "std has no wait that also gives the resource usage of the child")]
fn resource_usage(command: &mut Command) -> libc::rusage {
    #[expect(clippy::zombie_processes, reason = "wait4 waits for it, and says what std does not")]
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: all bits zero is a valid rusage, and wait4 writes to two places that outlive the call.
    let (waited, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, 0, &raw mut usage), usage)
    };
    assert!(waited == pid && status == 0, "the program failed with wait status {status}");
    usage
}
