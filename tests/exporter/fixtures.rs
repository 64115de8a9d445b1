//! The fixtures are what their names say: every other test builds on that.

use crate::support::han_db;
use crate::support::han_db::conditions::{self, CONDITIONS};
use crate::support::han_db::large::{Kind, build_large};
use crate::support::han_db::remotes::REMOTES;
use crate::support::han_db::sample::sample;
use crate::support::han_db::{HanDb, INDEX_VERSION_KEY, Row, Stream, Task, expected_wire, oracle, schema};
use han_sync::protocol::remote::Remote;
use rusqlite::types::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tempfile::TempDir;

const SECRET: &[u8] = b"secret";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Every row of every table that the exporter reads, in order of insertion.
fn dump(db: &HanDb) -> BTreeMap<&'static str, Vec<Vec<Value>>> {
    const TABLES: &[&str] = &["repos", "projects", "sessions", "messages", "native_tasks", "han_metadata"];
    let read = |table: &str| {
        let mut statement =
            db.conn().prepare(&format!("SELECT rowid, * FROM {table} ORDER BY rowid")).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect()).unwrap();
        rows.map(Result::unwrap).collect()
    };
    TABLES.iter().map(|&table| (table, read(table))).collect()
}

fn number(db: &HanDb, sql: &str) -> i64 {
    db.conn().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A database with one organization session that a condition filled.
fn filled(folder: &TempDir, condition: conditions::Condition) -> (HanDb, String, conditions::Made) {
    let db = HanDb::create(folder.path().join("han.db"));
    let session = db.organization_session();
    let made = condition(&db, &session, 20);
    (db, session, made)
}

fn every_condition(path: PathBuf, seed: u64) -> HanDb {
    let db = HanDb::create_seeded(path, seed);
    for (_, condition) in CONDITIONS {
        condition(&db, &db.organization_session(), 12);
    }
    db
}

#[test]
fn same_seed_gives_the_same_rows() {
    let folder = folder();
    let one = every_condition(folder.path().join("one.db"), 7);
    let same = every_condition(folder.path().join("same.db"), 7);
    let other = every_condition(folder.path().join("other.db"), 8);
    assert!(dump(&one) == dump(&same));
    assert_ne!(one.sessions(), other.sessions());
}

#[test]
fn same_seed_gives_the_same_large_database() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["one.db", "same.db"] {
        build_large(path(name), 3000, 20, 700, 5);
    }
    assert!(dump(&HanDb::open(path("one.db"))) == dump(&HanDb::open(path("same.db"))));
}

#[test]
fn tables_have_the_columns_and_indexes_that_han_has() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let columns = |table: &str| db.strings("SELECT name FROM pragma_table_info(?1)", [table]).join(" ");
    assert_eq!(columns("repos"), "id remote name default_branch created_at updated_at");
    assert_eq!(
        columns("projects"),
        "id repo_id slug path relative_path name is_worktree source_config_dir created_at updated_at"
    );
    assert_eq!(
        columns("sessions"),
        "id project_id status slug transcript_path source_config_dir last_indexed_line pr_number pr_url team_name \
         harness"
    );
    assert_eq!(
        columns("messages"),
        "id session_id agent_id parent_id message_type role content tool_name tool_input tool_result raw_json \
         timestamp line_number source_file_name source_file_type sentiment_score sentiment_level frustration_score \
         frustration_level input_tokens output_tokens cache_read_tokens cache_creation_tokens lines_added \
         lines_removed files_changed indexed_at human_time_ms"
    );
    assert_eq!(
        columns("native_tasks"),
        "id session_id message_id subject description status active_form owner blocks blocked_by created_at \
         updated_at completed_at line_number"
    );
    assert_eq!(columns("han_metadata"), "key value updated_at");
    let indexes = db.strings(
        "SELECT (SELECT group_concat(name) FROM pragma_index_info(i.name)) FROM pragma_index_list('messages') i
         WHERE origin = 'c' ORDER BY 1",
        [],
    );
    let expected = [
        "message_type",
        "parent_id",
        "session_id",
        "session_id,agent_id",
        "session_id,line_number",
        "timestamp",
    ];
    assert_eq!(indexes, expected);
    assert_eq!(db.strings("PRAGMA journal_mode", []), ["wal"]);
}

