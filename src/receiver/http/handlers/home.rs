//! `GET /`: a static page for a person who opens the receiver's address in a browser. It shows no data.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse};

const PAGE: &str = concat!(
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
    "<title>han-sync receiver</title>",
    "<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}code{background:#eee}</style>",
    "<h1>han-sync receiver</h1><p>Running, version ",
    env!("CARGO_PKG_VERSION"),
    ". Protocol 1.0.</p><p>Exporters send to <code>/api/sync</code>; GraphQL queries go to <code>/graphql</code>. Both need ",
    "an API key, which an administrator creates with <code>han-sync-receiver admin key create LOGIN</code>.</p>",
    "<p><a href=/healthz>healthz</a> · <a href=/readyz>readyz</a></p></html>\n",
);

/// Renders the page.
pub async fn home() -> impl IntoResponse {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    ([(CONTENT_SECURITY_POLICY, policy)], Html(PAGE))
}
