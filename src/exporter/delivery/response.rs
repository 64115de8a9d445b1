//! The interpretation of an HTTP response: acknowledgement, rejection, or an error.
//!
//! Every response falls into one of a few classes, by which the delivery decides. No body is read beyond a bound, and
//! no redirect is followed.

use std::fmt;
use std::io::{self, Read};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Response, StatusCode};

use crate::exporter::backoff;
use crate::exporter::delivery::request_error::{FaultKind, RequestError};
use crate::protocol::{DigestsResponse, ErrorBody, Identity, SessionDigest, SyncResponse};
use crate::short_hash;

/// The maximum size of a response body, which names at most the sessions of a batch, or the organizations of a user.
const BODY_BYTES_MAX: u64 = 8 << 20;
/// The bound of a receiver's error text: a line or two.
const MESSAGE_CHARS_MAX: usize = 300;

/// The receiver's decision on a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchDecision {
    /// A decision on each session.
    Response(SyncResponse),
    /// 400, 413 or 422 for the batch as a whole.
    BatchRejected(BatchRejection),
    /// 415 for a body in zstd: the same batch may do in gzip.
    EncodingRefused,
}

/// The rejection of a batch as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRejection {
    /// Origin of the rejection.
    pub by: Rejecter,
    /// HTTP status, or the one that corresponds to the reason.
    pub status: u16,
    /// Reason, for people.
    pub message: String,
}

/// The origin of the rejection of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejecter {
    /// The receiver.
    Receiver,
    /// A gateway, proxy or firewall on the way to the receiver.
    Gateway,
    /// This program, because of a limit that the receiver's identity names.
    Exporter,
}

/// Shows the rejection as a main clause.
impl fmt::Display for BatchRejection {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let BatchRejection { by, status, message } = self;
        match by {
            Rejecter::Receiver => write!(f, "the receiver rejected a batch ({status}: {message})"),
            Rejecter::Gateway => write!(f, "a batch did not reach the receiver ({status}: {message})"),
            Rejecter::Exporter => write!(f, "a batch was not sent ({message})"),
        }
    }
}

/// The receiver's answer to a request to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgetAnswer {
    /// Everything is done.
    Done,
    /// Sessions of organizations stay, because these do not let members delete; the rest is done.
    Refused {
        /// Slugs of the organizations, as far as they are named.
        organizations: Vec<String>,
        /// Reason for people.
        reason: String,
    },
    /// The receiver has no such route, or something on the way lets no such request through.
    Unsupported {
        /// HTTP status.
        status: u16,
    },
    /// The receiver cannot act on the request, whatever the time.
    Invalid {
        /// Error text of the receiver.
        message: String,
    },
}

/// Organizations that refuse, in a response of 207.
#[derive(Deserialize)]
struct RefusedOrganizations {
    refused: Vec<String>,
}

/// Interprets the response to a request to forget. A date in `Retry-After` is relative to `now`.
pub fn forget_answer(
    endpoint: &str,
    mut response: Response<Body>,
    now: DateTime<Utc>,
) -> Result<ForgetAnswer, RequestError> {
    let status = response.status().as_u16();
    match status {
        200 | 202 | 204 => Ok(ForgetAnswer::Done),
        207 => {
            let body = json_body(endpoint, &mut response)?;
            let RefusedOrganizations { refused } = serde_json::from_slice(&body).map_err(|_| {
                RequestError::fault(format!("{endpoint} returned 207 with JSON that names no organizations"))
            })?;
            let organizations: Vec<String> = refused.iter().map(|slug| truncated(slug)).collect();
            let reason = format!("{} refused: its sessions stay there", organizations.join(", "));
            Ok(ForgetAnswer::Refused { organizations, reason })
        }
        403 => Ok(match receiver_text(endpoint, &mut response) {
            Some(reason) => ForgetAnswer::Refused { organizations: Vec::new(), reason },
            None => ForgetAnswer::Unsupported { status },
        }),
        404 | 405 | 501 => Ok(ForgetAnswer::Unsupported { status }),
        400 | 422 => {
            let status = response.status();
            Ok(ForgetAnswer::Invalid { message: status_text(endpoint, status, &mut response) })
        }
        _ => Err(classify_error(endpoint, response, now)),
    }
}

