//! The state folder against others: another user's folder, links and devices in place of files, an identity without
//! bounds, files of other programs, and programs that rewrite numbers.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use chrono::TimeDelta;
use han_sync::protocol::{Identity, IdentityOrganization};
use serde_json::{Value, json};

use crate::support::exporter_test::{Arrange, ExporterTest};

const STATE: &str = "sync-state.json";
const QUEUE: &str = "sync-queue.json";
const ALL_CALLS: &[&[&str]] =
    &[&[], &["all"], &["status"], &["queue"], &["preview"], &["explain"], &["reset"], &["session", "x"]];
/// A change of a folder: its name, the command that takes it back, true if it needs root, and the change.
type Break<'a> = (&'a str, &'a str, bool, &'a dyn Fn(&ExporterTest));
/// Something in place of the temporary file at the first path, with a victim at the second.
type Leftover = (&'static str, fn(&Path, &Path));
/// Something in place of the file at a path.
type Replacement = (&'static str, fn(&Path));
/// A change of an identity.
type IdentityChange = (&'static str, Box<dyn Fn(&mut Identity)>);

/// A user that is neither root nor the one of the tests.
const STRANGER: u32 = 54_321;

/// A test that has delivered its sessions and has both state files.
fn delivered() -> ExporterTest {
    let test = ExporterTest::with_sessions(&[2, 1]);
    let input = json!({"session_id": "not-indexed"}).to_string();
    test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
    test.settle();
    test.run(&[]).exits(0);
    for name in [STATE, QUEUE] {
        assert!(test.state_folder().join(name).is_file(), "{name}");
    }
    test
}

/// Names in the state folder that begin so.
fn names(test: &ExporterTest, start: &str) -> Vec<String> {
    let entries = fs::read_dir(test.state_folder()).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(start)).collect()
}

#[test]
fn folder_that_another_user_owns_or_may_write_to_is_refused() {
    let is_root = rustix::process::geteuid().is_root();
    let mode = |test: &ExporterTest, mode| {
        fs::set_permissions(test.state_folder(), Permissions::from_mode(mode)).unwrap();
    };
    let own = |test: &ExporterTest, user: u32| chown(test.state_folder(), Some(user), None).unwrap();
    let other_group = |test: &ExporterTest| {
        chown(test.state_folder(), None, Some(STRANGER)).unwrap();
        fs::set_permissions(test.state_folder(), Permissions::from_mode(0o770)).unwrap();
    };
    let table: &[Break] = &[
        ("all may write", "chmod go-w", false, &|test| mode(test, 0o777)),
        ("others may write, the group not", "chmod go-w", false, &|test| mode(test, 0o702)),
        ("all may write, with the sticky bit", "chmod go-w", false, &|test| mode(test, 0o1777)),
        ("another group may write", "chmod go-w", true, &other_group),
        ("another user's", "chown -R", true, &|test| own(test, STRANGER)),
    ];
    for (name, remedy, needs_root, change) in table {
        if *needs_root && !is_root {
            continue;
        }
        eprintln!("case: {name}");
        let test = delivered();
        test.add_messages(&test.sessions[0], 1);
        change(&test);
        let (requests, files) = (test.receiver.request_count(), test.state_files());
        let folder = test.state_folder().display().to_string();
        for call in ALL_CALLS {
            test.run(call).exits(78).prints(&folder).prints(remedy).prints("--state-dir");
        }
        let input = json!({"session_id": test.sessions[0]}).to_string();
        let hook = test.run_with_input(&["hook", "--trust-environment"], input.as_bytes());
        hook.exits(0).prints(&folder).prints(remedy);
        test.settle();
        assert_eq!((test.receiver.request_count(), test.state_files()), (requests, files));
        // As the message says.
        own(&test, rustix::process::geteuid().as_raw());
        mode(&test, 0o755);
        test.run(&[]).exits(0);
        test.assert_delivered();
    }
}

#[test]
fn link_to_a_folder_that_others_may_write_to_is_refused() {
    let test = ExporterTest::with_sessions(&[1]);
    let target = test.path("elsewhere");
    fs::create_dir(&target).unwrap();
    fs::set_permissions(&target, Permissions::from_mode(0o777)).unwrap();
    symlink(&target, test.state_folder()).unwrap();
    test.run(&[]).exits(78).prints("chmod go-w");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn temporary_file_that_is_a_link_is_not_followed() {
    for name in [STATE, QUEUE] {
        let leave: &[Leftover] = &[
            ("a link to a file", |temporary, victim| symlink(victim, temporary).unwrap()),
            ("a hard link", |temporary, victim| fs::hard_link(victim, temporary).unwrap()),
            ("a dangling link", |temporary, victim| {
                symlink(victim.with_extension("new"), temporary).unwrap()
            }),
            ("a file that a killed writer left", |temporary, _| fs::write(temporary, "half").unwrap()),
        ];
        for (what, leave) in leave {
            eprintln!("case: {name}, {what}");
            let test = delivered();
            let victim = test.path("victim");
            fs::write(&victim, "precious").unwrap();
            let temporary = test.state_folder().join(format!("{name}.tmp"));
            leave(&temporary, &victim);
            test.add_messages(&test.sessions[0], 1);
            let input = json!({"session_id": "another"}).to_string();
            test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
            test.settle();
            test.assert_delivered();
            assert!(test.queued("another").is_some());
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            assert!(!victim.with_extension("new").exists());
            assert!(!temporary.is_symlink() && !temporary.exists());
            let written = test.state_folder().join(name).symlink_metadata().unwrap();
            assert!(written.is_file() && written.permissions().mode() & 0o777 == 0o600, "{written:?}");
        }
    }
}

#[test]
fn lock_that_is_a_link_or_a_fifo_is_named_and_not_followed() {
    for name in ["sync.lock", "sync-queue.lock"] {
        let test = delivered();
        test.add_messages(&test.sessions[0], 1);
        let (lock, victim) = (test.state_folder().join(name), test.path("victim"));
        fs::remove_file(&lock).unwrap();
        symlink(&victim, &lock).unwrap();
        let call =
            if name == "sync.lock" { ["all"].as_slice() } else { &["queue", "--retry", "not-indexed"] };
        test.run(call).exits(78).prints(&lock.display().to_string());
        assert!(!victim.exists());
        fs::remove_file(&lock).unwrap();
        assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
        test.run(call).exits(78).prints(&lock.display().to_string()).prints("remove it");
    }
}

#[test]
fn state_file_that_is_no_regular_file_or_too_large_is_set_aside() {
    for name in [STATE, QUEUE] {
        let replace: &[Replacement] = &[
            ("an endless device", |path| symlink("/dev/zero", path).unwrap()),
            ("a FIFO", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
            ("a folder", |path| fs::create_dir(path).unwrap()),
            ("4 GiB", |path| fs::File::create(path).unwrap().set_len(4 << 30).unwrap()),
        ];
        for (what, replace) in replace {
            eprintln!("case: {name}, {what}");
            let test = delivered();
            test.add_messages(&test.sessions[0], 1);
            let client = test.status()["clientId"].clone();
            let path = test.state_folder().join(name);
            fs::remove_file(&path).unwrap();
            replace(&path);
            // Who only looks leaves it.
            test.run(&["status"]).exits(0).prints(name);
            assert!(names(&test, &format!("{name}.corrupt-")).is_empty());
            test.run(&["all"]).exits(0).prints(".corrupt-");
            let input = json!({"session_id": "another"}).to_string();
            test.run_with_input(&["hook", "--trust-environment"], input.as_bytes()).exits(0);
            test.settle();
            test.assert_delivered();
            assert_eq!(names(&test, &format!("{name}.corrupt-")).len(), 1);
            assert_eq!(test.status()["clientId"], client);
            assert!(path.symlink_metadata().unwrap().is_file());
        }
    }
}

#[test]
fn identity_beyond_its_bounds_opens_nothing_and_is_not_kept() {
    let acme = |owners: Vec<String>| IdentityOrganization {
        slug: "acme".into(),
        owners,
        ..IdentityOrganization::default()
    };
    let owners = |number: usize| (0..number).map(|n| format!("github.com/acme-{n}")).collect::<Vec<_>>();
    let table: Vec<IdentityChange> = vec![
        ("owners", Box::new(move |it| it.organizations = vec![acme(owners(20_000))])),
        ("accounts", Box::new(move |it| it.accounts = owners(20_000))),
        ("organizations", Box::new(move |it| it.organizations = vec![acme(Vec::new()); 2_000])),
        ("a user id of 100 KiB", Box::new(|it| it.user_id = "x".repeat(100 << 10))),
        ("a name of 100 KiB", Box::new(|it| it.organizations[0].name = "x".repeat(100 << 10))),
        ("encodings", Box::new(|it| it.encodings = vec!["gzip".into(); 1_000])),
    ];
    for (name, change) in &table {
        eprintln!("case: {name}");
        let test = ExporterTest::with_sessions(&[1]);
        test.receiver.with_receiver(|receiver| receiver.identities.values_mut().for_each(change));
        test.run(&["--max-seconds", "1"]).exits(75).prints("/identity names more");
        assert!(test.receiver.batches().is_empty());
        assert!(fs::metadata(test.state_path()).map_or(0, |file| file.len()) < 10 << 10);
    }
}

#[test]
fn codes_and_messages_of_a_receiver_are_kept_within_bounds() {
    let test = ExporterTest::with_sessions(&[1]);
    test.receiver.reject(&test.sessions[0], &"X".repeat(1 << 20), 1);
    test.run_json(&[], 75);
    let error = test.queued(&test.sessions[0]).unwrap()["lastError"].as_str().unwrap().to_owned();
    assert!(error.len() < 1_000, "{} bytes", error.len());
}

#[test]
fn file_of_another_program_is_named_and_set_aside_once() {
    let documents = [
        json!({"version": "1.0", "lastSync": "2026-01-01T00:00:00Z", "sessions": {"s": {"lastSyncedLine": 3}}}),
        json!({"version": 1, "sessions": []}),
        json!({"lastSyncedAt": 1_767_225_600_000_u64, "cursor": null}),
        json!({"version": 99, "entries": [{"id": "s"}]}),
    ];
    for name in [STATE, QUEUE] {
        for document in &documents {
            eprintln!("case: {name}, {document}");
            let test = delivered();
            let client = test.status()["clientId"].clone();
            let path = test.state_folder().join(name);
            let write = || test.write_private(&path, &document.to_string());
            let asides = || names(&test, &format!("{name}.corrupt-"));
            write();
            test.run(&["status"]).exits(0).prints("another program");
            assert!(asides().is_empty(), "who only looks leaves it");
            test.add_messages(&test.sessions[0], 1);
            let said =
                test.run(&["all"]).exits(0).prints("another program").prints(&path.display().to_string());
            assert_eq!(said.stderr.matches("another program").count(), 1, "{said:?}");
            let aside = asides();
            assert_eq!(aside.len(), 1);
            let kept = fs::read(test.state_folder().join(&aside[0])).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), *document);
            test.run(&[]).exits(0).does_not_print("another program");
            // A program that goes on writing it fills no disk.
            for _ in 0..3 {
                write();
                test.advance(TimeDelta::minutes(5));
                test.run(&["all"]).exits(0).prints("another program");
            }
            assert_eq!(asides(), aside);
            assert_eq!(test.status()["clientId"], client);
            test.assert_delivered();
        }
    }
}

#[test]
fn file_of_a_newer_version_is_no_file_of_another_program() {
    let change: &[(&str, Arrange)] = &[
        (STATE, |test| test.write_private(&test.state_path(), r#"{"version":99}"#)),
        (QUEUE, |test| {
            test.write_private(
                &test.state_folder().join(QUEUE),
                r#"{"version":99,"items":{"of":"another form"}}"#,
            );
        }),
    ];
    for (name, change) in change {
        let test = delivered();
        change(&test);
        test.run(&["all"]).exits(78).prints("newer").prints(name).does_not_print("another program");
    }
}

/// A value as a program keeps it that has no integers beyond 2^53.
fn through_javascript(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let double = number.as_f64().unwrap();
            assert!(double.abs() < (1_u64 << 53) as f64, "{number} may be rounded");
            *number = (double as i64).into();
        }
        Value::Array(values) => values.iter_mut().for_each(through_javascript),
        Value::Object(members) => members.values_mut().for_each(through_javascript),
        _ => {}
    }
}

#[test]
fn files_rewritten_through_javascript_numbers_lose_nothing() {
    let test = ExporterTest::with_sessions(&[3, 2]);
    let shift = "UPDATE messages SET rowid = rowid + 9007199254740993";
    test.db.conn().execute_batch(shift).unwrap();
    test.receiver.with_receiver(|receiver| {
        for identity in receiver.identities.values_mut() {
            identity.limits.max_body_bytes = Some(u64::MAX);
            identity.limits.max_messages = Some(u64::MAX);
        }
    });
    test.receiver.reject(&test.sessions[1], "SESSION_CONFLICT", 1);
    test.run_json(&[], 75);
    for name in [STATE, QUEUE] {
        let mut document = test.state_file(name);
        through_javascript(&mut document);
        test.write_private(&test.state_folder().join(name), &document.to_string());
    }
    test.add_messages(&test.sessions[0], 1);
    test.run_json(&["all"], 0);
    test.assert_delivered();
    assert_eq!(test.receiver.alice().messages_again, 0, "no cursor was rounded");
}
