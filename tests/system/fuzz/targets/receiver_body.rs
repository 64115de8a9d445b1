//! A batch in any form, from the frames of its body to the rows in the store and the answer.
//!
//! Every answer is one that the contract knows and none is the receiver's own failure; the exporter could act on it; the
//! same body again changes nothing; the sums stay those of the rows; and nobody writes into another tenant.

use super::super::recount::{self, Queries, Rows};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use han_sync::exporter::delivery::acknowledge::validate_response;
use han_sync::protocol::{ErrorBody, ResponseStatus, SyncResponse, code, seal};
use han_sync::receiver::http::{App, ListenerRole, ServerOptions};
use han_sync::receiver::store::{Role, Store, StoreOptions};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Runtime;

/// Batches stored before a new store is taken, so that one input costs as much as another.
const STORED_MAX: u32 = 256;
/// Batches stored between two recounts, which read everything.
const STORED_PER_RECOUNT: u32 = 16;
/// The first eight keep the meaning of older inputs.
const ENCODINGS: [&str; 12] =
    ["", "", "gzip", "gzip", "gzip", "gzip", "deflate", "identity", "zstd", "zstd", "zstd", "zstd"];

thread_local! {
    static RECEIVER: RefCell<Option<ReceiverUnderTest>> = const { RefCell::new(None) };
}

/// The first byte says how the rest becomes a body; the second how it comes and from whom.
pub fn run(input: &[u8]) {
    let [form, delivery, document @ ..] = input else { return };
    let form = usize::from(*form) % ENCODINGS.len();
    let body = body(form, document);
    RECEIVER.with_borrow_mut(|kept| {
        let receiver = kept.get_or_insert_with(ReceiverUnderTest::new);
        let before = receiver.stored;
        receiver.take(document, &body, ENCODINGS[form], usize::from(*delivery));
        if receiver.stored > before {
            // A finding may need what came before it: this stays behind where the program ends.
            let path = receiver.folder.path().join(format!("stored-{:03}", receiver.stored));
            std::fs::write(path, input).expect("the store's folder can be written");
        }
        if receiver.stored >= STORED_MAX {
            *kept = None;
        }
    });
}

/// Sealed, compressed, in one member of gzip or two, in one frame of zstd or two, or as it is.
fn body(form: usize, document: &[u8]) -> Vec<u8> {
    let mut sealed = document.to_vec();
    if matches!(form, 1 | 3 | 9) && sealed.ends_with(b"}") {
        seal(&mut sealed);
    }
    let gzip = |part: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).expect("memory");
        encoder.finish().expect("memory")
    };
    let zstd = |part: &[u8]| {
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(part.len()));
        zstd_safe::compress(&mut frame, part, 1).expect("memory");
        frame
    };
    match form {
        2 | 3 => gzip(&sealed),
        4 => {
            let (first, second) = document.split_at(document.len() / 2);
            [gzip(first), gzip(second)].concat()
        }
        8 | 9 => zstd(&sealed),
        10 => {
            let (first, second) = document.split_at(document.len() / 2);
            [zstd(first), zstd(second)].concat()
        }
        _ => sealed,
    }
}

/// A receiver on a new store of its own: two organizations with a member each.
pub struct ReceiverUnderTest {
    runtime: Runtime,
    app: App,
    keys: [String; 2],
    tenants: [Vec<String>; 2],
    /// Beside the program.
    connection: Connection,
    stored: u32,
    folder: tempfile::TempDir,
}

impl ReceiverUnderTest {
    fn new() -> ReceiverUnderTest {
        let folder = super::new_folder();
        let path = folder.path().join("team.db");
        // The receiver hands blocking work to a runtime of this kind only.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_time().build().expect("a runtime");
        let (app, keys, tenants) = runtime.block_on(async {
            let store = Store::open(&format!("sqlite:{}", path.display()), StoreOptions::default())
                .await
                .expect("a store");
            let mut keys = Vec::new();
            let mut tenants = Vec::new();
            for (slug, login, owners) in [
                ("acme", "alice", vec!["github.com/acme-corp", "gitlab.com/acme"]),
                ("globex", "carol", vec!["github.com/globex"]),
            ] {
                let owners: Vec<String> = owners.into_iter().map(str::to_owned).collect();
                let organization =
                    store.create_organization(slug, slug, &owners).await.expect("an organization");
                let account = format!("github.com/{login}");
                let user = store
                    .create_user(login, &[slug.to_owned()], &[account], Role::Member)
                    .await
                    .expect("a user");
                keys.push(store.create_key(login, "", None).await.expect("a key").key);
                tenants.push(vec![organization, user]);
            }
            let options = ServerOptions { requests_per_minute: u32::MAX, ..ServerOptions::default() };
            (App::new(store, options).expect("threads"), keys, tenants)
        });
        let both = |two: Vec<_>| -> [_; 2] { two.try_into().expect("two of each") };
        let keys: [String; 2] = keys.try_into().expect("two keys");
        let connection = Connection::open(path).expect("the store is a file");
        ReceiverUnderTest { runtime, app, keys, tenants: both(tenants), connection, stored: 0, folder }
    }

