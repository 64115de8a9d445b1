//! Global flags, accepted before and after the subcommand, as `--flag value` and `--flag=value`.
//!
//! argh takes a flag only where its struct declares the flag, and only as two words; this module brings a command line
//! into that form. It validates nothing but the presence of a global flag's value.

use crate::nearest::nearest;

/// A flag that is accepted anywhere on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalFlag {
    /// Name with its leading hyphens.
    pub name: &'static str,
    /// True if the next word is the flag's value.
    pub takes_value: bool,
}

impl GlobalFlag {
    /// Declares a flag without a value.
    pub const fn switch(name: &'static str) -> GlobalFlag {
        GlobalFlag { name, takes_value: false }
    }

    /// Declares a flag with a value.
    pub const fn option(name: &'static str) -> GlobalFlag {
        GlobalFlag { name, takes_value: true }
    }
}

/// A command line with its global flags taken out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hoisted {
    /// Global flags in the order given, each with its value.
    pub global: Vec<(&'static str, Option<String>)>,
    /// The other words in the order given, with `--flag=value` split in two.
    pub rest: Vec<String>,
}

impl Hoisted {
    /// Joins global flags and other words to a command line that has the global flags first.
    pub fn into_words(self) -> Vec<String> {
        let global = self.global.into_iter().flat_map(|(name, value)| [Some(name.to_owned()), value]);
        global.flatten().chain(self.rest).collect()
    }
}

/// Takes the global flags out of a command line.
///
/// # Errors
/// The name of a global flag whose value is missing.
pub fn hoist(arguments: &[String], flags: &[GlobalFlag]) -> Result<Hoisted, &'static str> {
    let mut hoisted = Hoisted::default();
    let mut words = arguments.iter().flat_map(|argument| match argument.split_once('=') {
        Some((name, value)) if name.len() > 2 && name.starts_with("--") => vec![name, value],
        _ => vec![argument.as_str()],
    });
    while let Some(word) = words.next() {
        match flags.iter().find(|flag| flag.name == word) {
            None => hoisted.rest.push(word.to_owned()),
            Some(flag) if flag.takes_value => {
                let value = words.next().ok_or(flag.name)?;
                hoisted.global.push((flag.name, Some(value.to_owned())));
            }
            Some(flag) => hoisted.global.push((flag.name, None)),
        }
    }
    Ok(hoisted)
}

/// Adds the nearest known word to argh's message about an unknown one. `help` is argh's help of a command, by the names
/// that lead to the command.
pub fn with_nearest(
    message: &str,
    words: &[&str],
    global: &[GlobalFlag],
    help: impl Fn(&[&str]) -> String,
) -> String {
    let Some(unknown) = message.strip_prefix("Unrecognized argument: ") else { return message.to_owned() };
    let mut path = Vec::new();
    let mut listed = ListedWords::of(&help(&path));
    for word in words.iter().take_while(|word| **word != unknown) {
        if listed.commands.iter().any(|command| command == word) {
            path.push(*word);
            let below = ListedWords::of(&help(&path));
            listed.flags.extend(below.flags);
            listed.commands = below.commands;
        }
    }
    let nearest = if unknown.starts_with('-') {
        let global = global.iter().map(|flag| flag.name);
        nearest(unknown, listed.flags.iter().map(String::as_str).chain(global))
    } else {
        nearest(unknown, listed.commands.iter().map(String::as_str))
    };
    match nearest {
        Some(known) => format!("{message}; did you mean {known}?"),
        None => message.to_owned(),
    }
}

/// The flags in argh's help of a command, with their leading hyphens.
pub fn listed_flags(help: &str) -> Vec<String> {
    ListedWords::of(help).flags
}

/// The commands and flags in argh's help of a command.
#[derive(Default)]
struct ListedWords {
    commands: Vec<String>,
    flags: Vec<String>,
}

impl ListedWords {
    fn of(help: &str) -> ListedWords {
        let mut listed = ListedWords::default();
        let mut section = "";
        for line in help.lines() {
            match line.strip_prefix("  ") {
                None => section = line,
                // Deeper lines continue a description.
                Some(entry) if entry.starts_with(' ') => {}
                Some(entry) => {
                    let words = entry.split_whitespace().map(|word| word.trim_end_matches(',').to_owned());
                    match section {
                        "Commands:" => listed.commands.extend(words.take(1)),
                        "Options:" => listed.flags.extend(words.take_while(|word| word.starts_with('-'))),
                        _ => {}
                    }
                }
            }
        }
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [GlobalFlag; 2] = [GlobalFlag::switch("--json"), GlobalFlag::option("--db")];

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn global_flags_move_to_the_front_from_anywhere() {
        for line in ["--json --db x=y sub --own=1", "sub --db=x=y --own 1 --json"] {
            let hoisted = hoist(&words(line), &FLAGS).unwrap();
            assert_eq!(hoisted.rest, words("sub --own 1"), "{line}");
            assert!(hoisted.global.contains(&("--db", Some("x=y".to_owned()))), "{line}");
            assert_eq!(hoisted.into_words().len(), 6, "{line}");
        }
    }

    #[test]
    fn missing_value_names_the_flag() {
        assert_eq!(hoist(&words("sub --db"), &FLAGS), Err("--db"));
    }
}
