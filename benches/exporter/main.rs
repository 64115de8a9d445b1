//! The exporter against the shell, process against process, side by side in one run: `scripts/bench exporter`.
//!
//! Every figure is the best of several rounds in which the programs take turns, so that the machine's other work falls
//! on all of them; what counts is their ratio. Prints a table, and draws two plots when asked to.

mod counter;
mod peers;
mod plot;
mod process;
mod table;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use argh::FromArgs;
use counter::{Counter, Counts, GZIP, ZSTD};
use peers::{CCUSAGE, Peer, json_object};
use plot::{Line, Plot};
use process::{Drain, output, peak_memory, time};
use support::han_db::{HanDb, Mix, conditions, large};
use table::Table;
use tempfile::TempDir;

/// Measures han-sync against sqlite3 and gzip.
#[derive(FromArgs)]
struct Options {
    /// messages of the databases, separated by commas (default 10000,100000); the table has a section for each
    #[argh(option, default = "String::from(\"10000,100000\")")]
    messages: String,
    /// sessions of each database (default 10000)
    #[argh(option, default = "10_000")]
    sessions: usize,
    /// average bytes of raw JSON of a message (default 3200)
    #[argh(option, default = "3200")]
    raw_bytes: usize,
    /// rounds of the short runs; the long ones take a tenth, and at least two (default 20)
    #[argh(option, default = "20")]
    rounds: usize,
    /// folder of the databases, which are made once for each size (default target/bench)
    #[argh(option, default = "PathBuf::from(\"target/bench\")")]
    databases: PathBuf,
    /// SVG file to draw how cost grows into
    #[argh(option)]
    plot: Option<PathBuf>,
    /// cargo bench says so
    #[argh(switch)]
    #[expect(dead_code, reason = "cargo bench passes it to every benchmark")]
    bench: bool,
}

/// New messages of the second plot.
const NEW_MESSAGES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
/// A file that changed just now may change again within the same tick of the clock: runs do not trust its time until
/// this has passed.
const RACY: Duration = Duration::from_millis(2100);
/// Runs of a timer that fires every five minutes.
const RUNS_OF_A_DAY: usize = 288;
/// Belongs to the user of the receiver that counts, not to an organization.
const PERSONAL_REMOTE: &str = "https://github.com/alice/dotfiles.git";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == process::WEIGH) {
        return process::weigh(arguments);
    }
    let options: Options = argh::from_env();
    let sizes: Result<Vec<usize>, _> = options.messages.split(',').map(str::parse).collect();
    let Ok(sizes) = sizes else {
        eprintln!("exporter: --messages takes numbers separated by commas, and was {:?}", options.messages);
        return ExitCode::FAILURE;
    };
    let mut growth = Growth::default();
    for messages in &sizes {
        growth.add(*messages, &measure(&options, *messages, Some(messages) == sizes.last()));
    }
    if let Some(path) = &options.plot {
        plot::draw(path, &growth.into_plots()).expect("the plot is drawn");
        println!("\nPlot: {}", path.display());
    }
    ExitCode::SUCCESS
}

/// Points of one database for the plots.
#[derive(Default)]
struct Measured {
    idle: Duration,
    touched: Duration,
    one_new: Duration,
    everything: Duration,
    with_content: Duration,
    pipeline: Duration,
    /// New messages, ours with content, the pipeline from that rowid on.
    new: Vec<(usize, Duration, Duration)>,
}

#[derive(Default)]
struct Growth {
    by_size: Vec<(usize, [Duration; 6])>,
    new: Vec<(usize, Duration, Duration)>,
    last_pipeline: Duration,
}

impl Growth {
    fn add(&mut self, messages: usize, it: &Measured) {
        let times = [it.idle, it.touched, it.one_new, it.everything, it.with_content, it.pipeline];
        self.by_size.push((messages, times));
        self.new.clone_from(&it.new);
        self.last_pipeline = it.pipeline;
    }

    fn into_plots(self) -> [Plot; 2] {
        let names = [
            "han-sync, nothing new",
            "han-sync, han wrote, nothing to send",
            "han-sync, one new message",
            "han-sync, everything, without content",
            "han-sync, everything, with content",
            "sqlite3 | gzip, everything",
        ];
        let by_size = names.iter().enumerate().map(|(at, name)| Line {
            name,
            is_ours: at < 5,
            points: self.by_size.iter().map(|(messages, times)| (*messages, times[at])).collect(),
        });
        let of = |time: fn(&(usize, Duration, Duration)) -> Duration| {
            self.new.iter().map(|new| (new.0, time(new))).collect()
        };
        let everything = self.new.iter().map(|new| (new.0, self.last_pipeline)).collect();
        let by_new = vec![
            Line { name: "han-sync, with content", is_ours: true, points: of(|new| new.1) },
            Line { name: "sqlite3 | gzip, from a known rowid on", is_ours: false, points: of(|new| new.2) },
            Line { name: "sqlite3 | gzip, everything", is_ours: false, points: everything },
        ];
        [
            Plot {
                title: "Run time against what there is",
                x_label: "messages in the database",
                lines: by_size.collect(),
            },
            Plot {
                title: "Run time against what is new",
                x_label: "new messages in the largest database",
                lines: by_new,
            },
        ]
    }
}

