//! The script of a fault server: which requests, and what happens to them instead of the receiver's plain answer.

use std::sync::Arc;
use std::time::Duration;

use han_sync::protocol::{SyncPayload, SyncResponse};
use serde::Serialize;

use crate::support::http::{Head, gzip};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The connection that it came on, from 0.
    pub connection: usize,
    pub head: Head,
    /// The body as it was on the wire.
    pub wire: Vec<u8>,
    /// The body inflated; `None` if it is no gzip.
    pub body: Option<Vec<u8>>,
    /// The batch, where it is one.
    pub payload: Option<SyncPayload>,
}

impl Request {
    pub fn is_batch(&self) -> bool {
        self.head.method == "POST"
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
    Batch,
    Any,
}

type Condition = Box<dyn Fn(&Request) -> bool + Send>;

/// Which requests a fault befalls: those that fit, without the first `skip`, at most `times`.
pub struct When {
    route: Route,
    conditions: Vec<Condition>,
    skip: usize,
    times: usize,
}

fn when(route: Route) -> When {
    When { route, conditions: Vec::new(), skip: 0, times: usize::MAX }
}

/// Connections, before anything is read from them. Only resets and silence can befall them.
pub fn connections() -> When {
    when(Route::Connection)
}

/// `GET {endpoint}/identity`.
pub fn identities() -> When {
    when(Route::Identity)
}

/// `POST {endpoint}`.
pub fn batches() -> When {
    when(Route::Batch)
}

pub fn requests() -> When {
    when(Route::Any)
}

impl When {
    pub fn skip(mut self, skip: usize) -> When {
        self.skip = skip;
        self
    }

    pub fn times(mut self, times: usize) -> When {
        self.times = times;
        self
    }

    pub fn that(mut self, condition: impl Fn(&Request) -> bool + Send + 'static) -> When {
        self.conditions.push(Box::new(condition));
        self
    }

    pub fn with_session(self, id: &str) -> When {
        let id = id.to_owned();
        self.that(move |request| request.has_session(&id))
    }

    pub fn with_message(self, id: &str) -> When {
        let id = id.to_owned();
        self.that(move |request| request.has_message(&id))
    }

    /// Batches that carry anything: not the hourly empty one.
    pub fn with_data(self) -> When {
        self.that(|request| !request.session_ids().is_empty())
    }

    /// Batches with more than so many messages.
    pub fn with_more_messages_than(self, messages: usize) -> When {
        self.that(move |request| request.messages().count() > messages)
    }
}

/// One line of the script.
pub struct Rule {
    when: When,
    fault: Fault,
    seen: usize,
}

impl Rule {
    pub fn new(when: When, fault: Fault) -> Rule {
        Rule { when, fault, seen: 0 }
    }

    /// The fault that befalls this connection.
    pub fn on_connection(&mut self) -> Option<Fault> {
        (self.when.route == Route::Connection).then(|| self.strike()).flatten()
    }

    /// The fault that befalls a request of which only the head was read.
    pub fn on_head(&mut self, request: &Request) -> Option<Fault> {
        (self.fault.unread && self.fits(request)).then(|| self.strike()).flatten()
    }

    /// The fault that befalls a request that was read.
    pub fn on_request(&mut self, request: &Request) -> Option<Fault> {
        (!self.fault.unread && self.fits(request)).then(|| self.strike()).flatten()
    }

    fn fits(&self, request: &Request) -> bool {
        let route = match self.when.route {
            Route::Connection => false,
            Route::Identity => !request.is_batch(),
            Route::Batch => request.is_batch(),
            Route::Any => true,
        };
        route && self.when.conditions.iter().all(|condition| condition(request))
    }

    fn strike(&mut self) -> Option<Fault> {
        self.seen += 1;
        let strikes = self.seen > self.when.skip && self.seen - self.when.skip <= self.when.times;
        strikes.then(|| self.fault.clone())
    }
}

/// What goes over the wire as an answer, right or wrong.
#[derive(Debug, Clone)]
pub struct Answer {
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

impl Answer {
    pub fn json(status: u16, body: &impl Serialize) -> Answer {
        let body = serde_json::to_vec(body).expect("answers are JSON");
        Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Body::Whole(body),
        }
    }

    pub fn error(status: u16, error: &str) -> Answer {
        Answer::json(status, &serde_json::json!({"error": error, "requestId": "req-test"}))
    }

    fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn whole(&self) -> &[u8] {
        match &self.body {
            Body::Whole(body) => body,
            _ => panic!("only a whole answer can be edited"),
        }
    }
}

type Edit = Arc<dyn Fn(&mut Answer) + Send + Sync>;

/// How a request ends.
#[derive(Clone)]
pub enum Ending {
    /// With the receiver's own answer, edited in this order.
    Answer(Vec<Edit>),
    /// With a TCP reset.
    Reset,
    /// With the connection closed and no answer.
    Close,
    /// Never: the connection stays open until the server goes.
    Silence,
}

/// What happens to a request.
#[derive(Clone)]
pub struct Fault {
    /// Whether the receiver stores the batch before.
    pub commits: bool,
    /// Whether the fault comes before the body is read.
    pub unread: bool,
    /// Whether the request waits for [`super::FaultServer::release`] first.
    pub held: bool,
    /// How long the answer takes.
    pub pause: Duration,
    /// Whether the connection is closed after the answer, unannounced.
    pub hangs_up: bool,
    pub ending: Ending,
}

impl Fault {
    fn new(ending: Ending) -> Fault {
        Fault { commits: false, unread: false, held: false, pause: Duration::ZERO, hangs_up: false, ending }
    }

    /// No fault at all, to be [`Fault::held`] or edited.
    pub fn none() -> Fault {
        Fault::new(Ending::Answer(Vec::new())).after_commit()
    }

    /// Another answer, which leaves the batch unread: `{"error": …}` with that status.
    pub fn status(status: u16) -> Fault {
        Fault::new(Ending::Answer(Vec::new())).edit(move |answer| *answer = Answer::error(status, "scripted"))
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

    /// The receiver's own answer with its SyncResponse changed, where it is one. Nothing is stored.
    pub fn lie(change: impl Fn(&mut SyncResponse) + Send + Sync + 'static) -> Fault {
        Fault::new(Ending::Answer(Vec::new())).edit(move |answer| {
            if let Ok(mut response) = serde_json::from_slice(answer.whole()) {
                change(&mut response);
                *answer = Answer::json(answer.status, &response);
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

    /// The request waits for [`super::FaultServer::release`] first.
    pub fn held(mut self) -> Fault {
        self.held = true;
        self
    }

    /// The answer takes that long.
    pub fn late(mut self, pause: Duration) -> Fault {
        self.pause = pause;
        self
    }

    /// The same answer under another status.
    pub fn with_status(self, status: u16) -> Fault {
        self.edit(move |answer| answer.status = status)
    }

    /// The connection is closed after the answer, unannounced.
    pub fn hanging_up(mut self) -> Fault {
        self.hangs_up = true;
        self
    }

    pub fn without_header(self, name: &'static str) -> Fault {
        self.edit(move |answer| answer.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name)))
    }

    pub fn header(self, name: &'static str, value: &str) -> Fault {
        let value = value.to_owned();
        self.edit(move |answer| answer.set_header(name, &value))
    }

    pub fn body(self, body: impl Into<Vec<u8>>) -> Fault {
        let body = body.into();
        self.edit(move |answer| answer.body = Body::Whole(body.clone()))
    }

    /// The answer is compressed, asked for or not.
    pub fn gzipped(self) -> Fault {
        self.edit(|answer| {
            answer.body = Body::Whole(gzip(answer.whole()));
            answer.set_header("Content-Encoding", "gzip");
        })
    }

    /// The answer announces its length and ends half-way.
    pub fn cut(self) -> Fault {
        self.edit(|answer| answer.body = Body::Cut(answer.whole().to_vec(), answer.whole().len() / 2))
    }

    /// The answer is so many bytes of white space; `None`: it never ends.
    pub fn blank(self, bytes: Option<u64>) -> Fault {
        self.edit(move |answer| answer.body = Body::Blank(bytes))
    }

    /// The answer comes byte by byte.
    pub fn dripping(self, pause: Duration) -> Fault {
        self.edit(move |answer| answer.body = Body::Dripping(answer.whole().to_vec(), pause))
    }

    fn edit(mut self, edit: impl Fn(&mut Answer) + Send + Sync + 'static) -> Fault {
        let Ending::Answer(edits) = &mut self.ending else { panic!("there is no answer to edit") };
        edits.push(Arc::new(edit));
        self
    }
}
