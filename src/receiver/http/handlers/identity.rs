//! `GET /api/sync/identity`: the user of a key, and the limits of this receiver.

use crate::protocol::{Identity, IdentityOrganization, Limits, PROTOCOL_VERSION};
use crate::receiver::http::auth::Authenticated;
use crate::receiver::limits::{BATCH_MESSAGES_ADVISED, BODY_BYTES_MAX, INFLATED_BYTES_MAX};
use crate::receiver::time;
use axum::Json;

/// Answers with the identity of the key's user.
pub async fn get_identity(Authenticated(principal): Authenticated) -> Json<Identity> {
    let retained_since = principal.nothing_older_than().map(time::rfc3339);
    let organizations = principal.memberships.into_iter().map(|membership| IdentityOrganization {
        slug: membership.slug,
        name: membership.name,
        role: membership.role.as_str().to_owned(),
        owners: membership.owners,
    });
    Json(Identity {
        user_id: principal.user_id,
        login: principal.login,
        accounts: principal.accounts,
        organizations: organizations.collect(),
        protocol_versions: vec![PROTOCOL_VERSION.to_owned()],
        encodings: vec!["gzip".to_owned()],
        limits: Limits {
            max_body_bytes: Some(BODY_BYTES_MAX as u64),
            max_inflated_bytes: Some(INFLATED_BYTES_MAX as u64),
            max_messages: Some(BATCH_MESSAGES_ADVISED as u64),
        },
        retained_since,
        server_timestamp: Some(time::rfc3339(time::now_us())),
    })
}
