//! The repository of a session, as links come and go, and the project override in that repository's `han.yml`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::TimeDelta;

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::ORGANIZATION_REMOTE;
use crate::support::{Fault, Outcome, Request, RunningProgram, TestReceiver, batches};

/// Makes a folder the top of a working tree, as `git init` does.
fn git_init(folder: &Path) {
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::write(folder.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
}

/// Makes a folder a linked worktree of a repository, as `git worktree add` does.
fn git_worktree_add(main: &Path, folder: &Path) {
    let name = folder.file_name().unwrap();
    let git = main.join(".git/worktrees").join(name);
    fs::create_dir_all(&git).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(git.join("commondir"), "../..\n").unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/other\n").unwrap();
    fs::write(git.join("gitdir"), format!("{}\n", folder.join(".git").display())).unwrap();
    fs::write(folder.join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
}

/// A session of an organization whose folder is there.
fn in_folder(messages: usize) -> (ExporterTest, String, PathBuf) {
    let test = ExporterTest::new();
    let (session, folder) = test.session_in_folder(ORGANIZATION_REMOTE, "api", messages);
    fs::create_dir(folder.join(".claude")).unwrap();
    (test, session, folder)
}

#[test]
fn repository_narrows_its_own_sessions_in_every_folder_of_it_and_no_others() {
    for place in ["han.yml", ".claude/han.yml"] {
        for text in [
            "sync: {enabled: false}",
            "sync:\n  enabled: 0\n",
            "sync:\n  enabled: no\n",
            "sync:\n  enabled: \"False\"\n",
        ] {
            let (test, _, folder) = in_folder(1);
            // Another clone of it elsewhere, another form of its remote, and another repository.
            test.session_in_folder("git@github.com:acme-corp/api.git", "clone", 1);
            let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
            fs::write(folder.join(place), text).unwrap();
            assert_eq!(test.run_and_list_sent(0), [other], "{place} {text:?}");
        }
    }
}

const OFF: &str = "sync:\n  enabled: false\n";

#[test]
fn repository_narrows_by_each_of_its_files_from_below_its_top_and_from_a_linked_worktree() {
    for place in [
        "han.yml",
        "han.yaml",
        ".claude/han.yml",
        ".claude/han.yaml",
        ".claude/han.local.yml",
        ".claude/han.local.yaml",
    ] {
        for name in ["api", "api/packages/web", "api/.claude/worktrees/x", "elsewhere/y"] {
            let test = ExporterTest::new();
            let root = test.path("api");
            git_init(&root);
            fs::create_dir_all(root.join(".claude")).unwrap();
            fs::write(root.join(place), OFF).unwrap();
            if name.ends_with(['x', 'y']) {
                git_worktree_add(&root, &test.path(name));
            }
            let (session, _) = test.session_in_folder(ORGANIZATION_REMOTE, name, 1);
            let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
            assert_eq!(test.run_and_list_sent(0), [other], "{place} seen from {name}");
            let each = test.json(&["explain", &session])["sessions"][0].clone();
            assert_eq!(each["reason"], "disabled_by_repository");
            assert_eq!(each["setIn"], root.join(place).display().to_string());
        }
    }
}

#[test]
fn parents_outside_of_the_working_tree_narrow_nothing() {
    let test = ExporterTest::new();
    git_init(&test.path("outer"));
    fs::write(test.path("outer/han.yml"), OFF).unwrap();
    git_init(&test.path("outer/inner"));
    let (inner, _) = test.session_in_folder("https://github.com/acme-corp/inner", "outer/inner/src", 1);
    fs::create_dir_all(test.path("plain")).unwrap();
    fs::write(test.path("plain/han.yml"), OFF).unwrap();
    let (plain, _) = test.session_in_folder("https://github.com/acme-corp/plain", "plain/src", 1);
    let mut expected = vec![inner, plain];
    expected.sort();
    assert_eq!(test.run_and_list_sent(0), expected);
}

#[test]
fn users_own_configuration_narrows_no_repository() {
    let test = ExporterTest::new();
    // The home folder is a repository of its own, as with dotfiles.
    git_init(&test.home());
    test.set("includeContent", "false");
    let (session, _) = test.session_in_folder(ORGANIZATION_REMOTE, "home", 1);
    let (_, outcome) = test.run_json(&[], 0);
    assert_eq!(test.sent_since(0), [session]);
    outcome.does_not_print("is ignored");
}

#[test]
fn removed_worktree_is_narrowed_by_the_working_tree_that_it_lay_in() {
    let test = ExporterTest::new();
    git_init(&test.path("api"));
    fs::write(test.path("api/han.yml"), OFF).unwrap();
    let (_, folder) = test.session_in_folder(ORGANIZATION_REMOTE, "api/.worktrees/2", 1);
    fs::remove_dir_all(folder).unwrap();
    assert!(test.run_and_list_sent(0).is_empty());
}

#[test]
fn merge_keys_and_further_documents_narrow() {
    for text in [
        "base: &base {enabled: false}\nsync:\n  <<: *base\n",
        "base: &base {sync: {enabled: false}}\n<<: *base\n",
        "a: &a {enabled: false}\nb: &b {interval: 5}\nsync: {<<: [*b, *a]}\n",
        "name: x\n---\nsync: {enabled: false}\n",
        "---\n---\nsync: {enabled: false}\n...\n",
    ] {
        let (test, _, folder) = in_folder(1);
        fs::write(folder.join("han.yml"), text).unwrap();
        assert!(test.run_and_list_sent(0).is_empty(), "{text}");
    }
}

#[test]
fn attempt_to_opt_out_that_is_not_understood_opts_out_and_is_reported() {
    for text in [
        "sync: {enabled: n}",
        "sync:\n  enabled:\n",
        "sync: {enabled: [false]}",
        "sync: {enabled: never}",
        "sync: {Enabled: false}",
        "sync: {enable: false}",
        "sync: {disabled: true}",
        "sync:\nenabled: false\n",
        "sync: off",
        "SYNC:\n  enabled: false\n",
        "SYNC:\n",
        "name: x\n---\nsync: {enabled: n}\n",
    ] {
        let (test, session, folder) = in_folder(1);
        let file = folder.join(".claude/han.yaml");
        fs::write(&file, text).unwrap();
        let (report, outcome) = test.run_json(&[], 0);
        assert_eq!((&report["sessionsSent"], test.sent_since(0).len()), (&0.into(), 0), "{text}");
        outcome.prints(file.to_str().unwrap());
        test.run(&["explain", &session]).exits(0).prints(file.to_str().unwrap());
    }
}

#[test]
fn attempt_to_withhold_text_that_is_not_understood_withholds_it() {
    for text in ["sync: {includeContent: n}", "sync: {includecontent: false}", "sync: {includeContent: }"] {
        let (test, session, folder) = in_folder(0);
        test.set("includeContent", "true");
        test.say(&session, "a secret plan");
        fs::write(folder.join("han.yml"), text).unwrap();
        let (_, outcome) = test.run_json(&[], 0);
        outcome.prints("is taken for includeContent: false");
        let stored = test.receiver.alice();
        assert!(
            stored.sessions[&session].messages.values().all(|message| message.content.is_none()),
            "{text}"
        );
    }
}

#[test]
fn project_override_survives_the_loss_of_either_state_file() {
    let lose: [(&str, Broken); 5] = [
        ("state removed", |folder| fs::remove_file(folder.join("sync-state.json")).unwrap()),
        ("queue removed", |folder| fs::remove_file(folder.join("sync-queue.json")).unwrap()),
        ("state of another program", |folder| {
            fs::write(folder.join("sync-state.json"), "{\"version\":1}").unwrap()
        }),
        ("queue of another program", |folder| fs::write(folder.join("sync-queue.json"), "[]").unwrap()),
        ("override removed from the state", |folder| {
            let path = folder.join("sync-state.json");
            let text = fs::read_to_string(&path).unwrap();
            let start = text.find("\"projectOverrides\":").unwrap();
            let end = start + text[start..].find('\n').unwrap();
            fs::write(&path, format!("{}\"projectOverrides\":{{}},{}", &text[..start], &text[end..]))
                .unwrap();
        }),
    ];
    for (name, lose) in lose {
        let (test, session, folder) = in_folder(1);
        fs::write(folder.join("han.yml"), OFF).unwrap();
        let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
        assert_eq!(test.run_and_list_sent(0), [other.as_str()], "{name}");
        fs::remove_dir_all(&folder).unwrap();
        // Twice, so that the copy has to be made anew.
        for _ in 0..2 {
            lose(&test.state_folder());
            test.add_messages(&session, 1);
            let sent = test.run_and_list_sent(0);
            assert!(!sent.contains(&session), "{name}: {sent:?}");
        }
        // The folder says otherwise: both copies forget it.
        fs::create_dir(&folder).unwrap();
        assert_eq!(test.run_and_list_sent(0), [session.as_str()], "{name}");
        test.assert_idle();
    }
}

#[test]
fn folder_behind_a_link_that_leads_nowhere_makes_its_sessions_wait() {
    for target in ["nowhere", "link"] {
        let test = ExporterTest::new();
        let (session, folder) = test.session_in_folder(ORGANIZATION_REMOTE, "link/api", 1);
        let (other, _) = test.session_in_folder(ORGANIZATION_REMOTE, "clone", 1);
        let link = test.path("link");
        fs::rename(&link, test.path("disk")).unwrap();
        symlink(target, &link).unwrap();
        let (_, outcome) = test.run_json(&[], 0);
        assert_eq!(test.sent_since(0), [other], "{target}");
        outcome.prints(&format!("{} cannot be inspected", folder.display()));
        test.run(&["explain", &session]).exits(0).prints("disabled_by_repository");
        fs::remove_file(&link).unwrap();
        fs::rename(test.path("disk"), &link).unwrap();
        assert_eq!(test.run_and_list_sent(0), [session]);
    }
}

/// Ends with what its `han-sync --json` under strace says, which injects a fault into the calls on a path.
#[track_caller]
fn run_with_fault(test: &ExporterTest, path: &Path, fault: &str) -> Outcome {
    let run = test.command(&["--json"]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "-o"]).arg(test.path("strace.log")).arg("-P").arg(path);
    strace.args(["-e", "trace=stat,lstat,statx,newfstatat", "-e", fault, "--"]).arg(run.get_program());
    strace.args(run.get_args()).env_clear().current_dir(test.path(""));
    strace.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    RunningProgram::new(strace.spawn().unwrap()).wait()
}

#[test]
fn folder_that_may_not_be_inspected_or_does_not_answer_makes_its_sessions_wait_and_no_others() {
    for (fault, reason) in [
        ("error=EACCES", "Permission denied"),
        ("error=EPERM", "Operation not permitted"),
        ("error=EIO", "Input/output error"),
        ("delay_enter=10s", "no answer within 5 s"),
    ] {
        let test = ExporterTest::new();
        let (session, folder) = test.session_in_folder(ORGANIZATION_REMOTE, "mount/api", 1);
        let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
        let fault = format!("inject=stat,lstat,statx,newfstatat:{fault}");
        run_with_fault(&test, &folder, &fault)
            .exits(0)
            .prints(&format!("{} cannot be inspected ({reason}", folder.display()));
        assert_eq!(test.sent_since(0), [other.as_str()], "{fault}");

        // Now that it can be inspected, it is sent; what it last said about text holds later.
        test.set("includeContent", "true");
        fs::write(folder.join("han.yml"), "sync: {includeContent: false}").unwrap();
        test.run_and_list_sent(0);
        test.say(&session, "a secret plan");
        run_with_fault(&test, &folder, &fault).exits(0).prints("what its han.yml last said holds");
        let stored = test.receiver.alice();
        let messages = &stored.sessions[&session].messages;
        assert_eq!(messages.len(), 2, "{fault}");
        assert!(messages.values().all(|message| message.content.is_none()), "{fault}");
    }
}

#[test]
fn file_that_is_a_device_or_leads_out_of_the_repository_keeps_its_repository_here() {
    for (name, make) in [
        ("kernel log", (|file| symlink("/proc/kmsg", file).unwrap()) as Broken),
        ("zeros", |file| symlink("/dev/zero", file).unwrap()),
        ("terminal", |file| symlink("/dev/tty", file).unwrap()),
        ("another repository", |file| {
            let other = file.parent().unwrap().parent().unwrap().with_file_name("other.yml");
            fs::write(&other, "sync: {}").unwrap();
            symlink(other, file).unwrap();
        }),
    ] {
        let (test, session, folder) = in_folder(1);
        make(&folder.join(".claude/han.yml"));
        assert!(test.run_and_list_sent(0).is_empty(), "{name}");
        test.run(&["explain", &session]).exits(0).prints("cannot be read");
        assert_eq!(test.json(&["preview"])["messages"], 0, "{name}");
    }
    // A link inside of the repository is one way to write it.
    let (test, session, folder) = in_folder(1);
    fs::write(folder.join("settings.yml"), "sync: {}").unwrap();
    symlink("../settings.yml", folder.join(".claude/han.yml")).unwrap();
    assert_eq!(test.run_and_list_sent(0), [session]);
}

#[test]
fn project_override_outlives_the_folder_until_the_folder_says_otherwise() {
    let (test, session, folder) = in_folder(1);
    fs::write(folder.join("han.yml"), "sync: {enabled: false}").unwrap();
    let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
    assert_eq!(test.run_and_list_sent(0), [other.as_str()]);

    let aside = test.path("aside");
    fs::rename(&folder, &aside).unwrap();
    let project = test.db.project_of(&session).unwrap();
    for unlinked in [false, true] {
        if unlinked {
            test.db.unlink_repo(&project);
        }
        test.add_messages(&session, 1);
        test.advance(TimeDelta::days(1));
        assert!(test.run_and_list_sent(0).is_empty());
    }
    let each = test.json(&["explain", &session])["sessions"][0].clone();
    assert_eq!(each["reason"], "disabled_by_repository");
    assert_eq!(each["setIn"], folder.join("han.yml").display().to_string());

    // A project override also outlives a reset.
    test.run(&["reset"]).exits(0);
    assert_eq!(test.run_and_list_sent(0), [other]);

    fs::rename(&aside, &folder).unwrap();
    fs::write(folder.join("han.yml"), "sync: {}").unwrap();
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    assert_eq!(test.receiver.alice().sessions[&session].messages.len(), 3);
}

#[test]
fn project_override_that_was_seen_with_nothing_to_send_outlives_the_folder_too() {
    let (test, session, folder) = in_folder(1);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    // Something that is not sent makes the run look, and nothing of it goes.
    fs::write(folder.join("han.yml"), "sync: {enabled: false}").unwrap();
    test.session("https://github.com/alice/x", 1);
    assert!(test.run_and_list_sent(0).is_empty());
    fs::remove_dir_all(&folder).unwrap();
    test.add_messages(&session, 1);
    assert!(test.run_and_list_sent(0).is_empty());
}

#[test]
fn text_is_narrowed_by_itself() {
    let (test, session, folder) = in_folder(0);
    test.set("includeContent", "true");
    test.say(&session, "before the override");
    let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 0);
    test.say(&other, "of the other repository");
    fs::write(folder.join("han.yml"), "sync:\n  includeContent: false\n").unwrap();
    test.run_and_list_sent(0);
    let stored = test.receiver.alice();
    let texts = |id: &str| -> Vec<bool> {
        stored.sessions[id].messages.values().map(|message| message.content.is_some()).collect()
    };
    assert_eq!((texts(&session), texts(&other)), (vec![false], vec![true]));
    let bodies: Vec<u8> = test.receiver.batches().into_iter().flat_map(|batch| batch.body.unwrap()).collect();
    assert!(!String::from_utf8(bodies).unwrap().contains("before the override"));
}

