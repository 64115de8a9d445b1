//! The receiver's side of the golden files in `fixtures/wire`: it gives the responses to the requests.

use crate::support::golden::{self, EXCHANGES, RESPONSE_VOLATILE};
use crate::support::running_receiver::*;

#[test]
fn receiver_gives_the_golden_responses_to_the_golden_requests() {
    for store in stores() {
        store.admin("org create acme --name Acme --owner github.com/acme-corp --owner gitlab.com/acme");
        store.admin("user create alice --org acme --account github.com/alice");
        let (key, receiver) = (store.key("alice"), store.serve());
        let alice = receiver.client(&key);
        for &(name, status) in EXCHANGES {
            let request = golden::read(&format!("{name}.request.json"));
            let response =
                alice.post("/api/sync", &[("content-encoding", "gzip")], &gzip(request.as_bytes()));
            assert_eq!(response.status, status, "{name}: {}", response.text);
            golden::assert_is(&format!("{name}.response.json"), response.text.as_bytes(), RESPONSE_VOLATILE);
        }
        let identity = alice.get("/api/sync/identity");
        golden::assert_is("identity.response.json", identity.text.as_bytes(), RESPONSE_VOLATILE);
        let unknown = receiver.client("han_key_that_nobody_has").get("/api/sync/identity");
        assert_eq!(unknown.status, 401);
        golden::assert_is("unauthorized.response.json", unknown.text.as_bytes(), RESPONSE_VOLATILE);
        let torn = alice.post("/api/sync", &[], b"{\"version\":\"1.0\"");
        assert_eq!(torn.status, 400);
        golden::assert_is("malformed.response.json", torn.text.as_bytes(), RESPONSE_VOLATILE);
    }
}
