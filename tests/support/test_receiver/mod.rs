//! The fault-injecting server: a well-behaved receiver on a real socket, until its script says otherwise.
//!
//! Every request is kept as it arrived. Nothing here waits for time to pass, but for the slow network and the late
//! or dripping response, which are made of time: a test waits for what it wants to see ([`TestReceiver::wait_until`]).

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use han_sync::protocol::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

pub mod fault;
pub mod store;

use crate::support::http::{gunzip, read_body, read_head, response_head, unzstd};
use fault::{Body, Ending, Fault, Request, RequestMatcher, Rule, TestResponse};
use store::{InMemoryReceiver, Rejection, UserStore};

/// Path of the endpoint under test.
const ENDPOINT_PATH: &str = "/api/sync";
/// A condition that has not come true by then never will.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Connections that wait to be accepted: two hundred hooks start their runs at once.
const BACKLOG: i32 = 256;
/// Bytes of one read over the slow network. Small, so that the rate is even.
const SLOW_READ_BYTES: usize = 512;
/// Receive buffer and segment size of the slow network, so that the kernel does not hide its slowness from the client.
const SLOW_BUFFER_BYTES: usize = 4096;
const SLOW_SEGMENT_BYTES: u32 = 536;
/// Pieces in which a long blank response goes out.
const BLANK_PIECE_BYTES: usize = 64 * 1024;

/// A receiver of another make, behind the line: it responses a request, or not at all.
pub type Upstream = Arc<dyn Fn(&Request) -> Option<TestResponse> + Send + Sync>;

/// A receiver with a script. It stops when dropped.
pub struct TestReceiver {
    address: SocketAddr,
    tls: bool,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    receiver: InMemoryReceiver,
    upstream: Option<Upstream>,
    rules: Vec<Rule>,
    requests: Vec<Request>,
    connections: usize,
    open: Vec<Weak<TcpStream>>,
    released: bool,
    /// Requests that are held, or were and are not ended yet.
    holding: usize,
    closing: bool,
    in_flight: usize,
    in_flight_max: usize,
    response_bytes: u64,
}

/// Options of the listener.
#[derive(Default, Clone)]
pub struct ListenOptions {
    /// Certificate and key, for https.
    pub tls: Option<Arc<ServerConfig>>,
    /// Throughput towards the receiver.
    pub bytes_per_second: Option<u32>,
}

impl TestReceiver {
    pub fn start() -> TestReceiver {
        TestReceiver::on(ListenOptions::default())
    }

    pub fn https(config: Arc<ServerConfig>) -> TestReceiver {
        TestReceiver::on(ListenOptions { tls: Some(config), ..ListenOptions::default() })
    }

    pub fn slow(bytes_per_second: u32) -> TestReceiver {
        TestReceiver::on(ListenOptions {
            bytes_per_second: Some(bytes_per_second),
            ..ListenOptions::default()
        })
    }

