//! Global flags, accepted anywhere on the command line, and the store that these select.

use super::environment;
use super::exit::CliError;
use crate::flags::{self, GlobalFlag};
use crate::receiver::store::{DEFAULT_URL, MissingStore, Store, StoreError, StoreOptions};

const STORE: &str = "--store";
const JSON: &str = "--json";
const FLAGS: [GlobalFlag; 2] = [GlobalFlag::switch(JSON), GlobalFlag::option(STORE)];

/// Values of the global flags.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GlobalOptions {
    /// URL of the store.
    store: Option<String>,
    /// True if results are one JSON document.
    pub json: bool,
}

impl GlobalOptions {
    /// Splits a command line into global flags and the rest. `admin sessions` becomes `admin session`.
    pub fn hoist(arguments: &[String]) -> Result<(GlobalOptions, Vec<String>), CliError> {
        let hoisted = flags::hoist(arguments, &FLAGS)
            .map_err(|flag| CliError::Usage(format!("{flag} needs a value: sqlite:PATH or postgres://…")))?;
        let mut options = GlobalOptions::default();
        for (flag, value) in hoisted.global {
            match flag {
                STORE => options.store = value,
                _ => options.json = true,
            }
        }
        let mut rest = hoisted.rest;
        if let [first, second, ..] = rest.as_mut_slice()
            && first == "admin"
            && second == "sessions"
        {
            *second = "session".to_owned();
        }
        Ok((options, rest))
    }

    /// Adds the nearest known word to argh's message about an unknown one.
    pub fn with_nearest(message: &str, words: &[&str], help: impl Fn(&[&str]) -> String) -> String {
        flags::with_nearest(message, words, &FLAGS, help)
    }

    /// Help on the global flags, which argh does not know.
    pub fn help() -> String {
        format!(
            "Anywhere: {STORE} sqlite:PATH or postgres://… (else HAN_SYNC_STORE, else the file HAN_SYNC_STORE_FILE, \
             else the credential `store`, else DATABASE_URL, else {DEFAULT_URL})\n          \
             {JSON}: admin prints one JSON document"
        )
    }

    /// URL of the store, which may hold a password.
    pub fn store_url(&self) -> Result<String, CliError> {
        match self.store.clone().filter(|url| !url.is_empty()) {
            Some(url) => Ok(url),
            None => Ok(environment::store_url()?.unwrap_or_else(|| DEFAULT_URL.to_owned())),
        }
    }

    /// Opens the store, migrating its schema. `missing` says what becomes of an SQLite file that is not there.
    pub async fn open_store(&self, missing: MissingStore) -> Result<Store, CliError> {
        let url = self.store_url()?;
        let options = StoreOptions { missing, pool: environment::pool_options()? };
        Store::open(&url, options).await.map_err(|error| match error {
            // A path holds no secrets; the URL of a server may hold a password.
            StoreError::Unavailable(text) if url.starts_with("sqlite:") => {
                CliError::Store(StoreError::Unavailable(format!("{url}: {text}")))
            }
            other => CliError::Store(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_flags_are_accepted_anywhere_and_with_an_equals_sign() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let hoist = |text: &str| GlobalOptions::hoist(&words(text)).ok();
        let (options, rest) =
            hoist("--json admin org create a --name=A=B --store sqlite:x --owner o").unwrap();
        assert_eq!(options, GlobalOptions { store: Some("sqlite:x".to_owned()), json: true });
        assert_eq!(rest, words("admin org create a --name A=B --owner o"));
        assert!(hoist("serve --store").is_none());
        let (_, rest) = hoist("admin --json sessions export sessions").unwrap();
        assert_eq!(rest, words("admin session export sessions"));
    }
}
