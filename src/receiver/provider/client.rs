//! The two steps of a sign-in: to the provider, and back with a code.

use super::attempt::SignInAttempt;
use super::error::{ProviderError, chain};
use super::metadata::{MetadataCache, discover};
use super::options::ProviderOptions;
use super::transport::{ProviderTransport, TransportError};
use super::types::{EndpointClient, IssuerMetadata, ProviderTokens, SignedIdToken, TokenClaims, UserInfo};
use super::user::{ProviderUser, add_claims, logins};
use super::verification::{Expected, TokenFault, verify};
use chrono::{DateTime, Utc};
use openidconnect::core::{CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType};
use openidconnect::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Instant;

/// Scopes that are asked for, where the provider says that it has them.
const SCOPES: [&str; 3] = ["email", "profile", "groups"];
/// Of these, the ones that are asked for where the provider does not say which it has.
const STANDARD_SCOPES: usize = 2;

/// The provider that people sign in through. Its calls block.
pub struct Provider {
    /// Settings of the operator.
    pub options: ProviderOptions,
    transport: ProviderTransport,
    metadata: MetadataCache,
}

/// The provider's answer, as the browser brings it.
pub struct Callback {
    /// Sign-in that began in this browser.
    pub attempt: SignInAttempt,
    /// Code, which counts once.
    pub code: String,
    /// Issuer that the answer names (RFC 9207).
    pub issuer: Option<String>,
    /// Address of this receiver to which the answer was sent.
    pub redirect_uri: String,
    /// Time of the answer.
    pub now: DateTime<Utc>,
}

impl Provider {
    /// A provider that is asked for its metadata when somebody signs in.
    pub fn new(options: ProviderOptions) -> Provider {
        Provider { options, transport: ProviderTransport::default(), metadata: MetadataCache::default() }
    }

    /// The provider's address for a sign-in, where the metadata is in the cache. Does not block.
    pub fn cached_authorization_url(&self, attempt: &SignInAttempt, redirect_uri: &str) -> Option<String> {
        let metadata = self.metadata.fresh(Instant::now())?;
        self.url(&metadata, attempt, redirect_uri).ok()
    }

    /// The provider's address for a sign-in.
    pub fn authorization_url(
        &self,
        attempt: &SignInAttempt,
        redirect_uri: &str,
    ) -> Result<String, ProviderError> {
        self.url(&*self.metadata()?, attempt, redirect_uri)
    }

    fn metadata(&self) -> Result<Arc<IssuerMetadata>, ProviderError> {
        self.metadata.get(Instant::now, || discover(&self.options.issuer, &self.transport))
    }

