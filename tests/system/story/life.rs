//! The life of an installation: set up, scheduled, fired by cron, cut off, recovered, removed.

use std::fs;
use std::time::{Duration, Instant};

use super::cable::Cable;
use super::person::Person;
use crate::support::han_db::{HanDb, conditions};
use crate::support::running_receiver::{TestStore, sqlite};

/// cron starts the line at the next full minute.
const CRON_MAX: Duration = Duration::from_secs(140);
const POLL: Duration = Duration::from_millis(50);

/// Number of messages at the receiver.
fn received(store: &TestStore) -> usize {
    store.query("SELECT count(*) FROM messages")[0][0].as_deref().unwrap().parse().unwrap()
}

/// Waits until the receiver has more messages than before.
#[track_caller]
fn await_messages(store: &TestStore, before: usize) {
    let started = Instant::now();
    while received(store) <= before {
        assert!(started.elapsed() < CRON_MAX, "nothing arrives");
        std::thread::sleep(POLL);
    }
}

/// `han-sync init` with a device code that the administrator approves.
fn set_up(person: &mut Person, store: &TestStore, base: &str) {
    person.types("han-sync init");
    person.sees("Address of your team's receiver");
    person.types(base);
    person.sees("check that it shows the code ");
    let code = person.sees(".");
    store.admin(&format!("device approve {code} --user alice"));
    let shown = person.sees("Send the text of messages, too");
    assert!(shown.contains("where you are alice") && shown.contains("1 session with"), "{shown}");
    person.sees("[y/N]");
    person.types("n");
    person.sees("Install the schedule");
    person.types("n");
    person.sees("next: han-sync install");
    person.sees_its_end();
}

#[test]
fn machine_is_set_up_delivers_is_cut_off_recovers_and_is_left_as_it_was() {
    let store = sqlite();
    store.create_team();
    let receiver = store.serve();
    let cable = Cable::to(&receiver.base);
    let mut person = Person::new();
    for folder in [".han", ".claude"] {
        fs::create_dir(person.home().join(folder)).unwrap();
    }
    let db = HanDb::create(person.home().join(".han/han.db"));
    let session = db.organization_session();
    conditions::more_of_everything(&db, &session, 12);
    fs::write(person.home().join(".claude/han.yml"), "# mine\nsync:\n  interval: 60 # often\n").unwrap();
    fs::write(person.home().join(".claude/settings.json"), "{\n\t\"model\": \"opus\"\n}\n").unwrap();

    set_up(&mut person, &store, &cable.base());
    let text = fs::read_to_string(person.home().join(".claude/han.yml")).unwrap();
    assert!(text.starts_with("# mine\nsync:\n  interval: 60 # often\n  enabled: true\n"), "{text}");
    // A simulated clock skips the splay.
    let now = chrono::Utc::now().to_rfc3339();
    let mine = format!("HAN_SYNC_TEST_NOW={now}\nMAILTO=\"\"\n# mine\n");
    fs::write(person.home().join("mine"), &mine).unwrap();
    assert_eq!(person.runs("crontab - < mine").0, 0);
    let (crontab_before, tree_before) = (person.runs("crontab -l"), person.tree());

    let (code, shown) = person.runs("han-sync install --scheduler cron");
    assert!(code == 0 && shown.contains("schedule (cron)"), "{code} {shown}");
    person.lets_cron_fire();
    await_messages(&store, 0);
    // The run that cron started may still hold the lock.
    let (code, shown) = person.runs("han-sync all; han-sync doctor");
    assert!(code == 0 && shown.contains("all is well"), "{code} {shown}");
    let (_, shown) = person.runs("han-sync status");
    assert!(shown.contains("everything is sent to") && !shown.contains("last error"), "{shown}");

    cable.cut();
    conditions::more_of_everything(&db, &session, 3);
    let before = received(&store);
    let (_, shown) = person.runs("han-sync all --max-seconds 1; han-sync status");
    assert!(
        shown.contains("to send") && shown.contains("last error: ") && shown.contains("next try at"),
        "{shown}"
    );
    assert_eq!(received(&store), before);
    cable.mend();
    person.runs("han-sync all");
    await_messages(&store, before);
    let (_, shown) = person.runs("han-sync all; han-sync status");
    assert!(shown.contains("everything is sent to") && !shown.contains("last error"), "{shown}");

    let (code, shown) = person.runs("han-sync uninstall");
    assert!(code == 0 && shown.contains("removed: "), "{code} {shown}");
    assert_eq!(person.tree(), tree_before, "byte for byte");
    assert_eq!(person.runs("crontab -l"), crontab_before);
    person.leaves();
}