/// Interprets the response to a batch. A date in `Retry-After` is relative to `now`.
pub fn batch_decision(
    endpoint: &str,
    mut response: Response<Body>,
    now: DateTime<Utc>,
) -> Result<BatchDecision, RequestError> {
    let status = response.status().as_u16();
    match status {
        200 | 207 | 422 => sync_response(endpoint, &mut response),
        400 | 413 => match receiver_text(endpoint, &mut response) {
            Some(message) => Ok(rejected(Rejecter::Receiver, status, message)),
            // A 413 counts whoever sent it, because a smaller body helps.
            None if status == 413 => {
                let message = "a gateway or proxy on the way finds the body too large".to_owned();
                Ok(rejected(Rejecter::Gateway, status, message))
            }
            None => Err(intercepted(endpoint, response.status())),
        },
        _ => Err(classify_error(endpoint, response, now)),
    }
}

fn rejected(by: Rejecter, status: u16, message: String) -> BatchDecision {
    BatchDecision::BatchRejected(BatchRejection { by, status, message })
}

fn sync_response(endpoint: &str, response: &mut Response<Body>) -> Result<BatchDecision, RequestError> {
    let is_unprocessable = response.status() == StatusCode::UNPROCESSABLE_ENTITY;
    let body = json_body(endpoint, response)?;
    if let Ok(parsed) = serde_json::from_slice::<SyncResponse>(&body) {
        if is_unprocessable && parsed.processed == 0 && parsed.errors.is_empty() {
            let message = "the receiver rejected the batch and named no session".to_owned();
            return Ok(rejected(Rejecter::Receiver, 422, message));
        }
        return Ok(BatchDecision::Response(parsed));
    }
    match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) if is_unprocessable => Ok(rejected(Rejecter::Receiver, 422, truncated(&body.error))),
        Ok(body) => Err(RequestError::fault(truncated(&body.error))),
        Err(_) if is_unprocessable => Err(intercepted(endpoint, response.status())),
        Err(_) => Err(RequestError::fault(format!(
            "{endpoint} returned {} with JSON that is not a sync response",
            response.status()
        ))),
    }
}

/// Interprets the response to an identity request; `None` if the receiver has no such endpoint. A date in `Retry-After`
/// is relative to `now`.
pub fn identity_response(
    endpoint: &str,
    mut response: Response<Body>,
    now: DateTime<Utc>,
) -> Result<Option<Identity>, RequestError> {
    match response.status().as_u16() {
        200 => {
            let body = json_body(endpoint, &mut response)?;
            let identity = serde_json::from_slice::<Identity>(&body).ok();
            let identity = identity.filter(|identity| !identity.user_id.is_empty()).ok_or_else(|| {
                RequestError::fault(format!("{endpoint}/identity returned JSON that is not an identity"))
            })?;
            identity.bounded().map(Some).ok_or_else(|| {
                RequestError::fault(format!(
                    "{endpoint}/identity names more organizations, owners or accounts than a user can have, or one of \
                     more than 1 KiB; tell the receiver's administrator"
                ))
            })
        }
        404 | 405 => Ok(None),
        _ => Err(classify_error(endpoint, response, now)),
    }
}

/// Interprets the response to a request for digests; `None` if the receiver has no such endpoint. A date in `Retry-After`
/// is relative to `now`.
pub fn digests(
    endpoint: &str,
    mut response: Response<Body>,
    now: DateTime<Utc>,
) -> Result<Option<DigestsResponse>, RequestError> {
    match response.status().as_u16() {
        200 => {
            let body = json_body(endpoint, &mut response)?;
            let digests = serde_json::from_slice::<DigestsResponse>(&body).ok();
            // A digest that cannot be read must not pass for a session that is not stored.
            let is_read = |digest: &SessionDigest| short_hash::from_hex(&digest.digest).is_some();
            let digests = digests.filter(|digests| digests.sessions.iter().all(is_read));
            digests.map(Some).ok_or_else(|| {
                RequestError::fault(format!("{endpoint}/digests returned JSON that is no list of digests"))
            })
        }
        // A receiver of another make may take every POST for a batch, and reject this one.
        400 | 404 | 405 | 415 | 422 | 501 => Ok(None),
        _ => Err(classify_error(endpoint, response, now)),
    }
}

