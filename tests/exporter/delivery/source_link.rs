//! han.db behind links: what han writes is seen at once, wherever the write-ahead log lies.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::support::exporter_test::ExporterTest;
use crate::support::han_db::HanDb;

/// A test at rest whose `HAN_DB` is the path that `link` makes for the real database.
fn behind(link: fn(&ExporterTest, PathBuf) -> PathBuf) -> ExporterTest {
    let test = ExporterTest::with_sessions(&[2]);
    let path = link(&test, test.database());
    test.env("HAN_DB", path.to_str().unwrap());
    test.run_json(&[], 0);
    // The files are now too old to change without a new mtime, and the next run goes by them.
    test.age_database();
    test.add_messages(&test.sessions[0], 1);
    test.age_database();
    test.run_json(&[], 0);
    test.assert_idle();
    test
}

#[test]
fn message_in_the_log_beside_the_target_of_a_link_is_sent_by_the_next_run() {
    type Link = fn(&ExporterTest, PathBuf) -> PathBuf;
    let links: [(&str, Link); 6] = [
        ("no link", |_, database| database),
        ("a link to the file", |test, database| {
            fs::create_dir(test.path("links")).unwrap();
            symlink(database, test.path("links/han.db")).unwrap();
            test.path("links/han.db")
        }),
        ("a relative link of another name", |test, _| {
            fs::create_dir(test.path("links")).unwrap();
            symlink("../han.db", test.path("links/other")).unwrap();
            test.path("links/other")
        }),
        ("a chain of links", |test, database| {
            fs::create_dir(test.path("links")).unwrap();
            symlink(database, test.path("links/c")).unwrap();
            symlink("c", test.path("links/b")).unwrap();
            symlink("links/b", test.path("a.db")).unwrap();
            test.path("a.db")
        }),
        ("a link to the folder", |test, _| {
            symlink(".", test.path("folder")).unwrap();
            test.path("folder/han.db")
        }),
        ("a relative link in a folder behind a link", |test, _| {
            fs::create_dir_all(test.path("real/links")).unwrap();
            symlink("../../han.db", test.path("real/links/han.db")).unwrap();
            symlink("real/links", test.path("links")).unwrap();
            test.path("links/han.db")
        }),
    ];
    for (name, link) in links {
        let test = behind(link);
        for _ in 0..2 {
            test.add_messages(&test.sessions[0], 1);
            assert_eq!(test.run_and_list_sent(0), test.sessions, "{name}");
        }
        test.assert_delivered_without_repeats();
    }
}

#[test]
fn link_that_leads_to_another_database_is_noticed() {
    let test = behind(|test, database| {
        symlink(database, test.path("link.db")).unwrap();
        test.path("link.db")
    });
    let other = HanDb::create(test.path("other.db"));
    let session = other.organization_session();
    other.transaction(|db| {
        let line = db.next_line(&session, &crate::support::han_db::Stream::Main);
        db.message(&db.make(|maker| maker.user(&session, &crate::support::han_db::Stream::Main, line)));
    });
    fs::remove_file(test.path("link.db")).unwrap();
    symlink(test.path("other.db"), test.path("link.db")).unwrap();
    assert_eq!(test.run_and_list_sent(0), [session]);
}
