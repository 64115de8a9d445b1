//! A gate between exporter and receiver: it passes requests and answers on, counts the batches, and stops at one of them
//! at a moment that the test names.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Moment of the kill, in the course of the exporter's last batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The gate has it, the receiver will never see it.
    Sent,
    /// The receiver has stored it and answered, the exporter will never hear of it.
    Committed,
    /// The answer is on its way to the exporter, which goes on meanwhile.
    Answered,
}

/// The gate. Its threads end with the process.
pub struct Gate {
    pub base: String,
    plan: Arc<Mutex<Option<(usize, Moment)>>>,
    reached: Receiver<()>,
}

impl Gate {
    /// In front of a receiver.
    pub fn before(receiver: &str) -> Gate {
        let upstream: SocketAddr = receiver.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let plan = Arc::new(Mutex::new(None));
        let (reach, reached) = channel();
        let shared = plan.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (plan, reach) = (shared.clone(), reach.clone());
                thread::spawn(move || pass(client, upstream, &plan, &reach));
            }
        });
        Gate { base, plan, reached }
    }

    /// Stops at the `nth` batch from now on, the first being 1.
    pub fn stop_at(&self, nth: usize, moment: Moment) {
        *self.plan.lock().unwrap() = Some((nth, moment));
    }

    /// Lets everything pass.
    pub fn open(&self) {
        *self.plan.lock().unwrap() = None;
    }

    /// Waits for the moment, for a while. Whether it has come.
    pub fn stops_within(&self, patience: Duration) -> bool {
        self.reached.recv_timeout(patience).is_ok()
    }
}

/// A connection, from its first request to its end. `None` ends it.
fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    plan: &Mutex<Option<(usize, Moment)>>,
    reach: &Sender<()>,
) -> Option<()> {
    let upstream = TcpStream::connect(upstream).ok()?;
    let (mut requests, mut answers) =
        (BufReader::new(client.try_clone().ok()?), BufReader::new(upstream.try_clone().ok()?));
    let (mut client, mut upstream) = (client, upstream);
    loop {
        let request = read_message(&mut requests)?;
        let stop = if request.starts_with(b"POST ") { count_down(plan) } else { None };
        if stop == Some(Moment::Sent) {
            return hold(reach, &mut requests);
        }
        upstream.write_all(&request).ok()?;
        let answer = read_message(&mut answers)?;
        if stop == Some(Moment::Committed) {
            return hold(reach, &mut requests);
        }
        if stop == Some(Moment::Answered) {
            reach.send(()).ok()?;
        }
        client.write_all(&answer).ok()?;
    }
}

/// Counts a batch; the moment to stop at, if it is the one.
fn count_down(plan: &Mutex<Option<(usize, Moment)>>) -> Option<Moment> {
    let mut plan = plan.lock().unwrap();
    let (left, moment) = plan.as_mut()?;
    *left -= 1;
    let moment = *moment;
    if *left > 0 {
        return None;
    }
    *plan = None;
    Some(moment)
}

/// Says that the moment has come, and keeps the connection until the exporter is dead.
fn hold(reach: &Sender<()>, requests: &mut impl Read) -> Option<()> {
    reach.send(()).ok()?;
    let _ = requests.read(&mut [0]);
    None
}

/// A request or answer with its body, as it came; `None` at the end of the connection.
fn read_message(from: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut body_bytes = 0;
    loop {
        let start = message.len();
        if from.read_until(b'\n', &mut message).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&message[start..]).to_ascii_lowercase();
        if line.trim().is_empty() {
            break;
        }
        if let Some(length) = line.strip_prefix("content-length:") {
            body_bytes = length.trim().parse().unwrap();
        }
        assert!(!line.starts_with("transfer-encoding:"), "exporter and receiver say how long a body is");
    }
    let head = message.len();
    message.resize(head + body_bytes, 0);
    from.read_exact(&mut message[head..]).ok()?;
    Some(message)
}
