//! `GET /device`: the page that a person opens to approve a machine. It names the operator's command, and shows no data.

use axum::extract::RawQuery;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse};

/// Renders the page. Of the query only a user code is shown.
pub async fn device(RawQuery(query): RawQuery) -> impl IntoResponse {
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    ([(CONTENT_SECURITY_POLICY, policy)], Html(page(user_code(query.as_deref()).unwrap_or("CODE"))))
}

/// The user code in a query, if it has the form of one.
fn user_code(query: Option<&str>) -> Option<&str> {
    let code = query?.split('&').find_map(|pair| pair.strip_prefix("user_code="))?;
    let has_form = code.len() == 9
        && code
            .bytes()
            .enumerate()
            .all(|(at, letter)| if at == 4 { letter == b'-' } else { letter.is_ascii_alphabetic() });
    has_form.then_some(code)
}

fn page(code: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Approve a machine · han-sync</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}}code{{background:#eee}}</style>\
         <h1>Approve a machine</h1>\
         <p>A machine asks for a key with the code <code>{code}</code>. Approve it only if you have just run \
         <code>han-sync login</code> there and it shows the same code.</p>\
         <p>An administrator approves it on the receiver's machine, with your login name:</p>\
         <pre>han-sync-receiver admin device approve {code} --user LOGIN</pre>\
         <p>To see which machines wait: <code>han-sync-receiver admin device list</code>; to refuse: \
         <code>han-sync-receiver admin device deny {code}</code>.</p></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_code_is_taken_from_the_query() {
        assert_eq!(user_code(Some("user_code=BCDF-GHJK")), Some("BCDF-GHJK"));
        assert_eq!(user_code(Some("a=b&user_code=bcdf-ghjk&c")), Some("bcdf-ghjk"));
        for query in ["user_code=<script>", "user_code=BCDFGHJK", "user_code=BC%3C-GHJK", "user_code="] {
            assert_eq!(user_code(Some(query)), None, "{query}");
        }
    }
}