#[test]
fn full_text_search_finds_what_was_stored() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let session = db.organization_session();
    let row = db.make(|m| m.user_saying(&session, &Stream::Main, 0, "a needle in a haystack"));
    db.message(&row);
    assert_eq!(db.strings("SELECT id FROM messages_fts WHERE messages_fts MATCH 'needle'", []), [row.id]);
}

#[test]
fn every_row_but_those_without_uuid_has_its_id_in_its_raw_json() {
    let folder = folder();
    let db = every_condition(folder.path().join("han.db"), 1);
    let strange = db.strings(
        "SELECT DISTINCT message_type FROM messages WHERE raw_json IS NOT NULL AND instr(raw_json, id) = 0
         AND json_valid(raw_json) AND raw_json LIKE '%uuid\":\"%' ORDER BY 1",
        [],
    );
    assert_eq!(strange, ["file-history-snapshot", "queue-operation", "summary"]);
}

#[test]
fn several_streams_number_their_lines_apart() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::several_streams);
    let streams = db.strings(
        "SELECT coalesce(source_file_type, 'null') || ' ' || count(DISTINCT coalesce(agent_id, '')) || ' from '
             || min(line_number)
         FROM messages GROUP BY source_file_type ORDER BY 1",
        [],
    );
    assert_eq!(streams, ["agent 2 from 0", "han_events 1 from 1000000", "main 1 from 0", "null 1 from 0"]);
}

#[test]
fn shared_line_numbers_come_in_pairs_and_triples_of_the_same_raw_json() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::shared_line_numbers);
    let groups = "SELECT count(*) AS size, count(DISTINCT raw_json) AS texts,
                      sum(message_type = 'tool_use') AS tools FROM messages GROUP BY line_number";
    let count = |condition: &str| number(&db, &format!("SELECT count(*) FROM ({groups}) WHERE {condition}"));
    assert!(count("size = 2") >= 3);
    assert!(count("size = 3") >= 1);
    assert_eq!(count("texts > 1 OR tools != size - 1"), 0);
}

#[test]
fn late_low_lines_have_a_higher_rowid_than_higher_lines_of_their_stream() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::late_low_lines);
    let late = "SELECT count(*) FROM messages low WHERE EXISTS (SELECT 1 FROM messages high
                WHERE high.source_file_type = low.source_file_type AND high.agent_id IS low.agent_id
                AND high.line_number > low.line_number AND high.rowid < low.rowid)";
    assert_eq!(number(&db, late), 10);
    assert_eq!(number(&db, "SELECT line_number FROM messages ORDER BY rowid DESC LIMIT 1"), 0);
}

#[test]
fn rows_without_uuid_have_ids_found_nowhere_and_are_unique_by_place() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::rows_without_uuid);
    assert_eq!(number(&db, "SELECT count(*) FROM messages WHERE coalesce(instr(raw_json, id), 0) > 0"), 0);
    assert_eq!(number(&db, "SELECT count(*) FROM messages WHERE raw_json IS NULL"), 1);
    let places = "SELECT count(*) FROM (SELECT DISTINCT source_file_type, agent_id, line_number, message_type, raw_json
                  FROM messages)";
    assert_eq!(number(&db, places), db.count("messages"));
}

#[test]
fn reindex_stores_rows_without_uuid_again_and_raises_the_version() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let session = db.organization_session();
    conditions::ordinary(&db, &session, 10);
    conditions::rows_without_uuid(&db, &session, 6);
    let before = expected_wire(db.path(), std::slice::from_ref(&session), SECRET);
    let again = db.reindex(Some(&session));
    let twice = db.reindex(None);
    assert_eq!((again.messages.len(), twice.messages.len()), (6, 6), "each line once, however often indexed");
    assert_eq!(
        db.strings("SELECT value FROM han_metadata WHERE key = ?1", [INDEX_VERSION_KEY]),
        ["9"],
        "7 when created"
    );
    let after = expected_wire(db.path(), std::slice::from_ref(&session), SECRET);
    assert_eq!(after[&session].rows, 28);
    let ids = |wire: &BTreeMap<String, han_db::ExpectedSession>| -> Vec<String> {
        wire[&session].messages.keys().cloned().collect()
    };
    assert_eq!(ids(&before), ids(&after), "on the wire they are the same messages");
    assert_eq!(after[&session].messages.values().filter(|m| m.source_ids.len() == 3).count(), 6);
}

