//! The text of a git configuration, as far as it names remotes.
//!
//! `include` and `includeIf` are ignored: another file could bring remotes of another repository.

use std::iter::Peekable;
use std::str::Chars;

/// Assignments of a configuration, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GitConfig {
    assignments: Vec<Assignment>,
}

/// `[section "subsection"] key = value`; section and key in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Assignment {
    section: String,
    subsection: String,
    key: String,
    /// `None` for a key alone, which means true.
    value: Option<String>,
}

impl GitConfig {
    /// Parses the text; `None` where git would refuse it.
    pub(super) fn parse(text: &str) -> Option<GitConfig> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let mut parser = ConfigReader { rest: text.chars().peekable() };
        let (mut config, mut section) = (GitConfig::default(), None);
        while let Some(next) = parser.peek() {
            match next {
                '[' => section = Some(parser.header()?),
                '#' | ';' => parser.skip_line(),
                _ if next.is_whitespace() => parser.skip(),
                _ => {
                    let (section, subsection) = section.clone()?;
                    let (key, value) = parser.assignment()?;
                    config.assignments.push(Assignment { section, subsection, key, value });
                }
            }
        }
        Some(config)
    }

    /// Adds the assignments of another configuration, which come later.
    pub(super) fn extend(&mut self, other: GitConfig) {
        self.assignments.extend(other.assignments);
    }

    /// Reports whether worktrees have configurations of their own.
    pub(super) fn has_worktree_configs(&self) -> bool {
        let setting = self.of("extensions", "worktreeconfig").last();
        setting.is_some_and(|it| {
            let is_true = |value: &str| ["true", "yes", "on", "1"].contains(&&*value.to_ascii_lowercase());
            it.value.as_deref().is_none_or(is_true)
        })
    }

    /// The repository's remote: `origin`, else the only one; as git rewrites it by `url.BASE.insteadOf`.
    pub(super) fn remote(&self) -> Option<String> {
        let mut remotes: Vec<(&str, Vec<&str>)> = Vec::new();
        for Assignment { subsection, value, .. } in self.of("remote", "url") {
            let index = remotes.iter().position(|(name, _)| name == subsection).unwrap_or_else(|| {
                remotes.push((subsection, Vec::new()));
                remotes.len() - 1
            });
            match value.as_deref().unwrap_or_default() {
                // An empty value clears the list.
                "" => remotes[index].1.clear(),
                url => remotes[index].1.push(url),
            }
        }
        remotes.retain(|(_, urls)| !urls.is_empty());
        let origin = remotes.iter().find(|(name, _)| *name == "origin");
        let only = || remotes.first().filter(|_| remotes.len() == 1);
        let (_, urls) = origin.or_else(only)?;
        urls.first().map(|url| self.rewrite(url))
    }

    /// The last value of a key of a section without a subsection.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<String> {
        self.of(section, key).filter(|it| it.subsection.is_empty()).last()?.value.clone()
    }

    /// Replaces the longest prefix that an `insteadOf` names.
    fn rewrite(&self, url: &str) -> String {
        let rules = self.of("url", "insteadof");
        let prefix =
            |rule: &Assignment| rule.value.clone().filter(|it| url.starts_with(it)).unwrap_or_default();
        let longest = rules.max_by_key(|rule| prefix(rule).len()).filter(|rule| !prefix(rule).is_empty());
        longest.map_or_else(|| url.to_owned(), |rule| rule.subsection.clone() + &url[prefix(rule).len()..])
    }

    fn of<'a>(&'a self, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a Assignment> {
        self.assignments.iter().filter(move |it| it.section == section && it.key == key)
    }
}

