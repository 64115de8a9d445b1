//! `admin backup` and `admin restore`.

use crate::support::recount::assert_sums_equal_a_recount;
use crate::support::running_receiver::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// An environment in which no program of PostgreSQL is found.
const WITHOUT_PROGRAMS: [(&str, &str); 1] = [("PATH", "/nonexistent")];
/// Tables that a restore fills, besides the audit log, which has an entry more.
const TABLES: [&str; 12] = [
    "tenants",
    "directory",
    "owners",
    "members",
    "api_keys",
    "session_locations",
    "sessions",
    "messages",
    "tasks",
    "usages",
    "metrics",
    "clients",
];

/// A store with rows in every table, some of them with text that formats of rows have to escape.
fn filled(store: &TestStore) -> (Team, RunningReceiver) {
    let (team, receiver) = (store.create_team(), store.serve());
    let odd = "tab\tbackslash\\N \\t line\nreturn\r quote\" 'é\u{1F600}\u{7f}\u{1}\u{2028}";
    let task = json!([{"id": "t\t1", "status": "completed", "subject": odd, "description": "\\.",
                       "createdAt": "2025-03-01T00:00:00Z", "updatedAt": "2025-03-01T00:00:00Z"}]);
    let rows = ["", odd, "\\N", "\\."].into_iter().enumerate().map(|(line, content)| {
        let members = json!({"usageId": "u", "outputTokens": 3 + line, "content": content, "contentOmitted": line == 2});
        with(message(&format!("m{line}"), line as i64), members)
    });
    let sent = [
        with(session("s\t\\1", ACME, rows.collect()), json!({"tasks": task, "slug": odd})),
        session("gone", ACME, vec![message("m", 0)]),
        with(
            session("own", "https://github.com/alice/x", vec![message("m", 0)]),
            json!({"inclusion": "personal"}),
        ),
    ];
    assert_eq!(receiver.client(&team.alice).sync(&sent).status, 200);
    receiver.client(&team.alice).delete("/api/sync/sessions/gone");
    receiver.client(&team.bob).sync(&[session("of-bob", ACME, vec![message("m", 0)])]);
    (team, receiver)
}

/// All rows of a table, sorted.
fn rows(store: &TestStore, table: &str) -> Vec<Vec<Option<String>>> {
    let mut rows = store.query(&format!("SELECT * FROM {table}"));
    rows.sort();
    rows
}

/// Makes a backup, and returns its path and what the program said of it.
fn back_up(store: &TestStore, name: &str, variables: &[(&str, &str)]) -> (PathBuf, Value) {
    let path = store.folder.path().join(name);
    let (code, stdout, stderr) = store.try_admin_in(&format!("backup {}", path.display()), variables);
    assert_eq!(code, 0, "{stderr}");
    (path, serde_json::from_str(&stdout).unwrap())
}

