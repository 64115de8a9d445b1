//! Loaders: what the siblings of one answer ask for, gathered into one question to the store.

use crate::receiver::store::{
    MessagePage, Principal, Role, SessionKey, Store, StoreError, StoredMessage, StoredTask,
};
use async_graphql::dataloader::Loader;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Bytes of content in one answer: it is held in memory until it is sent.
const CONTENT_BYTES_MAX: i64 = 16 << 20;

/// How long a loader waits for siblings: longer than it takes to reach all of a page's.
pub const GATHERING: Duration = Duration::from_millis(4);

pub struct Loads {
    pub store: Arc<Store>,
    pub principal: Arc<Principal>,
}

/// A user's login, by the user's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginOf(pub String);

/// The members of an organization, by its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MembersOf(pub String);

/// A session's tasks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TasksOf(pub SessionKey);

/// A message's content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentOf(pub SessionKey, pub String);

/// How much content an answer may still take.
pub struct Budget(AtomicI64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(AtomicI64::new(CONTENT_BYTES_MAX))
    }
}

impl Budget {
    /// False when there is not so much left. The first is given whatever its size: what is stored can be read.
    pub fn take(&self, bytes: i64) -> bool {
        let left = self.0.fetch_sub(bytes, Ordering::Relaxed);
        left >= bytes || left == CONTENT_BYTES_MAX
    }
}

type Loaded<K, V> = Result<HashMap<K, V>, Arc<StoreError>>;

impl Loader<LoginOf> for Loads {
    type Value = String;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[LoginOf]) -> Loaded<LoginOf, String> {
        let ids = keys.iter().map(|key| key.0.clone()).collect();
        Ok(self.store.logins(ids).await?.into_iter().map(|(id, login)| (LoginOf(id), login)).collect())
    }
}

impl Loader<MembersOf> for Loads {
    type Value = Vec<(String, Role)>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[MembersOf]) -> Loaded<MembersOf, Vec<(String, Role)>> {
        let tenants: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let members = self.store.members_for(&self.principal, &tenants).await?;
        Ok(members.into_iter().map(|(tenant, members)| (MembersOf(tenant), members)).collect())
    }
}

impl Loader<TasksOf> for Loads {
    type Value = Vec<StoredTask>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[TasksOf]) -> Loaded<TasksOf, Vec<StoredTask>> {
        let sessions: Vec<SessionKey> = keys.iter().map(|key| key.0.clone()).collect();
        let tasks = self.store.tasks(&self.principal, &sessions).await?;
        Ok(tasks.into_iter().map(|(session, tasks)| (TasksOf(session), tasks)).collect())
    }
}

impl Loader<MessagePage> for Loads {
    type Value = Vec<StoredMessage>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[MessagePage]) -> Loaded<MessagePage, Vec<StoredMessage>> {
        Ok(self.store.messages(&self.principal, keys).await?)
    }
}

impl Loader<ContentOf> for Loads {
    type Value = String;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[ContentOf]) -> Loaded<ContentOf, String> {
        let messages: Vec<(SessionKey, String)> =
            keys.iter().map(|key| (key.0.clone(), key.1.clone())).collect();
        let contents = self.store.contents(&self.principal, &messages).await?;
        Ok(contents.into_iter().map(|((session, id), content)| (ContentOf(session, id), content)).collect())
    }
}
