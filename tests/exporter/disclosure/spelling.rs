//! Repositories on own servers, which several addresses name: what one of them excludes, all exclude, and what is sent
//! goes under one name.

use crate::support::exporter_test::ExporterTest;

/// Addresses of one repository on a Bitbucket server with a context path.
const SECRET: [&str; 4] = [
    "https://git.corp.example/scm/proj/secret.git",
    "https://git.corp.example/bitbucket/scm/proj/secret.git",
    "ssh://git@git.corp.example:7999/proj/secret.git",
    "https://alice:token@git.corp.example/a/proj/secret",
];

/// Sends everything of the server's owners that nothing withholds, and returns the repositories.
fn sent(test: &ExporterTest, remotes: &[&str]) -> Vec<String> {
    for remote in remotes {
        test.session(remote, 1);
    }
    test.run_json(&[], 0);
    let stored = test.receiver.alice();
    let mut repositories: Vec<String> =
        stored.sessions.values().map(|session| session.fields.repo_remote.clone()).collect();
    repositories.sort();
    repositories.dedup();
    repositories
}

#[test]
fn exclusion_in_one_spelling_excludes_every_other() {
    for pattern in SECRET.into_iter().chain([
        "git.corp.example/scm/proj/secret",
        "git.corp.example/proj/secret",
        "git.corp.example/scm/**",
        "scm/proj/secret",
    ]) {
        let test = ExporterTest::new();
        test.set("organizations", "[git.corp.example/proj]");
        test.set("forceExclude", &format!("[\"{pattern}\"]"));
        assert_eq!(sent(&test, &SECRET), Vec::<String>::new(), "{pattern}");
    }
}

#[test]
fn repository_is_sent_under_one_name_in_every_spelling() {
    let test = ExporterTest::new();
    test.set("organizations", "[git.corp.example/scm/proj]");
    assert_eq!(sent(&test, &SECRET), ["https://git.corp.example/proj/secret"]);
    assert_eq!(test.receiver.alice().sessions.len(), SECRET.len());
}

#[test]
fn own_account_in_one_spelling_is_personal_in_every_other() {
    for account in ["git.corp.example/users/alice", "git.corp.example/scm/~Alice", "git.corp.example/~alice"]
    {
        let test = ExporterTest::new();
        test.set("organizations", "[git.corp.example/team]");
        test.receiver.with_identity("user-alice", |identity| identity.accounts.push(account.to_owned()));
        let remotes = [
            "https://git.corp.example/scm/~alice/x.git",
            "ssh://git@git.corp.example:7999/~alice/x.git",
            "https://git.corp.example/users/alice/x",
            "https://git.corp.example/scm/team/x.git",
        ];
        assert_eq!(sent(&test, &remotes), ["https://git.corp.example/team/x"], "{account}");
    }
}