    pub fn on(line: ListenOptions) -> TestReceiver {
        let listener = listen(&line).expect("a listener on a loopback address");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let tls = line.tls.is_some();
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &line, &shared)
        });
        TestReceiver { address, tls, shared, acceptor: Some(acceptor) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn endpoint(&self) -> String {
        self.endpoint_at("127.0.0.1")
    }

    /// The endpoint under another name of this machine.
    pub fn endpoint_at(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}{ENDPOINT_PATH}", self.address.port())
    }

    /// Adds a line to the script. Of several that fit a request, the one added last befalls it.
    pub fn script(&self, when: RequestMatcher, fault: Fault) {
        self.state().rules.insert(0, Rule::new(when, fault));
    }

    /// Takes back the line that was added last.
    pub fn unscript(&self) {
        self.state().rules.remove(0);
    }

    /// True if the script holds any line that still applies or may.
    pub fn is_scripted(&self) -> bool {
        !self.state().rules.is_empty()
    }

    /// Forgets the script: the receiver behaves again. Sessions that it refuses are another matter.
    pub fn clear_script(&self) {
        self.state().rules.clear();
    }

    /// Refuses a session inside its batches, so many times.
    pub fn reject(&self, session_id: &str, code: &str, times: usize) {
        let rejection = Rejection { session_id: session_id.to_owned(), code: code.to_owned(), times };
        self.state().receiver.rejections.push(rejection);
    }

    /// Passes on, from now on, every request that its fault lets through, and gives back the response. The server is then
    /// the line to that receiver: its own still says what it thinks of the protocol, and speaks where the line lies, but
    /// stores nothing. Requests may be encoded as the other receiver announces: zstd, too.
    pub fn forward_to(&self, upstream: Upstream) {
        let mut state = self.state();
        state.upstream = Some(upstream);
        for identity in state.receiver.identities.values_mut() {
            identity.encodings = vec!["zstd".to_owned(), "gzip".to_owned()];
        }
    }

    pub fn accept_all(&self) {
        self.state().receiver.rejections.clear();
    }

    /// Changes keys, identities and limits.
    pub fn with_receiver<T>(&self, change: impl FnOnce(&mut InMemoryReceiver) -> T) -> T {
        change(&mut self.state().receiver)
    }

    pub fn with_identity(&self, user_id: &str, change: impl FnOnce(&mut Identity)) {
        self.with_receiver(|receiver| change(receiver.identities.get_mut(user_id).expect("a known user")));
    }

    /// Lets go of the requests that are held, now and later.
    pub fn release(&self) {
        self.state().released = true;
        self.shared.changed.notify_all();
    }

    /// True if a request is held.
    pub fn is_holding(&self) -> bool {
        self.state().holding > 0
    }

    /// True if every connection has come to its end, and with it whatever arrived on it.
    pub fn is_idle(&self) -> bool {
        self.state().open.iter().all(|connection| connection.strong_count() == 0)
    }

    /// Lets go of the requests that are held, and holds the next ones again when these have come to their end.
    pub fn release_once(&self) {
        self.release();
        let is_held = |state: &mut State| state.holding > 0 && !state.closing;
        let guard = self.shared.changed.wait_while(self.state(), is_held);
        guard.unwrap_or_else(PoisonError::into_inner).released = false;
    }

    /// The sessions that a user's clients have delivered.
    pub fn store(&self, user_id: &str) -> UserStore {
        self.state().receiver.stores.get(user_id).cloned().unwrap_or_default()
    }

    pub fn alice(&self) -> UserStore {
        self.store("user-alice")
    }

    /// Every request in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub fn batches(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_batch).collect()
    }

    /// The requests that arrived after so many.
    pub fn requests_after(&self, count: usize) -> Vec<Request> {
        self.state().requests[count..].to_vec()
    }

    pub fn request_count(&self) -> usize {
        self.state().requests.len()
    }

    pub fn connection_count(&self) -> usize {
        self.state().connections
    }

    /// The most batches that were ever being responded at the same time.
    pub fn batches_at_once(&self) -> usize {
        self.state().in_flight_max
    }

    /// Bytes of responses that clients have let it send.
    pub fn response_bytes(&self) -> u64 {
        self.state().response_bytes
    }

    pub fn violations(&self) -> Vec<String> {
        self.state().receiver.violations.clone()
    }

    /// Waits until the requests are as wanted.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&[Request]) -> bool) {
        let (state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(self.state(), WAIT_MAX, |state| !wanted(&state.requests))
            .unwrap_or_else(PoisonError::into_inner);
        let arrived = state.requests.len();
        drop(state);
        assert!(!timeout.timed_out(), "waited in vain until {what}; {arrived} requests arrived");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for TestReceiver {
    fn drop(&mut self) {
        let open = {
            let mut state = self.state();
            state.closing = true;
            state.upstream = None;
            std::mem::take(&mut state.open)
        };
        self.shared.changed.notify_all();
        for stream in open.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor, which then sees that the server closes.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    /// The response of the receiver, or of the one that the request is forwarded to; the batch is stored if
    /// it `commits`. `None`: no response came.
    fn response(&self, request: &Request, commits: bool) -> Option<TestResponse> {
        let (own, upstream) = {
            let mut state = self.state();
            let upstream = state.upstream.clone().filter(|_| commits);
            let body = request.body.as_deref();
            let stores = commits && upstream.is_none();
            (state.receiver.handle(&request.head, request.wire.len(), body, stores), upstream)
        };
        let Some(upstream) = upstream else { return Some(own) };
        let response = upstream(request);
        if response.as_ref().is_some_and(|response| response.status == 200) && !request.is_batch() {
            self.state().receiver.note_identity_served(&request.head);
        }
        response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has said so already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) {
        let guard = self.changed.wait_while(self.state(), |state| !state.closing && condition(state));
        drop(guard);
    }
}

fn listen(line: &ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if line.bytes_per_second.is_some() {
        socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
        socket.set_tcp_mss(SLOW_SEGMENT_BYTES)?;
    }
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept(listener: &TcpListener, line: &ListenOptions, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream.map(Arc::new) else { continue };
        // RequestHead and body of a response are written apart; without this the second waits for the client's delayed ACK.
        let _ = stream.set_nodelay(true);
        let (number, fault) = {
            let mut state = shared.state();
            if state.closing {
                return;
            }
            let number = state.connections;
            state.connections += 1;
            state.open.push(Arc::downgrade(&stream));
            (number, state.rules.iter_mut().find_map(Rule::on_connection))
        };
        shared.changed.notify_all();
        let wire = Wire { stream, bytes_per_second: line.bytes_per_second };
        let tls = line.tls.clone();
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // What goes wrong on a connection is the client's to notice, and the test's to see at the client.
            let _ = match fault.map(|fault| fault.ending) {
                Some(Ending::Reset) => wire.reset(),
                Some(Ending::Silence) => {
                    shared.wait_while(|_| true);
                    Ok(())
                }
                Some(_) => panic!("a connection can only be reset or left alone"),
                None => match tls {
                    None => serve(BufReader::new(Stream::Plain(wire)), number, &shared),
                    Some(config) => {
                        ServerConnection::new(config).map_err(io::Error::other).and_then(|session| {
                            let stream = Stream::Tls(Box::new(StreamOwned::new(session, wire)));
                            serve(BufReader::new(stream), number, &shared)
                        })
                    }
                },
            };
        });
    }
}

