//! The repository of a session: its project's only where the session began in the project's folder, else the one that the
//! git configuration of its own folder names.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::{ORGANIZATION_REMOTE, Stream};

const PERSONAL_REMOTE: &str = "git@github.com:alice/dotfiles.git";
/// Project of the organization; the folder is on no machine.
const PROJECT: &str = "/home/a/acme/api";

/// Makes a folder the top of a working tree with a remote.
fn git_init(folder: &Path, remote: &str) -> PathBuf {
    git_folder(&folder.join(".git"), remote);
    folder.to_owned()
}

fn git_folder(folder: &Path, remote: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    let config = format!("[core]\n\tbare = false\n[remote \"origin\"]\n\turl = {remote}\n");
    fs::write(folder.join("config"), config).unwrap();
}

/// A session of a project at a path, with a remote in han or none, whose first line names a folder.
fn session(test: &ExporterTest, project: &str, remote: Option<&str>, cwd: &str) -> String {
    let id = test.db.make(|maker| maker.rng.uuid());
    let projects = test.db.strings("SELECT id FROM projects WHERE path = ?1", [project]);
    let project = projects.first().cloned().unwrap_or_else(|| {
        let repo = remote.map(|remote| test.db.repo(remote));
        test.db.project(repo.as_deref(), project)
    });
    test.db.session(&id, Some(&project), Some("active"), None);
    test.add_message_in(&id, cwd);
    id
}

fn organization_session(test: &ExporterTest, cwd: &str) -> String {
    session(test, PROJECT, Some(ORGANIZATION_REMOTE), cwd)
}

#[track_caller]
fn explained(test: &ExporterTest, session: &str) -> Value {
    test.json(&["explain", session])["sessions"][0].clone()
}

#[test]
fn session_of_another_folder_with_the_same_slug_stays_and_says_why() {
    let test = ExporterTest::new();
    let inside = organization_session(&test, PROJECT);
    let other = organization_session(&test, "/home/a/acme.api");
    assert_eq!(test.run_and_list_sent(0), [inside]);
    let each = explained(&test, &other);
    assert_eq!((&each["reason"], &each["eligible"]), (&json!("folder_mismatch"), &json!(false)));
    assert_eq!(each["matched"], "/home/a/acme.api");
    assert!(each["remedy"].as_str().unwrap().contains("remote add origin"), "{each}");
    let (report, _) = test.run_json(&["--session", &other], 0);
    assert_eq!(
        (&report["status"], &report["errors"][0]["code"]),
        (&json!("skipped"), &json!("folder_mismatch"))
    );
    let preview = test.json(&["preview", "--session", &other]);
    assert_eq!(preview["messages"], 0, "{preview}");
    test.assert_idle();
}

#[test]
fn folder_is_compared_with_the_project_by_whole_components() {
    for (project, cwd, is_sent) in [
        (PROJECT, "/home/a/acme/api", true),
        (PROJECT, "/home/a/acme/api/", true),
        ("/home/a/acme/api/", "/home/a/acme/api", true),
        (PROJECT, "/home/a/acme/api/packages/web", true),
        (PROJECT, "/home/a/acme/./api", true),
        (PROJECT, "/home/a/acme/api2", false),
        (PROJECT, "/home/a/acme-api", false),
        (PROJECT, "/home/a/acme/api.v2", false),
        (PROJECT, "/home/a/acme/API", false),
        (PROJECT, "/home/a/acme", false),
        (PROJECT, "/home/a/acme/api/../secret", false),
        (PROJECT, "/home/a/acme/api/../../acme.api", false),
        (PROJECT, "acme/api", false),
        (PROJECT, "~/acme/api", false),
        (PROJECT, "/", false),
        ("", "/home/a/acme.api", false),
    ] {
        let test = ExporterTest::new();
        let session = session(&test, project, Some(ORGANIZATION_REMOTE), cwd);
        assert_eq!(test.run_and_list_sent(0) == [session], is_sent, "{cwd} in {project}");
    }
}