#[test]
fn everything_else_in_it_is_reported_and_ignored() {
    let (test, session, folder) = in_folder(2);
    let evil = TestReceiver::start();
    test.set("forceExclude", "[github.com/acme-corp/secret]");
    let secret = test.session("https://github.com/acme-corp/secret", 1);
    let keys = [
        "enabled",
        "endpoint",
        "apiKey",
        "apiKeyFile",
        "includeContent",
        "includePersonal",
        "forceInclude",
        "forceExclude",
        "organizations",
        "redactPatterns",
        "batchSize",
        "caFile",
        "interval",
        "timeout",
        "sentiment",
    ];
    let text = format!(
        "sync:\n  enabled: true\n  endpoint: {}\n  apiKey: han_evil\n  apiKeyFile: /etc/passwd\n  includeContent: true\n  \
         includePersonal: true\n  forceInclude: ['*']\n  forceExclude: []\n  organizations: [github.com/alice]\n  \
         redactPatterns: []\n  batchSize: 1\n  caFile: /dev/null\n  interval: 1\n  timeout: 1\n  sentiment: true\n",
        evil.endpoint()
    );
    fs::write(folder.join("han.yml"), text).unwrap();
    let personal = test.session("https://github.com/alice/x", 1);
    let outcome = test.run(&["--json"]).exits(0);
    assert_eq!(test.sent_since(0), [session.as_str()]);
    assert_eq!(evil.request_count(), 0);
    assert_eq!(test.receiver.batches().len(), 1);
    let stored = test.receiver.alice();
    assert!(stored.sessions[&session].messages.values().all(|message| message.content.is_none()));
    assert!(!stored.sessions.contains_key(&secret) && !stored.sessions.contains_key(&personal));
    for key in keys {
        assert!(outcome.stderr.contains(&format!("sync.{key} is ignored")), "{key}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("han_evil"));
}

/// A way to make a file that cannot be read.
type Broken = fn(&Path);

#[test]
fn file_that_cannot_be_read_keeps_its_repository_here() {
    let broken: [(&str, Broken); 9] = [
        ("no YAML", |file| fs::write(file, "sync: [").unwrap()),
        ("no mapping", |file| fs::write(file, "- enabled").unwrap()),
        ("no section", |file| fs::write(file, "sync: everything").unwrap()),
        ("no UTF-8", |file| fs::write(file, b"sync:\n  enabled: \xff\xfe").unwrap()),
        ("huge", |file| fs::write(file, "# \n".repeat(1 << 20)).unwrap()),
        ("a folder", |file| fs::create_dir(file).unwrap()),
        ("a link that leads nowhere", |file| symlink("nowhere", file).unwrap()),
        ("a link to itself", |file| symlink(file, file).unwrap()),
        ("a pipe that nobody writes to", |file| {
            assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
        }),
    ];
    for (name, make) in broken {
        let (test, session, folder) = in_folder(1);
        let file = folder.join(".claude/han.yml");
        make(&file);
        let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
        assert_eq!(test.run_and_list_sent(0), [other], "{name}");
        test.run(&["explain", &session]).exits(0).prints(file.to_str().unwrap()).prints("cannot be read");
        assert_eq!(test.json(&["preview"])["messages"], 0, "{name}");
    }
}

#[test]
fn yaml_that_is_made_to_explode_does_not() {
    let bomb = {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        text
    };
    let flow = "[".repeat(500_000);
    let block = (0..1200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    for (name, text) in [("aliases", bomb), ("brackets", flow), ("nesting", block)] {
        let (test, _, folder) = in_folder(1);
        fs::write(folder.join("han.yml"), text).unwrap();
        let (other, _) = test.session_in_folder("https://github.com/acme-corp/web", "web", 1);
        let sent = test.run_and_list_sent(0);
        assert!(sent.contains(&other), "{name}");
    }
}

#[test]
fn last_known_repository_holds_without_a_link_and_a_changed_one_counts() {
    let test = ExporterTest::new();
    let (session, _) = test.session_in_folder(ORGANIZATION_REMOTE, "api", 1);
    let project = test.db.project_of(&session).unwrap();
    let repo = test.db.strings("SELECT repo_id FROM projects WHERE id = ?1", [&project]).remove(0);
    assert_eq!(test.run_and_list_sent(0), [session.as_str()]);
    let steps: [(&str, bool); 7] = [
        ("", true),
        ("git@gitlab.com:acme/api.git", true),
        ("https://github.com/alice/api", false),
        ("", false),
        (ORGANIZATION_REMOTE, true),
        // It cannot be read, but it is what the project has now.
        ("/srv/git/api", false),
        ("", false),
    ];
    for (step, (remote, sent)) in steps.into_iter().enumerate() {
        match remote {
            "" => test.db.unlink_repo(&project),
            remote => {
                test.db.set_remote(&repo, remote);
                test.db.link_repo(&project, Some(&repo));
            }
        }
        test.add_messages(&session, 1);
        let expected: &[String] = if sent { std::slice::from_ref(&session) } else { &[] };
        assert_eq!(test.run_and_list_sent(0), expected, "step {step}: {remote:?}");
    }
}

#[test]
fn repository_that_changes_hands_during_a_run_is_sent_no_more() {
    let test = ExporterTest::new();
    test.set("batchSize", "2");
    test.set("timeout", "600");
    let (session, _) = test.session_in_folder(ORGANIZATION_REMOTE, "api", 6);
    let repo = test.db.strings("SELECT id FROM repos WHERE remote = ?1", [ORGANIZATION_REMOTE]).remove(0);
    test.receiver.script(batches().with_data().times(1), Fault::none().held());
    let run = test.spawn(&["--json"]);
    test.receiver.wait_until("the first batch arrives", |requests| requests.iter().any(Request::is_batch));
    test.db.set_remote(&repo, "https://github.com/alice/api");
    test.receiver.release();
    run.wait().exits(0);
    assert_eq!(test.receiver.alice().sessions[&session].messages.len(), 2);
}

#[test]
fn project_override_is_seen_while_nothing_is_to_be_sent_and_holds_when_the_folder_is_gone() {
    let test = ExporterTest::new();
    let (session, folder) = test.session_in_folder(ORGANIZATION_REMOTE, "api", 2);
    let stranger = test.session("https://github.com/stranger/left-pad", 1);
    assert_eq!(test.run_and_list_sent(0), std::slice::from_ref(&session));
    std::fs::write(folder.join("han.yml"), "sync:\n  enabled: false\n").unwrap();
    test.add_messages(&stranger, 1);
    assert_eq!(test.run_and_list_sent(0), Vec::<String>::new());
    std::fs::remove_dir_all(&folder).unwrap();
    test.add_messages(&session, 1);
    assert_eq!(test.run_and_list_sent(0), Vec::<String>::new());
}