/// Makes an archive as an operator does.
fn dump_by_hand(store: &TestStore, path: &Path) {
    let mut command = std::process::Command::new("pg_dump");
    command.args(["--format=custom", "--file"]).arg(path).arg(&store.url);
    assert!(command.status().unwrap().success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Tries a restore: exit code and standard error.
fn try_restore(store: &TestStore, backup: &Path) -> (i32, String) {
    let (code, _, stderr) = store.try_admin(&format!("restore {}", backup.display()));
    (code, stderr)
}

/// The environments in which backups of a store have different forms, each with the form.
fn forms(store: &TestStore) -> Vec<(&'static str, &'static [(&'static str, &'static str)])> {
    match store.is_postgres() {
        true if store.has_pg_dump() => vec![("pg_dump", &[]), ("ndjson", &WITHOUT_PROGRAMS)],
        true => vec![("ndjson", &[])],
        false => vec![("sqlite", &[])],
    }
}

/// Names of the files beside a store that are neither the store nor backups.
fn partial_files(store: &TestStore) -> Vec<String> {
    let entries = fs::read_dir(store.folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".partial")).collect()
}

#[test]
fn restored_store_holds_every_row_and_serves() {
    for store in stores() {
        let (team, receiver) = filled(&store);
        for (form, variables) in forms(&store) {
            let (path, said) = back_up(&store, form, variables);
            assert_eq!((&said["format"], &said["backup"]), (&json!(form), &json!(path)), "{said}");
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!(
                (metadata.permissions().mode() & 0o777, said["bytes"].as_u64()),
                (0o600, Some(metadata.len()))
            );
            assert_eq!(said["withoutPgDump"].is_string(), form == "ndjson", "{said}");
            let other = store.another();
            let restored = other.admin(&format!("restore {}", path.display()));
            assert_eq!(
                (
                    &restored["check"]["sessions"],
                    &restored["check"]["messages"],
                    &restored["check"]["faults"]
                ),
                (&json!(3), &json!(6), &json!([])),
                "{restored}"
            );
            for table in TABLES {
                assert!(!rows(&store, table).is_empty(), "{table}");
                assert_eq!(rows(&other, table), rows(&store, table), "{form}: {table}");
            }
            assert_sums_equal_a_recount(&other);
            other.admin("check");
            other.admin("audit --check");
            let receiver = other.serve();
            let forgotten =
                receiver.client(&team.alice).sync(&[session("gone", ACME, vec![message("m", 0)])]);
            assert_eq!(forgotten.codes(), [("gone".to_owned(), "FORGOTTEN".to_owned())]);
            assert_eq!(
                receiver.client(&team.bob).sync(&[session("new", ACME, vec![message("m", 0)])]).status,
                200
            );
            assert_sums_equal_a_recount(&other);
        }
        assert_eq!(partial_files(&store), Vec::<String>::new());
        drop(receiver);
    }
}

#[test]
fn backup_of_an_sqlite_store_is_a_store() {
    let store = sqlite();
    let (team, _receiver) = filled(&store);
    let (path, _) = back_up(&store, "backup", &[]);
    let copy = TestStore::at(&format!("sqlite:{}", path.display()));
    let receiver = copy.serve();
    assert_eq!(receiver.client(&team.alice).sync(&[session("new", ACME, vec![message("m", 0)])]).status, 200);
    copy.admin("check");
    // What has served is no backup any more.
    let (code, stderr) = try_restore(&sqlite(), &path);
    assert!(code == 65 && stderr.contains("is a store"), "{code} {stderr}");
}

/// A folder for `PATH` in which `pg_dump` is this script, with the variable that names it.
fn with_pg_dump(store: &TestStore, script: &str) -> String {
    let folder = store.folder.path().join("programs");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("pg_dump");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// Path of a program of this machine.
fn program_path(name: &str) -> String {
    let folders = std::env::var_os("PATH").unwrap();
    let paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.into_iter().find(|path| path.is_file()).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn archive_that_cannot_be_read_back_to_its_end_is_no_backup_and_the_reason_is_told() {
    let Some(store) = postgres().filter(TestStore::has_pg_dump) else { return };
    let (_team, _receiver) = filled(&store);
    let pg_dump = program_path("pg_dump");
    // The record of the migrations, by its name, comes before the rows that are lost.
    let cut = format!("{pg_dump} \"$@\" | {} -c -600", program_path("head"));
    let path_with_restore = |folder: &str| {
        format!("{folder}:{}", Path::new(&program_path("pg_restore")).parent().unwrap().display())
    };
    let folder = with_pg_dump(&store, &cut);
    let (cut_backup, said) = back_up(&store, "cut", &[("PATH", &path_with_restore(&folder))]);
    assert_eq!(said["format"], "ndjson", "{said}");
    let reason = said["withoutPgDump"].as_str().unwrap();
    assert!(reason.contains("cut is damaged: ") && !reason.contains(".partial"), "{reason}");
    let folder = with_pg_dump(&store, &format!("exec {pg_dump} \"$@\""));
    let (unread, said) = back_up(&store, "unread", &[("PATH", &folder)]);
    let reason = said["withoutPgDump"].as_str().unwrap();
    assert!(
        reason.contains("needs pg_restore, which cannot be run")
            && reason.contains("install PostgreSQL's client programs"),
        "{reason}"
    );
    for backup in [cut_backup, unread] {
        let other = store.another();
        other.admin(&format!("restore {}", backup.display()));
        assert_eq!(rows(&other, "messages"), rows(&store, "messages"));
    }
}

#[test]
fn lines_in_another_version_of_the_format_are_refused() {
    let Some(store) = postgres() else { return };
    let (_team, _receiver) = filled(&store);
    let (backup, _) = back_up(&store, "lines", &WITHOUT_PROGRAMS);
    let text = fs::read_to_string(&backup).unwrap();
    let newer = text.replacen("\"version\":1,", "\"version\":2,", 1);
    assert_ne!(newer, text);
    fs::write(&backup, newer).unwrap();
    let (code, _, stderr) = store.another().try_admin(&format!("restore {}", backup.display()));
    assert!(code == 65 && stderr.contains("has version 2 of its format"), "{code} {stderr}");
}

#[test]
fn audit_log_has_backups_and_restores() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let (path, _) = back_up(&store, "backup", &[]);
        let other = store.another();
        other.admin(&format!("restore {}", path.display()));
        for (store, action) in [(&store, "store.backup"), (&other, "store.restore")] {
            let log = store.admin("audit");
            let entry = log.as_array().unwrap().last().unwrap();
            assert_eq!(
                (&entry["action"], &entry["target"], &entry["outcome"]),
                (&json!(action), &json!(path), &json!("done"))
            );
            assert!(entry["actor"].as_str().unwrap().starts_with("operator"), "{entry}");
        }
        // The restored log begins with the entries of the backup.
        assert_eq!(other.admin("audit").as_array().unwrap()[0], store.admin("audit").as_array().unwrap()[0]);
    }
}

#[test]
fn backup_under_load_is_a_consistent_prefix_of_what_was_sent() {
    const CLIENTS: usize = 3;
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let keys = [&team.alice, &team.bob, &team.dave];
        for (form, variables) in forms(&store) {
            let (sent, is_done) = ([const { AtomicUsize::new(0) }; CLIENTS], AtomicBool::new(false));
            let (before, path) = std::thread::scope(|scope| {
                for (client, key) in keys.iter().enumerate() {
                    let (sent, is_done, http) = (&sent[client], &is_done, receiver.client(key));
                    scope.spawn(move || {
                        while !is_done.load(Ordering::SeqCst) {
                            let number = sent.load(Ordering::SeqCst);
                            let rows = (0..4).map(|line| {
                                with(message(&format!("m{line}"), line), json!({"outputTokens": 1}))
                            });
                            let id = format!("{form}-{client}-{number}");
                            assert_eq!(http.sync(&[session(&id, ACME, rows.collect())]).status, 200);
                            sent.store(number + 1, Ordering::SeqCst);
                        }
                    });
                }
                wait_until("some batches", || sent.iter().all(|sent| sent.load(Ordering::SeqCst) > 3));
                let before: Vec<usize> = sent.iter().map(|sent| sent.load(Ordering::SeqCst)).collect();
                let (path, _) = back_up(&store, &format!("load-{form}"), variables);
                let now: Vec<usize> = sent.iter().map(|sent| sent.load(Ordering::SeqCst)).collect();
                wait_until("batches after it", || {
                    sent.iter().zip(&now).all(|(sent, then)| sent.load(Ordering::SeqCst) > *then)
                });
                is_done.store(true, Ordering::SeqCst);
                (before, path)
            });
            let other = store.another();
            let restored = other.admin(&format!("restore {}", path.display()));
            assert_eq!(restored["check"]["faults"], json!([]));
            assert_sums_equal_a_recount(&other);
            let ids: BTreeSet<String> = other
                .query("SELECT session_id FROM sessions")
                .into_iter()
                .map(|mut row| row.remove(0).unwrap())
                .collect();
            for (client, before) in before.iter().enumerate() {
                let has = |number: &usize| ids.contains(&format!("{form}-{client}-{number}"));
                let stored = (0..).take_while(has).count();
                let all = ids.iter().filter(|id| id.starts_with(&format!("{form}-{client}-"))).count();
                assert!(
                    stored >= *before && stored == all,
                    "{form}: {stored} of {all}, {before} before the backup"
                );
            }
            let messages = other.query("SELECT 1 FROM messages").len();
            assert_eq!(messages, ids.len() * 4, "each batch is there as a whole");
        }
    }
}

