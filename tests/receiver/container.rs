//! The set-up in containers, as far as it can be tried without a container runtime.

use crate::support::running_receiver::*;
use std::process::Command;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/container");

#[test]
fn database_that_the_first_start_creates_serves_a_user_without_powers() {
    let Ok(server) = std::env::var("HAN_SYNC_TEST_POSTGRES") else { return };
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "it's a \"secret\"").unwrap();
    let (login, place) = server.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (user, user_password) = login.split_once(':').unwrap();
    let (host, port) = place.split('/').next().unwrap().split_once(':').unwrap();
    // Roles and databases belong to the server that all tests share.
    let name = format!("han_container_{}", std::process::id());
    let output = Command::new("sh")
        .arg(format!("{FOLDER}/create-database.sh"))
        .envs([("PGHOST", host), ("PGPORT", port), ("POSTGRES_USER", user), ("PGPASSWORD", user_password)])
        .envs([("HAN_SYNC_DATABASE", &name), ("HAN_SYNC_DATABASE_USER", &name)])
        .env("POSTGRES_PASSWORD_FILE", &password)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");

    let store = TestStore::at(&format!("postgres://{name}:it%27s%20a%20%22secret%22@{host}:{port}/{name}"));
    let (team, receiver) = (store.create_team(), store.serve());
    let response = receiver.client(&team.alice).sync(&[session("s", ACME, vec![message("m", 0)])]);
    assert_eq!(response.status, 200, "{}", response.text);
    wait_until("the start is logged", || receiver.log().contains("the store is ready"));
    assert!(!receiver.log().contains("superuser or may create roles"), "{}", receiver.log());
    drop(receiver);
    let roles = sql(
        &server,
        &format!(
            "SELECT rolname FROM pg_roles r, pg_database d WHERE d.datname = '{name}' \
             AND r.rolname LIKE 'han\\_sync\\_%\\_' || d.oid"
        ),
    );
    assert_eq!(roles.len(), 4, "{roles:?}");
    sql(&server, &format!("DROP DATABASE {name} WITH (FORCE)"));
    for role in roles.into_iter().flatten().flatten() {
        sql(&server, &format!("DROP ROLE {role}"));
    }
    sql(&server, &format!("DROP ROLE {name}"));
}

/// Values of an instruction of the Containerfile.
fn instructions<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).collect()
}

#[test]
fn image_runs_the_program_without_rights_and_asks_it_for_its_health() {
    let text = std::fs::read_to_string(format!("{FOLDER}/Containerfile")).unwrap();
    assert_eq!(instructions(&text, "USER"), ["65532:65532"]);
    assert_eq!(instructions(&text, "FROM").len(), 2, "what builds is not in the image");
    let settings = instructions(&text, "ENV")[0].split(' ').map(|setting| setting.split_once('=').unwrap());
    // The same settings with another folder and port: the program serves, and its health check finds it.
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    let place = folder.path().to_str().unwrap().to_owned();
    let settings =
        settings.map(|(name, value)| (name, value.replace("/data", &place).replace("8787", &port)));
    let settings: Vec<(&str, String)> = settings.collect();
    let program = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_han-sync-receiver"));
        command.args(arguments).envs(settings.clone());
        command
    };
    let is_healthy = || program(&["healthcheck"]).output().unwrap().status.success();
    assert!(text.contains("CMD [\"/usr/bin/han-sync-receiver\", \"healthcheck\"]"));
    assert_eq!(instructions(&text, "ENTRYPOINT"), ["[\"/usr/bin/han-sync-receiver\"]"]);
    assert_eq!(instructions(&text, "CMD"), ["[\"serve\"]"]);
    assert!(!is_healthy(), "nothing serves yet");
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = program(&["serve"]).stdout(std::process::Stdio::piped()).stderr(log).spawn().unwrap();
    let receiver = RunningReceiver::ready(child, folder).expect("it serves");
    assert!(is_healthy(), "{}", receiver.log());
}
