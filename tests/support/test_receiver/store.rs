//! The well-behaved receiver behind the test receiver: contract section 6 over maps in memory.
//!
//! The receiver keeps the stored sessions by user and counts repeats, so that a test can say exactly what has arrived. What
//! a client sends against the protocol is a violation, kept for the end of the test as well as refused.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use han_sync::protocol::message::{COLUMNS, ColumnLimit, FieldRef, ID_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX};
use han_sync::protocol::{
    CLIENT_ID_HEADER, Checksum, DIGESTS_SESSIONS_MAX, DigestsRequest, DigestsResponse, Identity,
    IdentityOrganization, Limits, MessageDigest, PROTOCOL_VERSION, PROTOCOL_VERSION_HEADER, ResponseStatus,
    SessionDigest, StoredBatches, SyncCursor, SyncError, SyncMessage, SyncPayload, SyncResponse, SyncSession,
    SyncTask, code,
};

use super::fault::TestResponse;
use crate::support::http::RequestHead;

/// The key that every sandbox configures unless identities_served otherwise.
pub const ALICE_KEY: &str = "han_test_key_of_alice";
/// Another user of the same receiver.
pub const BOB_KEY: &str = "han_test_key_of_bob";

/// The sessions that one user's clients have delivered.
#[derive(Debug, Clone, Default)]
pub struct UserStore {
    pub sessions: BTreeMap<String, StoredSession>,
    /// Messages that came again after they were stored.
    pub messages_again: usize,
}

#[derive(Debug, Clone)]
pub struct StoredSession {
    /// As sent last, without messages and tasks.
    pub fields: SyncSession,
    pub messages: BTreeMap<String, SyncMessage>,
    pub tasks: BTreeMap<String, SyncTask>,
}

/// A session that the receiver will not take.
pub struct Rejection {
    pub session_id: String,
    pub code: String,
    /// Batches that it is refused in; then it is taken.
    pub times: usize,
}

/// Keys, identities and stores.
pub struct InMemoryReceiver {
    /// Key to user id. A revoked key is one that is not here.
    pub keys: BTreeMap<String, String>,
    pub identities: BTreeMap<String, Identity>,
    pub stores: BTreeMap<String, UserStore>,
    pub rejections: Vec<Rejection>,
    /// Sessions that users forgot, by user.
    pub tombstones: BTreeMap<String, BTreeSet<String>>,
    /// Messages and tasks by id, each of which makes its session invalid.
    pub invalid_rows: BTreeSet<String>,
    /// Users whose identity was identities_served without a fault, each time.
    pub identities_served: Vec<String>,
    /// False for a receiver without digests.
    pub has_digests: bool,
    /// False for a receiver that lists no hashes beside its digests.
    pub lists_hashes: bool,
    /// Requests against the protocol.
    pub violations: Vec<String>,
}

impl Default for InMemoryReceiver {
    fn default() -> Self {
        let mut receiver = InMemoryReceiver {
            keys: BTreeMap::new(),
            identities: BTreeMap::new(),
            stores: BTreeMap::new(),
            rejections: Vec::new(),
            tombstones: BTreeMap::new(),
            invalid_rows: BTreeSet::new(),
            identities_served: Vec::new(),
            has_digests: true,
            lists_hashes: true,
            violations: Vec::new(),
        };
        receiver.add_user(ALICE_KEY, "user-alice", "alice");
        receiver.add_user(BOB_KEY, "user-bob", "bob");
        receiver
    }
}

impl InMemoryReceiver {
    /// A member of acme.
    fn add_user(&mut self, key: &str, user_id: &str, login: &str) {
        self.keys.insert(key.to_owned(), user_id.to_owned());
        let acme = IdentityOrganization {
            slug: "acme".to_owned(),
            name: "Acme".to_owned(),
            role: "member".to_owned(),
            owners: vec!["github.com/acme-corp".to_owned(), "gitlab.com/acme".to_owned()],
        };
        let identity = Identity {
            user_id: user_id.to_owned(),
            login: login.to_owned(),
            accounts: vec![format!("github.com/{login}")],
            organizations: vec![acme],
            protocol_versions: vec![PROTOCOL_VERSION.to_owned()],
            encodings: vec!["gzip".to_owned()],
            limits: Limits {
                max_body_bytes: Some(16 << 20),
                max_inflated_bytes: Some(64 << 20),
                max_messages: Some(10_000),
            },
            retained_since: None,
            key_expires_at: None,
            stored_batches: StoredBatches::Uncounted,
            server_timestamp: None,
        };
        self.identities.insert(user_id.to_owned(), identity);
        self.stores.insert(user_id.to_owned(), UserStore::default());
    }