#[test]
fn backup_never_replaces_anything() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let folder = store.folder.path();
        fs::write(folder.join("file"), "of somebody").unwrap();
        symlink("nowhere", folder.join("link")).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        for name in ["file", "link", "folder"] {
            let (code, stdout, stderr) = store.try_admin(&format!("backup {}", folder.join(name).display()));
            assert_eq!((code, stdout.as_str()), (65, ""), "{name}: {stderr}");
            assert!(stderr.contains(&format!("{name} exists and is not replaced")), "{stderr}");
        }
        assert_eq!(fs::read(folder.join("file")).unwrap(), b"of somebody");
        assert!(fs::read_link(folder.join("link")).is_ok() && !folder.join("nowhere").exists());
        let (code, _, stderr) =
            store.try_admin(&format!("backup {}", folder.join("missing/backup").display()));
        assert_eq!(code, 69, "{stderr}");
        assert!(stderr.contains("missing/backup cannot be written"), "{stderr}");
        assert_eq!(store.try_admin("backup").0, 64);
        assert_eq!(partial_files(&store), Vec::<String>::new());
        let audit = store.admin("audit").to_string();
        assert!(!audit.contains("store.backup"), "what was not made is not recorded: {audit}");
    }
}

/// Asserts that nothing came of a restore: an SQLite store is not even there.
fn assert_untouched(store: &TestStore) {
    if store.is_postgres() {
        assert!(store.admin("org list").as_array().unwrap().is_empty());
        assert_eq!(store.query("SELECT 1 FROM messages").len(), 0);
    } else {
        assert!(!store.path().exists());
    }
}

