//! The script of a test receiver: which requests, and what happens to them instead of the receiver's plain response.

use std::sync::Arc;
use std::time::Duration;

use han_sync::protocol::{SyncPayload, SyncResponse};
use serde::Serialize;

use crate::support::http::{RequestHead, gzip};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The connection that it came on, from 0.
    pub connection: usize,
    pub head: RequestHead,
    /// The body as it was on the wire.
    pub wire: Vec<u8>,
    /// The body inflated; `None` if it is no gzip.
    pub body: Option<Vec<u8>>,
    /// The batch, where it is one.
    pub payload: Option<SyncPayload>,
}

impl Request {
    pub fn is_batch(&self) -> bool {
        self.head.method == "POST" && !self.is_digests()
    }

    /// True for a request for digests.
    pub fn is_digests(&self) -> bool {
        self.head.path.ends_with("/digests")
    }

    /// Bytes of the body as announced; known before it is read.
    pub fn content_length(&self) -> usize {
        self.head.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    pub fn session_ids(&self) -> Vec<&str> {
        self.payload.iter().flat_map(|it| &it.sessions).map(|session| session.id.as_str()).collect()
    }

    pub fn has_session(&self, id: &str) -> bool {
        self.session_ids().contains(&id)
    }

    pub fn has_message(&self, id: &str) -> bool {
        self.messages().any(|message| message.id == id)
    }

    pub fn has_task(&self, id: &str) -> bool {
        let sessions = self.payload.iter().flat_map(|it| &it.sessions);
        sessions.flat_map(|session| &session.tasks).any(|task| task.id == id)
    }

    pub fn messages(&self) -> impl Iterator<Item = &han_sync::protocol::SyncMessage> {
        self.payload.iter().flat_map(|it| &it.sessions).flat_map(|session| &session.messages)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Connection,
    Identity,
    Digests,
    Batch,
    Forget,
    Any,
}

type Condition = Box<dyn Fn(&Request) -> bool + Send>;

/// Matches the requests that a fault applies to: those that fit, without the first `skip`, at most `times`.
pub struct RequestMatcher {
    route: Route,
    conditions: Vec<Condition>,
    skip: usize,
    times: usize,
}

fn when(route: Route) -> RequestMatcher {
    RequestMatcher { route, conditions: Vec::new(), skip: 0, times: usize::MAX }
}

/// Connections, before anything is read from them. Only resets and silence can befall them.
pub fn connections() -> RequestMatcher {
    when(Route::Connection)
}

/// `GET {endpoint}/identity`.
pub fn identities() -> RequestMatcher {
    when(Route::Identity)
}

/// `POST {endpoint}/digests`.
pub fn digests() -> RequestMatcher {
    when(Route::Digests)
}

/// `POST {endpoint}`.
pub fn batches() -> RequestMatcher {
    when(Route::Batch)
}

/// `DELETE {endpoint}/sessions…` and `…/tombstones…`.
pub fn forgets() -> RequestMatcher {
    when(Route::Forget)
}

pub fn requests() -> RequestMatcher {
    when(Route::Any)
}

impl RequestMatcher {
    pub fn skip(mut self, skip: usize) -> RequestMatcher {
        self.skip = skip;
        self
    }

    pub fn times(mut self, times: usize) -> RequestMatcher {
        self.times = times;
        self
    }

    pub fn that(mut self, condition: impl Fn(&Request) -> bool + Send + 'static) -> RequestMatcher {
        self.conditions.push(Box::new(condition));
        self
    }

    pub fn with_session(self, id: &str) -> RequestMatcher {
        let id = id.to_owned();
        self.that(move |request| request.has_session(&id))
    }

    pub fn with_message(self, id: &str) -> RequestMatcher {
        let id = id.to_owned();
        self.that(move |request| request.has_message(&id))
    }

    /// Batches that carry anything: not the hourly empty one.
    pub fn with_data(self) -> RequestMatcher {
        self.that(|request| !request.session_ids().is_empty())
    }

    /// Batches with more than so many messages.
    pub fn with_more_messages_than(self, messages: usize) -> RequestMatcher {
        self.that(move |request| request.messages().count() > messages)
    }
}

/// A line of the script.
pub struct Rule {
    when: RequestMatcher,
    fault: Fault,
    seen: usize,
}

impl Rule {
    pub fn new(when: RequestMatcher, fault: Fault) -> Rule {
        Rule { when, fault, seen: 0 }
    }

    /// The fault that befalls this connection.
    pub fn on_connection(&mut self) -> Option<Fault> {
        (self.when.route == Route::Connection).then(|| self.apply()).flatten()
    }

    /// The fault that befalls a request of which only the head was read.
    pub fn on_head(&mut self, request: &Request) -> Option<Fault> {
        (self.fault.unread && self.fits(request)).then(|| self.apply()).flatten()
    }

    /// The fault that befalls a request that was read.
    pub fn on_request(&mut self, request: &Request) -> Option<Fault> {
        (!self.fault.unread && self.fits(request)).then(|| self.apply()).flatten()
    }

    fn fits(&self, request: &Request) -> bool {
        let route = match self.when.route {
            Route::Connection => false,
            Route::Identity => request.head.method == "GET",
            Route::Digests => request.is_digests(),
            Route::Forget => request.head.method == "DELETE",
            Route::Batch => request.is_batch(),
            Route::Any => true,
        };
        route && self.when.conditions.iter().all(|condition| condition(request))
    }

    fn apply(&mut self) -> Option<Fault> {
        self.seen += 1;
        let applies = self.seen > self.when.skip && self.seen - self.when.skip <= self.when.times;
        applies.then(|| self.fault.clone())
    }
}

/// A response as it goes over the wire, right or wrong.
#[derive(Debug, Clone)]
pub struct TestResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub enum Body {
    Whole(Vec<u8>),
    /// Announces its whole length and ends after so many bytes.
    Cut(Vec<u8>, usize),
    /// So many bytes of white space; `None`: without an end, in chunks.
    Blank(Option<u64>),
    /// Byte by byte, with a pause before each.
    Dripping(Vec<u8>, Duration),
}

impl TestResponse {
    pub fn json(status: u16, body: &impl Serialize) -> TestResponse {
        let body = serde_json::to_vec(body).expect("responses are JSON");
        TestResponse {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Body::Whole(body),
        }
    }

    pub fn error(status: u16, error: &str) -> TestResponse {
        TestResponse::json(status, &serde_json::json!({"error": error, "requestId": "req-test"}))
    }

    fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn whole(&self) -> &[u8] {
        match &self.body {
            Body::Whole(body) => body,
            _ => panic!("only a whole response can be edited"),
        }
    }
}

type Edit = Arc<dyn Fn(&mut TestResponse) + Send + Sync>;

/// The end of a request.
#[derive(Clone)]
pub enum Ending {
    /// With the receiver's own response, edited in this order.
    Response(Vec<Edit>),
    /// With a TCP reset.
    Reset,
    /// With the connection closed and no response.
    Close,
    /// Never: the connection stays open until the server goes.
    Silence,
}

/// A fault, and its moment in the course of a request.
#[derive(Clone)]
pub struct Fault {
    /// True if the receiver stores the batch before.
    pub commits: bool,
    /// True if the fault comes before the body is read.
    pub unread: bool,
    /// True if the request waits for [`super::TestReceiver::release`] first.
    pub held: bool,
    /// Delay of the response.
    pub pause: Duration,
    /// True if the connection is closed after the response, unannounced.
    pub hangs_up: bool,
    pub ending: Ending,
}

impl Fault {
    fn new(ending: Ending) -> Fault {
        Fault { commits: false, unread: false, held: false, pause: Duration::ZERO, hangs_up: false, ending }
    }

    /// No fault at all, to be [`Fault::held`] or edited.
    pub fn none() -> Fault {
        Fault::new(Ending::Response(Vec::new())).after_commit()
    }

    /// Another response, which leaves the batch unread: `{"error": …}` with that status.
    pub fn status(status: u16) -> Fault {
        Fault::new(Ending::Response(Vec::new()))
            .edit(move |response| *response = TestResponse::error(status, "scripted"))
    }

    /// A page where JSON belongs, as captive portals and proxies serve it.
    pub fn html(status: u16) -> Fault {
        Fault::status(status).header("Content-Type", "text/html").body("<!doctype html><p>Please log in")
    }

    pub fn redirect(status: u16, location: &str) -> Fault {
        Fault::status(status).header("Location", location)
    }

    pub fn reset() -> Fault {
        Fault::new(Ending::Reset)
    }

    pub fn close() -> Fault {
        Fault::new(Ending::Close)
    }

    pub fn silence() -> Fault {
        Fault::new(Ending::Silence)
    }

    /// The receiver's own response with its SyncResponse changed, where it is one. Nothing is stored.
    pub fn lie(change: impl Fn(&mut SyncResponse) + Send + Sync + 'static) -> Fault {
        Fault::new(Ending::Response(Vec::new())).edit(move |response| {
            if let Ok(mut body) = serde_json::from_slice(response.whole()) {
                change(&mut body);
                *response = TestResponse::json(response.status, &body);
            }
        })
    }

    /// The batch is stored before the fault.
    pub fn after_commit(mut self) -> Fault {
        self.commits = true;
        self
    }

    /// The fault comes before the body is read.
    pub fn unread(mut self) -> Fault {
        self.unread = true;
        self
    }

    /// The request waits for [`super::TestReceiver::release`] first.
    pub fn held(mut self) -> Fault {
        self.held = true;
        self
    }

    /// The response takes that long.
    pub fn late(mut self, pause: Duration) -> Fault {
        self.pause = pause;
        self
    }

    /// The same response under another status.
    pub fn with_status(self, status: u16) -> Fault {
        self.edit(move |response| response.status = status)
    }

    /// The connection is closed after the response, unannounced.
    pub fn hanging_up(mut self) -> Fault {
        self.hangs_up = true;
        self
    }

    pub fn without_header(self, name: &'static str) -> Fault {
        self.edit(move |response| response.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name)))
    }

