//! Relay's connections, over keyset pagination.
//!
//! Kept by hand: async-graphql's own `Connection` adds `hasPreviousPage` and `startCursor`, which keyset pagination in one
//! direction does not know.

use crate::receiver::graphql::error::bad_request;
use crate::receiver::limits::{PAGE_DEFAULT, PAGE_MAX};
use async_graphql::{OutputType, Result, SimpleObject, TypeName};
use std::borrow::Cow;

#[derive(SimpleObject)]
pub struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Edge<N: OutputType> {
    node: N,
    cursor: String,
}

#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Connection<N: OutputType> {
    edges: Vec<Edge<N>>,
    page_info: PageInfo,
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", <N as OutputType>::type_name()).into()
    }
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", <N as OutputType>::type_name()).into()
    }
}

impl<N: OutputType> Connection<N> {
    /// Builds a page of `first` rows. The store reads one row more, which shows that there is a next page.
    pub fn page<R>(rows: Vec<R>, first: usize, cursor: impl Fn(&R) -> String, node: impl Fn(R) -> N) -> Self {
        let has_next_page = rows.len() > first;
        let edges: Vec<Edge<N>> =
            rows.into_iter().take(first).map(|row| Edge { cursor: cursor(&row), node: node(row) }).collect();
        let end_cursor = edges.last().map(|edge| edge.cursor.clone());
        Connection { edges, page_info: PageInfo { has_next_page, end_cursor } }
    }
}

/// Page size of a connection for the argument `first`.
pub fn page_size(first: Option<i32>) -> Result<usize> {
    page_size_within(first, PAGE_DEFAULT, PAGE_MAX)
}

/// Page size for the argument `first`, with other bounds.
pub fn page_size_within(first: Option<i32>, default: usize, max: usize) -> Result<usize> {
    match first.map(usize::try_from) {
        None => Ok(default),
        Some(Ok(first)) => Ok(first.min(max)),
        Some(Err(_)) => Err(bad_request("first must not be negative")),
    }
}

/// Upper bound of a connection's nodes, for its complexity.
pub fn nodes_max(first: Option<i32>) -> usize {
    page_size(first).unwrap_or(PAGE_MAX).max(1)
}
