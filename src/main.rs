//! The exporter: parse, execute, print one error, exit.

use std::process;

use han_sync::allocator;
use han_sync::exporter::cli;
use han_sync::exporter::cli::arguments::{self, Parsed};
use han_sync::exporter::cli::output::Output;
use han_sync::exporter::environment::Environment;
use han_sync::exporter::error::{Error, ExitCode};
use han_sync::exporter::log::write_stderr;
use han_sync::exporter::report::Report;
use han_sync::printable::printable_lines;

/// Arenas of the allocator: one for each thread.
const ARENAS: i32 = 16;

fn main() -> process::ExitCode {
    allocator::set_up(ARENAS);
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let exit = execute(&arguments).unwrap_or_else(|error| {
        if arguments::wants_json(&arguments) {
            Output::stdout(true, false).json(&Report::failed(&error));
        }
        write_stderr(&format!("han-sync: error: {}", printable_lines(&error.to_string())));
        error.exit
    });
    process::ExitCode::from(exit as u8)
}

fn execute(arguments: &[String]) -> Result<ExitCode, Error> {
    match arguments::parse(arguments)? {
        Parsed::Print(text) => {
            Output::stdout(false, false).raw(&text);
            Ok(ExitCode::Success)
        }
        Parsed::Invocation(invocation) => cli::execute(*invocation, Environment::from_process()),
    }
}