/// Classifies a response that is neither an acknowledgement nor a rejection nor an identity.
pub fn classify_error(endpoint: &str, mut response: Response<Body>, now: DateTime<Utc>) -> RequestError {
    let status = response.status();
    let code = status.as_u16();
    match code {
        401 => key_rejected(endpoint, &status_text(endpoint, status, &mut response)),
        403 => match receiver_text(endpoint, &mut response) {
            Some(text) => key_rejected(endpoint, &format!("{status}: {text}")),
            None => intercepted(endpoint, status),
        },
        406 if receiver_text(endpoint, &mut response).is_none() => intercepted(endpoint, status),
        407 => RequestError::fault_of(
            FaultKind::Proxy,
            format!(
                "a proxy on the way to {endpoint} wants credentials (407); set sync.proxy in han.yml to http://user:password@host:port"
            ),
        ),
        300..=399 => RequestError::NotReceiver {
            message: format!(
                "{endpoint} returned a redirect ({code}){}, which is not followed; set endpoint to the receiver's own address, or sign in to this network first",
                redirect_target(&response)
            ),
        },
        408 | 425 | 429 | 500..=599 => RequestError::Fault {
            retry_after: header(&response, "retry-after").and_then(|value| backoff::retry_after(value, now)),
            message: format!("{endpoint} returned {}", status_text(endpoint, status, &mut response)),
            kind: FaultKind::Endpoint,
        },
        400..=499 => RequestError::NotReceiver {
            message: format!(
                "{endpoint} returned {}; check that endpoint is the address of a han-sync receiver",
                status_text(endpoint, status, &mut response)
            ),
        },
        _ => RequestError::fault(format!(
            "{endpoint} returned {}",
            status_text(endpoint, status, &mut response)
        )),
    }
}

fn key_rejected(endpoint: &str, status_text: &str) -> RequestError {
    let message = format!(
        "{endpoint} rejected the key ({status_text}); run han-sync login, or set apiKey to a valid one"
    );
    RequestError::KeyRejected { message }
}

/// Creates the fault for a response that something other than the receiver sent.
fn intercepted(endpoint: &str, status: StatusCode) -> RequestError {
    let message = format!(
        "{endpoint} returned {status} without a receiver's JSON, as a firewall or proxy on the way does; ask its administrator to let han-sync through"
    );
    RequestError::fault_of(FaultKind::Intercepted { status: status.as_u16() }, message)
}

fn status_text(endpoint: &str, status: StatusCode, response: &mut Response<Body>) -> String {
    match receiver_text(endpoint, response) {
        Some(text) if !text.is_empty() => format!("{status}: {text}"),
        _ => status.to_string(),
    }
}

/// The receiver's error text and request id; `None` without an error body.
fn receiver_text(endpoint: &str, response: &mut Response<Body>) -> Option<String> {
    let body = json_body(endpoint, response).ok()?;
    let body = serde_json::from_slice::<ErrorBody>(&body).ok()?;
    let text = truncated(&body.error);
    Some(match body.request_id {
        Some(id) => format!("{text} (request {})", truncated(&id)),
        None => text,
    })
}

/// Reads a JSON body up to its bound. A body without a content type may be JSON; any other content type is a fault.
pub fn json_body(endpoint: &str, response: &mut Response<Body>) -> Result<Vec<u8>, RequestError> {
    let is_json =
        header(response, "content-type").is_none_or(|value| value.to_ascii_lowercase().contains("json"));
    if !is_json {
        let message = format!(
            "{endpoint} returned {} with something other than JSON; a firewall on the way does that, and a network that wants you to sign in first",
            response.status()
        );
        let kind = FaultKind::Intercepted { status: response.status().as_u16() };
        return Err(RequestError::fault_of(kind, message));
    }
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(BODY_BYTES_MAX + 1);
    match reader.read_to_end(&mut body) {
        Ok(_) if body.len() as u64 > BODY_BYTES_MAX => {
            Err(RequestError::fault(format!("{endpoint} returned more than {BODY_BYTES_MAX} bytes")))
        }
        Ok(_) => Ok(body),
        Err(error) => {
            let (kind, failure) = if is_timeout(&error) {
                (FaultKind::Timeout, "timed out during its response")
            } else {
                (FaultKind::Endpoint, "broke off its response")
            };
            Err(RequestError::fault_of(kind, format!("{endpoint} {failure} ({error})")))
        }
    }
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The target of a redirect, without the query and fragment, which can hold secrets of a sign-in page.
fn redirect_target(response: &Response<Body>) -> String {
    let location = header(response, "location");
    let address = location.and_then(|location| location.split(['?', '#']).next()).unwrap_or_default();
    if address.is_empty() { String::new() } else { format!(" to {}", truncated(address)) }
}

/// Reports whether an I/O error is a timeout of the agent, which the reader of a body wraps.
pub fn is_timeout(error: &io::Error) -> bool {
    let wrapped = error.get_ref().and_then(|error| error.downcast_ref::<ureq::Error>());
    matches!(wrapped, Some(ureq::Error::Timeout(_)))
        || matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Truncates a receiver's text, because state and queue keep it.
pub fn truncated(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}
