//! What leaves the machine, and how a person can see it beforehand: the real exporter, a receiver that records.
//!
//! One file a promise of contract 4 and 6: what `preview` shows is what is sent, `explain` names every rule, identity
//! and narrowings fail closed, and nothing but the wire table's fields is ever on the wire.

mod explain;
mod identity;
mod leaks;
mod project_override;
mod preview;
mod scene;