    /// Answers one request, and stores what it carries if it `commits`.
    pub fn handle(
        &mut self,
        head: &RequestHead,
        wire_bytes: usize,
        body: Option<&[u8]>,
        commits: bool,
    ) -> TestResponse {
        let Some(user_id) = self.user(head) else {
            return TestResponse::error(401, "this key is not known");
        };
        match head.method.as_str() {
            "GET" => {
                if commits {
                    self.identities_served.push(user_id.clone());
                }
                TestResponse::json(200, &self.identities[&user_id])
            }
            "POST" if head.path.ends_with("/digests") => self.digests(&user_id, body),
            "POST" => self.ingest(&user_id, head, wire_bytes, body, commits),
            "DELETE" => self.forget(&user_id, &head.path, commits),
            _ => TestResponse::error(405, "GET, POST or DELETE"),
        }
    }

    /// Answers with the digests of what is stored; nothing is kept, so that a recount is the same.
    fn digests(&mut self, user_id: &str, body: Option<&[u8]>) -> TestResponse {
        if !self.has_digests {
            return TestResponse::error(404, "this path does not exist");
        }
        let asked = body.and_then(|body| serde_json::from_slice::<DigestsRequest>(body).ok());
        let Some(asked) = asked.filter(|asked| asked.sessions.len() <= DIGESTS_SESSIONS_MAX) else {
            return self.violated("a request for digests that is none");
        };
        let store = &self.stores[user_id];
        let stored = asked.sessions.iter().filter_map(|id| Some((id, store.sessions.get(id)?)));
        let digest = |(id, session): (&String, &StoredSession)| {
            let hashes: Vec<u64> = session.messages.keys().map(|id| MessageDigest::hash(id)).collect();
            let digest: MessageDigest = hashes.iter().copied().collect();
            let listed = hashes.iter().map(|hash| format!("{hash:016x}")).collect();
            SessionDigest {
                id: id.clone(),
                messages: digest.messages,
                digest: digest.to_hex(),
                hashes: (asked.hashes && self.lists_hashes).then_some(listed),
            }
        };
        let sessions = stored.map(digest).collect();
        TestResponse::json(200, &DigestsResponse { sessions, ..DigestsResponse::default() })
    }

    /// Notes that another receiver identities_served the user's identity.
    pub fn note_identity_served(&mut self, head: &RequestHead) {
        let user_id = self.user(head).expect("a known user's key");
        self.identities_served.push(user_id);
    }

    fn user(&self, head: &RequestHead) -> Option<String> {
        let key = head.header("authorization")?.strip_prefix("Bearer ")?;
        self.keys.get(key).cloned()
    }

    fn ingest(
        &mut self,
        user_id: &str,
        head: &RequestHead,
        wire_bytes: usize,
        body: Option<&[u8]>,
        commits: bool,
    ) -> TestResponse {
        self.check_headers(head);
        let Some(body) = body else {
            return self.violated("a body that does not inflate");
        };
        let limits = &self.identities[user_id].limits;
        let too_large = limits.max_body_bytes.is_some_and(|max| wire_bytes as u64 > max)
            || limits.max_inflated_bytes.is_some_and(|max| body.len() as u64 > max);
        let max_messages = limits.max_messages;
        if too_large {
            return TestResponse::error(413, "the body is too large");
        }
        if Checksum::check(body) != Ok(Checksum::Valid) {
            return self.violated("a checksum that is missing or wrong");
        }
        let Ok(payload) = serde_json::from_slice::<SyncPayload>(body) else {
            return self.violated("a body that is no SyncPayload");
        };
        let messages: usize = payload.sessions.iter().map(|session| session.messages.len()).sum();
        if max_messages.is_some_and(|max| messages as u64 > max) {
            return TestResponse::error(413, "too many messages");
        }
        if payload.version != PROTOCOL_VERSION || head.header(CLIENT_ID_HEADER) != Some(&payload.client_id) {
            return self.violated("headers that do not agree with the payload");
        }
        self.store(user_id, payload, commits)
    }

