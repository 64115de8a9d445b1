//! The property list of a launchd agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plist::{Dictionary, Value};

use crate::exporter::error::Error;

/// Label of the agent.
pub(super) const LABEL: &str = "han-sync";

/// The property list of an agent, below a folder of agents. `words`: the command line of a run.
pub(super) fn agent(folder: &Path, words: &[String], interval: Duration) -> Result<(PathBuf, String), Error> {
    let mut agent = Dictionary::new();
    agent.insert("Label".to_owned(), LABEL.into());
    let words: Vec<Value> = words.iter().map(|word| word.as_str().into()).collect();
    agent.insert("ProgramArguments".to_owned(), Value::Array(words));
    agent.insert("StartInterval".to_owned(), interval.as_secs().into());
    agent.insert("RunAtLoad".to_owned(), true.into());
    agent.insert("ProcessType".to_owned(), "Background".into());
    let mut text = Vec::new();
    Value::Dictionary(agent).to_writer_xml(&mut text).map_err(anyhow::Error::from)?;
    text.push(b'\n');
    let text = String::from_utf8(text).map_err(anyhow::Error::from)?;
    Ok((folder.join(format!("{LABEL}.plist")), text))
}
