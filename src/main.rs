//! The exporter: parse, run, one error line, exit code.

use std::process::ExitCode;

use han_sync::exporter::cli::{self, Parsed};
use han_sync::exporter::commands::{self, Output};
use han_sync::exporter::environment::Environment;
use han_sync::exporter::exit::{Exit, Stop};
use han_sync::exporter::log;
use han_sync::exporter::report::Report;
use han_sync::heap;

fn main() -> ExitCode {
    heap::set_up();
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let json = cli::wants_json(&arguments);
    match start(&arguments) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(stop) => {
            if json {
                Output::stdout().json(&Report::stopped(&stop));
            }
            log::say(&format!("han-sync: error: {stop}"));
            ExitCode::from(stop.exit as u8)
        }
    }
}

fn start(arguments: &[String]) -> Result<Exit, Stop> {
    match cli::parse(arguments)? {
        Parsed::Print(text) => {
            Output::stdout().text(&text);
            Ok(Exit::Success)
        }
        Parsed::Request(request) => commands::execute(*request, Environment::from_process()),
    }
}
