//! SIGTERM and SIGINT: from the first request, or the first sight of progress, until the transport is dropped they end the
//! run in good order; before and after, they have their default effect, which is to end the process.
//!
//! The handlers are registered once in a process, because a signal whose handler is removed would be ignored.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// The handlers, from the first request on; `None` if they cannot be registered.
static HANDLERS: OnceLock<Option<Handlers>> = OnceLock::new();

/// The callback for a signal; it runs on the signal thread.
type Listener = Box<dyn Fn() + Send>;

struct Handlers {
    default_action_enabled: Arc<AtomicBool>,
    listener: Arc<Mutex<Option<Listener>>>,
}

/// The signals of one transport: they go to its listener until it is dropped.
#[derive(Debug)]
pub struct Signals(());

impl Signals {
    /// Sends each signal to `listener`.
    pub fn listen(listener: impl Fn() + Send + 'static) -> Signals {
        if let Some(handlers) = HANDLERS.get_or_init(|| register().ok()) {
            *handlers.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
            handlers.default_action_enabled.store(false, Ordering::SeqCst);
        }
        Signals(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if let Some(Some(handlers)) = HANDLERS.get() {
            handlers.default_action_enabled.store(true, Ordering::SeqCst);
            *handlers.listener.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// Registers the handlers: each writes a byte to a stream, from which a thread reads.
fn register() -> io::Result<Handlers> {
    let default_action_enabled = Arc::new(AtomicBool::new(true));
    let (mut received, sent) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_default(signal, Arc::clone(&default_action_enabled))?;
        pipe::register(signal, sent.try_clone()?)?;
    }
    let listener = Arc::new(Mutex::new(None::<Listener>));
    let listeners = Arc::clone(&listener);
    thread::spawn(move || {
        while received.read_exact(&mut [0]).is_ok() {
            if let Some(listener) = &*listeners.lock().unwrap_or_else(PoisonError::into_inner) {
                listener();
            }
        }
    });
    Ok(Handlers { default_action_enabled, listener })
}
