//! The schema, built once for all requests.

use super::context;
use super::query::Query;
use crate::receiver::limits::{QUERY_COMPLEXITY_MAX, QUERY_DEPTH_MAX};
use crate::receiver::store::QueryReader;
use async_graphql::{EmptyMutation, EmptySubscription, Request, Schema};

/// Schema of the API: queries alone.
pub type SyncSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// Builds the schema with its limits.
pub fn schema() -> SyncSchema {
    Schema::build(Query, EmptyMutation, EmptySubscription)
        .limit_depth(QUERY_DEPTH_MAX)
        .limit_complexity(QUERY_COMPLEXITY_MAX)
        .finish()
}

/// Prepares a request of the reader's user.
pub fn for_reader(request: Request, reader: QueryReader) -> Request {
    context::attach(request, reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::SDLExportOptions;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/graphql/schema.graphql");

    /// The schema is an interface: a change of the golden file is a change for every client. `HAN_SYNC_UPDATE_GOLDEN=1`
    /// writes the file; review the difference.
    #[test]
    fn schema_equals_the_golden_file() {
        let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
        let sdl = schema().sdl_with_options(options);
        if std::env::var_os("HAN_SYNC_UPDATE_GOLDEN").is_some() {
            std::fs::write(GOLDEN, &sdl).unwrap();
        }
        assert_eq!(sdl, std::fs::read_to_string(GOLDEN).unwrap(), "{GOLDEN}");
    }
}
