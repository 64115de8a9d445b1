//! A kill and every fault at each call that touches files or sockets, under strace: for a run of the exporter, for the
//! hook, for the receiver while it stores, and for what forgets, repairs and backs up. Afterwards one normal run must bring
//! everything about, once.

mod backup;
mod exporter;
mod found;
mod hook;
mod receiver;
mod taking_back;

/// Tokio's messages when it aborts on an error that the kernel never returns for tokio's own descriptors.
/// Such an abort counts as a kill.
const IMPOSSIBLE: &[&str] = &[
    "failed to create UnixStream",
    "failed to wake I/O driver",
    "unexpected error when polling the I/O driver",
];

/// True if a receiver says that tokio has given up.
fn tokio_gave_up(stderr: &str) -> bool {
    IMPOSSIBLE.iter().any(|words| stderr.contains(words))
}
