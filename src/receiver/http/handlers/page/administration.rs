//! `/members` and `/audit`, for the administrators of organizations.

use super::lists::{CsvDocument, bad_position};
use super::overview::filter;
use super::page_user::PageUser;
use super::reply::{ReplyForm, respond};
use crate::receiver::http::api_error::ApiError;
use crate::receiver::http::response::html::render;
use crate::receiver::http::state::AppState;
use crate::receiver::limits::{PAGE_MAX, PAGE_ROWS};
use crate::receiver::page::{LayoutView, ViewFilter, audit_view, csv, members_view, shown_memberships};
use crate::receiver::store::{AuditPosition, QueryReader};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// The members.
pub async fn get_members(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    user.require_admin()?;
    let filter = filter(query)?;
    let token = user.token();
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        render(&members(&reader, token, &filter).await?)
    })
    .await
}

/// The members as CSV.
pub async fn get_members_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    user.require_admin()?;
    let filter = filter(query)?;
    respond(&state, &user.principal, ReplyForm::Csv("members"), |reader| async move {
        let view = members(&reader, String::new(), &filter).await?;
        Ok(view.tables.first().map(csv).unwrap_or_default())
    })
    .await
}

async fn members(reader: &QueryReader, token: String, filter: &ViewFilter) -> Result<LayoutView, ApiError> {
    let principal = reader.principal();
    let shown = shown_memberships(principal, filter);
    let tenants: Vec<String> = shown.map(|membership| membership.tenant_id.clone()).collect();
    let members = reader.members(&tenants).await?;
    Ok(members_view(principal, token, filter, &members))
}

/// A page of the audit log.
pub async fn get_audit(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    user.require_admin()?;
    let filter = filter(query)?;
    let after =
        filter.after.as_deref().map(|text| parse_position(text).ok_or_else(bad_position)).transpose()?;
    let token = user.token();
    respond(&state, &user.principal, ReplyForm::Html, |reader| async move {
        let mut page = reader.organization_audit(&filter.audit(), PAGE_ROWS + 1, after).await?;
        let has_more = page.len() > PAGE_ROWS;
        page.truncate(PAGE_ROWS);
        let last = page
            .last()
            .filter(|_| has_more)
            .map(|(position, _)| format!("{}.{}", position.at, position.entry));
        let next = last.map(|after| filter.url_after("/audit", Some(&after)));
        let records: Vec<_> = page.into_iter().map(|(_, record)| record).collect();
        render(&audit_view(reader.principal(), token, &filter, &records, next))
    })
    .await
}

/// The audit log as CSV.
pub async fn get_audit_csv(
    State(state): State<Arc<AppState>>,
    user: PageUser,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    user.require_admin()?;
    let filter = filter(query)?;
    let (principal, pages) = (user.principal.clone(), state.clone());
    respond(&state, &user.principal, ReplyForm::Csv("audit"), |_| async move {
        let mut document = CsvDocument::default();
        let mut after = None;
        loop {
            let page =
                pages.reader(principal.clone()).organization_audit(&filter.audit(), PAGE_MAX, after).await?;
            let is_last = page.len() < PAGE_MAX;
            after = page.last().map(|(position, _)| *position);
            let records: Vec<_> = page.into_iter().map(|(_, record)| record).collect();
            let view = audit_view(&principal, String::new(), &filter, &records, None);
            document.add_table(view.tables.first())?;
            if is_last {
                return Ok(document.text);
            }
        }
    })
    .await
}

/// A position in the log, `AT.ENTRY`.
fn parse_position(text: &str) -> Option<AuditPosition> {
    let (at, entry) = text.split_once('.')?;
    Some(AuditPosition { at: at.parse().ok()?, entry: entry.parse().ok()? })
}