fn measure(options: &Options, messages: usize, with_new: bool) -> Measured {
    let bench = Bench::new(options, messages);
    let mut table = Table::new(&format!(
        "{messages} messages, {} sessions, {} B of raw JSON each",
        options.sessions, options.raw_bytes
    ));
    let rounds = options.rounds;
    let few = (rounds / 10).max(2);
    let mut measured = Measured::default();
    bench.everything(few, &mut table, &mut measured);
    bench.nothing_new(rounds, &mut table, &mut measured);
    bench.day(&mut table);
    bench.little_new(rounds, &mut table, &mut measured);
    bench.everything_with_content(few, &mut table, &mut measured);
    bench.peers(measured.with_content, &mut table);
    bench.ccusage(measured.everything, few, &mut table);
    if with_new && options.plot.is_some() {
        bench.growing(few, &mut measured);
    }
    bench.sizes(&mut table);
    print!("{table}");
    measured
}

/// A database, one exporter, one receiver.
struct Bench {
    home: TempDir,
    database: PathBuf,
    counter: Counter,
    messages: u64,
}

impl Bench {
    fn new(options: &Options, messages: usize) -> Bench {
        fs::create_dir_all(&options.databases).expect("a folder for databases");
        let made =
            options.databases.join(format!("{messages}-{}-{}.db", options.sessions, options.raw_bytes));
        if !made.exists() {
            eprintln!("exporter: making {}", made.display());
            let unfinished = made.with_extension("unfinished");
            fs::remove_file(&unfinished).ok();
            let all = Mix { organization: 1.0, personal: 0.0, unknown: 0.0 };
            large::build_large_mixed(&unfinished, messages, options.sessions, options.raw_bytes, 1, all);
            fs::rename(&unfinished, &made).expect("a database in its place");
        }
        // The runs get a copy, on the same disk: what is added to it is gone with it.
        let home =
            tempfile::Builder::new().prefix("home-").tempdir_in(&options.databases).expect("a home folder");
        let database = home.path().join("han.db");
        fs::copy(&made, &database).expect("a copy of the database");
        // A session that stays here, for han to write into.
        let db = HanDb::open(&database);
        let personal = db.session_of_remote(PERSONAL_REMOTE);
        conditions::ordinary(&db, &personal, 1);
        db.close();
        std::thread::sleep(RACY);
        Bench { home, database, counter: Counter::start(), messages: messages as u64 }
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("HOME", self.home.path().into()),
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("CLAUDE_CONFIG_DIR", self.config_folder().into()),
            ("HAN_DB", self.database.clone().into()),
            ("HAN_SYNC_ENABLED", "true".into()),
            ("HAN_SYNC_ENDPOINT", self.counter.endpoint().into()),
            ("HAN_SYNC_API_KEY", "han_of_the_benchmark".into()),
        ]
    }

    fn config_folder(&self) -> PathBuf {
        self.home.path().join(".claude")
    }

    fn state_folder(&self) -> PathBuf {
        self.config_folder().join("han")
    }

    fn set_content(&self, include: bool) {
        fs::create_dir_all(self.config_folder()).expect("a folder for the configuration");
        let text = format!("sync:\n  includeContent: {include}\n");
        fs::write(self.config_folder().join("han.yml"), text).expect("a configuration");
    }

    fn ours(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync"));
        command.args(arguments).env_clear().envs(self.environment()).stderr(Stdio::null());
        command
    }

    /// A run, which has to end well, and what it sent.
    fn run(&self) -> (Duration, Counts) {
        self.counter.take();
        let took = time(&mut self.ours(&["--max-seconds", "3600"]));
        (took, self.counter.take())
    }

    fn peak_memory(&self) -> f64 {
        let program = Path::new(env!("CARGO_BIN_EXE_han-sync"));
        peak_memory(program, &["--max-seconds", "3600"], &self.environment()) as f64 / (1 << 20) as f64
    }

    fn sqlite3(&self, sql: &str) -> Command {
        let mut command = Command::new("sqlite3");
        command.arg("-readonly").arg(&self.database).arg(sql);
        command
    }

    /// The wall time that short runs are measured in.
    fn seek(&self) -> Duration {
        time(&mut self.sqlite3("select max(rowid) from messages"))
    }

    fn pipeline(&self, after: i64, end: &str) -> Command {
        let mut command = Command::new("sh");
        let script = format!(
            "sqlite3 -readonly \"$0\" \"select {} from messages where rowid > $1\" | gzip -6 {end}",
            json_object()
        );
        command.args(["-c", &script]).arg(&self.database).arg(after.to_string());
        command
    }

    fn forget(&self) {
        fs::remove_dir_all(self.state_folder()).ok();
    }

    fn everything(&self, rounds: usize, table: &mut Table, measured: &mut Measured) {
        self.set_content(false);
        for (name, encodings, target, bytes_target) in
            [("gzip", GZIP, "", "≤ 54 B"), ("zstd", ZSTD, "≤ 2.2", "≤ 48 B")]
        {
            self.counter.announce(encodings);
            let (mut ours, mut scan) = (Duration::MAX, Duration::MAX);
            let mut counts = Counts::default();
            for _ in 0..rounds {
                scan = scan.min(time(&mut self.sqlite3("select raw_json from messages")));
                self.forget();
                let (took, sent) = self.run();
                assert_eq!(sent.messages, self.messages, "a run that sends everything");
                (ours, counts) = (ours.min(took), sent);
            }
            measured.everything = ours;
            let name = format!("everything, without content, {name}");
            table.times(&name, ours, "scan of raw_json", scan, target);
            let bytes = counts.bytes as f64 / counts.messages as f64;
            table.amount("its bytes a message on the wire", &format!("{bytes:.1} B"), bytes_target);
        }
        self.forget();
        table.amount("its peak memory", &format!("{:.1} MiB", self.peak_memory()), "< 64 MiB");
    }

    fn nothing_new(&self, rounds: usize, table: &mut Table, measured: &mut Measured) {
        let (mut ours, mut seek) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            seek = seek.min(self.seek());
            let (took, sent) = self.run();
            assert_eq!(sent.requests, 0, "nothing is new");
            ours = ours.min(took);
        }
        measured.idle = ours;
        table.times("nothing new, database untouched", ours, "S", seek, "≤ 1.5");
        table.amount("its peak memory", &format!("{:.1} MiB", self.peak_memory()), "≤ 24 MiB");
    }

    /// A day of scheduled runs that find nothing new.
    fn day(&self, table: &mut Table) {
        let mut drain = Drain::default();
        for _ in 0..RUNS_OF_A_DAY {
            drain.add(&mut self.ours(&[]));
        }
        let Drain { processor, wake_ups, disk_bytes } = drain;
        let text = format!(
            "{:.2} s of processor time, {wake_ups} wake-ups, {disk_bytes} B from the disk",
            processor.as_secs_f64()
        );
        table.amount(&format!("{RUNS_OF_A_DAY} runs, nothing new"), &text, "");
    }

    /// Other programs for the same rows, beside ours with content.
    fn peers(&self, ours: Duration, table: &mut Table) {
        for Peer { name, program, mut command } in peers::of(&self.database) {
            let version = Command::new(program).arg("--version").stdout(Stdio::null()).status();
            if version.is_ok() {
                table.times(name, time(&mut command), "everything, with content, zstd", ours, "");
            } else {
                table.amount(name, "not installed", "");
            }
        }
    }

    /// The sums of ccusage, beside ours without content.
    fn ccusage(&self, ours: Duration, rounds: usize, table: &mut Table) {
        let version = Command::new(CCUSAGE).arg("--version").stdout(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            return table.amount(CCUSAGE, "not installed", "");
        }
        let (_transcripts, mut command) = peers::ccusage(&self.database);
        let took = (0..rounds).map(|_| time(&mut command)).min().unwrap_or_default();
        table.times(CCUSAGE, took, "everything, without content, zstd", ours, "");
    }

    fn little_new(&self, rounds: usize, table: &mut Table, measured: &mut Measured) {
        // han's coordinator keeps its connection open.
        let db = HanDb::open(&self.database);
        let personal =
            db.strings("SELECT session_id FROM messages ORDER BY rowid DESC LIMIT 1", []).remove(0);
        let (mut ours, mut seek) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            conditions::ordinary(&db, &personal, 1);
            seek = seek.min(self.seek());
            let (took, sent) = self.run();
            assert_eq!(sent.requests, 0, "nothing is to be sent");
            ours = ours.min(took);
        }
        measured.touched = ours;
        table.times("han wrote, nothing to be sent", ours, "S", seek, "≤ 6");
        table.amount("its peak memory", &format!("{:.1} MiB", self.peak_memory()), "≤ 24 MiB");

        let session = db.sessions().swap_remove(0);
        let (mut ours, mut seek) = (Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            conditions::ordinary(&db, &session, 1);
            seek = seek.min(self.seek());
            let (took, sent) = self.run();
            assert_eq!((sent.requests, sent.messages), (1, 1), "one message is new");
            ours = ours.min(took);
        }
        measured.one_new = ours;
        table.times("one new message", ours, "S", seek, "≤ 8");

        let mut hook = Duration::MAX;
        for _ in 0..rounds {
            let input = format!(r#"{{"session_id":"{session}","hook_event_name":"SessionEnd"}}"#);
            let mut shell = Command::new("sh");
            shell
                .args([
                    "-c",
                    "printf %s \"$1\" | \"$0\" hook --trust-environment",
                    env!("CARGO_BIN_EXE_han-sync"),
                    &input,
                ])
                .env_clear()
                .envs(self.environment());
            hook = hook.min(time(&mut shell));
            // The run that it started is over when the lock is free again and the queue empty.
            self.wait_for_background();
        }
        table.amount(
            "hook, with the shell that feeds it",
            &format!("{:.1} ms", milliseconds(hook)),
            "≤ 10 ms",
        );
        db.close();
    }

    /// Waits until the run in the background that a hook started has done what it was asked for.
    fn wait_for_background(&self) {
        loop {
            let status = output(&mut self.ours(&["status", "--json"]));
            let status: serde_json::Value = serde_json::from_str(&status).expect("the status as JSON");
            if status["queue"]["pending"] == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn everything_with_content(&self, rounds: usize, table: &mut Table, measured: &mut Measured) {
        self.set_content(true);
        let pipeline_bytes: u64 =
            output(&mut self.pipeline(0, "| wc -c")).trim().parse().expect("a number of bytes");
        let mut pipeline = Duration::MAX;
        for (name, encodings, target, bytes_target) in
            [("gzip", GZIP, "≥ 3", "≤ +5 %"), ("zstd", ZSTD, "≥ 6", "≤ -30 %")]
        {
            self.counter.announce(encodings);
            let (mut ours, mut bytes) = (Duration::MAX, 0);
            for _ in 0..rounds {
                pipeline = pipeline.min(time(&mut self.pipeline(0, "> /dev/null")));
                self.forget();
                let (took, sent) = self.run();
                assert!(sent.messages >= self.messages, "a run that sends everything");
                (ours, bytes) = (ours.min(took), sent.bytes);
            }
            measured.with_content = ours;
            let name = format!("everything, with content, {name}");
            table.faster(&name, ours, "sqlite3 \\| gzip -6", pipeline, target);
            let more = (bytes as f64 / pipeline_bytes as f64 - 1.0) * 100.0;
            table.amount("its bytes against the pipeline's", &format!("{more:+.1} %"), bytes_target);
        }
        measured.pipeline = pipeline;
        self.forget();
        table.amount("its peak memory", &format!("{:.1} MiB", self.peak_memory()), "< 64 MiB");
    }

    /// Adds so many messages to what was sent, and sends them; again and again, from few to many.
    fn growing(&self, rounds: usize, measured: &mut Measured) {
        // What the run that weighed memory left is to be at rest.
        self.run();
        let db = HanDb::open(&self.database);
        db.make(|maker| maker.text_bytes = 2700);
        let mut sessions = db.sessions();
        // The last one stays here.
        sessions.pop();
        for new in NEW_MESSAGES {
            let (mut ours, mut pipeline) = (Duration::MAX, Duration::MAX);
            for _ in 0..rounds {
                let last = output(&mut self.sqlite3("select max(rowid) from messages"));
                let last: i64 = last.trim().parse().expect("a rowid");
                db.transaction(|db| {
                    for (nth, from) in (0..new).step_by(100).enumerate() {
                        conditions::ordinary(db, &sessions[nth % sessions.len()], (new - from).min(100));
                    }
                });
                pipeline = pipeline.min(time(&mut self.pipeline(last, "> /dev/null")));
                let (took, sent) = self.run();
                assert_eq!(sent.messages as usize, new, "the new messages and no other");
                ours = ours.min(took);
            }
            measured.new.push((new, ours, pipeline));
        }
        db.close();
    }

    fn sizes(&self, table: &mut Table) {
        let binary = fs::metadata(env!("CARGO_BIN_EXE_han-sync")).expect("the exporter").len();
        table.amount("size of the exporter", &format!("{:.2} MB", binary as f64 / 1e6), "≤ 8.6 MB");
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
