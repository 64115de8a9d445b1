//! The service manager that started the program: readiness, watchdog and passed sockets, by systemd's protocol (sd_notify,
//! `LISTEN_FDS`).
//!
//! Invariant: without the manager's variables every call does nothing. A manager that cannot be reached is no reason not to
//! serve.

use super::environment::variable;
use super::exit::CliError;
use std::net::TcpListener;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Descriptor of the first passed socket.
const FIRST_SOCKET: RawFd = 3;
/// Most sockets that can be passed: the program has two addresses.
const SOCKETS_MAX: RawFd = 2;
/// Name (`FileDescriptorName=`) of the socket that serves metrics.
const METRICS_SOCKET: &str = "metrics";

/// The connection to the manager.
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

/// Sockets that the manager has opened.
#[derive(Default)]
pub struct PassedSockets {
    /// Serves everything.
    pub public: Option<TcpListener>,
    /// Serves metrics and health.
    pub metrics: Option<TcpListener>,
}

impl ServiceManager {
    /// The manager that the environment names.
    pub fn of_environment() -> ServiceManager {
        let is_own = variable("WATCHDOG_PID").is_none_or(|id| id == std::process::id().to_string());
        let microseconds = variable("WATCHDOG_USEC").and_then(|text| text.parse().ok()).filter(|_| is_own);
        ServiceManager {
            socket: variable("NOTIFY_SOCKET").and_then(|name| connect(&name).ok()),
            watchdog: microseconds.filter(|microseconds| *microseconds > 0).map(Duration::from_micros),
        }
    }

    /// Says that requests are served from now on.
    pub fn ready(&self, address: &str) {
        self.notify(&format!("READY=1\nSTATUS=serving on {address}\n"));
    }

    /// Says that the program begins to end.
    pub fn stopping(&self) {
        self.notify("STOPPING=1\nSTATUS=answering the requests that were accepted\n");
    }

    /// Tells the watchdog twice in its interval that this runtime executes tasks, until the program ends. A store that is
    /// away is told by readiness: a restart would not bring it back.
    pub async fn feed_watchdog(&self) {
        let Some(interval) = self.watchdog.map(|interval| interval / 2) else { return };
        loop {
            self.notify("WATCHDOG=1\n");
            tokio::time::sleep(interval).await;
        }
    }

    fn notify(&self, state: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(state.as_bytes())
        {
            tracing::debug!(error = %error, "the service manager cannot be told");
        }
    }
}

/// Connects to a socket by its path, or by its name in Linux's abstract namespace.
fn connect(name: &str) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // The program never waits for its manager.
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        socket.connect_addr(&address)?;
        return Ok(socket);
    }
    socket.connect(name)?;
    Ok(socket)
}

impl PassedSockets {
    /// Takes the sockets that the manager has opened for this process. To be called once, before any other descriptor is
    /// opened.
    ///
    /// # Errors
    /// Variables or descriptors that are not as the protocol has them.
    pub fn take() -> Result<PassedSockets, CliError> {
        if variable("LISTEN_PID").is_none_or(|id| id != std::process::id().to_string()) {
            return Ok(PassedSockets::default());
        }
        let text = variable("LISTEN_FDS").unwrap_or_default();
        let count: RawFd =
            text.parse().ok().filter(|count| (0..=SOCKETS_MAX).contains(count)).ok_or_else(|| {
                CliError::Unavailable(format!(
                    "LISTEN_FDS: {text} sockets are passed: pass one, and another one named {METRICS_SOCKET}"
                ))
            })?;
        let names = variable("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut sockets = PassedSockets::default();
        for descriptor in FIRST_SOCKET..FIRST_SOCKET + count {
            let is_metrics = names.next() == Some(METRICS_SOCKET);
            let place = if is_metrics { &mut sockets.metrics } else { &mut sockets.public };
            if place.replace(listener(descriptor)?).is_some() {
                return Err(CliError::Unavailable(format!(
                    "LISTEN_FDS: two sockets serve the same: name one of them {METRICS_SOCKET} (FileDescriptorName=)"
                )));
            }
        }
        Ok(sockets)
    }
}

/// The passed socket of a descriptor.
#[expect(
    unsafe_code,
    reason = "the standard library has no safe call for a descriptor that was passed to the program"
)]
fn listener(descriptor: RawFd) -> Result<TcpListener, CliError> {
    // SAFETY: LISTEN_PID names this process, so that the descriptor is open and nobody else's; it is taken once.
    let listener = TcpListener::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    let checked = listener.set_nonblocking(true).and_then(|()| listener.local_addr());
    checked.map(|_| listener).map_err(|error| {
        CliError::Unavailable(format!(
            "LISTEN_FDS: descriptor {descriptor} is no TCP socket ({error}): use ListenStream="
        ))
    })
}
