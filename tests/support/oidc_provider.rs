//! A real OpenID provider as a process: the npm package `oidc-provider` on Node.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A provider at work, ended with the test.
pub struct OidcProvider {
    child: Child,
    pub issuer: String,
    folder: tempfile::TempDir,
}

impl OidcProvider {
    /// Starts a provider; `None`, said aloud, where the package is not installed (`scripts/need-oidc-provider`).
    pub fn start() -> Option<OidcProvider> {
        let Some(package) = package() else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: sign-in through a provider was not tried: run scripts/need-oidc-provider, which needs Node and npm"
            );
            return None;
        };
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/oidc_provider.mjs"))
            .env("OIDC_PROVIDER", package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().expect("the provider starts").unwrap();
        let issuer = line.strip_prefix("listening on ").unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "a secret, of the receiver & provider\n").unwrap();
        Some(OidcProvider { child, issuer, folder })
    }

    /// Arguments of `serve` that name this provider.
    pub fn arguments(&self) -> Vec<String> {
        let secret = self.folder.path().join("secret").display().to_string();
        let flags = [
            ("--oidc-issuer", self.issuer.as_str()),
            ("--oidc-client-id", "han-sync"),
            ("--oidc-client-secret-file", &secret),
        ];
        flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()]).collect()
    }

    /// Changes settings, and returns the number of requests to a path so far.
    pub fn control(&self, settings: &Value) -> Value {
        let config = ureq::Agent::config_builder().max_redirects(0).build();
        let url = format!("{}/control", self.issuer);
        let mut response = config.new_agent().post(url).send(settings.to_string()).unwrap();
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Gives an account these claims.
    pub fn account(&self, name: &str, claims: Value) {
        self.control(&json!({"users": {name: claims}}));
    }

    /// Stops answering.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The folder with the package: of `HAN_SYNC_TEST_OIDC_PROVIDER`, which must have it, else where the script has put it.
fn package() -> Option<PathBuf> {
    let has_it = |folder: &Path| folder.join("node_modules/oidc-provider/package.json").exists();
    if let Some(named) = std::env::var_os("HAN_SYNC_TEST_OIDC_PROVIDER").map(PathBuf::from) {
        assert!(has_it(&named), "HAN_SYNC_TEST_OIDC_PROVIDER: {} has no oidc-provider", named.display());
        return Some(named);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("oidc-provider");
    has_it(&folder).then_some(folder)
}
