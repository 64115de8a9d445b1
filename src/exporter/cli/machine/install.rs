//! `han-sync install` and `han-sync uninstall`: schedule and hooks of this user.

use serde::Serialize;

use crate::exporter::cli::arguments::{InstallArgs, Invocation};
use crate::exporter::cli::output::Output;
use crate::exporter::config::Flags;
use crate::exporter::context::Context;
use crate::exporter::environment::Environment;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::report::VERSION;
use crate::exporter::state::install::installation::{InstallParts, Installation};
use crate::exporter::state::install::installed_line::program_path;
use crate::exporter::state::install::removal;
use crate::exporter::state::install::scheduler::Scheduler;

/// The JSON document of `install`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallDocument<'a> {
    version: u32,
    status: &'static str,
    /// False with `--print`.
    written: bool,
    scheduler: Option<Scheduler>,
    files: Vec<InstalledFile<'a>>,
    crontab: Option<&'a str>,
    hook_file: Option<String>,
    hook_command: Option<&'a str>,
    /// Commands that are left to the user.
    commands: Vec<String>,
}

/// A file of an installation.
#[derive(Serialize)]
struct InstalledFile<'a> {
    path: String,
    content: &'a str,
}

/// The JSON document of `uninstall`.
#[derive(Serialize)]
struct UninstallDocument {
    version: u32,
    status: &'static str,
    removed: Vec<String>,
}

pub fn execute(
    context: &Context,
    flags: &Flags,
    args: &InstallArgs,
    mut output: Output,
) -> Result<ExitCode, Error> {
    let own = std::env::current_exe().map_err(anyhow::Error::from)?;
    let name = std::env::args_os().next();
    let program = program_path(name.as_deref(), &context.environment, &own)?;
    let parts = InstallParts {
        scheduler: args.scheduler.as_deref().and_then(Scheduler::parse),
        no_hook: args.no_hook,
        plugin: args.plugin.clone(),
    };
    let installation = Installation::plan(context, flags, &parts, &program)?;
    let commands = if args.print { Vec::new() } else { installation.write(context)? };
    if output.json {
        output.json(&document(&installation, !args.print, commands));
        return Ok(ExitCode::Success);
    }
    if args.print {
        output.text(&printed(&installation));
        return Ok(ExitCode::Success);
    }
    for line in summary(&installation) {
        output.line(&line);
    }
    for command in commands {
        output.line(&format!("run: {command}{}", purpose(&command)));
    }
    if !context.config.enabled.value {
        context.log.warn("install", "sync is not enabled yet; run: han-sync init");
    }
    Ok(ExitCode::Success)
}

/// The reason for a command that is left to the user.
fn purpose(command: &str) -> &'static str {
    match command.starts_with("loginctl") {
        true => "  (only if runs should go on while you are logged out)",
        false => "  (starts the schedule)",
    }
}

fn document(installation: &Installation, written: bool, commands: Vec<String>) -> InstallDocument<'_> {
    let files = installation.files();
    InstallDocument {
        version: VERSION,
        status: "success",
        written,
        scheduler: installation.scheduler(),
        files: files
            .map(|(path, content)| InstalledFile { path: path.display().to_string(), content })
            .collect(),
        crontab: installation.crontab_block(),
        hook_file: installation.hooks().map(|(path, _)| path.display().to_string()),
        hook_command: installation.hooks().map(|(_, command)| command),
        commands,
    }
}

/// Everything that an installation would write.
fn printed(installation: &Installation) -> String {
    let mut text = String::new();
    for (path, content) in installation.files() {
        let end = if content.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("# {}\n{content}{end}\n", path.display()));
    }
    if let Some((link, unit)) = installation.link() {
        text.push_str(&format!("# {} -> {}\n\n", link.display(), unit.display()));
    }
    if let Some(block) = installation.crontab_block() {
        text.push_str(&format!("# crontab\n{block}\n"));
    }
    text.push_str("Nothing was written; the same command without --print writes it.\n");
    text
}

fn summary(installation: &Installation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(scheduler) = installation.scheduler() {
        let place = match scheduler {
            Scheduler::Cron => "the crontab of this user".to_owned(),
            _ => installation.files().next().map(|(path, _)| path.display().to_string()).unwrap_or_default(),
        };
        lines.push(format!("schedule ({scheduler}): {place}"));
    }
    if let Some((path, _)) = installation.hooks() {
        lines.push(format!("SessionEnd and SessionStart hooks: {}", path.display()));
    }
    lines.push("han-sync doctor checks the rest; han-sync uninstall removes it again".to_owned());
    lines
}

/// Removes an installation, and says what stays.
pub fn remove(invocation: &Invocation, environment: &Environment) -> Result<ExitCode, Error> {
    let folder = invocation.flags.state_folder(environment)?;
    let removed = removal::remove(&folder, environment)?;
    let mut output = Output::stdout(invocation.json, invocation.quiet);
    if output.json {
        output.json(&UninstallDocument { version: VERSION, status: "success", removed });
        return Ok(ExitCode::Success);
    }
    if removed.is_empty() {
        output.line(&format!("nothing of han-sync install is recorded in {}", folder.display()));
    }
    for path in removed {
        output.line(&format!("removed: {path}"));
    }
    let config = invocation.flags.config.clone();
    let config =
        config.map_or_else(|| environment.claude_folder().map(|folder| folder.join("han.yml")), Ok)?;
    output.line(&format!(
        "state stays in {}, and configuration with the key, or the name of its file, in {}",
        folder.display(),
        config.display()
    ));
    Ok(ExitCode::Success)
}