/// Answers the requests of one connection, one after the other.
fn serve(mut stream: BufReader<Stream>, connection: usize, shared: &Shared) -> io::Result<()> {
    while let Some(head) = read_head(&mut stream)? {
        let mut request = Request { connection, head, wire: Vec::new(), body: None, payload: None };
        let early = shared.state().rules.iter_mut().find_map(|rule| rule.on_head(&request));
        let unread = early.is_some();
        if !unread {
            request.wire = read_body(&request.head, &mut stream)?;
            request.body = match request.head.header("content-encoding") {
                Some("gzip") => gunzip(&request.wire).ok(),
                Some("zstd") => unzstd(&request.wire).ok(),
                _ => Some(request.wire.clone()),
            };
            request.payload = request.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        }
        let is_batch = request.is_batch();
        let fault = {
            let mut state = shared.state();
            let fault = early
                .or_else(|| state.rules.iter_mut().find_map(|rule| rule.on_request(&request)))
                .unwrap_or_else(Fault::none);
            state.requests.push(request.clone());
            state.in_flight += usize::from(is_batch);
            state.in_flight_max = state.in_flight_max.max(state.in_flight);
            state.holding += usize::from(fault.held);
            fault
        };
        let held = fault.held;
        shared.changed.notify_all();
        if held {
            shared.wait_while(|state| !state.released);
        }
        thread::sleep(fault.pause);
        let responded = end(&mut stream, &request, fault, shared);
        {
            let mut state = shared.state();
            state.in_flight -= usize::from(is_batch);
            state.holding -= usize::from(held);
        }
        shared.changed.notify_all();
        if !responded? || unread {
            break;
        }
    }
    Ok(())
}