#[test]
fn repeated_usage_shares_answers_over_rows_and_output_grows() {
    let folder = folder();
    let (db, session, _) = filled(&folder, conditions::repeated_usage);
    let wire = expected_wire(db.path(), &[&session], SECRET);
    let mut answers = BTreeMap::<&str, Vec<(i64, i64)>>::new();
    for message in wire[&session].messages.values() {
        if let Some(usage_id) = &message.usage_id {
            answers.entry(usage_id).or_default().push((message.line_number, message.output_tokens.unwrap()));
        }
    }
    assert!(answers.len() >= 4);
    for rows in answers.values_mut() {
        rows.sort_unstable();
        assert!(rows.len() >= 3 && rows.is_sorted_by(|a, b| a.1 < b.1), "{rows:?}");
    }
    let apart = answers.values().any(|rows| rows.windows(2).any(|pair| pair[1].0 - pair[0].0 > 1));
    assert!(apart, "one answer's rows lie between another's");
    let events = "SELECT count(*) FROM messages WHERE source_file_type = 'han_events' AND output_tokens > 0";
    assert_eq!(number(&db, events), 2);
    let without_request = "SELECT count(*) FROM messages WHERE message_type = 'assistant'
                           AND json_extract(raw_json, '$.requestId') IS NULL";
    assert!(number(&db, without_request) >= 3);
}

#[test]
fn null_fields_are_null_wherever_they_may_be() {
    let folder = folder();
    let (db, session, made) = filled(&folder, conditions::null_fields);
    let nullable =
        db.strings("SELECT name FROM pragma_table_info('messages') WHERE NOT \"notnull\" AND NOT pk", []);
    assert_eq!(nullable.len(), 23);
    let all_null =
        nullable.iter().map(|column| format!("{column} IS NULL")).collect::<Vec<_>>().join(" AND ");
    assert!(number(&db, &format!("SELECT count(*) FROM messages WHERE {all_null}")) > 0);
    let wire = expected_wire(db.path(), &[&session, &made.sessions[0]], SECRET);
    let messages: Vec<_> = wire[&session].messages.values().collect();
    let nothing = messages.iter().find(|m| m.raw_bytes.is_none()).unwrap();
    assert_eq!(nothing.guarded_hash, "e3b0c44298fc1c14");
    assert_eq!((nothing.stream.as_str(), nothing.input_tokens), ("main", None));
    assert!(messages.iter().any(|m| m.stream == "main:a0a0"));
    assert!(messages.iter().any(|m| m.input_tokens == Some(0) && m.lines_added == Some(0)));
    let other = &wire[&made.sessions[0]];
    assert_eq!((other.status.as_str(), &other.slug, &other.remote), ("active", &None, &None));
}

#[test]
fn large_messages_are_a_megabyte() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::large_messages);
    assert_eq!(
        number(&db, "SELECT count(*) FROM messages WHERE length(CAST(raw_json AS BLOB)) > 1048576"),
        2
    );
    assert_eq!(db.count("messages"), 20);
}