    fn check_headers(&mut self, head: &RequestHead) {
        let expected = [
            ("Content-Type", "application/json"),
            (PROTOCOL_VERSION_HEADER, PROTOCOL_VERSION),
            ("User-Agent", concat!("han-sync/", env!("CARGO_PKG_VERSION"))),
        ];
        let encoding = head.header("Content-Encoding").unwrap_or_default();
        let is_announced = |identity: &Identity| identity.encodings.iter().any(|name| name == encoding);
        if encoding != "gzip" && !self.identities.values().any(is_announced) {
            self.violations.push(format!("Content-Encoding: {encoding}, which is not announced"));
        }
        for (name, value) in expected {
            if head.header(name) != Some(value) {
                self.violations.push(format!("{name}: {:?} instead of {value}", head.header(name)));
            }
        }
    }

    /// Forgets sessions, or removes tombstones.
    fn forget(&mut self, user_id: &str, path: &str, commits: bool) -> TestResponse {
        let path = path.split_once("/api/sync/").map_or(path, |(_, path)| path);
        let (object, query) = path.split_once('?').unwrap_or((path, ""));
        let (kind, id) = object.split_once('/').unwrap_or((object, ""));
        let parameters: BTreeMap<&str, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, it)| (name, decoded(it)))
            .collect();
        let store = self.stores.entry(user_id.to_owned()).or_default();
        let tombstones = self.tombstones.entry(user_id.to_owned()).or_default();
        let is_meant = |session: &str, repository: Option<&str>| match parameters.get("repository") {
            Some(asked) => repository == Some(asked),
            None if id.is_empty() => true,
            None => session == decoded(id),
        };
        let is_unclear =
            id.is_empty() && !parameters.contains_key("repository") && !parameters.contains_key("all");
        if is_unclear || !matches!(kind, "sessions" | "tombstones") {
            return self.violated("an unclear object");
        }
        if commits && kind == "sessions" {
            let gone = store
                .sessions
                .extract_if(.., |session, stored| is_meant(session, Some(&stored.fields.repo_remote)));
            tombstones.extend(gone.map(|(session, _)| session).collect::<Vec<_>>());
            tombstones.extend((!id.is_empty()).then(|| decoded(id)));
        } else if commits {
            // It does not keep the repositories of what is forgotten.
            tombstones.retain(|session| !id.is_empty() && *session != decoded(id));
        }
        TestResponse { status: 204, headers: Vec::new(), body: super::fault::Body::Whole(Vec::new()) }
    }

    fn violated(&mut self, what: &str) -> TestResponse {
        self.violations.push(what.to_owned());
        TestResponse::error(400, what)
    }

    fn store(&mut self, user_id: &str, payload: SyncPayload, commits: bool) -> TestResponse {
        let mut response = SyncResponse {
            status: ResponseStatus::Success,
            cursor: cursor_after(&payload),
            processed: 0,
            messages_processed: 0,
            errors: Vec::new(),
            server_timestamp: None,
        };
        for session in payload.sessions {
            if self.has_invalid_row(&session) {
                let (code, message) = (code::VALIDATION_ERROR.to_owned(), "a row is not valid".to_owned());
                response.errors.push(SyncError { session_id: session.id, code, message });
                continue;
            }
            let is_forgotten = self.tombstones.get(user_id).is_some_and(|all| all.contains(&session.id));
            let forgotten = is_forgotten.then(|| code::FORGOTTEN.to_owned());
            if let Some(code) = forgotten.or_else(|| self.rejection(&session.id, commits)) {
                let message = format!("not this one: {code}");
                response.errors.push(SyncError { session_id: session.id, code, message });
                continue;
            }
            response.processed += 1;
            response.messages_processed += session.messages.len() as u64;
            if commits {
                self.stores.entry(user_id.to_owned()).or_default().keep(session);
            }
        }
        let status = match (response.processed, response.errors.is_empty()) {
            (_, true) => ResponseStatus::Success,
            (0, false) => ResponseStatus::Error,
            (_, false) => ResponseStatus::Partial,
        };
        response.status = status;
        TestResponse::json(status_code(status), &response)
    }

    /// Checks a session as a receiver does that stores no value out of range: a client sends none.
    fn has_invalid_row(&mut self, session: &SyncSession) -> bool {
        let mut is_invalid = false;
        for message in &session.messages {
            for column in COLUMNS.iter().filter(|column| !matches!(column.wire, "id" | "messageType")) {
                let fits = match (column.limit, (column.get)(message)) {
                    (ColumnLimit::Id, FieldRef::Text(text)) => text.len() <= ID_BYTES_MAX,
                    (ColumnLimit::Name, FieldRef::Text(text)) => text.len() <= NAME_BYTES_MAX,
                    (ColumnLimit::Number, FieldRef::Integer(number)) => (0..=NUMBER_MAX).contains(&number),
                    _ => true,
                };
                if !fits {
                    self.violations.push(format!("{} out of range", column.wire));
                }
            }
            let is_needed = |text: &str| !text.is_empty() && text.len() <= ID_BYTES_MAX;
            is_invalid |= !is_needed(&message.id) || !is_needed(&message.message_type);
            is_invalid |= self.invalid_rows.contains(&message.id);
        }
        is_invalid || session.tasks.iter().any(|task| self.invalid_rows.contains(&task.id))
    }

    fn rejection(&mut self, session_id: &str, counts: bool) -> Option<String> {
        let rejection = self.rejections.iter_mut().find(|it| it.session_id == session_id && it.times > 0)?;
        if counts && rejection.times != usize::MAX {
            rejection.times -= 1;
        }
        Some(rejection.code.clone())
    }
}

