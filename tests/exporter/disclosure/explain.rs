//! `explain` names, for every session or repository, the rule, the value that matched, where it was set and what would
//! change it.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::ORGANIZATION_REMOTE;

/// The explanation of one session.
#[track_caller]
fn explained(test: &ExporterTest, what: &str) -> Value {
    let document = test.json(&["explain", what]);
    assert_eq!(document["sessions"].as_array().unwrap().len(), 1, "{document}");
    document["sessions"][0].clone()
}

#[test]
fn every_rule_is_named_with_value_place_and_remedy() {
    let test = ExporterTest::new();
    test.set("forceExclude", "[acme-corp/secret]");
    test.set("forceInclude", "['github.com/friend/*']");
    test.set("organizations", "[git.example.org/tools]");
    let yml = test.config_file().display().to_string();
    let identity = format!("{}/identity", test.receiver.endpoint());
    let local = test.db.session_of_remote("/srv/git/x");
    let bare = {
        let project = test.db.project(None, "/home/dev/scratch");
        test.db.session("bare", Some(&project), None, None);
        "bare".to_owned()
    };
    let of = |remote: &str| test.session(remote, 1);
    let table = [
        (
            of("https://github.com/acme-corp/secret"),
            "forced_exclude",
            "acme-corp/secret",
            yml.as_str(),
            "remove the pattern from forceExclude",
        ),
        (of("https://github.com/friend/x"), "forced_include", "github.com/friend/*", &yml, "forceExclude"),
        (of("https://github.com/alice/x"), "personal", "github.com/alice", &identity, "includePersonal"),
        (of(ORGANIZATION_REMOTE), "organization", "github.com/acme-corp", &identity, "forceExclude"),
        (of("git@git.example.org:tools/x"), "organization", "git.example.org/tools", &yml, "enabled: false"),
        (of("https://github.com/stranger/x"), "owner_unknown", "", "", "forceInclude"),
        (local, "unparsable_remote", "", "", "https://host/owner/repo"),
        (bare, "no_remote", "", "", "git remote add"),
    ];
    let everything = test.json(&["explain"]);
    assert_eq!(everything["sessions"].as_array().unwrap().len(), table.len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, reason, matched, set_in, remedy) in &table {
        *counts.entry(reason).or_default() += 1;
        let each = explained(&test, id);
        assert!(everything["sessions"].as_array().unwrap().contains(&each));
        assert_eq!(each["reason"], *reason, "{each}");
        assert_eq!(each["matched"].as_str().unwrap_or(""), *matched, "{each}");
        assert_eq!(each["setIn"].is_null(), set_in.is_empty(), "{each}");
        assert!(each["setIn"].as_str().unwrap_or("").contains(set_in), "{each}");
        assert!(each["remedy"].as_str().unwrap().contains(remedy), "{each}");
        assert!(!each["explanation"].as_str().unwrap().is_empty());
        let eligible = ["forced_include", "organization"].contains(reason);
        assert_eq!(each["eligible"], eligible, "{each}");
        let text = test.run(&["explain", id]).exits(0);
        for said in [reason, matched, set_in, remedy] {
            assert!(text.stdout.contains(said), "{said:?} is missing in {}", text.stdout);
        }
    }
    assert_eq!(everything["counts"], json!(counts));
    test.run(&["explain"]).exits(0).prints("2 organization, 1 owner_unknown, 1 personal");

    test.set("includePersonal", "true");
    let personal = explained(&test, &table[2].0);
    assert_eq!((&personal["reason"], &personal["eligible"]), (&json!("personal"), &json!(true)));
    assert!(personal["setIn"].as_str().unwrap().contains(&format!("includePersonal by {yml}")), "{personal}");
}

#[test]
fn repository_is_found_in_any_form_of_its_remote() {
    let test = ExporterTest::new();
    let id = test.session("git@gitlab.com:acme/platform/core/api.git", 1);
    test.session(ORGANIZATION_REMOTE, 1);
    for form in [
        "gitlab.com/acme/platform/core/api",
        "https://gitlab.com/acme/platform/core/api.git",
        "https://user:token@GitLab.com:443/Acme/platform/core/api/",
        "ssh://git@gitlab.com:2222/acme/platform/core/api",
        "git@gitlab.com:acme/platform/core/api.git",
        "gitlab.com/acme/**",
        id.as_str(),
    ] {
        let each = explained(&test, form);
        assert_eq!(
            (&each["sessionId"], &each["repository"]),
            (&json!(id), &json!("gitlab.com/acme/platform/core/api"))
        );
    }
}

#[test]
fn repository_without_sessions_is_decided_by_the_same_rules() {
    let test = ExporterTest::new();
    test.session(ORGANIZATION_REMOTE, 1);
    for (repository, reason) in [
        ("github.com/acme-corp/new", "organization"),
        ("git@github.com:alice/new.git", "personal"),
        ("github.com/acme-corp-evil/api", "owner_unknown"),
    ] {
        let each = explained(&test, repository);
        assert_eq!((&each["reason"], &each["sessionId"]), (&json!(reason), &Value::Null));
    }
    test.run(&["explain", "no-such-session"]).exits(64).prints("no-such-session");
}

