//! A kill and every fault at each call that touches files or sockets, under strace: for a run of the exporter, for the
//! hook, and for the receiver while it stores. Afterwards one normal run must bring everything about, once.

mod exporter;
mod found;
mod hook;
mod receiver;
