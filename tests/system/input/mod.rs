//! Databases, folders, stores and clocks that are not what they should be. Nothing is lost by any of them, nothing hangs, and
//! the user is told what is wrong and what to do.

mod clock;
mod database;
mod descriptors;
mod folder;
mod resource_limits;
mod machine;
mod mounted;
mod store;