#[test]
fn first_line_of_the_main_stream_with_a_folder_decides_in_whatever_order_han_stores_it() {
    type Store = fn(&ExporterTest, &str);
    /// A line of the main stream with so many escapes as JSON allows.
    fn line(test: &ExporterTest, session: &str, line: i64, raw: &str) {
        let mut row = test.db.make(|maker| maker.user(session, &Stream::Main, line));
        row.raw_json = Some(raw.replace("ID", &row.id));
        test.db.message(&row);
    }
    let table: [(&str, Store, bool); 8] = [
        ("no line has a folder", |test, id| drop(test.add_messages(id, 3)), true),
        (
            "a later line has another",
            |test, id| {
                test.add_message_in(id, PROJECT);
                test.add_message_in(id, "/home/a/acme.api");
            },
            true,
        ),
        (
            "lines without one come first",
            |test, id| {
                test.add_messages(id, 3);
                test.add_message_in(id, "/home/a/acme.api");
            },
            false,
        ),
        ("escaped", |test, id| line(test, id, 0, r#"{"uuid":"ID","cwd":"\/home\/a\/acme\u002eapi"}"#), false),
        (
            "nested only",
            |test, id| line(test, id, 0, r#"{"uuid":"ID","input":{"cwd":"/home/a/acme.api"}}"#),
            true,
        ),
        ("broken off", |test, id| line(test, id, 0, r#"{"uuid":"ID","cwd":"/home/a/acme.api","x":"#), false),
        (
            "stored after a later line",
            |test, id| {
                line(test, id, 7, &format!(r#"{{"uuid":"ID","cwd":"{PROJECT}"}}"#));
                line(test, id, 2, r#"{"uuid":"ID","cwd":"/home/a/acme.api"}"#);
            },
            false,
        ),
        (
            "an agent's line",
            |test, id| {
                test.db.make(|maker| maker.cwd = Some("/home/a/acme.api".into()));
                test.db.message(&test.db.make(|maker| maker.user(id, &Stream::Agent("a1".into()), 0)));
                test.add_message_in(id, PROJECT);
            },
            true,
        ),
    ];
    for (name, store, is_sent) in table {
        let test = ExporterTest::new();
        let session = {
            let repo = test.db.repo(ORGANIZATION_REMOTE);
            let project = test.db.project(Some(&repo), PROJECT);
            test.db.session("session", Some(&project), None, None);
            "session".to_owned()
        };
        store(&test, &session);
        assert_eq!(test.run_and_list_sent(0) == [session], is_sent, "{name}");
    }
}

#[test]
fn line_that_comes_later_and_is_the_first_one_stops_the_session() {
    let test = ExporterTest::new();
    let repo = test.db.repo(ORGANIZATION_REMOTE);
    let project = test.db.project(Some(&repo), PROJECT);
    test.db.session("session", Some(&project), None, None);
    let store = |line, cwd: &str| {
        let row = test.db.make(|maker| {
            maker.cwd = Some(cwd.to_owned());
            maker.user("session", &Stream::Main, line)
        });
        test.db.message(&row);
    };
    store(5, PROJECT);
    assert_eq!(test.run_and_list_sent(0), ["session"]);
    test.assert_idle();
    store(6, PROJECT);
    assert_eq!(test.run_and_list_sent(0), ["session"]);
    store(2, "/home/a/acme.api");
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(explained(&test, "session")["reason"], "folder_mismatch");
}

#[test]
fn own_folder_names_the_repository_where_it_is_not_the_projects() {
    let test = ExporterTest::new();
    let personal = git_init(&test.path("acme.api"), PERSONAL_REMOTE);
    let web = git_init(&test.path("acme.web"), "https://alice:token@github.com/acme-corp/web.git");
    fs::create_dir(web.join("src")).unwrap();
    let project = test.path("acme/api").display().to_string();
    let of = |cwd: &Path| session(&test, &project, Some(ORGANIZATION_REMOTE), cwd.to_str().unwrap());
    let (private, work) = (of(&personal), of(&web.join("src")));
    assert_eq!(test.run_and_list_sent(0), [work.as_str()]);
    let sent = &test.receiver.alice().sessions[&work];
    assert_eq!(sent.fields.repo_remote, "https://github.com/acme-corp/web");
    let each = explained(&test, &private);
    assert_eq!(
        (&each["reason"], &each["repository"]),
        (&json!("personal"), &json!("github.com/alice/dotfiles"))
    );
    assert_eq!((&each["repositoryFrom"], &each["folder"]), (&json!("folder"), &json!(personal)));
    test.assert_idle();
}

#[test]
fn project_behind_a_link_is_the_sessions_own_folder() {
    let test = ExporterTest::new();
    fs::create_dir_all(test.path("srv/api/web")).unwrap();
    symlink("srv/api", test.path("link")).unwrap();
    let of = |project: &str, cwd: &str| {
        let path = |name: &str| test.path(name).display().to_string();
        session(&test, &path(project), Some(ORGANIZATION_REMOTE), &path(cwd))
    };
    let session = of("link", "srv/api/web");
    assert_eq!(test.run_and_list_sent(0), [session]);
    fs::create_dir(test.path("srv/api2")).unwrap();
    of("link", "srv/api2");
    assert!(test.run_and_list_sent(0).is_empty());
}

/// Every arrangement of git's files by which a folder belongs to a repository.
#[test]
fn session_without_a_repository_in_han_finds_it_in_its_own_folder() {
    type Arrange = fn(&Path) -> PathBuf;
    const REMOTE: &str = "git@github.com:acme-corp/api.git";
    fn worktree(root: &Path, name: &str, common: &str) -> PathBuf {
        git_folder(&root.join(common), REMOTE);
        let (git, tree) = (root.join(common).join("worktrees/x"), root.join(name));
        fs::create_dir_all(&git).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(git.join("commondir"), "../..\n").unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/x\n").unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
        tree
    }
    let table: [(&str, Arrange); 9] = [
        ("top", |root| git_init(root, REMOTE)),
        ("below the top", |root| {
            git_init(root, REMOTE);
            fs::create_dir_all(root.join("my--api/x.y")).unwrap();
            root.join("my--api/x.y")
        }),
        ("worktree under a dot folder", |root| worktree(root, ".worktrees/2", ".git")),
        ("worktree of an agent", |root| worktree(root, ".claude/worktrees/x", ".git")),
        ("worktree of a bare repository", |root| worktree(root, "main", ".bare")),
        ("file beside a bare repository", |root| {
            git_folder(&root.join(".bare"), REMOTE);
            fs::write(root.join(".git"), "gitdir: ./.bare\n").unwrap();
            root.to_owned()
        }),
        ("submodule", |root| {
            git_init(root, PERSONAL_REMOTE);
            git_folder(&root.join(".git/modules/lib"), REMOTE);
            fs::create_dir(root.join("lib")).unwrap();
            fs::write(root.join("lib/.git"), "gitdir: ../.git/modules/lib\n").unwrap();
            root.join("lib")
        }),
        ("only remote has another name", |root| {
            git_init(root, REMOTE);
            let config = format!("[remote \"upstream\"]\nurl = {REMOTE}\n");
            fs::write(root.join(".git/config"), config).unwrap();
            root.to_owned()
        }),
        ("configuration of the worktree itself", |root| {
            let tree = worktree(root, ".worktrees/2", ".git");
            let config = "[extensions]\nworktreeConfig = true\n[remote \"origin\"]\nurl =\n".to_owned();
            fs::write(root.join(".git/config"), config).unwrap();
            let config = format!("[remote \"origin\"]\nurl = {REMOTE}\n");
            fs::write(root.join(".git/worktrees/x/config.worktree"), config).unwrap();
            tree
        }),
    ];
    for (name, arrange) in table {
        let test = ExporterTest::new();
        let root = test.path("acme.api");
        fs::create_dir(&root).unwrap();
        let cwd = arrange(&root);
        // The path that han guessed is on no machine.
        let id = session(&test, "/home/a/acme/api/2", None, cwd.to_str().unwrap());
        assert_eq!(test.run_and_list_sent(0), [id.as_str()], "{name}");
        assert_eq!(
            test.receiver.alice().sessions[&id].fields.repo_remote,
            "https://github.com/acme-corp/api",
            "{name}"
        );
        test.assert_idle();
        test.add_messages(&id, 1);
        assert_eq!(test.run_and_list_sent(0), [id.as_str()], "{name}");
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn hostile_git_folder_names_no_repository_and_holds_up_nothing() {
    type Arrange = fn(&Path);
    fn fifo(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    fn replace_config(root: &Path, replace: impl FnOnce(&Path)) {
        let config = root.join(".git/config");
        fs::remove_file(&config).unwrap();
        replace(&config);
    }
    let table: [(&str, Arrange); 13] = [
        ("FIFO as configuration", |root| replace_config(root, fifo)),
        ("FIFO as git folder", |root| {
            fs::remove_dir_all(root.join(".git")).unwrap();
            fifo(&root.join(".git"));
        }),
        ("device", |root| replace_config(root, |config| symlink("/dev/zero", config).unwrap())),
        ("link to the kernel's log", |root| {
            replace_config(root, |config| symlink("/proc/kmsg", config).unwrap())
        }),
        ("link out of the git folder", |root| {
            replace_config(root, |config| {
                fs::copy(root.join("../good/.git/config"), root.join("config")).unwrap();
                symlink("../config", config).unwrap();
            })
        }),
        ("link to itself", |root| replace_config(root, |config| symlink("config", config).unwrap())),
        ("huge", |root| {
            replace_config(root, |config| {
                let text = fs::read_to_string(root.join("../good/.git/config")).unwrap();
                fs::write(config, text + &"# x\n".repeat(1 << 20)).unwrap();
            })
        }),
        ("include", |root| {
            replace_config(root, |config| {
                let text = "[include]\npath = ../../good/.git/config\n[includeIf \"gitdir:/\"]\npath = /etc/gitconfig\n";
                fs::write(config, text).unwrap();
            })
        }),
        ("no text", |root| replace_config(root, |config| fs::write(config, [0xff, 0xfe, 0]).unwrap())),
        ("folder", |root| replace_config(root, |config| fs::create_dir(config).unwrap())),
        ("two remotes", |root| {
            replace_config(root, |config| {
                let text = "[remote \"a\"]\nurl = git@github.com:acme-corp/a\n[remote \"b\"]\nurl = git@github.com:acme-corp/b\n";
                fs::write(config, text).unwrap();
            })
        }),
        ("file that names itself", |root| {
            fs::remove_dir_all(root.join(".git")).unwrap();
            fs::write(root.join(".git"), "gitdir: .git\n").unwrap();
        }),
        ("folders that name each other", |root| {
            fs::remove_dir_all(root.join(".git")).unwrap();
            fs::create_dir(root.join("a")).unwrap();
            fs::write(root.join("a/commondir"), "../b\n").unwrap();
            symlink("b", root.join("b")).unwrap();
            fs::write(root.join(".git"), "gitdir: a\n").unwrap();
        }),
    ];
    for (name, arrange) in table {
        let test = ExporterTest::new();
        let good = git_init(&test.path("good"), ORGANIZATION_REMOTE);
        // An own repository further up is none of this folder's.
        let root =
            git_init(&git_init(&test.path("outer"), ORGANIZATION_REMOTE).join("inner"), ORGANIZATION_REMOTE);
        fs::create_dir_all(test.path("outer/good")).unwrap();
        git_init(&test.path("outer/good"), ORGANIZATION_REMOTE);
        arrange(&root);
        let hostile = session(&test, "/home/a/x/y", None, root.to_str().unwrap());
        let other = session(&test, "/home/a/x/z", None, good.to_str().unwrap());
        assert_eq!(test.run_and_list_sent(0), [other], "{name}");
        assert_eq!(explained(&test, &hostile)["eligible"], false, "{name}");
        test.assert_idle();
    }
}

#[test]
fn folder_that_is_gone_keeps_the_repository_that_was_read_in_it_and_only_for_its_sessions() {
    let test = ExporterTest::new();
    let root = git_init(&test.path("acme.api"), ORGANIZATION_REMOTE);
    let first = session(&test, PROJECT, None, root.to_str().unwrap());
    assert_eq!(test.run_and_list_sent(0), [first.as_str()]);
    fs::remove_dir_all(&root).unwrap();
    test.add_messages(&first, 1);
    let second = session(&test, PROJECT, None, root.to_str().unwrap());
    assert_eq!(test.run_and_list_sent(0), [first.as_str()]);
    assert_eq!(explained(&test, &first)["repositoryFrom"], "last_known");
    assert_eq!(explained(&test, &second)["reason"], "folder_mismatch");

    // Another repository takes the place, and counts.
    git_init(&root, PERSONAL_REMOTE);
    test.add_messages(&first, 1);
    assert!(test.run_and_list_sent(0).is_empty());
    for session in [&first, &second] {
        assert_eq!(explained(&test, session)["reason"], "personal");
    }
    fs::remove_dir_all(&root).unwrap();
    test.add_messages(&first, 1);
    assert!(test.run_and_list_sent(0).is_empty());
}

#[test]
fn repository_of_the_project_is_forgotten_for_a_session_that_began_elsewhere() {
    let test = ExporterTest::new();
    let session = organization_session(&test, PROJECT);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    // As a state of before knows it.
    let state = fs::read_to_string(test.state_path()).unwrap();
    let start = state.find("\"sessionFolders\"").unwrap();
    let end = start + state[start..].find("},").map(|end| end + 2).unwrap();
    fs::write(test.state_path(), format!("{}{}", &state[..start], &state[end..])).unwrap();
    test.db
        .conn()
        .execute("UPDATE messages SET raw_json = replace(raw_json, ?1, '/home/a/acme.api')", [PROJECT])
        .unwrap();
    let project = test.db.project_of(&session).unwrap();
    test.db.unlink_repo(&project);
    test.add_messages(&session, 1);
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(explained(&test, &session)["reason"], "folder_mismatch");
}

#[test]
fn session_without_messages_is_sent_once_its_first_line_names_a_repository() {
    let test = ExporterTest::new();
    let root = git_init(&test.path("acme.api"), ORGANIZATION_REMOTE);
    let other = session(&test, "/home/a/other", None, root.to_str().unwrap());
    let project = test.db.project(None, "/home/a/acme/api");
    test.db.session("late", Some(&project), None, None);
    assert_eq!(test.run_and_list_sent(0), [other]);
    test.assert_idle();
    test.add_message_in("late", root.to_str().unwrap());
    assert_eq!(test.run_and_list_sent(0), ["late"]);
    test.assert_idle();
}

#[test]
fn remote_that_a_folder_gets_later_is_found_within_the_hour() {
    let test = ExporterTest::new();
    let root = test.path("acme.api");
    fs::create_dir(&root).unwrap();
    let id = session(&test, PROJECT, None, root.to_str().unwrap());
    assert!(test.run_and_list_sent(0).is_empty());
    git_init(&root, ORGANIZATION_REMOTE);
    test.advance(TimeDelta::minutes(61));
    assert_eq!(test.run_and_list_sent(0), [id]);
}

#[test]
fn own_han_yml_of_the_sessions_folder_withholds_it() {
    let test = ExporterTest::new();
    let root = git_init(&test.path("acme.api"), ORGANIZATION_REMOTE);
    let tree = root.join(".worktrees/2");
    fs::create_dir_all(root.join(".git/worktrees/2")).unwrap();
    fs::write(root.join(".git/worktrees/2/commondir"), "../..\n").unwrap();
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join(".git"), format!("gitdir: {}\n", root.join(".git/worktrees/2").display())).unwrap();
    let id = session(&test, PROJECT, None, tree.to_str().unwrap());
    assert_eq!(test.run_and_list_sent(0), [id.as_str()]);
    fs::write(root.join("han.yml"), "sync: {enabled: false}\n").unwrap();
    test.add_messages(&id, 1);
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(explained(&test, &id)["reason"], "disabled_by_repository");
}

#[test]
fn database_that_was_indexed_again_is_read_again() {
    let test = ExporterTest::new();
    let root = git_init(&test.path("acme.api"), ORGANIZATION_REMOTE);
    let id = session(&test, PROJECT, None, root.to_str().unwrap());
    assert_eq!(test.run_and_list_sent(0), [id.as_str()]);
    // Other rows in place of these: the session began elsewhere.
    test.db.conn().execute("DELETE FROM messages", []).unwrap();
    test.add_message_in(&id, "/home/a/elsewhere");
    assert!(test.run_and_list_sent(0).is_empty());
    assert_eq!(explained(&test, &id)["matched"], "/home/a/elsewhere");
}