#[test]
fn odd_text_is_odd_in_every_way() {
    let folder = folder();
    let (db, session, made) = filled(&folder, conditions::odd_text);
    let rows = db.rows("session_id = ?1 ORDER BY rowid", [&session]);
    let raw = |text: &str| rows.iter().filter(|row| row.raw_json.as_ref().unwrap().contains(text)).count();
    for text in [r"\u0000", r"\ud83d alone", "\u{2028}", r"\u001b", "🙂", "日本語", "not JSON"] {
        assert!(raw(text) > 0, "{text}");
    }
    assert!(rows.iter().any(|row| row.content.as_ref().unwrap().contains('\0')));
    assert!(rows.iter().any(|row| !row.message_type.is_ascii()));
    assert_eq!(number(&db, "SELECT count(*) FROM messages WHERE NOT json_valid(raw_json)"), 3);
    let wire = expected_wire(db.path(), &[&session], SECRET);
    assert_eq!(wire[&session].messages.len(), made.messages.len());
    let models: BTreeSet<_> = wire[&session].messages.values().filter_map(|m| m.model.as_deref()).collect();
    assert_eq!(models, BTreeSet::from(["m", "mé"]));
    let usage = wire[&session].messages.values().filter(|m| m.usage_id.is_some()).count();
    assert_eq!(
        usage, 3,
        "a broken line, a number and a lone string have no answer; lone surrogates do no harm"
    );
}

#[test]
fn remotes_come_in_every_form() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let made = db.transaction(conditions::remotes_in_every_form);
    assert_eq!(made.len(), REMOTES.len());
    let sessions: Vec<&str> = made.iter().map(|(_, session)| session.as_str()).collect();
    let wire = expected_wire(db.path(), &sessions, SECRET);
    for (case, session) in &made {
        assert_eq!(wire[session].remote.as_deref(), Some(case.raw));
        let parsed = Remote::parse(case.raw).ok();
        assert_eq!(parsed.as_ref().map(Remote::path), case.normal, "{}", case.raw);
    }
}

#[test]
fn non_uuid_ids_are_found_in_their_raw_json() {
    let folder = folder();
    let (db, ..) = filled(&folder, conditions::non_uuid_ids);
    for pattern in ["toolu_%", "evt_%", "word-%"] {
        let sql = "SELECT id FROM messages WHERE id LIKE ?1 AND instr(raw_json, id) > 0";
        assert_eq!(db.strings(sql, [pattern]).len(), 5, "{pattern}");
    }
}

#[test]
fn timestamps_are_rfc_3339_in_several_precisions_with_ties_and_inversions() {
    let folder = folder();
    let (db, session, _) = filled(&folder, conditions::timestamps);
    let texts = db.strings("SELECT timestamp FROM messages WHERE session_id = ?1 ORDER BY rowid", [session]);
    let times: Vec<_> =
        texts.iter().map(|text| chrono::DateTime::parse_from_rfc3339(text).unwrap()).collect();
    assert!(texts.iter().map(String::len).collect::<BTreeSet<_>>().len() >= 5);
    assert!(times.windows(2).any(|pair| pair[0] == pair[1]));
    assert!(times.windows(2).any(|pair| pair[0] > pair[1]));
}

#[test]
fn resumed_session_leaves_copied_ids_with_the_first() {
    let folder = folder();
    let (db, session, made) = filled(&folder, conditions::resumed_session);
    let resumed = &made.sessions[0];
    assert_eq!(db.message_ids(&session).len(), 10);
    assert_eq!(db.message_ids(resumed).len(), 10);
    assert_eq!(
        db.strings("SELECT CAST(min(line_number) AS TEXT) FROM messages WHERE session_id = ?1", [resumed]),
        ["10"]
    );
    assert_eq!(db.project_of(resumed), db.project_of(&session));
}

#[test]
fn tasks_have_every_status_and_one_changed() {
    let folder = folder();
    let (db, session, made) = filled(&folder, conditions::tasks);
    let statuses = db.strings("SELECT DISTINCT status FROM native_tasks ORDER BY 1", []);
    assert_eq!(statuses, ["completed", "in_progress", "pending"]);
    let tasks = &expected_wire(db.path(), &[&session], SECRET)[&session].tasks;
    assert_eq!(tasks.len(), made.tasks.len());
    assert!(tasks.values().any(|task| task.description.is_none()));
    let latest = tasks.values().max_by_key(|task| &task.updated_at).unwrap();
    assert_eq!((latest.id.as_str(), latest.status.as_str()), (made.tasks[0].as_str(), "in_progress"));
}

