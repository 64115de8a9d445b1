//! README and getting-started, tried line by line in a clean home: each command of a block in `sh` or `console` succeeds, and
//! each line that a recording shows is shown.
//!
//! The documents' `https://team.example.com`, `/home/alice` and `BCDF-GHJK` stand for the receiver, the home and the code of
//! the test. Lines that build the programs are the test's own build.

use std::fs;
use std::path::Path;

use super::person::Person;
use crate::support::han_db::{HanDb, sample};
use crate::support::pseudo_terminal::screen;
use crate::support::running_receiver::{RunningReceiver, TestStore, sqlite};

const RECEIVER: &str = "https://team.example.com";
const QUESTIONS: [&str; 4] = ["(https://team.example.com):", "[y/N]", "[Y/n]", "--user LOGIN"];
/// Beginnings of lines that get the programs, or start another script of the repository.
const BUILDS: [&str; 4] = ["cargo install", "scripts/", "git clone", "cd "];

/// A command of a document, with the lines that its recording shows.
struct Step {
    command: String,
    recorded: Vec<String>,
}

/// The commands of the blocks in `sh` and `console`.
fn steps(document: &str) -> Vec<Step> {
    let (mut steps, mut language): (Vec<Step>, Option<&str>) = (Vec::new(), None);
    for line in document.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(_), Some(_)) => language = None,
            (Some(name), None) => language = Some(name),
            (None, Some("sh")) if !line.trim_start().starts_with('#') && !line.trim().is_empty() => {
                let command = line.split("  #").next().unwrap_or_default().trim().to_owned();
                steps.push(Step { command, recorded: Vec::new() });
            }
            (None, Some("console")) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), recorded: Vec::new() });
                }
                (None, Some(step)) => step.recorded.push(line.to_owned()),
                (None, None) => panic!("a recording without a command: {line}"),
            },
            _ => {}
        }
    }
    steps
}

/// A developer with han's sample database, and the team's receiver.
struct Scene {
    store: TestStore,
    receiver: RunningReceiver,
    person: Person,
}

impl Scene {
    fn new() -> Scene {
        let store = sqlite();
        store.create_team();
        let (receiver, person) = (store.serve(), Person::new());
        fs::create_dir(person.home().join(".han")).unwrap();
        sample::sample(&HanDb::create(person.home().join(".han/han.db")));
        Scene { store, receiver, person }
    }

    /// Does what a line says, and holds what is shown against the recording.
    fn take(&mut self, step: &Step) {
        if let Some(build) = BUILDS.iter().find(|build| step.command.starts_with(*build)) {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(step.command.split(' ').next().unwrap());
            assert!(*build != "scripts/" || script.exists(), "{} is not there", script.display());
            return;
        }
        let home = self.person.home().display().to_string();
        let (base, store) = (self.receiver.base.clone(), &self.store);
        let command = step.command.replace(RECEIVER, &base);
        let mut code = String::new();
        let (exit, shown) = self.person.converses(&command, &QUESTIONS, |question, shown| {
            respond(question, shown, step, &mut code, store).map(|answer| answer.replace(RECEIVER, &base))
        });
        assert_eq!(exit, 0, "{command}: {shown}");
        let shown = shown.replace(&base, RECEIVER).replace(&home, "/home/alice");
        let shown = if code.is_empty() { shown } else { shown.replace(&code, "BCDF-GHJK") };
        let mut lines = shown.lines().map(str::trim_end);
        for line in step.recorded.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()) {
            let question = QUESTIONS.iter().find_map(|it| line.find(it).map(|at| at + it.len()));
            // The answer of a recording is the person's own.
            let wanted = question.filter(|_| !line.contains("approve")).map_or(line, |end| &line[..end]);
            let is_shown = lines.any(|it| it == wanted || (question.is_some() && it.starts_with(wanted)));
            assert!(is_shown, "{line}\nis not shown, or not in this order, in\n{shown}");
        }
    }
}

/// The answer to a question: the recording's, else an empty line. A code is approved as an administrator does.
fn respond(question: &str, shown: &str, step: &Step, code: &mut String, store: &TestStore) -> Option<String> {
    if question == "--user LOGIN" {
        let line = shown.rsplit("admin device approve ").next().unwrap();
        *code = line.split(' ').next().unwrap().to_owned();
        store.admin(&format!("device approve {code} --user alice"));
        return None;
    }
    let recorded =
        step.recorded.iter().find_map(|line| line.split_once(question).map(|(_, answer)| answer.trim()));
    let default = if question.ends_with("):") { RECEIVER } else { "" };
    Some(recorded.unwrap_or(default).to_owned())
}

fn document(name: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    steps(&fs::read_to_string(path).expect("a document"))
}

#[test]
fn getting_started_is_what_happens() {
    let steps = document("docs/getting-started.md");
    assert!(steps.iter().any(|step| step.command == "han-sync init" && step.recorded.len() > 5));
    let mut scene = Scene::new();
    steps.iter().for_each(|step| scene.take(step));
    assert!(
        scene.store.query("SELECT count(*) FROM sessions")[0][0] != Some("0".to_owned()),
        "data has arrived"
    );
    scene.person.leaves();
}

#[test]
fn progress_that_a_slow_command_draws_is_no_line_of_its_recording() {
    let lines = screen("1/3 sessions\r\u{1b}[2Ksent 9 messages\r\n");
    assert_eq!(lines, ["sent 9 messages", ""]);
}

#[test]
fn readme_works_line_by_line() {
    let mut scene = Scene::new();
    for step in document("README.md") {
        // A server does not end by itself.
        let is_server = step.command.contains("han-sync-receiver serve");
        let command = match is_server {
            true => {
                step.command.replace("127.0.0.1:8787", "127.0.0.1:0").replace(
                    "han-sync-receiver serve",
                    "timeout -s TERM 2 han-sync-receiver serve --drain-seconds 0",
                ) + "; test $? = 124"
            }
            false => step.command.clone(),
        };
        scene.take(&Step { command, ..step });
    }
    scene.person.leaves();
}
