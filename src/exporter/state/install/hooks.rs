//! The hooks in a settings file of Claude Code, or in `hooks.json` of a plugin.
//!
//! Other hooks, the order of keys and the formatting of everything else stay; the removal of the hooks is exact where
//! nothing else has changed in between.

use super::json_text::{JsonKind, JsonNode, TextEdit, insert, parse, remove};
use crate::agent_hooks::{EVENTS, HookEvents, HookGroup};

/// A text with the hooks, and the edits that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MergedHooks {
    pub(super) text: String,
    pub(super) edits: Vec<TextEdit>,
}

/// Adds the hooks to a text for each event that runs no `han-sync hook` yet.
///
/// # Errors
/// The reason why the text cannot take hooks.
pub(super) fn add(text: &str, command: &str) -> Result<MergedHooks, String> {
    let mut merged = MergedHooks { text: text.to_owned(), edits: Vec::new() };
    for event in EVENTS {
        if let Some(edit) = addition(&merged.text, event, command)? {
            merged.text = edit.apply(&merged.text);
            merged.edits.push(edit);
        }
    }
    Ok(merged)
}

/// The edit that adds the hook of an event; `None` where the event has one.
fn addition(text: &str, event: &str, command: &str) -> Result<Option<TextEdit>, String> {
    let root = parse(text).map_err(|error| format!("is no JSON ({error})"))?;
    if !matches!(root.kind, JsonKind::Object(_)) {
        return Err("is no JSON object".to_owned());
    }
    let cannot_render = |error: serde_json::Error| error.to_string();
    let Some(hooks) = root.member("hooks") else {
        return insert(text, &root, Some("hooks"), &HookEvents::of(command)).map(Some).map_err(cannot_render);
    };
    if !matches!(hooks.kind, JsonKind::Object(_)) {
        return Err("has hooks that are no object".to_owned());
    }
    let Some(groups) = hooks.member(event) else {
        return insert(text, hooks, Some(event), &[HookGroup::of(command)]).map(Some).map_err(cannot_render);
    };
    if !matches!(groups.kind, JsonKind::Array(_)) {
        return Err(format!("has hooks.{event} that is no array"));
    }
    if commands(groups).any(runs_hook) {
        return Ok(None);
    }
    insert(text, groups, None, &HookGroup::of(command)).map(Some).map_err(cannot_render)
}

/// Removes the hooks of a command. `edits`: those that added them, which are undone where that is possible.
pub(super) fn remove_hooks(text: &str, command: &str, edits: &[TextEdit]) -> String {
    let undone = edits.iter().rev().try_fold(text.to_owned(), |text, edit| edit.undo(&text));
    if let Some(undone) = undone.filter(|text| parse(text).is_ok_and(|root| !has_command(&root, command))) {
        return undone;
    }
    let mut text = text.to_owned();
    while let Some(edit) = parse(&text).ok().and_then(|root| removal(&text, &root, command)) {
        text = edit.apply(&text);
    }
    text
}

/// The edit that removes the first hook of a command, with the containers that it leaves empty.
fn removal(text: &str, root: &JsonNode, command: &str) -> Option<TextEdit> {
    let hooks = root.member("hooks")?;
    for (event, member) in hooks.members().iter().enumerate() {
        let groups = &member.value;
        for (nth_group, group) in groups.elements().iter().enumerate() {
            let Some(list) = group.member("hooks") else { continue };
            let of_command =
                |hook: &JsonNode| hook.member("command").and_then(JsonNode::text) == Some(command);
            let Some(nth) = list.elements().iter().position(of_command) else { continue };
            let is_last_of = |container: &JsonNode| container.elements().len() == 1;
            let is_plain = group.members().iter().all(|it| ["hooks", "matcher"].contains(&it.key.as_str()));
            return Some(if !is_last_of(list) || !is_plain {
                remove(text, list, nth)
            } else if !is_last_of(groups) {
                remove(text, groups, nth_group)
            } else if hooks.members().len() > 1 {
                remove(text, hooks, event)
            } else {
                remove(text, root, root.members().iter().position(|it| it.key == "hooks")?)
            });
        }
    }
    None
}

fn has_command(root: &JsonNode, command: &str) -> bool {
    root.member("hooks").is_some_and(|hooks| {
        hooks.members().iter().any(|member| commands(&member.value).any(|known| known == command))
    })
}

/// Commands of the hooks of an event.
fn commands(groups: &JsonNode) -> impl Iterator<Item = &str> {
    let hooks = groups.elements().iter().filter_map(|group| group.member("hooks"));
    hooks.flat_map(JsonNode::elements).filter_map(|hook| hook.member("command")?.text())
}

/// Reports whether a command is `han-sync hook`, wherever the program is and with any flags.
fn runs_hook(command: &str) -> bool {
    let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'', ';', '&']));
    let mut after = words.skip_while(|word| word.rsplit('/').next() != Some("han-sync")).skip(1);
    after.any(|word| word == "hook")
}

