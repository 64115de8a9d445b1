//! `/`: the overview, its tables as CSV, and the files of the page.

use super::page_user::{MaybePageUser, PageUser};
use super::reply::{ReplyForm, respond};
use super::sign_in::SignInPage;
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::response::html::{file, html, render};
use crate::receiver::http::state::{AppState, within_work_timeout};
use crate::receiver::page::{
    Breakdown, BreakdownRows, FirstVisit, ICON, OverviewData, STYLE_SHEET, ViewFilter, breakdown_table, csv,
    overview_view,
};
use crate::receiver::store::{MetricsRow, Principal, QueryReader, SessionQuery, StoreError};
use crate::receiver::time;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The overview; a form to sign in for others, or the first steps where there is nobody yet.
pub async fn get_overview(
    State(state): State<Arc<AppState>>,
    MaybePageUser(user): MaybePageUser,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(user) = user else {
        if !within_work_timeout(state.store.has_users()).await? {
            return html(StatusCode::OK, &FirstVisit::default());
        }
        let page = SignInPage { state: &state, headers: &headers, next: "/" };
        return page.respond(StatusCode::OK, None);
    };
    let filter = filter(query)?;
    let token = user.token();
    let principal = user.principal.clone();
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let data = read(&reader, &principal, &filter).await?;
        render(&overview_view(&principal, token, &filter, data))
    })
    .await
}

/// Responds with the rows of a table of the overview, all of them.
pub async fn get_overview_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query)?;
    let principal = user.principal.clone();
    let name = filter.by.as_deref().unwrap_or("day");
    let breakdown = Breakdown::parse(name).filter(|breakdown| Breakdown::all(&principal).contains(breakdown));
    let Some(breakdown) = breakdown else {
        return Err(ApiError::bad_request(
            "by must be day, repository, branch, pr, model, or for administrators user",
        ));
    };
    respond(&state, &user.principal, ReplyForm::Csv("overview"), |reader| async move {
        let rows = read_breakdown(&reader, &filter, breakdown).await?;
        Ok(csv(&breakdown_table(&principal, breakdown, &filter, &rows)))
    })
    .await
}

/// The style sheet.
pub async fn get_style_sheet() -> Response {
    file("text/css; charset=utf-8", STYLE_SHEET)
}

/// The icon.
pub async fn get_icon() -> Response {
    file("image/svg+xml", ICON)
}

/// The filters of a request.
pub fn filter(query: Option<String>) -> Result<ViewFilter, ApiError> {
    let today = time::day(time::now_us());
    ViewFilter::parse(&query.unwrap_or_default(), today).map_err(|error| ApiError::bad_request(error.0))
}

/// Reads what the overview shows, in one scan of the sums. A breakdown that is too large costs no other.
async fn read(
    reader: &QueryReader,
    principal: &Principal,
    filter: &ViewFilter,
) -> Result<OverviewData, ApiError> {
    let breakdowns = Breakdown::all(principal);
    let groupings = std::iter::once(Vec::new()).chain(breakdowns.iter().map(|it| it.dimensions()));
    let mut found = reader.metrics(&filter.metrics(groupings.collect())).await?;
    let total = found.next().transpose()?.and_then(|rows| rows.into_iter().next()).unwrap_or_default();
    let is_empty =
        total.sessions == 0 && reader.sessions(&SessionQuery::default(), 1, None).await?.is_empty();
    let mut data = OverviewData::new(total, is_empty);
    for (breakdown, rows) in breakdowns.into_iter().zip(found) {
        match rows {
            Ok(rows) => data.add(principal, breakdown, filter, &with_logins(reader, rows).await?),
            Err(StoreError::Refused(reason)) => data.add_refused(principal, breakdown, filter, &reason),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(data)
}

async fn read_breakdown(
    reader: &QueryReader,
    filter: &ViewFilter,
    breakdown: Breakdown,
) -> Result<BreakdownRows, StoreError> {
    let found = reader.metrics(&filter.metrics(vec![breakdown.dimensions()])).await?;
    let rows = found.collect::<Result<Vec<_>, _>>()?;
    with_logins(reader, rows.into_iter().flatten().collect()).await
}

/// Adds the logins of the users that the rows name.
async fn with_logins(reader: &QueryReader, rows: Vec<MetricsRow>) -> Result<BreakdownRows, StoreError> {
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| row.group.user_id.clone()).collect();
    let logins = match ids.is_empty() {
        true => HashMap::new(),
        false => reader.logins(ids.into_iter().collect()).await?,
    };
    Ok(BreakdownRows { rows, logins })
}