struct ConfigReader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl ConfigReader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn skip(&mut self) {
        self.rest.next();
    }

    fn skip_line(&mut self) {
        self.rest.by_ref().find(|c| *c == '\n');
    }

    fn skip_blanks(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    /// Reads `[section]`, `[section.subsection]` or `[section "subsection"]`.
    fn header(&mut self) -> Option<(String, String)> {
        self.skip();
        let is_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let name = self.name(is_name);
        self.skip_blanks();
        let subsection = match self.rest.next()? {
            ']' => {
                let (section, subsection) = name.split_once('.').unwrap_or((&name, ""));
                return Some((section.to_owned(), subsection.to_owned()));
            }
            '"' => self.subsection()?,
            _ => return None,
        };
        (self.rest.next()? == ']').then_some((name, subsection))
    }

    fn name(&mut self, is_name: impl Fn(&char) -> bool) -> String {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(&is_name) {
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    fn subsection(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            match self.rest.next()? {
                '"' => return Some(text),
                '\n' => return None,
                '\\' => text.push(self.rest.next().filter(|c| *c != '\n')?),
                c => text.push(c),
            }
        }
    }

    /// Reads `key = value`, or a key alone.
    fn assignment(&mut self) -> Option<(String, Option<String>)> {
        let key = self.name(|c| c.is_ascii_alphanumeric() || *c == '-');
        if !key.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        self.skip_blanks();
        match self.peek() {
            Some('=') => {
                self.skip();
                Some((key, Some(self.value()?)))
            }
            None | Some('\n' | '#' | ';') => Some((key, None)),
            Some(_) => None,
        }
    }

    /// Reads a value to the end of its line: quotes, escapes, continued lines and comments as in git.
    fn value(&mut self) -> Option<String> {
        let (mut text, mut blanks, mut is_quoted) = (String::new(), String::new(), false);
        self.skip_blanks();
        while let Some(c) = self.rest.next() {
            match c {
                '\n' if is_quoted => return None,
                '\n' => return Some(text),
                '#' | ';' if !is_quoted => {
                    self.skip_line();
                    return Some(text);
                }
                // Blanks at the end of a value are no part of it.
                _ if c.is_whitespace() && !is_quoted => {
                    blanks.push(c);
                    continue;
                }
                _ => text.push_str(&std::mem::take(&mut blanks)),
            }
            match c {
                '"' => is_quoted = !is_quoted,
                '\\' => match self.rest.next()? {
                    '\n' => {}
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'b' => text.push('\u{8}'),
                    c @ ('\\' | '"') => text.push(c),
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        (!is_quoted).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Option<String> {
        GitConfig::parse(text)?.remote()
    }

    #[test]
    fn origin_counts_or_the_only_remote() {
        for (text, expected) in [
            (
                "[remote \"origin\"]\n\turl = https://h/o/r\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
                Some("https://h/o/r"),
            ),
            ("[remote \"up\"]\nurl=git@h:o/up\n[remote \"origin\"]\nurl=git@h:o/r", Some("git@h:o/r")),
            ("[remote \"up\"]\nurl = git@h:o/up\n", Some("git@h:o/up")),
            ("[remote \"a\"]\nurl = git@h:o/a\n[remote \"b\"]\nurl = git@h:o/b\n", None),
            ("[remote \"a\"]\nurl = git@h:o/a\n[remote \"b\"]\npushurl = git@h:o/b\n", Some("git@h:o/a")),
            ("[remote \"origin\"]\nurl = one\nurl = two\n", Some("one")),
            ("[remote \"origin\"]\nurl = one\nurl =\nurl = two\n", Some("two")),
            ("[remote \"origin\"]\nurl =\n", None),
            ("[remote \"Origin\"]\nurl = git@h:o/a\n[remote \"b\"]\nurl = git@h:o/b\n", None),
            ("[REMOTE \"origin\"] URL = git@h:o/r ; comment\n", Some("git@h:o/r")),
            ("[remote.origin]\nurl = git@h:o/r\n", Some("git@h:o/r")),
            ("[remote \"origin\"]\nurl = \"https://h/o/a b\" # x\n", Some("https://h/o/a b")),
            ("[remote \"origin\"]\nurl = https://h/o\\\n/r\n", Some("https://h/o/r")),
            ("\u{feff}[core]\r\n\tbare\r\n[remote \"origin\"]\r\n\turl = git@h:o/r\r\n", Some("git@h:o/r")),
            ("[include]\npath = /elsewhere\n[branch \"main\"]\nremote = origin\n", None),
            ("; url = x\n# [remote \"origin\"]\n", None),
            ("", None),
        ] {
            assert_eq!(remote(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn text_that_git_refuses_names_no_remote() {
        let good = "[remote \"origin\"]\nurl = git@h:o/r\n";
        for bad in [
            "url = x\n",
            "[remote \"origin\n",
            "[remote origin]\n",
            "[core]\nx = \"y\n",
            "[core]\nx = \\q\n",
            "[core]\n1 = x\n",
            "[core] x y\n",
            "[core\n",
        ] {
            assert_eq!(GitConfig::parse(&format!("{bad}{good}")), None, "{bad}");
        }
    }

    #[test]
    fn longest_instead_of_rewrites_the_remote() {
        let text = "[url \"https://github.com/alice/\"]\ninsteadOf = acme:\ninsteadOf = a\n\
                    [url \"https://x/\"]\ninsteadOf = acme\n[remote \"origin\"]\nurl = acme:api\n";
        assert_eq!(remote(text).as_deref(), Some("https://github.com/alice/api"));
    }

    #[test]
    fn worktrees_have_configurations_of_their_own_where_the_extension_says_so() {
        let is_on = |text| GitConfig::parse(text).unwrap().has_worktree_configs();
        assert!(is_on("[extensions]\nworktreeConfig = true\n") && is_on("[extensions]\nworktreeConfig\n"));
        assert!(!is_on("[extensions]\nworktreeConfig = false\n") && !is_on(""));
    }
}