#[test]
fn conditions_combine_in_one_session() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let session = db.organization_session();
    let mut stored = 0;
    for _ in 0..2 {
        for (name, condition) in CONDITIONS {
            let made = condition(&db, &session, 8);
            assert!(!made.messages.is_empty(), "{name}");
            stored += made.messages.len();
        }
    }
    assert_eq!(db.count("messages"), stored as i64);
    let before = db.count("messages");
    let more = conditions::more_of_everything(&db, &session, 40);
    assert_eq!(db.count("messages"), before + more.messages.len() as i64);
    assert_eq!(more.tasks.len(), 2);
}

#[test]
fn old_schema_lacks_the_new_columns_and_takes_every_condition() {
    let folder = folder();
    let db = HanDb::create_old_schema(folder.path().join("han.db"));
    for (table, columns) in schema::NEW_COLUMNS {
        for column in *columns {
            assert!(db.conn().prepare(&format!("SELECT {column} FROM {table}")).is_err(), "{table}.{column}");
        }
    }
    let session = db.organization_session();
    for (_, condition) in CONDITIONS {
        condition(&db, &session, 8);
    }
    let wire = expected_wire(db.path(), &[&session], SECRET);
    assert_eq!(wire[&session].harness, None);
    assert!(wire[&session].messages.values().all(|m| m.lines_added.is_none()));
}

#[test]
fn empty_database_has_tables_and_no_row() {
    let folder = folder();
    let db = HanDb::create_empty(folder.path().join("han.db"));
    assert!(dump(&db).values().all(Vec::is_empty));
}

#[test]
fn database_opened_again_goes_on_with_new_ids() {
    let folder = folder();
    let (db, session, _) = filled(&folder, conditions::ordinary);
    let db = HanDb::open(db.close());
    conditions::ordinary(&db, &session, 20);
    assert_eq!(number(&db, "SELECT count(DISTINCT line_number) FROM messages"), 40);
}

#[test]
fn vacuum_and_closed_gaps_keep_every_row() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let gone = db.organization_session();
    conditions::tasks(&db, &gone, 10);
    let kept = db.organization_session();
    conditions::ordinary(&db, &kept, 10);
    db.delete_session(&gone);
    let before = expected_wire(db.path(), &[&kept], SECRET);
    let first_rowid = "SELECT min(rowid) FROM messages";
    assert_eq!(number(&db, first_rowid), 11);
    db.vacuum();
    db.close_rowid_gaps();
    assert_eq!(number(&db, first_rowid), 1);
    assert_eq!(expected_wire(db.path(), &[&kept], SECRET), before);
    assert_eq!(db.sessions(), [kept]);
}

#[test]
fn rebuilt_database_has_the_same_wire_in_another_order() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    for condition in [conditions::several_streams, conditions::late_low_lines, conditions::reindexed] {
        condition(&db, &db.organization_session(), 12);
    }
    let sessions = db.sessions();
    let before = expected_wire(db.path(), &sessions, SECRET);
    let order = |db: &HanDb| db.strings("SELECT id FROM messages ORDER BY rowid", []);
    let old_order = order(&db);
    let db = db.rebuild();
    let after = expected_wire(db.path(), &sessions, SECRET);
    assert_ne!(order(&db), old_order);
    for (id, session) in &before {
        assert_eq!(after[id].rows, session.messages.len(), "every line once");
        let ids = |session: &han_db::ExpectedSession| session.messages.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&after[id]), ids(session));
    }
    let random = |wire: &BTreeMap<String, han_db::ExpectedSession>| -> BTreeSet<String> {
        let messages = wire.values().flat_map(|session| session.messages.values());
        messages.filter(|m| !m.source_ids.contains(&m.id)).flat_map(|m| m.source_ids.clone()).collect()
    };
    assert!(random(&before).is_disjoint(&random(&after)) && !random(&after).is_empty());
}

#[test]
fn restored_copy_loses_rows_and_gives_their_rowids_to_others() {
    let folder = folder();
    let (db, session, _) = filled(&folder, conditions::ordinary);
    let copy = folder.path().join("copy.db");
    db.copy_to(&copy);
    let lost = conditions::ordinary(&db, &session, 5).messages;
    let db = db.restore(&copy);
    assert_eq!(db.count("messages"), 20);
    let put = conditions::ordinary(&db, &session, 5).messages;
    assert!(lost.iter().all(|id| !put.contains(id)));
    assert_eq!(number(&db, "SELECT max(rowid) FROM messages"), 25);
}