#[test]
fn damaged_backup_restores_nothing() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let other = store.another();
        let damaged = store.folder.path().join("damaged");
        for (form, variables) in forms(&store) {
            let (path, _) = back_up(&store, form, variables);
            let whole = fs::read(&path).unwrap();
            for cut in (1..=9).map(|tenth| whole.len() * tenth / 10).chain([1, 20, whole.len() - 1]) {
                write_store(&damaged, &whole[..cut]);
                let (code, stderr) = try_restore(&other, &damaged);
                assert_eq!(code, 65, "{form}, {cut} of {} bytes: {stderr}", whole.len());
                assert!(stderr.contains("damaged"), "{stderr}");
                assert_untouched(&other);
            }
            if form == "pg_dump" {
                continue; // Its own checksums cover the compressed rows alone.
            }
            for place in (0..40).map(|step| 100 + (whole.len() - 101) * step / 39) {
                let mut bytes = whole.clone();
                bytes[place] ^= 0x04;
                write_store(&damaged, &bytes);
                let (code, stderr) = try_restore(&other, &damaged);
                assert_eq!(code, 65, "{form}, byte {place}: {stderr}");
                assert_untouched(&other);
            }
        }
    }
}

#[test]
fn whatever_is_no_backup_is_named_and_refused() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let (other, folder) = (store.another(), store.folder.path());
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            write_store(&path, bytes);
            path
        };
        let foreign = sqlite();
        foreign.execute("CREATE TABLE cats (name TEXT)");
        let export = store.try_admin("export --user alice").1;
        let mut cases = vec![
            (file("empty", b""), "no backup of a han-sync-receiver"),
            (file("text", b"dear diary"), "no backup of a han-sync-receiver"),
            (file("export", export.as_bytes()), "no backup of a han-sync-receiver"),
            (folder.to_owned(), "no file"),
        ];
        if store.is_postgres() {
            let dump = folder.join("foreign.dump");
            let cats = postgres().unwrap();
            cats.execute("CREATE TABLE cats (name TEXT)");
            if cats.has_pg_dump() {
                dump_by_hand(&cats, &dump);
                cases.push((dump, "no backup of a han-sync-receiver"));
            }
        } else {
            cases.push((foreign.path().to_owned(), "no backup of a han-sync-receiver"));
            cases.push((store.path().to_owned(), "is a store"));
        }
        for (path, reason) in &cases {
            let (code, stderr) = try_restore(&other, path);
            assert_eq!(code, 65, "{}: {stderr}", path.display());
            assert!(stderr.contains(reason) && stderr.contains(path.to_str().unwrap()), "{stderr}");
            assert_untouched(&other);
        }
        let (code, stderr) = try_restore(&other, &folder.join("missing"));
        assert!(code == 69 && stderr.contains("missing cannot be read"), "{code} {stderr}");
        assert_eq!(other.try_admin("restore").0, 64);
        let (path, _) = back_up(&store, "backup", &[]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let (code, stderr) = try_restore(&other, &path);
        assert!(code == 69 && stderr.contains(&format!("chmod o-rwx {}", path.display())), "{code} {stderr}");
        assert_untouched(&other);
    }
}

