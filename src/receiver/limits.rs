//! Limits of the receiver, each with its unit in its name and its reason beside it.

use super::time::SECOND_US;
use std::num::NonZero;
use std::time::Duration;

/// Bytes of a body as sent. Exporters cut batches at 4 MiB uncompressed; other clients may send more.
pub const BODY_BYTES_MAX: usize = 10 << 20;
/// Bytes of an inflated body.
pub const INFLATED_BYTES_MAX: usize = 20 << 20;
/// Sessions, messages and tasks in one batch, together: as many as [`ROW_BUDGET_BYTES`] can hold. A client of another make
/// may know no limit but this one.
pub const BATCH_ROWS_MAX: usize = ROW_BUDGET_BYTES / ROW_BYTES;
/// Messages in one batch that the identity advises: the maximum of an exporter's `batchSize`.
pub const BATCH_MESSAGES_ADVISED: usize = 10_000;
/// Nesting depth of a body. A payload is 5 levels deep; content is a string and does not count.
pub const JSON_DEPTH_MAX: usize = 32;
/// Limits of single values, which both ends know.
pub use crate::protocol::message::{ID_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX};
/// Bytes of a task's texts.
pub const TEXT_BYTES_MAX: usize = 256 << 10;

/// Clock skew that is accepted: a time further ahead counts as now, since clocks are off by minutes and not by hours.
pub const CLOCK_SKEW_US: i64 = 300 * SECOND_US;

/// From a connection's first byte to the end of the headers.
pub const HEADERS_TIMEOUT: Duration = Duration::from_secs(15);
/// Without a byte of the body: a stalled client must not hold memory.
pub const BODY_STALL_TIMEOUT: Duration = Duration::from_secs(15);
/// For a whole body: 10 MiB at 100 KiB/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(100);
/// For the store to ingest a batch or to execute a query. A transaction that takes longer is rolled back.
pub const WORK_TIMEOUT: Duration = Duration::from_secs(60);
/// For the deletions of a day, which nobody waits for.
pub const UPKEEP_TIMEOUT: Duration = Duration::from_secs(6 * 3_600);
/// For one statement of a batch: an exporter gives a request up after 30 s without progress.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// For the result of one statement of authentication: it reads a few rows by key, or writes one.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Added to the server's own timeout of a statement before a connection counts as silent.
pub const SILENCE_MARGIN: Duration = Duration::from_secs(5);
/// Age at which a connection to PostgreSQL is replaced, so that a server's memory, a changed address and a balancer's share follow.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(1_800);
/// Without a byte on a connection to PostgreSQL before the system asks whether the other end is there.
pub const STORE_KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Between two such questions, of which three are asked.
pub const STORE_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// For the other end of a connection to PostgreSQL to confirm what was sent.
pub const STORE_CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);
/// Without a request on an open connection: longer than proxies keep connections to a server by default (nginx 60 s), so that
/// a proxy does not send a request while this end closes.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(75);
/// After SIGTERM, while connections are still taken: load balancers ask every few seconds whether a server is ready.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// After that, for the responses to accepted requests.
pub const GRACEFUL_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Memory for bodies as received, of all requests together. A request that does not fit waits. Together with the other
/// budgets, the program and its connections the process stays below 256 MiB.
pub const BODY_BUDGET_BYTES: usize = 24 << 20;
/// Memory for inflated bodies and the texts of decoded ones, of all requests together.
pub const WORK_BUDGET_BYTES: usize = 64 << 20;
/// Memory for decoded rows besides their texts, of all requests together.
pub const ROW_BUDGET_BYTES: usize = 80 << 20;
/// Memory for a session, message or task besides its texts: decoded, and as a row on the way to the store.
pub const ROW_BYTES: usize = 1_536;
/// Buffer of each connection, for headers and for what is read of a body at once.
pub const CONNECTION_BUFFER_BYTES: usize = 64 << 10;
/// Memory for GraphQL queries and for their responses until they are written, of all requests together.
pub const QUERY_BUDGET_BYTES: usize = QUERIES_AT_WORK_MAX * QUERY_MEMORY_BYTES;
/// Memory for all other responses until they are written, so that these do not wait for queries.
pub const RESPONSE_BUDGET_BYTES: usize = 16 << 20;
/// Memory that a GraphQL query reserves while it is executed: its rows, and the response that is made of them.
pub const QUERY_MEMORY_BYTES: usize = 32 << 20;
/// Largest response that needs no reservation: as small as the buffers that a connection has anyway.
pub const UNCOUNTED_RESPONSE_BYTES: usize = 4 << 10;
/// Memory for request heads of more than [`UNCOUNTED_HEAD_BYTES`] that are not complete yet, of all connections together.
pub const HEAD_BUDGET_BYTES: usize = 16 << 20;
/// Bytes of a head that need no reservation. Heads of exporters have 500.
pub const UNCOUNTED_HEAD_BYTES: usize = 4 << 10;
/// Without progress of a response: the client has stopped reading.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// For memory to be released by other requests.
pub const MEMORY_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests whose rejected bodies are read and discarded at the same time, each through a buffer of its own. The
/// connections of others are closed with the response.
pub const DISCARDED_BODIES_MAX: usize = 256;
/// Requests in flight, those that wait for memory included. More wait for a permit.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 256;
/// Requests that wait for each of these permits but one: as many as there are connections. Each holds a connection and its head.
pub const WAITING_PER_PERMIT: usize = 16;
/// For a permit: an exporter gives a request up after 30 s.
pub const PERMIT_TIMEOUT: Duration = Duration::from_secs(20);
/// Divisor of the permits that one key may hold, so that slow uploads with one key leave permits to others. An exporter
/// sends one request at a time.
pub const KEY_SHARE_DIVISOR: usize = 4;
/// Open connections, as far as the limit of open files allows. A further one takes the place of the one that has waited
/// longest without a request.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Connections that wait in the system's queue to be accepted, as far as its own bound allows (`net.core.somaxconn`). A client that
/// finds it full tries again after 1, 3, 7, 15, 31 and 63 s. A passed socket has the backlog of its socket unit.
pub const LISTEN_BACKLOG: i32 = 4_096;
/// Open files besides connections: the store's, the runtime's, the log's, and connections that are being closed.
pub const OTHER_FILES_MAX: usize = 128;
/// Open connections of the metrics listener.
pub const METRICS_CONNECTIONS_MAX: usize = 32;
/// Divisor of the connections that one address may hold, and of the requests in flight that a trusted proxy may forward for
/// one address.
pub const ADDRESS_SHARE_DIVISOR: usize = 4;
/// Requests per key and minute, which is also the largest burst. An exporter that catches up sends a few a second.
pub const REQUESTS_PER_MINUTE: u32 = 1_200;
/// Unknown keys that one address may send in a minute, which is also the largest burst. Each costs a look-up in the store; an
/// office may have a few exporters with a revoked key, which come once an hour.
pub const UNKNOWN_KEYS_PER_MINUTE: u32 = 60;
/// Token buckets that are kept; full ones are evicted first.
pub const RATE_BUCKETS_MAX: usize = 10_000;
/// Longest `Retry-After` of a request that is rejected for load, in seconds.
pub const RETRY_AFTER_MAX_S: u64 = 20;
/// Requests a second that a receiver serves at least when it has many, by which `Retry-After` spreads the rejected ones before
/// more is known.
pub const SERVED_PER_SECOND_MIN: f64 = 100.0;