#[test]
fn large_database_has_the_measured_mix() {
    let folder = folder();
    let path = folder.path().join("han.db");
    let made = build_large(&path, 12_000, 60, 1500, 3);
    let db = HanDb::open(&path);
    assert_eq!((db.count("messages"), db.count("sessions")), (12_000, 60));
    assert_eq!(db.count("native_tasks"), made.tasks as i64);
    let share = |condition: &str| {
        number(&db, &format!("SELECT count(*) FROM messages WHERE {condition}")) as f64 / 12_000.0
    };
    let is_about = |share: f64, expected: f64| (share / expected - 1.0).abs() < 0.25;
    assert!(is_about(share("message_type = 'assistant'"), 0.34));
    assert!(is_about(share("message_type = 'tool_use'"), 0.18));
    assert!(is_about(share("instr(raw_json, id) = 0"), 0.027));
    let bytes = number(&db, "SELECT sum(length(CAST(raw_json AS BLOB))) / count(*) FROM messages");
    assert!(is_about(bytes as f64, 1500.0), "{bytes}");
    for kind in [Kind::Organization, Kind::Personal, Kind::Unknown, Kind::NoRemote] {
        assert!(!made.sessions_of(kind).is_empty(), "{kind:?}");
    }
    let without_remote = number(
        &db,
        "SELECT count(*) FROM sessions s LEFT JOIN projects p ON p.id = s.project_id WHERE p.repo_id IS NULL",
    );
    assert_eq!(without_remote, made.sessions_of(Kind::NoRemote).len() as i64);
    let lengths = "SELECT max(n) / min(n) FROM (SELECT count(*) AS n FROM messages GROUP BY session_id)";
    assert!(number(&db, lengths) > 10);
}

#[test]
fn sample_has_repositories_of_every_kind() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let sessions = sample(&db);
    let kinds: BTreeSet<Kind> = sessions.iter().map(|session| session.kind).collect();
    assert_eq!(kinds.len(), 4);
    for session in &sessions {
        let wire = expected_wire(db.path(), &[&session.id], SECRET);
        assert_eq!(wire[&session.id].remote.as_deref(), session.remote);
        assert_eq!(wire[&session.id].slug.as_deref(), Some(session.slug));
        assert!(wire[&session.id].messages.len() >= 20 && wire[&session.id].tasks.len() == 2);
    }
}

/// The values were computed with Python's `uuid`, `hmac` and `hashlib`.
#[test]
fn oracle_agrees_with_an_independent_implementation() {
    let folder = folder();
    let db = HanDb::create(folder.path().join("han.db"));
    let session = "11111111-2222-3333-4444-555555555555";
    db.session(session, None, None, None);
    let row = Row {
        id: "random".into(),
        session_id: session.into(),
        message_type: "summary".into(),
        raw_json: Some(r#"{"a":"é"}"#.into()),
        timestamp: "2026-03-01T09:00:00Z".into(),
        line_number: 7,
        ..Row::default()
    };
    db.message(&row);
    let raw = r#"{"uuid":"known","requestId":"req_01","message":{"id":"msg_01","model":"m"}}"#;
    db.message(&Row { id: "known".into(), raw_json: Some(raw.into()), ..row.clone() });
    db.task(&Task {
        id: "1".into(),
        session_id: session.into(),
        status: "pending".into(),
        ..Task::default()
    });
    let wire = expected_wire(db.path(), &[session], b"key");
    let session = &wire[session];
    let made_up = &session.messages["34e6b290-8d84-5d41-95f3-de1ec47a8191"];
    assert_eq!(made_up.source_ids, ["random"]);
    assert_eq!(session.messages["known"].usage_id.as_deref(), Some("f0286ea90697509e"));
    assert_eq!(session.messages["known"].model.as_deref(), Some("m"));
    assert_eq!(session.tasks["1"].status, "pending");
    let mac = oracle::hmac_sha256(b"key", b"abc");
    assert_eq!(mac[..4], [0x9c, 0x19, 0x6e, 0x32]);
}