    pub fn header(self, name: &'static str, value: &str) -> Fault {
        let value = value.to_owned();
        self.edit(move |response| response.set_header(name, &value))
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Fault {
        let body = body.into();
        self.edit(move |response| response.body = Body::Whole(body.clone()))
    }

    /// The response is compressed, asked for or not.
    pub fn gzipped(self) -> Fault {
        self.edit(|response| {
            response.body = Body::Whole(gzip(response.whole()));
            response.set_header("Content-Encoding", "gzip");
        })
    }

    /// The response announces its length and ends half-way.
    pub fn cut(self) -> Fault {
        self.edit(|response| response.body = Body::Cut(response.whole().to_vec(), response.whole().len() / 2))
    }

    /// The response is so many bytes of white space; `None`: it never ends.
    pub fn blank(self, bytes: Option<u64>) -> Fault {
        self.edit(move |response| response.body = Body::Blank(bytes))
    }

    /// The response comes byte by byte.
    pub fn dripping(self, pause: Duration) -> Fault {
        self.edit(move |response| response.body = Body::Dripping(response.whole().to_vec(), pause))
    }

    fn edit(mut self, edit: impl Fn(&mut TestResponse) + Send + Sync + 'static) -> Fault {
        let Ending::Response(edits) = &mut self.ending else { panic!("there is no response to edit") };
        edits.push(Arc::new(edit));
        self
    }
}
