//! `han-sync logs`: `sync.log`, readable, to its end or as it grows.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::exporter::cli::arguments::LogsArgs;
use crate::exporter::cli::output::Output;
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::sync_log::SyncLog;
use crate::exporter::report::VERSION;
use crate::exporter::state::atomic_file;
use crate::exporter::state::file_id;
use crate::printable::printable;

/// Interval between two looks at a log that is followed.
const POLL: Duration = Duration::from_millis(250);
/// Members of a line that have a column of their own.
const COLUMNS: [&str; 4] = ["at", "run", "operation", "status"];

#[derive(Serialize)]
struct LogsDocument {
    version: u32,
    entries: Vec<Value>,
}

pub fn execute(context: &Context, args: &LogsArgs, mut output: Output) -> Result<ExitCode, Error> {
    atomic_file::require_private_folder(&context.folder)?;
    let [former, current] = SyncLog::files(&context.folder);
    let mut reader = LogReader::default();
    let mut lines = reader.read(&former);
    lines.extend(reader.read(&current));
    if output.json && !args.follow {
        let entries = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        output.json(&LogsDocument { version: VERSION, entries: entries.collect() });
        return Ok(ExitCode::Success);
    }
    if lines.is_empty() && !args.follow {
        output.line(&format!("{} has no line yet", current.display()));
    }
    loop {
        for line in lines {
            let line = if output.json { format!("{line}\n") } else { format!("{}\n", readable(&line)) };
            output.raw(&line);
        }
        if !args.follow || output.is_closed() {
            return Ok(ExitCode::Success);
        }
        thread::sleep(POLL);
        lines = reader.read_on(&former, &current);
    }
}

/// A reader that knows up to which line it has read.
#[derive(Default)]
struct LogReader {
    /// Id of the last file, and the bytes read of it.
    place: Option<(String, u64)>,
}

impl LogReader {
    /// Complete lines of a file from its beginning; none of one that cannot be read.
    fn read(&mut self, path: &Path) -> Vec<String> {
        self.read_from(path, 0).unwrap_or_default()
    }

    /// Lines since the last ones, across a rotation.
    fn read_on(&mut self, former: &Path, current: &Path) -> Vec<String> {
        let (id, bytes) = self.place.clone().unwrap_or_default();
        if file_id::of_path(current).is_ok_and(|current| current == id) {
            return self.read_from(current, bytes).unwrap_or_default();
        }
        let is_rotated = file_id::of_path(former).is_ok_and(|former| former == id);
        let mut lines =
            if is_rotated { self.read_from(former, bytes).unwrap_or_default() } else { Vec::new() };
        lines.extend(self.read(current));
        lines
    }

    fn read_from(&mut self, path: &Path, bytes: u64) -> Option<Vec<String>> {
        let (mut file, _): (File, _) = atomic_file::open_regular(path).ok()??;
        let id = file_id::of_file(&file).ok()?;
        file.seek(SeekFrom::Start(bytes)).ok()?;
        let mut reader = BufReader::new(file);
        let (mut lines, mut end, mut line) = (Vec::new(), bytes, Vec::new());
        // A line without its end is still being written.
        while reader.read_until(b'\n', &mut line).ok()? > 0 && line.ends_with(b"\n") {
            end += line.len() as u64;
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
        self.place = Some((id, end));
        Some(lines)
    }
}

/// Renders a line for people; one that is not of this program's as it is.
fn readable(line: &str) -> String {
    let Ok(record) = serde_json::from_str::<Map<String, Value>>(line) else {
        return printable(line).into_owned();
    };
    let text = |name: &str| record.get(name).map(plain).unwrap_or_default();
    let others = record.iter().filter(|(name, _)| !COLUMNS.contains(&name.as_str()));
    let others: Vec<String> = others.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    let [at, run, operation, status] = COLUMNS.map(text);
    let line = format!("{at}  {run:<12}  {operation:<9}  {status:<12}  {}", others.join(" "));
    printable(line.trim_end()).into_owned()
}

/// A value without the quotes of a text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
