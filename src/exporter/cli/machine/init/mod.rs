//! `han-sync init`: sets this machine up, by questions on a terminal or by flags.
//!
//! Nothing is written before the receiver has answered. The key comes before `han.yml`, which switches sync on: an `init`
//! that is interrupted leaves a machine that sends nothing, and the next one goes on.

/// Accounts that other programs know.
mod accounts;
/// The `han.yml` that is written.
mod settings;
/// The key, and the identity behind it.
mod machine_key;
/// Sessions that would leave, and their readers.
mod disclosure;

use serde::Serialize;

use crate::exporter::cli::arguments::{InitArgs, InstallArgs};
use crate::exporter::cli::login::base_url::endpoint_at;
use crate::exporter::cli::machine::init::disclosure::Disclosure;
use crate::exporter::cli::machine::init::machine_key::MachineKey;
use crate::exporter::cli::machine::init::settings::{Settings, SettingsFile};
use crate::exporter::cli::machine::install;
use crate::exporter::cli::output::Output;
use crate::exporter::cli::questions::Questions;
use crate::exporter::config::{Config, Flags, Origin, Setting};
use crate::exporter::context::Context;
use crate::exporter::error::{Error, ExitCode};
use crate::exporter::log::write_stderr;
use crate::exporter::report::VERSION;
use crate::exporter::state::install::record::InstallRecord;
use crate::printable::printable;
use crate::protocol::remote::Owner;

/// The JSON document of `init`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InitDocument<'a> {
    version: u32,
    status: &'static str,
    endpoint: &'a str,
    config_file: String,
    key_file: String,
    /// True if `han.yml` or the key file was changed.
    written: bool,
    include_content: bool,
    #[serde(flatten)]
    disclosure: &'a Disclosure,
    /// Command that comes next; null where schedule or hooks are installed.
    next: Option<&'static str>,
}

pub fn execute(
    context: &mut Context,
    flags: &Flags,
    args: &InitArgs,
    mut output: Output,
) -> Result<ExitCode, Error> {
    let questions = Questions::new(args.yes);
    require_answers(context, args, &questions)?;
    let file = SettingsFile::read(context)?;
    let configured = Config::load(&Flags { endpoint: None, ..flags.clone() }, &context.environment)?.endpoint;
    let url = choose_endpoint(context, flags, &questions)?;
    let mut settings = Settings { endpoint: url.clone(), ..Settings::default() };
    settings.include_content = args.content.unwrap_or(context.config.include_content.value);
    // Before a person approves anything.
    file.with(&settings)?;
    let is_other = configured.is_some_and(|configured| endpoint_at(&configured.value) != url);
    let key = MachineKey::obtain(context, &url, args.key_file.as_deref(), is_other)?;
    context.config.enabled.value = true;
    context.config.include_content.value = settings.include_content;
    context.config.api_key = Some(Setting { value: key.key.clone(), origin: Origin::Flag("init") });

    settings.accounts = choose_accounts(context, &key, &questions)?;
    let mut disclosure = Disclosure::of(context, key.identity.as_ref())?;
    settings.organizations = accept_owners(context, &disclosure, &questions, args.yes)?;
    if !settings.organizations.is_empty() {
        disclosure = Disclosure::of(context, key.identity.as_ref())?;
    }
    show(&disclosure.lines(&url), &questions, &mut output);
    if args.content.is_none() {
        settings.include_content = choose_content(settings.include_content, &questions)?;
    }
    let written = write(context, &settings, &key, is_other)?;
    finish(context, flags, (&questions, &disclosure, &settings, written), output)
}

