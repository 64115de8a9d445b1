//! What the receiver takes, in one place: each limit with its unit in its name and its reason beside it.

use std::time::Duration;

/// Bytes of a body as sent. Exporters cut batches at 4 MiB uncompressed; this is room for other makes.
pub const BODY_BYTES_MAX: usize = 10 << 20;
/// Bytes of a body inflated.
pub const INFLATED_BYTES_MAX: usize = 20 << 20;
/// Messages, and tasks, in one batch: the most that an exporter's `batchSize` can be set to.
pub const BATCH_ROWS_MAX: usize = 10_000;
/// Nesting of a body. A payload is 5 deep; content is a string and does not count.
pub const JSON_DEPTH_MAX: usize = 32;
/// Bytes of an id, a type, a model: they stand in index keys, which PostgreSQL bounds.
pub const ID_BYTES_MAX: usize = 256;
/// Bytes of a slug, a status, a tool's name.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Bytes of a task's texts.
pub const TEXT_BYTES_MAX: usize = 256 << 10;
/// JavaScript's largest safe integer: the protocol's numbers stay below 2^53.
pub const NUMBER_MAX: i64 = (1 << 53) - 1;

/// A time further ahead than this counts as now: clocks are off by minutes, not more.
pub const CLOCK_SKEW_US: i64 = 300 * super::time::SECOND_US;

/// From a connection's first byte to the end of its headers.
pub const HEADERS_TIMEOUT: Duration = Duration::from_secs(15);
/// Without a byte of the body: a stalled sender must not hold memory.
pub const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(15);
/// For a whole body: 10 MiB at 100 KiB/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(100);
/// For the store to take a batch or to answer a question. What is not done by then is undone, and the sender comes again.
pub const WORK_TIMEOUT: Duration = Duration::from_secs(60);
/// After SIGTERM, for what was accepted to be answered.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory for bodies as they come, of all requests together. What does not fit waits; so for what follows.
pub const WIRE_BYTES_MAX: usize = 40 << 20;
/// Memory for bodies inflated and decoded, of all requests together: so that two large ones are decoded at once. With the
/// wire's, the program itself and what lies idle between them it stays below 256 MiB.
pub const WORK_BYTES_MAX: usize = 96 << 20;
/// What a message or task costs besides its texts: decoded, and as a row on its way to the store.
pub const ROW_BYTES: usize = 2 << 10;
/// A message or task in a body has at least so many bytes: its members' names alone take most of them.
pub const WIRE_ROW_BYTES_MIN: usize = 96;
/// For each connection's headers and what is read of a body at once; a connection keeps it.
pub const CONNECTION_BUFFER_BYTES: usize = 64 << 10;
/// What a GraphQL request counts as: a full answer.
pub const ANSWER_BYTES: usize = 16 << 20;
/// To wait for memory.
pub const MEMORY_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests at work at once, those that wait for memory too. More are told to come again.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 256;
/// One key has one place in so many: whoever uploads slowly with it leaves places to others. An exporter sends one
/// request at a time.
pub const REQUESTS_OF_ONE_KEY: usize = 4;
/// Connections open at once; beyond this they wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Requests per key and minute, and at most so many in one burst. A run that catches up sends a few a second.
pub const REQUESTS_PER_MINUTE: u32 = 1_200;
/// Keys whose rate is remembered; the least used are forgotten first.
pub const RATES_MAX: usize = 10_000;
/// What a request turned away for load is told to wait, in seconds.
pub const BUSY_RETRY_AFTER_S: u64 = 2;

/// Sessions or messages in one page of a connection; who asks for more gets these and a cursor.
pub const PAGE_MAX: usize = 200;
pub const PAGE_DEFAULT: usize = 50;
/// GraphQL: levels of nesting. The schema's deepest sensible question has 9; tools that ask for the schema itself need 13.
pub const QUERY_DEPTH_MAX: usize = 15;
/// GraphQL: fields, counting a connection's once for each of its possible nodes. A default page of sessions with a hundred
/// messages each and all their fields comes to 130,000.
pub const QUERY_COMPLEXITY_MAX: usize = 300_000;
/// GraphQL: what `metrics` counts besides its fields: it adds up everything in its range. So do not many fit in a question.
pub const METRICS_COMPLEXITY: usize = 10_000;
/// GraphQL: what a field counts that asks the store by itself, once in each tenant.
pub const LOOKUP_COMPLEXITY: usize = 500;
/// GraphQL: fields and fragments of a question, fragments counted wherever they are named. A page of everything has 60.
pub const QUERY_BREADTH_MAX: usize = 5_000;
/// GraphQL: opening braces and brackets of a question. Reading them nested takes stack for each.
pub const QUERY_BRACES_MAX: usize = 1_000;
/// Bytes of a GraphQL request.
pub const QUERY_BYTES_MAX: usize = 64 << 10;
/// Rows of one `metrics` answer.
pub const METRICS_ROWS_MAX: usize = 20_000;
/// Errors kept of a client's last batch with errors.
pub const CLIENT_ERRORS_MAX: usize = 20;
/// A key is marked as used at most this often, so that a request costs no write.
pub const KEY_USE_RESOLUTION_US: i64 = 60 * super::time::SECOND_US;
