//! The command line of `han-sync-receiver`: `serve` and `admin`.
//!
//! Invariant: results go to stdout, everything else to stderr; an error is printed once, here, and says what to do next.

mod admin;
mod log;
mod serve;
mod sessions;

use super::store::{DEFAULT_URL, Store, StoreError};
use crate::flags::{self, GlobalFlag};
use argh::FromArgs;
use rustix::process::{Resource, getrlimit};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Usage.
const EXIT_USAGE: u8 = 64;
/// What was asked for cannot be done with what is stored.
const EXIT_REFUSED: u8 = 65;
/// The store or the address is not available.
const EXIT_UNAVAILABLE: u8 = 69;
/// A fault of this program.
const EXIT_INTERNAL: u8 = 70;

/// For what still runs when the command has ended. Dropping the runtime would wait without end for a call that is stuck
/// in the operating system or in SQLite; whatever it is, it was not acknowledged.
const RUNTIME_END_TIMEOUT: Duration = Duration::from_secs(2);

/// Fewer files open at once do not even start it: the runtime's own, the store's, and some connections.
const OPEN_FILES_MIN: u64 = 64;

/// Receives session data from han-sync and keeps it for the team.
#[derive(FromArgs)]
struct Arguments {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Serve(serve::Serve),
    Admin(admin::Admin),
}

/// What may stand anywhere on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Global {
    store: Option<String>,
    json: bool,
}

/// Runs the program and says how it ended.
pub fn main(arguments: Vec<String>) -> ExitCode {
    crate::allocator::set_up();
    let (global, rest) = match hoist(&arguments) {
        Ok(hoisted) => hoisted,
        Err(text) => return usage(&text),
    };
    if rest.first().is_some_and(|first| first == "--version") {
        println!("han-sync-receiver {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let arguments = match Arguments::from_args(&["han-sync-receiver"], &words) {
        Ok(arguments) => arguments,
        Err(exit) if exit.status.is_ok() => {
            println!("{}", exit.output);
            println!(
                "Anywhere: --store sqlite:PATH or postgres://… (else HAN_SYNC_STORE, else DATABASE_URL, else {DEFAULT_URL})"
            );
            println!("          --json: admin answers with one JSON document");
            return ExitCode::SUCCESS;
        }
        Err(exit) => return usage(&exit.output),
    };
    if let Some(few) = getrlimit(Resource::Nofile).current.filter(|most| *most < OPEN_FILES_MIN) {
        let text =
            format!("only {few} files may be open at once; allow {OPEN_FILES_MIN} or more (ulimit -n)");
        return fail(EXIT_UNAVAILABLE, &text);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_INTERNAL, &format!("the runtime cannot start: {error}")),
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Serve(serve) => serve::run(serve, &global).await,
            Command::Admin(admin) => admin::run(admin, &global).await,
        }
    });
    runtime.shutdown_timeout(RUNTIME_END_TIMEOUT);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => usage(&text),
        Err(Failure::Unavailable(text)) => fail(EXIT_UNAVAILABLE, &text),
        Err(Failure::Store(error)) => {
            let code = match &error {
                StoreError::Refused(_) => EXIT_REFUSED,
                StoreError::Contended(_) | StoreError::Unavailable(_) | StoreError::Unusable(_) => {
                    EXIT_UNAVAILABLE
                }
                StoreError::Internal(_) | StoreError::Aborted => EXIT_INTERNAL,
            };
            fail(code, &error.to_string())
        }
    }
}

fn usage(text: &str) -> ExitCode {
    fail(EXIT_USAGE, text.trim_end())
}

fn fail(code: u8, text: &str) -> ExitCode {
    // With stderr closed nobody hears it; the exit code says it still.
    let _ = writeln!(std::io::stderr(), "han-sync-receiver: {text}");
    ExitCode::from(code)
}

/// Why the program ends without having done what it was told.
enum Failure {
    Usage(String),
    Unavailable(String),
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

impl Global {
    async fn open_store(&self) -> Result<Store, StoreError> {
        let from = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        let url = self.store.clone().or_else(|| from("HAN_SYNC_STORE")).or_else(|| from("DATABASE_URL"));
        let url = url.as_deref().unwrap_or(DEFAULT_URL);
        Store::open(url).await.map_err(|error| match error {
            // A path holds no secrets.
            StoreError::Unavailable(text) if url.starts_with("sqlite:") => {
                StoreError::Unavailable(format!("{url}: {text}"))
            }
            other => other,
        })
    }
}

/// Takes the global flags out of the command line, and reads `admin sessions` as `admin session`.
fn hoist(arguments: &[String]) -> Result<(Global, Vec<String>), String> {
    const FLAGS: [GlobalFlag; 2] = [GlobalFlag::switch("--json"), GlobalFlag::option("--store")];
    let hoisted = flags::hoist(arguments, &FLAGS).map_err(|flag| format!("{flag} needs a URL"))?;
    let mut global = Global::default();
    for (flag, value) in hoisted.global {
        match flag {
            "--store" => global.store = value,
            _ => global.json = true,
        }
    }
    let mut rest = hoisted.rest;
    if let [first, second, ..] = rest.as_mut_slice()
        && first == "admin"
        && second == "sessions"
    {
        *second = "session".to_owned();
    }
    Ok((global, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_flags_may_stand_anywhere_and_with_an_equals_sign() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (global, rest) =
            hoist(&words("--json admin org create a --name=A=B --store sqlite:x --owner o")).unwrap();
        assert_eq!(global, Global { store: Some("sqlite:x".to_owned()), json: true });
        assert_eq!(rest, words("admin org create a --name A=B --owner o"));
        assert!(hoist(&words("serve --store")).is_err());
        let (_, rest) = hoist(&words("admin --json sessions export sessions")).unwrap();
        assert_eq!(rest, words("admin session export sessions"));
    }
}
