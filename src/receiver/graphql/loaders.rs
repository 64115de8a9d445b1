//! Dataloaders: the keys that sibling fields ask for, batched into one statement of the store.

use crate::receiver::limits::RESPONSE_CONTENT_BYTES_MAX;
use crate::receiver::store::{
    MessagePage, MetricsQuery, MetricsRow, QueryReader, Role, SessionKey, StoreError, StoredMessage,
    StoredTask, TaskPage,
};
use async_graphql::dataloader::Loader;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Wait for more keys before a batch is loaded: longer than it takes to resolve all nodes of a page up to the same field.
pub const BATCH_DELAY: Duration = Duration::from_millis(4);

/// Source of all loaders of one request.
pub struct StoreLoader {
    pub reader: QueryReader,
}

/// Key of a login: the user's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginKey(pub String);

/// Key of an organization's members: its tenant id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MembersKey(pub String);

/// Key of a message's content: its session and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentKey(pub SessionKey, pub String);

/// Bytes of content that one response may still hold.
pub struct ContentBudget(AtomicI64);

impl Default for ContentBudget {
    fn default() -> ContentBudget {
        ContentBudget(AtomicI64::new(RESPONSE_CONTENT_BYTES_MAX))
    }
}

impl ContentBudget {
    /// Takes `bytes`; false if fewer are left. The first content is always granted, so that every stored message can be
    /// read.
    pub fn take(&self, bytes: i64) -> bool {
        let left = self.0.fetch_sub(bytes, Ordering::Relaxed);
        left >= bytes || left == RESPONSE_CONTENT_BYTES_MAX
    }
}

/// Values by key. The error is shared by all fields that wait for the batch.
type LoadResult<K, V> = Result<HashMap<K, V>, Arc<StoreError>>;

impl Loader<LoginKey> for StoreLoader {
    type Value = String;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[LoginKey]) -> LoadResult<LoginKey, String> {
        let ids = keys.iter().map(|key| key.0.clone()).collect();
        Ok(self.reader.logins(ids).await?.into_iter().map(|(id, login)| (LoginKey(id), login)).collect())
    }
}

impl Loader<MembersKey> for StoreLoader {
    type Value = Vec<(String, Role)>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[MembersKey]) -> LoadResult<MembersKey, Vec<(String, Role)>> {
        let tenants: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let members = self.reader.members(&tenants).await?;
        Ok(members.into_iter().map(|(tenant, members)| (MembersKey(tenant), members)).collect())
    }
}

impl Loader<TaskPage> for StoreLoader {
    type Value = Vec<StoredTask>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[TaskPage]) -> LoadResult<TaskPage, Vec<StoredTask>> {
        Ok(self.reader.tasks(keys).await?)
    }
}

impl Loader<MetricsQuery> for StoreLoader {
    type Value = Arc<Vec<MetricsRow>>;
    type Error = Arc<StoreError>;

    /// Fields with the same arguments share one scan; those of other arguments follow one another.
    async fn load(&self, keys: &[MetricsQuery]) -> LoadResult<MetricsQuery, Arc<Vec<MetricsRow>>> {
        let mut found = HashMap::new();
        for query in keys {
            let groups = self.reader.metrics(query).await?.collect::<Result<Vec<_>, _>>()?;
            found.insert(query.clone(), Arc::new(groups.into_iter().flatten().collect()));
        }
        Ok(found)
    }
}

impl Loader<MessagePage> for StoreLoader {
    type Value = Vec<StoredMessage>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[MessagePage]) -> LoadResult<MessagePage, Vec<StoredMessage>> {
        Ok(self.reader.messages(keys).await?)
    }
}

impl Loader<ContentKey> for StoreLoader {
    type Value = String;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[ContentKey]) -> LoadResult<ContentKey, String> {
        let messages: Vec<(SessionKey, String)> =
            keys.iter().map(|key| (key.0.clone(), key.1.clone())).collect();
        let contents = self.reader.contents(&messages).await?;
        Ok(contents.into_iter().map(|((session, id), content)| (ContentKey(session, id), content)).collect())
    }
}
