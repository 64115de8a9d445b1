//! Settings of the provider that people sign in through: flags, variables and the credential `oidc-client-secret`.

use super::environment;
use super::exit::CliError;
use crate::printable::printable;
use crate::receiver::provider::{GROUPS_CLAIM, ProviderOptions};

/// Values of the flags.
pub struct ProviderFlags<'f> {
    pub issuer: Option<&'f str>,
    pub client_id: Option<&'f str>,
    pub client_secret_file: Option<&'f str>,
    pub creates_users: bool,
    pub groups_claim: Option<&'f str>,
    pub scopes: Option<&'f str>,
}

/// Checks the flags. Without an issuer there is no provider, and none of the others has a meaning.
pub fn provider_options(flags: &ProviderFlags<'_>) -> Result<Option<ProviderOptions>, CliError> {
    let Some(issuer) = flags.issuer else {
        let others = [
            ("--oidc-client-id", flags.client_id.is_some()),
            ("--oidc-client-secret-file", flags.client_secret_file.is_some()),
            ("--oidc-create", flags.creates_users),
            ("--oidc-groups-claim", flags.groups_claim.is_some()),
            ("--oidc-scopes", flags.scopes.is_some()),
        ];
        return match others.into_iter().find(|(_, is_set)| *is_set) {
            Some((flag, _)) => Err(CliError::Usage(format!("{flag} needs --oidc-issuer URL as well"))),
            None => Ok(None),
        };
    };
    ProviderOptions::check_issuer(issuer).map_err(|reason| {
        CliError::Usage(format!(
            "--oidc-issuer {} {reason}: write it as the provider's own configuration does",
            printable(issuer)
        ))
    })?;
    let client_id = flags.client_id.ok_or_else(|| {
        CliError::Usage("--oidc-issuer needs --oidc-client-id ID, which the provider gives".to_owned())
    })?;
    Ok(Some(ProviderOptions {
        issuer: issuer.to_owned(),
        client_id: client_id.to_owned(),
        client_secret: environment::client_secret(flags.client_secret_file)?.map(Into::into),
        creates_users: flags.creates_users,
        groups_claim: flags.groups_claim.unwrap_or(GROUPS_CLAIM).to_owned(),
        scopes: flags.scopes.map(|scopes| scopes.split_whitespace().map(str::to_owned).collect()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> ProviderFlags<'static> {
        ProviderFlags {
            issuer: Some("https://id.example.com"),
            client_id: Some("han-sync"),
            client_secret_file: None,
            creates_users: false,
            groups_claim: None,
            scopes: None,
        }
    }

    #[test]
    fn flags_of_a_provider_come_together() {
        assert!(provider_options(&flags()).is_ok_and(|options| options.is_some()));
        let nothing = ProviderFlags { issuer: None, client_id: None, ..flags() };
        assert!(provider_options(&nothing).is_ok_and(|options| options.is_none()));
        for (flags, word) in [
            (ProviderFlags { client_id: None, ..flags() }, "--oidc-client-id"),
            (ProviderFlags { issuer: None, ..flags() }, "--oidc-issuer"),
            (
                ProviderFlags { issuer: None, client_id: None, creates_users: true, ..flags() },
                "--oidc-create",
            ),
            (ProviderFlags { issuer: Some("http://id.example.com"), ..flags() }, "https://"),
        ] {
            let error = provider_options(&flags).err().map(|error| error.message()).unwrap_or_default();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
