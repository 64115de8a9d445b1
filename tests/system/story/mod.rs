//! A person at a real terminal, from a fresh home to one that is as it was before.

mod cable;
mod documents;
mod life;
mod person;
