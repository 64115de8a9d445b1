//! A relay of TCP connections that can go silent, with connections that stay open and over which nothing arrives any more,
//! and that can pass the server's bytes on in pieces.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Most bytes at which silence begins.
const BEGINNING_BYTES_MAX: usize = 128;

/// The relay. Its threads end with the process.
pub struct Relay {
    address: SocketAddr,
    state: Arc<RelayState>,
}

#[derive(Default)]
struct RelayState {
    silence: Mutex<Silence>,
    resumed: Condvar,
}

#[derive(Default)]
struct Silence {
    is_silent: bool,
    /// True if each byte of the server is a segment of its own.
    in_pieces: bool,
    /// Bytes to the server at which silence begins.
    begins_at: Option<Vec<u8>>,
    /// Number of silences that have ended: connections of before stay silent for good.
    ended: u32,
}

impl Relay {
    /// Relays to `HOST:PORT`.
    pub fn to(server: &str) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener on a loopback address");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (state, server) = (Arc::new(RelayState::default()), server.to_owned());
        thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for client in listener.incoming().flatten() {
                    let (state, server) = (Arc::clone(&state), server.clone());
                    thread::spawn(move || relay(client, &server, &state));
                }
            }
        });
        Relay { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes nothing on from now on. New connections are accepted and hear nothing.
    pub fn silence(&self) {
        self.state.silence.lock().expect("no thread fails with the lock").is_silent = true;
    }

    /// Goes silent as soon as a client sends these bytes, which do not arrive.
    pub fn silence_at(&self, bytes: &[u8]) {
        assert!((1..=BEGINNING_BYTES_MAX).contains(&bytes.len()), "{} bytes", bytes.len());
        let mut silence = self.state.silence.lock().expect("no thread fails with the lock");
        silence.begins_at = Some(bytes.to_vec());
    }

    /// Sends each byte of the server as a segment of its own from now on.
    pub fn pass_in_pieces(&self) {
        self.state.silence.lock().expect("no thread fails with the lock").in_pieces = true;
    }

    /// Serves new connections again. Those that were silent stay so, until one of their ends closes them.
    pub fn resume(&self) {
        let mut silence = self.state.silence.lock().expect("no thread fails with the lock");
        *silence = Silence { ended: silence.ended + 1, ..Silence::default() };
        self.state.resumed.notify_all();
    }
}

impl RelayState {
    /// True if bytes of a connection that began after so many silences may pass. `before`: the last bytes that it passed, since
    /// two reads may share those at which silence begins.
    fn may_pass(&self, began: u32, before: &[u8], bytes: &[u8], is_to_server: bool) -> bool {
        let mut silence = self.silence.lock().expect("no thread fails with the lock");
        let begins = silence.begins_at.as_ref().is_some_and(|at| {
            let shared = &before[before.len().saturating_sub(at.len() - 1)..];
            is_to_server && [shared, bytes].concat().windows(at.len()).any(|window| window == at)
        });
        if begins {
            *silence = Silence { is_silent: true, ended: silence.ended, ..Silence::default() };
        }
        !silence.is_silent && silence.ended == began
    }

    /// Bytes of the server that are sent at once.
    fn piece_bytes(&self, is_to_server: bool) -> usize {
        let is_whole = is_to_server || !self.silence.lock().expect("no thread fails with the lock").in_pieces;
        if is_whole { usize::MAX } else { 1 }
    }

    /// Waits for the end of a silence, and returns how many have ended.
    fn wait(&self) -> u32 {
        let silence = self.silence.lock().expect("no thread fails with the lock");
        self.resumed
            .wait_while(silence, |silence| silence.is_silent)
            .expect("no thread fails with the lock")
            .ended
    }
}

fn relay(client: TcpStream, server: &str, state: &Arc<RelayState>) -> Option<()> {
    let began = state.wait();
    let server = TcpStream::connect(server).ok()?;
    client.set_nodelay(true).ok()?;
    let (from_client, from_server) = (client.try_clone().ok()?, server.try_clone().ok()?);
    let to_server = Arc::clone(state);
    thread::spawn(move || pass(from_client, server, &to_server, (began, true)));
    pass(from_server, client, state, (began, false))
}

/// Passes bytes on while they may pass. What is read in silence is lost; an end is passed on all the same.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    state: &RelayState,
    (began, is_to_server): (u32, bool),
) -> Option<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut before = Vec::new();
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            return to.shutdown(Shutdown::Both).ok();
        }
        let bytes = &buffer[..count];
        if state.may_pass(began, &before, bytes, is_to_server) {
            for piece in bytes.chunks(state.piece_bytes(is_to_server)) {
                to.write_all(piece).ok()?;
            }
        }
        before.extend_from_slice(bytes);
        before.drain(..before.len().saturating_sub(BEGINNING_BYTES_MAX));
    }
}
