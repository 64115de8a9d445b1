//! The hooks of an installation, planned: the settings file of Claude Code, or the files of a plugin.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::hooks;
use super::record::{HookRecord, InstallRecord};
use super::written_file::WrittenFile;
use crate::exporter::config::small_file;
use crate::exporter::error::Error;

/// Text of a settings file that does not exist yet.
const EMPTY: &str = "{}\n";

/// A file with hooks to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedHooks {
    pub(super) file: WrittenFile,
    pub(super) record: HookRecord,
}

/// Plans the hooks in a file. An earlier installation's are replaced where the command has changed.
///
/// # Errors
/// A configuration error that says why the file cannot take hooks.
pub(super) fn plan(
    path: &Path,
    command: &str,
    record: Option<&InstallRecord>,
) -> Result<PlannedHooks, Error> {
    let text = small_file::read_replaceable(path).map_err(|reason| explained(path, &reason, command))?;
    let is_missing = text.is_none();
    let text = text.unwrap_or_else(|| EMPTY.to_owned());
    let known = record.and_then(|record| record.hooks_in(path));
    let outdated = known.filter(|known| known.command != command);
    let base = match outdated {
        Some(known) => hooks::remove_hooks(&text, &known.command, &known.edits),
        None => text,
    };
    let merged = hooks::add(&base, command).map_err(|reason| explained(path, &reason, command))?;
    let kept = known.filter(|_| outdated.is_none() && !is_missing);
    let edits = kept.map(|known| known.edits.clone()).unwrap_or_default().into_iter().chain(merged.edits);
    Ok(PlannedHooks {
        file: WrittenFile { path: path.to_owned(), text: merged.text },
        record: HookRecord {
            path: path.to_owned(),
            command: command.to_owned(),
            is_new: is_missing || known.is_some_and(|known| known.is_new),
            edits: edits.collect(),
        },
    })
}

fn explained(path: &Path, reason: &str, command: &str) -> Error {
    Error::configuration(format!(
        "{} {reason}; nothing was installed: mend that and repeat han-sync install, or run han-sync install --no-hook and add \
         the SessionEnd and SessionStart hooks by hand, with the command: {command}",
        path.display()
    ))
}

/// Manifest of the plugin.
#[derive(Serialize)]
struct PluginManifest {
    name: &'static str,
    version: &'static str,
    description: &'static str,
}

/// Plans a plugin: its manifest, unless the folder has one, and its hooks.
pub(super) fn plan_plugin(
    folder: &Path,
    command: &str,
    record: Option<&InstallRecord>,
) -> Result<(Option<WrittenFile>, PlannedHooks), Error> {
    let manifest: PathBuf = folder.join(".claude-plugin").join("plugin.json");
    let hooks = plan(&folder.join("hooks").join("hooks.json"), command, record)?;
    let is_own = record.is_some_and(|record| record.manifests.contains(&manifest));
    if manifest.symlink_metadata().is_ok() && !is_own {
        return Ok((None, hooks));
    }
    let document = PluginManifest {
        name: "han-sync",
        version: env!("CARGO_PKG_VERSION"),
        description: "Sends the sessions of the team's repositories to the team's receiver",
    };
    let mut text = serde_json::to_string_pretty(&document).map_err(anyhow::Error::from)?;
    text.push('\n');
    Ok((Some(WrittenFile { path: manifest, text }), hooks))
}
