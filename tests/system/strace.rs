//! strace as an instrument: which calls a program makes, and the same program with one of them made to fail.
//!
//! strace counts calls by name and by thread: "the 7th `read`" is the 7th of whichever thread comes to its 7th first. A
//! kill ends the program there; an error befalls every thread that comes so far.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every call that takes a path, a file descriptor or a socket.
const TOUCHING: &str = "%file,%desc,%network";
/// Rust's runtime makes it last, in the main thread, before it calls `main`.
const MAIN_BEGINS: &str = "sigaltstack";

/// The fault injected into a call, before the call does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed.
    Kill,
    /// The call fails with this error.
    Error(&'static str),
    /// The call says that it wrote nothing, and writes nothing.
    WritesNothing,
}

/// A fault at one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    pub fault: Fault,
    pub call: String,
    /// From 1.
    pub nth: usize,
}

/// Counts of the system calls of a program.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    /// Name to the most that one thread makes: in all, and before `main`.
    pub most: BTreeMap<String, Count>,
    /// In all threads together.
    pub total: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub all: usize,
    pub before_main: usize,
}

impl Calls {
    /// Makes the most of two recordings: threads take turns differently each time.
    pub fn or_more(mut self, other: Calls) -> Calls {
        self.total = self.total.max(other.total);
        for (name, count) in other.most {
            let most = self.most.entry(name).or_default();
            *most =
                Count { all: most.all.max(count.all), before_main: most.before_main.max(count.before_main) };
        }
        self
    }
}

/// Calls that a signal may interrupt, by POSIX; the caller goes on as if nothing had been.
const INTERRUPTIBLE: &[&str] = &[
    "accept4",
    "connect",
    "epoll_wait",
    "fallocate",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "openat",
    "poll",
    "pread64",
    "pwrite64",
    "read",
    "recvfrom",
    "recvmsg",
    "sendmsg",
    "sendto",
    "write",
    "writev",
];
/// Calls that write, and may write less than asked.
const WRITES: &[&str] = &["write", "pwrite64", "writev", "copy_file_range", "sendto", "sendmsg"];
const NEVER_FAILED: &[&str] = &["close", "execve", "mmap"];
/// Errors that calls fail with.
pub const ERRORS: &[&str] = &["ENOSPC", "EIO", "EINTR", "EACCES", "EMFILE"];

impl Strike {
    /// True if the program must not show that anything happened.
    pub fn is_transparent(&self) -> bool {
        self.fault == Fault::Error("EINTR") && INTERRUPTIBLE.contains(&self.call.as_str())
    }
}

impl Calls {
    /// A kill at every call.
    pub fn kills(&self) -> Vec<Strike> {
        let each = |(name, count): (&String, &Count)| strikes(Fault::Kill, name, 1, count.all);
        self.most.iter().flat_map(each).collect()
    }

    /// Every fault at every call that the program itself makes: not the loader, nor the runtime before `main`; not the
    /// maps that are its memory; and not `close`, which always closes, and would not when strace fails it.
    pub fn faults(&self) -> Vec<Strike> {
        let own = self.most.iter().filter(|(name, _)| !NEVER_FAILED.contains(&name.as_str()));
        own.flat_map(|(name, count)| {
            let writes = WRITES.contains(&name.as_str()).then_some(Fault::WritesNothing);
            let faults = ERRORS.iter().map(|error| Fault::Error(error)).chain(writes);
            faults
                .flat_map(|fault| strikes(fault, name, count.before_main + 1, count.all))
                .collect::<Vec<_>>()
        })
        .collect()
    }
}

fn strikes(fault: Fault, call: &str, first: usize, last: usize) -> Vec<Strike> {
    (first..=last).map(|nth| Strike { fault, call: call.to_owned(), nth }).collect()
}

/// The command under strace, which writes its log to `log`. strace itself is found in the `PATH` of the tests.
fn traced(command: &Command, log: &Path, options: &[&str]) -> Command {
    let mut strace = Command::new("strace");
    let environment: Vec<_> = command.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    if let Some((_, path)) = environment.iter().find(|(name, _)| *name == "PATH") {
        strace.arg("-E").arg(format!("PATH={}", path.display()));
    }
    strace
        .args(["-qqq", "-e", "signal=none", "-o"])
        .arg(log)
        .args(options)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(environment.into_iter().filter(|(name, _)| *name != "PATH"))
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        strace.current_dir(folder);
    }
    strace
}

/// Treatment of the programs that the command starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    None,
    /// Child programs run on without strace, which does not wait for them.
    LeftAlone,
}

impl Children {
    /// Without children to leave alone strace can be quick. It then misses its moments to kill.
    fn options(self, fault: Fault) -> &'static [&'static str] {
        match (self, fault) {
            (Children::LeftAlone, _) => &["-f", "--detach-on=execve"],
            (Children::None, Fault::Kill) => &["-f"],
            (Children::None, _) => &["-f", "--seccomp-bpf"],
        }
    }
}

/// The command under strace, its calls recorded in `log` for [`calls`].
pub fn recorded(command: &Command, log: &Path, children: Children) -> Command {
    let trace = format!("trace={TOUCHING},{MAIN_BEGINS}");
    traced(command, log, &[children.options(Fault::Kill), &["-e", &trace]].concat())
}

/// The command under strace, struck.
pub fn struck(command: &Command, log: &Path, children: Children, strike: &Strike) -> Command {
    let fault = match strike.fault {
        Fault::Kill => "signal=KILL".to_owned(),
        Fault::Error(error) => format!("error={error}"),
        Fault::WritesNothing => "retval=0".to_owned(),
    };
    let Strike { call, nth, .. } = strike;
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{fault}:when={nth}");
    traced(command, log, &[children.options(strike.fault), &["-e", &trace, "-e", &inject]].concat())
}

/// True if a strike came about: the program, which ended with this code, may have made one call fewer than it did when it
/// was recorded.
pub fn came_about(strike: &Strike, code: i32, log: &Path) -> bool {
    match strike.fault {
        Fault::Kill => code == -1,
        _ => was_injected(log),
    }
}

/// True if an error was injected, by strace's log.
pub fn was_injected(log: &Path) -> bool {
    fs::read_to_string(log).is_ok_and(|text| text.contains("(INJECTED)"))
}

/// Reads a recording.
pub fn calls(log: &Path) -> Calls {
    let text = fs::read(log).expect("strace's log");
    let text = String::from_utf8_lossy(&text);
    let mut by_thread: BTreeMap<(&str, &str), Count> = BTreeMap::new();
    let mut total = 0;
    let main_thread = text.split_whitespace().next().expect("a recording has calls");
    let mut main_began = false;
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        // What is resumed was counted when it began; signals and ends are no calls.
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        if name == MAIN_BEGINS {
            main_began |= thread == main_thread;
            continue;
        }
        total += 1;
        let count = by_thread.entry((thread, name)).or_default();
        count.all += 1;
        count.before_main += usize::from(!main_began && thread == main_thread);
    }
    assert!(main_began, "the recording shows where main begins");
    let mut calls = Calls { total, ..Calls::default() };
    for ((_, name), count) in by_thread {
        let alone = Calls { most: BTreeMap::from([(name.to_owned(), count)]), total };
        calls = calls.or_more(alone);
    }
    calls
}

/// Panics unless strace is here and may trace.
pub fn demand() {
    let output = Command::new("strace").args(["-qqq", "-o", "/dev/null", "true"]).output();
    let fine = output.as_ref().is_ok_and(|output| output.status.success());
    assert!(fine, "strace is needed, and the right to trace: scripts/need-strace installs it ({output:?})");
}
