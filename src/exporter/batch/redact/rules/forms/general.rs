//! Keys of any provider whose prefix says that they are one: an environment, or the word for a key. Last of the forms, since a
//! provider's own form names the key better.

use crate::exporter::batch::redact::rule::{Boundary, Check, Documentation, Rule, source, token};

const PREFIXES: Documentation = source(
    "GitHub: authentication token formats",
    "https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/",
);

#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("api_key", &["_live_", "_test_", "_prod_", "_production_", "_sandbox_", "_staging_", "-live-", "-prod-"], "[_-](?:live|test|prod|production|sandbox|staging)[_-](?P<secret>[A-Za-z0-9_-]{24,})")
        .boundary(Boundary::Anything)
        .check(Check::Unworded)
        .documented(PREFIXES)
        .examples("acme_live_«%{b62:40}»", "integration_test_getAccessTokenFromTheRequest2Twice3"),
    token("api_key", &["_sk_", "_pat_", "_key_", "_apikey_", "_secret_", "_token_", "_api_", "-sk-", "-pat-", "-key-", "-api-", "-token-", "-secret-"], "[_-](?:sk|pat|key|apikey|secret|token|api)[_-](?P<secret>[A-Za-z0-9_-]{24,})")
        .boundary(Boundary::Anything)
        .check(Check::Unworded)
        .documented(PREFIXES)
        .examples("acme_pat_«%{b62:40}»", "acme-api-getAccessTokenFromTheRequest2Twice3"),
    token("api_key", &["pat_", "key_", "apikey_", "secret_", "token_", "pat-", "apikey-"], "(?:pat|key|apikey|secret|token)[_-](?P<secret>[A-Za-z0-9]{28,})")
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .documented(PREFIXES)
        .examples("pat_«%{b62:40}»", "key_getAccessTokenFromTheRequest2Twice3"),
];
