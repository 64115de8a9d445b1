//! The hooks of this program in a settings file of Claude Code: their events, and the form of their entries.
//!
//! A user's settings, a plugin and an organization's managed settings have the same shape: `hooks.EVENT[].hooks[]`.

use serde::Serialize;

/// Events of the hooks: the end of a session, and its start, which fires also after an end that never fired.
pub const EVENTS: [&str; 2] = ["SessionEnd", "SessionStart"];
/// Timeout of a hook, which takes milliseconds: the end of a session gives all its hooks 1.5 s unless they ask for more.
const TIMEOUT_SECONDS: u32 = 10;
/// The command of a hook on any machine: the program by its name.
pub const PORTABLE_COMMAND: &str = "han-sync hook";

/// An entry of an event.
#[derive(Debug, Serialize)]
pub struct HookGroup<'a> {
    hooks: [HookCommand<'a>; 1],
}

/// A command of an entry.
#[derive(Debug, Serialize)]
struct HookCommand<'a> {
    r#type: &'a str,
    command: &'a str,
    timeout: u32,
}

/// The members of `hooks` in a file that has none.
#[derive(Debug, Serialize)]
pub struct HookEvents<'a> {
    #[serde(rename = "SessionEnd")]
    session_end: [HookGroup<'a>; 1],
    #[serde(rename = "SessionStart")]
    session_start: [HookGroup<'a>; 1],
}

impl<'a> HookGroup<'a> {
    /// The entry that runs a command.
    pub fn of(command: &'a str) -> HookGroup<'a> {
        HookGroup { hooks: [HookCommand { r#type: "command", command, timeout: TIMEOUT_SECONDS }] }
    }
}

impl<'a> HookEvents<'a> {
    /// The entries that run a command at each event.
    pub fn of(command: &'a str) -> HookEvents<'a> {
        HookEvents { session_end: [HookGroup::of(command)], session_start: [HookGroup::of(command)] }
    }
}
