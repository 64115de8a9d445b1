//! The exporter: parse, run, one error line, exit code.

use std::process;

use han_sync::allocator;
use han_sync::exporter::cli::arguments::{self, Parsed};
use han_sync::exporter::cli::{self, Output};
use han_sync::exporter::environment::Environment;
use han_sync::exporter::error::{Error, ExitCode};
use han_sync::exporter::log;
use han_sync::exporter::report::Report;

fn main() -> process::ExitCode {
    allocator::set_up();
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let json = arguments::wants_json(&arguments);
    match start(&arguments) {
        Ok(exit) => process::ExitCode::from(exit as u8),
        Err(stop) => {
            if json {
                Output::stdout().json(&Report::failed(&stop));
            }
            log::say(&format!("han-sync: error: {stop}"));
            process::ExitCode::from(stop.exit as u8)
        }
    }
}

fn start(arguments: &[String]) -> Result<ExitCode, Error> {
    match arguments::parse(arguments)? {
        Parsed::Print(text) => {
            Output::stdout().text(&text);
            Ok(ExitCode::Success)
        }
        Parsed::Request(request) => cli::execute(*request, Environment::from_process()),
    }
}
