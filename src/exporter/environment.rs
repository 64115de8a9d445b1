//! The process environment, read here and nowhere else.
//!
//! Everything else takes an `Environment`, so that one struct lists every variable that influences a run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exporter::error::Error;
use crate::user_database;

/// Variables that a hook does not trust, beside those of [`UNTRUSTED_PREFIXES`] and the proxies: a cloned repository can
/// set the environment of an agent and of its hooks. After the two of this program, those that glibc ignores in a
/// set-user-ID program.
const UNTRUSTED_VARIABLES: [&str; 16] = [
    "CLAUDE_CONFIG_DIR",
    "SSLKEYLOGFILE",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "NIS_PATH",
    "NIX_SSL_CERT_FILE",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TMPDIR",
    "TZDIR",
    "SQLITE_TMPDIR",
];
/// Settings of this program and of han, certificate authorities, and what the two loaders and the allocator obey.
const UNTRUSTED_PREFIXES: [&str; 5] = ["HAN_", "SSL_", "LD_", "DYLD_", "MALLOC_"];
/// Variables of the home folder, which [`Environment::from_user_database`] replaces.
const HOME_VARIABLES: [&str; 2] = ["HOME", "USERPROFILE"];

/// The variables that this program knows. An empty variable counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `CLAUDE_CONFIG_DIR`.
    pub claude_config_dir: Option<PathBuf>,
    /// `HAN_DB`.
    pub han_db: Option<PathBuf>,
    /// `HAN_DATA_DIR`.
    pub han_data_dir: Option<PathBuf>,
    /// `HAN_SYNC_ENABLED`.
    pub enabled: Option<String>,
    /// `HAN_SYNC_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `HAN_SYNC_API_KEY`.
    pub api_key: Option<String>,
    /// `HAN_SYNC_INTERVAL`.
    pub interval: Option<String>,
    /// `HAN_SYNC_BATCH_SIZE`.
    pub batch_size: Option<String>,
    /// The first of `https_proxy`, `HTTPS_PROXY`, `all_proxy` and `ALL_PROXY`, with its name, as curl takes it.
    pub proxy: Option<(&'static str, String)>,
    /// `no_proxy`, else `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// `USER`, else `LOGNAME`.
    pub user: Option<String>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// `TERM`.
    pub term: Option<String>,
    /// True if `NO_COLOR` is set.
    pub no_color: bool,
    /// `SSL_CERT_FILE`.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`.
    pub ssl_cert_dir: Option<PathBuf>,
    /// Start of a simulated clock, RFC 3339 (for tests).
    pub test_now: Option<String>,
    /// Replacement of the machine id (for tests).
    pub test_machine: Option<String>,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn from_process() -> Environment {
        let text = |name| present(name).map(|value| value.to_string_lossy().into_owned());
        let path = |name| present(name).map(PathBuf::from);
        Environment {
            home: path("HOME").or_else(|| path("USERPROFILE")),
            claude_config_dir: path("CLAUDE_CONFIG_DIR"),
            han_db: path("HAN_DB"),
            han_data_dir: path("HAN_DATA_DIR"),
            enabled: text("HAN_SYNC_ENABLED"),
            endpoint: text("HAN_SYNC_ENDPOINT"),
            api_key: text("HAN_SYNC_API_KEY"),
            interval: text("HAN_SYNC_INTERVAL"),
            batch_size: text("HAN_SYNC_BATCH_SIZE"),
            proxy: ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
                .into_iter()
                .find_map(|name| Some((name, text(name)?))),
            no_proxy: text("no_proxy").or_else(|| text("NO_PROXY")),
            path: present("PATH"),
            user: text("USER").or_else(|| text("LOGNAME")),
            xdg_config_home: path("XDG_CONFIG_HOME"),
            term: text("TERM"),
            no_color: present("NO_COLOR").is_some(),
            ssl_cert_file: path("SSL_CERT_FILE"),
            ssl_cert_dir: path("SSL_CERT_DIR"),
            test_now: text("HAN_SYNC_TEST_NOW"),
            test_machine: text("HAN_SYNC_TEST_MACHINE"),
        }
    }

    /// The environment of a hook: no variable, and the home folder of the user database.
    pub fn from_user_database() -> Environment {
        Environment { home: user_database::home(), ..Environment::default() }
    }

    /// Takes from a child what [`Environment::from_user_database`] leaves out, and sets its `HOME`.
    pub fn restrict(&self, child: &mut Command) {
        let names = env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| is_untrusted(name)) {
            child.env_remove(name);
        }
        for name in HOME_VARIABLES {
            child.env_remove(name);
        }
        if let Some(home) = &self.home {
            child.env(HOME_VARIABLES[0], home);
        }
    }

    /// Claude's configuration folder: `$CLAUDE_CONFIG_DIR`, else `~/.claude`.
    pub fn claude_folder(&self) -> Result<PathBuf, Error> {
        if let Some(folder) = &self.claude_config_dir {
            return self.absolute("CLAUDE_CONFIG_DIR", folder);
        }
        Ok(self.home("the state folder", "CLAUDE_CONFIG_DIR")?.join(".claude"))
    }

    /// The state folder: `$CLAUDE_CONFIG_DIR/han`, else `~/.claude/han`.
    pub fn state_folder(&self) -> Result<PathBuf, Error> {
        Ok(self.claude_folder()?.join("han"))
    }

    /// The source database if no flag names one.
    pub fn source_database(&self) -> Result<PathBuf, Error> {
        if let Some(path) = &self.han_db {
            return self.absolute("HAN_DB", path);
        }
        if let Some(folder) = &self.han_data_dir {
            let named = self.absolute("HAN_DATA_DIR", folder)?.join("han.db");
            // han itself always writes the latter.
            let usual = self.home.as_ref().map(|home| home.join(".han").join("han.db"));
            return Ok(usual.filter(|usual| is_gone(&named) && usual.exists()).unwrap_or(named));
        }
        Ok(self.home("han's database", "HAN_DB")?.join(".han").join("han.db"))
    }

    /// Expands a leading `~/`, and resolves a relative path against `base`.
    pub fn expand(&self, path: &Path, base: &Path) -> Result<PathBuf, Error> {
        match path.strip_prefix("~") {
            Ok(rest) => Ok(self.home(&path.display().to_string(), "the path in full")?.join(rest)),
            Err(_) => Ok(base.join(path)),
        }
    }

    /// Checks the paths of all variables, in force or not: a service manager and a `.env` file expand nothing, and a path
    /// that means another place in each working directory would leave the configuration unread.
    ///
    /// # Errors
    /// A configuration error that names variable and value.
    pub fn check_paths(&self) -> Result<(), Error> {
        let variables = [
            ("CLAUDE_CONFIG_DIR", &self.claude_config_dir),
            ("HAN_DB", &self.han_db),
            ("HAN_DATA_DIR", &self.han_data_dir),
        ];
        for (name, value) in variables {
            value.as_ref().map(|value| self.absolute(name, value)).transpose()?;
        }
        Ok(())
    }

    /// Expands the path of a variable, which has to be absolute then.
    fn absolute(&self, name: &str, value: &Path) -> Result<PathBuf, Error> {
        let path = match (value.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => value.to_owned(),
        };
        if path.is_absolute() && !value.as_os_str().as_encoded_bytes().contains(&b'$') {
            return Ok(path);
        }
        Err(Error::configuration(format!(
            "{name}: {:?} is no absolute path; write it without variables, in full or with a leading ~/",
            value.display().to_string()
        )))
    }

    fn home(&self, what: &str, instead: &str) -> Result<PathBuf, Error> {
        match &self.home {
            Some(home) if home.is_absolute() => Ok(home.clone()),
            Some(home) => Err(Error::configuration(format!(
                "cannot locate {what}: HOME is {:?}, which is no absolute path; set HOME or {instead}",
                home.display().to_string()
            ))),
            None => Err(Error::configuration(format!(
                "cannot locate {what}: HOME is not set; set HOME or {instead}"
            ))),
        }
    }
}

/// True if there is nothing at a path. A link that leads nowhere, and a path that may not be inspected, are not gone.
fn is_gone(path: &Path) -> bool {
    let gone = [ErrorKind::NotFound, ErrorKind::NotADirectory];
    path.symlink_metadata().is_err_and(|error| gone.contains(&error.kind()))
}

fn present(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// True for a variable that redirects this program, its connections or its loader.
fn is_untrusted(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    UNTRUSTED_VARIABLES.contains(&name.as_str())
        || UNTRUSTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.ends_with("_PROXY")
}
