//! Other programs for the same messages. Two write the rows as compressed JSON: without cursors, without what is derived from a row,
//! and without a receiver. ccusage sums the tokens of the transcripts from which the rows come, and stores or sends nothing.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// The message's fields as they go over the wire, as far as SQL has them, each with its column.
const FIELDS: [(&str, &str); 17] = [
    ("id", "id"),
    ("lineNumber", "line_number"),
    ("messageType", "message_type"),
    ("timestamp", "timestamp"),
    ("content", "raw_json"),
    ("inputTokens", "input_tokens"),
    ("outputTokens", "output_tokens"),
    ("cacheReadTokens", "cache_read_tokens"),
    ("cacheCreationTokens", "cache_creation_tokens"),
    ("stream", "source_file_type"),
    ("agentId", "agent_id"),
    ("parentId", "parent_id"),
    ("role", "role"),
    ("toolName", "tool_name"),
    ("linesAdded", "lines_added"),
    ("linesRemoved", "lines_removed"),
    ("filesChanged", "files_changed"),
];

/// A plain exporter in Python: each row as an object of JSON, compressed.
const PYTHON: &str = "\
import gzip, json, os, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute(sys.argv[2])
names = [column[0] for column in rows.description]
with gzip.open(os.devnull, 'wt', compresslevel=6) as out:
    for row in rows:
        out.write(json.dumps(dict(zip(names, row))) + '\\n')
";

/// A program, and its command for all messages.
pub struct Peer {
    pub name: &'static str,
    /// The program that has to be installed.
    pub program: &'static str,
    pub command: Command,
}

/// The programs for the rows of a database.
pub fn of(database: &Path) -> [Peer; 2] {
    let script = format!("sqlite3 -readonly \"$0\" \"select {} from messages\" | zstd -3 -q", json_object());
    let mut zstd = Command::new("sh");
    zstd.args(["-c", &script]).arg(database);
    let columns = FIELDS.map(|(field, column)| format!("{column} AS \"{field}\"")).join(", ");
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON]).arg(database).arg(format!("select {columns} from messages"));
    [
        Peer { name: "sqlite3 \\| zstd -3", program: "zstd", command: zstd },
        Peer { name: "Python, json and gzip -6", program: "python3", command: python },
    ]
}

/// Program that sums the tokens of transcripts.
pub const CCUSAGE: &str = "ccusage";

/// Transcripts of a database's sessions, as a coding agent writes them, and the command that sums them up.
pub fn ccusage(database: &Path) -> (TempDir, Command) {
    let folder =
        tempfile::tempdir_in(database.parent().expect("a folder")).expect("a folder for transcripts");
    write_transcripts(database, &folder.path().join("projects/bench"));
    let mut command = Command::new(CCUSAGE);
    command.args(["claude", "daily", "--json", "--offline"]).env("CLAUDE_CONFIG_DIR", folder.path());
    (folder, command)
}

/// Writes a file for each session with the raw JSON of its messages, line by line.
fn write_transcripts(database: &Path, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for transcripts");
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let mut statement = db
        .prepare("SELECT session_id, raw_json FROM messages ORDER BY session_id, line_number")
        .expect("a statement");
    let mut rows = statement.query([]).expect("messages");
    let mut open: Option<(String, BufWriter<File>)> = None;
    while let Some(row) = rows.next().expect("a row") {
        let (session, line): (String, String) =
            (row.get(0).expect("a session"), row.get(1).expect("raw JSON"));
        if open.as_ref().is_none_or(|(current, _)| *current != session) {
            let file = File::create(folder.join(format!("{session}.jsonl"))).expect("a transcript");
            open = Some((session, BufWriter::new(file)));
        }
        let (_, file) = open.as_mut().expect("an open transcript");
        writeln!(file, "{line}").expect("a line");
    }
}

/// A message as an object of JSON, in SQL.
pub fn json_object() -> String {
    format!("json_object({})", FIELDS.map(|(field, column)| format!("'{field}', {column}")).join(", "))
}
