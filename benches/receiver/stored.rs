//! A batch into a store of many messages against one into a store of few.
//!
//! The stores are filled in SQL, as batches of 20 users would have: sessions of 250 messages with their locations, an answer
//! to every sixth message, sums by day, model and type. The sums are rows of the right number and size, not a recount:
//! what is measured is finding one's store among them. A filled store is kept on the server for the next run, and takes
//! up to 60 batches more in each: a server that `scripts/with-postgres` starts takes it away with itself.

use super::bodies::{BATCH, bodies};
use super::speed::{Sender, UNBOUNDED, users};
use super::support::running_receiver::{TestStore, sql};
use super::{Measure, Sizes, median};

/// Users whose messages are stored, besides the one who sends.
pub const USERS: usize = 20;
/// Batches of each measurement.
const BATCHES: usize = 10;

/// Days since 1970 over which sessions are spread.
pub struct Days {
    pub first: u64,
    pub count: u64,
}

pub fn measure(sizes: &Sizes) -> Vec<Measure> {
    let stores = [sizes.stored_few, sizes.stored].map(|messages| {
        let store = filled(messages);
        let key = store.key(&format!("user{USERS}"));
        let receiver = store.serve_with(&UNBOUNDED);
        let sender = Sender::new(&receiver, &key);
        (store, receiver, sender)
    });
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..=sizes.rounds {
        eprintln!("stored: round {round} of {}", sizes.rounds);
        for (which, (_, _, sender)) in stores.iter().enumerate() {
            // Another run's are there already.
            let name = format!("stored {round} {}", std::process::id());
            let bodies = bodies(&name, BATCHES * BATCH, 0);
            let cost = median(bodies.iter().map(|body| sender.deliver(std::slice::from_ref(body))));
            if round > 0 {
                costs[which].push(cost * 1_000.0);
            }
        }
    }
    let [few, many] = &costs;
    vec![Measure {
        name: format!("a batch into {} messages against one into {}", sizes.stored, sizes.stored_few),
        ours: format!("{:.1} ms", median(many.iter().copied())),
        against: format!("{:.1} ms", median(few.iter().copied())),
        ratio: format!("{:.2}", median(many.iter().zip(few).map(|(many, few)| many / few))),
        target: "≤ 1.3".to_owned(),
    }]
}

/// A store with so many messages: one that an earlier run has filled, or a new one.
fn filled(messages: usize) -> TestStore {
    let server = std::env::var("HAN_SYNC_TEST_POSTGRES").expect("HAN_SYNC_TEST_POSTGRES");
    let (root, _) = server.rsplit_once('/').expect("a URL that names a database");
    let (name, half_filled) = (format!("han_bench_{messages}"), format!("han_bench_{messages}_filling"));
    let store = TestStore::at(&format!("{root}/{name}"));
    if sql(&server, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).is_empty() {
        eprintln!("stored: filling with {messages} messages");
        sql(&server, &format!("DROP DATABASE IF EXISTS {half_filled}"));
        sql(&server, &format!("CREATE DATABASE {half_filled}"));
        let filling = TestStore::at(&format!("{root}/{half_filled}"));
        users(&filling, USERS + 1);
        fill(&filling, messages, Days { first: 20_000, count: 365 });
        sql(&server, &format!("ALTER DATABASE {half_filled} RENAME TO {name}"));
    }
    store
}

/// Fills the store of an organization and its users. Indexes are made afterwards, which is quicker.
pub fn fill(store: &TestStore, messages: usize, Days { first, count }: Days) {
    // The schema's own definitions, so that what is made again is what was there.
    let names = "('messages_pkey', 'messages_in_order')";
    let indexes =
        store.query(&format!("SELECT indexdef FROM pg_indexes WHERE indexname IN {names} ORDER BY 1"));
    store.execute("ALTER TABLE messages DROP CONSTRAINT messages_pkey; DROP INDEX messages_in_order");
    let sessions = messages.div_ceil(250);
    store.execute(&format!(
        "CREATE TABLE filled AS SELECT o.tenant_id, u.tenant_id AS user_id, gen_random_uuid()::text AS session_id, \
           {first} + n % {count} AS day FROM generate_series(1, {sessions}) n \
           JOIN tenants u ON u.handle = 'user' || n % {USERS} CROSS JOIN tenants o WHERE o.handle = 'acme'; \
         INSERT INTO session_locations (tenant_id, session_id, stored_in) SELECT user_id, session_id, tenant_id FROM filled; \
         INSERT INTO sessions (tenant_id, session_id, user_id, repository, project_slug, status, slug, harness, inclusion, \
           last_modified, modified_at, total_message_count, message_count, stored_at) \
           SELECT tenant_id, session_id, user_id, 'https://github.com/acme-corp/api', 'api', 'active', 'a-session', \
             'claude-code', 'organization', '2025-03-01T18:00:00.000Z', day * 86400000000, 250, 250, day * 86400000000 \
           FROM filled; \
         INSERT INTO metrics (tenant_id, user_id, session_id, day, model, message_type, branch, repository, \
           pull_request, messages, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, \
           cache_creation_1h_tokens, lines_added, lines_removed, tasks_completed) \
           SELECT tenant_id, user_id, session_id, day, model, type, 'main', 'https://github.com/acme-corp/api', 0, 50, 1000, \
             1000, 1000, 1000, 0, 0, 0, 0 FROM filled CROSS JOIN (VALUES ('', 'user'), ('', 'tool_result'), \
             ('claude-sonnet-4-5-20250929', 'assistant'), ('claude-sonnet-4-5-20250929', 'tool_use')) AS kinds (model, type); \
         INSERT INTO messages (tenant_id, session_id, message_id, user_id, stream, line_number, message_type, \"timestamp\", \
           at, content_hash, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, parent_id, role, model, \
           usage_id) \
           SELECT tenant_id, session_id, gen_random_uuid()::text, user_id, 'main', line, 'assistant', \
             '2025-03-01T18:00:00.000Z', day * 86400000000 + line * 1000000, to_hex((random() * 1e18)::bigint), 50, 1000, \
             50000, 2500, gen_random_uuid()::text, 'assistant', 'claude-sonnet-4-5-20250929', \
             CASE WHEN line % 6 = 0 THEN substr(md5(session_id || line), 1, 16) END \
           FROM filled CROSS JOIN generate_series(1, 250) line; \
         INSERT INTO usages (tenant_id, user_id, usage_id, input_tokens, output_tokens, cache_read_tokens, \
           cache_creation_tokens, at, line_number, message_type, session_id, message_id, model, last_at, cache_creation_1h_tokens, branch) \
           SELECT tenant_id, user_id, usage_id, 50, 1000, 50000, 2500, at, line_number, message_type, session_id, message_id, \
             model, at, 0, 'main' FROM messages WHERE usage_id IS NOT NULL ON CONFLICT DO NOTHING; \
         DROP TABLE filled"
    ));
    for index in indexes {
        store.execute(index[0].as_deref().expect("a definition"));
    }
    store.execute("ALTER TABLE messages ADD PRIMARY KEY USING INDEX messages_pkey");
    store.execute("VACUUM ANALYZE");
    store.execute("CHECKPOINT");
}
