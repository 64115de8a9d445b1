//! An answer with any status and body: what the exporter takes it for, and what it then counts as delivered.

use super::NOW;
use han_sync::exporter::config::PrivacyRules;
use han_sync::exporter::delivery::acknowledge::validate_response;
use han_sync::exporter::delivery::request_error::RequestError;
use han_sync::exporter::delivery::response::{self, BatchDecision, Rejecter};
use han_sync::exporter::plan::eligibility::{Affiliations, Eligibility, check_sync_eligibility};
use han_sync::printable::printable;
use han_sync::protocol::{Identity, code};
use serde_json::Value;
use std::collections::BTreeSet;
use ureq::Body;
use ureq::http::Response;

const STATUSES: [u16; 16] = [200, 207, 422, 400, 413, 200, 401, 403, 404, 408, 429, 500, 503, 302, 204, 599];
const TYPES: [&str; 5] =
    ["application/json", "", "text/html; charset=utf-8", "application/problem+json", "text/plain"];
const RETRY_AFTER: [&str; 5] = ["", "7", "Fri, 02 Jan 2026 03:05:00 GMT", "99999999999999999999", "-1"];
const SESSIONS: [&str; 4] = ["s1", "s2", "s3", "0b6a8f4e-7d5c-4c1a-9c1e-2f8b7a6d5e4c"];
/// A receiver's words, and what this program says around them.
const MESSAGE_CHARS_MAX: usize = 1_200;

const ENDPOINT: &str = "http://127.0.0.1:9/api/sync";

/// The first byte is the status, the second the headers, the third says how many sessions were sent.
pub fn run(input: &[u8]) {
    let [status, headers, sent, body @ ..] = input else { return };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let content_type = TYPES[usize::from(*headers) % TYPES.len()];
    let sent = &SESSIONS[..usize::from(*sent) % (SESSIONS.len() + 1)];
    let response = || {
        let mut response =
            Response::builder().status(status).header("location", "https://portal.example/?token=x");
        for (name, value) in [
            ("content-type", content_type),
            ("retry-after", RETRY_AFTER[usize::from(*headers) / TYPES.len() % RETRY_AFTER.len()]),
        ] {
            response = if value.is_empty() { response } else { response.header(name, value) };
        }
        response.body(Body::builder().data(body)).expect("a response")
    };
    let is_json = content_type.is_empty() || content_type.contains("json");
    posted(response::batch_decision(ENDPOINT, response(), *NOW), status, is_json, sent, body);
    identified(response::identity_response(ENDPOINT, response(), *NOW), status, is_json, body);
}

fn posted(
    posted: Result<BatchDecision, RequestError>,
    status: u16,
    is_json: bool,
    sent: &[&str],
    body: &[u8],
) {
    let answer = match posted {
        Ok(BatchDecision::Response(response)) => response,
        Ok(BatchDecision::BatchRejected(rejection)) => {
            assert!(matches!(rejection.status, 400 | 413 | 422) && rejection.status == status);
            assert!(is_json || rejection.by == Rejecter::Gateway && status == 413);
            return is_printable(&rejection.to_string());
        }
        Ok(BatchDecision::EncodingRefused) => panic!("only the client knows the encoding of its request"),
        Err(error) => return is_printable(error.message()),
    };
    assert!(is_json && matches!(status, 200 | 207 | 422), "{status} is no answer to a batch");
    let Ok(refused) = validate_response(sent.iter().copied(), &answer) else { return };
    // Told by another reader: whom the answer names, and for what. It reads every member, also those that do not count.
    let Ok(document) = serde_json::from_str::<Value>(&String::from_utf8_lossy(body)) else { return };
    let errors = document["errors"].as_array().cloned().unwrap_or_default();
    let named: BTreeSet<&str> = errors.iter().filter_map(|error| error["sessionId"].as_str()).collect();
    assert!(named.iter().all(|id| sent.contains(id)), "the answer is about another batch");
    assert_eq!(document["processed"].as_u64(), Some((sent.len() - named.len()) as u64));
    for id in sent.iter().filter(|id| !refused.rejected.contains_key(**id)) {
        let mut codes = errors.iter().filter(|error| error["sessionId"] == **id).map(|error| &error["code"]);
        assert!(codes.all(|code| code == code::FORGOTTEN), "{id} is acknowledged");
    }
}

fn identified(identified: Result<Option<Identity>, RequestError>, status: u16, is_json: bool, body: &[u8]) {
    let identity = match identified {
        Ok(Some(identity)) => identity,
        Ok(None) => return assert_eq!(status, 404),
        Err(error) => return is_printable(error.message()),
    };
    assert!(is_json && status == 200 && !identity.user_id.is_empty());
    // What the identity does not name stays here.
    let affiliations = Affiliations::known(&identity);
    let rules = PrivacyRules::default();
    for remote in ["https://github.com/acme-corp/api.git", "git@gitlab.com:acme/core/api.git"] {
        let owner = if remote.contains("github") { "acme-corp" } else { "acme" };
        let verdict = check_sync_eligibility(Some(remote), &rules, &affiliations);
        let named = identity.organizations.iter().flat_map(|each| &each.owners);
        let is_named =
            named.into_iter().any(|name| name.to_lowercase().contains(owner) || name.contains('%'));
        assert!(
            is_named || matches!(verdict, Eligibility::Excluded { .. }),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    is_read_again(&identity);
}

/// The identity goes into the state and comes out as it was.
fn is_read_again(identity: &han_sync::protocol::Identity) {
    let document = serde_json::to_string(identity).expect("an identity is JSON");
    assert_eq!(serde_json::from_str::<han_sync::protocol::Identity>(&document).as_ref().ok(), Some(identity));
}

/// Fit for a terminal once it is escaped as output for people is, and no longer than a few lines.
fn is_printable(message: &str) {
    assert!(!printable(message).chars().any(char::is_control), "{message:?}");
    assert!(message.chars().count() <= MESSAGE_CHARS_MAX, "{message}");
}
