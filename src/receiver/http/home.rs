//! `GET /`: a page for whoever opens the receiver's address in a browser. It shows that it runs, and no data.

use super::answer::Answer;
use hyper::StatusCode;

const PAGE: &str = concat!(
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
    "<title>han-sync receiver</title>",
    "<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}code{background:#eee}</style>",
    "<h1>han-sync receiver</h1><p>Running, version ",
    env!("CARGO_PKG_VERSION"),
    ". Protocol 1.0.</p><p>Exporters send to <code>/api/sync</code>; questions go to <code>/graphql</code>. Both need ",
    "an API key, which an administrator makes with <code>han-sync-receiver admin key create LOGIN</code>.</p>",
    "<p><a href=/healthz>healthz</a> · <a href=/readyz>readyz</a></p></html>\n",
);

pub fn page() -> Answer {
    Answer::new(StatusCode::OK, "text/html; charset=utf-8", PAGE.into())
        .with_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
}
