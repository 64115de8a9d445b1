//! Content encodings of a request's body.

/// Encodings that a receiver announces in its identity, the preferred one first.
pub const ENCODINGS: [&str; 2] = ["zstd", "gzip"];
/// Binary logarithm of the largest window of zstd: 8 MiB, as RFC 9659 says.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The compression of a body: the value of `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentEncoding {
    /// None.
    Identity,
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames, each with a window of at most 2^[`ZSTD_WINDOW_LOG_MAX`] bytes.
    Zstd,
}

impl ContentEncoding {
    /// Name in headers and in the identity.
    pub fn name(self) -> &'static str {
        match self {
            ContentEncoding::Identity => "identity",
            ContentEncoding::Gzip => "gzip",
            ContentEncoding::Zstd => "zstd",
        }
    }

    /// The encoding of a name in any case; an empty name is none.
    pub fn of_name(name: &str) -> Option<ContentEncoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(ContentEncoding::Identity),
            "gzip" | "x-gzip" => Some(ContentEncoding::Gzip),
            "zstd" => Some(ContentEncoding::Zstd),
            _ => None,
        }
    }
}
