//! Accounts of the user on code hosts, as the configurations of git, `gh` and `glab` name them.
//!
//! An account only withholds: its repositories are personal. A proposal that is wrong costs no disclosure.

use std::path::{Path, PathBuf};

use crate::exporter::config::small_file;
use crate::exporter::config::yaml::{YamlValue, documents};
use crate::exporter::environment::Environment;
use crate::exporter::source::git;
use crate::protocol::remote::Owner;

/// Lists the accounts that the programs on this machine know.
pub(super) fn known_to_tools(environment: &Environment) -> Vec<Owner> {
    let Some(home) = environment.home.as_ref().filter(|home| home.is_absolute()) else { return Vec::new() };
    let named = environment.xdg_config_home.clone().filter(|folder| folder.is_absolute());
    let config = named.unwrap_or_else(|| home.join(".config"));
    let git_files = [config.join("git").join("config"), home.join(".gitconfig")];
    let mut names: Vec<String> = Vec::new();
    names.extend(git::value_in(&git_files, "github", "user").map(|user| format!("github.com/{user}")));
    names.extend(of_hosts(read(&config.join("gh").join("hosts.yml"))));
    for file in glab_files(&config, home) {
        let hosts = read(&file).and_then(|entries| entries.into_iter().find(|(key, _)| is(key, "hosts")));
        names.extend(of_hosts(hosts.map(|(_, value)| entries(value))));
    }
    let mut accounts = Vec::new();
    for account in names.iter().filter_map(|name| Owner::parse(name).ok()) {
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    accounts
}

/// Places of the configuration of `glab`: that of Linux, and that of macOS.
fn glab_files(config: &Path, home: &Path) -> [PathBuf; 2] {
    let on_macos = home.join("Library").join("Application Support");
    [config, &on_macos].map(|folder| folder.join("glab-cli").join("config.yml"))
}

/// The accounts in a mapping of hosts: `user`, and the names below `users`.
fn of_hosts(hosts: Option<Vec<(YamlValue, YamlValue)>>) -> Vec<String> {
    let mut names = Vec::new();
    for (host, settings) in hosts.unwrap_or_default() {
        let Some(host) = host.as_text().map(str::to_owned) else { continue };
        for (key, value) in entries(settings) {
            if is(&key, "user") {
                names.extend(value.as_text().map(|user| format!("{host}/{user}")));
            } else if is(&key, "users") {
                let users = entries(value).into_iter();
                names.extend(users.filter_map(|(user, _)| Some(format!("{host}/{}", user.as_text()?))));
            }
        }
    }
    names
}

fn is(key: &YamlValue, name: &str) -> bool {
    key.as_text() == Some(name)
}

fn read(path: &Path) -> Option<Vec<(YamlValue, YamlValue)>> {
    let text = small_file::read(path).ok()?;
    documents(&text).ok()?.into_iter().next().map(entries)
}

fn entries(value: YamlValue) -> Vec<(YamlValue, YamlValue)> {
    match value {
        YamlValue::Mapping(entries) => entries,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn accounts_are_read_from_the_files_of_git_gh_and_glab() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let environment = Environment { home: Some(root.path().to_owned()), ..Environment::default() };
        let names = || {
            let accounts = known_to_tools(&environment);
            accounts.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(), Vec::<String>::new());
        write(".config/git/config", "[github]\n\tuser = old\n");
        write(".gitconfig", "[user]\n\tname = A\n[github]\n\tuser = Alice\n");
        write(
            ".config/gh/hosts.yml",
            "github.com:\n    git_protocol: ssh\n    users:\n        alice:\n        alice-work:\n            oauth_token: gho_x\n    user: alice\ngithub.acme.example:\n    user: al\n",
        );
        write(
            ".config/glab-cli/config.yml",
            "git_protocol: ssh\nhosts:\n    gitlab.com:\n        token: glpat-x\n        user: alice\n    bad:\n        user: [1]\n",
        );
        let wanted =
            ["github.com/alice", "github.com/alice-work", "github.acme.example/al", "gitlab.com/alice"];
        assert_eq!(names(), wanted);
        write(".config/gh/hosts.yml", "- [broken");
        assert_eq!(names(), ["github.com/alice", "gitlab.com/alice"]);
    }
}
