//! Manual pages, made from the help of the real programs, which argh makes from the definitions of commands and flags.
//!
//! Exit codes, environment and files, which no help says, come from `docs/man/PROGRAM.1.in`. `scripts/man-pages` writes the
//! pages anew; the tests that call [`assert_current`] hold the pages to the help.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::golden::is_blessing;

/// The help of a command, read back.
#[derive(Debug, Default)]
struct Help {
    usage: String,
    description: String,
    positionals: Vec<(String, String)>,
    options: Vec<(String, String)>,
    commands: Vec<(String, String)>,
    notes: Vec<String>,
    /// Lines that a program adds behind argh's help.
    rest: Vec<String>,
}

impl Help {
    fn parse(text: &str) -> Help {
        let mut help = Help::default();
        let mut section = "";
        for line in text.lines() {
            if let Some(usage) = line.strip_prefix("Usage: ") {
                help.usage = usage.to_owned();
            } else if ["Positional Arguments:", "Options:", "Commands:", "Notes:"].contains(&line) {
                section = line;
            } else if line.starts_with("Anywhere:") || section == "rest" {
                section = "rest";
                help.rest.push(line.trim().trim_start_matches("Anywhere: ").to_owned());
            } else {
                help.add(section, line);
            }
        }
        help
    }

    fn add(&mut self, section: &str, line: &str) {
        let entries = match section {
            "Positional Arguments:" => &mut self.positionals,
            "Options:" => &mut self.options,
            "Commands:" => &mut self.commands,
            "Notes:" => {
                return self.notes.extend(Some(line.trim().to_owned()).filter(|line| !line.is_empty()));
            }
            _ => return append(&mut self.description, line.trim()),
        };
        match line.strip_prefix("  ") {
            Some(more) if more.starts_with(' ') => {
                append(&mut entries.last_mut().expect("an entry goes before").1, more.trim());
            }
            Some(entry) => {
                // The name of an entry ends at two blanks, or is alone on its line.
                let (name, text) = entry.split_once("  ").unwrap_or((entry, ""));
                entries.push((name.trim().to_owned(), text.trim().to_owned()));
            }
            None => {}
        }
    }

    /// The name of an option's value, from the usage.
    fn value_of(&self, option: &str) -> Option<&str> {
        let flag = option.split(", ").last()?;
        let behind = self.usage.split(&format!("{flag} <")).nth(1)?;
        behind.split('>').next()
    }

    /// Options but for the help's own.
    fn own_options(&self) -> impl Iterator<Item = &(String, String)> {
        self.options.iter().filter(|(name, _)| !name.starts_with("--help"))
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

/// The page of a program. `help`: the help of a command, by the names that lead to it.
pub fn page(program: &str, help: &dyn Fn(&[&str]) -> String, sections: &str) -> String {
    let root = Help::parse(&help(&[]));
    let about = root.description.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let mut page = format!(
        ".\\\" Made by scripts/man-pages from the help of {program} and docs/man/{program}.1.in.\n\
         .TH {} 1 \"\" \"{program}\" \"User Commands\"\n.SH NAME\n{program} \\- {}\n\
         .SH SYNOPSIS\n.B {program}\n.RI [ flags ]\n.RI [ command ]\n.SH DESCRIPTION\n{}\n",
        program.to_uppercase(),
        prose(&lower_first(about)),
        prose(&root.description),
    );
    paragraphs(&mut page, &root.notes);
    page.push_str(".SH COMMANDS\n");
    commands(&mut page, &root, &[], help);
    page.push_str(".SH FLAGS\n");
    options(&mut page, &root);
    paragraphs(&mut page, &root.rest);
    page.push_str(sections);
    page
}

/// The commands below a command, each followed by its own.
fn commands(page: &mut String, above: &Help, path: &[&str], help: &dyn Fn(&[&str]) -> String) {
    for (name, _) in &above.commands {
        let path = [path, &[name.as_str()]].concat();
        let own = Help::parse(&help(&path));
        if own.commands.is_empty() {
            let arguments =
                own.usage.split_whitespace().skip_while(|word| word != &path[path.len() - 1]).skip(1);
            let arguments: Vec<&str> = arguments.filter(|word| *word != "[--]").collect();
            page.push_str(&format!(".SS \"{}\"\n", bold(&path.join(" "))));
            if !arguments.is_empty() {
                page.push_str(&format!(
                    "{}\n.PP\n",
                    prose(&format!("{} {}", path.join(" "), arguments.join(" ")))
                ));
            }
            page.push_str(&format!("{}\n", prose(&sentence(&own.description))));
            for (name, text) in own.positionals.iter().filter(|(_, text)| !text.is_empty()) {
                page.push_str(&format!(".TP\n.I {}\n{}\n", prose(name), prose(text)));
            }
            options(page, &own);
            paragraphs(page, &own.notes);
        } else {
            commands(page, &own, &path, help);
        }
    }
}

fn options(page: &mut String, help: &Help) {
    for (name, text) in help.own_options() {
        match help.value_of(name) {
            Some(value) => page.push_str(&format!(".TP\n.BI {} \" {}\"\n", bold(name), value.to_uppercase())),
            None => page.push_str(&format!(".TP\n.B {}\n", bold(name))),
        }
        page.push_str(&format!("{}\n", prose(text)));
    }
}

fn paragraphs(page: &mut String, texts: &[String]) {
    for text in texts {
        page.push_str(&format!(".PP\n{}\n", prose(text)));
    }
}

/// A text for roff, in lines of a readable length.
fn prose(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if line.len() + word.len() > 110 {
            lines.push(escaped(word));
        } else {
            append(line, &escaped(word));
        }
    }
    // A control line begins with one of these.
    let safe = lines
        .iter()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.clone() });
    safe.collect::<Vec<_>>().join("\n")
}

fn escaped(word: &str) -> String {
    let escapes = BTreeMap::from([('\\', "\\e".to_owned()), ('…', "\\[u2026]".to_owned())]);
    let escaped: String =
        word.chars().map(|c| escapes.get(&c).cloned().unwrap_or_else(|| c.to_string())).collect();
    // Two hyphens are a flag's, which a reader copies.
    escaped.replace("--", "\\-\\-")
}

fn bold(text: &str) -> String {
    text.replace('-', "\\-")
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().collect::<String>() + characters.as_str())
        .unwrap_or_default()
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}

/// Asserts that the page in `docs/` is the one that the help makes. Blessing writes it.
#[track_caller]
pub fn assert_current(program: &str, help: &dyn Fn(&[&str]) -> String) {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let sections =
        fs::read_to_string(docs.join(format!("man/{program}.1.in"))).expect("the rest of the page");
    let (page, path) = (page(program, help, &sections), docs.join(format!("{program}.1")));
    if is_blessing() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    assert!(known == page, "{} is not what the help says; run scripts/man-pages", path.display());
}