/// Requires the flags without which there would be something to ask.
fn require_answers(context: &Context, args: &InitArgs, questions: &Questions) -> Result<(), Error> {
    if questions.can_ask {
        return Ok(());
    }
    let mut missing = Vec::new();
    if context.config.endpoint.is_none() {
        missing.push("--endpoint URL");
    }
    if !args.yes && args.content.is_none() {
        missing.push("--content yes|no (or --yes, which sends no text)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let key = match args.key_file.is_some() || context.config.api_key.is_some() {
        true => "",
        false => "; --key-file FILE gives it a key, without which it shows a code that has to be approved",
    };
    let message = format!(
        "init has nobody to ask without a terminal and needs {}{key}; nothing was written",
        missing.join(" and ")
    );
    Err(Error::new(ExitCode::Usage, message))
}

/// The endpoint: that of the configuration, else the answer. An address alone gets the usual path.
fn choose_endpoint(context: &mut Context, flags: &Flags, questions: &Questions) -> Result<String, Error> {
    let known = context.config.endpoint.as_ref().map(|endpoint| endpoint.value.clone());
    let url = match known {
        Some(url) => endpoint_at(&url),
        None => answered(questions.text(
            "Address of your team's receiver (https://team.example.com):",
            |answer| {
                let flags = Flags { endpoint: Some(endpoint_at(answer)), ..flags.clone() };
                let config = Config::load(&flags, &context.environment)?;
                Ok(config.endpoint.map(|endpoint| endpoint.value).unwrap_or_default())
            },
        ))?,
    };
    let origin = context.config.endpoint.as_ref().map_or(Origin::Flag("init"), |known| known.origin.clone());
    context.config.endpoint = Some(Setting { value: url.clone(), origin });
    Ok(url)
}

/// The answer to a question.
///
/// # Errors
/// A usage error if the answers have ended.
fn answered<T>(answer: Option<T>) -> Result<T, Error> {
    let message = "the answers ended before the last question; han.yml was not changed: repeat han-sync init";
    answer.ok_or_else(|| Error::new(ExitCode::Usage, message))
}

/// Shows lines: on stderr where the person is asked and stdout is not for people.
fn show(lines: &[String], questions: &Questions, output: &mut Output) {
    for line in lines {
        if !output.is_silent() {
            output.line(line);
        } else if questions.can_ask {
            write_stderr(&printable(line));
        }
    }
}

/// Accounts that other programs on this machine know and the receiver does not.
fn choose_accounts(
    context: &mut Context,
    key: &MachineKey,
    questions: &Questions,
) -> Result<Vec<String>, Error> {
    let named = key.identity.iter().flat_map(|identity| &identity.accounts);
    let named: Vec<Owner> = named.filter_map(|account| Owner::parse(account).ok()).collect();
    let rules = &mut context.config.privacy;
    let mut proposed = accounts::known_to_tools(&context.environment);
    proposed.retain(|account| !named.contains(account) && !rules.accounts.contains(account));
    if proposed.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = proposed.iter().map(Owner::to_string).collect();
    let question = format!("Your own accounts, whose repositories stay here: {}?", names.join(", "));
    if !answered(questions.yes_or_no(&question, true))? {
        return Ok(Vec::new());
    }
    rules.accounts.extend(proposed);
    Ok(names)
}

/// Owners that the receiver named less than a day ago, and that the user accepts now.
fn accept_owners(
    context: &mut Context,
    disclosure: &Disclosure,
    questions: &Questions,
    is_accepted: bool,
) -> Result<Vec<String>, Error> {
    let mut accepted = Vec::new();
    for pending in &disclosure.pending_owners {
        // An owner that nobody accepts takes effect a day after the receiver named it.
        if answered(questions.yes_or_no(&format!("{pending}. Accept it now?"), is_accepted))?
            && let Ok(owner) = Owner::parse(&pending.owner)
        {
            context.config.privacy.organizations.push(owner);
            accepted.push(pending.owner.clone());
        }
    }
    Ok(accepted)
}

fn choose_content(default: bool, questions: &Questions) -> Result<bool, Error> {
    let question =
        "Send the text of messages, too, with recognised secrets replaced? Ctrl-C leaves han.yml as it is.";
    answered(questions.yes_or_no(question, default))
}

/// Writes key and settings. Returns false if both were there.
fn write(context: &Context, settings: &Settings, key: &MachineKey, is_other: bool) -> Result<bool, Error> {
    // An edit that was made since the first question stays.
    let file = SettingsFile::read(context)?;
    let text = file.with(settings)?;
    key.write_around(context, is_other, || text.as_ref().map_or(Ok(()), |text| file.write(text)))?;
    Ok(text.is_some() || key.is_new)
}

/// Tells what was written, and what comes next.
fn finish(
    context: &mut Context,
    flags: &Flags,
    (questions, disclosure, settings, written): (&Questions, &Disclosure, &Settings, bool),
    mut output: Output,
) -> Result<ExitCode, Error> {
    // Runs and the schedule follow han.yml, which names the endpoint now.
    let flags = &Flags { endpoint: None, ..flags.clone() };
    context.config = Config::load(flags, &context.environment)?;
    warn_of_environment(context, settings);
    context.sync_log.write(context.clock.now(), "init", &[]);
    let is_installed = InstallRecord::load(&context.folder)?.is_some();
    let (file, key_file) =
        (context.config.file.display().to_string(), context.config.key_file.display().to_string());
    if output.json {
        output.json(&InitDocument {
            version: VERSION,
            status: "success",
            endpoint: &settings.endpoint,
            config_file: file,
            key_file,
            written,
            include_content: settings.include_content,
            disclosure,
            next: (!is_installed).then_some("han-sync install"),
        });
        return Ok(ExitCode::Success);
    }
    let text = if settings.include_content { "with text, redacted" } else { "without text" };
    match written {
        true => output.line(&format!("sync is on, {text}: settings in {file}, key in {key_file}")),
        false => output.line(&format!("sync is on, {text}; {file} and {key_file} were as they should be")),
    }
    output.line("han-sync preview shows exactly what the next run sends");
    if is_installed {
        return Ok(ExitCode::Success);
    }
    // Everything is written: no answer is a no.
    let question = "Install the schedule and the agent's hooks now?";
    if questions.can_ask && questions.yes_or_no(question, true) == Some(true) {
        context.environment.endpoint = None;
        context.config = Config::load(flags, &context.environment)?;
        let args = InstallArgs { scheduler: None, no_hook: false, plugin: None, print: false };
        return install::execute(context, flags, &args, output);
    }
    output.line("next: han-sync install, for the schedule and the agent's hooks");
    Ok(ExitCode::Success)
}

/// Warns of variables that hide what is in the files.
fn warn_of_environment(context: &Context, settings: &Settings) {
    let config = &context.config;
    let url = config.endpoint.as_ref().map(|endpoint| endpoint.value.as_str());
    let is_other_url = context.environment.endpoint.is_some() && url != Some(&settings.endpoint);
    let file = || Origin::File(config.file.clone());
    let hiding = [
        ("HAN_SYNC_ENABLED", (!config.enabled.value).then(file)),
        ("HAN_SYNC_ENDPOINT", is_other_url.then(file)),
        ("HAN_SYNC_API_KEY", machine_key::hidden_by_environment(context)),
    ];
    for (variable, file) in hiding {
        let Some(file) = file else { continue };
        let message = format!("{variable} in the environment comes before {file}; run: unset {variable}");
        context.log.warn("environment", &message);
    }
}
