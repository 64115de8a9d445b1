//! `Message`: a stored message. Its content is loaded only where a query asks for it, because content is large.

use crate::receiver::graphql::context::loader;
use crate::receiver::graphql::error::{bad_request, store_error};
use crate::receiver::graphql::loaders::{ContentBudget, ContentKey};
use crate::receiver::store::StoredMessage;
use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};

#[derive(SimpleObject)]
#[graphql(complex, name = "Message")]
pub struct MessageObject {
    #[graphql(skip)]
    content_key: ContentKey,
    #[graphql(skip)]
    content_bytes: Option<i64>,
    id: ID,
    line_number: i64,
    stream: String,
    message_type: String,
    timestamp: String,
    content_hash: String,
    content_omitted: bool,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_tokens: Option<i64>,
    cache_creation_tokens: Option<i64>,
    agent_id: Option<String>,
    parent_id: Option<String>,
    role: Option<String>,
    tool_name: Option<String>,
    model: Option<String>,
    usage_id: Option<String>,
    lines_added: Option<i64>,
    lines_removed: Option<i64>,
    files_changed: Option<i64>,
    git_branch: Option<String>,
    #[graphql(name = "cacheCreation1hTokens")]
    cache_creation_1h_tokens: Option<i64>,
}

impl From<StoredMessage> for MessageObject {
    fn from(stored: StoredMessage) -> MessageObject {
        let message = stored.message;
        MessageObject {
            content_key: ContentKey(stored.session, message.id.clone()),
            content_bytes: stored.content_bytes,
            id: message.id.into(),
            line_number: message.line_number,
            stream: message.stream.unwrap_or_default(),
            message_type: message.message_type,
            timestamp: message.timestamp,
            content_hash: message.content_hash,
            content_omitted: message.content_omitted.unwrap_or_default(),
            input_tokens: message.input_tokens,
            output_tokens: message.output_tokens,
            cache_read_tokens: message.cache_read_tokens,
            cache_creation_tokens: message.cache_creation_tokens,
            agent_id: message.agent_id,
            parent_id: message.parent_id,
            role: message.role,
            tool_name: message.tool_name,
            model: message.model,
            usage_id: message.usage_id,
            lines_added: message.lines_added,
            lines_removed: message.lines_removed,
            files_changed: message.files_changed,
            git_branch: message.git_branch,
            cache_creation_1h_tokens: message.cache_creation_1h_tokens,
        }
    }
}

#[ComplexObject]
impl MessageObject {
    /// Null unless the exporter sends content.
    #[graphql(complexity = 5)]
    async fn content(&self, context: &Context<'_>) -> Result<Option<String>> {
        let Some(bytes) = self.content_bytes else { return Ok(None) };
        if !context.data::<ContentBudget>()?.take(bytes) {
            return Err(bad_request("the content of this response exceeds 16 MiB: ask for fewer messages"));
        }
        loader(context)?.load_one(self.content_key.clone()).await.map_err(store_error)
    }
}
