//! `Task`: a stored task.

use crate::receiver::store::StoredTask;
use async_graphql::{ID, SimpleObject};

#[derive(SimpleObject)]
#[graphql(name = "Task")]
pub struct TaskObject {
    id: ID,
    task_id: String,
    subject: String,
    description: Option<String>,
    status: String,
    created_at: String,
    updated_at: String,
}

impl From<StoredTask> for TaskObject {
    fn from(task: StoredTask) -> TaskObject {
        TaskObject {
            id: task.id.clone().into(),
            task_id: task.id,
            subject: task.subject,
            description: task.description,
            status: task.status,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}