#[test]
fn backup_of_another_schema_names_the_receiver_that_restores_it() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let other = store.another();
        for (form, _) in forms(&store).into_iter().filter(|(form, _)| *form != "ndjson") {
            store.execute("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)");
            let path = store.folder.path().join(form);
            // A newer receiver would make it.
            match form {
                "sqlite" => store.execute(&format!("VACUUM INTO '{}'", path.display())),
                _ => dump_by_hand(&store, &path),
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            store.execute("DELETE FROM migrations WHERE number = 99");
            let (code, stderr) = try_restore(&other, &path);
            assert!(
                code == 65 && stderr.contains("schema 99") && stderr.contains("install a newer"),
                "{code} {stderr}"
            );
            assert_untouched(&other);
        }
    }
}

#[test]
fn copy_that_an_operator_made_otherwise_is_restored() {
    for store in stores().into_iter().filter(|store| !store.is_postgres() || store.has_pg_dump()) {
        let (_team, _receiver) = filled(&store);
        let path = store.folder.path().join("copy");
        if store.is_postgres() {
            dump_by_hand(&store, &path);
        } else {
            store.execute(&format!("VACUUM INTO '{}'", path.display()));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let other = store.another();
        other.admin(&format!("restore {}", path.display()));
        assert_eq!(rows(&other, "messages"), rows(&store, "messages"));
    }
}

#[test]
fn store_with_data_is_never_restored_over() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        let (path, _) = back_up(&store, "backup", &[]);
        let other = store.another();
        other.admin("org create globex --owner github.com/globex");
        let (code, stderr) = try_restore(&other, &path);
        assert!(code == 65 && stderr.contains("holds data") && stderr.contains("--store"), "{code} {stderr}");
        assert_eq!(other.admin("org list").as_array().unwrap().len(), 1);
        assert_eq!(rows(&other, "messages").len(), 0);
        // Nor over what is left of a store that was emptied: its sums and its log.
        other.admin("org remove globex --yes");
        assert_eq!(try_restore(&other, &path).0, 65);
        // A store of its own is restored once.
        let (code, stderr) = try_restore(&store, &path);
        assert!(code == 65 && stderr.contains("holds data"), "{stderr}");
    }
}

#[test]
fn store_that_was_served_empty_is_restored_while_it_serves() {
    for store in stores() {
        let (team, _receiver) = filled(&store);
        let (path, _) = back_up(&store, "backup", &[]);
        let other = store.another();
        let receiver = other.serve();
        // Clients that come before their keys are there.
        assert_eq!(receiver.client(&team.alice).sync(&[]).status, 401);
        wait_until("the refused authentication", || {
            !other.query("SELECT 1 FROM audit WHERE action = 'authentication'").is_empty()
        });
        other.admin(&format!("restore {}", path.display()));
        other.admin("audit --check");
        let log = other.admin("audit");
        assert!(log.as_array().unwrap().iter().any(|entry| entry["action"] == "authentication"), "{log}");
        wait_until("the key", || receiver.client(&team.alice).get("/api/sync/identity").status == 200);
        assert_eq!(
            receiver.client(&team.alice).sync(&[session("new", ACME, vec![message("m", 0)])]).status,
            200
        );
        assert_sums_equal_a_recount(&other);
    }
}