#[test]
fn project_override_is_named_with_its_file() {
    let test = ExporterTest::new();
    test.set("includeContent", "true");
    let (off, folder) = test.session_in_folder("https://github.com/acme-corp/off", "off", 1);
    fs::create_dir(folder.join(".claude")).unwrap();
    let off_file = folder.join(".claude/han.yml");
    fs::write(&off_file, "sync:\n  enabled: false\n").unwrap();
    let (silent, folder) = test.session_in_folder("https://github.com/acme-corp/silent", "silent", 1);
    let silent_file = folder.join("han.yml");
    fs::write(&silent_file, "sync:\n  includeContent: false\n").unwrap();
    let (open, _) = test.session_in_folder(ORGANIZATION_REMOTE, "open", 1);

    let each = explained(&test, &off);
    assert_eq!((&each["reason"], &each["setIn"]), (&json!("disabled_by_repository"), &json!(off_file)));
    test.run(&["explain", &off]).exits(0).prints(off_file.to_str().unwrap());
    let each = explained(&test, &silent);
    assert_eq!((&each["eligible"], &each["withContent"]), (&json!(true), &json!(false)));
    assert!(each["content"].as_str().unwrap().contains(silent_file.to_str().unwrap()), "{each}");
    test.run(&["explain", &silent]).exits(0).prints(silent_file.to_str().unwrap());
    let each = explained(&test, &open);
    assert_eq!(each["withContent"], true);
    assert!(each["content"].as_str().unwrap().contains(test.config_file().to_str().unwrap()), "{each}");
}

#[test]
fn text_groups_repositories_by_reason_with_one_remedy_each() {
    let test = ExporterTest::new();
    test.set("forceExclude", "[github.com/acme-corp/secret, github.com/acme-corp/old]");
    for repository in ["api", "web", "secret", "old"] {
        test.session(&format!("https://github.com/acme-corp/{repository}"), 1);
    }
    test.session("https://github.com/acme-corp/api", 1);
    for owner in ["one", "two", "three"] {
        test.session(&format!("https://github.com/{owner}/x"), 1);
    }
    let mut off_files = Vec::new();
    for name in ["left", "right"] {
        let (_, folder) = test.session_in_folder(&format!("https://github.com/acme-corp/{name}"), name, 1);
        fs::write(folder.join("han.yml"), "sync: {enabled: false}").unwrap();
        off_files.push(folder.join("han.yml").display().to_string());
    }
    let text = test.run(&["explain"]).exits(0).stdout;
    let count = |part: &str| text.matches(part).count();
    for (heading, remedy) in [
        ("sent: organization (3 sessions)", "to exclude it, add"),
        ("stays: forced_exclude (2 sessions)", "remove the pattern"),
        ("stays: owner_unknown (3 sessions)", "add its owner to organizations"),
        ("stays: disabled_by_repository (2 sessions)", "remove enabled: false"),
    ] {
        assert_eq!((count(heading), count(remedy)), (1, 1), "{heading} in {text}");
    }
    assert_eq!(count("    change  "), 4, "{text}");
    // What differs stands beside its repository, what does not stands once.
    for line in [
        "    github.com/acme-corp/api: 2 sessions\n",
        "    github.com/acme-corp/web: 1 session\n",
        "    matched github.com/acme-corp\n",
        "    github.com/acme-corp/secret: 1 session, matched github.com/acme-corp/secret\n",
        "    github.com/two/x: 1 session\n",
        &format!("    github.com/acme-corp/left: 1 session, set in {}\n", off_files[0]),
        &format!("    github.com/acme-corp/right: 1 session, set in {}\n", off_files[1]),
    ] {
        assert_eq!(count(line), 1, "{line} in {text}");
    }
}

#[test]
fn explains_before_sync_is_enabled_and_without_a_receiver() {
    let test = ExporterTest::new();
    let session = test.session(ORGANIZATION_REMOTE, 1);
    test.set("enabled", "false");
    assert_eq!(explained(&test, &session)["reason"], "organization");
    assert_eq!(test.json(&["explain"])["enabled"], false);
    test.run(&["explain"]).exits(0).prints("not enabled").prints(test.config_file().to_str().unwrap());

    test.set("endpoint", "http://127.0.0.1:9/api/sync");
    let each = explained(&test, &session);
    assert_eq!((&each["reason"], &each["eligible"]), (&json!("identity_unknown"), &json!(false)));
    test.unset("endpoint");
    test.unset("apiKey");
    test.unset("enabled");
    assert_eq!(explained(&test, &session)["reason"], "identity_unknown");
    test.set("organizations", "[github.com/acme-corp]");
    assert_eq!(explained(&test, &session)["reason"], "organization");
    assert!(!test.state_folder().exists());
}
