//! Responses of the page: HTML, CSV, redirects, and errors as HTML.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::response;
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::page::ErrorView;
use crate::receiver::store::{Principal, QueryReader};
use askama::Template;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// No script, nothing from elsewhere, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
];

/// Form of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    Html,
    /// CSV, with the name of the file.
    Csv(&'static str),
}

impl ReplyForm {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            ReplyForm::Html => "text/html; charset=utf-8",
            ReplyForm::Csv(_) => "text/csv; charset=utf-8; header=present",
        })
    }
}

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
    response.headers_mut().insert(CONTENT_TYPE, ReplyForm::Html.content_type());
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

/// Reads a view on the threads and within the limits of queries, and responds with it.
pub async fn respond<F>(
    state: &Arc<AppState>,
    principal: &Principal,
    form: ReplyForm,
    work: impl FnOnce(QueryReader) -> F,
) -> Result<Response, ApiError>
where
    F: Future<Output = Result<String, ApiError>> + Send + 'static,
{
    let permit = state.queries.acquire(&principal.key_id).await?;
    let turn = state.queries.begin().await?;
    let reservation = state.memory.reserve_query().await?;
    let view = work(state.reader(principal.clone()));
    let executed = state.query_threads.run(async move {
        // The turn ends with the work, also when nobody waits for it any longer.
        let _turn = turn;
        view.await
    });
    let text = within_work_timeout(executed).await?;
    let mut response = response::within(form.content_type(), text.into_bytes(), reservation, permit);
    if let ReplyForm::Csv(name) = form
        && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""))
    {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    Ok(with_headers(response))
}

/// The response with the headers of the page.
pub fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