#[test]
fn backup_of_one_kind_of_store_is_no_backup_of_the_other() {
    let all = stores();
    let [sqlite, postgres] = all.as_slice() else { return };
    for (store, other, url) in
        [(sqlite, postgres.another(), "sqlite:PATH"), (postgres, sqlite.another(), "postgres://")]
    {
        let (_team, _receiver) = filled(store);
        for (form, variables) in forms(store) {
            let (path, _) = back_up(store, form, variables);
            let (code, stderr) = try_restore(&other, &path);
            assert!(code == 65 && stderr.contains(&format!("--store {url}")), "{code} {stderr}");
            assert_untouched(&other);
        }
    }
}

#[test]
fn what_was_deleted_is_in_no_backup() {
    for store in stores() {
        let (team, receiver) = (store.create_team(), store.serve());
        let row = with(
            message("m", 0),
            json!({"content": "the words of a session that is forgotten ".repeat(500)}),
        );
        receiver.client(&team.alice).sync(&[session("gone", ACME, vec![row])]);
        receiver.client(&team.alice).delete("/api/sync/sessions/gone");
        for (form, variables) in forms(&store) {
            let (path, _) = back_up(&store, form, variables);
            let bytes = fs::read(path).unwrap();
            assert!(!bytes.windows(16).any(|window| window == b"session that is "), "{form}");
        }
    }
}

#[test]
fn deleted_text_is_not_left_in_the_file_of_the_store() {
    const WORDS: &[u8] = b"words of a session that";
    let holds = |store: &TestStore| {
        // The last program that closes the store empties the write-ahead log.
        store.admin("org list");
        assert_eq!(fs::read_dir(store.folder.path()).unwrap().count(), 1, "the store alone");
        fs::read(store.path()).unwrap().windows(WORDS.len()).any(|window| window == WORDS)
    };
    // Short texts lie beside others on a page, long ones on pages of their own.
    for repeated in [1, 20, 500] {
        let store = sqlite();
        let team = store.create_team();
        let text = "the words of a session that is taken back ".repeat(repeated);
        let send = |key: &str, id: &str| {
            let row = |line| with(message(&format!("{id}{line}"), line), json!({"content": text}));
            let sent = session(id, ACME, (0..5).map(row).collect());
            assert_eq!(store.serve().client(key).sync(&[sent]).status, 200);
            assert!(holds(&store), "{repeated}: {id}");
        };
        send(&team.alice, "forgotten");
        assert_eq!(store.serve().client(&team.alice).delete("/api/sync/sessions/forgotten").status, 204);
        assert!(!holds(&store), "{repeated}: forgotten");
        send(&team.bob, "erased");
        store.admin("erase --user bob --yes");
        assert!(!holds(&store), "{repeated}: erased");
        send(&team.alice, "pruned");
        assert_eq!(store.admin("prune --older-than 400d")["messages"], 5);
        assert!(!holds(&store), "{repeated}: pruned");
    }
}

#[test]
fn restored_store_with_differences_is_told() {
    for store in stores() {
        let (_team, _receiver) = filled(&store);
        store.execute("UPDATE sessions SET digest = digest + 1 WHERE session_id = 'own'");
        let (path, _) = back_up(&store, "backup", &[]);
        let other = store.another();
        let (code, stdout, stderr) = other.try_admin(&format!("restore {}", path.display()));
        assert!(code == 65 && stderr.contains("admin check --repair"), "{stderr}");
        let said: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(said["check"]["faults"][0]["session"], "own");
        other.admin("check --repair");
        assert_eq!(rows(&other, "messages"), rows(&store, "messages"));
    }
}