impl UserStore {
    fn keep(&mut self, session: SyncSession) {
        let SyncSession { messages, tasks, .. } = session.clone();
        let fields = SyncSession { messages: Vec::new(), tasks: Vec::new(), ..session };
        let stored = self.sessions.entry(fields.id.clone()).or_insert_with(|| StoredSession {
            fields: fields.clone(),
            messages: BTreeMap::new(),
            tasks: BTreeMap::new(),
        });
        if is_as_late(&fields.last_modified, &stored.fields.last_modified) {
            stored.fields = fields;
        }
        for message in messages {
            match stored.messages.entry(message.id.clone()) {
                Entry::Vacant(free) => drop(free.insert(message)),
                Entry::Occupied(_) => self.messages_again += 1,
            }
        }
        for task in tasks {
            match stored.tasks.entry(task.id.clone()) {
                Entry::Vacant(free) => drop(free.insert(task)),
                Entry::Occupied(mut known) if is_as_late(&task.updated_at, &known.get().updated_at) => {
                    known.insert(task);
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    pub fn message_count(&self) -> usize {
        self.sessions.values().map(|session| session.messages.len()).sum()
    }
}

/// A part of a URL without its percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let code = (*byte == b'%').then(|| std::str::from_utf8(&after[..2]).expect("two digits"));
        bytes.push(code.map_or(*byte, |code| u8::from_str_radix(code, 16).expect("a hexadecimal number")));
        rest = &after[if code.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// True if a time is equal to another or later: what was changed then stands.
fn is_as_late(time: &str, other: &str) -> bool {
    let moment = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>();
    match (moment(time), moment(other)) {
        (Ok(time), Ok(other)) => time >= other,
        _ => true,
    }
}

/// The last session in payload order and its highest line.
fn cursor_after(payload: &SyncPayload) -> SyncCursor {
    let last = payload.sessions.last();
    SyncCursor {
        last_session_id: last.map(|session| session.id.clone()),
        last_message_line_number: last
            .and_then(|session| session.messages.iter().map(|message| message.line_number).max())
            .unwrap_or(0),
        last_sync_timestamp: payload.timestamp.clone(),
    }
}

pub fn status_code(status: ResponseStatus) -> u16 {
    match status {
        ResponseStatus::Success => 200,
        ResponseStatus::Partial => 207,
        ResponseStatus::Error => 422,
    }
}
