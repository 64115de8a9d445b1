//! Verification of ID tokens: signature by an algorithm of the list, issuer, audience, authorized party, nonce, times.

use super::error::{ProviderError, chain};
use super::types::{IssuerMetadata, ProviderTokens, SignedIdToken, TokenClaims};
use crate::receiver::limits::CLOCK_SKEW_US;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, ClientId, IdTokenVerifier, Nonce, OAuth2TokenResponse,
    SignatureVerificationError,
};

/// Signatures by a key pair of the provider. Neither `none`, nor a MAC under a secret that this receiver has as well.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// Values that an ID token is verified against.
pub struct Expected<'e> {
    pub client_id: &'e ClientId,
    pub nonce: &'e Nonce,
    pub now: DateTime<Utc>,
}

/// Reason for which a token was not verified.
pub enum TokenFault {
    /// The token's key is not among those of the provider that are known.
    UnknownKey,
    Refused(ProviderError),
}

/// Verifies the ID token of a response, and returns its claims.
pub fn verify<'t>(
    tokens: &ProviderTokens,
    token: &'t SignedIdToken,
    metadata: &IssuerMetadata,
    expected: &Expected<'_>,
) -> Result<&'t TokenClaims, TokenFault> {
    let verifier = verifier(metadata, expected);
    let claims = token.claims(&verifier, expected.nonce).map_err(fault)?;
    let unverified = |reason: &str| TokenFault::Refused(ProviderError::Unverified(reason.to_owned()));
    if claims.authorized_party().is_some_and(|party| party != expected.client_id) {
        return Err(unverified("the token's authorized party is another client"));
    }
    if let Some(hash) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|error| unverified(&error.to_string()))?;
        let key = token.signing_key(&verifier).map_err(|error| unverified(&error.to_string()))?;
        let own = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
            .map_err(|error| unverified(&error.to_string()))?;
        if own != *hash {
            return Err(unverified("the token is not that of the access token"));
        }
    }
    Ok(claims)
}

fn verifier<'e>(metadata: &IssuerMetadata, expected: &Expected<'_>) -> IdTokenVerifier<'e, CoreJsonWebKey> {
    let skew = TimeDelta::microseconds(CLOCK_SKEW_US);
    let (early, late) = (expected.now - skew, expected.now + skew);
    // That of a public client: it has no key for a MAC.
    IdTokenVerifier::new_public_client(
        expected.client_id.clone(),
        metadata.issuer().clone(),
        metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || early)
    .set_issue_time_verifier_fn(move |issued| match issued <= late {
        true => Ok(()),
        false => Err(format!("the token was issued at {issued}, which is ahead of this machine's clock")),
    })
}

fn fault(error: ClaimsVerificationError) -> TokenFault {
    match error {
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
            TokenFault::UnknownKey
        }
        ClaimsVerificationError::Expired(reason) => TokenFault::Refused(ProviderError::ClockSkew(reason)),
        other => TokenFault::Refused(ProviderError::Unverified(chain(&other))),
    }
}