/// Sessions or messages in one page of a connection; a query for more gets these and a cursor.
pub const PAGE_MAX: usize = 200;
/// Sessions or messages in one page of a connection without `first`.
pub const PAGE_DEFAULT: usize = 50;
/// GraphQL: levels of nesting. The deepest query over the data has 9; an introspection query has 13.
pub const QUERY_DEPTH_MAX: usize = 15;
/// GraphQL: fields, those of a connection once for each possible node. A default page of sessions with a hundred messages
/// each and all their fields counts 130,000.
pub const QUERY_COMPLEXITY_MAX: usize = 300_000;
/// GraphQL: complexity of `metrics` besides its fields: it aggregates its whole range, so few fit in one query.
pub const METRICS_COMPLEXITY: usize = 10_000;
/// GraphQL: complexity of a field with a statement of its own in each tenant.
pub const LOOKUP_COMPLEXITY: usize = 500;
/// GraphQL: fields and fragments of a query, a fragment once for each use. A page of everything has 60.
pub const QUERY_FIELDS_MAX: usize = 5_000;
/// GraphQL: opening braces, brackets and parentheses of a query. The parser recurses at each.
pub const QUERY_BRACES_MAX: usize = 1_000;
/// Bytes of a GraphQL request.
pub const QUERY_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request for digests: four times as many as its ids can have.
pub const DIGESTS_BYTES_MAX: usize = 1 << 20;
/// Messages whose hashes one response lists.
pub const DIGEST_HASHES_MAX: usize = 100_000;
/// Rows for which a request for digests reserves memory: its ids, and the pages of messages that are counted at once.
pub const DIGESTS_ROWS: usize = 4_000;
/// GraphQL queries at work with one key, until their responses are written.
pub const QUERIES_PER_KEY_MAX: usize = 2;
/// Wait for one of them to end; then 429.
pub const QUERY_PERMIT_TIMEOUT: Duration = Duration::from_secs(1);
/// GraphQL queries at work with all keys together. Two, so that a short one need not wait for a long one.
pub const QUERIES_AT_WORK_MAX: usize = 2;
/// Wait for the queries of others; then 503.
pub const QUERY_TURN_TIMEOUT: Duration = Duration::from_secs(20);
/// For one statement of a query, so that a query over everything ends.
pub const QUERY_STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of rows that one query may read, without content.
pub const QUERY_READ_BYTES_MAX: i64 = 16 << 20;
/// Clients of one user that are kept in a tenant; the one that was not seen for longest goes first.
pub const CLIENTS_PER_USER_MAX: usize = 1_000;
/// Clients in one response of `syncStatus`.
pub const CLIENTS_PAGE_MAX: usize = 1_000;
/// Members of organizations in one response.
pub const MEMBERS_MAX: usize = 10_000;
/// Bytes of content in one GraphQL response: it is held in memory until it is sent.
pub const RESPONSE_CONTENT_BYTES_MAX: i64 = 16 << 20;
/// Rows of one `metrics` response.
pub const METRICS_ROWS_MAX: usize = 20_000;
/// Errors that are kept of a client's last batch with errors.
pub const CLIENT_ERRORS_MAX: usize = 20;
/// Conditions that are kept of a client: twice as many as there are.
pub const CLIENT_CONDITIONS_MAX: usize = 64;
/// Bytes of a condition's code.
pub const CONDITION_CODE_BYTES_MAX: usize = 64;
/// A device authorization that nobody has decided ends after ten minutes.
pub const DEVICE_CODE_LIFETIME_US: i64 = 600 * SECOND_US;
/// A machine that waits for a person asks at most this often.
pub const DEVICE_POLL_INTERVAL_US: i64 = 5 * SECOND_US;
/// Device authorizations that are pending, or have expired lately.
pub const DEVICE_CODES_MAX: i64 = 10_000;
/// Of these, those of one client address.
pub const DEVICE_CODES_PER_ADDRESS_MAX: i64 = 50;
/// Requests without a key to the endpoints of OAuth, per client address and minute: a machine that waits sends 12, and
/// several machines share an address.
pub const OAUTH_REQUESTS_PER_MINUTE: u32 = 240;
/// Wrong device codes per client address and minute.
pub const WRONG_CODES_PER_MINUTE: u32 = 5;
/// Bytes of a form.
pub const FORM_BYTES_MAX: usize = 8 << 10;
/// Characters of a machine's name.
pub const DEVICE_NAME_CHARS_MAX: usize = 100;
/// Sign-in to the page: a working day.
pub const PAGE_SESSION_US: i64 = 12 * 3_600 * SECOND_US;
/// Sign-ins of one user that are kept; the oldest one goes first.
pub const PAGE_SESSIONS_MAX: i64 = 50;
/// Rows of a table of the page.
pub const PAGE_ROWS: usize = 50;
/// Rows of each table of the overview; its CSV has all.
pub const OVERVIEW_ROWS: usize = 10;
/// Bytes of a CSV document: it is held in memory until it is sent.
pub const CSV_BYTES_MAX: usize = 12 << 20;
/// Bytes of the texts that are read at once for a CSV document, unless a single one has more.
pub const CSV_PART_BYTES: i64 = 1 << 20;
/// Characters of a key's label.
pub const KEY_LABEL_CHARS_MAX: usize = 100;
/// Bytes of the texts that one page of messages in the view of a session reads.
pub const SHOWN_TEXT_BYTES_MAX: i64 = 4 << 20;
/// Bytes of a message's text in the view of a session; the rest is in the CSV.
pub const SHOWN_CONTENT_BYTES: usize = 16 << 10;
/// For one request to the provider of sign-ins. A person waits for two or three of them.
pub const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a response of the provider: keys, metadata, or claims with thousands of groups.
pub const PROVIDER_RESPONSE_BYTES_MAX: u64 = 1 << 20;
/// Metadata and keys of the provider are fetched again after an hour.
pub const PROVIDER_METADATA_LIFETIME: Duration = Duration::from_secs(3_600);
/// A provider that has failed is asked again after this, so that sign-ins do not queue for its timeout.
pub const PROVIDER_FAILURE_LIFETIME: Duration = Duration::from_secs(2);
/// Between two fetches of the keys for tokens with an unknown one.
pub const PROVIDER_KEYS_INTERVAL: Duration = Duration::from_secs(60);
/// Sign-ins through the provider at a time, each with a thread that waits.
pub const PROVIDER_CALLS_MAX: usize = 8;
/// Of these, those of one client address, so that one cannot have all.
pub const PROVIDER_CALLS_PER_ADDRESS_MAX: usize = 4;
/// Wait for the sign-ins of others; then 503. As long as one request may take.
pub const PROVIDER_TURN_TIMEOUT: Duration = PROVIDER_TIMEOUT;
/// For the seconds between the page and the return from the provider: what a person needs for a password and a second factor.
pub const PROVIDER_ATTEMPT_SECONDS: u32 = 900;
/// Lifetime of a key that a device authorization makes: 90 days.
pub const KEY_LIFETIME_US: i64 = 90 * 86_400 * SECOND_US;
/// A key's last use is recorded at most this often, so that most requests cost no write.
pub const KEY_USE_RESOLUTION_US: i64 = 60 * SECOND_US;

/// Most statements of queries at a time, and threads that queries run on: half of the processors, so that batches have the
/// other half. More than there are queries at work would be idle.
pub fn query_statements_max() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    (processors / 2).clamp(1, QUERIES_AT_WORK_MAX)
}
