//! `han-sync completions`: from the definitions that the help is made of.

use argh_complete::Generator;
use argh_complete::bash::Bash;
use argh_complete::fish::Fish;
use argh_complete::nushell::Nushell;
use argh_complete::zsh::Zsh;

use crate::exporter::cli::arguments::{CompletionsArgs, definitions};
use crate::exporter::cli::output::Output;
use crate::exporter::error::{Error, ExitCode};

const PROGRAM: &str = "han-sync";

pub fn execute(args: &CompletionsArgs, mut output: Output) -> Result<ExitCode, Error> {
    let definitions = definitions();
    output.raw(&match args.shell.as_str() {
        "zsh" => Zsh::generate(PROGRAM, &definitions),
        "fish" => Fish::generate(PROGRAM, &definitions),
        "nushell" => Nushell::generate(PROGRAM, &definitions),
        _ => Bash::generate(PROGRAM, &definitions),
    });
    Ok(ExitCode::Success)
}
