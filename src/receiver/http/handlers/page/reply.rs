//! Responses with a view of stored data, as HTML or CSV.

use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::response;
use crate::receiver::http::response::html::{HTML, with_headers};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::store::{Principal, QueryReader};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Form of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    Html,
    /// CSV, with the name of the file.
    Csv(&'static str),
}

impl ReplyForm {
    fn content_type(self) -> HeaderValue {
        match self {
            ReplyForm::Html => HTML,
            ReplyForm::Csv(_) => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
        }
    }

    /// Adds the name of the file and the headers of the page.
    fn finish(self, mut response: Response) -> Response {
        if let ReplyForm::Csv(name) = self
            && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""))
        {
            response.headers_mut().insert(CONTENT_DISPOSITION, value);
        }
        with_headers(response)
    }
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
    let response = response::within(form.content_type(), text.into_bytes(), reservation, permit);
    Ok(form.finish(response))
}

/// Responds with a small CSV document that was read without a query.
pub fn csv_file(name: &'static str, text: String) -> Response {
    let form = ReplyForm::Csv(name);
    form.finish(([(CONTENT_TYPE, form.content_type())], text).into_response())
}
