//! The machine behind the client id: its machine id, and never its host name alone.

use std::process::Command;

use serde_json::Value;

use super::mounted;
use crate::support::{ExporterTest, Outcome, RunningProgram};

/// A run on a machine of that host name, and with that machine id, if any.
fn run_on(test: &ExporterTest, name: &str, machine_id: Option<&str>) -> Outcome {
    let id_file = test.path("machine-id");
    std::fs::write(&id_file, machine_id.map(|digit| digit.repeat(32)).unwrap_or_default())
        .expect("a machine id");
    let hide = |path: &str| format!("if [ -e {path} ]; then mount --bind {} {path}; fi\n", id_file.display());
    let before = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"].map(hide).concat()
        + "hostname "
        + name;
    let inside = mounted::between(&before, &test.command(&["--json"]), "true");
    let mut command = Command::new("unshare");
    command.args(["--uts", "--"]).arg(inside.get_program()).args(inside.get_args()).env_clear();
    command.envs(inside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let outcome =
        RunningProgram::new(command.stderr(std::process::Stdio::piped()).spawn().expect("unshare")).wait();
    outcome.exits(0)
}

/// The client id and secret of the state.
fn client(test: &ExporterTest) -> (Value, Value) {
    let state = test.state_file("sync-state.json");
    (state["clientId"].clone(), state["clientSecret"].clone())
}

#[test]
fn change_of_the_host_name_is_no_other_machine() {
    if !mounted::is_allowed() {
        return;
    }
    for machine_id in [None, Some("a")] {
        let test = ExporterTest::with_sessions(&[1]);
        run_on(&test, "dhcp-17", machine_id);
        let first = client(&test);
        for name in ["dhcp-18", "localhost", "dhcp-17"] {
            test.add_messages(&test.sessions[0], 1);
            run_on(&test, name, machine_id).does_not_print("another machine");
            assert_eq!(client(&test), first, "{name} {machine_id:?}");
        }
        test.assert_delivered();
    }
}

#[test]
fn copy_on_another_machine_is_another_client_and_each_machine_keeps_its_own() {
    if !mounted::is_allowed() {
        return;
    }
    for machines in [["a", "b"], ["a", ""], ["", "a"]] {
        let [here, there] = machines.map(|id| Some(id).filter(|id| !id.is_empty()));
        let test = ExporterTest::with_sessions(&[1]);
        run_on(&test, "same-name", here);
        let first = client(&test);
        test.add_messages(&test.sessions[0], 1);
        run_on(&test, "same-name", there).prints("another machine");
        let second = client(&test);
        assert!(first.0 != second.0 && first.1 != second.1, "{machines:?}");
        for (machine, expected) in [(here, &first), (there, &second), (here, &first)] {
            test.add_messages(&test.sessions[0], 1);
            run_on(&test, "another-name", machine).prints("another machine");
            assert_eq!(&client(&test), expected, "{machines:?}");
        }
        test.assert_delivered();
    }
}

#[test]
fn copy_of_the_folder_is_another_client_where_no_machine_has_an_id() {
    if !mounted::is_allowed() {
        return;
    }
    let test = ExporterTest::with_sessions(&[1]);
    run_on(&test, "container", None);
    let first = client(&test);
    let (folder, copy) = (test.state_folder(), test.path("copy"));
    let copied = Command::new("cp").arg("-a").arg(&folder).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()));
    std::fs::rename(&folder, test.path("original")).expect("the folder moves");
    std::fs::rename(&copy, &folder).expect("the copy takes its place");
    test.add_messages(&test.sessions[0], 1);
    run_on(&test, "container", None).prints("another machine");
    assert_ne!(client(&test).0, first.0);
}
