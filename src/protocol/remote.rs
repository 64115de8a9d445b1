//! Repository remotes in one normal form.
