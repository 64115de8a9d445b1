//! Delivery that survives anything the network and the receiver do: the real exporter against a receiver that fails.
//!
//! Every test ends with the same two questions, whatever else it asks: is everything there, and is anything there
//! twice? One file a promise of contract 1, 3 and 5.

mod responses;
mod backoff;
mod commands;
mod edge_cases;
mod destination;
mod encodings;
mod hook;
mod gateway;
mod hook_environment;
mod https;
mod outage;
mod queue;
mod reading_ahead;
mod fast_path;
mod forget;
mod bad_rows;
mod lock;
mod rejection;
mod signals;
mod simulated_clock;
mod slow_network;
mod source_link;
mod state_folder;
mod verify;