    fn take(&mut self, document: &[u8], body: &[u8], encoding: &str, delivery: usize) {
        let sender = usize::from(delivery & 1 != 0);
        let (status, answer) = self.post(body, encoding, delivery, &self.keys[sender]);
        let Some(answer) = answer else { return };
        check(document, status, &answer);
        if answer.processed == 0 {
            return;
        }
        let before = recount::metrics(self);
        let (again, replay) = self.post(body, encoding, delivery, &self.keys[sender]);
        let replay = replay.expect("a batch that was taken is taken again");
        assert_eq!((again, &replay.errors, replay.processed), (status, &answer.errors, answer.processed));
        assert_eq!(recount::metrics(self), before, "a replay changed the sums");
        self.stored += 1;
        if self.stored % STORED_PER_RECOUNT == 1 {
            recount::assert_sums_equal_a_recount(self);
            self.each_where_it_belongs();
        }
    }

    /// The answer's status, and what it says of the batch where it is about one.
    fn post(&self, body: &[u8], encoding: &str, delivery: usize, key: &str) -> (u16, Option<SyncResponse>) {
        let mut request = Request::post("/api/sync").header("authorization", format!("Bearer {key}"));
        for (name, value) in [
            ("content-encoding", encoding),
            ("content-type", if delivery & 6 == 6 { "text/plain" } else { "application/json" }),
        ] {
            request = if value.is_empty() { request } else { request.header(name, value) };
        }
        let size = 1 << (delivery >> 3 & 15);
        let chunks = body.chunks(size).map(Bytes::copy_from_slice).collect();
        let request = request.body(Chunks(chunks)).expect("a request");
        let response = self.runtime.block_on(self.app.respond(request, ListenerRole::Public));
        let (status, is_named) =
            (response.status().as_u16(), response.headers().contains_key("x-request-id"));
        let answer = self.runtime.block_on(response.into_body().collect()).expect("an answer").to_bytes();
        assert!(is_named, "every answer has an id");
        match status {
            200 | 207 | 422 => {
                (status, Some(serde_json::from_slice(&answer).expect("it answers to the batch")))
            }
            400 | 413 | 415 => {
                let said: ErrorBody = serde_json::from_slice(&answer).expect("it says why");
                assert!(!said.error.is_empty() && said.request_id.is_some());
                (status, None)
            }
            _ => panic!("{status}: {}", String::from_utf8_lossy(&answer)),
        }
    }

    /// Of the two users each has rows in their own tenants alone.
    fn each_where_it_belongs(&self) {
        for row in self.query(
            "SELECT DISTINCT tenant_id, user_id FROM sessions UNION SELECT tenant_id, user_id FROM messages",
        ) {
            let is_own =
                |own: &Vec<String>| row.iter().all(|id| id.as_ref().is_some_and(|id| own.contains(id)));
            assert!(self.tenants.iter().any(is_own), "{row:?} in {:?}", self.tenants);
        }
    }
}

impl Queries for ReceiverUnderTest {
    fn query(&self, query: &str) -> Rows {
        let mut statement = self.connection.prepare_cached(query).expect("a query");
        let width = statement.column_count();
        let text = |value: ValueRef| match value {
            ValueRef::Null => None,
            ValueRef::Integer(number) => Some(number.to_string()),
            other => Some(other.as_str().expect("a text").to_owned()),
        };
        let rows =
            statement.query_map([], |row| (0..width).map(|column| row.get_ref(column).map(text)).collect());
        rows.expect("rows").collect::<Result<_, _>>().expect("rows")
    }
}

fn check(document: &[u8], status: u16, answer: &SyncResponse) {
    let expected = match answer.status {
        ResponseStatus::Success => 200,
        ResponseStatus::Partial => 207,
        ResponseStatus::Error => 422,
    };
    assert_eq!((status, status == 200), (expected, answer.errors.is_empty()));
    for error in &answer.errors {
        assert!(error.code != code::PROCESSING_ERROR, "{}: {}", error.session_id, error.message);
    }
    // The exporter, which sends each session once, could go on with it.
    let Ok(document) = serde_json::from_slice::<Value>(document) else { return };
    let sessions = document["sessions"].as_array().cloned().unwrap_or_default();
    let sent: Vec<&str> = sessions.iter().filter_map(|session| session["id"].as_str()).collect();
    if sent.iter().collect::<HashSet<_>>().len() == sessions.len() {
        validate_response(sent.into_iter(), answer).unwrap_or_else(|why| panic!("{why}: {answer:?}"));
    }
}

/// A body whose frames are there already, and whose size nobody says.
struct Chunks(VecDeque<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
