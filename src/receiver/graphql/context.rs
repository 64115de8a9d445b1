//! Context of one request: the user whose data is resolved, and the store.

use super::error::store_error;
use super::loaders::{BATCH_DELAY, ContentBudget, LoginKey, StoreLoader};
use crate::receiver::store::{Principal, QueryReader};
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, Request, Result};

/// The user of the request's key.
pub struct Viewer(QueryReader);

impl Viewer {
    /// The user.
    pub fn principal(&self) -> &Principal {
        self.0.principal()
    }

    /// The store, as far as the user may read it.
    pub fn reader(&self) -> &QueryReader {
        &self.0
    }
}

/// Attaches the reader of the user's data and new dataloaders to a request.
pub fn attach(request: Request, reader: QueryReader) -> Request {
    let loader = StoreLoader { reader: reader.clone() };
    request
        .data(Viewer(reader))
        .data(ContentBudget::default())
        .data(DataLoader::new(loader, tokio::spawn).delay(BATCH_DELAY))
}

/// Returns the user of the request.
pub fn viewer<'a>(context: &Context<'a>) -> Result<&'a Viewer> {
    context.data::<Viewer>()
}

/// Returns the dataloaders of the request.
pub fn loader<'a>(context: &Context<'a>) -> Result<&'a DataLoader<StoreLoader>> {
    context.data::<DataLoader<StoreLoader>>()
}

/// Loads the login of a user.
pub async fn login(context: &Context<'_>, user_id: &str) -> Result<Option<String>> {
    let principal = viewer(context)?.principal();
    if user_id == principal.user_id {
        return Ok(Some(principal.login.clone()));
    }
    loader(context)?.load_one(LoginKey(user_id.to_owned())).await.map_err(store_error)
}