/// Ends a request as the fault says. False: the connection is not to be used again.
fn end(stream: &mut BufReader<Stream>, request: &Request, fault: Fault, shared: &Shared) -> io::Result<bool> {
    let own = |commits| shared.response(request, commits);
    match fault.ending {
        Ending::Response(edits) => {
            let response =
                if fault.unread { Some(TestResponse::error(500, "unread")) } else { own(fault.commits) };
            let Some(mut response) = response else { return Ok(false) };
            edits.iter().for_each(|edit| edit(&mut response));
            Ok(send(stream.get_mut(), response, fault.unread, shared)? && !fault.hangs_up)
        }
        ending => {
            if fault.commits {
                own(true);
            }
            match ending {
                Ending::Reset => stream.get_mut().wire().reset()?,
                // Until the client gives up, or the server goes.
                Ending::Silence => drop(stream.read(&mut [0])?),
                Ending::Close | Ending::Response(_) => {}
            }
            Ok(false)
        }
    }
}

fn send(stream: &mut Stream, mut response: TestResponse, closes: bool, shared: &Shared) -> io::Result<bool> {
    let length = match &response.body {
        Body::Whole(body) | Body::Cut(body, _) | Body::Dripping(body, _) => Some(body.len() as u64),
        Body::Blank(length) => *length,
    };
    response.headers.push(match length {
        Some(length) => ("Content-Length".to_owned(), length.to_string()),
        None => ("Transfer-Encoding".to_owned(), "chunked".to_owned()),
    });
    if closes {
        response.headers.push(("Connection".to_owned(), "close".to_owned()));
    }
    stream.write_all(&response_head(response.status, &response.headers))?;
    match response.body {
        Body::Whole(body) => stream.write_all(&body)?,
        Body::Cut(body, sent) => {
            stream.write_all(&body[..sent])?;
            stream.flush()?;
            return Ok(false);
        }
        Body::Blank(length) => send_blank(stream, length, shared)?,
        Body::Dripping(body, pause) => {
            for byte in body {
                thread::sleep(pause);
                stream.write_all(&[byte])?;
                stream.flush()?;
            }
        }
    }
    stream.flush()?;
    Ok(true)
}

fn send_blank(stream: &mut Stream, length: Option<u64>, shared: &Shared) -> io::Result<()> {
    let piece = vec![b' '; BLANK_PIECE_BYTES];
    let mut left = length.unwrap_or(u64::MAX);
    while left > 0 && !shared.state().closing {
        let size = left.min(piece.len() as u64) as usize;
        if length.is_none() {
            stream.write_all(format!("{size:x}\r\n").as_bytes())?;
        }
        stream.write_all(&piece[..size])?;
        if length.is_none() {
            stream.write_all(b"\r\n")?;
        }
        left -= size as u64;
        shared.state().response_bytes += size as u64;
    }
    Ok(())
}

/// A TCP connection, as slow as its line.
struct Wire {
    stream: Arc<TcpStream>,
    bytes_per_second: Option<u32>,
}

impl Wire {
    /// Makes the end of the connection a reset: the kernel sends one when the last handle goes.
    fn reset(&self) -> io::Result<()> {
        SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(rate) = self.bytes_per_second else { return (&*self.stream).read(buffer) };
        let size = buffer.len().min(SLOW_READ_BYTES);
        let read = (&*self.stream).read(&mut buffer[..size])?;
        thread::sleep(Duration::from_secs_f64(read as f64 / f64::from(rate)));
        Ok(read)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Wire),
    Tls(Box<StreamOwned<ServerConnection, Wire>>),
}

impl Stream {
    fn wire(&self) -> &Wire {
        match self {
            Stream::Plain(wire) => wire,
            Stream::Tls(session) => &session.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(wire) => wire.read(buffer),
            Stream::Tls(session) => session.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(wire) => wire.write(buffer),
            Stream::Tls(session) => session.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(wire) => wire.flush(),
            Stream::Tls(session) => session.flush(),
        }
    }
}
