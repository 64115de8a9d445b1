//! `han.yml` with anything in it, as the user's own file and as a repository's.

use super::{environment, in_folder};
use han_sync::exporter::config::project_override::{self, ProjectOverride, ProjectOverrides};
use han_sync::exporter::config::repository_file;
use han_sync::exporter::config::yaml::{YamlValue, sync_section};
use han_sync::exporter::config::{Config, Flags, endpoint};
use han_sync::exporter::error::ExitCode;
use std::fs;
use std::path::Path;

pub fn run(input: &[u8]) {
    in_folder(|folder| {
        fs::write(folder.join("han.yml"), input).expect("the folder can be written");
        let section = std::str::from_utf8(input).map_err(|error| error.to_string()).and_then(sync_section);
        own(folder, input, section.as_deref().unwrap_or_default());
        of_a_repository(folder, input, section);
    });
}

/// A configuration is accepted with every value in its range, or rejected; and the key is printed nowhere.
fn own(folder: &Path, input: &[u8], section: &[(String, YamlValue)]) {
    let (shown, taken) = match Config::load(&Flags::default(), &environment(folder)) {
        Ok(config) => (format!("{config:?}"), Some(config)),
        Err(stop) => {
            assert_eq!(stop.exit, ExitCode::Configuration, "{stop}");
            (stop.to_string(), None)
        }
    };
    let key = section.iter().find(|(name, _)| name == "apiKey").and_then(|(_, value)| value.as_text());
    if let Some(key) = key.map(str::trim).filter(|key| key.len() >= 8)
        // Or it stands in another place as well, which shows it.
        && String::from_utf8_lossy(input).matches(key).count() == 1
    {
        assert!(!shown.contains(key), "{shown}");
    }
    let Some(config) = taken else { return };
    assert!((1..=10_000).contains(&config.batch_messages));
    assert!((1 << 10..=1 << 30).contains(&config.batch_bytes));
    assert!(
        (1..=86_400).contains(&config.interval.as_secs()) && (1..=86_400).contains(&config.timeout.as_secs())
    );
    if let Some(url) = config.endpoint.map(|setting| setting.value) {
        let uri: ureq::http::Uri = url.parse().expect("an endpoint is an address");
        let host = uri.host().expect("with a host");
        assert!(uri.scheme_str() == Some("https") || endpoint::is_loopback(host), "{url}");
        assert!(
            uri.query().is_none() && uri.authority().is_some_and(|it| !it.as_str().contains('@')),
            "{url}"
        );
    }
    if let Some(key) = config.api_key.map(|key| key.value) {
        assert!(!key.expose().is_empty() && key.expose().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

/// A project override withholds where it says so or cannot be read, and says why.
fn of_a_repository(folder: &Path, input: &[u8], section: Result<Vec<(String, YamlValue)>, String>) {
    let mut reports = Vec::new();
    let inspection =
        project_override::inspect(folder, &ProjectOverride::default(), Path::new(""), &mut reports);
    let name = folder.display().to_string();
    let mut known = ProjectOverrides::default();
    reports.extend(known.record(&name, None, inspection));
    let found = known.for_session(Some(&name), None);
    let parsed =
        std::str::from_utf8(input).map_err(|error| error.to_string()).and_then(repository_file::parse);
    match parsed {
        Err(why) => assert!(!found.disabled_by.is_empty() && reports.len() == 1, "{why}"),
        Ok((restriction, sentences)) => {
            assert_eq!(restriction.disabled, !found.disabled_by.is_empty());
            assert_eq!(restriction.content_disabled, !found.content_disabled_by.is_empty());
            assert_eq!(sentences.is_empty(), reports.is_empty());
        }
    }
    let says = |wanted: &str| {
        let section = section.as_deref().unwrap_or_default();
        section.iter().any(|(key, value)| key == wanted && *value == YamlValue::Boolean(false))
    };
    assert!(!found.disabled_by.is_empty() || !says("enabled"));
    assert!(
        !found.disabled_by.is_empty() || !found.content_disabled_by.is_empty() || !says("includeContent")
    );
}
