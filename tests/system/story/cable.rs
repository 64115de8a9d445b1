//! The network between a machine and a receiver, which a test can cut.

use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A forwarded address. Its threads end with the process.
pub struct Cable {
    address: SocketAddr,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    /// Leads to the server at a URL without a path.
    pub fn to(base: &str) -> Cable {
        let target: SocketAddr = base.rsplit('/').next().unwrap().parse().expect("an address");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener on a loopback address");
        let address = listener.local_addr().expect("a bound listener has an address");
        let cable = Cable { address, is_cut: Arc::default(), open: Arc::default() };
        let (is_cut, open) = (Arc::clone(&cable.is_cut), Arc::clone(&cable.open));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A client that is dropped sees its connection closed.
                let server = TcpStream::connect(target).ok().filter(|_| !is_cut.load(Ordering::SeqCst));
                let Some(server) = server else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    open.lock().unwrap().push(from.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        cable
    }

    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts every connection, and takes no more.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}
