//! A kill and every fault at each call that touches files or sockets, under strace: for a run of the exporter, for the
//! hook, for the receiver while it stores, and for what forgets, repairs and backs up. Afterwards one normal run must bring
//! everything about, once.

mod backup;
mod exporter;
mod found;
mod hook;
mod receiver;
mod taking_back;
