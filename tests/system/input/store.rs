//! Bad stores of the receiver.

use std::fs;

use crate::support::running_receiver::{TestStore, sqlite, write_store};

/// The store's file is something else: every command says where it is and what to do.
#[track_caller]
fn in_its_place(store: &TestStore, words: &str) {
    for arguments in ["org list", "user list"] {
        let (code, stdout, stderr) = store.try_admin(arguments);
        assert_eq!((code, stdout.as_str()), (69, ""), "{stderr}");
        assert!(stderr.contains(&store.url) && stderr.contains(words), "{stderr}");
    }
}

#[test]
fn store_that_is_no_database_is_named_with_a_way_out() {
    let store = sqlite();
    write_store(&store.folder.path().join("team.db"), "not a database\n".repeat(500).as_bytes());
    in_its_place(&store, "restore a backup");
}

#[test]
fn store_that_is_a_folder_is_named() {
    let store = sqlite();
    fs::create_dir(store.folder.path().join("team.db")).expect("a folder");
    in_its_place(&store, "cannot be opened");
}

#[test]
fn store_with_damaged_pages_is_named_with_a_way_out() {
    let store = sqlite();
    store.admin("org create acme --name Acme --owner github.com/acme-corp");
    let file = store.folder.path().join("team.db");
    let mut bytes = fs::read(&file).expect("the store");
    bytes[4096..].fill(0x41);
    fs::write(&file, bytes).expect("the damaged store");
    in_its_place(&store, "restore a backup");
}
