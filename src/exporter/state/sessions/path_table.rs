//! A table of paths to which records refer by position, so that each path is written once.
//!
//! Invariant: a position never changes. The paths of a file are appended as it lists them, so that records find theirs also
//! after one that another program has listed twice.

use std::collections::HashMap;
use std::sync::Arc;

/// Paths by position, and the first position of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PathTable {
    paths: Vec<Arc<str>>,
    positions: HashMap<Arc<str>, u32>,
}

impl PathTable {
    /// Returns the path at a position.
    pub fn get(&self, position: u32) -> Option<&Arc<str>> {
        self.paths.get(position as usize)
    }

    /// Returns the position of a path, which is appended if it is new.
    pub fn add(&mut self, path: &str) -> u32 {
        self.positions.get(path).copied().unwrap_or_else(|| self.append(path.into()))
    }

    /// Appends a path, and returns its position.
    pub fn append(&mut self, path: Arc<str>) -> u32 {
        let position = self.paths.len() as u32;
        self.positions.entry(path.clone()).or_insert(position);
        self.paths.push(path);
        position
    }

    /// Iterates over the paths in the order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.paths.iter()
    }
}
