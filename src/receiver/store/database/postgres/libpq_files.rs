//! libpq's files: passwords (`.pgpass`) and services (`pg_service.conf`).
//!
//! Invariant: neither a password nor another part of a file stands in an error.

use crate::receiver::store::error::{Result, StoreError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Fields of a line of the password file before the password.
const PASSWORD_KEYS: usize = 4;

/// A server, as a line of the password file names one.
pub struct PasswordKey<'a> {
    pub host: &'a str,
    pub port: &'a str,
    pub database: &'a str,
    pub user: &'a str,
}

/// The first password in a file for any of these servers. A file that others may read is ignored with a warning, as libpq does.
pub fn password(file: &Path, keys: &[PasswordKey<'_>]) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(
            file = %file.display(),
            "the password file is ignored, because others may read it: run chmod 600 on it"
        );
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    let lines = || text.lines().filter(|line| !line.starts_with('#')).map(fields);
    keys.iter().find_map(|key| lines().find_map(|fields| password_for(fields, key)))
}

fn password_for(fields: Vec<String>, key: &PasswordKey<'_>) -> Option<String> {
    let wanted = [key.host, key.port, key.database, key.user];
    let is_match = fields.len() > PASSWORD_KEYS
        && fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    is_match.then(|| fields[PASSWORD_KEYS..].join(":"))
}

/// The fields of a line, which colons separate. A backslash takes the next character as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' => fields.push(String::new()),
            '\\' => fields.last_mut().into_iter().for_each(|field| field.extend(characters.next())),
            other => fields.last_mut().into_iter().for_each(|field| field.push(other)),
        }
    }
    fields
}

/// The words of a service, from the first of these files that has it.
pub fn service(name: &str, files: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let mut texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    let found = texts.find_map(|text| section(&text, name));
    found.ok_or_else(|| {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        StoreError::Unusable(format!(
            "the store's service is in no service file: looked in {}",
            files.join(", ")
        ))
    })
}

fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let heading = format!("[{name}]");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut own = lines.skip_while(|line| *line != heading);
    own.next()?;
    let words = own.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    Some(words.map(|(word, value)| (word.trim().to_owned(), value.trim().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(host: &'a str, database: &'a str) -> PasswordKey<'a> {
        PasswordKey { host, port: "5432", database, user: "me" }
    }

    #[test]
    fn password_is_that_of_the_first_line_that_names_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(
            &file,
            "# host:port\nother:5432:team:me:no\none:*:te\\:am:me:a:b\\\\c\n*:*:*:me:last\n",
        )
        .unwrap();
        let of = |keys: &[PasswordKey]| password(&file, keys);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(of(&[key("other", "team")]), None, "others may read it");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(of(&[key("other", "team")]).as_deref(), Some("no"));
        assert_eq!(of(&[key("one", "te:am")]).as_deref(), Some("a:b\\c"));
        assert_eq!(of(&[key("elsewhere", "team")]).as_deref(), Some("last"));
        assert_eq!(of(&[PasswordKey { user: "you", ..key("elsewhere", "team") }]), None);
        assert_eq!(password(&folder.path().join("missing"), &[key("other", "team")]), None);
    }

    #[test]
    fn service_has_the_words_of_its_section_alone() {
        let text = "[a]\nhost=one\n\n# comment\nport = 6432\n[b]\nhost=two\n[c]\n";
        let word = |word: &str, value: &str| (word.to_owned(), value.to_owned());
        assert_eq!(section(text, "a"), Some(vec![word("host", "one"), word("port", "6432")]));
        assert_eq!(section(text, "b"), Some(vec![word("host", "two")]));
        assert_eq!(section(text, "c"), Some(Vec::new()));
        assert_eq!(section(text, "d"), None);
    }
}