/// Reports whether a settings file runs `han-sync hook` at the end or at the start of a session.
pub fn has_hook(text: &str) -> bool {
    let Ok(root) = parse(text) else { return false };
    let is_disabled =
        root.member("disableAllHooks").is_some_and(|node| &text[node.start..node.end] == "true");
    let hooks = root.member("hooks").filter(|_| !is_disabled);
    hooks.is_some_and(|hooks| {
        EVENTS.iter().filter_map(|event| hooks.member(event)).any(|groups| commands(groups).any(runs_hook))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "/usr/bin/han-sync hook";

    /// Files as people have them.
    const FILES: &[&str] = &[
        "{}",
        "{}\n",
        "{ \"model\": \"opus\" }",
        "{\"model\":\"opus\",\"hooks\":{}}",
        "{\n  \"hooks\": {\n    \"SessionEnd\": []\n  }\n}\n",
        "{\n\t\"hooks\": {\n\t\t\"PreToolUse\": [{\"matcher\": \"Bash\", \"hooks\": []}]\n\t},\n\t\"z\": 1, \"a\": 2\n}",
        "{\n    \"hooks\": {\n        \"SessionStart\": [\n            { \"hooks\": [{ \"type\": \"command\", \"command\": \"say {\\\"a\\\"}\" }] }\n        ],\n        \"SessionEnd\": [ { \"hooks\": [] } ]\n    }\n}\n",
        "{\r\n  \"env\": {\r\n    \"A\": \"1\"\r\n  }\r\n}\r\n",
    ];

    #[test]
    fn added_hooks_are_there_once_and_removed_to_the_byte() {
        for file in FILES {
            let merged = add(file, COMMAND).unwrap();
            let value: serde_json::Value = serde_json::from_str(&merged.text).unwrap();
            for event in EVENTS {
                let groups = value["hooks"][event].as_array().unwrap();
                let ours = groups.iter().filter(|group| group["hooks"][0]["command"] == COMMAND);
                assert_eq!(ours.count(), 1, "{}", merged.text);
                assert_eq!(groups.last().unwrap()["hooks"][0]["timeout"], 10);
            }
            assert!(has_hook(&merged.text));
            let again = add(&merged.text, COMMAND).unwrap();
            assert_eq!((again.text.as_str(), again.edits.len()), (merged.text.as_str(), 0));
            assert_eq!(remove_hooks(&merged.text, COMMAND, &merged.edits), *file);
        }
    }

    #[test]
    fn hooks_are_removed_from_a_file_that_was_written_anew() {
        for file in FILES {
            let merged = add(file, COMMAND).unwrap();
            let value: serde_json::Value = serde_json::from_str(&merged.text).unwrap();
            let rewritten = serde_json::to_string_pretty(&value).unwrap();
            let removed = remove_hooks(&rewritten, COMMAND, &merged.edits);
            assert!(!removed.contains("han-sync"), "{removed}");
            let removed: serde_json::Value = serde_json::from_str(&removed).unwrap();
            let mut before: serde_json::Value = serde_json::from_str(file).unwrap();
            // An event or object that was empty before is as good as none.
            if let Some(hooks) = before.get_mut("hooks").and_then(|hooks| hooks.as_object_mut()) {
                hooks.retain(|_, groups| groups.as_array().is_none_or(|groups| !groups.is_empty()));
                if hooks.is_empty() {
                    before.as_object_mut().unwrap().remove("hooks");
                }
            }
            assert_eq!(removed, before);
        }
    }

    #[test]
    fn unfit_files_are_explained() {
        for (file, reason) in [
            ("", "no JSON"),
            ("{,}", "no JSON"),
            ("// settings\n{}", "no JSON"),
            ("[]", "no JSON object"),
            ("{\"hooks\": []}", "no object"),
            ("{\"hooks\": null}", "no object"),
            ("{\"hooks\": {\"SessionStart\": {}}}", "no array"),
        ] {
            let error = add(file, COMMAND).unwrap_err();
            assert!(error.contains(reason), "{file}: {error}");
        }
    }

    #[test]
    fn hook_of_the_users_own_is_found_and_left() {
        for (command, found) in [
            ("han-sync hook", true),
            ("'/opt/my tools/han-sync' hook --db /x", true),
            ("\"$HOME/.cargo/bin/han-sync\" --quiet hook", true),
            ("env A=1 han-sync hook;", true),
            ("han-sync status", false),
            ("han-sync-receiver hook", false),
            ("hook han-sync", false),
        ] {
            let file =
                serde_json::json!({"hooks": {"SessionEnd": [{"hooks": [{"command": command}]}]}}).to_string();
            assert_eq!(has_hook(&file), found, "{command}");
        }
        let file = "{\"hooks\":{\"SessionEnd\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"han-sync hook\"}]}]}}";
        let merged = add(file, COMMAND).unwrap();
        assert_eq!(merged.edits.len(), 1, "the start alone is missing");
        assert_eq!(remove_hooks(&merged.text, COMMAND, &merged.edits), file);
    }
}
