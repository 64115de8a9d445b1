//! Completions: each shell that is installed reads its own, and they know every command.

use std::fs;
use std::process::Command;

use crate::support::Sandbox;

#[test]
fn completions_are_read_by_the_shells_and_name_every_command() {
    let sandbox = Sandbox::unconfigured();
    let help = sandbox.run(&["--help"]).exits(0).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.contains(&"install") && commands.contains(&"completions"), "{commands:?}");
    for (shell, check) in [
        ("bash", &["-n"][..]),
        ("zsh", &["-f", "-n"]),
        ("fish", &["--no-config", "--no-execute"]),
        ("nushell", &[]),
    ] {
        let script = sandbox.run(&["completions", shell]).exits(0).stdout;
        for command in &commands {
            assert!(script.contains(command), "{command} is unknown to {shell}");
        }
        for flag in ["state-dir", "no-hook", "retry"] {
            assert!(script.contains(flag), "--{flag} is unknown to {shell}");
        }
        let path = sandbox.path(shell);
        fs::write(&path, script).unwrap();
        match Command::new(shell).args(check).arg(&path).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(error) => eprintln!("skipped: {shell} ({error})"),
        }
    }
    sandbox.run(&["completions", "tcsh"]).exits(64).prints("bash, zsh, fish, nushell");
}

#[test]
fn bash_completes_commands_and_global_flags_behind_a_command() {
    let sandbox = Sandbox::unconfigured();
    let script = sandbox.run(&["completions", "bash"]).exits(0).stdout;
    let complete = |words: &str| {
        let count = words.split(' ').count();
        let call = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={}; _han-sync; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            count - 1
        );
        let output = Command::new("bash").args(["--norc", "-c", &call]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete("han-sync unin"), "uninstall\n");
    assert_eq!(complete("han-sync install --sch"), "--scheduler\n");
    assert_eq!(complete("han-sync status --state"), "--state-dir\n");
}
