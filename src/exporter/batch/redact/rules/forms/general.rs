//! Keys of any provider whose form says that they are one: a prefix, an environment or the word for a key before many random
//! letters of both cases and digits. Last of the forms, since a provider's own form names the key better.

use crate::exporter::batch::redact::rule::{Boundary, Check, Documentation, Prefix, Rule, source, token};

const PREFIXES: Documentation = source(
    "GitHub: authentication token formats",
    "https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/",
);

// Names that begin with `pu` are left out of the first: they are mostly those of public keys.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    token("api_key", &["_live_", "_test_", "_prod_", "_production_", "_sandbox_", "_staging_", "-live-", "-prod-"], "(?:[a-oq-z][a-z0-9_-]{1,23}|p[a-tv-z][a-z0-9_-]{1,22})[_-](?:live|test|prod|production|sandbox|staging)[_-][A-Za-z0-9_-]{24,}")
        .prefix(Prefix::Name { max: 24 })
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .token_chars(24)
        .documented(PREFIXES)
        .examples("«acme_live_7%{b62:38}4»", "pk_live_%{b62:40}"),
    token("api_key", &["_sk_", "_pat_", "_key_", "_apikey_", "_secret_", "_token_", "_api_", "-sk-", "-pat-", "-key-", "-api-", "-token-", "-secret-"], "[A-Za-z][A-Za-z0-9_-]{1,23}[_-](?:sk|pat|key|apikey|secret|token|api)[_-][A-Za-z0-9_-]{24,}")
        .prefix(Prefix::Name { max: 24 })
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .token_chars(24)
        .documented(PREFIXES)
        .examples("«acme_pat_7%{b62:38}4»", "acme-api-getAccessTokenFromTheRequest2Twice3"),
    token("api_key", &["live_", "pat_", "key_", "apikey_", "secret_", "token_", "pat-", "apikey-"], "(?:live|pat|key|apikey|secret|token)[_-][A-Za-z0-9]{28,}")
        .boundary(Boundary::NoName)
        .check(Check::Unworded)
        .token_chars(24)
        .documented(PREFIXES)
        .examples("«pat_7%{b62:38}4»", "key_getAccessTokenFromTheRequest2Twice3"),
];
