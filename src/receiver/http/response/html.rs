//! Responses for people: HTML, files of the page, redirects, and errors as HTML.
//!
//! Invariant: no response may be framed, or load anything from elsewhere.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::page::ErrorView;
use askama::Template;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// No script, nothing from elsewhere, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
];

/// Type of a document.
pub const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Renders a template.
pub fn render(view: &impl Template) -> Result<String, ApiError> {
    view.render().map_err(|error| {
        tracing::error!(error = %error, "a view cannot be rendered");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error: the view cannot be rendered")
    })
}

/// A response of HTML that was rendered without a query.
pub fn html(status: StatusCode, view: &impl Template) -> Result<Response, ApiError> {
    let text = render(view)?;
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    Ok(with_headers(response))
}

/// A response of a static file.
pub fn file(content_type: &'static str, text: &'static str) -> Response {
    with_headers(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// A redirect that a browser follows with GET.
pub fn see_other(path: &str) -> Result<Response, ApiError> {
    let location =
        HeaderValue::from_str(path).map_err(|_| ApiError::bad_request("the address cannot be read"))?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(with_headers(response))
}

/// The page of an error, with its status; the body alone is another.
pub fn error_page(status: StatusCode, message: &str, request_id: &str) -> Option<Response> {
    let view = ErrorView::new(status.as_u16(), message.to_owned(), request_id.to_owned());
    html(status, &view).ok()
}

/// The response with the headers of the page.
pub fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
