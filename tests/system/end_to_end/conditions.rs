//! Every condition that han databases are found in, compared by every field.

use super::Scene;
use super::store::{Expected, Text, assert_equals_source, assert_sent_exactly_the_difference, plain_hash};
use crate::support::han_db::{CONDITIONS, HanDb, build_large, conditions};
use crate::support::running_receiver::stores;

/// A database in which every condition has a session of its own, one session has all of them, and there is one for
/// every form of remote.
fn every_condition(db: &HanDb) {
    db.transaction(|db| {
        let all = db.organization_session();
        for (_, condition) in CONDITIONS {
            let own = db.organization_session();
            condition(db, &own, 24);
            condition(db, &all, 24);
        }
        conditions::remotes_in_every_form(db);
    });
}

#[test]
fn every_condition_arrives_in_every_field() {
    for store in stores() {
        let scene = Scene::new(store);
        let db = HanDb::create(scene.machine.database());
        every_condition(&db);
        let report = scene.machine.run();
        let expected = scene.machine.expected();
        assert_sent_exactly_the_difference(&report, &Expected::new(), &expected);
        assert_equals_source(&scene.store, &scene.machine, Text::Without);
        scene.machine.run_finds_nothing();
        for session in db.sessions() {
            conditions::more_of_everything(&db, &session, 12);
        }
        let report = scene.machine.run();
        assert_sent_exactly_the_difference(&report, &expected, &scene.machine.expected());
        assert_equals_source(&scene.store, &scene.machine, Text::Without);
        scene.end();
    }
}

#[test]
fn text_arrives_as_it_is_where_there_is_nothing_to_redact() {
    for store in stores() {
        let mut scene = Scene::new(store);
        scene.machine.set("includeContent", true);
        // The large message of the conditions looks like an attachment.
        scene.machine.set("includeAttachments", true);
        let db = HanDb::create(scene.machine.database());
        every_condition(&db);
        scene.machine.run();
        assert_equals_source(&scene.store, &scene.machine, Text::With);
        scene.machine.run_finds_nothing();
        scene.end();
    }
}

#[test]
fn hash_of_text_is_that_of_the_text_as_sent() {
    for store in stores() {
        let mut scene = Scene::new(store);
        scene.machine.set("includeContent", true);
        scene.machine.set("redactPatterns", r#"["[0-9]{3}Z"]"#);
        build_large(scene.machine.database(), 2_000, 20, 1_000, 3);
        scene.machine.run();
        let rows = scene.store.query("SELECT content, content_hash FROM messages");
        let mut redacted = 0;
        for row in &rows {
            let [Some(content), Some(hash)] = &row[..] else { panic!("{row:?}") };
            assert_eq!(plain_hash(content), *hash);
            redacted += usize::from(content.contains("[REDACTED:"));
        }
        assert!(redacted > 0 && rows.len() > 200, "{redacted} of {}", rows.len());
        scene.end();
    }
}

#[test]
fn text_is_filled_in_when_history_is_sent_again_with_it() {
    for store in stores() {
        let mut scene = Scene::new(store);
        let db = HanDb::create(scene.machine.database());
        every_condition(&db);
        scene.machine.run();
        assert_equals_source(&scene.store, &scene.machine, Text::Without);
        scene.machine.set("includeContent", true);
        scene.machine.set("includeAttachments", true);
        scene.machine.run_with(&["reset"]);
        scene.machine.run();
        assert_equals_source(&scene.store, &scene.machine, Text::With);
        scene.end();
    }
}

#[test]
fn database_of_an_older_han_arrives_whole() {
    for store in stores() {
        let scene = Scene::new(store);
        let db = HanDb::create_old_schema(scene.machine.database());
        every_condition(&db);
        scene.machine.run();
        let expected = scene.machine.expected();
        assert!(expected.values().all(|session| session.harness.is_none()) && !expected.is_empty());
        assert_equals_source(&scene.store, &scene.machine, Text::Without);
        scene.machine.run_finds_nothing();
        scene.end();
    }
}

#[test]
fn empty_database_has_nothing_to_send() {
    for store in stores() {
        let scene = Scene::new(store);
        HanDb::create_empty(scene.machine.database());
        let report = scene.machine.run();
        assert_eq!((&report["sessionsSent"], &report["messagesSent"]), (&0.into(), &0.into()), "{report}");
        assert!(scene.store.query("SELECT session_id FROM sessions").is_empty());
        scene.machine.run_finds_nothing();
        scene.end();
    }
}
