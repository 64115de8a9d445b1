//! A payload, parsed session by session and checked.
//!
//! Invariants: a session that cannot be stored is rejected by itself, with its id; an error never quotes the payload,
//! because that may be anything.

use super::batch::{DecodedBatch, DecodedClient, DecodedSession, PullRequest, SessionEntry};
use super::bounded::BoundedArray;
use super::lenient;
use super::message::decode_messages;
use super::task::decode_tasks;
use super::validation::{check_id, is_number, optional_name, replace_nul};
use crate::protocol::remote::{Remote, page_address};
use crate::protocol::{PROTOCOL_VERSION, SyncSession};
use crate::receiver::limits::{
    BATCH_ROWS_MAX, CLIENT_CONDITIONS_MAX, CLOCK_SKEW_US, CONDITION_CODE_BYTES_MAX, NAME_BYTES_MAX,
};
use crate::receiver::time;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Reason why a whole batch is rejected.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Status 400.
    Malformed(String),
    /// Status 413.
    TooManyRows,
}

/// The members of a payload that a receiver reads. `S` is a session: of the declared types, or unparsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedEnvelope<'a, S> {
    version: Option<String>,
    client_id: Option<String>,
    #[serde(borrow)]
    cursor: Option<&'a RawValue>,
    #[serde(borrow)]
    client: Option<&'a RawValue>,
    sessions: Option<BoundedArray<S>>,
}

/// The id of a session that cannot be read otherwise.
#[derive(Deserialize)]
struct SessionId {
    id: Option<String>,
}

/// A session as far as it can be read.
struct ReadSession {
    id: Option<String>,
    session: Option<SyncSession>,
}

