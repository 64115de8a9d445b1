//! HTTP/1.1 as the test receiver needs it: requests are kept byte for byte, responses are written as told, wrong or not.
//!
//! The implementation is not general: it reads one request and fails on anything that it does not understand,
//! so that a client that sends something odd is noticed.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// No request head of the exporter's comes near this.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// More than any batch a test sends, and little enough for a test machine.
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Request line and headers.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
}

impl RequestHead {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads request line and headers. `None`: the client closed an idle connection.
pub fn read_head<R: Read>(stream: &mut BufReader<R>) -> io::Result<Option<RequestHead>> {
    let mut lines = Vec::new();
    let mut head_bytes = 0;
    loop {
        let mut line = Vec::new();
        let read = stream.by_ref().take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
        head_bytes += read as u64;
        if read == 0 && lines.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\r\n") || head_bytes > HEAD_BYTES_MAX {
            return Err(invalid("a request head that does not end"));
        }
        line.truncate(line.len() - 2);
        if line.is_empty() {
            break;
        }
        lines.push(String::from_utf8(line).map_err(|_| invalid("a request head that is no UTF-8"))?);
    }
    let mut lines = lines.into_iter();
    let request_line = lines.next().unwrap_or_default();
    let mut words = request_line.split(' ');
    let (Some(method), Some(path), Some("HTTP/1.1")) = (words.next(), words.next(), words.next()) else {
        return Err(invalid("a request line of another make"));
    };
    let headers = lines
        .map(|line| line.split_once(':').map(|(key, value)| (key.to_owned(), value.trim().to_owned())))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| invalid("a header without a colon"))?;
    Ok(Some(RequestHead { method: method.to_owned(), path: path.to_owned(), headers }))
}

/// Reads the body that the head announces, as it is on the wire.
pub fn read_body<R: Read>(head: &RequestHead, stream: &mut BufReader<R>) -> io::Result<Vec<u8>> {
    if head.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(stream);
    }
    let length = match head.header("content-length") {
        None => 0,
        Some(length) => length.parse().map_err(|_| invalid("a content length that is no number"))?,
    };
    if length > BODY_BYTES_MAX {
        return Err(invalid("a body beyond every bound"));
    }
    let mut body = Vec::new();
    stream.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn read_chunks<R: Read>(stream: &mut BufReader<R>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        stream.by_ref().take(64).read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| invalid("a chunk without a size"))?;
        stream.by_ref().take(size).read_to_end(&mut body)?;
        let mut end = String::new();
        stream.by_ref().take(64).read_line(&mut end)?;
        if end != "\r\n" || body.len() as u64 > BODY_BYTES_MAX {
            return Err(invalid("a chunk that does not end"));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Inflates a body within a bound.
pub fn gunzip(wire: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    GzDecoder::new(wire).take(BODY_BYTES_MAX).read_to_end(&mut body)?;
    Ok(body)
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// Inflates one frame of zstd within a bound.
pub fn unzstd(wire: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(BODY_BYTES_MAX as usize);
    zstd_safe::decompress(&mut body, wire).map_err(|code| invalid(zstd_safe::get_error_name(code)))?;
    Ok(body)
}

/// Status line and headers of a response.
pub fn response_head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        207 => "Multi-Status",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

pub fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
