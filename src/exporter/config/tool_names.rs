//! The setting on names of tools: the names of MCP tools can name customers and systems.

use crate::exporter::config::file::ConfigFile;
use crate::exporter::error::Error;

/// Name that stands for every MCP tool.
const MCP: &str = "mcp";

/// The names of tools that are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolNames {
    /// Every name.
    #[default]
    All,
    /// Names of the agent's own tools; `mcp` for the tools of MCP servers.
    Builtin,
    /// No name.
    None,
}

impl ToolNames {
    /// The name that is sent of a tool.
    pub fn sent(self, name: String) -> Option<String> {
        match self {
            ToolNames::All => Some(name),
            ToolNames::Builtin if is_builtin(&name) => Some(name),
            ToolNames::Builtin => Some(MCP.to_owned()),
            ToolNames::None => None,
        }
    }
}

/// True for the form of an agent's own tool: one word. Agents join server and tool by `__` or other signs.
fn is_builtin(name: &str) -> bool {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let lower = name.to_ascii_lowercase();
    let has_prefix = lower.strip_prefix(MCP).is_some_and(|rest| rest.starts_with(['_', '-']));
    is_word && !has_prefix && !name.contains("__")
}

/// Reads the setting from `han.yml`, its only layer.
pub(super) fn load(file: &ConfigFile) -> Result<ToolNames, Error> {
    const WORDS: [(&str, ToolNames); 3] =
        [("all", ToolNames::All), ("builtin", ToolNames::Builtin), ("none", ToolNames::None)];
    Ok(file.word("includeToolNames", &WORDS)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_mcp_servers_lose_their_names() {
        for name in ["Bash", "WebFetch", "apply_patch", "ListMcpResourcesTool", "mcp"] {
            assert_eq!(ToolNames::Builtin.sent(name.to_owned()).as_deref(), Some(name));
        }
        for name in [
            "mcp__acme__query",
            "MCP_acme",
            "mcp-acme",
            "acme__query",
            "acme.query",
            "acme/query",
            "acme:query",
        ] {
            assert_eq!(ToolNames::Builtin.sent(name.to_owned()).as_deref(), Some(MCP), "{name}");
            assert_eq!(ToolNames::All.sent(name.to_owned()).as_deref(), Some(name));
            assert_eq!(ToolNames::None.sent(name.to_owned()), None);
        }
    }
}