/// Decodes an inflated body, whose rows the caller has counted: a few bytes of JSON become a few hundred in memory. `now`
/// replaces times that are ahead of it.
///
/// A body of the declared types is read in one pass, and any other one once more, session by session.
pub fn decode(body: &[u8], now: i64) -> Result<DecodedBatch, DecodeError> {
    match serde_json::from_slice::<ReceivedEnvelope<SyncSession>>(body) {
        Ok(envelope) => decode_envelope(envelope, ReadSession::of, now),
        Err(_) => {
            let envelope = serde_json::from_slice(body).map_err(|error| {
                malformed(&format!(
                    "the body is no payload (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            })?;
            decode_envelope(envelope, ReadSession::read, now)
        }
    }
}

fn decode_envelope<S>(
    envelope: ReceivedEnvelope<'_, S>,
    read: fn(S) -> ReadSession,
    now: i64,
) -> Result<DecodedBatch, DecodeError> {
    match envelope.version.as_deref() {
        Some(PROTOCOL_VERSION) => {}
        Some(_) => return Err(malformed("unsupported version: this receiver speaks 1.0")),
        None => return Err(malformed("the payload has no version")),
    }
    let sessions = envelope.sessions.ok_or_else(|| malformed("the payload has no sessions"))?;
    let client_id = envelope.client_id.unwrap_or_default();
    check_id("clientId", &client_id).map_err(DecodeError::Malformed)?;
    if sessions.count > BATCH_ROWS_MAX {
        return Err(DecodeError::TooManyRows);
    }
    // The cursor only informs; a malformed one rejects nothing.
    let cursor = envelope.cursor.and_then(|cursor| serde_json::from_str(cursor.get()).ok());
    Ok(DecodedBatch {
        client_id: replace_nul(client_id),
        client: envelope.client.and_then(|client| decode_client(client, now)),
        cursor: cursor.unwrap_or_default(),
        sessions: decode_sessions(sessions.first.into_iter().map(read), now)?,
    })
}

fn malformed(text: &str) -> DecodeError {
    DecodeError::Malformed(text.to_owned())
}

/// Decodes sessions: an entry for each id. A session without an id makes the batch malformed, because no error could name
/// the session.
fn decode_sessions(
    sessions: impl ExactSizeIterator<Item = ReadSession>,
    now: i64,
) -> Result<Vec<SessionEntry>, DecodeError> {
    let mut entries: Vec<SessionEntry> = Vec::with_capacity(sessions.len());
    let mut positions = HashMap::new();
    for ReadSession { id, session } in sessions {
        let id = id.filter(|id| !id.is_empty()).ok_or_else(|| malformed("the id of a session is missing"))?;
        let part = check_id("the id of a session", &id)
            .and_then(|()| check_session(session.ok_or("the session is malformed")?, now));
        let position = *positions.entry(id.clone()).or_insert_with(|| {
            let stored_id = replace_nul(id.clone());
            entries.push(SessionEntry { id, stored_id, occurrences: 0, parts: Ok(Vec::new()) });
            entries.len() - 1
        });
        let entry = &mut entries[position];
        entry.occurrences += 1;
        match (&mut entry.parts, part) {
            (Ok(parts), Ok(part)) => parts.push(part),
            (parts @ Ok(_), Err(error)) => *parts = Err(error),
            (Err(_), _) => {}
        }
    }
    Ok(entries)
}

impl ReadSession {
    fn of(mut session: SyncSession) -> ReadSession {
        ReadSession { id: Some(std::mem::take(&mut session.id)), session: Some(session) }
    }

    /// Reads a session that may not have the declared types.
    fn read(raw: &RawValue) -> ReadSession {
        let json = raw.get();
        match serde_json::from_str(json).ok().or_else(|| lenient::read_session(json)) {
            Some(session) => ReadSession::of(session),
            None => {
                let id = serde_json::from_str::<SessionId>(json).ok().and_then(|session| session.id);
                ReadSession { id, session: None }
            }
        }
    }
}

/// Checks a session. A value that cannot be stored counts as absent; rows that cannot be told apart reject the session.
fn check_session(session: SyncSession, now: i64) -> Result<DecodedSession, String> {
    let modified_at = time::parse_past(&session.last_modified, now + CLOCK_SKEW_US);
    let last_modified =
        if modified_at.is_some() { replace_nul(session.last_modified) } else { time::rfc3339(now) };
    Ok(DecodedSession {
        remote: Remote::parse(&session.repo_remote)
            .ok()
            .filter(|remote| remote.path().len() <= NAME_BYTES_MAX),
        inclusion: session.inclusion,
        status: optional_name(Some(session.status)).unwrap_or_default(),
        slug: optional_name(session.slug),
        harness: optional_name(session.harness),
        pull_request: pull_request(session.pr_number, session.pr_url),
        team_name: optional_name(session.team_name),
        last_modified,
        modified_at: modified_at.unwrap_or(now),
        is_arrival: modified_at.is_none(),
        total_message_count: session.total_message_count.filter(|count| is_number(*count)),
        messages: decode_messages(session.messages, now)?,
        tasks: decode_tasks(session.tasks, now)?,
    })
}

/// Decodes a client's report of itself. It informs, so that a malformed one rejects nothing.
fn decode_client(raw: &RawValue, now: i64) -> Option<DecodedClient> {
    let client = lenient::read_client(raw.get())?;
    let count = |count: Option<i64>| count.filter(|count| is_number(*count));
    let mut conditions: Vec<String> = Vec::new();
    for code in client.conditions {
        if is_condition_code(&code) && !conditions.contains(&code) && conditions.len() < CLIENT_CONDITIONS_MAX
        {
            conditions.push(code);
        }
    }
    Some(DecodedClient {
        version: optional_name(client.version),
        os: optional_name(client.os),
        pending_sessions: count(client.pending_sessions),
        pending_messages: count(client.pending_messages),
        pending_since: client.pending_since.and_then(|at| time::parse_past(&at, now + CLOCK_SKEW_US)),
        conditions,
    })
}

/// True for text in the form of a condition's code, known or not: a newer client has more conditions.
fn is_condition_code(code: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !code.is_empty() && code.len() <= CONDITION_CODE_BYTES_MAX && code.bytes().all(is_letter)
}

/// A pull request with a number that can be stored; its address only if it is one of the web.
fn pull_request(number: Option<i64>, url: Option<String>) -> Option<PullRequest> {
    let number = number.filter(|number| *number > 0 && is_number(*number))?;
    let url = optional_name(url.as_deref().and_then(page_address));
    Some(PullRequest { number, url })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::ingest::batch::DecodedSession;
    use crate::receiver::time;

    const NOW: i64 = 1_750_000_000_000_000;

    fn payload(sessions: &str) -> Vec<u8> {
        format!(r#"{{"version":"1.0","clientId":"c","sessions":[{sessions}],"unknown":[1]}}"#).into_bytes()
    }

    fn session(id: &str, rest: &str) -> String {
        format!(
            r#"{{"id":"{id}","projectSlug":"p","repoRemote":"git@github.com:Acme/Api.git","status":"active","slug":null,
            "lastModified":"2025-03-01T00:00:00Z",{rest}}}"#
        )
    }

    #[test]
    fn a_malformed_session_is_rejected_by_itself() {
        let good = session("good", r#""messages":[],"tasks":[]"#);
        let bad = session("bad", r#""messages":[{"id":"m","lineNumber":"SECRET"}],"tasks":[]"#);
        let batch = decode(&payload(&format!("{bad},{good}")), NOW).unwrap();
        assert_eq!(batch.sessions.len(), 2);
        let error = batch.sessions[0].parts.as_ref().unwrap_err();
        assert!(!error.contains("SECRET"), "{error}");
        assert!(batch.sessions[1].parts.is_ok());
    }

    #[test]
    fn a_session_without_an_id_makes_the_batch_malformed() {
        assert!(matches!(decode(&payload(r#"{"messages":[]}"#), NOW), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_repeated_id_is_one_entry() {
        let one = session("s", r#""messages":[],"tasks":[]"#);
        let batch = decode(&payload(&format!("{one},{one}")), NOW).unwrap();
        assert_eq!((batch.sessions.len(), batch.sessions[0].occurrences), (1, 2));
    }

    #[test]
    fn times_ahead_count_as_now_and_nul_is_replaced() {
        let ahead = session(
            "s",
            r#""messages":[],"tasks":[{"id":"t\u0000","status":"pending","createdAt":"2025-01-01 00:00:00",
            "updatedAt":"2099-01-01T00:00:00Z"}]"#,
        );
        let batch = decode(&payload(&ahead), NOW).unwrap();
        let task = &batch.sessions[0].parts.as_ref().unwrap()[0].tasks[0];
        assert_eq!(task.changed_at, NOW);
        assert_eq!(task.wire.id, "t\u{FFFD}");
    }

    #[test]
    fn a_repeated_session_has_the_latest_time_and_the_fields_of_the_one_ahead_of_its_time() {
        let part = |subject: &str, minutes: i64| {
            let at = time::rfc3339(NOW + minutes * 60_000_000);
            let task = format!(
                r#"{{"id":"t","subject":"{subject}","status":"pending","createdAt":"2025-01-01 00:00:00","updatedAt":"{at}"}}"#
            );
            session("s", &format!(r#""messages":[],"tasks":[{task}]"#))
                .replace("2025-03-01T00:00:00Z", &at)
                .replace("\"active\"", &format!("\"{subject}\""))
        };
        // A time that is ahead by less than the tolerated clock skew is kept.
        for sessions in [[part("ahead", 10), part("later", 3)], [part("later", 3), part("ahead", 10)]] {
            let batch = decode(&payload(&sessions.join(",")), NOW).unwrap();
            assert!(batch.has_repeats());
            let parts: Vec<&DecodedSession> = batch.sessions[0].parts.as_ref().unwrap().iter().collect();
            let one = DecodedSession::merge(&parts).unwrap();
            assert_eq!(
                (one.status.as_str(), one.modified_at, one.is_arrival),
                ("ahead", NOW + 180_000_000, true)
            );
            let [task] = &one.tasks[..] else { panic!("{:?}", one.tasks) };
            assert_eq!((task.wire.subject.as_str(), task.changed_at), ("ahead", NOW + 180_000_000));
        }
    }

    #[test]
    fn report_of_a_client_is_read_member_by_member_and_rejects_nothing() {
        let decoded = |client: &str| {
            let body = format!(r#"{{"version":"1.0","clientId":"c","sessions":[],"client":{client}}}"#);
            decode(body.as_bytes(), NOW).unwrap().client
        };
        let odd = decoded(
            r#"{"version":7,"os":"linux\u0000","pendingSessions":-1,"pendingMessages":3e2,"pendingSince":"2099-01-01T00:00:00Z",
               "conditions":["OVERDUE","OVERDUE","<b>",5,"","HOOK_MISSING"],"more":{}}"#,
        )
        .unwrap();
        assert_eq!((odd.version, odd.os.as_deref()), (None, Some("linux\u{FFFD}")));
        assert_eq!((odd.pending_sessions, odd.pending_messages, odd.pending_since), (None, Some(300), None));
        assert_eq!(odd.conditions, ["OVERDUE", "HOOK_MISSING"]);
        let since = decoded(r#"{"pendingSince":"2025-03-01T00:00:00Z","conditions":7}"#).unwrap();
        assert_eq!(since.pending_since, time::parse("2025-03-01T00:00:00Z"));
        for client in ["null", "7", "[]", "\"x\""] {
            assert_eq!(decoded(client), None, "{client}");
        }
        let many: Vec<String> = (0..1_000).map(|n| format!("\"C{n}\"")).collect();
        let many = decoded(&format!(r#"{{"conditions":[{}]}}"#, many.join(","))).unwrap();
        assert_eq!(many.conditions.len(), CLIENT_CONDITIONS_MAX);
    }

    #[test]
    fn another_version_is_rejected() {
        let error = decode(br#"{"version":"2.0","clientId":"c","sessions":[]}"#, NOW);
        assert!(matches!(error, Err(DecodeError::Malformed(_))));
    }
}
