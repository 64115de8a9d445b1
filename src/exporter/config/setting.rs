//! A setting: a value together with its origin, so that an error and `explain` can name the place to change.

use std::fmt;
use std::path::{Path, PathBuf};

/// The layer that a setting comes from, by precedence from lowest to highest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A file, by its path.
    File(PathBuf),
    /// An environment variable, by its name.
    Environment(&'static str),
    /// A command-line flag, by its name.
    Flag(&'static str),
}

impl Origin {
    /// True for a flag.
    pub fn is_flag(&self) -> bool {
        matches!(self, Origin::Flag(_))
    }

    /// True for an environment variable.
    pub fn is_environment(&self) -> bool {
        matches!(self, Origin::Environment(_))
    }

    /// True for this file.
    pub fn is_file(&self, path: &Path) -> bool {
        matches!(self, Origin::File(file) if file == path)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the default"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Environment(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// Value in force.
    pub value: T,
    /// Place where the value was set.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that no layer sets.
    pub(super) fn default(value: T) -> Setting<T> {
        Setting { value, origin: Origin::Default }
    }

    /// A value of an environment variable.
    pub(super) fn from_environment(name: &'static str, value: T) -> Setting<T> {
        Setting { value, origin: Origin::Environment(name) }
    }
}