    fn url(
        &self,
        metadata: &IssuerMetadata,
        attempt: &SignInAttempt,
        redirect_uri: &str,
    ) -> Result<String, ProviderError> {
        let client = self.client(metadata, redirect_uri)?;
        let (state, nonce) = (CsrfToken::new(attempt.state()), Nonce::new(attempt.nonce()));
        let challenge =
            PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(attempt.verifier()));
        let (url, _, _) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scopes(self.scopes(metadata))
            .set_pkce_challenge(challenge)
            .url();
        Ok(url.into())
    }

    /// Exchanges a code for the provider's word on the person.
    pub fn user(&self, callback: &Callback) -> Result<ProviderUser, ProviderError> {
        let metadata = self.metadata()?;
        self.check_issuer(&metadata, callback.issuer.as_deref())?;
        let tokens = self.exchange(&metadata, callback)?;
        let missing = || ProviderError::Unverified("the response has no ID token".to_owned());
        let token: &SignedIdToken = tokens.extra_fields().id_token().ok_or_else(missing)?;
        let claims = self.verified(&metadata, &tokens, token, callback)?;
        let mut all = members(claims)?;
        if self.needs_more(&all)
            && let Some(more) = self.user_info(&metadata, &tokens, claims)?
        {
            add_claims(&mut all, more);
        }
        let issuer = metadata.issuer().as_str();
        ProviderUser::of_claims(issuer, claims.subject().as_str(), &all, &self.options.groups_claim)
    }

    /// Rejects an answer that another provider has sent (mix-up).
    fn check_issuer(&self, metadata: &IssuerMetadata, named: Option<&str>) -> Result<(), ProviderError> {
        let is_required = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match named {
            Some(issuer) if issuer == metadata.issuer().as_str() => Ok(()),
            None if !is_required => Ok(()),
            _ => Err(ProviderError::Unverified("the answer is that of another issuer".to_owned())),
        }
    }

    fn exchange(
        &self,
        metadata: &IssuerMetadata,
        callback: &Callback,
    ) -> Result<ProviderTokens, ProviderError> {
        let client = self.client(metadata, &callback.redirect_uri)?;
        client
            .exchange_code(AuthorizationCode::new(callback.code.clone()))
            .set_pkce_verifier(PkceCodeVerifier::new(callback.attempt.verifier()))
            .request(&self.transport)
            .map_err(|error| exchange_error(&error))
    }

    fn verified<'t>(
        &self,
        metadata: &IssuerMetadata,
        tokens: &ProviderTokens,
        token: &'t SignedIdToken,
        callback: &Callback,
    ) -> Result<&'t TokenClaims, ProviderError> {
        let expected = Expected {
            client_id: &ClientId::new(self.options.client_id.clone()),
            nonce: &Nonce::new(callback.attempt.nonce()),
            now: callback.now,
        };
        let unknown = || ProviderError::Unverified("the token's key is not one of the provider's".to_owned());
        match verify(tokens, token, metadata, &expected) {
            Ok(claims) => Ok(claims),
            Err(TokenFault::Refused(error)) => Err(error),
            Err(TokenFault::UnknownKey) => {
                let discover = || discover(&self.options.issuer, &self.transport);
                let fresh = self.metadata.refresh(Instant::now, discover)?.ok_or_else(unknown)?;
                verify(tokens, token, &fresh, &expected).map_err(|fault| match fault {
                    TokenFault::Refused(error) => error,
                    TokenFault::UnknownKey => unknown(),
                })
            }
        }
    }

    /// True if the ID token leaves out what may be at the userinfo endpoint.
    fn needs_more(&self, claims: &Map<String, Value>) -> bool {
        logins(claims).is_empty() || !claims.contains_key(&self.options.groups_claim)
    }

    /// The claims at the userinfo endpoint, if the provider has one.
    fn user_info(
        &self,
        metadata: &IssuerMetadata,
        tokens: &ProviderTokens,
        claims: &TokenClaims,
    ) -> Result<Option<Map<String, Value>>, ProviderError> {
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(None) };
        let client = self.endpoints(metadata)?.set_user_info_url(endpoint.clone());
        let subject = Some(claims.subject().clone());
        let info: Result<UserInfo, _> =
            client.user_info(tokens.access_token().clone(), subject).request(&self.transport);
        let info = info.map_err(|error| match error {
            openidconnect::UserInfoError::ClaimsVerification(error) => {
                ProviderError::Unverified(chain(&error))
            }
            other => ProviderError::Unavailable(chain(&other)),
        })?;
        members(&info).map(Some)
    }

    fn client(&self, metadata: &IssuerMetadata, redirect_uri: &str) -> Result<EndpointClient, ProviderError> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned());
        let redirect = redirect.map_err(|error| ProviderError::Unavailable(error.to_string()))?;
        Ok(self.endpoints(metadata)?.set_redirect_uri(redirect))
    }

    fn endpoints(&self, metadata: &IssuerMetadata) -> Result<EndpointClient, ProviderError> {
        let missing = || ProviderError::Unavailable("the metadata has no token endpoint".to_owned());
        let token_endpoint = metadata.token_endpoint().cloned().ok_or_else(missing)?;
        let client_id = ClientId::new(self.options.client_id.clone());
        let client = Client::new(client_id, metadata.issuer().clone(), metadata.jwks().clone())
            .set_auth_uri(metadata.authorization_endpoint().clone())
            .set_token_uri(token_endpoint)
            .set_auth_type(auth_type(metadata));
        Ok(match &self.options.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.to_string())),
            None => client,
        })
    }

    fn scopes(&self, metadata: &IssuerMetadata) -> Vec<Scope> {
        let scope = |text: &str| Scope::new(text.to_owned());
        match (&self.options.scopes, metadata.scopes_supported()) {
            (Some(scopes), _) => {
                scopes.iter().filter(|name| *name != "openid").map(|name| scope(name)).collect()
            }
            (None, Some(known)) => SCOPES.map(scope).into_iter().filter(|it| known.contains(it)).collect(),
            (None, None) => SCOPES[..STANDARD_SCOPES].iter().map(|name| scope(name)).collect(),
        }
    }
}

/// The way in which the token endpoint takes the secret: as HTTP Basic, unless it says that it takes the form alone.
fn auth_type(metadata: &IssuerMetadata) -> AuthType {
    let methods = metadata.token_endpoint_auth_methods_supported();
    let has = |method: &CoreClientAuthMethod| methods.is_some_and(|methods| methods.contains(method));
    let takes_form_alone =
        has(&CoreClientAuthMethod::ClientSecretPost) && !has(&CoreClientAuthMethod::ClientSecretBasic);
    if takes_form_alone { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// The members of claims.
fn members(claims: &impl Serialize) -> Result<Map<String, Value>, ProviderError> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(ProviderError::Unverified("the claims are no object".to_owned())),
    }
}

fn exchange_error(
    error: &RequestTokenError<TransportError, StandardErrorResponse<CoreErrorResponseType>>,
) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            CoreErrorResponseType::InvalidGrant => ProviderError::CodeRefused("invalid_grant".to_owned()),
            other => ProviderError::Unavailable(format!(
                "the token endpoint refuses this receiver: {}",
                other.as_ref()
            )),
        },
        // Its body may hold a token.
        RequestTokenError::Parse(..) => {
            ProviderError::Unavailable("the token endpoint's response cannot be read".to_owned())
        }
        other => ProviderError::Unavailable(chain(other)),
    }
}
